"""The user's own Python files (`code:`): what they define, found without running them.

    code: my_layers.py

Their classes and functions go by their names like Keras's own. `ast` reads which there are
and what they take; the file itself is run only when a model is built (`objects`), from the
text that was checked. Nothing but a file that the config names is ever imported.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from nnpy.catalog.catalog import Catalog
from nnpy.catalog.entries import SEVERAL, Entry, Parameter
from nnpy.catalog.kinds import ARGUMENT_KINDS
from nnpy.catalog.naming import snake_case
from nnpy.config.checker import Checker
from nnpy.config.wording import show
from nnpy.config.yaml.nodes import Node
from nnpy.errors import Problem
from nnpy.storage.regular import TooLarge, read_regular

# base class → the kind of what derives from it
_BASES = {
    "Layer": "layer",
    "Wrapper": "layer",
    "Model": "layer",
    "Loss": "loss",
    "Metric": "metric",
    "Optimizer": "optimizer",
    "LearningRateSchedule": "schedule",
    "Initializer": "initializer",
    "RandomInitializer": "initializer",
    "Regularizer": "regularizer",
    "Constraint": "constraint",
    "Callback": "callback",
}
# What `**kwargs` of a constructor stands for where the base is Keras's abstract one.
_INHERITED = {"layer": "Dropout", "loss": "Poisson", "metric": "Mean"}
_FUNCTION_KINDS = (
    *("function", "activation", "loss", "metric", "initializer", "regularizer", "constraint"),
)
_MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class CodeFile:
    """A Python file as it was read: `name` is the file's, `text` its content.

    `said_in` is the config file that names it, "" where none does.
    """

    path: Path
    name: str
    text: str = field(repr=False)
    said_in: str = field(default="", compare=False)

    @property
    def key(self) -> str:
        """Tells it from every other file, and from itself before it was changed."""
        content = f"{self.path}\0{self.text}".encode()
        return f"{self.name}@{hashlib.sha256(content).hexdigest()[:16]}"

    @property
    def package(self) -> str:
        """Under which its objects are registered with Keras."""
        return self.name.removesuffix(".py")


def read(node: Node | None, checker: Checker) -> tuple[CodeFile, ...]:
    """The files that `code:` names, each relative to the config that names it."""
    if node is None or node.value is None:
        return ()
    files: dict[str, CodeFile] = {}
    for index, each in enumerate(node.value if node.is_list else [node]):
        path = f"code[{index}]" if node.is_list else "code"
        if not isinstance(each.value, str):
            checker.error(each, path, f"expected the name of a Python file, got {show(each)}")
            continue
        file = _read_file(each, path, checker)
        if file is None:
            continue
        if file.name in files:
            checker.error(each, path, f"another file is also named '{file.name}'")
        files[file.name] = file
    return tuple(files.values())


def _read_file(node: Node, path: str, checker: Checker) -> CodeFile | None:
    folder = Path(node.mark.file).parent if node.mark and node.mark.file != "--set" else Path()
    place = folder / node.value
    if not re.fullmatch(r"[A-Za-z_]\w*\.py", place.name):
        checker.error(node, path, f"expected a file such as my_layers.py, got {show(node)}")
        return None
    try:
        data = read_regular(place, _MAX_BYTES)
    except TooLarge:
        checker.error(node, path, f"{place} is larger than {_MAX_BYTES:,} bytes")
        return None
    except OSError as error:
        checker.error(node, path, f"{place}: {(error.strerror or str(error)).lower()}")
        return None
    try:
        said_in = node.mark.file if node.mark else ""
        return CodeFile(place, place.name, data.decode("utf-8-sig"), said_in)
    except UnicodeDecodeError:
        checker.error(node, path, f"{place} is not UTF-8 text")
        return None


class OwnCatalog(Catalog):
    """Keras's catalog and, before it, what the user's files define."""

    def __init__(self, keras: Catalog, files: Iterable[CodeFile], checker: Checker) -> None:
        self.keras_version, self.dtypes, self.note = keras.keras_version, keras.dtypes, keras.note
        self._keras = keras
        self._own: dict[str, dict[str, Entry]] = {}
        for file in files:
            self._add(file, checker)

    def find(self, kind: str, name: str) -> Entry | None:
        return self._own.get(kind, {}).get(name) or self._keras.find(kind, name)

    def names(self, kind: str) -> tuple[str, ...]:
        return (*self._own.get(kind, {}), *self._keras.names(kind))

    def suggestions(self, kind: str) -> tuple[str, ...]:
        return (*self._own.get(kind, {}), *self._keras.suggestions(kind))

    def _add(self, file: CodeFile, checker: Checker) -> None:
        try:
            tree = ast.parse(file.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line, column = getattr(error, "lineno", None) or 0, getattr(error, "offset", None) or 1
            lines = file.text.splitlines()
            text = lines[line - 1] if 0 < line <= len(lines) else ""
            message = f"not valid Python: {getattr(error, 'msg', None) or error}"
            problem = Problem(message, "", str(file.path), line, max(1, column), source=text)
            checker.problems.append(problem)
            for name in re.findall(r"^(?:class|def)\s+(\w+)", file.text, re.MULTILINE):
                self._add_unknown(name, file)  # what is used of it is no mistake of its own
            return
        classes = {each.name: each for each in tree.body if isinstance(each, ast.ClassDef)}
        for each in tree.body:
            if isinstance(each, ast.ClassDef):
                self._add_class(each, classes, file)
            elif isinstance(each, ast.FunctionDef):
                self._add_function(each.name, _doc(each), file)
            elif isinstance(each, ast.Assign) and isinstance(each.value, ast.Lambda):
                for target in each.targets:
                    if isinstance(target, ast.Name):
                        self._add_function(target.id, "", file)

    def _add_unknown(self, name: str, file: CodeFile) -> None:
        for kind in (*ARGUMENT_KINDS, "function"):
            entry = Entry(kind, name, code=file.key, open_ended=True, logs_as="")
            self._own.setdefault(kind, {})[name] = entry

    def _add_function(self, name: str, doc: str, file: CodeFile) -> None:
        for kind in _FUNCTION_KINDS:
            entry = Entry(kind, name, code=file.key, doc=doc, is_function=True)
            self._own.setdefault(kind, {})[name] = entry

    def _add_class(
        self, own: ast.ClassDef, classes: dict[str, ast.ClassDef], file: CodeFile
    ) -> None:
        bases, base = _ancestry(own, classes)
        keras_base = self._keras.find("layer", base) if base else None
        kind = _BASES.get(base or "", "layer" if keras_base else None)
        for each in () if kind else ARGUMENT_KINDS:
            if base and self._keras.find(each, base):
                kind = each
        init, call = _method(bases, "__init__"), _method(bases, "call")
        inherited = self._keras.find(kind, base) if kind and base else None
        if inherited is None and kind in _INHERITED:
            typical = self._keras.find(kind, _INHERITED[kind])
            common = ("name", "dtype", "trainable", "autocast", "activity_regularizer", "reduction")
            parameters = (
                [each for each in typical.parameters if each.name in common] if typical else []
            )
            if base == "Wrapper":
                parameters.insert(0, Parameter("layer", required=True, types=("layer",)))
        else:
            parameters = list(inherited.parameters) if inherited else []
        if init is not None:
            named, rest = _signature(init)
            names = {each.name for each in named} | _given_above(init, parameters)
            # Without **kwargs it takes what it names; what nobody knows it may take as well.
            parameters = [
                *named,
                *([each for each in parameters if each.name not in names] if rest else []),
            ]
            open_ended = rest and kind is None
        else:
            open_ended = kind is None
        calls = _signature(call)[0] if call else (inherited.call if inherited else ())
        entry = Entry(
            kind or "layer",
            own.name,
            parameters=tuple(parameters),
            call=tuple(replace(each, types=("any",)) for each in calls),
            doc=_doc(own),
            code=file.key,
            open_ended=open_ended,
            direction=_own_direction(bases) or (inherited.direction if inherited else ""),
            base=base or "",
            logs_as=_logs_as(bases, inherited) if kind == "metric" else None,
        )
        # What is made of a class that nothing is known of may be called as a function too.
        for each in (kind,) if kind else (*ARGUMENT_KINDS, "function"):
            self._own.setdefault(each, {})[own.name] = replace(entry, kind=each)


def _ancestry(
    own: ast.ClassDef, classes: dict[str, ast.ClassDef]
) -> tuple[list[ast.ClassDef], str | None]:
    """The class and its ancestors in the file, and the name of the first outside it."""
    chain = [own]
    while True:
        bases = [
            each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "")
            for each in chain[-1].bases
        ]
        inside = next((each for each in bases if each in classes), None)
        if inside is None or classes[inside] in chain:
            return chain, bases[0] if bases else None
        chain.append(classes[inside])


def _method(chain: Sequence[ast.ClassDef], name: str) -> ast.FunctionDef | None:
    for each in chain:
        for item in each.body:
            if isinstance(item, ast.FunctionDef) and item.name == name:
                return item
    return None


def _logs_as(chain: Sequence[ast.ClassDef], inherited: Entry | None) -> str | None:
    """The name that a metric of the user's own goes by in the logs, as `Entry.logs_as` has it."""
    result = _method(chain, "result")
    if result and any(
        isinstance(each, ast.Return) and isinstance(each.value, ast.Dict)
        for each in ast.walk(result)
    ):
        return SEVERAL
    for each in chain:
        init = _method([each], "__init__")
        if init is None:
            continue
        named, _ = _signature(init)
        own = next((parameter for parameter in named if parameter.name == "name"), None)
        if own is not None:
            return own.default if isinstance(own.default, str) else snake_case(chain[0].name)
        call = _super_init(init)
        if call is None:
            return ""
        given = next((keyword.value for keyword in call.keywords if keyword.arg == "name"), None)
        if given is not None:
            return str(given.value or "") if isinstance(given, ast.Constant) else ""
    parameter = inherited.parameter("name") if inherited else None
    default = parameter.default if parameter else None
    return default if isinstance(default, str) else snake_case(chain[0].name)


