"""Scripts are run, and what they train becomes configs: the real Keras, tiny data."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from nnpy.config.load import load_config
from nnpy.workflows.import_script import datasets
from tests.workflows.import_script.support import imported

ROOT = Path(__file__).parents[3]

HEAD = """
import keras, numpy as np
from keras import layers
x = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
y = (np.arange(40) % 3).astype("int64")
model = keras.Sequential([keras.Input((6,)), layers.Dense(4, activation="relu"), layers.Dense(3)])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
"""

ARTICLE = """
import keras

(train_images, train_labels), (test_images, test_labels) = keras.datasets.fashion_mnist.load_data()
train_images, test_images = train_images / 255.0, test_images / 255.0
model = keras.Sequential([
    keras.layers.Flatten(input_shape=(28, 28)),
    keras.layers.Dense(128, activation="relu"),
    keras.layers.Dense(10, activation="softmax"),
])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(train_images, train_labels, epochs=5)
assert list(history.history) == ["accuracy", "loss"], history.history
assert history.epoch == [0] and 0 <= history.history["accuracy"][0] <= 1
keras.utils.plot_model(model, to_file="model.png", show_shapes=True)
loss, accuracy = model.evaluate(test_images, test_labels)
"""


@pytest.fixture
def fashion(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fashion-MNIST of 100 + 20 pictures."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (120, 28, 28)).astype("uint8")
    y = (np.arange(120) % 10).astype("uint8")
    monkeypatch.setattr(datasets.fashion_mnist, "places", lambda: [type("P", (), {"found": False})])
    monkeypatch.setattr(
        datasets, "_fashion_mnist", lambda: ((x[:100], y[:100]), (x[100:], y[100:]))
    )


def test_the_article_becomes_mlp(
    tmp_path: Path, fashion: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    [one], end = imported(tmp_path, ARTICLE, verify=True)
    assert end == {} and one.path is not None
    assert one.verdict.equal, one.verdict
    mine, theirs = load_config(one.path), load_config(ROOT / "configs" / "mlp.yaml")
    assert mine.resolved["model"] == theirs.resolved["model"]
    assert mine.data.name == theirs.data.name
    assert mine.data.validation_split == 0.0  # the script holds nothing out
    for key in ("loss", "metrics", "epochs", "batch_size", "shuffle", "class_weight"):
        assert mine.resolved["training"][key] == theirs.resolved["training"][key], key
    assert mine.training.optimizer.name == theirs.training.optimizer.name == "Adam"


def test_what_fit_and_compile_say_stands_in_the_config(tmp_path: Path) -> None:
    [one], end = imported(
        tmp_path,
        HEAD
        + """
keras.utils.set_random_seed(7)
model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss, metrics=["accuracy"], run_eagerly=True)
history = model.fit(x, y, 8, 12, validation_split=0.25, shuffle=False, class_weight={0: 1, 2: 3.5},
    callbacks=[keras.callbacks.EarlyStopping("val_loss", patience=np.int64(3))], verbose=0)
assert {"loss", "val_loss", "accuracy", "val_accuracy"} == set(history.history), history.history
assert model.history is history
""",
        verify=True,
    )
    assert one.verdict, (end, one.refused, one.notes)
    assert end == {} and one.verdict.equal, (end, one.verdict)
    said = load_plain(one.text)
    assert said["data"] == {  # whatever the data are that the user names
        "name": None,
        "validation": {"split": 0.25, "stratify": False, "seed": None},
    }
    training = said["training"]
    assert training == {
        "optimizer": {"SGD": {"learning_rate": 0.1, "momentum": 0.9}},
        "loss": {"SparseCategoricalCrossentropy": {"from_logits": True}},
        "metrics": ["accuracy"],
        "execution": "eager",
        "epochs": 12,
        "batch_size": 8,
        "shuffle": False,
        "class_weight": {0: 1.0, 2: 3.5},
        "callbacks": [{"EarlyStopping": {"patience": 3}}],
        "seed": 7,
    }


@pytest.mark.parametrize(
    ("rows", "more", "expected"),
    [
        ("np.zeros((20, 4), 'uint8')", "", {"validation_split": 0.0, "rescale": 1.0}),
        ("np.zeros((20, 4))", "", {"validation_split": 0.0}),
        ("np.zeros((20, 4))", "validation_data=(x, x)", {}),
    ],
)
def test_what_is_known_of_unknown_data(
    rows: str, more: str, expected: dict, tmp_path: Path
) -> None:
    [one], end = imported(
        tmp_path,
        f"""
