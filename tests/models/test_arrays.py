"""Arrays beside a config, read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nnpy.config.arrays import Array
from nnpy.models.arrays import read_array


def test_zeros_are_read_however_well_they_compress(tmp_path: Path) -> None:
    zeros = np.zeros(8_000_000, "float32")
    np.savez_compressed(tmp_path / "z.npz", table=zeros)
    assert zeros.nbytes > 1000 * (tmp_path / "z.npz").stat().st_size
    found = read_array(Array(None, "float32", tmp_path / "z.npz", "table"))
    assert np.array_equal(found, zeros)
