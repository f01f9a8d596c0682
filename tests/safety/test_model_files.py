"""Files that mean harm are refused by name; honest ones open as Keras opens them."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from nnpy.errors import ModelError
from nnpy.safety.model_files import inspect, open_model
from tests.support import hostile

keras = pytest.importorskip("keras")
L = keras.layers


@keras.saving.register_keras_serializable("nnpy_tests")
class Double(L.Layer):
    def call(self, x):
        return 2 * x


def small():
    model = keras.Sequential(
        [keras.Input((8,)), L.Dense(4, "relu"), L.Dropout(0.5), L.Dense(3, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.train_on_batch(np.zeros((2, 8)), np.zeros(2))
    return model


def functional():
    x = keras.Input((8, 8, 1))
    y = L.Conv2D(4, 3, padding="same")(x)
    y = L.BatchNormalization()(y + x)
    y = keras.ops.relu(y)
    y = L.TimeDistributed(L.Dense(2))(L.Reshape((64, 4))(y))
    return keras.Model(x, L.Bidirectional(L.LSTM(3))(y))


def stateful():
    return keras.Sequential([keras.Input(batch_shape=(4, 5, 3)), L.GRU(4, stateful=True)])


def vocabulary():
    return keras.Sequential(
        [
            keras.Input((1,), dtype="string"),
            L.StringLookup(vocabulary=["a", "b"]),
            L.Embedding(3, 2),
        ]
    )


def normalized():
    layer = L.Normalization()
    layer.adapt(np.arange(12, dtype="float32").reshape(3, 4))
    return keras.Sequential([keras.Input((4,)), layer, L.Dense(2)])


def own():
    return keras.Sequential([keras.Input((8,)), Double(), L.Dense(3)])


@pytest.mark.parametrize("make", [small, functional, stateful, vocabulary, normalized, own])
def test_honest_models_open_whole(tmp_path, make):
    model = make()
    model.save(tmp_path / "m.keras")
    opened = open_model(tmp_path / "m.keras")
    assert opened.count_params() == model.count_params()
    for ours, theirs in zip(opened.weights, model.weights, strict=True):
        assert np.array_equal(ours.numpy(), theirs.numpy())
    if make is small:
        for ours, theirs in zip(opened.optimizer.variables, model.optimizer.variables, strict=True):
            assert np.array_equal(ours.numpy(), theirs.numpy())


def test_planning_a_model_leaves_nothing_behind(tmp_path):
    """Keras's private list of variables to initialize later must stay as it was."""
    from keras.src.backend.common import global_state

    small().save(tmp_path / "m.keras")
    open_model(tmp_path / "m.keras")
    assert not global_state.get_global_attribute("uninitialized_variables")


PROGRAM = """
import json, sys
from pathlib import Path
from nnpy.errors import ModelError
from nnpy.safety.model_files import open_model
said = {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        open_model(path)
        said[path.name] = "opened"
    except ModelError as error:
        said[path.name] = str(error)
# Not getrusage: its maximum is inherited from the process that started this one.
status = Path("/proc/self/status").read_text()
peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
print(json.dumps({"said": said, "peak": peak}))
"""


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    """What opening each hostile file says, in a process of its own."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "files").mkdir()
    expected = hostile.build(folder / "files", marker=folder / "executed")
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder / "files")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout.splitlines()[-1])
    return folder, expected, told


def test_each_hostile_file_is_refused_with_its_reason(refusals):
    _, expected, told = refusals
    assert set(told["said"]) == set(expected)
    wrong = {
        name: message
        for name, message in told["said"].items()
        if expected[name] not in message or len(message) > 600
    }
    assert not wrong


def test_no_hostile_code_ran_and_nothing_was_unpacked(refusals):
    folder, _, _ = refusals
    assert sorted(path.name for path in folder.iterdir()) == ["files"]
    assert not (folder.parent / "evil.txt").exists()


def test_hostile_files_take_little_memory(refusals):
    assert refusals[2]["peak"] < 1e9


def test_inspection_needs_no_keras(tmp_path):
    small().save(tmp_path / "m.keras")
    code = (
        "import sys; from nnpy.safety.model_files import inspect; inspect(sys.argv[1]); "
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "m.keras")], check=True)


def test_the_users_own_layer_is_known_by_its_registered_name(tmp_path):
    own().save(tmp_path / "m.keras")
    inspect(tmp_path / "m.keras")
    code = (
        "import keras, sys; from nnpy.safety.model_files import open_model; open_model(sys.argv[1])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m.keras")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (
        "'nnpy_tests>Double' from the module 'tests.test_safety', which is not Keras's own"
        in result.stderr
    )
    assert "`code:`" in result.stderr


def test_an_older_keras_is_not_trusted(tmp_path, monkeypatch):
    small().save(tmp_path / "m.keras")
    monkeypatch.setattr(keras, "__version__", "3.9.2")
    with pytest.raises(ModelError, match=r"Keras 3\.9\.2 has known holes"):
        open_model(tmp_path / "m.keras")
    monkeypatch.setattr(keras, "__version__", "3.16.0rc1")
    open_model(tmp_path / "m.keras")


def test_a_torn_file_is_told_wherever_it_is_torn(tmp_path):
    small().save(tmp_path / "m.keras")
    content = (tmp_path / "m.keras").read_bytes()
    for size in range(0, len(content), len(content) // 23):
        (tmp_path / "torn.keras").write_bytes(content[:size])
        with pytest.raises(ModelError):
            open_model(tmp_path / "torn.keras")
    with pytest.raises(ModelError, match="no such file"):
        open_model(tmp_path / "missing.keras")
    with pytest.raises(ModelError, match="it is a folder"):
        open_model(tmp_path)
