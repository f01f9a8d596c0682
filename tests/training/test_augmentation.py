"""A training with augmentation, left and taken up again, is the one that was not left."""

from __future__ import annotations

import copy
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
