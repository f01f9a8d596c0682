"""What goes into a page from outside comes out harmless."""

from __future__ import annotations

import numpy as np
import pytest

from nnpy.report import html as page
from nnpy.report.svg import drawing

HEAD = '<svg viewBox="0 0 100 50" xmlns="http://www.w3.org/2000/svg" '
XLINK = 'xmlns:xlink="http://www.w3.org/1999/xlink"'


def test_a_drawing_keeps_shapes_and_text():
    svg = (
        '<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://x/svg.dtd">'
        f'{HEAD}width="100pt"><g id="a" class="node"><title>layer</title>'
        '<polygon fill="white" stroke="black" points="0,0 1,1"/>'
        '<text text-anchor="middle" x="3" font-size="14.00">Dense &lt;3&gt;</text></g></svg>'
    )
    drawn = drawing(svg, "A <diagram>")
    assert drawn is not None
    assert 'points="0,0 1,1"' in drawn
    assert 'fill="var(--paper)"' in drawn
    assert "Dense &lt;3&gt;" in drawn
    assert 'aria-label="A &lt;diagram&gt;"' in drawn
    assert "id=" not in drawn


@pytest.mark.parametrize(
    "harm",
    [
        "<script>alert(1)</script>",
        '<g onload="alert(1)"/>',
        '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml">x</body></foreignObject>',
        '<a xlink:href="javascript:alert(1)"><text>t</text></a>',
        '<image xlink:href="http://example.com/x.png"/>',
        '<use xlink:href="http://example.com/x.svg#a"/>',
        '<style>@import url("http://example.com")</style>',
        '<rect fill="url(http://example.com/#a)" style="background:url(http://example.com)"/>',
        '<animate attributeName="href" values="javascript:alert(1)"/>',
        '<set attributeName="onclick" to="alert(1)"/>',
    ],
)
def test_a_drawing_cannot_run_or_load_anything(harm):
    drawn = drawing(f"{HEAD}{XLINK}>{harm}<path d='M0 0'/></svg>", "x")
    assert drawn is not None
    for word in ("alert", "example.com", "javascript", "script", "href", "onload", "style>"):
        assert word not in drawn.lower()
    assert "M0 0" in drawn


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not a drawing",
        "<svg",
        "<svg><g></svg>",
        "<svg xmlns='http://www.w3.org/2000/svg'/>",
        '<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg viewBox="0 0 1 1">&a;</svg>',
        '<svg viewBox="0 0 NaN? 1"/>',
    ],
)
def test_what_is_no_drawing_is_none(text):
    assert drawing(text, "x") is None


def test_blocks_keep_lines_and_are_cut():
    assert page.block("a: <b>\n  c") == "a: &lt;b&gt;\n  c"
    long = page.block("x" * 200_000)
    assert len(long) < 101_000
    assert long.endswith("(100,000 more characters)")


def test_numbers_keep_their_whole_value():
    assert page.number(0.8702000141143799) == '<data value="0.8702000141143799">0.8702</data>'
    assert page.number(101770) == '<data value="101770">101,770</data>'
    assert page.number(0.5, "%") == '<data value="0.5">50.00\u202f%</data>'


def test_pictures_are_made_small():
    html = page.picture(np.random.default_rng(0).integers(0, 255, (900, 600, 3), np.uint8), '"x"')
    assert len(html) < 40_000
    assert 'alt="&quot;x&quot;"' in html
