"""The programs that draw a diagram, each named once."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from nnpy.models import diagram


def test_a_renderer_is_named_once_wherever_it_is_found(monkeypatch):
    scripts = sysconfig.get_path("scripts")
    monkeypatch.setenv("PATH", scripts)  # an activated environment: found there and on the path
    found = diagram.renderers()
    assert str(Path(scripts) / "graphviz-pure") in found
    assert len(found) == len(set(found))
