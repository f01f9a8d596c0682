"""The PDF of a diagram: lines and letters, however deep the network."""

from __future__ import annotations

import re
import zlib

import pytest

from nnpy.models import diagram, pdf

pytest.importorskip("pydot")

TEXT = '<font color="white"><b>a(1)</b> {}</font>'
BOX = f'[label=<<table border="0"><tr><td bgcolor="black">{TEXT}</td></tr></table>>]'


def content(text: bytes) -> bytes:
    stream = re.search(rb"stream\n(.*)\nendstream", text, re.DOTALL)
    assert stream is not None
    return zlib.decompress(stream[1])


def deep(layers: int) -> str:
    """A chain as `model_to_dot` writes it."""
    nodes = "\n".join(f"n{i} {BOX.format(i)};" for i in range(layers))
    edges = "\n".join(f"n{i} -> n{i + 1};" for i in range(layers - 1))
    return f"digraph G {{ dpi=200; splines=ortho; node [shape=box];\n{nodes}\n{edges}\n}}"


def test_a_deep_network_is_one_page_that_readers_take(monkeypatch):
    pure = [each for each in diagram.renderers() if "graphviz-pure" in each]
    if not pure:
        pytest.skip("graphviz-pure is not installed")
    monkeypatch.setattr(diagram, "renderers", lambda: pure)
    drawn = diagram.render(deep(700), "pdf")
    box = re.search(rb"MediaBox \[0 0 ([\d.]+) ([\d.]+)\] /UserUnit (\d+)", drawn)
    assert box is not None
    height, unit = float(box[2]), int(box[3])
    assert unit > 1
    assert height <= 14_400 < height * unit
    shown = content(drawn)
    assert shown.count(rb"(a\(1\))") == 700
    assert shown.count(b" c\n") >= 699


def test_a_broken_drawing_is_refused():
    for text in (b"no svg", b'<svg width="9pt" height="9pt"><image/></svg>'):
        with pytest.raises(ValueError, match=r"not SVG|not known: image"):
            pdf.from_svg(text)


def test_every_object_of_the_file_is_where_its_table_says():
    svg = (
        b'<svg width="9pt" height="9pt"><text x="1" y="2" font-weight="bold">\xc3\xa9</text></svg>'
    )
    drawn = pdf.from_svg(svg)
    start = int(re.search(rb"startxref\n(\d+)", drawn)[1])  # type: ignore[index]
    assert drawn[start:].startswith(b"xref\n0 5\n")
    for number, place in enumerate(re.findall(rb"(\d{10}) 00000 n", drawn), 1):
        assert drawn[int(place) :].startswith(b"%d 0 obj" % number)
    assert b"/F2 14 Tf" in content(drawn)
    assert "é".encode("cp1252") in content(drawn)
