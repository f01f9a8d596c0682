"""The devices of this machine: found, chosen, described. TensorFlow is imported inside."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnpy.devices.host import check_room, cores_here, processor
from nnpy.errors import DeviceError, UsageError


def prepare_environment() -> None:
    """Settings that TensorFlow and Keras read when they are imported; what is set stays."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    # TensorFlow turns oneDNN on by itself only where the processor has AVX-512 VNNI; on others
    # it takes a third off convolutions and recurrent layers too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    try:
        tempfile.gettempdir()
    except OSError:
        # TensorFlow asks for the name of a folder for temporary files when it is imported, and
        # makes none there: where all is read-only but the run folder, a training needs no more.
        tempfile.tempdir = str(Path.cwd())


@dataclass(frozen=True)
class Devices:
    """What a process computes on: TensorFlow's names ("GPU:0"), and words for people."""

    names: tuple[str, ...]
    words: str


def select(wanted: str | None = None, *, one_thread: bool = False) -> str:
    """Make TensorFlow use one device; returns it in words. The arguments are those of `choose`."""
    return choose(wanted, one_thread=one_thread, most=1).words


def choose(
    wanted: str | None = None,
    several: str | None = None,
    *,
    most: int | None = None,
    one_thread: bool = False,
) -> Devices:
    """Make TensorFlow use the wanted devices, and no others.

    `wanted` is "cpu", "gpu", "gpu:N", or None for the GPUs there are, else the CPU; `several` is
    "all", how many ("2"), or the numbers of GPUs ("0,2"). A CPU can be divided into so many
    devices, which is no faster, but shows how a training on several goes. At most `most` devices
    are taken where `several` does not say how many. With `one_thread` a CPU's cores work on as
    many operations as they are, each on one thread (see `nnpy.engine.batch_parts`), instead of
    all on one. Raises DeviceError when a device is not there or there is no memory, UsageError
    when it is none.
    """
    check_room()
    import tensorflow as tf

    count = how_many(several)
    gpus = tf.config.list_physical_devices("GPU")
    if wanted == "cpu":
        chosen = []
    elif wanted is None and several is None:
        chosen = gpus
    elif wanted in (None, "gpu"):
        chosen = _listed(several, gpus) if several else _gpus("--device gpu", "gpu", gpus)
    elif wanted.startswith("gpu:"):
        if several is not None:
            raise UsageError(f"--device {wanted} is one device: leave out --devices {several}")
        chosen = _gpus(f"--device {wanted}", wanted, gpus)
    else:
        raise UsageError(f"--device {wanted}: expected cpu, gpu or gpu:N")
    if several is None:
        chosen = chosen[:most]
    try:
        tf.config.set_visible_devices(chosen, "GPU")
        for gpu in chosen:
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:  # TensorFlow is at work already, in a notebook say
        visible = tf.config.get_visible_devices("GPU")
        told = wanted if several is None else several
        if told is not None and visible[: len(chosen)] != chosen:
            option = "--device" if several is None else "--devices"
            raise DeviceError(
                f"{option} {told} is too late: TensorFlow is already initialized in this process"
            ) from None
        chosen = visible if told is None else chosen
        chosen = chosen[:most] if several is None else chosen
    if chosen:
        return Devices(
            tuple(f"GPU:{i}" for i in range(len(chosen))), ", ".join(_name(gpu) for gpu in chosen)
        )
    if several is not None and "," in several:
        raise UsageError(f"--devices {several}: a CPU has no numbers; say how many, --devices 2")
    divided = count or 1
    if divided > 1:
        _divide_cpu(divided)
    cores = "1 core" if cores_here() == 1 else f"{cores_here()} cores"
    if one_thread and divided == 1:
        # TensorFlow is at work already, in a notebook say: its threads stay as they are.
        with contextlib.suppress(RuntimeError):
            tf.config.threading.set_inter_op_parallelism_threads(cores_here())
            tf.config.threading.set_intra_op_parallelism_threads(1)
    if tf.config.threading.get_intra_op_parallelism_threads() == 1 and cores_here() > 1:
        cores += ", one thread per operation"
    words = f"CPU ({processor()}, {cores})"
    if divided > 1:
        words += f", divided into {divided} devices"
    return Devices(tuple(f"CPU:{i}" for i in range(divided)), words)


