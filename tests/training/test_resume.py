"""A resumed training may have a longer future, never another past."""

from __future__ import annotations

import copy

import pytest

from nnpy.errors import RunError, UsageError
from nnpy.training import callback_files, resume

CONFIG = {
    "data": {"name": "fashion_mnist", "path": None},
    "model": ["Flatten", {"Dense": {"units": 10}}],
    "training": {"optimizer": {"Adam": {"learning_rate": 0.001}}, "epochs": 5, "seed": 0},
}


def changed(**paths):
    config = copy.deepcopy(CONFIG)
    for path, value in paths.items():
        *keys, last = path.split("__")
        place = config
        for key in keys:
            place = place[key]
        place[last] = value
    return config


def test_the_future_may_change():
    for after in (
        CONFIG,
        changed(training__epochs=20),
        changed(training__checkpoint_minutes=1.0),
        changed(data__path="/elsewhere"),
    ):
        resume.check_changes(CONFIG, after)


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (changed(training__seed=1), "training.seed is 0, not 1"),
        (
            changed(training__optimizer__Adam__learning_rate=0.01),
            "training.optimizer.Adam.learning_rate is 0.001, not 0.01",
        ),
        (changed(training__batch_size=64), "training.batch_size is not set, not 64"),
        (changed(data__name="mnist"), "data.name is 'fashion_mnist', not 'mnist'"),
        (changed(model=["Flatten"]), "model[1] is {'Dense': {'units': 10}}, not not set"),
    ],
)
def test_the_past_may_not(after, words):
    with pytest.raises(UsageError) as caught:
        resume.check_changes(CONFIG, after)
    assert words in str(caught.value)


def test_every_change_of_the_past_is_named():
    with pytest.raises(UsageError) as caught:
        resume.check_changes(CONFIG, changed(training__seed=1, data__name="mnist"))
    assert "training.seed" in str(caught.value)
    assert "data.name" in str(caught.value)


def test_another_version_or_device_is_told():
    then = resume.deciding({"versions": {"tensorflow": "2.20.0", "python": "3.11.2"}}, "CPU")
    now = resume.deciding({"versions": {"tensorflow": "2.21.0", "python": "3.11.9"}}, "GPU 0")
    assert resume.notices(then, then) == []
    assert resume.notices(then, now) == [
        "tensorflow was '2.20.0', is '2.21.0': bit-for-bit equal results are not guaranteed",
        "device was 'CPU', is 'GPU 0': bit-for-bit equal results are not guaranteed",
    ]


def test_other_data_are_refused_by_name():
    resume.check_data({"train": "a"}, {"train": "a"})
    with pytest.raises(RunError, match=r"test, train changed|train, test changed"):
        resume.check_data({"train": "a"}, {"train": "b", "test": "c"})


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("separator", [",", ";"])
def test_the_rows_of_a_csv_logger_are_there_once(tmp_path, separator, torn):
    """Killed after the row of its third epoch and before the state: that epoch is done again."""
    from keras.callbacks import CSVLogger

    def log(path, epochs):
        logger = CSVLogger(str(path), separator=separator)
        if epochs[0]:
            callback_files.take_up([logger], tmp_path, epochs[0])
        logger.on_train_begin()
        for epoch in epochs:
            logger.on_epoch_end(epoch, {"loss": 1 / (epoch + 1), "val_loss": 2.0})
        logger.on_train_end()

    log(tmp_path / "whole.csv", [0, 1, 2, 3])
    log(tmp_path / "killed.csv", [0, 1, 2])
    if torn:
        content = (tmp_path / "killed.csv").read_bytes()
        (tmp_path / "killed.csv").write_bytes(content[:-9])
    log(tmp_path / "killed.csv", [2, 3])
    assert (tmp_path / "killed.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.parametrize("listed", ["EarlyStopping", {"EarlyStopping": {"monitor": "val_loss"}}])
@pytest.mark.parametrize("wanted", [2, 9])
def test_why_more_epochs_change_nothing(listed, wanted):
    """In whichever epoch it was ended, the last one too."""
    resolved = changed(training__epochs=wanted, training__callbacks=[listed])
    ended = {"epochs": 2, "stopped": {"by": "EarlyStopping", "epoch": 2}}
    words = resume.ended_early(resolved, ended)
    assert f"EarlyStopping ended it after epoch 2 of {wanted}" in words
    assert "--set training.callbacks.0.EarlyStopping.patience=5" in words
    by_own = {"epochs": 2, "stopped": {"by": "Mine", "epoch": 2}}
    assert "Mine ended it" in resume.ended_early(changed(training__epochs=wanted), by_own)
    assert resume.ended_early(changed(training__epochs=2), {"epochs": 2}) == ""
