"""The engine: its chunks, windows, choice and what it takes."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nnpy.engine import Engine, choose, engine, permutation
from nnpy.engine.tracing import patches
from nnpy.engine.xla_random import draw_as_tensorflow
from nnpy.errors import ModelError

layers = keras.layers


@dataclass(frozen=True)
class Data:
    x: Any
    y: Any
    sample_weight: Any = None


def images(n: int = 90) -> Data:
    random = np.random.default_rng(0)
    y = random.integers(0, 3, n).astype("uint8")
    x = (random.integers(0, 100, (n, 6, 6)) + 50 * y[:, None, None]).astype("uint8")
    return Data(x, y)


def scaled(x: Any, y: Any) -> tuple[Any, Any]:
    return keras.ops.cast(x, "float32") / 255.0, y


def dense(*more: keras.Layer, **settings: Any) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            layers.Input((6, 6)),
            layers.Flatten(),
            layers.Dense(8, "relu"),
            *more,
            layers.Dense(3, "softmax"),
        ]
    )
    settings.setdefault("metrics", ["accuracy"])
    model.compile("adam", "sparse_categorical_crossentropy", **settings)
    return model


def state(model: keras.Model) -> list[np.ndarray]:
    """All that training changes: weights, seed generators, slots, counters, metrics."""
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return [np.asarray(v) for v in variables]


def assert_equal(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def assert_close(ours: keras.Model, theirs: keras.Model) -> None:
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


# -- order, chunks, windows ----------------------------------------------------------------


def test_permutation_is_a_pure_function_of_seed_and_epoch():
    assert np.array_equal(permutation(3, 5, 100), permutation(3, 5, 100))
    assert not np.array_equal(permutation(3, 5, 100), permutation(3, 6, 100))
    assert not np.array_equal(permutation(3, 5, 100), permutation(4, 5, 100))
    assert np.array_equal(np.sort(permutation(3, 5, 100)), np.arange(100))


@pytest.mark.parametrize("execution", ["xla", "graph", "eager"])
def test_where_the_chunks_and_windows_are_cut_changes_no_bit(execution, monkeypatch):
    """Chunks of any length, data resident or streamed: weights, slots, seeds, metrics."""
    data, results, calls = images(), [], []
    row = data.x[:1].nbytes + data.y[:1].nbytes
    for chunk, budget in [(1, None), (100, None), (1, 1), (100, 4 * 3 * 16 * row)]:
        monkeypatch.setattr(Engine, "_chunk_length", lambda *_, chunk=chunk: chunk)
        model = dense(layers.Dropout(0.3, seed=2))
        runner = Engine(
            model, scaled, batch_size=16, seed=7, execution=execution, memory_budget=budget
        )
        calls.append([])
        for epoch in range(2):
            logs = runner.train_epoch(data, epoch, on_chunk=lambda *a: calls[-1].append(a[:2]))
        trained = state(model)
        results.append((trained, logs, runner.evaluate(data), runner.predict(data)))
    for trained, logs, evaluated, predicted in results[1:]:
        assert_equal(trained, results[0][0])
        assert (logs, evaluated) == results[0][1:3]
        assert np.array_equal(predicted, results[0][3])
    assert calls[0] == [(step, 6) for step in range(1, 7)] * 2
    assert len(calls[1]) < len(calls[0])
    assert calls[1][-1] == (6, 6)


@pytest.mark.parametrize("budget", [None, 3000])
@pytest.mark.parametrize("stop", [1, 3, 5, 6])
def test_an_epoch_left_between_chunks_goes_on_to_the_same_bits(stop, budget, monkeypatch):
    monkeypatch.setattr(Engine, "_chunk_length", lambda *_: 1)
    data = images()
    whole, parts = dense(layers.Dropout(0.3, seed=2)), dense(layers.Dropout(0.3, seed=2))
    settings: dict[str, Any] = {
        "batch_size": 16,
        "seed": 7,
        "execution": "graph",
        "memory_budget": budget,
    }
    expected = Engine(whole, scaled, **settings).train_epoch(data, 0)

    def leave(step: int, steps: int, logs: dict[str, float]) -> None:
        if step == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Engine(parts, scaled, **settings).train_epoch(data, 0, on_chunk=leave)
    assert int(parts.optimizer.iterations) == stop
    logs = Engine(parts, scaled, **settings).train_epoch(data, 0, first_step=stop)
    assert logs == expected
    assert_equal(state(parts), state(whole))


def test_data_on_disk_streams_within_its_budget(tmp_path):
    data = images(640)
    np.save(tmp_path / "x.npy", data.x)
    stored = Data(np.load(tmp_path / "x.npy", mmap_mode="r"), data.y)
    streamed, kept = dense(), dense()
    settings: dict[str, Any] = {"batch_size": 16, "seed": 7, "execution": "xla"}
    runner = Engine(streamed, scaled, memory_budget=data.x.nbytes // 10, **settings)
    Engine(kept, scaled, **settings).train_epoch(data, 0)
    runner.train_epoch(stored, 0)
    assert_equal(state(streamed), state(kept))
    assert not runner._on_device


def test_all_splits_together_lie_within_the_budget():
    train, validation, test = images(64), images(40), images(30)
    runner = Engine(dense(), scaled, batch_size=8, seed=0, memory_budget=64 * 37 + 30 * 37)
    kept = []
    for split in (train, test, validation, train, test):
        runner.evaluate(split)
        kept.append([len(each.x) for each, _ in runner._on_device.values()])
    # What was used longest ago makes room.
    assert kept == [[64], [64, 30], [30, 40], [64], [64, 30]]


def test_a_loop_is_compiled_once_whatever_the_chunks(monkeypatch):
    traces = []

    def counted(x: Any, y: Any) -> tuple[Any, Any]:
        traces.append(1)
        return scaled(x, y)

    runner = Engine(dense(), counted, batch_size=16, seed=7, execution="xla")
    data = images(96)
    runner.train_epoch(data, 0)
    once = len(traces)
    for epoch, chunk in enumerate([1, 100, 4]):
        monkeypatch.setattr(Engine, "_chunk_length", lambda *_, chunk=chunk: chunk)
        runner.train_epoch(data, epoch)
    assert len(traces) == once


class Refuses(keras.metrics.SparseCategoricalAccuracy):
    """Takes no outputs of which it knows no gradient: those that nnpy shows it first."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        if tf.executing_eagerly():
            raise ValueError("not these")
        return super().update_state(y_true, y_pred, sample_weight)


