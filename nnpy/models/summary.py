"""What a Keras model is made of: a row a layer, and its first weights as pictures.

Multiply-adds are those of one example going forward through matrix products, convolutions and
recurrences; additions of biases, activations and normalizations are not counted, as is the custom.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class LayerRow:
    """One call of one layer (or `keras.ops` function)."""

    name: str  # of a layer within a model within the model: "outer/inner"
    kind: str  # the class: "Dense"
    shapes: tuple[Shape, ...]  # of its outputs, without the batch; empty where unknown
    parameters: int  # 0 from a shared layer's second call on
    multiply_adds: int | None  # of one example; None where unknown
    activation_bytes: int | None  # of its outputs for one example; None where unknown

    def as_dict(self) -> dict[str, Any]:
        """The row as plain data."""
        return asdict(self)


def layer_table(model: Any) -> list[LayerRow]:
    """The layers of a built keras.Model in the order of computation, nested models unfolded."""
    rows = []
    seen: set[int] = set()
    for name, operation, inputs, outputs in _calls(model):
        size = 0 if id(operation) in seen else _parameters(operation)
        seen.add(id(operation))
        rows.append(
            LayerRow(
                name=name,
                kind=type(operation).__name__,
                shapes=tuple(tuple(tensor.shape[1:]) for tensor in outputs),
                parameters=size,
                multiply_adds=_multiply_adds(operation, inputs, outputs),
                activation_bytes=_bytes(outputs) if outputs else None,
            )
        )
    return rows


def first_pictures(model: Any) -> np.ndarray | None:
    """The first layer's weights as pictures: float `(count, h, w)` or `(count, h, w, 3)`.

    That is a Dense layer on flattened pictures, or a Conv2D of pictures with 1 or 3 channels and
    a kernel of at least 3 × 3. None where the first layer is anything else.
    """
    shape: tuple[Any, ...] = () if isinstance(model.input_shape, list) else model.input_shape
    if (
        len(shape) not in (3, 4)
        or None in shape[1:]
        or (len(shape) == 4 and shape[3] not in (1, 3))
    ):
        return None
    for _, layer, _, _ in _calls(model):
        kind = type(layer).__name__
        if kind in ("Normalization", "BatchNormalization") or not _parameters(layer):
            continue
        if kind == "Dense" and layer.kernel.shape[0] == math.prod(shape[1:]):
            pictures: np.ndarray = np.asarray(layer.kernel).T.reshape(-1, *shape[1:])
        elif kind == "Conv2D" and min(layer.kernel_size) >= 3 and layer.kernel.shape[2] in (1, 3):
            pictures = np.moveaxis(np.asarray(layer.kernel), -1, 0)
        else:
            return None
        pictures = pictures.astype(np.float32)
        return pictures.squeeze(-1) if pictures.ndim == 4 and pictures.shape[-1] == 1 else pictures
    return None


def _calls(model: Any, prefix: str = "") -> Iterator[tuple[str, Any, list[Any], list[Any]]]:
    """(name, operation, input tensors, output tensors) of each call in the model's graph.

    Keras tells a layer's shapes publicly only while it is called once (`layer.output`); the
    calls of shared layers are in the graph's nodes, which are private.
    """
    graph = getattr(model, "_functional", None) or model
    if not hasattr(graph, "_nodes_by_depth"):  # a subclassed model has no graph
        for layer in model.layers:
            yield f"{prefix}{layer.name}", layer, [], []
        return
    place = {id(operation): i for i, operation in enumerate(graph.operations)}
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        nodes = graph._nodes_by_depth[depth]
        for node in sorted(nodes, key=lambda node: place[id(node.operation)]):
            operation = node.operation
            if hasattr(operation, "layers") and hasattr(operation, "summary"):
                yield from _calls(operation, f"{prefix}{operation.name}/")
            elif type(operation).__name__ != "InputLayer":
                inputs = list(node.arguments.keras_tensors)
                yield f"{prefix}{operation.name}", operation, inputs, list(node.outputs)


def _parameters(operation: Any) -> int:
    """The numbers in a layer's weights; a random layer's seed is none of them."""
    count = getattr(operation, "count_params", None)
    return int(count()) if count is not None and getattr(operation, "built", True) else 0


def _bytes(tensors: Sequence[Any]) -> int | None:
    total = 0
    for tensor in tensors:
        numbers = _product(tensor.shape[1:])
        if numbers is None:
            return None
        name = str(tensor.dtype)
        width = {"bool": 1, "bfloat16": 2}.get(name) or np.dtype(name).itemsize
        total += numbers * width
    return total


def _product(shape: Sequence[int | None]) -> int | None:
    return None if any(size is None for size in shape) else math.prod(size or 0 for size in shape)


def _multiply_adds(operation: Any, inputs: Sequence[Any], outputs: Sequence[Any]) -> int | None:
    kind = type(operation).__name__
    if not outputs:
        return 0 if not _parameters(operation) else None
    given = inputs[0].shape if inputs else ()
    return _layer_multiply_adds(operation, kind, tuple(given), tuple(outputs[0].shape))


def _layer_multiply_adds(layer: Any, kind: str, given: Shape, result: Shape) -> int | None:
    """Of one example; `given` and `result` are shapes with the batch."""
    # What is multiplied: no biases (a GRU's has two axes), no statistics of a normalization.
    weights = [
        w for w in getattr(layer, "weights", ()) if len(w.shape) >= 2 and "bias" not in w.name
    ]
    numbers = sum(math.prod(w.shape) for w in weights)
    if kind == "TimeDistributed":
        inner = layer.layer
        step = _layer_multiply_adds(
            inner, type(inner).__name__, (given[0], *given[2:]), (result[0], *result[2:])
        )
        return _times(given[1:2], step)
    if kind == "Bidirectional":
        halves = [
            _layer_multiply_adds(one, type(one).__name__, given, result)
            for one in (layer.forward_layer, layer.backward_layer)
        ]
        return None if None in halves else sum(half or 0 for half in halves)
    if kind in ("LSTM", "GRU", "SimpleRNN", "RNN"):
        return _times(given[1:2], numbers)  # every weight is used once a step
    if kind == "Dense":
        return _times(result[1:-1], numbers)
    if kind in ("Matmul", "Dot"):
        return _times(result[1:], given[-1])
    if kind == "EinsumDense":
        return _einsum(layer.equation, given, tuple(layer.kernel.shape))
    if kind == "MultiHeadAttention":
        return _attention(layer, given, result)
    if kind.endswith("Transpose") and kind.startswith("Conv"):
        return _times(_space(layer, given), numbers)
    if "Conv" in kind and hasattr(layer, "kernel_size") and "LSTM" not in kind:
        return _times(_space(layer, result), numbers)
    known = type(layer).__module__.split(".")[0] == "keras"
    idle = kind == "Embedding" or "Normalization" in kind or not numbers
    return 0 if known and idle else None


def _times(shape: Sequence[int | None], number: int | None) -> int | None:
    positions = _product(shape)
    return None if positions is None or number is None else positions * number


def _space(layer: Any, shape: Shape) -> Shape:
    """Height and width (or whatever axes there are) of a convolution's tensor."""
    return shape[1:-1] if layer.data_format == "channels_last" else shape[2:]


def _einsum(equation: str, given: Shape, kernel: Shape) -> int | None:
    """An index is multiplied over once, wherever it occurs: the product of all sizes."""
    left, right = equation.split("->")[0].split(",")
    if "..." in left:
        between = len(given) - len(left.replace("...", ""))
        filler = "".join(chr(0x3B1 + i) for i in range(between))
        left = left.replace("...", filler)
    sizes = dict(zip(left, given, strict=True)) | dict(
        zip(right.replace("...", ""), kernel, strict=True)
    )
    sizes.pop(left[0], None)  # the batch
    return _product(tuple(sizes.values()))


def _attention(layer: Any, given: Shape, result: Shape) -> int | None:
    """Projections, scores and sums of one sequence attending to one as long (self-attention)."""
    length = _product(given[1:-1])
    if length is None:
        return None
    kernels = sum(math.prod(w.shape) for w in layer.weights if len(w.shape) == 3)
    heads, size = layer.num_heads, layer.key_dim
    return length * kernels + length * length * heads * (size + (layer.value_dim or size))
