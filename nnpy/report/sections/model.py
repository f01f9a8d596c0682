"""The section of the page about the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnpy.models.summary import LayerRow
from nnpy.report import html, svg
from nnpy.report.contents import Contents
from nnpy.report.formatting import count, shape_words
from nnpy.report.html import Number, Table
from nnpy.text import plain


def model_section(contents: Contents, drawings: bool) -> dict[str, Any] | None:
    """The facts of sections/model.html."""
    layers = contents.layers
    if not layers and not contents.diagram:
        return None
    parameters = sum(row.parameters for row in layers)
    work = sum(row.multiply_adds or 0 for row in layers)
    at_least = "at least " if any(row.multiply_adds is None for row in layers) else ""
    drawing = svg.drawing(contents.diagram, "Diagram of the network") if contents.diagram else None
    shown = drawing if drawings and drawing and len(drawing) < 1_000_000 else None
    weights = contents.weights
    return {
        "layers": count(len(layers), "layer") if layers else "",
        "parameters": Number(parameters),
        "work": Number(work),
        "at_least": at_least,
        "table": _layer_table(layers, parameters, f"{at_least}{work:,}"),
        "long": len(layers) >= 30,
        "diagram": shown,
        "small": len(layers) <= 12,
        "diagram_too_large": bool(contents.diagram) and shown is None,
        "weights": html.figure_image(contents.drawings["weights"], "Weights of the first layer")
        if weights is not None and len(weights)
        else None,
        "weights_caption": _weights_caption(contents),
    }


def _weights_caption(contents: Contents) -> str:
    weights = contents.weights
    if weights is None:
        return ""
    shown = min(len(weights), 64)
    which = f"{shown} of {len(weights)}" if shown < len(weights) else "all"
    meaning = (
        "Bright where it wants light, in that colour."
        if weights.ndim == 4
        else "Blue: the unit answers to light here. Red: light here silences it."
    )
    return f"The weights of the first layer's units ({which}) as pictures. {meaning}"


def _layer_table(layers: Sequence[LayerRow], parameters: int, work: str) -> Table:
    rows = [
        (
            plain(row.name, 60),
            plain(row.kind, 40),
            plain(" and ".join(shape_words(shape) for shape in row.shapes) or "–", 60),
            f"{row.parameters:,}",
            "?" if row.multiply_adds is None else f"{row.multiply_adds:,}",
        )
        for row in layers
    ]
    rows.append(("all", "", "", f"{parameters:,}", work))
    head = ("layer", "kind", "output shape", "parameters", "multiply-adds")
    return Table(head, rows, numeric=(3, 4), tall=len(rows) > 30)
