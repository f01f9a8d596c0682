"""Graphviz's SVG → a PDF of one page, drawn as lines and letters.

The renderer that comes along knows no PDF. A picture of a deep network would have more pixels
than a JPEG may have, and takes half a minute; lines and letters take none of it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

_LARGEST = 14_400  # of a page's sides, in its units: what readers of PDF take
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_PATH = re.compile(r"([MCL])([^MCLZz]*)")
_FONTS = {"normal": "/F1", "bold": "/F2"}


def from_svg(svg: bytes) -> bytes:
    """The drawing of an SVG that Graphviz has written, in points.

    Raises ValueError for what Graphviz does not draw a model with.
    """
    try:
        # Written by the renderer a moment ago, from names that were escaped on their way there.
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        raise ValueError(f"not SVG: {error}") from None
    width, height = (_numbers(root.get(side, ""))[0] for side in ("width", "height"))
    # A larger page has larger units, so that it keeps its size.
    unit = max(1, -int(-max(width, height) // _LARGEST))
    lines = [f"{1 / unit:.6f} 0 0 {-1 / unit:.6f} 0 {height / unit:.3f} cm"]
    for element in root:
        lines += _drawn(element)
    content = zlib.compress("\n".join(lines).encode("cp1252", "replace"))
    return _file(content, width / unit, height / unit, unit)


def _drawn(element: Any) -> Iterator[str]:
    """What an element and those inside it are in the language of PDF."""
    name = element.tag.rpartition("}")[2]
    if name == "g":
        yield "q"
        yield from _transform(element.get("transform", ""))
        for inner in element:
            yield from _drawn(inner)
        yield "Q"
    elif name == "a":
        for inner in element:
            yield from _drawn(inner)
    elif name in ("polygon", "polyline"):
        points = _numbers(element.get("points", ""))
        pairs = [f"{x:g} {y:g}" for x, y in zip(points[::2], points[1::2], strict=True)]
        shape = [f"{pairs[0]} m", *(f"{pair} l" for pair in pairs[1:])]
        yield from _painted(element, shape)
    elif name == "path":
        yield from _painted(element, list(_curve(element.get("d", ""))))
    elif name == "text":
        yield from _letters(element)
    elif name not in ("title", "desc"):
        raise ValueError(f"an element that is not known: {name}")


def _transform(text: str) -> Iterator[str]:
    for name, given in re.findall(r"(\w+)\(([^)]*)\)", text):
        values = _numbers(given)
        if name == "scale":
            yield f"{values[0]:g} 0 0 {values[-1]:g} 0 0 cm"
        elif name == "translate":
            yield f"1 0 0 1 {values[0]:g} {values[-1]:g} cm"
        elif any(values):
            raise ValueError(f"a transformation that is not known: {name}")


def _curve(path: str) -> Iterator[str]:
    for command, given in _PATH.findall(path):
        values = _numbers(given)
        size, operator = {"M": (2, "m"), "L": (2, "l"), "C": (6, "c")}[command]
        for start in range(0, len(values), size):
            numbers = " ".join(f"{value:g}" for value in values[start : start + size])
            yield f"{numbers} {operator}"


def _painted(element: Any, shape: list[str]) -> Iterator[str]:
    fill, stroke = element.get("fill", "black"), element.get("stroke", "none")
    if fill == stroke == "none":
        return
    yield f"{element.get('stroke-width', '1')} w"
    if fill != "none":
        yield f"{_colour(fill)} rg"
    if stroke != "none":
        yield f"{_colour(stroke)} RG"
    yield from shape
    yield {(True, True): "b", (True, False): "f", (False, True): "S"}[
        fill != "none", stroke != "none"
    ]


def _letters(element: Any) -> Iterator[str]:
    text = "".join(element.itertext())
    size = float(element.get("font-size", "14"))
    x, y = float(element.get("x", "0")), float(element.get("y", "0"))
    if element.get("text-anchor") == "middle":
        x -= 0.25 * size * len(text)  # half the width of letters of a usual one
    font = _FONTS.get(element.get("font-weight", "normal"), "/F1")
    escaped = re.sub(r"([\\()])", r"\\\1", text.replace("\n", " "))
    # The page's y axis points down; letters must not stand on their heads.
    yield f"BT {_colour(element.get('fill', 'black'))} rg {font} {size:g} Tf"
    yield f"1 0 0 -1 {x:g} {y:g} Tm ({escaped}) Tj ET"


def _colour(name: str) -> str:
    from PIL import ImageColor

    return " ".join(f"{part / 255:.3g}" for part in ImageColor.getrgb(name)[:3])


def _numbers(text: str) -> list[float]:
    return [float(each) for each in _NUMBER.findall(text)]


def _file(content: bytes, width: float, height: float, unit: int) -> bytes:
    """The objects of a PDF file and the table of where they stand."""
    fonts = " ".join(
        f"/F{number} << /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>"
        for number, name in ((1, "Helvetica"), (2, "Helvetica-Bold"))
    )
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width:.3f} {height:.3f}] "
        f"/UserUnit {unit} /Contents 4 0 R /Resources << /Font << {fonts} >> >> >>".encode(),
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(content), content),
    ]
    text, places = b"%PDF-1.6\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(text))
        text += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    return text + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (count, table, count, len(text))
    )
