"""Which network suits data, and how it is trained: plain, small, and right for each task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnpy.data import Part, Target, Task
from nnpy.data.targets import INPUT
from nnpy.workflows.first_config.find import Found

_STEPS = 4000  # of a training, about
_LEAST, _MOST = 10, 200  # epochs
_TOKENS = 16  # whole numbers in a row from which they may be words
_VOCABULARY = 200_000


@dataclass
class Suited:
    """The sections model and training as text, `data.target`, and what was decided."""

    text: str
    target: str | None = None
    told: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Trunk:
    """The steps that make one input a vector, each as YAML, and what its examples are."""

    steps: tuple[str, ...]
    kind: str


def suited(found: Found) -> Suited:
    """The network for what was found."""
    info = found.info
    if info.targets[0].task is Task.UNKNOWN:
        return _autoencoder(found)
    trunks = {name: _trunk(name, part, found) for name, part in _parts(found).items()}
    if len(trunks) == 1 and len(info.targets) == 1:
        (trunk,) = trunks.values()
        steps = [*trunk.steps, *_body(trunk.kind, found), _head(info.targets[0])]
        model = "model:\n" + "".join(f"  - {step}\n" for step in steps)
    else:
        model = _functional(trunks, info.targets, found)
    return Suited(f"{model}\n{_training(found, info.targets, [*trunks.values()])}")


def _parts(found: Found) -> dict[str, Part]:
    info = found.info
    return dict(info.inputs) or {"": Part(info.shape, info.dtype, info.scale)}


def _trunk(name: str, part: Part, found: Found) -> _Trunk:
    """How one input begins: pictures are convolved, words embedded, numbers standardized."""
    shape = part.shape
    if found.source == "table":
        return _Trunk((), "vector")
    if found.source == "text":
        size = found.options["vocabulary"]
        embedding = f"Embedding: {{input_dim: {size}, output_dim: 32, mask_zero: true}}"
        return _Trunk((embedding, "GlobalAveragePooling1D"), "texts")
    x = _values(name, found)
    if _is_picture(part, found):
        return _Trunk((*_scaled(part, x), *_convolutions(shape)), "picture")
    if len(shape) == 1 and x is not None and _are_tokens(x):
        size = int(x.max()) + 1
        masked = "mask_zero: true" if (x == 0).any() else "mask_zero: false"
        steps = (f"Embedding: {{input_dim: {size}, output_dim: 32, {masked}}}",)
        return _Trunk((*steps, "Bidirectional: {layer: {LSTM: {units: 32}}}"), "words")
    if len(shape) == 2:
        padded = x is not None and bool((x[:, -1] == 0).all(axis=-1).any())
        mask = ("Masking: {mask_value: 0}",) if padded else _scaled(part, x)
        return _Trunk((*mask, "Bidirectional: {layer: {LSTM: {units: 32}}}"), "sequence")
    flat = () if len(shape) == 1 else ("Flatten",)
    return _Trunk((*_scaled(part, x), *flat), "vector")


def _values(name: str, found: Found) -> np.ndarray | None:
    """Some of the values of an input, where they were read."""
    if found.dataset is None:
        return None
    if found.source == "image_folder":
        return None
    x = found.dataset.train.x
    array: Any = x[name] if isinstance(x, dict) else x
    return np.asarray(array[:5000])


def _is_picture(part: Part, found: Found) -> bool:
    shape = part.shape
    if found.source in ("image_folder", "idx"):
        return len(shape) in (2, 3) and min(shape[:2]) >= 4
    if len(shape) == 3:
        return shape[2] <= 16 and min(shape[:2]) >= 4
    return len(shape) == 2 and (part.dtype == "uint8" or shape[0] == shape[1]) and shape[0] >= 4


def _are_tokens(x: np.ndarray) -> bool:
    """Whether rows of whole numbers are those of words, of which there are many."""
    if x.dtype.kind not in "iu" or x.dtype == np.uint8 or x.shape[1] < _TOKENS or not x.size:
        return False
    return bool(x.min() >= 0 and 50 < x.max() < _VOCABULARY)


def _scaled(part: Part, x: np.ndarray | None) -> tuple[str, ...]:
    """A layer that standardizes numbers which are far from 0 and 1."""
    if x is None or part.scale != 1 or not x.size:
        return ()
    values = x.astype(np.float64)
    fine = np.abs(values).max() <= 10 and 0.1 < values.std() < 3
    return () if fine else ("Normalization: {adapt: true}",)


def _convolutions(shape: Sequence[int]) -> tuple[str, ...]:
    side, filters = min(shape[:2]), 32
    steps = []
    while True:
        steps.append(
            f"Conv2D: {{filters: {filters}, kernel_size: 3, padding: same, activation: relu}}"
        )
        if side < 8:
            break
        steps.append("MaxPooling2D")
        side, filters = side // 2, min(2 * filters, 128)
        if side < 8:
            break
    return (*steps, "Flatten")


def _body(kind: str, found: Found) -> tuple[str, ...]:
    if kind == "picture":
        return ("Dense: {units: 128, activation: relu}", "Dropout: {rate: 0.5}")
    if kind in ("words", "sequence"):
        return ("Dropout: {rate: 0.3}",)
    if found.info.train < 500:  # what is small is learnt by heart by what is large
        return ("Dense: {units: 32, activation: relu}", "Dropout: {rate: 0.2}")
    return (
        "Dense: {units: 64, activation: relu}",
        "Dropout: {rate: 0.2}",
        "Dense: {units: 32, activation: relu}",
    )


def _head(target: Target, more: str = "") -> str:
    units = max(1, len(target.classes))
    activation = {Task.CLASSES: ", activation: softmax", Task.LABELS: ", activation: sigmoid"}
    return f"Dense: {{units: {units}{activation.get(target.task, '')}{more}}}"


def _functional(trunks: dict[str, _Trunk], targets: Sequence[Target], found: Found) -> str:
    """Several inputs are joined; each target has a last layer of its own."""
    lines, ends, parts = ["model:"], [], _parts(found)
    names = {name: name or "input" for name in trunks}
    if "" not in trunks:
        lines.append("  inputs:")
        for name, part in parts.items():
            shape = list(part.shape)
            if trunks[name].kind == "picture" and len(shape) == 2:
                shape.append(1)
            lines.append(f"    {names[name]}: {{shape: {shape}}}")
    lines.append("  layers:")
    for name, trunk in trunks.items():
        end = names[name]
        for index, step in enumerate(trunk.steps):
            own = f"{names[name]}_{index + 1}"
            lines.append(f"    - {_joined(step, f'from: {end}, name: {own}')}")
            end = own
        ends.append(end)
    last = ends[0]
    if len(ends) > 1:
        lines.append(f"    - Concatenate: {{from: [{', '.join(ends)}], name: joined}}")
        last = "joined"
    for index, step in enumerate(_body("vector", found)):
        lines.append(f"    - {_joined(step, f'from: {last}, name: shared_{index + 1}')}")
        last = f"shared_{index + 1}"
    outputs = []
    for index, target in enumerate(targets):
        own = f"answer_{index + 1}"
        lines.append(f"    - {_head(target, f', from: {last}, name: {own}')}")
        outputs.append(f"{target.name or 'answer'}: {own}")
    lines.append(f"  outputs: {{{', '.join(outputs)}}}")
    return "\n".join(lines) + "\n"


def _joined(step: str, more: str) -> str:
    """A step with further arguments."""
    return f"{step[:-1]}, {more}}}" if step.endswith("}") else f"{step}: {{{more}}}"


def _training(found: Found, targets: Sequence[Target], trunks: Sequence[_Trunk]) -> str:
    examples = max(1, round(0.7 * found.info.train))
    batch = 32 if examples < 20_000 else 128
    epochs = max(_LEAST, min(_MOST, round(_STEPS * batch / examples)))
    if any(each.kind in ("picture", "words", "sequence", "texts") for each in trunks):
        epochs = min(epochs, 30)
    patience = max(3, epochs // 5)
    lines = [
        "training:",
        "  optimizer: {Adam: {learning_rate: 0.001}}",
        f"  epochs: {epochs}",
        f"  batch_size: {batch}",
    ]
    (target, *others) = targets
    if not others and target.task is Task.CLASSES and _is_uneven(found, target):
        lines.append("  class_weight: balanced       # all classes count the same")
    lines += [
        "  callbacks:                     # ends the training when it gains nothing any more",
        f"    - EarlyStopping: {{monitor: val_loss, patience: {patience}}}",
        "  seed: 0                        # the same seed gives the same result",
    ]
    return "\n".join(lines) + "\n"


def _is_uneven(found: Found, target: Target) -> bool:
    if found.dataset is None or isinstance(found.dataset.train.y, dict):
        return False
    counts = np.bincount(np.asarray(found.dataset.train.y).reshape(-1).astype(np.int64))
    counts = counts[counts > 0]
    return bool(len(counts) > 1 and counts.max() > 5 * counts.min())


def _autoencoder(found: Found) -> Suited:
    """There is nothing to be answered: the network gives its input back."""
    (part,) = [*_parts(found).values()][:1]
    size = int(np.prod(part.shape))
    last = ", activation: sigmoid" if part.scale != 1 else ""
    code = max(2, min(32, size // 4))
    steps = [
        *_scaled(part, _values("", found)),
        *(["Flatten"] if len(part.shape) > 1 else []),
        f"Dense: {{units: {max(16, min(256, size))}, activation: relu}}",
        f"Dense: {{units: {code}, activation: relu, name: code}}",
        f"Dense: {{units: {max(16, min(256, size))}, activation: relu}}",
        f"Dense: {{units: {size}{last}}}",
        *([f"Reshape: {{target_shape: {list(part.shape)}}}"] if len(part.shape) > 1 else []),
    ]
    model = "model:\n" + "".join(f"  - {step}\n" for step in steps)
    told = ["there are no targets: an autoencoder, which gives its input back"]
    return Suited(f"{model}\n{_training(found, found.info.targets, [])}", INPUT, told)