def how_many(several: str | None) -> int | None:
    """How many devices `--devices` asks for; None for all there are. Raises UsageError."""
    if several in (None, "all"):
        return None
    numbers = [each.strip() for each in several.split(",")] if several else [""]
    if not all(each.isascii() and each.isdigit() and len(each) < 5 for each in numbers):
        raise UsageError(
            f"--devices {several}: expected all, how many (2), or the numbers of GPUs (0,2)"
        )
    if len(set(map(int, numbers))) < len(numbers):
        raise UsageError(f"--devices {several}: it names a device twice")
    if len(numbers) == 1 and int(numbers[0]) == 0:
        raise UsageError(f"--devices {several}: there must be one at least; see --device gpu:0")
    return len(numbers) if len(numbers) > 1 else int(numbers[0])


def _divide_cpu(count: int) -> None:
    """Make TensorFlow's CPU so many devices. Raises DeviceError when it is at work already."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * count
        )
    except RuntimeError:
        if len(tf.config.list_logical_devices("CPU")) < count:
            raise DeviceError(
                f"--devices {count} is too late: TensorFlow is already initialized in this process"
            ) from None


def _listed(several: str, gpus: list[Any]) -> list[Any]:
    """The GPUs that `--devices` names."""
    if not gpus:
        hint = "" if _has_cuda() else "; this TensorFlow has no CUDA: install nnpy[cuda]"
        raise DeviceError(
            f"--devices {several}: TensorFlow finds no GPU on this machine{hint}. To see how a "
            "training on several devices goes, divide the CPU: --device cpu --devices 2"
        )
    if several == "all":
        return gpus
    numbers = [int(each) for each in several.split(",")]
    if len(numbers) == 1:
        numbers = [*range(numbers[0])]
    missing = [each for each in numbers if each >= len(gpus)]
    if missing:
        raise DeviceError(f"--devices {several}: this machine has {_range(gpus)}")
    return [gpus[each] for each in numbers]


def _range(gpus: list[Any]) -> str:
    return "gpu:0" if len(gpus) == 1 else f"gpu:0 to gpu:{len(gpus) - 1}"


def make_deterministic() -> None:
    """Let only those operations run that give the same bits each time, however slow.

    Call it before the first operation. On a CPU nnpy's trainings are so without it.
    """
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()


def _gpus(option: str, wanted: str, gpus: list[Any]) -> list[Any]:
    if not gpus:
        hint = "" if _has_cuda() else "; this TensorFlow has no CUDA: install nnpy[cuda]"
        raise DeviceError(f"{option}: TensorFlow finds no GPU on this machine{hint}")
    if wanted == "gpu":
        return gpus
    number = wanted.removeprefix("gpu:")
    if not number.isdigit():
        raise UsageError(f"{option}: expected cpu, gpu or gpu:N")
    if int(number) >= len(gpus):
        raise DeviceError(f"{option}: not available; this machine has {_range(gpus)}")
    return [gpus[int(number)]]


def describe() -> dict[str, Any]:
    """CPU and GPUs as TensorFlow sees them, for records."""
    import tensorflow as tf

    return {
        "cpu": processor(),
        "cores": cores_here(),
        "gpus": [_name(gpu) for gpu in tf.config.list_physical_devices("GPU")],
    }


def _name(gpu: Any) -> str:
    import tensorflow as tf

    details = tf.config.experimental.get_device_details(gpu)
    return f"GPU {gpu.name.rpartition(':')[2]} ({details.get('device_name', 'unknown')})"


def _has_cuda() -> bool:
    import tensorflow as tf

    return bool(tf.test.is_built_with_cuda())
