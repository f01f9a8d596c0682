"""The section of the page about how to repeat the run."""

from __future__ import annotations

from typing import Any

from nnpy.report.contents import Contents
from nnpy.report.html import Table, text_lines
from nnpy.text import plain


def reproduce_section(contents: Contents) -> dict[str, Any]:
    """The facts of sections/reproduce.html."""
    versions = [(plain(key, 60), plain(value, 300)) for key, value in contents.versions.items()]
    return {
        "name": contents.name,
        "command": text_lines(contents.command, 4000) if contents.command else None,
        "config": text_lines(contents.config) if contents.config else None,
        "versions": Table(("what", "which"), versions) if versions else None,
    }
