"""What an exported file takes and gives, as plain data for its metadata and its JSON."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nnpy.data.files import pictures
from nnpy.data.targets import target_of
from nnpy.export import formats, sidecar
from nnpy.export.formats import Fit, Format
from nnpy.runs import environment
from nnpy.workflows import examples

if TYPE_CHECKING:
    from nnpy.workflows.export.export import Exporter

_UNNAMED = re.compile(r"(keras_tensor|input_layer)(_\d+)*")  # by Keras
_INSTEAD = {"float64": "float32", "float16": "float32", "bool": "uint8"}


def inputs(exporter: Exporter, wanted: Format) -> list[dict[str, Any]]:
    """Name, shape of one example and dtype of what the file takes.

    `data` is the name that the data have for it, where the file cannot have the same.
    """
    found = _inputs(exporter)
    names = formats.input_names(wanted, [each["name"] for each in found])
    return [
        each if each["name"] == name else {**each, "name": name, "data": each["name"]}
        for each, name in zip(found, names, strict=True)
    ]


def _inputs(exporter: Exporter) -> list[dict[str, Any]]:
    info, model = exporter.session.data_info, exporter.model
    given = [tensor.name for tensor in model.inputs]
    names = ["input" if _UNNAMED.fullmatch(each) else each for each in given]
    if not exporter.order.raw_input:
        return [
            {"name": name, "shape": list(tensor.shape[1:]), "dtype": "float32"}
            for name, tensor in zip(names, model.inputs, strict=True)
        ]
    if info.inputs:
        return [
            {"name": name, "shape": list(part.shape), "dtype": _INSTEAD.get(part.dtype, part.dtype)}
            for name, part in info.inputs.items()
        ]
    dtype = _INSTEAD.get(info.dtype, info.dtype)
    return [{"name": names[0], "shape": list(info.shape), "dtype": dtype}]


def described(exporter: Exporter, wanted: Format, fit: Fit) -> dict[str, Any]:
    """All that a user of the file needs, but how it was checked."""
    info, reference = exporter.session.data_info, exporter.reference
    scales = {each.name: each.scale for each in exporter.outputs_of}
    run = exporter.run
    target = target_of(info, reference.answer or next(iter(reference.outputs)))
    told = {
        "format": sidecar.FORMAT,
        "kind": wanted.name,
        "quantize": fit.quantize,
        "model": {
            "name": run.name if run is not None else exporter.path.stem,
            "digest": exporter.digest,
            "run": run.name if run is not None else None,
        },
        "data": info.name,
        "task": str(reference.task),
        "inputs": inputs(exporter, wanted),
        "batch": fit.batch,
        "outputs": [
            {"name": name, "shape": list(values.shape[1:]), "scale": scales[name]}
            for name, values in reference.outputs.items()
        ],
        "answer": reference.answer,
        "classes": list(target.classes or info.classes),
        "raw_input": exporter.order.raw_input,
        "stored": {"shape": list(info.shape), "dtype": info.dtype},
        "rescale": float(exporter.preprocessing.scale),
        "channel_axis": exporter.preprocessing.channel_axis,
        "versions": environment.versions(),
    }
    learnt = exporter.session.dataset().preprocessing
    if "source" in learnt:  # what was learnt of rows or texts, not how pictures were made to fit
        told["table"] = learnt
    elif pictures.is_picture_shape(info.shape):
        told["picture"] = _picture(exporter)
    return told


def _picture(exporter: Exporter) -> dict[str, Any]:
    """How `nnpy predict` makes a picture what the model takes."""
    shape = exporter.session.data_info.shape
    return {
        "height": shape[0],
        "width": shape[1],
        "color_mode": pictures.color_mode_of(shape),
        **asdict(examples.picture_form(exporter.session)),
    }
