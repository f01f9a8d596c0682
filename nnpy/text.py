"""Foreign text made fit to be shown: class names and config values come from anywhere."""

from __future__ import annotations

import bisect
import unicodedata


def plain(text: object, limit: int = 0) -> str:
    """One line that is safe in a terminal, a figure or a page, at most `limit` columns wide.

    Control characters and the invisible ones that turn the reading direction become `�`; white
    space becomes a blank, but for the narrow one that keeps a number and its unit on one line.
    A text over the limit loses its end to an ellipsis (0: no limit).
    """
    whole = str(text)
    # A letter and its accents are several characters; who piles up hundreds is cut.
    start = whole[: 4 * limit] if limit else whole
    line = start if start.isascii() and start.isprintable() else "".join(map(_seen, start))
    if not limit or (len(start) == len(whole) and columns_of(line) <= limit):
        return line
    end = bisect.bisect_left(range(len(line)), limit, key=lambda n: columns_of(line[:n]))
    return line[: max(end - 1, 0)].rstrip() + "…"


def harmless(text: str) -> str:
    """Lines of text without what a terminal would obey: controls become their escape, `\\x1b`.

    Line ends and tabs stay, and so do blanks and joiners of every script.
    """
    if text.isascii() and all(line.isprintable() for line in text.replace("\t", "").split("\n")):
        return text
    return "".join(
        char
        if char.isprintable() or char in "\n\t\u200c\u200d" or unicodedata.category(char) == "Zs"
        else ascii(char)[1:-1]
        for char in text
    )


def columns_of(text: str) -> int:
    """The width of a text in columns of a terminal: 日 takes two, a combining accent none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # here, for most texts do without

    return cell_len(text)


def size_in_words(size: int) -> str:
    """Bytes in the unit that people would choose."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size //= 1000
    return f"{size:,} TB"


def percent(value: float) -> str:
    """A probability as people read it; never 100 % for what is not certain."""
    for digits in (1, 2, 3, 4):
        text = f"{100 * value:.{digits}f}"
        if float(text) < 100:
            return f"{text} %"
    return f"{100 * value:.0f} %"


def _seen(char: str) -> str:
    if char.isspace():
        return char if char == "\u202f" else " "
    if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn"):
        # Joiners are letters' own affair in many scripts and in emoji.
        return char if char in "\u200c\u200d" else "�"
    return char
