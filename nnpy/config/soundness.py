"""Which parts of a config were read without a mistake.

Whether settings, network and data go together can be said only of what was read as it was meant;
of everything else in the same file it can, so that all mistakes are told in one pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_SPOILT = object()  # the key of a place where nothing is known
_WRONG = object()  # the key of the mistakes at a place
_PART = re.compile(r"(?=[.\[])")


class Soundness:
    """The paths (`training.metrics[1].AUC`) at which mistakes were found.

    `meant` has, of each unknown name at such a path, the known one that it is likely meant for.
    """

    def __init__(self) -> None:
        # Part by part within one another, so that to look up each of many steps costs little.
        self._tree: dict[Any, Any] = {}
        self.meant: dict[str, str] = {}

    def mistake(self, path: str) -> None:
        """Notes a mistake: what lies at `path`, and what holds it, is not sound."""
        self._note(path)

    def spoil(self, path: str) -> None:
        """Notes that what was said of `path` is unknown, and of all that lies in it."""
        self._note(path)[_SPOILT] = True

    def __call__(self, *paths: str) -> bool:
        """Whether each of these parts was read as it was meant."""
        return all(self._is_sound(path) for path in paths)

    def under(self, path: str) -> Iterator[str]:
        """Where in a part the mistakes are."""
        at = self._tree
        for part in _parts(path):
            if part not in at:
                return
            at = at[part]
        inside = [at]
        while inside:
            at = inside.pop()
            yield from at.get(_WRONG, ())
            inside += [each for part, each in at.items() if isinstance(part, str)]

    def _note(self, path: str) -> dict[Any, Any]:
        at = self._tree
        for part in _parts(path):
            at = at.setdefault(part, {})
        at.setdefault(_WRONG, []).append(path)
        return at

    def _is_sound(self, path: str) -> bool:
        at = self._tree
        for part in _parts(path):
            if _SPOILT in at:
                return False
            if part not in at:
                return True
            at = at[part]
        return not at  # only a config without mistakes has nothing here


def _parts(path: str) -> list[str]:
    """`a.b[0]` → `a`, `.b`, `[0]`."""
    return [part for part in _PART.split(path) if part]