@pytest.mark.parametrize(
    "metrics",
    [
        ["accuracy"],
        [keras.metrics.SparseTopKCategoricalAccuracy(2), "sparse_categorical_crossentropy"],
        [],
        [Refuses()],
    ],
)
@pytest.mark.parametrize("execution", ["xla", "graph"])
def test_no_program_is_traced_again_for_the_variables_of_metrics(metrics, execution, monkeypatch):
    traces = []
    step = Engine._train_step
    monkeypatch.setattr(
        Engine, "_train_step", lambda self, *batch: (traces.append(1), step(self, *batch))[1]
    )
    ours, theirs = dense(metrics=metrics), dense(metrics=metrics)
    data = images(96)
    runner = Engine(ours, scaled, batch_size=32, seed=7, execution=execution, shuffle=False)
    logs = runner.train_epoch(data, 0)
    assert len(traces) == 1
    theirs.fit(*scaled(data.x, data.y), batch_size=32, shuffle=False, verbose=0)
    kept = theirs.history.history if theirs.history else {}
    assert logs == pytest.approx({name: values[0] for name, values in kept.items()}, rel=1e-5)
    assert len(logs) == len(metrics) + 1


def test_what_comes_next_is_traced_while_xla_compiles(monkeypatch):
    threads: dict[str, set[str]] = {"_train_step": set(), "_test_step": set()}

    def noting(step: Any, seen: set[str]) -> Any:
        def noted(self: Engine, data: Any, rows: Any) -> None:
            here = threading.current_thread() is threading.main_thread()
            seen.add(f"{rows.shape[0]} {'here' if here else 'meanwhile'}")
            step(self, data, rows)

        return noted

    for name, seen in threads.items():
        monkeypatch.setattr(Engine, name, noting(getattr(Engine, name), seen))
    ours, theirs = dense(), dense()
    data, other = images(90), images(64)  # 90: a last batch of 26
    runner = Engine(ours, scaled, batch_size=32, seed=7, execution="xla", shuffle=False)
    logs = runner.train_epoch(data, 0)
    scores = runner.evaluate(other)
    assert threads == {
        "_train_step": {"32 here", "26 meanwhile"},
        "_test_step": {"32 meanwhile"},
    }
    fitted = theirs.fit(*scaled(data.x, data.y), batch_size=32, shuffle=False, verbose=0)
    assert logs == pytest.approx({key: row[0] for key, row in fitted.history.items()}, rel=1e-5)
    kept = theirs.evaluate(*scaled(other.x, other.y), 32, verbose=0, return_dict=True)
    assert scores == pytest.approx(kept, rel=1e-5)
    assert_close(ours, theirs)


