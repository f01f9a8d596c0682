"""A training that is taken apart and put together again goes on with the same bits."""

from __future__ import annotations

import errno
import os
import random
import threading

import numpy as np
import pytest

from nnpy.errors import RunError
from nnpy.training.state import Recorder, State
from nnpy.training.state_store import StateStore, read_state, write_state

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")


@keras.saving.register_keras_serializable("nnpy_tests")
class Restless(keras.layers.Layer):
    """Draws from every source of random numbers that Keras and TensorFlow track."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.generator = tf.random.Generator.from_seed(5)
        self.calls = tf.Variable(0, trainable=False)

    def call(self, x, training=False):
        if not training:
            return x
        self.calls.assign_add(1)
        return x + 0.1 * keras.random.normal(tf.shape(x)) + self.generator.normal(tf.shape(x))


def dense():
    return [keras.layers.Flatten(), keras.layers.Dense(8), keras.layers.Dropout(0.5)]


def convolutional():
    return [
        keras.layers.RandomTranslation(0.2, 0.2),
        keras.layers.Conv2D(4, 3),
        keras.layers.BatchNormalization(),
        keras.layers.GaussianNoise(0.1),
        keras.layers.GlobalAveragePooling2D(),
    ]


def recurrent():
    return [keras.layers.Reshape((8, 8)), keras.layers.LSTM(6, dropout=0.3, recurrent_dropout=0.3)]


def restless():
    return [keras.layers.Flatten(), Restless(), keras.layers.Dense(4)]


OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.ExponentialDecay(0.01, 2, 0.9), use_ema=True
    ),
    "sgd": lambda: keras.optimizers.SGD(0.01, momentum=0.9, gradient_accumulation_steps=3),
    "nadam": lambda: keras.optimizers.Nadam(0.01),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.AdamW(0.01), dynamic_growth_steps=2
    ),
    "muon": lambda: keras.optimizers.Muon(0.01),
}


def build(layers, optimizer="adam", seed=7):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers(), keras.layers.Dense(3)])
    model.compile(
        OPTIMIZERS[optimizer](),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def steps(model, first, last):
    for step in range(first, last):
        numbers = np.random.default_rng(step)
        x = numbers.normal(size=(6, 8, 8, 1)).astype("float32")
        model.train_on_batch(x, numbers.integers(0, 3, 6))


def bits(model):
    return [
        value.tobytes()
        for value in (
            *(variable.value.numpy() for variable in model.variables),
            *(variable.value.numpy() for variable in model.optimizer.variables),
            *(variable.value.numpy() for variable in model.metrics_variables),
        )
    ]


@pytest.mark.parametrize(
    ("layers", "optimizer"),
    [
        (dense, "adam"),
        (convolutional, "sgd"),
        (recurrent, "nadam"),
        (dense, "scaled"),
        (dense, "muon"),
        (restless, "sgd"),
    ],
)
def test_a_restored_training_goes_on_with_the_same_bits(tmp_path, layers, optimizer):
    model = build(layers, optimizer)
    steps(model, 0, 4)
    write_state(tmp_path / "state", Recorder(model).capture(epoch=0, step=4))
    steps(model, 4, 8)
    keras.random.normal((1,))
    expected = bits(model), random.random(), np.random.rand(), keras.random.normal((2,)).numpy()

    again = build(layers, optimizer, seed=99)
    steps(again, 50, 51)  # its metrics must exist; what it learned is overwritten
    keras.random.normal((5,))
    state = read_state(tmp_path / "state")
    Recorder(again).restore(state)
    assert (state.epoch, state.step) == (0, 4)
    steps(again, 4, 8)
    keras.random.normal((1,))
    found = bits(again), random.random(), np.random.rand(), keras.random.normal((2,)).numpy()
    assert found[0] == expected[0]
    assert found[1:3] == expected[1:3]
    assert np.array_equal(found[3], expected[3])


def test_between_epochs_a_fresh_model_needs_no_step_first(tmp_path):
    model = build(dense)
    steps(model, 0, 3)
    state = Recorder(model).capture(epoch=1)
    again = build(dense, seed=99)
    Recorder(again).restore(state)
    for ours, theirs in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        assert np.array_equal(ours.value.numpy(), theirs.value.numpy())


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "bfloat16"])
def test_other_precisions(tmp_path, policy):
    def make(seed):
        keras.utils.set_random_seed(seed)
        keras.config.set_dtype_policy(policy)
        try:
            return build(dense, "sgd", seed)
        finally:
            keras.config.set_dtype_policy("float32")

    model = make(1)
    steps(model, 0, 3)
    write_state(tmp_path / "state", Recorder(model).capture(0, 3))
    again = make(2)
    steps(again, 9, 10)
    Recorder(again).restore(read_state(tmp_path / "state"))
    assert bits(again) == bits(model)


def test_a_state_is_a_moment_that_later_steps_do_not_change():
    model = build(dense)
    steps(model, 0, 1)
    state = Recorder(model).capture(0, 1)
    before = [value.tobytes() for group in state.variables.values() for _, value in group]
    steps(model, 1, 3)
    after = [value.tobytes() for group in state.variables.values() for _, value in group]
    assert after == before


def test_another_model_is_refused_and_nothing_is_changed():
    model = build(dense)
    steps(model, 0, 1)
    state = Recorder(model).capture(0)
    for other, words in (
        (build(convolutional), "model variable 1 of .* in the state and .* in the model"),
        (build(dense, "sgd"), "optimizer variable"),
    ):
        before = [variable.value.numpy().tobytes() for variable in other.variables]
        with pytest.raises(RunError, match=words):
            Recorder(other).restore(state)
        assert [variable.value.numpy().tobytes() for variable in other.variables] == before
    with pytest.raises(RunError, match="other callbacks: none in the state, EarlyStopping in the"):
        Recorder(build(dense), [keras.callbacks.EarlyStopping()]).restore(state)


class Tally(keras.callbacks.Callback):
    """A callback of the user's own, with all sorts of attributes."""

    def __init__(self, path="here"):
        super().__init__()
        self.path = path
        self.seen: list[float] = []
        self.best = np.zeros(2)
        self.numbers = np.random.default_rng(0)
        self.draws: tuple = ()
        self.file = None

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(logs["val_loss"])
        self.best += epoch
        self.draws = (*self.draws, self.numbers.random())


