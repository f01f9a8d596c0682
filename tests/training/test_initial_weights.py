"""A training that begins with the weights of another, and tells what it took."""

from __future__ import annotations

import copy
import shutil

import keras
import numpy as np
import pytest

from nnpy import api
from nnpy.config.load import load_config
from nnpy.errors import ConfigError
from nnpy.runs.folder import Run
from nnpy.training.progress import ProgressListener
from nnpy.workflows import train

pytestmark = pytest.mark.usefixtures("without_report")


class Listener(ProgressListener):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def on_message(self, message: str) -> None:
        self.messages.append(message)


def config(tiny_config: dict, source, hidden: int = 16, **training) -> dict:
    made = copy.deepcopy(tiny_config)
    made["model"][1]["Dense"]["units"] = hidden
    made["training"] |= {"initial_weights": str(source), "execution": "graph", **training}
    return made


@pytest.mark.parametrize("by", ["run", "file", "weights"])
def test_all_of_a_run(tiny_config, tiny_run, tmp_path, by):
    source = tiny_run if by == "run" else Run(tiny_run).best_path
    if by == "weights":
        source = tmp_path / "some.weights.h5"
        keras.saving.load_model(Run(tiny_run).best_path).save_weights(source)
    listener = Listener()
    run = train.train_config(
        load_config(config(tiny_config, source, epochs=0)),
        run_dir=str(tmp_path / "run"),
        listener=listener,
        final=False,
    )
    wanted = keras.saving.load_model(Run(tiny_run).best_path).get_weights()
    for one, other in zip(
        keras.saving.load_model(run.best_path).get_weights(), wanted, strict=True
    ):
        np.testing.assert_array_equal(one, other)
    told = run.summary()["initial_weights"]
    assert told["loaded"] == ["dense", "dense_1"]
    assert told["drawn"] == told["unused"] == []
    assert len(told["sha256"]) == 64
    assert any(each.startswith("weights from ") for each in listener.messages)


def test_what_does_not_fit_is_told_layer_by_layer(tiny_config, tiny_run, tmp_path):
    made = config(tiny_config, tiny_run, epochs=0)
    made["model"].insert(2, {"Dense": {"units": 10, "name": "between"}})
    listener = Listener()
    run = train.train_config(
        load_config(made), run_dir=str(tmp_path / "run"), listener=listener, final=False
    )
    told = run.summary()["initial_weights"]
    assert told["loaded"] == ["dense"]
    assert told["drawn"] == [
        "between: the file has no layer of this name",
        "dense_1: kernel is 16 × 10 in the file, 10 × 10 here",
    ]
    assert sum("drawn anew" in each for each in listener.messages) == 2


def test_nothing_that_fits_is_an_error_at_the_line(tiny_config, tiny_run, tmp_path):
    with pytest.raises(ConfigError) as caught:
        train.train_config(
            load_config(config(tiny_config, tiny_run, hidden=20)), run_dir=str(tmp_path / "run")
        )
    (problem,) = caught.value.problems
    assert problem.path == "training.initial_weights"
    assert "dense: kernel is 784 × 16 in the file, 784 × 20 here" in problem.message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere", "there is no file or run"),
        ("folder", "is no run"),
        ("model.npz", "is no file of weights"),
    ],
)
def test_a_wrong_path_is_told_at_its_line(tiny_config, tmp_path, name, words):
    (tmp_path / "folder").mkdir()
    (tmp_path / "model.npz").write_bytes(b"")
    with pytest.raises(ConfigError, match=words):
        load_config(config(tiny_config, tmp_path / name))


def test_a_broken_file_is_told_at_its_line(tiny_config, tmp_path):
    (tmp_path / "broken.keras").write_bytes(b"nothing")
    loaded = load_config(config(tiny_config, tmp_path / "broken.keras"))
    with pytest.raises(ConfigError) as caught:
        train.train_config(loaded, run_dir=str(tmp_path / "run"))
    assert caught.value.problems[0].path == "training.initial_weights"


def test_resumed_and_used_without_the_file(tiny_config, tiny_run, tmp_path):
    source = tmp_path / "source.keras"
    shutil.copy(Run(tiny_run).best_path, source)
    whole = train.train_config(
        load_config(config(tiny_config, source)), run_dir=str(tmp_path / "whole"), final=False
    )
    run = train.train_config(
        load_config(config(tiny_config, source, epochs=1)),
        run_dir=str(tmp_path / "run"),
        final=False,
    )
    source.unlink()
    train.resume_run(run, ("training.epochs=2",), final=False)
    first, second = (keras.saving.load_model(each.last_path).get_weights() for each in (whole, run))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    assert run.summary()["initial_weights"]["loaded"] == ["dense", "dense_1"]
    assert api.evaluate(run)["metrics"]["accuracy"] > 0.2
