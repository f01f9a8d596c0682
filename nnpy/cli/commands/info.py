"""`nnpy info`: what is here to train with."""

from __future__ import annotations

from typing import Any

import click

from nnpy.cli import options
from nnpy.cli.terminal import Terminal


@click.command(short_help="Show versions, devices, data and renderers.")
@options.as_json
@click.pass_obj
def info(terminal: Terminal, as_json: bool) -> None:
    """Show versions, devices, where data is found, and how diagrams are rendered."""
    from nnpy.data import registry
    from nnpy.data.registry import NAMES
    from nnpy.devices import precision, select
    from nnpy.runs.environment import versions

    terminal.quiet()
    select.prepare_environment()
    from nnpy.models import diagram

    found: dict[str, Any] = {
        "versions": versions(),
        "devices": select.describe(),
        "precision": {
            name: dict(zip(("faster", "why"), precision.gain(name), strict=True))
            for name in precision.MIXED
        },
        "data": {
            name: [place.__dict__ for place in registry.places(name)]
            for name in NAMES
            if registry.places(name)
        },
        "renderers": diagram.renderers(),
    }
    if as_json:
        terminal.result(found)
        return
    lines = [f"{name:<12}{version}" for name, version in found["versions"].items()]
    there = found["devices"]
    lines.append(f"{'CPU':<12}{there['cpu']}, {there['cores']} cores")
    lines.append(f"{'GPU':<12}{', '.join(there['gpus']) or 'none'}")
    for name, gain in found["precision"].items():
        told = "faster than float32" if gain["faster"] else "no faster than float32"
        lines.append(f"{name:<15} {told}: {gain['why']}")
    for name, places in found["data"].items():
        at = [place for place in places if place["found"]]
        text = at[0]["path"] if at else "not here; downloaded when needed"
        lines.append(f"{name:<15}{text}")
    lines.append(f"{'diagrams':<15}{', '.join(found['renderers']) or 'no renderer'}")
    terminal.result("\n".join(lines))
