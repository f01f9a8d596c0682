"""The devices of this machine: found, chosen, described. TensorFlow is imported inside."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from nnpy.devices.host import cores_here, processor
from nnpy.errors import DeviceError, UsageError


def prepare_environment() -> None:
    """Settings that TensorFlow and Keras read when they are imported; what is set stays."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    # TensorFlow turns oneDNN on by itself only where the processor has AVX-512 VNNI; on others
    # it takes a third off convolutions and recurrent layers too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def select(wanted: str | None = None, *, one_thread: bool = False) -> str:
    """Make TensorFlow use the wanted device; returns it in words for people.

    `wanted` is "cpu", "gpu", "gpu:N", or None for all GPUs there are, else the CPU. With
    `one_thread` a CPU's cores work on as many operations as they are, each on one thread (see
    `nnpy.engine.batch_parts`), instead of all on one. Raises DeviceError when the device is not
    there, UsageError when it is not a device.
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if wanted is None:
        chosen = gpus
    elif wanted == "cpu":
        chosen = []
    elif wanted == "gpu" or wanted.startswith("gpu:"):
        chosen = _gpus(wanted, gpus)
    else:
        raise UsageError(f"--device {wanted}: expected cpu, gpu or gpu:N")
    try:
        tf.config.set_visible_devices(chosen, "GPU")
        for gpu in chosen:
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:  # TensorFlow is at work already, in a notebook say
        visible = tf.config.get_visible_devices("GPU")
        if wanted is not None and visible != chosen:
            raise DeviceError(
                f"--device {wanted} is too late: TensorFlow is already initialized in this process"
            ) from None
        chosen = visible
    if not chosen:
        cores = "1 core" if cores_here() == 1 else f"{cores_here()} cores"
        if one_thread:
            # TensorFlow is at work already, in a notebook say: its threads stay as they are.
            with contextlib.suppress(RuntimeError):
                tf.config.threading.set_inter_op_parallelism_threads(cores_here())
                tf.config.threading.set_intra_op_parallelism_threads(1)
        if tf.config.threading.get_intra_op_parallelism_threads() == 1 and cores_here() > 1:
            cores += ", one thread per operation"
        return f"CPU ({processor()}, {cores})"
    return ", ".join(_name(gpu) for gpu in chosen)


def make_deterministic() -> None:
    """Let only those operations run that give the same bits each time, however slow.

    Call it before the first operation. On a CPU nnpy's trainings are so without it.
    """
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()


def _gpus(wanted: str, gpus: list[Any]) -> list[Any]:
    if not gpus:
        hint = "" if _has_cuda() else "; this TensorFlow has no CUDA: install nnpy[cuda]"
        raise DeviceError(f"--device {wanted}: TensorFlow finds no GPU on this machine{hint}")
    if wanted == "gpu":
        return gpus
    number = wanted.removeprefix("gpu:")
    if not number.isdigit():
        raise UsageError(f"--device {wanted}: expected cpu, gpu or gpu:N")
    if int(number) >= len(gpus):
        there = "gpu:0" if len(gpus) == 1 else f"gpu:0 to gpu:{len(gpus) - 1}"
        raise DeviceError(f"--device {wanted}: not available; this machine has {there}")
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