def test_what_cannot_be_traced_ahead_complains_when_it_is_called(monkeypatch):
    def fails(self, data, rows):
        raise ValueError("only in training")

    monkeypatch.setattr(Engine, "_test_step", fails)
    runner = Engine(dense(), scaled, batch_size=32, seed=7, execution="xla")
    assert set(runner.train_epoch(images(64), 0)) == {"loss", "accuracy"}
    with pytest.raises(ValueError, match="only in training"):
        runner.evaluate(images(64))


def test_splits_of_other_lengths_share_a_graph():
    traces = 0

    def prepare(x: Any, y: Any) -> tuple[Any, Any]:
        nonlocal traces
        traces += 1
        return scaled(x, y)

    model = dense()
    work = Engine(model, prepare, batch_size=8, seed=0, execution="graph")
    validation, test = images(84), images(92)  # each with a last batch of 4
    work.evaluate(validation)
    before = traces
    ours = work.evaluate(test)
    assert traces == before
    theirs = model.evaluate(*scaled(test.x, test.y), batch_size=8, verbose=0, return_dict=True)
    assert ours == pytest.approx(theirs, rel=1e-6)


# -- what model.fit takes --------------------------------------------------------------------


@pytest.mark.parametrize("execution", ["xla", "graph"])
def test_class_and_sample_weights_are_those_of_keras(execution):
    data = images()
    data = Data(data.x, data.y, np.linspace(0, 2, len(data.x), dtype="float32"))
    weighted: dict[str, Any] = {"metrics": ["accuracy"], "weighted_metrics": ["accuracy"]}
    ours, theirs = dense(**weighted), dense(**weighted)
    class_weight = {0: 0.5, 2: 3.0}
    runner = Engine(
        ours, scaled, batch_size=16, seed=7, execution=execution, class_weight=class_weight
    )
    runner.train_epoch(data, 0)
    x, order = data.x / np.float32(255), permutation(7, 0, 90)
    by_class = np.array([0.5, 1.0, 3.0], "float32")[data.y]
    for start in range(0, 90, 16):
        part = order[start : start + 16]
        weight = data.sample_weight[part] * by_class[part]
        theirs.train_on_batch(x[part], data.y[part], sample_weight=weight)
    assert_close(ours, theirs)
    expected = theirs.evaluate(
        x, data.y, 16, sample_weight=data.sample_weight, verbose=0, return_dict=True
    )
    assert runner.evaluate(data) == pytest.approx(expected, rel=1e-5)


