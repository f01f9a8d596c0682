"""The section of the page about the network."""

from __future__ import annotations

from collections.abc import Sequence

from nnpy.models.summary import LayerRow
from nnpy.report import html, svg
from nnpy.report.contents import Contents
from nnpy.report.formatting import count, shape_words
from nnpy.report.html import number, safe


def model_section(contents: Contents, drawings: bool) -> str:
    if not contents.layers and not contents.diagram:
        return ""
    parts = []
    if contents.layers:
        total = sum(row.parameters for row in contents.layers)
        known = [row.multiply_adds for row in contents.layers]
        work = sum(value or 0 for value in known)
        least = "at least " if None in known else ""
        parts.append(
            f"<p>A neural network of {count(len(contents.layers), 'layer')} with "
            f"{number(total)} parameters. "
            f"Answering one example takes {least}{number(work)} multiply-adds.</p>"
        )
        parts.append(_layer_table(contents.layers, total, work, least))
    drawing = svg.drawing(contents.diagram, "Diagram of the network") if contents.diagram else None
    if drawing and drawings and len(drawing) < 1_000_000:
        picture = html.figure(drawing, "Data flows from top to bottom.")
        small = len(contents.layers) <= 12
        parts.append(picture if small else html.more("The network as a diagram", picture))
    elif contents.diagram:
        parts.append("<p>The diagram is too large for this page; it is in model.svg.</p>")
    if contents.weights is not None and len(contents.weights):
        parts.append("<h3>What the first layer looks for</h3>")
        shown = min(len(contents.weights), 64)
        which = f"{shown} of {len(contents.weights)}" if shown < len(contents.weights) else "all"
        meaning = (
            "Bright where it wants light, in that colour."
            if contents.weights.ndim == 4
            else "Blue: the unit answers to light here. Red: light here silences it."
        )
        parts.append(
            html.figure(
                html.figure_png(contents.drawings["weights"], "Weights of the first layer"),
                f"The weights of the first layer's units ({which}) as pictures. {meaning}",
            )
        )
    terms = ("neural network", "layer", "parameters", "multiply-adds")
    return html.section("What was trained", "".join(parts), *terms)


def _layer_table(layers: Sequence[LayerRow], total: int, work: int, least: str) -> str:
    rows = [
        (
            safe(row.name, 60),
            safe(row.kind, 40),
            safe(" and ".join(shape_words(shape) for shape in row.shapes) or "–", 60),
            f"{row.parameters:,}",
            "?" if row.multiply_adds is None else f"{row.multiply_adds:,}",
        )
        for row in layers
    ]
    rows.append(("all", "", "", f"{total:,}", f"{least}{work:,}"))
    head = ("layer", "kind", "output shape", "parameters", "multiply-adds")
    table = html.table(head, rows, numeric=(3, 4), css="tall" if len(rows) > 30 else "")
    return table if len(rows) <= 30 else html.more("Every layer", table)
