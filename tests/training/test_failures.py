"""Troubles are told with the place and a way out."""

from __future__ import annotations

import math

import pytest

from nnpy.errors import DeviceError
from nnpy.training import failures


def test_finite_numbers_pass():
    failures.check_finite({"loss": 0.5, "accuracy": 0.0}, 0, 1, 1)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_the_epoch_and_the_steps_are_named(value):
    with pytest.raises(failures.NotFinite) as caught:
        failures.check_finite({"accuracy": 0.1, "loss": value}, 2, 11, 40)
    assert f"the loss became {value} in epoch 3, steps 11 to 40." in str(caught.value)
    with pytest.raises(failures.NotFinite, match=r"the mae became .* in epoch 1, step 7"):
        failures.check_finite({"loss": 1.0, "mae": value}, 0, 7, 7)


def test_out_of_memory_suggests_a_batch_size():
    tf = pytest.importorskip("tensorflow")
    with pytest.raises(tf.errors.ResourceExhaustedError) as caught:
        tf.zeros((1 << 40,)) + 1
    said = failures.translate_error(caught.value, 256)
    assert isinstance(said, DeviceError)
    assert str(said) == "out of memory with batch size 256; try --set training.batch_size=128"
    said = failures.translate_error(MemoryError(), 1)
    assert "use a smaller model" in str(said)
    assert failures.translate_error(ValueError("shapes"), 32) is None