import keras, numpy as np
x = {rows}
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
model.compile("sgd", "mse")
model.fit(x, x, {more})
""",
    )
    assert end == {} and load_plain(one.text)["data"] == {"name": None, **expected}
    assert ("holds nothing out" in one.text) is not bool(more)


def test_own_classes_and_functions_come_along_in_a_file(tmp_path: Path) -> None:
    [one], end = imported(
        tmp_path,
        """
import keras, numpy as np
from keras import layers, ops
FACTOR = 2.0
def swish_like(x):
    return x * ops.sigmoid(x)
class Scale(layers.Layer):
    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
    def call(self, x):
        return x * self.factor * FACTOR
    def get_config(self):
        return {**super().get_config(), "factor": self.factor}
def my_loss(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1)
x = np.ones((8, 3), "float32")
model = keras.Sequential([keras.Input((3,)), Scale(0.5), layers.Dense(2, activation=swish_like)])
model.compile("adam", my_loss)
model.fit(x, x[:, :2])
""",
        verify=True,
    )
    assert end == {}
    assert not one.refused, one.refused
    assert one.verdict.equal, one.verdict
    [code] = one.files
    text = code.read_text(encoding="utf-8")
    assert "FACTOR = 2.0" in text and "def my_loss" in text
    plain = load_plain(one.text)
    assert plain["code"] == code.name
    assert plain["training"]["loss"] == "my_loss"


def test_own_callbacks_and_schedules_come_along_with_their_arguments(tmp_path: Path) -> None:
    [one], end = imported(
        tmp_path,
        HEAD
        + """
class Quiet(keras.callbacks.Callback):
    def __init__(self, every, name="q"):
        super().__init__()
        self.every = every
def schedule(epoch, rate):
    return rate * 0.5
model.compile("adam", loss)
model.fit(x, y, callbacks=[Quiet(2), keras.callbacks.LearningRateScheduler(schedule)])
""",
    )
    assert end == {}
    first, *rest = load_plain(one.text)["training"]["callbacks"]
    assert first == {"Quiet": {"every": 2}}
    assert rest == [{"LearningRateScheduler": {"schedule": "schedule"}}] or (
        "LearningRateScheduler of the script is left out" in one.text
    )
    assert "class Quiet" in one.files[0].read_text(encoding="utf-8")


def test_what_cannot_be_taken_along_is_a_comment_at_its_place(tmp_path: Path) -> None:
    [one], end = imported(
        tmp_path,
        HEAD
        + """
model.compile("rmsprop", lambda t, p: keras.ops.mean(p), weighted_metrics=["accuracy"])
model.fit(x, y, sample_weight=np.ones(40), validation_data=(x[:7], y[:7]), initial_epoch=2,
    epochs=6, validation_steps=1, callbacks=[
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
        keras.callbacks.TensorBoard("logs"), keras.callbacks.TerminateOnNaN()])
