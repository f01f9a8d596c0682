"""The text of a user's script, and the definitions that can be taken out of it.

A config names own layers, losses and callbacks by `code:`, a Python file that is run whenever
the model is built. The script itself is no such file: it trains. So the definitions that the
model needs are cut out of it, with the imports and constants that they need in turn.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nnpy.errors import UsageError
from nnpy.storage.regular import read_text
from nnpy.workflows.import_script.jupyter import of_notebook

_LIMIT = 64 << 20  # bytes; a notebook holds its pictures
_PLAIN = (bool, int, float, str, bytes, type(None))


class NotExtractable(Exception):
    """A definition that cannot stand in a file of its own; the message says why."""


# Takes a name, the statement that gives it its meaning (None: there is none) and its value.
# Answers None for what is no name of the user's other files, otherwise a statement or "".
Elsewhere = Callable[[str, "ast.stmt | None", Any], "str | None"]


@dataclass
class Piece:
    """Statements that were cut out of a script: imports, constants by name, definitions."""

    imports: list[str]
    constants: dict[str, str]
    definitions: list[str]


def joined(name: str, pieces: Iterable[Piece]) -> str:
    """A Python file of pieces, each after those that it needs; `name` is the script's.

    Raises NotExtractable where two of them say different things of one name.
    """
    imports: dict[str, None] = {}
    constants: dict[str, str] = {}
    definitions: dict[str, None] = {}
    for piece in pieces:
        imports |= dict.fromkeys(piece.imports)
        for key, text in piece.constants.items():
            if constants.setdefault(key, text) != text:
                raise NotExtractable(f"two files have a '{key}' of their own")
        definitions |= dict.fromkeys(piece.definitions)
    parts = [f'"""Taken from {name} by nnpy import."""']
    if imports:
        parts.append("\n".join(sorted(imports, key=lambda each: "__future__" not in each)))
    if constants:
        parts.append("\n".join(f"{key} = {text}" for key, text in sorted(constants.items())))
    return "\n\n\n".join(["\n\n".join(parts), *definitions]) + "\n"


@dataclass(frozen=True)
class Script:
    """A script as it was read: `text` is Python, whatever the file was."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: str | Path) -> Script:
        """A `.py` file or a notebook. Raises UsageError for what cannot be read as Python."""
        place = Path(path)
        try:
            text = read_text(place, _LIMIT).removeprefix("\ufeff")
            script = cls(place, of_notebook(text) if place.suffix == ".ipynb" else text)
            ast.parse(script.text)
        except OSError as error:
            raise UsageError(f"{place}: {(error.strerror or str(error)).lower()}") from None
        except SyntaxError as error:
            raise UsageError(f"{place}:{error.lineno or 1}: not Python: {error.msg}") from None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UsageError(f"{place} cannot be read: {error}") from None
        return script

    @cached_property
    def tree(self) -> ast.Module:
        """The script as Python reads it."""
        return ast.parse(self.text)

    @property
    def _statements(self) -> list[ast.stmt]:
        return self.tree.body

    @cached_property
    def definitions(self) -> dict[str, ast.stmt]:
        """Classes and functions at the top of the script, by name; the last of a name counts."""
        kinds = (ast.ClassDef, ast.FunctionDef)
        return {each.name: each for each in self._statements if isinstance(each, kinds)}

    def extract(self, names: Iterable[str], values: Mapping[str, Any]) -> str:
        """A Python file with these definitions and all that they need; see `piece`."""
        return joined(self.path.name, [self.piece(names, values)])

    def piece(
        self, names: Iterable[str], values: Mapping[str, Any], elsewhere: Elsewhere | None = None
    ) -> Piece:
        """These definitions and all that they need of this script.

        `values` are the script's global variables as they are now: a constant that the script
        computed is written down as its value. What `elsewhere` takes care of is left out: names
        of the user's other files. Raises NotExtractable with the reason.
        """
        wanted: dict[int, ast.stmt] = {}
        constants: dict[str, str] = {}
        others: list[str] = []
        stack, done = list(names), set()
        while stack:
            name = stack.pop()
            if name in done:
                continue
            done.add(name)
            statement = self._binding(name)
            if elsewhere is not None and (statement is None or _imports(statement)):
                other = elsewhere(name, statement, values.get(name))
                if other is not None:
                    others += [other] if other else []
                    continue
            if statement is None:
                if name in values and not hasattr(builtins, name):
                    constants[name] = _literal(name, values[name])
                continue
            binds = isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For)
            if binds and (_is_plain(values.get(name)) or not _makes_no_work(statement)):
                constants[name] = _literal(name, values.get(name))
                continue
            wanted[statement.lineno] = statement
            if not isinstance(statement, ast.Import | ast.ImportFrom):
                stack += _names_used(self._source(statement))
        return self._piece(list(wanted.values()), constants, others)

    def _binding(self, name: str) -> ast.stmt | None:
        """The statement at the top that gives the name its last meaning."""
        if name in self.definitions:
            return self.definitions[name]
        found = None
        for each in self._statements:
            if isinstance(each, ast.If) and _is_main_guard(each):
                continue
            if name in _bound_by(each):
                found = each
        if isinstance(found, ast.If | ast.Try | ast.With):
            inside = [each for each in ast.walk(found) if name in _imports(each)]
            return found if inside else ast.Assign(targets=[], value=ast.Constant(None))
        return found

    def _piece(
        self, statements: list[ast.stmt], constants: dict[str, str], others: list[str]
    ) -> Piece:
        statements.sort(key=lambda each: each.lineno)
        imports = [each for each in statements if not isinstance(each, _DEFINES)]
        future = [each for each in imports if getattr(each, "module", "") == "__future__"]
        future = future or [each for each in self._statements if _is_future(each)]
        imports = [*future, *(each for each in imports if each not in future)]
        definitions = [self._source(each) for each in statements if isinstance(each, _DEFINES)]
        return Piece(
            [self._source(each) for each in imports], constants, [*sorted(others), *definitions]
        )

    def _source(self, statement: ast.stmt) -> str:
        lines = self.text.splitlines()
        decorators = getattr(statement, "decorator_list", [])
        first = min([statement.lineno, *(each.lineno for each in decorators)])
        return "\n".join(lines[first - 1 : statement.end_lineno])


