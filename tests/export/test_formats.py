"""What is known of a format before anything is converted."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from nnpy.errors import UsageError
from nnpy.export import formats

TFLITE = formats.FORMATS["tflite"]


def test_a_format_goes_by_its_name_and_by_its_suffix():
    assert formats.named("ONNX").name == formats.named(".onnx").name == "onnx"
    assert formats.of_file(Path("a/b.ONNX")).name == "onnx"
    assert formats.of_file(Path("a/b.keras")) is None  # is opened as nnpy's own
    assert formats.named("litert").name == "tflite"
    assert formats.named("tf_saved_model").name == "savedmodel"


def test_an_unknown_format_is_refused_with_the_one_that_was_meant():
    with pytest.raises(UsageError, match=r"--format onx: expected .*did you mean 'onnx'"):
        formats.named("onx")


def test_a_package_that_is_missing_is_named():
    wanted = dataclasses.replace(formats.FORMATS["onnx"], writes=("no_such_module",))
    with pytest.raises(UsageError, match=r"ONNX needs no-such-module: pip install 'nnpy\[export\]"):
        formats.check_installed(wanted, wanted.writes)


def test_a_quantization_that_a_format_has_not_is_refused():
    wanted = dataclasses.replace(formats.FORMATS["onnx"], quantizations=("none",))
    with pytest.raises(UsageError, match="--quantize float16: ONNX is written with none"):
        formats.check_quantization(wanted, "float16")


def test_states_and_look_ups_are_refused_with_the_reason():
    onnx = formats.FORMATS["onnx"]
    assert "stateful: false" in formats.fit(onnx, {"LSTM"}, stateful=True).refused
    assert "no operation for StringLookup" in formats.fit(onnx, {"StringLookup"}).refused
    assert "no operation for StringLookup" in formats.fit(TFLITE, {"StringLookup"}).refused
    assert formats.fit(onnx, {"LSTM", "Dense"}, batch=3) == formats.Fit(batch=3)
    for name in ("savedmodel", "keras"):
        assert not formats.fit(formats.FORMATS[name], {"StringLookup", "MaxPooling3D"}).refused


def test_what_litert_can_run_only_so_is_made_so_and_told():
    found = formats.fit(TFLITE, {"GRU", "Dense"}, quantize="int8")
    assert (found.batch, found.quantize) == (1, "int8-weights")
    assert "int8-weights instead of int8" in found.notes[0]
    assert "batch size 1, which LiteRT needs for GRU" in found.notes[1]
    assert formats.fit(TFLITE, {"ConvLSTM2D"}, batch=4).batch == 4
    assert "leave out --batch open" in formats.fit(TFLITE, {"LSTM"}, open_batch=True).refused
    assert "no operation for MaxPooling3D" in formats.fit(TFLITE, {"MaxPooling3D"}).refused
    assert formats.fit(TFLITE, {"Dense"}, open_batch=True, quantize="int8").batch is None