""",
    )
    assert end == {}
    comments = [line.strip() for line in one.text.splitlines() if line.strip().startswith("#")]
    text = " ".join(comments)
    for word in (
        "lambda",
        "sample_weight",
        "validation_data",
        "initial_epoch=2",
        "TensorBoard",
        "LambdaCallback",
        "validation_steps=1",
    ):
        assert word in text, word
    plain = load_plain(one.text)
    assert plain["training"]["epochs"] == 4
    assert plain["training"]["callbacks"] == ["TerminateOnNaN"]
    assert one.text.index("LambdaCallback") > one.text.index("training:")
    assert one.text.index("LambdaCallback") < one.text.index("callbacks: [TerminateOnNaN]")


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        ("x = x / 255.0", {"name": "fashion_mnist", "validation_split": 0.0}),
        ("x = x[..., None].astype('float32') / 255",
         {"name": "fashion_mnist", "validation_split": 0.0}),
        ("x = x / 255.0; y = keras.utils.to_categorical(y)",
         {"name": "fashion_mnist", "labels": "one_hot", "validation_split": 0.0}),
        ("x = tf.data.Dataset.from_tensor_slices((x / 255.0, y)).shuffle(100).batch(20); y = None",
         {"name": "fashion_mnist", "validation_split": 0.0}),
        ("more = dict(validation_data=(x[80:] / 255.0, y[80:])); x, y = x[:80] / 255.0, y[:80]",
         {"name": "fashion_mnist",
          "validation": {"split": 0.2, "stratify": False, "seed": None}}),
        ("more = dict(validation_data=(x_test / 255.0, y_test)); x = x / 255.0",
         {"name": "fashion_mnist", "validation_split": 0.1}),
    ],
)  # fmt: skip
def test_the_data_are_known_however_they_come(
    tmp_path: Path, fashion: None, prepare: str, expected: dict
) -> None:
    [one], end = imported(
        tmp_path,
        f"""
import keras, tensorflow as tf
(x, y), (x_test, y_test) = tf.keras.datasets.fashion_mnist.load_data()
more = {{}}
{prepare}
kind = "categorical" if y is not None and y.ndim == 2 else "sparse_categorical"
model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")])
model.compile("adam", f"{{kind}}_crossentropy")
model.fit(x, y, **more)
""",
    )
    assert end == {} and not one.refused, (end, one.refused)
    assert load_plain(one.text)["data"] == expected


def test_targets_that_are_no_labels_are_not_called_the_data_set(
    tmp_path: Path, fashion: None
) -> None:
    [one], _ = imported(
        tmp_path,
        """
import keras
(x, y), _ = keras.datasets.fashion_mnist.load_data()
x = x.reshape(-1, 784) / 255.0
model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(784, activation="sigmoid")])
model.compile("adam", "mse")
model.fit(x, 1 - x)
""",
    )
    assert load_plain(one.text)["data"]["name"] is None
    assert "other targets than its labels" in one.text


def test_an_untrained_model_overwrites_no_file(tmp_path: Path) -> None:
    kept = tmp_path / "trained.keras"
    kept.write_bytes(b"of hours of training")
    _, end = imported(
        tmp_path,
        HEAD
        + f"""
model.compile("adam", loss)
model.fit(x, y, epochs=3, callbacks=[keras.callbacks.ModelCheckpoint({str(kept)!r})])
again = keras.models.load_model({str(kept)!r})
model.save({str(kept)!r})
model.save_weights({str(tmp_path / "w.weights.h5")!r})
model.load_weights({str(tmp_path / "w.weights.h5")!r})
assert (again.predict(x) == model.predict(x)).all()
""",
    )
    assert end == {}
    assert kept.read_bytes() == b"of hours of training"
    assert not (tmp_path / "w.weights.h5").exists()


def test_fits_in_a_loop_are_one_training_and_another_phase_is_another_config(
    tmp_path: Path,
) -> None:
    found, end = imported(
        tmp_path,
        HEAD
        + """
model.compile("adam", loss)
for _ in range(3):
    model.fit(x, y, epochs=2)
model.layers[0].trainable = False
model.compile(keras.optimizers.Adam(1e-5), loss)
model.fit(x, y, epochs=4)
""",
    )
    assert end == {}
    first, second = (load_plain(each.text) for each in found)
    assert first["training"]["epochs"] == 6 and second["training"]["epochs"] == 4
    assert "goes on" in found[1].text
    assert [each.path.name for each in found if each.path] == ["out-model.yaml", "out-model-2.yaml"]


def test_with_fit_the_script_trains(tmp_path: Path) -> None:
    found, end = imported(
        tmp_path,
        HEAD
        + """
