"""The diagram, with the system's Graphviz and without, and when nothing can draw."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

import nnpy
from nnpy.models import diagram
from tests.conftest import ROOT

RESIDUAL = ROOT / "configs" / "residual.yaml"


@pytest.fixture(scope="module")
def text() -> str:
    return diagram.dot_text(nnpy.build(RESIDUAL))


def test_the_same_model_gives_the_same_text(text: str) -> None:
    assert diagram.dot_text(nnpy.build(RESIDUAL)) == text
    assert "n0 -> n1" in text


def test_the_skip_is_drawn(text: str) -> None:
    # Both the stem and the branch have an arrow to the sum.
    names = dict(re.findall(r"^(n\d+) \[label.*?<b>(\w+)</b>", text, re.MULTILINE))
    arrows = [(names[a], names[b]) for a, b in re.findall(r"^(n\d+) -> (n\d+)", text, re.M)]
    into = {start for start, end in arrows if end == "skip"}
    assert into == {"stem", "branch"}


def test_bundled_renderer_draws_every_format(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # hides dot
    assert [Path(program).name for program in diagram.renderers()] == ["graphviz-pure"]
    assert diagram.render(text, "svg").startswith(b"<?xml")
    assert diagram.render(text, "pdf").startswith(b"%PDF")
    (tmp_path / "r.png").write_bytes(diagram.render(text, "png"))
    with Image.open(tmp_path / "r.png") as image:
        assert image.width > 500
        assert len(image.convert("RGB").getcolors(100_000)) > 2


def test_nothing_of_an_svg_is_cut_off(text: str) -> None:
    """Graphviz 2.43 scales the drawing by the resolution, but not its frame."""
    svg = diagram.render(text, "svg").decode()
    frame = re.search(r'viewBox="([^"]*)"', svg)
    ground = re.search(r'<polygon[^>]* points="([^"]*)"', svg)
    assert frame and ground
    _, _, width, height = map(float, frame[1].split())
    scale = re.search(r"scale\(([\d.]+)", svg)
    by = float(scale[1]) if scale else 1.0
    corners = [tuple(map(float, each.split(","))) for each in ground[1].split()]
    xs, ys = zip(*corners, strict=True)
    assert by * (max(xs) - min(xs)) <= width + 1
    assert by * (max(ys) - min(ys)) <= height + 1


def test_dot_is_preferred_where_it_is(text: str) -> None:
    if shutil.which("dot") is None:
        pytest.skip("needs Graphviz")
    assert Path(diagram.renderers()[0]).name == "dot"
    assert diagram.render(text, "svg").startswith(b"<?xml")


def test_a_training_goes_on_when_nothing_can_draw(
    tiny_config: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "dot"
    broken.write_text("#!/bin/sh\necho 'no fonts' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(diagram, "renderers", lambda: [str(broken)])
    run = nnpy.train(tiny_config, run_dir=str(tmp_path / "run"))
    assert run.summary()["status"] == "finished"
    assert run.diagram_path("dot").read_text().startswith("digraph")
    assert not run.diagram_path("png").exists()
