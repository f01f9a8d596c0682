"""`nnpy import MODEL.keras`: the whole file, checked and built before it is written."""

from __future__ import annotations

import textwrap

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import layers

import nnpy
from nnpy.cli.commands.check import check
from nnpy.cli.commands.import_ import import_
from nnpy.cli.terminal import Terminal
from nnpy.config.load import load_config
from nnpy.config.yaml.parse import parse
from nnpy.errors import ConfigError, ModelError, UsageError
from nnpy.models.to_config.compare import differences, outputs_differ
from nnpy.safety import model_files
from nnpy.workflows.import_model import import_model

OWN = textwrap.dedent(
    """
    import keras


    @keras.saving.register_keras_serializable("mine")
    class Scale(keras.layers.Layer):
        def __init__(self, factor=1.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, inputs):
            return inputs * self.factor

        def get_config(self):
            return {**super().get_config(), "factor": self.factor}


    @keras.saving.register_keras_serializable("mine")
    class Nameless(keras.layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.inner = keras.layers.Dense(units)
            self.units = units

        def call(self, inputs):
            return self.inner(inputs)

        def get_config(self):
            return {"units": self.units}


    @keras.saving.register_keras_serializable("mine")
    class Cell(keras.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = self.state_size = units
            self.inner = keras.layers.Dense(units)

        def build(self, input_shape):
            self.inner.build(input_shape)

        def call(self, inputs, states):
            output = self.inner(inputs) + states[0]
            return output, [output]

        def get_config(self):
            return {**super().get_config(), "units": self.units}


    @keras.saving.register_keras_serializable("mine")
    class Both(keras.layers.Layer):
        def call(self, left, right):
            return left - 2 * right


    @keras.saving.register_keras_serializable("mine")
    class Every(keras.layers.Layer):
        def call(self, *tensors):
            return keras.ops.concatenate(tensors, axis=-1)


    @keras.saving.register_keras_serializable("mine")
    class Around(keras.layers.Layer):
        def __init__(self, inner, sizes=(1, 2), **kwargs):
            super().__init__(**kwargs)
            self.inner, self.sizes = inner, sizes

        def call(self, inputs):
            return {"twice": self.inner(inputs) * 2, "plain": [inputs, inputs + 1.0]}

        def get_config(self):
            return {**super().get_config(), "inner": self.inner, "sizes": self.sizes}

        @classmethod
        def from_config(cls, config):
            config["inner"] = keras.saving.deserialize_keras_object(config["inner"])
            return cls(**config)


    @keras.saving.register_keras_serializable("mine", name="edge")
    def sharp(x):
        return keras.ops.relu(x) * 3.0


    @keras.saving.register_keras_serializable("mine")
    class Styled(keras.layers.Layer):
        def __init__(self, units, style=None, **kwargs):
            super().__init__(**kwargs)
            self.units, self.style = units, style
            self.inner = keras.layers.Dense(units, activation=style)

        def call(self, inputs):
            return self.inner(inputs)

        def get_config(self):
            return {**super().get_config(), "units": self.units, "style": self.style}


    @keras.saving.register_keras_serializable("mine")
    class Plus(keras.layers.Wrapper):
        def call(self, inputs):
            return self.layer(inputs) + 1.0


    @keras.saving.register_keras_serializable("mine")
    def shifted(truth, predicted):
        return keras.ops.mean(keras.ops.square(truth - predicted + 1.0), axis=-1)


    @keras.saving.register_keras_serializable("mine")
    class Whole(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = keras.layers.Dense(2)

        def call(self, inputs):
            return self.dense(inputs)
    """
)


