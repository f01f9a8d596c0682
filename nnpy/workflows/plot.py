"""A config, a run or a model file → a drawing of the model."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nnpy.config.load import load_config
from nnpy.errors import UsageError
from nnpy.runs.folder import Run
from nnpy.workflows.session import build_model, open_to_draw
from nnpy.workflows.target import is_model_or_run, model_and_config

FORMS = ("png", "svg", "pdf", "dot")


def plot_model(
    target: Any, output: Path | None, overrides: Iterable[str], trust_code: bool
) -> Path:
    """Draws the model into `output`, by default <name>.png in the working folder."""
    if output is not None and output.suffix.lstrip(".").lower() not in FORMS:
        raise UsageError(f"{output}: expected a name ending in .png, .svg, .pdf or .dot")
    if isinstance(target, Run) or target is None or is_model_or_run(target):
        path, config = model_and_config(target, None, trust_code)
        model = open_to_draw(config, path)
        name = config.name if path.parent.name == "checkpoints" else path.stem
    else:
        config = load_config(target, overrides, trust_code=trust_code, to_train=False)
        model, name = build_model(config), config.name
    from nnpy.models import diagram

    drawing = output if output is not None else Path(f"{name}.png")
    diagram.save(model, drawing)
    return drawing
