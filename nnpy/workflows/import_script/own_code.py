"""The script's own classes and functions that a config needs: taken out, and known by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras

from nnpy.catalog import catalog
from nnpy.catalog.catalog import Catalog
from nnpy.config.checker import Checker
from nnpy.config.user_code import CodeFile, OwnCatalog
from nnpy.errors import ModelError
from nnpy.models.to_config.values import function
from nnpy.workflows.import_script.script import NotExtractable, Script


class OwnCode:
    """What one config takes of its script; `variables` are the script's global ones."""

    def __init__(self, script: Script, variables: Mapping[str, Any]) -> None:
        self._script = script
        self._variables = variables
        self._names: set[str] = set()

    def defines(self, name: Any) -> bool:
        """Whether the script has a class or function of that name at its top."""
        return isinstance(name, str) and name in self._script.definitions

    def take(self, names: Iterable[str]) -> None:
        """Takes the definitions along. Raises ModelError for one that cannot be taken out."""
        for name in names:
            if name in self._names:
                continue
            try:
                self._script.extract([name], self._variables)
            except NotExtractable as error:
                raise ModelError(
                    f"the script's own {name} cannot be taken out of it: {error}; move it into a "
                    "Python file of its own, and name that in code:"
                ) from error
            self._names.add(name)

    def text(self) -> str | None:
        """The Python file with all that was taken; None without any."""
        if not self._names:
            return None
        return self._script.extract(self._names, self._variables)

    def catalog(self) -> Catalog | None:
        """Keras's catalog with what was taken."""
        text = self.text()
        if text is None:
            return None
        known = catalog.load()
        file = CodeFile(self._script.path, self._script.path.name, text)
        return OwnCatalog(known, [file], Checker(known))

    def names_in(self, value: Any) -> Iterator[str]:
        """The names in a serialized object of what the script defines."""
        if isinstance(value, Mapping):
            # One that is registered goes by `package>name`.
            name = function(value) if value.get("class_name") == "function" else None
            for each in (name, value.get("class_name")):
                if self.defines(each) and not _is_of_keras(value):
                    yield str(each)
            value = list(value.values())
        if isinstance(value, list | tuple):
            for each in value:
                yield from self.names_in(each)


def _is_of_keras(value: Mapping[str, Any]) -> bool:
    module = str(value.get("module") or "")
    return module.partition(".")[0] == "keras" and hasattr(keras.layers, str(value["class_name"]))
