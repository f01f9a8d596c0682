"""Data larger than the memory budget: they stay on the disk, and give the same results."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from nnpy.data.files import idx, mapped
from nnpy.data.registry import load
from nnpy.errors import DataError
from tests.support.datasets import tiny_fashion_mnist, write_idx


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """The tiny data set, its files unpacked."""
    folder = tiny_fashion_mnist(tmp_path, 300, 40)
    for packed in list(folder.glob("*.gz")):
        with idx.unpacked(packed) as stream:
            packed.with_suffix("").write_bytes(stream.read())
        packed.unlink()
    return folder


def test_rows_are_those_of_the_array(tmp_path):
    content = np.random.default_rng(0).integers(0, 255, (50, 4, 3)).astype("uint8")
    path = tmp_path / "x"
    path.write_bytes(b"head" + content.tobytes())
    stored = np.frombuffer(mapped.mapped(path), np.uint8, offset=4).reshape(50, 4, 3)
    wanted = np.random.default_rng(1).integers(0, 20, 70)
    for view, same in (
        (stored, content),
        (stored[30:], content[30:]),
        (stored[5:][5:], content[10:]),
    ):
        assert mapped.file_of(view) is mapped.file_of(stored) is not None
        for array in (view, same):
            out = np.empty((70, 4, 3), np.uint8)
            assert mapped.rows(array, wanted, out) is out
            np.testing.assert_array_equal(out, same[wanted])
        np.testing.assert_array_equal(mapped.whole(view), same)
        assert mapped.file_of(mapped.whole(view)) is None


def test_rows_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(mapped, "PIECE", 100)
    test_rows_are_those_of_the_array(tmp_path)


def test_a_file_above_the_budget_stays_on_the_disk(unpacked):
    kept = load("idx", path=str(unpacked))
    stored = load("idx", path=str(unpacked), memory_budget=100_000)
    assert mapped.file_of(kept.train.x) is None
    assert mapped.file_of(stored.train.x) is mapped.file_of(stored.validation.x) is not None
    assert mapped.file_of(stored.test.x) is None  # 31 kB
    np.testing.assert_array_equal(stored.train.x, kept.train.x)
    np.testing.assert_array_equal(stored.validation.x, kept.validation.x)
    assert stored.digests == kept.digests
    assert stored.notes == ()


def test_a_file_that_must_be_in_memory_is_named(tmp_path):
    packed = load("idx", path=str(tiny_fashion_mnist(tmp_path / "a", 300)), memory_budget=1000)
    assert mapped.file_of(packed.train.x) is None
    assert any("train-images-idx3-ubyte.gz is compressed" in note for note in packed.notes)
    for name in ("train", "t10k"):
        write_idx(
            tmp_path / f"b/{name}-images-idx3-ubyte", np.ones((30, 4, 4), "float32"), gz=False
        )
        write_idx(tmp_path / f"b/{name}-labels-idx1-ubyte", np.arange(30).astype("uint8"), gz=False)
    wide = load("idx", path=str(tmp_path / "b"), memory_budget=1000)
    assert wide.train.x.dtype == np.float32
    assert any("holds float32" in note for note in wide.notes)


def test_damage_is_found_on_the_disk_too(unpacked):
    path = unpacked / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=re.escape(str(path))):
        load("idx", path=str(unpacked), memory_budget=1000)


def test_a_training_from_the_disk_ends_with_the_same_weights(unpacked, tmp_path, nnpy, write):
    """By the command, with all three splits larger than the budget, and with room for all."""
    found = []
    for name, budget in (("kept", 100), ("stored", 0.01)):
        config = write(
            f"{name}.yaml",
            f"data: {{name: idx, path: {unpacked}, memory_budget: {budget}}}\n"
            "model: [Flatten, {Dense: {units: 10, activation: softmax}}]\n"
            "training: {epochs: 2, batch_size: 16, execution: graph}\n",
        )
        run = tmp_path / name
        assert nnpy("train", config, "--run-dir", run).returncode == 0
        rows = (run / "metrics.csv").read_text().splitlines()
        found.append([[cell for i, cell in enumerate(row.split(",")) if i != 1] for row in rows])
        found[-1].append((run / "evaluation.json").read_text().partition('"seconds"')[0])
    assert found[0] == found[1]
