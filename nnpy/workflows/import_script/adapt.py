"""A model that takes prepared pictures → one that takes them as nnpy gives them.

Scripts reshape and scale their pictures before `fit`. nnpy gives them in their own shape, scaled
by `rescale`; where the script's model wants something else, a step before it does the same.
"""

from __future__ import annotations

import math
import re
from typing import Any

_AS_NNPY = (1 / 255, 0.0)
# With such a layer in the model `rescale: auto` may decide that the model scales by itself.
_SCALES = re.compile(r"'(Rescaling|Normalization)'")


def adapted(record: dict[str, Any]) -> tuple[Any, dict[str, Any], list[dict[str, Any]]]:
    """The `model:` and `data:` sections for nnpy's own pictures, and notes on what was added."""
    model, data = record["model"], dict(record["data"])
    shape, scaling = record.get("stored_shape"), record.get("scaling")
    notes: list[dict[str, Any]] = []
    inputs = model.get("inputs") or {}
    if data.get("name") is None or shape is None or len(inputs) != 1 or len(shape) < 2:
        return model, data, notes
    if scaling is not None:
        scale, offset = scaling
        if offset != 0:
            data["rescale"] = 1.0
            model = _before(model, {"Rescaling": {"scale": scale, "offset": offset}}, None)
            text = f"the script's pictures are value × {scale:g} + {offset:g} before fit"
            notes.append({"path": ["model"], "text": f"{text}; the first step does it here"})
        elif (scale, offset) != _AS_NNPY or _SCALES.search(str(model)):
            data["rescale"] = scale
    wanted = next(iter(inputs.values()))["shape"]
    if None not in wanted and list(shape) != wanted and [*shape, 1] != wanted:
        if math.prod(shape) == math.prod(wanted):
            flat = len(wanted) == 1
            step = {"Flatten": {}} if flat else {"Reshape": {"target_shape": wanted}}
            model = _before(model, step, shape)
            text = f"the script reshapes its pictures to {wanted} before fit"
            notes.append({"path": ["model"], "text": f"{text}; the first step does it here"})
        else:
            data = {"name": None}
            text = f"data: to be filled in; the script makes {wanted} of the {list(shape)}"
            notes.append({"path": ["data"], "text": f"{text} of {record['data']['name']}"})
    return model, data, notes


def _before(model: dict[str, Any], step: dict[str, Any], shape: list[int] | None) -> dict[str, Any]:
    """The model with a step before it.

    In a stack of layers it simply comes first; elsewhere it bears the name of the input, whose
    place it takes.
    """
    [(name, given)] = model["inputs"].items()
    own = given if shape is None else {**given, "shape": list(shape)}
    [(kind, arguments)] = step.items()
    if set(model) == {"inputs", "layers"} and is_default_name(name):
        first: Any = {kind: arguments} if arguments else kind
        return {"inputs": {name: own}, "layers": [first, *model["layers"]]}
    new = "pictures" if name != "pictures" else "pictures_given"
    first = {kind: {**arguments, "name": name}}
    return {**model, "inputs": {new: own}, "layers": [first, *model["layers"]]}


def is_default_name(name: str) -> bool:
    """Whether Keras named an input by itself."""
    return re.fullmatch(r"input_layer(_\d+)?|keras_tensor(_\d+)?|.*_input", name) is not None