def test_class_weights_take_one_hot_targets():
    def one_hot(x: Any, y: Any) -> tuple[Any, Any]:
        return scaled(x, keras.ops.one_hot(y, 3))

    ours, theirs = dense(), dense()
    for model in (ours, theirs):
        model.compile("sgd", "categorical_crossentropy")
    class_weight = {1: 4.0}
    data = images()
    runner = Engine(ours, one_hot, batch_size=90, seed=7, class_weight=class_weight)
    runner.train_epoch(data, 0)
    x, y = data.x / np.float32(255), np.eye(3, dtype="float32")[data.y]
    theirs.fit(x, y, batch_size=90, class_weight=class_weight, verbose=0)
    assert_close(ours, theirs)


@pytest.mark.parametrize("execution", ["xla", "graph"])
def test_several_inputs_and_outputs(execution):
    def two_by_two() -> keras.Model:
        keras.utils.set_random_seed(1)
        a, b = keras.Input((6, 6), name="a"), keras.Input((2,), name="b")
        both = layers.Concatenate()([layers.Flatten()(a), b])
        outputs = {
            "kind": layers.Dense(3, "softmax", name="kind")(both),
            "size": layers.Dense(1, name="size")(both),
        }
        model = keras.Model({"a": a, "b": b}, outputs)
        model.compile(
            "adam",
            {"kind": "sparse_categorical_crossentropy", "size": "mse"},
            loss_weights={"kind": 1.0, "size": 0.3},
            metrics={"kind": ["accuracy"], "size": ["mae"]},
        )
        return model

    def prepare(x: Any, y: Any) -> tuple[Any, Any]:
        return {"a": keras.ops.cast(x["a"], "float32") / 255.0, "b": x["b"]}, y

    # 96 rows: for a partial batch Keras's own evaluate weighs the loss of one output wrongly.
    plain, size = images(96), np.linspace(-1, 1, 96, dtype="float32")[:, None]
    x = {"a": plain.x, "b": np.hstack([size, -size])}
    data = Data(x, {"kind": plain.y, "size": size})
    ours, theirs = two_by_two(), two_by_two()
    runner = Engine(ours, prepare, batch_size=16, seed=7, execution=execution)
    ready = {**x, "a": plain.x / np.float32(255)}
    for epoch in range(34):  # 204 steps
        logs = runner.train_epoch(data, epoch)
        order = permutation(7, epoch, 96)
        for start in range(0, 96, 16):
            part = order[start : start + 16]
            theirs.train_on_batch(
                {k: v[part] for k, v in ready.items()}, {k: v[part] for k, v in data.y.items()}
            )
    assert_close(ours, theirs)
    expected = theirs.evaluate(ready, data.y, 16, verbose=0, return_dict=True)
    assert set(logs) == set(expected)
    assert runner.evaluate(data) == pytest.approx(expected, rel=1e-5)
    theirs_out = theirs.predict(ready, verbose=0)
    for name, values in runner.predict(data).items():
        np.testing.assert_allclose(values, theirs_out[name], rtol=1e-4, atol=1e-6)


def test_finish_leaves_the_averages_as_fit_does():
    models = [dense(), dense()]
    for model in models:
        model.compile(keras.optimizers.SGD(0.1, use_ema=True), "sparse_categorical_crossentropy")
    data = images()
    runner = Engine(models[0], scaled, batch_size=16, seed=7, execution="graph", shuffle=False)
    runner.train_epoch(data, 0)
    runner.finish()
    models[1].fit(data.x / np.float32(255), data.y, batch_size=16, shuffle=False, verbose=0)
    assert_close(*models)


# -- the choice --------------------------------------------------------------------------------


