"""What goes into a page from outside comes out harmless."""

from __future__ import annotations

import re

import jinja2
import numpy as np
import pytest

from nnpy.report import html as page
from nnpy.report.svg import drawing, figure
from tests.conftest import ROOT

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


FIGURE = {"width": 2.0, "height": 1.0, "colours": {"#0072b2": "var(--blue)"}}


def test_a_figure_keeps_its_marks_clips_and_colours():
    svg = (
        f'<?xml version="1.0"?>{HEAD}{XLINK}><metadata>made by x</metadata>'
        '<defs><path id="m1" d="M0 0" style="stroke: #0072b2; stroke-width: 0.8"/>'
        '<clipPath id="c1"><rect x="0" y="0" width="9" height="9"/></clipPath></defs>'
        '<g id="patch_1"><path d="M 9 9" style="fill: #fffffe"/></g>'
        '<g id="axes_1"><use xlink:href="#m1" x="1" y="2"/>'
        '<path d="M1 1" clip-path="url(#c1)"/></g></svg>'
    )
    one, other = (figure(svg, name, "<&>", **FIGURE) for name in ("a", "b"))
    assert 'style="stroke: var(--blue); stroke-width: 0.8"' in one
    assert 'viewBox="0 0 144 72"' in one
    assert 'aria-label="&lt;&amp;&gt;"' in one
    assert "M 9 9" not in one  # the paper is the page's
    assert "made by x" not in one
    (mark,) = re.findall(r'id="([^"]*-m1)"', one)
    (clip,) = re.findall(r'id="([^"]*-c1)"', one)
    assert f'href="#{mark}"' in one
    assert f'clip-path="url(#{clip})"' in one
    assert mark not in other


@pytest.mark.parametrize(
    "harm",
    [
        "<script>alert(1)</script>",
        '<path onload="alert(1)" d="M1 1"/>',
        "<foreignObject><p>alert</p></foreignObject>",
        '<use xlink:href="http://example.com/x.svg#a"/>',
        '<use href="javascript:alert(1)"/>',
        '<image xlink:href="http://example.com/x.png"/>',
        '<image xlink:href="data:image/svg+xml,alert"/>',
        '<path style="fill: url(http://example.com/#a); stroke: red"/>',
        '<path style="background: url(http://example.com)"/>',
        '<path style="fill: u\\72l(http://example.com)"/>',
        '<path clip-path="url(http://example.com/#c)"/>',
        '<path fill="url(//example.com/#c)"/>',
        "<style>@import url('http://example.com')</style>",
        '<animate attributeName="href" values="javascript:alert(1)"/>',
    ],
)
def test_a_figure_cannot_run_or_load_anything(harm):
    drawn = figure(f"{HEAD}{XLINK}><g>{harm}</g><path d='M0 0'/></svg>", "x", "x", **FIGURE)
    for word in ("alert", "example.com", "javascript", "onload", "<style", "import"):
        assert word not in drawn.lower()
    assert "M0 0" in drawn


def test_what_is_no_figure_is_an_error():
    with pytest.raises(ValueError, match="curves"):
        figure("no", "curves", "x", **FIGURE)


TEMPLATES = ROOT / "nnpy" / "report" / "templates"


def test_forgetting_to_escape_is_harmless(tmp_path, monkeypatch):
    """Whatever a template does with a text that nobody thought of, it comes out as text."""
    loader = jinja2.DictLoader(
        {"t": '<p title="{{ x }}">{{ x }}</p>{% macro m(y) %}{{ y }}{% endmacro %}{{ m(x) }}'}
    )
    monkeypatch.setattr(page._environment(), "loader", loader)
    told = page.render("t", {"x": "\"><script>alert(1)</script>\x1b\u202e'"})
    assert told.count("<") == 2
    assert told.count("&#34;&gt;&lt;script&gt;alert(1)") == 3
    assert "\x1b" not in told
    assert "\u202e" not in told


def test_a_fact_that_a_template_misses_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        page.render("report.html", {"title": "x"})


def test_only_cleaned_drawings_pass_unescaped():
    for template in TEMPLATES.rglob("*.html"):
        assert not re.search(r"\|\s*safe\b|autoescape", template.read_text("utf-8")), template
    for module in (ROOT / "nnpy").rglob("*.py"):
        if re.search(r"\bMarkup\(", module.read_text("utf-8")):
            assert module.name == "svg.py"


def test_no_code_writes_html():
    """But for the drawings' cleaner: what a page looks like is said by templates."""
    for module in (ROOT / "nnpy").rglob("*.py"):
        text = module.read_text("utf-8")
        assert not re.search(r"</?(p|div|span|td|tr|h[1-6]|li|section|pre|html)[ >{]", text), module


def test_a_listing_keeps_its_lines():
    told = page._environment().from_string(
        '{% import "macros.html" as ui %}{{ ui.listing(lines) }}'
    )
    assert told.render(lines=page.text_lines("a: <b>\n  c\n")) == "<pre>a: &lt;b&gt;\n  c\n</pre>\n"


def test_long_texts_are_cut():
    assert page.text_lines("a: <b>\n  c") == ["a: <b>", "  c"]
    lines = page.text_lines("x" * 200_000)
    assert len("".join(lines)) < 101_000
    assert lines[-1] == "… (100,000 more characters)"


def test_numbers_keep_their_whole_value():
    for number, exact, shown in (
        (page.Number(0.8702000141143799), "0.8702000141143799", "0.8702"),
        (page.Number(101770), "101770", "101,770"),
        (page.Number(0.5, "%"), "0.5", "50.00\u202f%"),
        (page.Number(1e-7, ".3g"), "1e-07", "1e-07"),
    ):
        assert (number.exact, number.shown) == (exact, shown)
    template = page._environment().from_string(
        '{% import "macros.html" as ui %}{{ ui.number(number) }}'
    )
    assert template.render(number=page.Number(0.25)) == '<data value="0.25">0.2500</data>'


def test_pictures_are_made_small():
    image = page.picture(np.random.default_rng(0).integers(0, 255, (900, 600, 3), np.uint8), '"x"')
    assert len(image.url) < 40_000
    assert image.alt == '"x"'
