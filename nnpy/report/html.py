"""The parts of a self-contained HTML page: shell, tables, notes, drawings from elsewhere.

Nothing in a page may load or run anything: the policy in its head forbids it, every text that
comes from a config, a name or a file is escaped, and a drawing keeps only what draws.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from nnpy.report.glossary import GLOSSARY
from nnpy.text import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


def document(title: str, body: str) -> str:
    """A whole page: one file that needs nothing else and works in light, dark and on paper."""
    style = resources.files("nnpy.report").joinpath("page.css").read_text("utf-8")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="nnpy">
<link rel="icon" href="data:,">
<title>{safe(title, 120)}</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def safe(text: object, limit: int = 0) -> str:
    """Text from anywhere as one line of HTML."""
    return escape(plain(text, limit))


def block(text: str, limit: int = 100_000) -> str:
    """Text of many lines as HTML; past `limit` characters it is cut, and says so."""
    kept = "\n".join(plain(line) for line in text[:limit].split("\n"))
    return escape(kept + (f"\n… ({len(text) - limit:,} more characters)" if text[limit:] else ""))


def number(value: float | int, style: str = "", unit: str = "") -> str:
    """A number to read that keeps its whole value for programs (and for copying)."""
    if style == "%":
        shown = f"{100 * value:.2f}\u202f%"
    elif style:
        shown = f"{value:{style}}"
    else:
        shown = f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
    return f'<data value="{value!r}">{shown}{unit}</data>'


def section(title: str, body: str, *terms: str) -> str:
    """A chapter of the page, with the words that it uses explained beside it."""
    notes = "".join(
        f"<p><dfn>{escape(term[0].upper() + term[1:])}.</dfn> {escape(GLOSSARY[term])}</p>"
        for term in terms
    )
    aside = f'<aside aria-label="The words used here">{notes}</aside>' if notes else ""
    return (
        f"<section><h2>{escape(title)}</h2>"
        f'<div class="row"><div class="main">{body}</div>{aside}</div></section>'
    )


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numeric: Sequence[int] = (),
    css: str = "",
) -> str:
    """A table of cells that are HTML already; `numeric` columns are set right-aligned."""
    marks = [' class="n"' if i in numeric else "" for i in range(len(head))]
    top = "".join(
        f'<th scope="col"{mark}>{cell}</th>' for cell, mark in zip(head, marks, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{mark}>{cell}</td>" for cell, mark in zip(row, marks, strict=True))
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll {css}"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def more(summary: str, body: str) -> str:
    """Something that most readers need not see, folded away."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def figure(content: str, caption: str = "", css: str = "") -> str:
    """A drawing with its caption (HTML)."""
    words = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f'<figure class="{css}"><div class="scroll">{content}</div>{words}</figure>'


def picture(x: np.ndarray, alt: str, longest: int = 96) -> str:
    """A small `<img>` of uint8 `(h, w)` or `(h, w, 3)`, at most `longest` pixels a side."""
    from PIL import Image

    image = Image.fromarray(x)
    if max(image.size) > longest:
        image.thumbnail((longest, longest), Image.Resampling.BOX)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return _image(buffer.getvalue(), alt)


def figure_png(drawing: Figure, alt: str) -> str:
    """A matplotlib figure as an `<img>`: for what consists of pixels anyway."""
    buffer = io.BytesIO()
    drawing.savefig(buffer, format="png", dpi=100, transparent=True)
    width, _ = drawing.get_size_inches()
    return _image(buffer.getvalue(), alt, f' style="width:{width * 96:.0f}px"')


def _image(png: bytes, alt: str, attributes: str = "") -> str:
    data = base64.b64encode(png).decode("ascii")
    return f'<img src="data:image/png;base64,{data}" alt="{safe(alt, 200)}"{attributes}>'


# Drawings from elsewhere ----------------------------------------------------------------------
