"""Every picture below a folder, by its name and its times; nothing is opened that has a suffix.

What systems and tools leave lying about (hidden files, thumbnails) is counted and not looked at.
Links are followed; one that leads back to a folder around it is an error. Needs no NumPy.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nnpy.data.files.geometry import MORE_SUFFIXES, SUFFIXES, is_picture
from nnpy.errors import DataError, printable
from nnpy.storage.regular import open_regular

# Left by macOS, Windows, Synology and Jupyter; names with a leading dot and a "~" are others.
LITTER = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"}
_SUFFIXES = frozenset((*SUFFIXES, *MORE_SUFFIXES))


@dataclass(frozen=True, slots=True)
class File:
    """A file below a folder. Its times tell that its content is another than before."""

    name: str  # below the folder, its parts divided by "/"
    size: int
    modified: int  # nanoseconds
    changed: int  # nanoseconds; a copy that keeps the first time has a new one here


@dataclass
class Tree:
    """What lies below a folder."""

    root: Path
    noun: str = "picture"  # what is looked for
    pictures: list[File] = field(default_factory=list)  # by suffix; sorted by name
    folders: list[str] = field(default_factory=list)  # named as files are
    hidden: int = 0
    others: Counter[str] = field(default_factory=Counter)  # files that are no pictures, by suffix
    odd: list[str] = field(default_factory=list)  # broken links, pipes, devices

    @property
    def left_out(self) -> str:
        """What was found and is no picture, in words; empty where there is nothing."""
        parts = [
            f"{n:,} {suffix or 'without a suffix'}" for suffix, n in self.others.most_common(5)
        ]
        if len(self.others) > 5:
            parts.append("…")
        if self.odd:
            parts.append(f"{len(self.odd):,} that are no files ({shown(self.odd)})")
        if self.hidden:
            parts.append(f"{self.hidden:,} hidden or of the system")
        return ", ".join(parts)


def walk(root: Path, noun: str = "picture", suffixes: Collection[str] = ()) -> Tree:
    """All that lies below `root`. Raises DataError for a folder that cannot be read and for a
    link that leads in a circle.

    With `suffixes` the files that are looked for are no pictures, but those that end so.
    """
    tree = Tree(root, noun)
    try:
        own = root.stat()
    except (OSError, ValueError) as error:
        raise DataError(f"{root}: {getattr(error, 'strerror', None) or error}") from None
    waiting: list[tuple[str, tuple[tuple[int, int], ...]]] = [("", ((own.st_dev, own.st_ino),))]
    while waiting:
        folder, above = waiting.pop()
        for entry in _entries(root, folder):
            name = f"{folder}/{entry.name}" if folder else entry.name
            if is_litter(entry.name):
                tree.hidden += 1
                continue
            try:
                found = entry.stat()
            except OSError:
                tree.odd.append(name)
                continue
            if stat.S_ISDIR(found.st_mode):
                key = (found.st_dev, found.st_ino)
                if key in above:
                    raise DataError(
                        f"{root}: {printable(name)} is a link to a folder that it lies in; "
                        "remove the link"
                    )
                tree.folders.append(name)
                waiting.append((name, (*above, key)))
            elif not stat.S_ISREG(found.st_mode):
                tree.odd.append(name)
            elif _ends(name, suffixes) if suffixes else _may_be_picture(root, name):
                times = (found.st_mtime_ns, found.st_ctime_ns)
                tree.pictures.append(File(name, found.st_size, *times))
            else:
                tree.others[os.path.splitext(entry.name)[1].lower()] += 1  # noqa: PTH122
    tree.pictures.sort(key=lambda file: file.name)
    tree.folders.sort()
    return tree


def is_litter(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or none that a user has put there."""
    return name.startswith(".") or name.endswith("~") or name.lower() in LITTER


def normal(name: str) -> str:
    """A name as names are compared: macOS and some archives write é as two characters."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def shown(names: list[str], most: int = 5) -> str:
    """The first of some names, for a message."""
    text = ", ".join(printable(name) for name in names[:most])
    return f"{text}, …" if len(names) > most else text


def _entries(root: Path, folder: str) -> Iterator[os.DirEntry[str]]:
    place = root / folder
    try:
        with os.scandir(place) as entries:
            yield from entries
    except OSError as error:
        raise DataError(f"{place}: {error.strerror or error}") from None


def _ends(name: str, suffixes: Collection[str]) -> bool:
    return os.path.splitext(name)[1].lower() in suffixes  # noqa: PTH122


def _may_be_picture(root: Path, name: str) -> bool:
    """By the suffix, in any case; a file without one by its first bytes."""
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 – of a text: a Path costs more
    if suffix:
        return suffix in _SUFFIXES
    try:
        with open_regular(root / name) as file:
            return is_picture(file.read(16))
    except OSError:
        return False
