"""predict, report, runs, compare, reproduce and several seeds, as the user gives them."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from nnpy import api
from nnpy.data.registry import load
from tests.conftest import Command


@pytest.fixture(scope="module")
def pictures(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty test images, as they are and large in colour."""
    folder = tmp_path_factory.mktemp("pictures")
    test = load("idx", path=str(tiny)).test
    for name in ("small", "large", "inverted"):
        (folder / name).mkdir()
    for i, x in enumerate(test.x[:40]):
        picture = Image.fromarray(x)
        picture.save(folder / "small" / f"{i:02}.png")
        large = picture.resize((280, 280), Image.Resampling.BICUBIC).convert("RGB")
        large.save(folder / "large" / f"{i:02}.png")
        Image.fromarray(255 - x).save(folder / "inverted" / f"{i:02}.png")
    np.save(folder / "truth.npy", test.y[:40])
    return folder


def test_predict(nnpy: Command, tiny_run: Path, pictures: Path) -> None:
    told = json.loads(nnpy("evaluate", tiny_run, "--json").stdout)
    names = [each["name"] for each in told["classes"]]
    truth = [names[i] for i in np.load(pictures / "truth.npy")]
    done = nnpy("predict", tiny_run, pictures / "small", "--csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [Path(row["file"]).name for row in rows] == [f"{i:02}.png" for i in range(40)]
    small = [row["class 1"] for row in rows]
    right = np.mean([a == t for a, t in zip(small, truth, strict=True)])
    assert right >= told["accuracy"]["value"] - 0.15
    large = api.predict(str(tiny_run), [pictures / "large"])["predictions"]
    assert {each["fitted"] for each in large} == {"280 × 280 colour → 28 × 28 grey"}
    agree = np.mean([a == b["top"][0]["class"] for a, b in zip(small, large, strict=True)])
    assert agree >= 0.85


def test_predict_notices_inverted_pictures(tiny_run: Path, pictures: Path) -> None:
    right = api.predict(str(tiny_run), [pictures / "small"])
    turned = api.predict(str(tiny_run), [pictures / "inverted"], invert=True)
    assert [each["top"] for each in right["predictions"]] == [
        each["top"] for each in turned["predictions"]
    ]
    assert len(right["looks_inverted"]) <= 2


def test_predict_goes_on_after_a_bad_file(
    nnpy: Command, tiny_run: Path, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "torn.png").write_bytes((pictures / "large" / "00.png").read_bytes()[:300])
    good = pictures / "small" / "00.png"
    done = nnpy("predict", tiny_run, "notes.txt", good, "torn.png")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2
    assert "notes.txt: not an image of a known format" in done.stderr
    assert "torn.png: the image cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
    (tmp_path / "empty").mkdir()
    done = nnpy("predict", tiny_run, "empty")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no picture or .npy file in this folder" in done.stderr
    assert nnpy("predict", tiny_run).returncode == 2


def test_report_runs_compare_reproduce(nnpy: Command, tiny_run: Path, tmp_path: Path) -> None:
    home = tmp_path / "runs"
    home.mkdir()
    shutil.copytree(tiny_run, home / "one")
    (home / "one" / "report.html").unlink()
    (home / "one" / "predictions.npz").unlink()
    done = nnpy("report", "runs/one")
    assert (done.returncode, done.stdout) == (0, "runs/one/report.html\n")
    told = json.loads((home / "one" / "evaluation.json").read_text())
    summary = json.loads((home / "one" / "summary.json").read_text())
    assert told["metrics"] == pytest.approx(summary["test"], rel=1e-6)

    done = nnpy("reproduce", "runs/one", "--json")
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)
    assert again["equal"]
    assert len(again["numbers"]) >= 12
    assert again["differs"] == []

    config = yaml.safe_load((home / "one" / "config.yaml").read_text())
    config["training"]["epochs"] = 1
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(config))
    assert nnpy("train", "two.yaml").returncode == 0

    rows = json.loads(nnpy("runs", "--json", "--sort", "epochs").stdout)["runs"]
    assert [row["epochs"] for row in rows] == [1, 2, 2]
    assert {row["status"] for row in rows} == {"finished"}
    assert nnpy("runs", "--sort", "x").returncode == 2

    done = nnpy("compare", "runs/one", "runs/two")
    assert done.returncode == 0, done.stderr
    assert "training.epochs  2    1" in done.stdout
    assert "alone" in done.stdout or "equally often" in done.stdout
    assert (tmp_path / "compare.html").is_file()
    assert (tmp_path / "compare.png").is_file()
    same = json.loads(nnpy("compare", "runs/one", again["again"], "--json").stdout)
    assert same["config"] == {}
    assert set(same["environment"]) <= {"git_commit"}  # the first was made in this repository
    assert same["mcnemar"][0]["p_value"] == 1.0
    assert same["mcnemar"][0]["only_first"] == 0


def test_several_seeds(nnpy: Command, tiny_config: dict, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(tiny_config))
    logger = "training.callbacks=[{CSVLogger: {filename: logs/epochs.csv}}]"
    arguments = ("--set", "training.epochs=1", "--set", logger, "--seeds", "2", "--json")
    done = nnpy("train", "small.yaml", *arguments)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["runs"] == ["runs/small", "runs/small-2"]
    accuracy = told["test"]["accuracy"]
    assert accuracy["mean"] == pytest.approx(np.mean(accuracy["values"]))
    assert accuracy["std"] == pytest.approx(np.std(accuracy["values"], ddof=1))
    assert (accuracy["min"], accuracy["max"]) == (min(accuracy["values"]), max(accuracy["values"]))
    # The names of nnpy 0.1 stay readable.
    old = [accuracy[key] for key in ("deviation", "least", "greatest")]
    assert old == [accuracy[key] for key in ("std", "min", "max")]
    seeds = [yaml.safe_load((tmp_path / run / "config.yaml").read_text()) for run in told["runs"]]
    assert [config["training"]["seed"] for config in seeds] == [0, 1]
    # Each has its own files of callbacks.
    logs = [(tmp_path / run / "logs" / "epochs.csv").read_text() for run in told["runs"]]
    assert [len(each.splitlines()) for each in logs] == [2, 2]
    assert logs[0] != logs[1]
    # Each run is what a training of its own with that seed gives.
    alone = api.train(
        tiny_config,
        overrides=["training.epochs=1", "training.seed=1"],
        run_dir=str(tmp_path / "alone"),
    )
    assert alone.summary()["test"]["accuracy"] == accuracy["values"][1]


def test_tensorboard_is_asked_for_before_anything_is_done(
    nnpy: Command, tiny_config: dict, tmp_path: Path
) -> None:
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(tiny_config))
    done = nnpy("train", "small.yaml", "--tensorboard")
    if done.returncode == 0:
        assert list((tmp_path / "runs" / "small" / "tensorboard").rglob("events*"))
    else:
        assert done.returncode == 2
        assert "TensorBoard is not installed" in done.stderr
        assert not (tmp_path / "runs").exists()