def chosen(*more: keras.Layer) -> str:
    return choose(keras.Sequential([layers.Input((8, 8, 1)), *more]), "auto").mode


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="rules of the CPU")
def test_the_rules_on_a_cpu():
    assert chosen(layers.Flatten(), layers.Dense(3)) == "xla"
    assert chosen(layers.Flatten(), layers.BatchNormalization(), layers.Dropout(0.0)) == "xla"
    assert chosen(layers.Flatten(), layers.BatchNormalization(), layers.Dropout(0.1)) == "graph"
    assert chosen(layers.GaussianNoise(0.1)) == "graph"
    assert chosen(keras.Sequential([layers.AlphaDropout(0.1)])) == "graph"
    assert chosen(layers.RandomFlip()) == "graph"
    for dropout, mode in ((0.0, "xla"), (0.1, "graph")):
        rows = layers.Input((8, 8))
        attention = layers.MultiHeadAttention(2, 4, dropout=dropout)(rows, rows)
        assert choose(keras.Model(rows, attention)).mode == mode
    assert chosen(layers.Conv2D(2, 3)) == "graph"
    assert chosen(keras.Sequential([layers.Conv2D(2, 3)])) == "graph"
    assert chosen(layers.TimeDistributed(layers.Conv1D(2, 3))) == "graph"
    assert chosen(layers.Reshape((8, 8)), layers.Bidirectional(layers.GRU(2))) == "graph"

    class Own(layers.Layer):
        def call(self, x: Any) -> Any:
            return x

    assert chosen(Own()) == "graph"
    given = choose(keras.Sequential([layers.Input((2,)), layers.Dense(3)]), "eager")
    assert given.mode == "eager"
    assert "config" in given.reason
    with pytest.raises(ValueError, match="fast"):
        choose(dense(), "fast")


class WithoutXla(layers.Layer):
    """`tf.unique` has no XLA form in a loop: its result's shape depends on the data."""

    def call(self, x: Any) -> Any:
        return x + keras.ops.cast(tf.size(tf.strings.as_string(x)), x.dtype) * 0.0


def test_a_model_that_xla_cannot_compile(monkeypatch):
    data = images()
    with pytest.raises(ModelError, match=r"XLA cannot compile.*execution: graph"):
        Engine(dense(WithoutXla()), scaled, batch_size=16, seed=7, execution="xla").train_epoch(
            data, 0
        )
    monkeypatch.setattr(engine, "choose", lambda *_: engine.Execution("xla", "a rule's mistake"))
    ours, theirs = dense(WithoutXla()), dense(WithoutXla())
    runner = Engine(ours, scaled, batch_size=16, seed=7)
    runner.train_epoch(data, 0)
    assert runner.execution.mode == "graph"
    assert "XLA cannot compile" in runner.execution.reason
    monkeypatch.undo()
    Engine(theirs, scaled, batch_size=16, seed=7, execution="graph").train_epoch(data, 0)
    assert_equal(state(ours), state(theirs))


# -- the same random numbers ------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_xla_draws_what_tensorflows_kernels_draw(dtype):
    """Fails when Keras or TensorFlow draw by another function, or make floats another way."""

    def draw() -> list[Any]:
        return [
            keras.random.dropout(tf.ones((101, 7), dtype), 0.3, seed=3),
            keras.random.uniform((101, 7), -1, 2, dtype=dtype, seed=9),
            keras.random.normal((101, 7), dtype=dtype, seed=9),
            keras.random.normal((13,), 1.0, 3.0, dtype=dtype, seed=5),
        ]

    def draw_alike() -> list[Any]:
        with patches() as replaced:
            draw_as_tensorflow(replaced)
            return draw()

    plain = tf.function(draw, autograph=False)()
    ours = tf.function(draw_alike, autograph=False, jit_compile=True)()
    xla = tf.function(draw, autograph=False, jit_compile=True)()
    rounding = {"float32": 2e-6, "float16": 2e-3, "bfloat16": 2e-2}[dtype]
    different = False
    for a, b, c in zip(plain, ours, xla, strict=True):
        a, b, c = (tf.cast(t, tf.float32) for t in (a, b, c))
        np.testing.assert_allclose(b, a, rtol=rounding, atol=rounding)
        different = different or np.abs(c - a).max() > 0.1
    assert different  # else the replacement is not needed any more
    assert np.array_equal(plain[0], ours[0])