def _super_init(init: ast.FunctionDef) -> ast.Call | None:
    """The call of the constructor above, in a constructor."""
    for each in ast.walk(init):
        if (
            isinstance(each, ast.Call)
            and isinstance(each.func, ast.Attribute)
            and each.func.attr == "__init__"
        ):
            return each
    return None


def _given_above(init: ast.FunctionDef, parameters: Sequence[Parameter]) -> set[str]:
    """What a constructor itself tells the one above, whose `parameters` these are."""
    call = _super_init(init)
    if call is None:
        return set()
    known = list(takewhile(lambda each: not isinstance(each, ast.Starred), call.args))
    by_place = zip(parameters, known, strict=False)
    return {each.name for each, _ in by_place} | {each.arg for each in call.keywords if each.arg}


def _own_direction(chain: Sequence[ast.ClassDef]) -> str:
    """What a metric of the user's own tells Keras of its better way: `self._direction = "up"`."""
    for each in (node for own in chain for node in ast.walk(own)):
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant):
            names = [target.attr for target in each.targets if isinstance(target, ast.Attribute)]
            if "_direction" in names:
                return {"up": "max", "down": "min"}.get(str(each.value.value), "")
    return ""


def _signature(function: ast.FunctionDef) -> tuple[list[Parameter], bool]:
    """The parameters after `self`, and whether there is `**kwargs`."""
    arguments = function.args
    places = [*arguments.posonlyargs, *arguments.args]
    missing: list[ast.expr | None] = [None] * (len(places) - len(arguments.defaults))
    defaults = [*missing, *arguments.defaults]
    pairs = [*zip(places, defaults, strict=True)][1:]
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    parameters = [
        Parameter(each.arg, required=default is None, default=_literal(default))
        for each, default in pairs
    ]
    return parameters, arguments.kwarg is not None


def _literal(node: ast.expr | None) -> Any:
    return node.value if isinstance(node, ast.Constant) else None


def _doc(node: ast.ClassDef | ast.FunctionDef) -> str:
    return (ast.get_docstring(node) or "").split("\n", 1)[0]


# -- running the files --------------------------------------------------------------------
