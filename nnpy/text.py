"""Foreign text made fit to be shown: class names and config values come from anywhere."""

from __future__ import annotations

import unicodedata


def plain(text: object, limit: int = 0) -> str:
    """One line that is safe in a terminal, a figure or a page, of at most `limit` characters.

    Control characters and the invisible ones that turn the reading direction become `�`; white
    space becomes a blank. A text over the limit loses its end to an ellipsis (0: no limit).
    """
    whole = str(text)
    cut = whole[: limit + 1] if limit else whole  # a value may be megabytes long
    line = "".join(_seen(char) for char in cut)
    return line[: limit - 1].rstrip() + "…" if limit and len(line) > limit else line


def _seen(char: str) -> str:
    if char.isspace():
        return " "
    if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn"):
        # Joiners are letters' own affair in many scripts and in emoji.
        return char if char in "\u200c\u200d" else "�"
    return char
