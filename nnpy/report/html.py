"""Templates → self-contained HTML: what a page is made of, and how it stays harmless.

Nothing in a page may load or run anything: the policy in its head forbids it, Jinja escapes
every text, and control characters and what turns the reading direction are replaced before. Only
drawings that `nnpy.report.svg` has cleaned pass as they are (`markupsafe.Markup`).
"""

from __future__ import annotations

import base64
import functools
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import numpy as np
from markupsafe import Markup

from nnpy.report.glossary import GLOSSARY
from nnpy.text import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Number:
    """A number to read that keeps its whole value for programs (and for copying)."""

    value: float | int
    style: str = ""  # a format specification, or "%" for a share

    @property
    def exact(self) -> str:
        return repr(self.value)

    @property
    def shown(self) -> str:
        if self.style == "%":
            return f"{100 * self.value:.2f}\u202f%"
        if self.style:
            return f"{self.value:{self.style}}"
        return f"{self.value:,}" if isinstance(self.value, int) else f"{self.value:.4f}"


@dataclass(frozen=True)
class Code:
    """A text to be set in the letters of a program."""

    code: str


@dataclass(frozen=True)
class Link:
    """A text that leads to a place beside the page, its path quoted as in a URL."""

    text: str
    href: str


Cell = str | Number | Code | Link


@dataclass(frozen=True)
class Table:
    """A table; `numeric` columns are right-aligned, a `tall` one scrolls."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numeric: Sequence[int] = ()
    tall: bool = False


@dataclass(frozen=True)
class Image:
    """Pixels within the page."""

    url: str  # data:image/png;base64,…
    alt: str
    width: int | None = None  # CSS pixels; None: as the style sheet says


def render(template: str, facts: Mapping[str, Any]) -> str:
    """A template of nnpy/report/templates with its facts filled in, every text escaped."""
    return _environment().get_template(template).render(facts)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["short"] = plain
    environment.globals["glossary"] = GLOSSARY
    return environment


def _harmless(value: Any) -> Any:
    """What every value in a template goes through on its way into the page."""
    return value if isinstance(value, Markup | jinja2.Undefined) else plain(value)


def text_lines(text: str, limit: int = 100_000) -> list[str]:
    """The lines of a text; past `limit` characters it is cut, and says so."""
    lines = text[:limit].split("\n")
    return [*lines, f"… ({len(text) - limit:,} more characters)"] if text[limit:] else lines


def picture(x: np.ndarray, alt: str, longest: int = 96) -> Image:
    """A small image of uint8 `(h, w)` or `(h, w, 3)`, at most `longest` pixels a side."""
    from PIL import Image as pillow

    image = pillow.fromarray(x)
    if max(image.size) > longest:
        image.thumbnail((longest, longest), pillow.Resampling.BOX)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return Image(_data_url(buffer), alt)


def figure_image(figure: Figure, alt: str) -> Image:
    """A matplotlib figure as an image: for what consists of pixels anyway."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, transparent=True)
    width, _ = figure.get_size_inches()
    return Image(_data_url(buffer), alt, round(width * 96))


def _data_url(png: io.BytesIO) -> str:
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode("ascii")
