"""Several devices learn what one does, from the same global batches."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import keras
import pytest

from nnpy.engine import replicas
from nnpy.engine.distributed import DistributedEngine
from nnpy.errors import ModelError, UsageError
from tests.engine.test_equality import compiled, dense, scaled
from tests.support.on_logical_devices import CASES, LONG_CASES

ROOT = Path(__file__).parents[2]


def compare(names: Iterable[str]) -> dict:
    command = [sys.executable, "-m", "tests.support.on_logical_devices", *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def compared() -> dict:
    return compare(CASES)


@pytest.fixture(scope="module")
def compared_long() -> dict:
    return compare(LONG_CASES)


@pytest.mark.parametrize("name", CASES)
def test_several_devices_end_as_one_does(compared, name):
    assert_equal(compared[name], name, CASES[name][2])


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG_CASES)
def test_every_kind_of_model_ends_as_on_one_device(compared_long, name):
    assert_equal(compared_long[name], name, LONG_CASES[name][2])


def assert_equal(found: dict, name: str, replicas_here: int) -> None:
    tolerance = 1e-2 if "mixed" in name else 1e-4
    assert found["steps"] >= (200 if "streamed" not in name else 50)
    assert found["weights"] < tolerance
    if "mixed" not in name:  # float16 rounds what is left of a small gradient at will
        assert found["state"] < tolerance
    for expected, ours in (found["logs"], found["scores"]):
        assert ours == pytest.approx(expected, rel=tolerance)
    assert found["answers"] < tolerance
    assert set(found["copies"]) == {replicas_here}
    assert found["copies are equal"]


def _strategy(count: int) -> SimpleNamespace:
    return SimpleNamespace(num_replicas_in_sync=count)


def test_a_batch_too_small_to_share_is_refused():
    with pytest.raises(UsageError, match=r"a batch of 2 cannot be shared by 3 devices; use --set"):
        DistributedEngine(
            compiled(dense, "sgd"), scaled, strategy=_strategy(3), batch_size=2, seed=0
        )


def test_xla_for_several_devices_is_refused():
    with pytest.raises(UsageError, match=r"training\.execution: xla is for one device"):
        DistributedEngine(
            compiled(dense, "sgd"),
            scaled,
            strategy=_strategy(2),
            batch_size=8,
            seed=0,
            execution="xla",
        )


def test_a_fixed_batch_size_is_refused():
    model = keras.Sequential([keras.Input(batch_shape=(4, 3)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ModelError, match="a fixed batch size cannot share its batches"):
        DistributedEngine(model, scaled, strategy=_strategy(2), batch_size=4, seed=0)


def test_what_keras_overrides_for_the_replicas_sake_is_known():
    # Another override of a later Keras would update a replica's variables as TensorFlow's
    # mirrored ones: look at it, and put it into OVERRIDDEN or into this list.
    harmless = {
        *("__init__", "add_variable_from_reference", "stateless_apply", "assign"),
        *("assign_add", "assign_sub", "_var_key", "_clip_by_norm"),
    }
    base = replicas.base_optimizer()
    ours = next(each for each in keras.Optimizer.__mro__ if each.__name__ == "TFOptimizer")
    overridden = {name for name, value in vars(ours).items() if callable(value)} & set(dir(base))
    overridden -= {"__setattr__", "__delattr__", "__init_subclass__"}
    assert overridden - harmless == set(replicas.OVERRIDDEN)
    assert hasattr(keras.optimizers.LossScaleOptimizer, "_tf_apply")
