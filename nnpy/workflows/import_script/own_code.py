"""The user's own classes and functions that a config needs: taken out, and known by name.

They stand in the script, or in other files of the user's that it imports.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import keras

from nnpy.catalog import catalog
from nnpy.catalog.catalog import Catalog
from nnpy.config.checker import Checker
from nnpy.config.user_code import CodeFile, OwnCatalog
from nnpy.errors import ModelError, UsageError
from nnpy.models.to_config.values import function
from nnpy.workflows.import_script.script import NotExtractable, Piece, Script, joined

_MAIN = "__main__"
_INSTALLED = ("site-packages", "dist-packages")

Own = tuple[str, str]  # the module and the name of what a user's file defines


class OwnCode:
    """What one config takes of its script; `variables` are the script's global ones."""

    def __init__(self, script: Script, variables: Mapping[str, Any]) -> None:
        self._script = script
        self._variables = variables
        self._taken: set[Own] = set()
        self._scripts: dict[str, Script | None] = {_MAIN: script}

    # -- what there is ---------------------------------------------------------------------

    def find(self, thing: Any) -> Own | None:
        """Where the user's files define a class or function at their top; None if they do not."""
        name, module = getattr(thing, "__name__", None), getattr(thing, "__module__", None)
        return self._find(name, module) if isinstance(module, str) else None

    def _find(self, name: Any, module: str) -> Own | None:
        script = self._of_module(module)
        known = script is not None and isinstance(name, str) and name in script.definitions
        return (module, name) if known else None

    def _find_function(self, name: str) -> Own | None:
        """Keras does not write down where a function comes from."""
        own = self._find(name, _MAIN) or self.find(self._variables.get(name))
        modules = () if own else [*sys.modules]
        return own or next((each for one in modules if (each := self._find(name, one))), None)

    def _of_module(self, name: str) -> Script | None:
        """The text of a module of the user's: one in a folder of the script, or the working one."""
        if name not in self._scripts:
            self._scripts[name] = None
            file = getattr(sys.modules.get(name), "__file__", None)
            if file and self._is_of_the_user(Path(file)):
                try:
                    self._scripts[name] = Script.read(file)
                except UsageError:  # it is no Python text
                    return None
        return self._scripts[name]

    def _is_of_the_user(self, file: Path) -> bool:
        place = file.resolve()
        roots = (self._script.path.resolve().parent, Path.cwd())
        inside = next((place.relative_to(each) for each in roots if each in place.parents), None)
        folders = (Path(sys.prefix).resolve(), Path(__file__).resolve().parents[2])
        return (
            inside is not None
            and place.suffix == ".py"
            and not {*inside.parts} & {*_INSTALLED}
            and not any(each in place.parents for each in folders)
        )

    def _values(self, module: str) -> Mapping[str, Any]:
        return self._variables if module == _MAIN else vars(sys.modules[module])

    # -- what is taken ---------------------------------------------------------------------

    def take(self, names: Iterable[Own]) -> None:
        """Takes the definitions along. Raises ModelError for one that cannot be taken out."""
        for own in names:
            if own in self._taken:
                continue
            try:
                self._text({*self._taken, own})
            except NotExtractable as error:
                raise ModelError(
                    f"the script's own {own[1]} cannot be taken out of it: {error}; move it into a "
                    "Python file of its own, and name that in code:"
                ) from error
            self._taken.add(own)

    def text(self) -> str | None:
        """The Python file with all that was taken; None without any."""
        return self._text(self._taken) if self._taken else None

    def _text(self, taken: Iterable[Own]) -> str:
        wanted: dict[str, set[str]] = {}
        for module, name in taken:
            wanted.setdefault(module, set()).add(name)
        pieces: dict[str, Piece] = {}
        size = -1
        while size != (size := sum(map(len, wanted.values()))):  # each may need more of others
            needs: dict[str, list[str]] = {each: [] for each in wanted}
            for module in list(wanted):
                pieces[module] = self._piece(module, wanted, needs[module])
        return joined(self._script.path.name, [pieces[each] for each in _in_order(needs)])

    def _piece(self, module: str, wanted: dict[str, set[str]], needs: list[str]) -> Piece:
        def elsewhere(name: str, statement: ast.stmt | None, value: Any) -> str | None:
            found = self._imported(module, name, statement, value)
            if found is None:
                return None
            there, original = found
            wanted.setdefault(there, set()).add(original)
            needs.append(there)
            return "" if original == name else f"{name} = {original}"

        script = self._of_module(module)
        assert script is not None  # it was found there
        return script.piece(wanted[module], self._values(module), elsewhere)

    def _imported(
        self, module: str, name: str, statement: ast.stmt | None, value: Any
    ) -> Own | None:
        """Where a name that a file imports comes from, if it is another file of the user's."""
        if isinstance(value, ModuleType):
            if self._of_module(value.__name__) is not None:
                raise NotExtractable(f"it uses the whole of the module {value.__name__}")
            return None
        if isinstance(statement, ast.ImportFrom):
            package = getattr(sys.modules.get(module), "__package__", None) or ""
            dotted = "." * statement.level + (statement.module or "")
            there = importlib.util.resolve_name(dotted, package)
            said = next(each for each in statement.names if (each.asname or each.name) == name)
            return (there, said.name) if self._of_module(there) is not None else None
        # `from blocks import *`
        return self.find(value) if statement is None and callable(value) else None

    def catalog(self) -> Catalog | None:
        """Keras's catalog with what was taken."""
        text = self.text()
        if text is None:
            return None
        known = catalog.load()
        file = CodeFile(self._script.path, self._script.path.name, text)
        return OwnCatalog(known, [file], Checker(known))

    def names_in(self, value: Any) -> Iterator[Own]:
        """The names in a serialized object of what the user's files define."""
        if isinstance(value, Mapping):
            own = None
            if value.get("class_name") == "function":
                own = self._find_function(function(value))  # registered ones: `package>name`
            elif "class_name" in value and not _is_of_keras(value):
                name = value["class_name"]
                own = self._find(name, str(value.get("module"))) or self._find(name, _MAIN)
            if own is not None:
                yield own
            value = list(value.values())
        if isinstance(value, list | tuple):
            for each in value:
                yield from self.names_in(each)


def _in_order(needs: Mapping[str, list[str]]) -> list[str]:
    """The modules, each after those that it needs."""
    found: list[str] = []
    seen: set[str] = set()

    def visit(module: str) -> None:
        if module not in seen:
            seen.add(module)
            for each in needs.get(module, []):
                visit(each)
            found.append(module)

    for each in needs:
        visit(each)
    return found


def _is_of_keras(value: Mapping[str, Any]) -> bool:
    module = str(value.get("module") or "")
    return module.partition(".")[0] == "keras" and hasattr(keras.layers, str(value["class_name"]))
