"""What a training leaves, on real Keras and small data."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest

import nnpy
from nnpy.data.registry import load
from nnpy.errors import UsageError
from tests.conftest import ROOT

pytestmark = pytest.mark.usefixtures("without_report")


def rows(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(newline="") as file:
        return [{**row, "seconds": ""} for row in csv.DictReader(file)]


def test_the_folder_is_complete(tiny_run: Path) -> None:
    names = {str(path.relative_to(tiny_run)) for path in tiny_run.rglob("*") if path.is_file()}
    assert names >= {
        *("config.yaml", "environment.json", "metrics.csv", "summary.json"),
        *("checkpoints/best.keras", "checkpoints/last.keras"),
        *("model.png", "model.svg", "model.dot"),
    }
    header = (tiny_run / "metrics.csv").read_text().splitlines()[0]
    assert header == "epoch,seconds,loss,accuracy,val_loss,val_accuracy,learning_rate"
    assert [row["epoch"] for row in rows(tiny_run)] == ["1", "2"]


def test_the_summary_is_true(tiny_run: Path, tiny: Path) -> None:
    summary = json.loads((tiny_run / "summary.json").read_text())
    model = keras.models.load_model(tiny_run / "checkpoints" / "best.keras")
    test = load("idx", path=str(tiny)).test
    loss, accuracy = model.evaluate(test.x.astype("float32") / 255, test.y, verbose=0)
    assert summary["test"]["loss"] == pytest.approx(loss, rel=1e-5)
    assert summary["test"]["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert summary["parameters"]["total"] == model.count_params()
    best = max(rows(tiny_run), key=lambda row: float(row["val_accuracy"]))
    assert summary["best_epoch"] == int(best["epoch"])
    assert summary["validation"]["accuracy"] == pytest.approx(float(best["val_accuracy"]))


def test_the_same_seed_gives_the_same_numbers(
    tiny_run: Path, tiny_config: dict, tmp_path: Path
) -> None:
    again = nnpy.train(tiny_config, run_dir=str(tmp_path / "again"))
    assert rows(again.folder) == rows(tiny_run)
    other = nnpy.train(tiny_config, overrides=["training.seed=1"], run_dir=str(tmp_path / "other"))
    assert rows(other.folder) != rows(tiny_run)


def test_the_resolved_config_trains_to_the_same_numbers(tiny_run: Path, tmp_path: Path) -> None:
    again = nnpy.train(tiny_run / "config.yaml", run_dir=str(tmp_path / "again"))
    assert rows(again.folder) == rows(tiny_run)
    assert (again.folder / "config.yaml").read_text() == (tiny_run / "config.yaml").read_text()


def test_without_validation_the_last_epoch_is_the_best(tiny_config: dict, tmp_path: Path) -> None:
    run = nnpy.train(
        tiny_config, overrides=["data.validation_split=0"], run_dir=str(tmp_path / "run")
    )
    assert run.summary()["best_epoch"] == 2
    best, last = (keras.models.load_model(p) for p in (run.best_path, run.last_path))
    for one, other in zip(best.get_weights(), last.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_epochs_is_a_run_too(tiny_config: dict, tmp_path: Path) -> None:
    run = nnpy.train(tiny_config, overrides=["training.epochs=0"], run_dir=str(tmp_path / "run"))
    assert run.summary()["status"] == "finished"
    assert nnpy.evaluate(run)["metrics"] == pytest.approx(run.summary()["test"], rel=1e-5)


def test_early_stopping_ends_the_training(tiny_config: dict, tmp_path: Path) -> None:
    callbacks = "training.callbacks=[{EarlyStopping: {monitor: val_loss, min_delta: 1000.0}}]"
    run = nnpy.train(
        tiny_config,
        overrides=["training.epochs=50", callbacks],
        run_dir=str(tmp_path / "run"),
    )
    assert run.summary()["epochs"] == 2


def test_a_folder_in_use_is_never_touched(
    tiny_config: dict, tiny_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="holds other files"):
        nnpy.train(tiny_config, run_dir=str(tmp_path), overwrite=True)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    before = (tiny_run / "metrics.csv").read_text()
    with pytest.raises(UsageError, match="--overwrite"):
        nnpy.train(tiny_config, run_dir=str(tiny_run))
    assert (tiny_run / "metrics.csv").read_text() == before


def test_overwrite_replaces_a_run(tiny_config: dict, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    nnpy.train(tiny_config, run_dir=str(folder))
    (folder / "notes.txt").write_text("mine")
    run = nnpy.train(
        tiny_config, overrides=["training.epochs=1"], run_dir=str(folder), overwrite=True
    )
    assert len(rows(run.folder)) == 1
    assert (folder / "notes.txt").read_text() == "mine"


# Their graphs alone take a quarter of a minute to trace; `nnpy check` reads them in every test run.
DEEP = ("mixer", "resnet", "vit")
SHIPPED = [
    pytest.param(path, id=path.stem, marks=[pytest.mark.slow] * (path.stem in DEEP))
    for path in sorted((ROOT / "configs").glob("*.yaml"))
]


@pytest.mark.parametrize("path", SHIPPED)
def test_every_shipped_config_trains(path: Path, tiny: Path, tmp_path: Path) -> None:
    small = ["training.epochs=1", "training.batch_size=100"]
    if "source:" not in path.read_text():  # the toys are small as they are
        small += ["data.name=idx", f"data.path={tiny}"]
    run = nnpy.train(path, overrides=small, run_dir=str(tmp_path / "run"))
    assert run.summary()["status"] == "finished"
    if not re.search("^blocks:|^  augment:", path.read_text(), re.M):  # slow ones: a minute more
        again = nnpy.train(run.config_path, run_dir=str(tmp_path / "again"))
        assert rows(again.folder) == rows(run.folder)
    first, second = path.read_text().splitlines()[:2]
    assert re.match(rf"# nnpy train configs/{path.name}\b", first)
    assert "accuracy" in first + second
