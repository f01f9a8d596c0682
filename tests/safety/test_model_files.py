"""Files that mean harm are refused by name; honest ones open as Keras opens them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from operator import attrgetter

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


def named():
    """Lambdas that name functions of Keras, and carry no code."""
    functions = (keras.activations.relu, keras.activations.tanh)
    return keras.Sequential([keras.Input((8,)), *map(L.Lambda, functions), L.Dense(3)])


@pytest.mark.parametrize("make", [small, functional, stateful, vocabulary, normalized, own, named])
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


def calls_while(open_it, monkeypatch):
    """How often a Dense layer is called."""
    calls = []
    original = L.Dense.compute_output_spec

    def counted(self, *args, **kwargs):
        calls.append(self.name)
        return original(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(L.Dense, "compute_output_spec", counted)
        open_it()
    return len(calls)


def test_a_deep_sequential_costs_one_call_a_layer(tmp_path, monkeypatch):
    """Keras's own loading builds it anew after each layer: 900 calls for 40 layers."""
    keras.Sequential([keras.Input((4,)), *(L.Dense(4) for _ in range(40))]).save(
        tmp_path / "m.keras"
    )
    before = vars(keras.Sequential)["from_config"]
    assert calls_while(lambda: open_model(tmp_path / "m.keras"), monkeypatch) <= 2 * 40
    assert vars(keras.Sequential)["from_config"] is before


def nested():
    inner = keras.Sequential([keras.Input((8,)), L.Dense(3), L.Dense(4)])
    return keras.Sequential([keras.Input((8,)), inner, L.Dense(2)])


def inputless():
    model = keras.Sequential([L.Dense(3), L.Dense(4)])
    model.build((None, 5))
    return model


@pytest.mark.parametrize("make", [small, stateful, nested, inputless])
def test_a_sequential_is_what_keras_itself_makes_of_it(tmp_path, make):
    model = make()
    model.compile(keras.optimizers.AdamW(amsgrad=True, use_ema=True), "mse", metrics=["mae"])
    model.save(tmp_path / "m.keras")
    keras.backend.clear_session()
    theirs = keras.saving.load_model(tmp_path / "m.keras")
    keras.backend.clear_session()
    ours = open_model(tmp_path / "m.keras")
    for attribute in ("weights", "optimizer.variables"):
        one, other = attrgetter(attribute)(ours), attrgetter(attribute)(theirs)
        assert [each.path for each in one] == [each.path for each in other]
        for each, expected in zip(one, other, strict=True):
            assert np.array_equal(each.numpy(), expected.numpy())
    assert ours.get_config() == theirs.get_config()


def malformed(tmp_path, change):
    """What is said of a good model whose config has been changed."""
    path = tmp_path / "m.keras"
    small().save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    change(config)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (parts | {"config.json": json.dumps(config)}).items():
            archive.writestr(name, content)
    with pytest.raises(ModelError) as caught:
        open_model(path)
    return str(caught.value)


def set_argument(**arguments):
    return lambda config: config["config"]["layers"][1]["config"].update(arguments)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (set_argument(unheard=1), "Dense: .*'unheard'"),
        (set_argument(units="x"), "opened as a model: Dense: .*units"),
        (set_argument(activation="nothing"), "Dense: .*nothing"),
        (set_argument(units=7), r"expected axis -1 of input shape to have value 4.*\(None, 7\)"),
        (lambda config: config["config"].pop("layers"), "'layers' is missing in the config"),
        (lambda config: config["compile_config"].update(optimizer=[1]), "opened as a model: .+"),
    ],
)
def test_keras_own_reason_is_told_whole_and_without_the_config(tmp_path, change, reason):
    message = malformed(tmp_path, change)
    assert re.search(reason, message)
    assert "\n" not in message
    assert "config={" not in message
    assert len(message) < 700


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
        f"'nnpy_tests>Double' from the module '{__name__}', which is not Keras's own"
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


def test_a_pipe_or_device_in_place_of_a_model_is_told_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.keras")
    (tmp_path / "zero.keras").symlink_to("/dev/zero")
    for name, kind in (("pipe", "a named pipe"), ("zero", "a device")):
        with pytest.raises(ModelError, match=f"it is {kind}, not a file"):
            open_model(tmp_path / f"{name}.keras")
    with pytest.raises(ModelError, match="null byte"):
        open_model(tmp_path / "a\0b.keras")


@pytest.mark.parametrize(
    "text",
    [
        "[{Reshape: {target_shape: [28, 28, 1]}}, {ZeroPadding2D: {padding: 200000}}]",
        "[{Reshape: {target_shape: [28, 28, 1]}}, {UpSampling2D: {size: 100000}}]",
        "[{Reshape: {target_shape: [28, 28, 1]}}, {Conv2D: {filters: 1, kernel_size: 3,"
        " dilation_rate: 200000, padding: same}}]",
        "[Flatten, {RepeatVector: {n: 200000000}}]",
    ],
)
def test_so_is_a_config_of_ones_own_at_its_place(text, tmp_path):
    from nnpy import api
    from nnpy.errors import ConfigError

    path = tmp_path / "c.yaml"
    path.write_text(f"model: {text}\n")
    with pytest.raises(ConfigError, match=r"c\.yaml:1:.*of one example, but only"):
        api.build(path)


def test_a_model_that_fails_on_the_data_is_told_in_words(tmp_path, tiny, monkeypatch):
    from nnpy import api

    x = keras.Input((None, None))
    y = L.Dense(10, "softmax")(L.GlobalAveragePooling1D()(L.Reshape((-1, 5))(x)))
    keras.Model(x, y).save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", np.zeros((28, 28), np.uint8))
    config = {"data": {"name": "idx", "path": str(tiny)}, "model": ["Flatten"]}
    for command in (
        lambda: api.evaluate(tmp_path / "model.keras", config=config),
        lambda: api.predict(tmp_path / "model.keras", [tmp_path / "x.npy"]),
    ):
        with pytest.raises(ModelError, match=r"model\.keras cannot be computed on these data: "):
            command()
