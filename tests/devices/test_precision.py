"""Where computing in 16 bits is told to be faster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from nnpy.devices import precision


@pytest.mark.parametrize(
    ("flags", "gains", "why"),
    [
        ("fpu avx2 avx512f avx512_bf16 amx_bf16", True, "this CPU has AMX and AVX512-BF16"),
        ("fpu avx2 avx512_bf16", True, "this CPU has AVX512-BF16"),
        ("fpu avx2", False, "this CPU has neither AMX nor AVX512-BF16"),
    ],
)
def test_a_cpu_gains_by_bfloat16_where_it_has_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: str, gains: bool, why: str
) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
    monkeypatch.setattr(precision, "_CPUINFO", file)
    assert precision.gain("mixed_bfloat16", []) == (gains, why)
    assert precision.gain("mixed_float16", [])[0] is False


def test_a_system_that_does_not_tell_gains_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(precision, "_CPUINFO", tmp_path / "nothing")
    assert precision.gain("mixed_bfloat16", [])[0] is False


@pytest.mark.parametrize(
    ("capability", "gains"),
    [
        ((9, 0), {"mixed_bfloat16": True, "mixed_float16": True}),
        ((7, 5), {"mixed_bfloat16": False, "mixed_float16": True}),
        ((6, 1), {"mixed_bfloat16": False, "mixed_float16": False}),
        (None, {"mixed_bfloat16": False, "mixed_float16": False}),
    ],
)
def test_a_gpu_gains_by_its_tensor_cores(
    monkeypatch: pytest.MonkeyPatch, capability: Any, gains: dict[str, bool]
) -> None:
    details = {"device_name": "NVIDIA T4", "compute_capability": capability}
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: details)
    assert {name: precision.gain(name, [object()])[0] for name in precision.MIXED} == gains
