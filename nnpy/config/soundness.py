"""Which parts of a config were read without a mistake.

Whether settings, network and data go together can be said only of what was read as it was meant;
of everything else in the same file it can, so that all mistakes are told in one pass.
"""

from __future__ import annotations

from collections.abc import Iterator


class Soundness:
    """The paths (`training.metrics[1].AUC`) at which mistakes were found.

    `meant` has, of each unknown name at such a path, the known one that it is likely meant for.
    """

    def __init__(self) -> None:
        self._wrong: list[str] = []
        self._spoilt: list[str] = []
        self.meant: dict[str, str] = {}

    def mistake(self, path: str) -> None:
        """Notes a mistake: what lies at `path`, and what holds it, is not sound."""
        self._wrong.append(path)

    def spoil(self, path: str) -> None:
        """Notes that what was said of `path` is unknown, and of all that lies in it."""
        self._spoilt.append(path)

    def __call__(self, *paths: str) -> bool:
        """Whether each of these parts was read as it was meant."""
        return not any(
            _within(wrong, path) for path in paths for wrong in (*self._wrong, *self._spoilt)
        ) and not any(_within(path, wrong) for path in paths for wrong in self._spoilt)

    def under(self, path: str) -> Iterator[str]:
        """Where in a part the mistakes are."""
        return (wrong for wrong in (*self._wrong, *self._spoilt) if _within(wrong, path))


def _within(path: str, whole: str) -> bool:
    """Whether a path is another one, or leads into it; every path leads into the empty one."""
    return not whole or path == whole or (path.startswith(whole) and path[len(whole)] in ".[")
