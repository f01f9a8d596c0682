"""A training with augmentation, left and taken up again, is the one that was not left."""

from __future__ import annotations

import copy
import json
import os
import signal

import keras
import numpy as np
import pytest

from nnpy.config.load import load_config
from nnpy.errors import Interrupted
from nnpy.runs.folder import Run
from nnpy.training.progress import ProgressListener
from nnpy.workflows import train

AUGMENT = [
    {"RandomFlip": {"mode": "horizontal"}},
    {"ZeroPadding2D": {"padding": 2}},
    {"RandomCrop": {"height": 28, "width": 28}},
    {"RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1}},
]


class _Leave(ProgressListener):
    def __init__(self) -> None:
        self.left = False

    def on_chunk_end(self, epoch, epochs, step, steps, logs) -> None:
        if epoch == 2 and 1 < step < steps and not self.left:
            self.left = True
            os.kill(os.getpid(), signal.SIGTERM)


def _weights(run: Run) -> list[np.ndarray]:
    return keras.saving.load_model(run.last_path).get_weights()


def test_resumed_and_repeated_to_the_bit(tiny_config, tmp_path):
    config = copy.deepcopy(tiny_config)
    config["data"]["augment"] = AUGMENT
    config["training"]["execution"] = "graph"
    checked = load_config(config)
    train.train_config(checked, run_dir=str(tmp_path / "whole"), final=False)
    leave = _Leave()
    with pytest.raises(Interrupted):
        train.train_config(checked, run_dir=str(tmp_path / "left"), listener=leave, final=False)
    assert leave.left
    left = Run(tmp_path / "left")
    train.resume_run(left, final=False)
    for one, other in zip(_weights(Run(tmp_path / "whole")), _weights(left), strict=True):
        np.testing.assert_array_equal(one, other)
    # What is saved knows nothing of it.
    names = [type(each).__name__ for each in keras.saving.load_model(left.last_path).layers]
    assert names == ["Flatten", "Dense", "Dense"]


def test_nothing_but_the_training_is_augmented(tiny_config, tmp_path):
    """Every picture becomes white: only the loss of the training knows of it."""
    from nnpy import api
    from nnpy.data import registry

    config = copy.deepcopy(tiny_config)
    config["data"]["augment"] = [{"RandomBrightness": {"factor": [1.0, 1.0]}}]
    config["training"] |= {"execution": "graph", "epochs": 1}
    checked = load_config(config)
    run = train.train_config(checked, run_dir=str(tmp_path / "run"), final=False)
    (row,) = run.metrics()
    data = registry.load("idx", path=checked.data.path, validation=checked.data.validation.rule)
    model = keras.saving.load_model(run.last_path)
    assert [type(each).__name__ for each in model.layers] == ["Flatten", "Dense", "Dense"]

    def scores(split) -> list[float]:
        x = np.asarray(split.x, "float32") * np.float32(1 / 255)
        return model.evaluate(x, np.asarray(split.y), verbose=0)

    assert scores(data.validation) == pytest.approx(
        [row["val_loss"], row["val_accuracy"]], rel=1e-4
    )
    assert row["accuracy"] < 0.2  # of white pictures nobody can tell more
    found = api.evaluate(run)["metrics"]
    assert scores(data.test) == pytest.approx([found["loss"], found["accuracy"]], rel=1e-4)
    np.save(tmp_path / "some.npy", np.asarray(data.test.x[:5]))
    told = api.predict(run, [tmp_path / "some.npy"])["predictions"]
    answers = model.predict(np.asarray(data.test.x[:5], "float32") / 255, verbose=0)
    for each, wanted in zip(told, answers, strict=True):
        assert each["top"][0]["probability"] == pytest.approx(wanted.max(), rel=1e-4)


@pytest.mark.slow
def test_killed_and_reproduced(tiny_config, tmp_path):
    """By real processes: in stages, with an augmentation in XLA's program and one beside it."""
    from nnpy import api
    from nnpy.workflows.verify import verify_resume

    config = copy.deepcopy(tiny_config)
    config["data"]["augment"] = [*AUGMENT, {"RandomBrightness": {"factor": 0.2}}]
    del config["training"]["epochs"]
    config["training"]["stages"] = [
        {"epochs": 2, "freeze": "dense"},
        {"epochs": 3, "learning_rate": 1e-4},
    ]
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(config))
    proof = verify_resume([str(path)], tmp_path / "runs", kills=5)
    assert proof.kills == 5 and proof.resumes and not proof.differences
    assert api.reproduce(tmp_path / "runs" / "undisturbed", run_dir=str(tmp_path / "again")).equal


def test_the_page_shows_sixteen_examples(tiny_config, tmp_path):
    from nnpy import api, report

    config = copy.deepcopy(tiny_config)
    config["data"]["augment"] = ["RandomInvert", "RandomErasing"]
    config["training"] |= {"execution": "graph", "epochs": 1}
    run = Run(tmp_path / "run")
    api.train(config, run_dir=str(run.folder))
    assert (run.figures_folder / "augmented.png").stat().st_size > 2000
    page = run.report_path.read_text()
    assert "How the pictures are augmented" in page
    assert "How the pictures are augmented" not in report.render(report.Contents("plain"))
    before = (run.figures_folder / "augmented.png").read_bytes()
    api.report(run)
    assert (run.figures_folder / "augmented.png").read_bytes() == before
