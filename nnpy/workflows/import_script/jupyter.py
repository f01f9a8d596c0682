"""What only Jupyter knows: notebooks as scripts, and what an exported notebook asks of it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

# Cells that Jupyter gives to another program, or to a file.
_FOREIGN = frozenset(
    (
        *("bash", "sh", "script", "cmd", "html", "HTML", "javascript", "js", "latex", "markdown"),
        *("perl", "ruby", "svg", "SVG", "writefile", "file", "sql", "R"),
    )
)
_HELP = re.compile(r"[\w.]+\?\??\s*")  # Jupyter's `name?`


class Jupyter:
    """Stands in for `get_ipython()` in a notebook that was exported as a Python file.

    What speaks to Jupyter or to the shell does nothing; a cell of Python that it times is run.
    """

    def __init__(self, variables: dict[str, Any]) -> None:
        self._variables = variables

    def run_cell_magic(self, magic: str, _line: str, cell: str) -> None:
        """Runs a cell that is Python after all: `%%time`."""
        if magic not in _FOREIGN:
            exec(
                compile("\n".join(_without_magics(cell.splitlines())), magic, "exec"),
                self._variables,
            )

    def getoutput(self, *_: Any, **__: Any) -> list[str]:
        """The lines that a shell would have answered: none."""
        return []

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: None


def of_notebook(text: str) -> str:
    """The code cells of a Jupyter notebook as one script, without what only Jupyter knows."""
    lines: list[str] = []
    for cell in json.loads(text)["cells"]:
        if cell["cell_type"] != "code":
            continue
        source = cell["source"]
        own = (source if isinstance(source, str) else "".join(source)).splitlines()
        first = next((each for each in own if each.strip()), "")
        if first.startswith("%%") and first.split()[0].removeprefix("%%") in _FOREIGN:
            continue
        python = list(_without_magics(own))
        # Jupyter runs cell by cell: one that is no Python does not keep the others from running.
        lines += python if _is_python(python) else [f"# {line}" for line in own]
        lines.append("")
    return "\n".join(lines)


def _is_python(lines: Iterable[str]) -> bool:
    try:
        ast.parse("\n".join(lines))
    except (SyntaxError, ValueError):
        return False
    return True


def _without_magics(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a cell; what speaks to Jupyter or the shell becomes a comment."""
    goes_on = False
    for line in lines:
        start = line.lstrip()
        if goes_on or start.startswith(("%", "!", "?")) or _HELP.fullmatch(start):
            yield f"{line[: len(line) - len(start)]}{'' if goes_on else 'pass  '}# {start}"
            goes_on = line.endswith("\\")
        else:
            yield line