_DEFINES = (ast.ClassDef, ast.FunctionDef, ast.Assign)


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _is_main_guard(statement: ast.If) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "__name__" for each in ast.walk(statement))


def _bound_by(statement: ast.stmt) -> set[str]:
    """The names that a statement gives a value."""
    found = set()
    for each in _without_inner_scopes(statement):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            found.add(each.id)
        found |= _imports(each)
    return found


def _imports(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {each.asname or each.name.partition(".")[0] for each in node.names}
    return set()


def _without_inner_scopes(statement: ast.stmt) -> Iterator[ast.AST]:
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        yield node
        inner = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.AsyncFunctionDef)
        stack += [each for each in ast.iter_child_nodes(node) if not isinstance(each, inner)]


def _makes_no_work(statement: ast.stmt) -> bool:
    """Whether a statement only names something anew: `Conv = partial(Conv2D, padding="same")`.

    It may be run again wherever the model is built: it calls nothing but `partial`, and classes of
    Keras by their full names.
    """
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return False
    if not isinstance(statement.targets[0], ast.Name):
        return False
    if isinstance(statement.value, ast.Lambda):
        return True
    inner = list(ast.walk(statement.value))
    calls = [each.func for each in inner if isinstance(each, ast.Call)]
    plain = (ast.Name, ast.Attribute, ast.Constant, ast.Call, ast.keyword, ast.expr_context)
    lists = (ast.List, ast.Tuple, ast.Dict, ast.UnaryOp, ast.unaryop)
    return all(isinstance(each, (*plain, *lists)) for each in inner) and all(
        ast.unparse(each) in ("partial", "functools.partial") or _OF_KERAS.match(ast.unparse(each))
        for each in calls
    )


_OF_KERAS = re.compile(
    r"(?:(?:tf\.)?keras\.)?(?:layers|initializers|regularizers|constraints)\.[A-Z]\w*$"
)


def _names_used(source: str) -> set[str]:
    """The names that a definition looks up in its module."""
    module = symtable.symtable(textwrap.dedent(source), "definition", "exec")
    found = {each.get_name() for each in module.get_symbols() if each.is_referenced()}
    stack = module.get_children()
    while stack:
        table = stack.pop()
        stack += table.get_children()
        found |= {each.get_name() for each in table.get_symbols() if each.is_global()}
    return found


def _literal(name: str, value: Any) -> str:
    """The value as Python text, if it is plain."""
    if not _is_plain(value):
        raise NotExtractable(f"it needs '{name}', which the script computes")
    return repr(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple | set | frozenset):
        return len(value) <= 1000 and all(_is_plain(each) for each in value)
    if isinstance(value, dict):
        return len(value) <= 1000 and all(_is_plain(each) for each in [*value, *value.values()])
    return type(value) in _PLAIN
