"""The user's own Python files, run, and what they define."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
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
        found.update(_run(file))
    return found


def find(file: str, name: str) -> Any:
    """What the file of that name, already run, defines."""
    return _loaded[file, name]


_loaded: dict[tuple[str, str], Any] = {}


@cache
def _run(file: CodeFile) -> dict[str, Any]:
    import sys
    import types

    import keras

    module = types.ModuleType(f"nnpy_code_{file.package}")
    module.__file__ = str(file.path)
    sys.modules[module.__name__] = module  # where a dataclass looks for the names of its fields
    try:
        exec(compile(file.text, str(file.path), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        raise ConfigError([_failure(error, file)]) from error
    found: dict[str, Any] = {}
    for name, each in vars(module).items():
        if getattr(each, "__module__", None) != module.__name__ or name.startswith("__"):
            continue
        if isinstance(each, type | types.FunctionType):
            if not (isinstance(each, type) and not hasattr(each, "get_config")) and (
                keras.saving.get_registered_object(f"{file.package}>{name}") is not each
                and (keras.saving.get_registered_name(each) == name)
            ):
                keras.saving.register_keras_serializable(file.package, name)(each)
            _loaded[file.name, name] = each
            found[name] = found[keras.saving.get_registered_name(each)] = each
    return found


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