LOSSES = [3.0, 2.0, 2.5, 2.6, 2.7, 1.9, 2.9, 2.9, 2.9, 2.9, 2.9]


def callbacks(folder):
    return [
        keras.callbacks.EarlyStopping("val_loss", patience=4, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(
            "val_loss", factor=0.5, patience=2, cooldown=1, min_delta=0.8
        ),
        keras.callbacks.ModelCheckpoint(folder / "k.keras", "val_loss", save_best_only=True),
        keras.callbacks.History(),
        Tally(str(folder)),
    ]


def course(folder, model, ours, first, last):
    for epoch in range(first, last):
        for callback in ours:
            callback.on_epoch_begin(epoch)
        steps(model, epoch, epoch + 1)
        logs = {"val_loss": LOSSES[epoch], "loss": 1.0}
        for callback in ours:
            callback.on_epoch_end(epoch, logs)
        if model.stop_training:
            break


def begin(folder, seed=7):
    folder.mkdir(exist_ok=True)
    model, ours = build(dense, "sgd", seed), callbacks(folder)
    model.stop_training = False
    for callback in ours:
        callback.set_model(model)
        callback.on_train_begin()
    return model, ours


@pytest.mark.parametrize("stop", [1, 3, 4, 6, 9, 11])
def test_callbacks_go_on_where_they_were(tmp_path, stop):
    model, ours = begin(tmp_path / "whole")
    course(tmp_path / "whole", model, ours, 0, 11)

    first, half = begin(tmp_path / "cut")
    recorder = Recorder(first, half)
    course(tmp_path / "cut", first, half, 0, stop)
    write_state(tmp_path / "state", recorder.capture(stop))

    second, rest = begin(tmp_path / "moved", seed=99)
    Recorder(second, rest).restore(read_state(tmp_path / "state"))
    assert second.stop_training == first.stop_training
    if not second.stop_training:
        course(tmp_path / "moved", second, rest, stop, 11)

    stopping, reducing, checkpoint, history, tally = rest
    assert second.stop_training == model.stop_training is True
    assert stopping.stopped_epoch == ours[0].stopped_epoch == 9
    assert stopping.best == ours[0].best
    for a, b in zip(stopping.best_weights, ours[0].best_weights, strict=True):
        assert np.array_equal(a, b)
    assert (reducing.best, reducing.wait) == (ours[1].best, ours[1].wait)
    assert (reducing.min_delta, reducing.monitor_op) == (-0.8, keras.ops.less)
    assert checkpoint.best == ours[2].best == 1.9
    assert history.history == ours[3].history
    assert (tally.seen, tally.draws) == (ours[4].seen, ours[4].draws)
    assert np.array_equal(tally.best, ours[4].best)
    assert bits(second)[0] == bits(model)[0]
    # What the config gave stays as the config gives it now: a folder may have been moved.
    assert tally.path == str(tmp_path / "moved")
    assert str(checkpoint.filepath) == str(tmp_path / "moved" / "k.keras")


def tiny(step):
    return State(epoch=0, step=step, variables={"model": [("w", np.full(1000, step, "float32"))]})


def test_the_last_two_are_kept(tmp_path):
    store = StateStore(tmp_path)
    assert store.latest() is None
    for step in range(5):
        store.save(tiny(step))
        store.flush()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "state-000004.nnpy",
        "state-000005.nnpy",
    ]
    latest = StateStore(tmp_path).latest()
    assert latest.step == 4
    assert np.array_equal(latest.variables["model"][0][1], np.full(1000, 4, "float32"))