model.compile("adam", loss)
before = model.get_weights()[0].copy()
history = model.fit(x, y, epochs=3, verbose=0)
assert len(history.history["loss"]) == 3
assert (model.get_weights()[0] != before).any()
def batches():
    for _ in range(5):
        yield x[:8], y[:8]
history = model.fit(batches(), steps_per_epoch=5, epochs=1, verbose=0)
""",
        fit=True,
    )
    assert end == {} and found[0].text


def test_without_fit_weights_and_state_stay_as_they_were(tmp_path: Path) -> None:
    _, end = imported(
        tmp_path,
        HEAD
        + """
model.compile("adam", loss)
before = [each.copy() for each in model.get_weights()]
model.fit(x, y)
assert all((a == b).all() for a, b in zip(before, model.get_weights()))
assert int(model.optimizer.iterations) == 0
""",
        verify=True,
    )
    assert end == {}


@pytest.mark.parametrize(
    "text",
    [
        "class Own(keras.Model):\n    def call(self, x):\n        return x\n"
        "m = Own(); m.compile('sgd', 'mse'); m.fit(x, x)\n",
        "a = keras.Input((6,)); m = keras.Model(a, layers.Lambda(lambda t: t * 2)(a))\n"
        "m.compile('sgd', 'mse'); m.fit(x, x)\n",
    ],
)
def test_what_no_config_expresses_is_refused_in_words(tmp_path: Path, text: str) -> None:
    found, end = imported(tmp_path, HEAD + text)
    [one] = [each for each in found if each.refused]
    assert end == {} and not one.text
    assert "Own" in one.refused or "Lambda" in one.refused
    assert "Traceback" not in one.refused and "Error:" not in one.refused


def test_a_script_that_fails_later_has_shown_its_model(tmp_path: Path) -> None:
    [one], end = imported(tmp_path, HEAD + "model.compile('adam', loss); model.fit(x, y)\n1 / 0\n")
    assert one.text and "ZeroDivisionError" in end["error"]
    assert end["line"] == len((HEAD + "model\n").splitlines()) + 1


def test_a_model_that_is_compiled_and_trained_by_hand_is_caught(tmp_path: Path) -> None:
    [one], end = imported(
        tmp_path, HEAD + "model.compile('sgd', loss)\nmodel.train_on_batch(x, y)\nraise SystemExit"
    )
    assert end == {} and "never fitted" in one.text


def load_plain(text: str) -> dict:
    from nnpy.config.yaml.parse import parse

    found: dict = parse(text, "config").plain()
    return found


def test_data_with_which_the_check_would_refuse_the_config_are_left_open(
    tmp_path: Path, fashion: None
) -> None:
    [one], _ = imported(
        tmp_path,
        """
import keras
(x, y), _ = keras.datasets.fashion_mnist.load_data()
model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x.reshape(-1, 784) / 255.0, y)
""",
        verify=True,
    )
    plain = load_plain(one.text)
    assert plain["data"] == {"name": None} and "fashion_mnist" in one.text
    assert one.verdict.equal, one.verdict


def test_flat_pictures_are_flattened_by_the_config(tmp_path: Path, fashion: None) -> None:
    [one], _ = imported(
        tmp_path,
        """
import keras
(x, y), _ = keras.datasets.fashion_mnist.load_data()
model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(10, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x.reshape(-1, 784).astype("float32") / 255, y)
""",
        verify=True,
    )
    plain = load_plain(one.text)
    assert plain["model"] == ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]
    assert plain["data"]["name"] == "fashion_mnist" and "784" in one.text
    assert one.verdict.equal, one.verdict


def test_a_curve_over_more_epochs_than_the_history_has_does_not_end_the_script(
    tmp_path: Path,
) -> None:
    _, end = imported(
        tmp_path,
        HEAD
        + """
import matplotlib.pyplot as plt
model.compile("adam", loss)
history = model.fit(x, y, epochs=9)
plt.plot(range(9), history.history["loss"])
plt.close()
""",
    )
    assert end == {}


def test_the_scaling_of_the_loss_of_a_model_in_float16_is_said(tmp_path: Path) -> None:
    try:
        [one], end = imported(
            tmp_path,
            """
