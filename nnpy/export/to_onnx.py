"""A model as an ONNX file, by tf2onnx. Importing this module imports TensorFlow."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnpy.errors import ModelError
from nnpy.export.formats import INT8_WEIGHTS, NONE
from nnpy.export.serving import Serving

METADATA = "nnpy"  # the key in the file's metadata
OPSET = 15
_LACKING = re.compile(r"No Op registered for (\w+)")


def write(
    serving: Serving,
    path: Path,
    described: Mapping[str, Any],
    *,
    opset: int | None = None,
    quantize: str = NONE,
    examples: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Writes the file. Raises ModelError where ONNX has no operation for one of the model's."""
    import onnx
    import tf2onnx

    proto, _ = tf2onnx.convert.from_function(
        serving.serve,
        serving.signature.specs,
        opset=opset or OPSET,
        custom_op_handlers={"Erfc": (_erfc, []), "Expm1": (_expm1, [])},
    )
    known = {"", "ai.onnx", "ai.onnx.ml"}
    foreign = sorted({node.op_type for node in proto.graph.node if node.domain not in known})
    if foreign:
        raise ModelError(f"ONNX has no operation for TensorFlow's {', '.join(foreign)}")
    _name_axes(proto, serving)
    if quantize != NONE:
        proto = _quantized(proto, serving, quantize, examples or {})
    entry = proto.metadata_props.add()
    entry.key, entry.value = METADATA, json.dumps(described, ensure_ascii=False)
    try:
        onnx.checker.check_model(proto)
    except (onnx.checker.ValidationError, ValueError) as error:
        if lacking := _LACKING.search(str(error)):
            raise ModelError(f"ONNX has no operation for TensorFlow's {lacking[1]}") from None
        first = str(error).strip().partition("\n")[0]
        raise ModelError(f"what was written is no valid ONNX: {first}") from None
    path.write_bytes(proto.SerializeToString())


def _quantized(
    proto: Any, serving: Serving, quantize: str, examples: Mapping[str, np.ndarray]
) -> Any:
    """The model with weights of 8 bits, and for int8 the values between its layers too."""
    import onnx
    from onnxruntime import quantization

    with tempfile.TemporaryDirectory(prefix="nnpy-export-") as name:
        given, made = Path(name) / "given.onnx", Path(name) / "made.onnx"
        given.write_bytes(proto.SerializeToString())
        if quantize == INT8_WEIGHTS:
            quantization.quantize_dynamic(given, made, weight_type=quantization.QuantType.QInt8)
        else:
            reader = _Examples(examples, serving.signature.batch or 1)
            quantization.quantize_static(given, made, reader, per_channel=True)
        return onnx.load(made)


class _Examples:
    """Representative examples as ONNX Runtime asks for them: a batch each time, at last None."""

    def __init__(self, examples: Mapping[str, np.ndarray], size: int) -> None:
        count = len(next(iter(examples.values())))
        self._batches = iter(
            {name: np.asarray(each[start : start + size]) for name, each in examples.items()}
            for start in range(0, count - size + 1, size)
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._batches, None)


def _name_axes(proto: Any, serving: Serving) -> None:
    """The open axis of every input and output is called `batch`, not unk__17."""
    for value in (*proto.graph.input, *proto.graph.output):
        axes = value.type.tensor_type.shape.dim
        if serving.signature.batch is None and len(axes):
            axes[0].dim_param = "batch"


# The converter knows Erf and Exp, but not these two, of which the exact gelu and celu are made.


def _erfc(graph: Any, node: Any, name: str, _arguments: Any) -> None:
    """erfc(x) = 1 - erf(x)."""
    _one_and(graph, node, name, "Erf", lambda one, value: [one, value])


def _expm1(graph: Any, node: Any, name: str, _arguments: Any) -> None:
    """expm1(x) = exp(x) - 1."""
    _one_and(graph, node, name, "Exp", lambda one, value: [value, one])


def _one_and(graph: Any, node: Any, name: str, inner: str, order: Any) -> None:
    shapes, types = node.output_shapes, node.output_dtypes
    outputs, inputs = list(node.output), list(node.input)
    kind = np.float64 if types[0] == 11 else np.float32  # TensorProto.DOUBLE
    graph.remove_node(node.name)
    one = graph.make_const(f"{name}_one", np.array(1, kind)).output[0]
    value = graph.make_node(inner, inputs, name=f"{name}_{inner}", shapes=shapes, dtypes=types)
    graph.make_node(
        "Sub",
        order(one, value.output[0]),
        name=name,
        outputs=outputs,
        shapes=shapes,
        dtypes=types,
    )
