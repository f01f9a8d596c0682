"""What is known of a format before anything is converted."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from nnpy.errors import UsageError
from nnpy.export import formats


def test_a_format_goes_by_its_name_and_by_its_suffix():
    assert formats.named("ONNX").name == formats.named(".onnx").name == "onnx"
    assert formats.of_file(Path("a/b.ONNX")).name == "onnx"
    assert formats.of_file(Path("a/b.keras")) is None


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
    assert formats.fit(onnx, {"LSTM", "Dense"}, batch=3) == formats.Fit(batch=3)