def random(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def imported(model, tmp_path, *code):
    """The config of a model by way of a file, its text and the notes."""
    model.save(tmp_path / "m.keras")
    text, notes = import_model(tmp_path / "m.keras", tmp_path / "m.yaml", *code)
    assert (tmp_path / "m.yaml").read_text(encoding="utf-8") == text
    load_config(tmp_path / "m.yaml")  # nnpy's own check finds no mistake
    return text, notes


# -- what `fit` leaves behind --------------------------------------------------------------


def fitted(batch, *steps, shape=(6,)):
    model = keras.Sequential(list(steps))
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(random(batch, *shape), np.zeros(batch), batch_size=batch, verbose=0)
    return model


@pytest.mark.parametrize(
    ("batch", "steps", "shape"),
    [
        (64, [layers.Flatten(), layers.Dense(10)], (28, 28)),
        (7, [layers.Dense(3, activation="relu"), layers.Dense(2)], (6,)),
        (5, [layers.Conv1D(2, 3), layers.GlobalMaxPooling1D(), layers.Dense(2)], (9, 2)),
        (4, [layers.LSTM(3), layers.Dense(2)], (5, 2)),
    ],
)
def test_the_batch_size_of_a_fit_is_left_open(batch, steps, shape, tmp_path):
    original = fitted(batch, *steps, shape=shape)
    text, notes = imported(original, tmp_path)
    assert any(f"the batch size {batch}" in each for each in notes) and "batch_size" not in text
    built = nnpy.build(tmp_path / "m.yaml")
    assert built.input_shape == (None, *shape)
    built.set_weights(original.get_weights())
    assert not outputs_differ(original, built, random(batch, *shape))


def test_a_stateful_layer_keeps_its_batch_size(tmp_path):
    original = keras.Sequential(
        [keras.Input(batch_shape=(3, 5, 2)), layers.GRU(2, stateful=True), layers.Dense(2)]
    )
    text, _ = imported(original, tmp_path)
    said = parse(text, "x").plain()
    assert [each["batch_size"] for each in said["model"]["inputs"].values()] == [3]
    assert said["training"] == {"batch_size": 3}  # else a training could not feed it
    assert nnpy.build(tmp_path / "m.yaml").input_shape == (3, 5, 2)


# -- own code ------------------------------------------------------------------------------


def own_model(own, kind):
    x = keras.Input((5, 4), name="x")
    if kind == "argument":
        return keras.Sequential([x, own("Scale")(2.0, name="s"), layers.Dense(2)])
    if kind == "no name":
        return keras.Sequential([x, own("Nameless")(3), layers.Dense(2)])
    if kind == "cell":
        return keras.Sequential([x, layers.RNN(own("Cell")(3, name="mine")), layers.Dense(2)])
    if kind == "a cell without a name":
        return keras.Sequential([x, layers.Bidirectional(layers.RNN(own("Cell")(3)))])
    if kind == "functions":
        sharp = own("sharp")
        return keras.Sequential([x, layers.Dense(3, activation=sharp), own("Styled")(2, sharp)])
    if kind == "a wrapper":
        return keras.Sequential([x, own("Plus")(layers.Dense(2, name="within"))])
    if kind == "two by position":
        return keras.Model(x, own("Both")()(layers.Dense(3, name="b")(x), layers.Dense(3)(x)))
    if kind == "any number":
        return keras.Model(x, own("Every")()(layers.Dense(3, name="b")(x), x, x))
    found = own("Around")(layers.Dense(4, name="within"), sizes=[3, 4], name="around")(x)
    return keras.Model(x, [found["twice"], found["plain"][1]])


@pytest.mark.parametrize(
    "kind",
    [
        *("argument", "no name", "cell", "a cell without a name", "functions", "a wrapper"),
        *("two by position", "any number", "gives a mapping"),
    ],
)
def test_own_layers_come_back(kind, tmp_path):
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    namespace: dict = {}
    exec(OWN, namespace)
    original = own_model(namespace.get, kind)
    (tmp_path / "there").mkdir()
    original.save(tmp_path / "m.keras")
    text, _ = import_model(tmp_path / "m.keras", tmp_path / "there" / "m.yaml", tmp_path / "own.py")
    assert parse(text, "x").plain()["code"] == "../own.py"
    built = nnpy.build(tmp_path / "there" / "m.yaml")
    assert not differences(original, built)
    built.set_weights(original.get_weights())
    assert not outputs_differ(original, built, random(2, 5, 4))


def test_an_own_loss_needs_its_code(tmp_path):
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    namespace: dict = {}
    exec(OWN, namespace)
    original = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    original.compile("adam", namespace["shifted"], metrics=["mae"])
    text, _ = imported(original, tmp_path, tmp_path / "own.py")
    assert parse(text, "x").plain()["training"]["loss"] == "shifted"


def test_a_subclassed_model_is_named(tmp_path):
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    namespace: dict = {}
    exec(OWN, namespace)
    original = namespace["Whole"]()
    original(random(2, 4))
    original.save(tmp_path / "m.keras")
    with pytest.raises(ModelError, match=r"is a Whole, a subclass of keras\.Model"):
        import_model(tmp_path / "m.keras", None, tmp_path / "own.py")
    with pytest.raises(ModelError, match="Whole"):
        import_model(tmp_path / "m.keras", None)


# -- data ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "units", "activation", "loss"),
    [
        ((28, 28, 1), 10, "softmax", "categorical_crossentropy"),
        ((28, 28), 5, "softmax", "sparse_categorical_crossentropy"),
        ((28, 28), 1, "sigmoid", "binary_crossentropy"),
        ((28, 28), 16, "relu", None),
        ((28, 28), 784, "sigmoid", "mse"),
        ((64,), 10, "softmax", "kl_divergence"),
    ],
)
def test_its_own_output_passes_its_own_check(shape, units, activation, loss, tmp_path):
    original = keras.Sequential(
        [keras.Input(shape), layers.Flatten(), layers.Dense(units, activation=activation)]
    )
    if loss:
        original.compile("adam", loss)
    text, notes = imported(original, tmp_path)
    said = parse(text, "x").plain()
    one_hot = loss in ("categorical_crossentropy", "kl_divergence")
    assert said.get("data", {}).get("labels", "sparse") == ("one_hot" if one_hot else "sparse")
    fits = (shape, units) == ((28, 28, 1), 10)
    assert ("name" in said.get("data", {})) is not fits
    assert any(each.startswith("data:") for each in notes) and "# data:" in text
    assert nnpy.build(tmp_path / "m.yaml").output_shape == (None, units)
    nnpy.plot(tmp_path / "m.yaml", tmp_path / "m.dot")
    done = CliRunner().invoke(check, ["--build", str(tmp_path / "m.yaml")], obj=Terminal())
    assert done.exit_code == 0
    if not fits:
        with pytest.raises(ConfigError, match="names no data"):
            nnpy.train(tmp_path / "m.yaml", run_dir=str(tmp_path / "run"))


