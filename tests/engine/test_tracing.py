"""Methods are replaced while a step is traced, by one thread at a time, and put back always."""

from __future__ import annotations

import threading

import pytest
import tensorflow as tf

from nnpy.engine import tracing


class Model:
    rate = 0.5

    def call(self) -> str:
        return "the class's"


def test_all_is_put_back_whatever_happens():
    model = Model()
    model.name = "own"
    with pytest.raises(ValueError, match="oh"), tracing.patches() as patches:
        patches.replace(model, "call", lambda: "first")
        patches.replace(model, "call", lambda: "second")
        patches.replace(model, "name", "another")
        assert (model.call(), model.name) == ("second", "another")
        raise ValueError("oh")
    assert (model.call(), model.name) == ("the class's", "own")
    assert vars(model) == {"name": "own"}


def test_a_trace_within_a_trace_is_refused_and_the_door_opens_again():
    with (
        tracing.patches(),
        pytest.raises(RuntimeError, match="within the trace"),
        tracing.patches(),
    ):
        pass
    with tracing.patches():
        pass


def test_another_thread_waits_its_turn():
    model, seen = Model(), []
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with tracing.patches() as patches:
            patches.replace(model, "call", lambda: "first")
            inside.set()
            leave.wait(10)

    def second() -> None:
        inside.wait(10)
        with tracing.patches():
            seen.append(model.call())

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    inside.wait(10)
    leave.set()
    for thread in threads:
        thread.join(10)
    assert seen == ["the class's"]


def test_replicas_do_not_patch():
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])

    def step() -> None:
        with tracing.patches():
            pass

    with pytest.raises(RuntimeError, match=r"within strategy\.run"):
        strategy.run(step)
