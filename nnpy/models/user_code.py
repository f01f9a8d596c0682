"""The user's own Python files, run, and what they define."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nnpy.config.config import Config
from nnpy.config.user_code import CodeFile
from nnpy.errors import ConfigError, Problem
from nnpy.safety import named_files


def objects(files: Iterable[CodeFile]) -> dict[str, Any]:
    """Runs the files; class or function → itself, registered with Keras under the file's name.

    Imports Keras. Raises ConfigError with the line at which a file fails.
    """
    found: dict[str, Any] = {}
    for file in files:
        found.update(_register(file))
    return found


def find(key: str, name: str) -> Any:
    """What the file of that key (`CodeFile.key`) calls `name`; KeyError before it was run."""
    return _namespaces[key][name]


_namespaces: dict[str, dict[str, Any]] = {}


def _register(file: CodeFile) -> dict[str, Any]:
    """What a file defines, known to Keras by its name.

    Another file of that name may have been registered since: what this config names comes last.
    """
    import types

    import keras

    found: dict[str, Any] = {}
    namespace = _run(file)
    for name, each in namespace.items():
        if getattr(each, "__module__", None) != namespace["__name__"] or name.startswith("__"):
            continue
        if not isinstance(each, type | types.FunctionType):
            continue
        own = f"{file.package}>{name}"
        # Keras registers what it can write and make again: a callback, a dataclass or an Enum
        # is none of that, nor does a model hold it.
        serializable = not isinstance(each, type) or hasattr(each, "get_config")
        if serializable and keras.saving.get_registered_name(each) in (name, own):
            keras.saving.register_keras_serializable(file.package, name)(each)
        found[name] = found[keras.saving.get_registered_name(each)] = each
    return found


def _run(file: CodeFile) -> dict[str, Any]:
    """The names that a file defines; it is run once."""
    import sys
    import types

    if file.key in _namespaces:
        return _namespaces[file.key]
    module = types.ModuleType(f"nnpy_code_{file.package}")
    module.__file__ = str(file.path)
    sys.modules[module.__name__] = module  # where a dataclass looks for the names of its fields
    try:
        exec(compile(file.text, str(file.path), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        raise ConfigError([_failure(error, file)]) from error
    return _namespaces.setdefault(file.key, vars(module))


def _failure(error: BaseException, file: CodeFile) -> Problem:
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(file.path):
            line = trace.tb_lineno
        trace = trace.tb_next
    lines = file.text.splitlines()
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    column = len(text) - len(text.lstrip()) + 1
    message = f"{type(error).__name__}: {error}"
    return Problem(message, "", str(file.path), line, column, len(text.strip()) or 1, source=text)


def own_objects(config: Config) -> dict[str, Any]:
    """What the config's own Python files define, by name, registered with Keras.

    Runs the files; those of a run only when it was made here, or is trusted. Raises
    ConfigError at the line that fails, UsageError for what the config may not name.
    """
    named_files.check(config)
    return objects(config.code)