import keras, numpy as np
keras.mixed_precision.set_global_policy("mixed_float16")
x = np.ones((32, 6), "float32")
given = keras.Input((6,))
end = keras.layers.Activation("linear", dtype="float32")(keras.layers.Dense(2)(given))
model = keras.Model(given, end)
model.compile("adam", "mse")
keras.mixed_precision.set_global_policy("float32")
model.fit(x, x[:, :2])
""",
            verify=True,
        )
    finally:
        import keras

        keras.config.set_dtype_policy("float32")
    assert end == {} and "LossScaleOptimizer" in one.text
    assert one.verdict.equal, one.verdict


def test_modules_are_known_by_all_their_names(tmp_path: Path, fashion: None) -> None:
    [one, *_], end = imported(
        tmp_path,
        """
from tensorflow.keras.datasets.fashion_mnist import load_data
from tensorflow.keras.layers import Dense, Flatten
from tensorflow.keras.models import Sequential, load_model
from tensorflow.keras.utils import plot_model, set_random_seed
set_random_seed(11)
(x, y), _ = load_data()
model = Sequential([Flatten(), Dense(10, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x, y)
model.save("mine.keras")
model = load_model("mine.keras")
""",
    )
    said = load_plain(one.text)
    assert end == {} and said["data"]["name"] == "fashion_mnist"
    assert said["training"]["seed"] == 11 and not Path("mine.keras").exists()


def test_pairs_of_pictures_are_not_called_the_data_set(tmp_path: Path, fashion: None) -> None:
    [one], _ = imported(
        tmp_path,
        """
import keras
(x, y), _ = keras.datasets.fashion_mnist.load_data()
x = x / 255.0
inputs = [keras.Input((28, 28)), keras.Input((28, 28))]
end = keras.layers.Dense(1)(keras.layers.Flatten()(keras.layers.Subtract()(inputs)))
model = keras.Model(inputs, end)
model.compile("adam", "mse")
model.fit([x[:60], x[40:]], (y[:60] == y[40:]).astype("float32"))
""",
    )
    assert load_plain(one.text)["data"]["name"] is None and "something else" in one.text


def test_an_own_loss_comes_with_the_arguments_that_it_takes(tmp_path: Path) -> None:
    [one], end = imported(
        tmp_path,
        HEAD
        + """
class Pulled(keras.losses.Loss):
    def __init__(self, factor=0.1, name="pulled"):
        super().__init__(name=name)
        self.factor = factor
    def call(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.square(y_pred), axis=-1) * self.factor
model.compile("adam", Pulled())
model.fit(x, y)
""",
        verify=True,
    )
    assert end == {} and "does not tell factor" in one.text
    assert "Pulled" in str(load_plain(one.text)["training"]["loss"])
    assert one.verdict.equal and one.verdict.step is not None, one.verdict


def test_an_adapted_normalization_is_compared_with_what_it_learned(tmp_path: Path) -> None:
    [one], end = imported(
        tmp_path,
        HEAD
        + """
layer = layers.Normalization()
layer.adapt(x * 5 + 3)
model = keras.Sequential([keras.Input((6,)), keras.Sequential([layer]), layers.Dense(3)])
model.compile("adam", loss)
model.fit(x, y)
""",
        verify=True,
    )
    assert end == {} and "by adapt" in one.text
    assert one.verdict.equal, one.verdict


def test_a_model_that_the_script_loads_again_is_still_compiled(tmp_path: Path) -> None:
    found, end = imported(
        tmp_path,
        HEAD
        + """
model.compile("adam", loss)
model.fit(x, y)
model.save("kept.keras")
again = keras.models.load_model("kept.keras")
again.fit(x, y, epochs=4)
""",
    )
    assert end == {} and found[-1].name == "again" and "epochs: 4" in found[-1].text


def test_arguments_that_keras_would_not_save_come_along(tmp_path: Path) -> None:
    [one], end = imported(
        tmp_path,
        HEAD
        + """
model = keras.Sequential([
    keras.Input((6,)),
    layers.Dense(6, kernel_initializer=keras.initializers.Identity(0.5)),
])
cosine = keras.metrics.CosineSimilarity(axis=1)
model.compile("sgd", keras.losses.Huber(delta=0.2), metrics=[cosine])
model.fit(x, x * 2)
""",
        verify=True,
    )
    assert end == {} and one.verdict.equal, one.verdict
    written = load_plain(one.text)
    assert written["training"]["loss"] == {"Huber": {"delta": 0.2}}
    assert written["training"]["metrics"] == [{"CosineSimilarity": {"axis": 1}}]
    assert "{Identity: {gain: 0.5}}" in one.text
    assert "delta" not in keras.losses.Huber().get_config()  # Keras is as it was


def test_doubles_are_handed_over_as_fit_does(tmp_path: Path) -> None:
    [one], end = imported(
        tmp_path,
        HEAD
        + """
def squared(truth, predicted):
    return keras.ops.mean(keras.ops.square(truth - predicted), axis=-1)
model.compile("adam", squared)
model.fit(x.astype("float64"), np.zeros((40, 3)))
""",
        verify=True,
    )
    assert end == {} and one.verdict.equal and one.verdict.step is not None, one.notes


@pytest.mark.parametrize("registered", [True, False])
def test_own_functions_are_arguments_of_layers(tmp_path: Path, registered: bool) -> None:
    mark = "@keras.saving.register_keras_serializable()" if registered else ""
    [one], end = imported(
        tmp_path,
        f"""
import re, string
import keras, numpy as np, tensorflow as tf
from keras import layers

{mark}
def cleaned(text):
    return tf.strings.regex_replace(text, "[%s]" % re.escape(string.punctuation), "")

{mark}
def parts(text):
    return tf.strings.split(text, "-")

{mark}
def bent(x):
    return x * keras.ops.sigmoid(2.0 * x)

texts = np.array([["a-great!-film"], ["no-film"]] * 4)
vectors = layers.TextVectorization(standardize=cleaned, split=parts, output_sequence_length=4)
vectors.adapt(texts)
model = keras.Sequential([
    keras.Input((1,), dtype="string"),
    vectors,
    layers.Embedding(9, 3),
    layers.Flatten(),
    layers.Dense(1, activation=bent),
])
model.compile("adam", "mse")
model.fit(tf.data.Dataset.from_tensor_slices((texts, np.zeros((8, 1)))).batch(4))
""",
        verify=True,
    )
    assert end == {} and one.refused == "", one.refused
    assert "standardize: cleaned" in one.text and "activation: bent" in one.text
    assert one.verdict.equal, one.verdict


def test_a_notebook_that_was_exported_as_a_script(tmp_path: Path) -> None:
    lines = """
get_ipython().run_line_magic("matplotlib", "inline")
get_ipython().system("pip install keras")
lines = get_ipython().getoutput("ls")
get_ipython().run_cell_magic("bash", "", "echo no Python")
get_ipython().run_cell_magic("time", "", "model.compile('adam', loss)\\nmodel.fit(x, y, epochs=3)")
"""
    [one], end = imported(tmp_path, HEAD + lines)
    assert end == {} and "epochs: 3" in one.text


@pytest.mark.parametrize("made", ["Part(4, 3)", "Part(4, units=3)", "Part(units=3, count=4)"])
def test_what_the_get_config_of_a_layer_forgets_comes_along(tmp_path: Path, made: str) -> None:
    [one], end = imported(
        tmp_path,
        HEAD
        + f"""
class Part(layers.Layer):
    def __init__(self, count, units):
        super().__init__()
        self.count, self.inner = count, layers.Dense(units)
    def call(self, x):
        return self.inner(x) * self.count
    def get_config(self):
        return {{**super().get_config(), "count": self.count}}
model = keras.Sequential([keras.Input((6,)), {made}])
model.compile("adam", loss)
model.fit(x, y)
""",
        verify=True,
    )
    assert end == {} and one.refused == "", one.refused
    assert "units: 3" in one.text and one.verdict.equal, one.verdict
