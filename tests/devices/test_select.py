"""Devices: chosen, refused, described."""

from __future__ import annotations

import pytest
import tensorflow as tf

from nnpy.devices import select
from nnpy.errors import DeviceError, UsageError


def test_the_cpu_is_always_there() -> None:
    assert select.select("cpu").startswith("CPU (")
    assert select.describe()["cores"] >= 1


def test_a_device_that_is_not_there_is_refused() -> None:
    missing = f"gpu:{len(tf.config.list_physical_devices('GPU'))}"
    with pytest.raises(DeviceError, match=missing):
        select.select(missing)


@pytest.mark.parametrize("word", ["tpu", "gpu:x", "cpu:0", ""])
def test_what_is_no_device_is_a_wrong_use(word: str) -> None:
    with pytest.raises((UsageError, DeviceError)):
        select.select(word)