# -- arrays --------------------------------------------------------------------------------


def test_a_long_array_stands_in_a_file_with_its_digest(tmp_path):
    matrix = random(20_000, 50)  # 20 MB of text within the .keras file
    start = keras.initializers.Constant(matrix)
    original = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            layers.Embedding(20_000, 50, embeddings_initializer=start),
        ]
    )
    text, _ = imported(original, tmp_path)
    assert len(text) < 2000 and "m.npz" in text
    built = nnpy.build(tmp_path / "m.yaml")
    assert np.array_equal(built.layers[0].embeddings.numpy(), matrix)
    content = {name: np.load(tmp_path / "m.npz")[name] for name in np.load(tmp_path / "m.npz")}
    (name,) = content
    content[name] = content[name] + 1
    np.savez(tmp_path / "m.npz", **content)
    with pytest.raises(ConfigError, match="its digest differs"):
        load_config(tmp_path / "m.yaml")
    (tmp_path / "m.npz").unlink()
    with pytest.raises(ConfigError, match="no such file"):
        load_config(tmp_path / "m.yaml")


def test_a_long_array_needs_a_file(tmp_path):
    x = keras.Input((100,))
    keras.Model(x, x * np.arange(100, dtype="float32")).save(tmp_path / "m.keras")
    with pytest.raises(ModelError, match="-o FILE"):
        import_model(tmp_path / "m.keras", None)


def test_a_run_keeps_the_arrays(tmp_path, tiny):
    x = keras.Input((28, 28))
    y = layers.Flatten()(x * np.linspace(0, 1, 28 * 28, dtype="float32").reshape(28, 28))
    model = keras.Model(x, layers.Dense(10, activation="softmax")(y))
    imported(model, tmp_path)
    options = ["data.name=idx", f"data.path={tiny}", "training.epochs=1"]
    run = nnpy.train(tmp_path / "m.yaml", overrides=options, run_dir=str(tmp_path / "run"))
    (tmp_path / "m.npz").unlink()  # the run stands alone, and goes on anywhere
    moved = (tmp_path / "run").rename(tmp_path / "moved")
    assert "array: arrays/m.npz" in (moved / "config.yaml").read_text()
    nnpy.resume(moved, overrides=["training.epochs=2"])
    assert "array: arrays/m.npz" in (moved / "config.yaml").read_text()
    assert [path.name for path in (moved / "arrays").iterdir()] == ["m.npz"]
    assert run.name == "run"


# -- files ---------------------------------------------------------------------------------


def test_nothing_is_overwritten(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    imported(model, tmp_path)
    with pytest.raises(UsageError, match="already exists"):
        import_model(tmp_path / "m.keras", tmp_path / "m.yaml")
    (tmp_path / "n.npz").write_bytes(b"mine")
    x = keras.Input((100,))
    keras.Model(x, x * np.arange(100, dtype="float32")).save(tmp_path / "n.keras")
    with pytest.raises(UsageError, match="already exists"):
        import_model(tmp_path / "n.keras", tmp_path / "n.yaml")
    assert (tmp_path / "n.npz").read_bytes() == b"mine" and not (tmp_path / "n.yaml").exists()


def test_a_model_itself_is_imported(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    model.compile("sgd", "mse")
    text, _ = nnpy.import_model(model, tmp_path / "m.yaml")
    assert (tmp_path / "m.yaml").read_text(encoding="utf-8") == text
    assert parse(text, "x").plain()["training"]["loss"] == "mse"
    assert not differences(model, nnpy.build(tmp_path / "m.yaml"))


def test_the_command_says_the_notes(tmp_path):
    fitted(6, layers.Dense(2)).save(tmp_path / "m.keras")
    done = CliRunner().invoke(import_, [str(tmp_path / "m.keras")], obj=Terminal())
    assert done.exit_code == 0 and "the batch size 6" in done.output


def test_a_compiled_model_within_another_is_opened(tmp_path):
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    inner.compile("adam", "mse")
    for outer in (
        keras.Sequential([inner, layers.Softmax()]),
        keras.Model(inner.inputs, layers.Dense(2)(inner.outputs[0])),
        keras.Sequential([keras.Sequential([keras.Input((4,)), inner]), layers.ReLU()]),
    ):
        outer.save(tmp_path / "m.keras")
        text, _ = import_model(tmp_path / "m.keras", None)
        assert "optimizer" not in text
        nnpy.plot(tmp_path / "m.keras", tmp_path / "m.dot")
        opened = model_files.open_model(tmp_path / "m.keras", compile=False)
        assert not differences(opened, outer)