def test_the_one_before_is_used_and_kept_when_the_last_is_damaged(tmp_path):
    store = StateStore(tmp_path)
    for step in range(3):
        store.save(tiny(step))
        store.flush()
    newest = tmp_path / "state-000003.nnpy"
    newest.write_bytes(newest.read_bytes()[:-100])
    warnings: list[str] = []
    store = StateStore(tmp_path)
    assert store.latest(warnings.append).step == 1
    assert "state-000003.nnpy" in warnings[0]
    assert "the state before it is used" in warnings[0]
    store.save(tiny(9))
    store.flush()
    assert {read_state(path).step for path in tmp_path.iterdir()} == {1, 9}


def test_all_damaged_is_told_as_nothing(tmp_path):
    (tmp_path / "state-000001.nnpy").write_bytes(b"")
    warnings: list[str] = []
    assert StateStore(tmp_path).latest(warnings.append) is None
    assert len(warnings) == 1


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
def test_a_failed_write_is_raised_and_harms_no_earlier_state(tmp_path, monkeypatch, call):
    store = StateStore(tmp_path)
    store.save(tiny(1))
    store.flush()

    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        store.save(tiny(2))
        with pytest.raises(RunError, match="the disk is full"):
            store.flush()
    assert StateStore(tmp_path).latest().step == 1
    assert len(list(tmp_path.iterdir())) == 1
    store.save(tiny(3))  # and when there is room again, it goes on
    store.flush()
    assert StateStore(tmp_path).latest().step == 3


def test_a_slow_disk_gets_only_the_newest(tmp_path, monkeypatch):
    gate, real = threading.Event(), os.replace

    def slow(*args):
        gate.wait(10)
        return real(*args)

    monkeypatch.setattr(os, "replace", slow)
    store = StateStore(tmp_path)
    for step in range(20):
        store.save(tiny(step))
    gate.set()
    store.flush()
    assert StateStore(tmp_path).latest().step == 19
    assert max(path.name for path in tmp_path.iterdir()) <= "state-000002.nnpy"
