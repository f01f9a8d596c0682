"""Where computing in 16 bits is faster than in 32. TensorFlow is imported inside.

Sources: NVIDIA's mixed-precision guide (tensor cores for float16 since compute capability 7.0, for
bfloat16 since 8.0); oneDNN's data types (bfloat16 on x86 with AVX512-BF16 or AMX). TensorFlow has
no quick kernels of float16 for CPUs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

MIXED = ("mixed_bfloat16", "mixed_float16")
_CPUINFO = Path("/proc/cpuinfo")
_NEEDS = {"mixed_bfloat16": (8, 0), "mixed_float16": (7, 0)}
_CPU_FLAGS = {"amx_bf16": "AMX", "avx512_bf16": "AVX512-BF16"}


def gain(precision: str, gpus: list[Any] | None = None) -> tuple[bool, str]:
    """Whether a training in it is faster here than in float32, and why.

    `gpus` are TensorFlow's physical devices that shall compute; an empty list is the CPU, None
    what there is.
    """
    import tensorflow as tf

    if gpus is None:
        gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return _gain_of_cpu(precision)
    needed = _NEEDS[precision]
    told = []
    for gpu in gpus:
        details = tf.config.experimental.get_device_details(gpu)
        has = tuple(details.get("compute_capability") or (0, 0))
        name = f"{details.get('device_name', 'this GPU')} ({has[0]}.{has[1]})"
        if has < needed:
            return False, f"{name} has a compute capability below {needed[0]}.{needed[1]}"
        told.append(name)
    return True, f"tensor cores of {told[0]}"


def notes(precision: str) -> list[str]:
    """What is to be said of a precision that makes nothing faster on the chosen devices."""
    if precision not in MIXED:
        return []
    import tensorflow as tf

    gains, why = gain(precision, tf.config.get_visible_devices("GPU"))
    return [] if gains else [f"training.precision: {precision} makes nothing faster here: {why}"]


def _gain_of_cpu(precision: str) -> tuple[bool, str]:
    if precision == "mixed_float16":
        return False, "a CPU computes float16 no faster than float32"
    flags = _cpu_flags()
    has = [words for flag, words in _CPU_FLAGS.items() if flag in flags]
    if has:
        return True, f"this CPU has {' and '.join(has)}"
    return False, "this CPU has neither AMX nor AVX512-BF16"


def _cpu_flags() -> set[str]:
    try:
        for line in _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("flags"):
                return set(line.partition(":")[2].split())
    except OSError:  # not Linux
        pass
    return set()
