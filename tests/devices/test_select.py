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


@pytest.mark.parametrize(
    ("words", "count"), [(None, None), ("all", None), ("1", 1), ("3", 3), ("0,2", 2), ("2,0,1", 3)]
)
def test_how_many_devices(words: str | None, count: int | None) -> None:
    assert select.how_many(words) == count


@pytest.mark.parametrize("words", ["", "0", "-1", "two", "0,0", "1,", "1.5", "gpu:0", "²", "99999"])
def test_what_says_no_number_of_devices_is_a_wrong_use(words: str) -> None:
    with pytest.raises(UsageError, match=rf"--devices {words}"):
        select.how_many(words)


def test_one_device_is_not_several() -> None:
    with pytest.raises(UsageError, match="gpu:1 is one device: leave out --devices 2"):
        select.choose("gpu:1", "2")
    with pytest.raises(UsageError, match="a CPU has no numbers"):
        select.choose("cpu", "0,1")


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="there are GPUs")
def test_without_gpus_the_way_to_try_it_is_told() -> None:
    with pytest.raises(DeviceError, match=r"finds no GPU .* --device cpu --devices 2"):
        select.choose(None, "2")


def test_a_cpu_cannot_be_divided_once_it_works() -> None:
    tf.constant(1)
    with pytest.raises(DeviceError, match="--devices 64 is too late"):
        select.choose("cpu", "64")


class Gpu:
    def __init__(self, number: int) -> None:
        self.name = f"/physical_device:GPU:{number}"


@pytest.mark.parametrize(
    ("wanted", "several", "most", "taken"),
    [
        (None, None, None, [0, 1, 2]),
        (None, None, 1, [0]),
        (None, None, 2, [0, 1]),
        (None, "all", 1, [0, 1, 2]),
        (None, "2", None, [0, 1]),
        ("gpu", "0,2", None, [0, 2]),
        ("gpu:1", None, None, [1]),
        ("cpu", None, None, []),
    ],
)
def test_which_gpus_are_taken(monkeypatch, wanted, several, most, taken) -> None:
    gpus, visible = [Gpu(i) for i in range(3)], []
    listed = {"GPU": gpus, "CPU": []}
    monkeypatch.setattr(tf.config, "list_physical_devices", listed.__getitem__)
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda given, _: visible.extend(given))
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda *_: None)
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda gpu: {"device_name": "a GPU"}
    )
    chosen = select.choose(wanted, several, most=most)
    assert visible == [gpus[i] for i in taken]
    assert chosen.names == (tuple(f"GPU:{i}" for i in range(len(taken))) or ("CPU:0",))
    if taken:
        assert chosen.words == ", ".join(f"GPU {i} (a GPU)" for i in taken)
    with pytest.raises(DeviceError, match=r"--devices 1,7: this machine has gpu:0 to gpu:2"):
        select.choose(None, "1,7")
