"""The model that a config builds against the script's: layers, outputs, a step of training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from nnpy.config.config import Config
from nnpy.errors import NnpyError
from nnpy.models import build, compile, late_weights
from nnpy.workflows.import_script import probe

_STEP_TOLERANCE = 1e-6
_LEARNING = ("optimizer", "loss", "loss_weights")


@dataclass
class Verdict:
    """Whether config and script agree: `differences` is empty when they do."""

    layers: int = 0
    weights: int = 0
    parameters: int = 0
    step: float | None = None  # the largest difference after a step of training
    not_trained: str = ""  # why no step of training was compared
    differences: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        return not self.differences

    def __str__(self) -> str:
        if not self.equal:
            return "differs: " + "; ".join(self.differences)
        step = "" if self.step is None else f", one step of training to {self.step:.1g}"
        if self.not_trained:
            step = f"; a step of training was not compared: {self.not_trained}"
        if self.step == 0.0:
            step = ", one step of training to the bit"
        size = f"{self.layers} layers, {self.parameters:,} parameters in {self.weights} arrays"
        return f"equal: {size}, outputs to the bit{step}"


def verdict(config: Config, record: dict[str, Any], numbers: Path) -> Verdict:
    """Builds the config, gives it the script's weights, and compares.

    `numbers` is what `probe.measure` wrote in the script's process.
    """
    found = Verdict()
    try:
        model = build.build(config, None)
        compile.compile_model(model, config)
    except NnpyError as error:
        found.differences.append(f"it cannot be built: {error}")
        return found
    with np.load(numbers, allow_pickle=False) as file:
        arrays = dict(file)
    try:
        _compare(found, model, record, arrays)
    except Exception as error:  # noqa: BLE001 – what Keras raises shows that they differ
        text = " ".join(str(error).split())[:300]
        found.differences.append(f"it fails where the script's does not: {text}")
    return found


def _compare(found: Verdict, model: Any, record: dict[str, Any], arrays: dict[str, Any]) -> None:
    state = probe.listed(arrays, "state")
    if len(state) > len(model.variables):  # the script has called its model
        late_weights.make(model)
    layers = [type(each).__name__ for each in model.layers]
    found.layers, found.weights = len(layers), len(model.weights)
    found.parameters = model.count_params()
    if layers != record["layers"]:
        found.differences.append(f"its layers are {layers}, the script's {record['layers']}")
    shapes = [tuple(each.shape) for each in model.variables]
    if shapes != [each.shape for each in state]:
        found.differences.append("its weights have other shapes")
        return
    for variable, value in zip(model.variables, state, strict=True):
        variable.assign(value)
    for layer in _layers(model):
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with what it makes of its weights
    nesting = record["nesting"]
    x, y, weights = (probe.packed(arrays, key, nesting[key]) for key in ("x", "y", "w"))
    outputs = probe.leaves(model(x, training=False))
    expected = probe.listed(arrays, "output")
    if len(outputs) != len(expected):
        found.differences.append(f"it has {len(outputs)} outputs, the script's {len(expected)}")
        return
    for index, (one, other) in enumerate(zip(outputs, expected, strict=True)):
        if probe.storable(one).tobytes() != other.tobytes():
            found.differences.append(f"output {index} differs by {_distance(one, other):.2g}")
    missing = [each["path"][1] for each in record["notes"] if each["path"][:1] == ["training"]]
    missing = [each for each in missing if each in _LEARNING and each not in record["training"]]
    if missing:
        found.not_trained = f"{', '.join(missing)} of the script could not be taken along"
    elif "loss" in arrays:
        _compare_step(found, model, arrays, x, y, weights)


def _layers(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _layers(layer)


def _compare_step(
    found: Verdict, model: Any, arrays: dict[str, Any], x: Any, y: Any, weights: Any
) -> None:
    model.optimizer.build(model.trainable_variables)
    slots = probe.listed(arrays, "slot")
    if [tuple(each.shape) for each in model.optimizer.variables] != [each.shape for each in slots]:
        found.differences.append("its optimizer has another state")
        return
    for variable, value in zip(model.optimizer.variables, slots, strict=True):
        variable.assign(value)
    after = probe.step(model, x, y, weights)
    found.step = max(_distance(after[key], arrays[key]) for key in after)
    if not found.step <= _STEP_TOLERANCE:
        found.differences.append(f"one step of training differs by {found.step:.2g}")


def _distance(one: Any, other: Any) -> float:
    """The largest difference, relative where values are above 1."""
    one, other = np.asarray(one), np.asarray(other)
    if one.dtype.kind not in "fc" or one.shape != other.shape:
        return 0.0 if np.array_equal(one, other) else float("inf")
    if not one.size:
        return 0.0
    first, second = one.astype("float64"), other.astype("float64")
    return float(np.nanmax(np.abs(first - second) / np.maximum(1.0, np.abs(second))))
