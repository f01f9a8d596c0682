"""Losses and metrics against labels and outputs: refused at their place, with what is meant."""

from __future__ import annotations

import numpy as np
import pytest

from nnpy.catalog import catalog
from nnpy.catalog.measures import MEASURES
from nnpy.config import measures
from nnpy.config.load import load_config
from nnpy.config.measures import End
from nnpy.config.objects import KerasObject
from nnpy.config.yaml.dump import dump
from nnpy.errors import ConfigError
from tests.support.datasets import write_idx

SOFTMAX = {"Dense": {"units": 10, "activation": "softmax"}}
LOGIT = {"Dense": {"units": 1}}
BINARY = {"BinaryCrossentropy": {"from_logits": True}}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The data section of a set of two classes."""
    folder = tmp_path_factory.mktemp("two")
    for name in ("train", "t10k"):
        write_idx(folder / f"{name}-images-idx3-ubyte", np.ones((20, 4, 4), "uint8"))
        write_idx(folder / f"{name}-labels-idx1-ubyte", (np.arange(20) % 2).astype("uint8"))
    return {"name": "idx", "path": str(folder)}


def config(last=SOFTMAX, data=None, **training):
    return {"data": data or {}, "model": ["Flatten", last], "training": training}


def problems(given) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load_config(given)
    return {each.path: each.message for each in caught.value.problems}


def test_every_loss_and_metric_says_what_it_compares():
    known = catalog.load()
    named = {name for names in MEASURES.values() for name in names.split()}
    keras = {name for kind in ("loss", "metric") for name in known.names(kind)} - {"crossentropy"}
    assert named == keras
    for kind in ("loss", "metric"):
        for name in set(known.names(kind)) - {"crossentropy"}:
            assert known.find(kind, name).targets and known.find(kind, name).outputs


@pytest.mark.parametrize(
    ("labels", "metric", "message"),
    [
        ("sparse", "categorical_accuracy", "did you mean 'accuracy'?"),
        ("sparse", {"TopKCategoricalAccuracy": {"k": 2}}, "'SparseTopKCategoricalAccuracy'?"),
        ("sparse", "F1Score", "set data.labels to one_hot"),
        ("sparse", "Precision", "for two classes, but fashion_mnist has 10"),
        ("sparse", "Recall", "set data.labels to one_hot"),
        ("sparse", {"AUC": {"multi_label": True}}, "set data.labels to one_hot"),
        ("sparse", "mae", "for regression, but the labels are class indices"),
        ("sparse", "mse", "set data.labels to one_hot"),
        ("sparse", "Accuracy", "did you mean 'accuracy'?"),
        ("sparse", "binary_accuracy", "did you mean 'accuracy'?"),
        ("sparse", {"MeanIoU": {"num_classes": 10}}, "set sparse_y_pred: false"),
        ("sparse", {"MeanIoU": {"num_classes": 4}}, "num_classes is 4"),
        ("sparse", "Mean", "compares nothing with the labels"),
        ("sparse", {"SparseTopKCategoricalAccuracy": {"k": 10}}, "always found"),
        ("one_hot", {"AUC": {"num_labels": 10}}, "set multi_label: true, or leave it out"),
        ("one_hot", {"AUC": {"label_weights": [1.0, 2.0]}}, "label_weights has 2 numbers"),
        ("one_hot", {"Precision": {"top_k": 11}}, "top_k is 11, but the model ends in 10 outputs"),
        ("one_hot", {"R2Score": {"num_regressors": 3}}, "training.execution: eager only"),
        ("one_hot", "sparse_categorical_accuracy", "did you mean 'accuracy'?"),
        ("one_hot", "Accuracy", "0.98 is not 1"),
        ("one_hot", {"Precision": {"class_id": 10}}, "class_id is 10"),
        ("one_hot", {"AUC": {"multi_label": True, "num_labels": 3}}, "num_labels is 3"),
        ("one_hot", {"AUC": {"from_logits": True}}, "give probabilities"),
    ],
)
def test_a_metric_that_does_not_fit_is_told_at_its_place(labels, metric, message):
    loss = "categorical_crossentropy" if labels == "one_hot" else "sparse_categorical_crossentropy"
    given = config(data={"labels": labels}, loss=loss, metrics=["accuracy", metric])
    ((path, told),) = problems(given).items()
    assert path.startswith("training.metrics[1]") and message in told


@pytest.mark.parametrize(
    ("metrics", "fits"),
    [
        ("accuracy", True),
        ("F1Score", True),
        ("AUC", True),
        ("Precision", True),
        ("mae", True),
        ({"OneHotMeanIoU": {"num_classes": 10}}, True),
        ("CosineSimilarity", True),
    ],
)
def test_metrics_of_one_hot_labels(metrics, fits):
    load_config(
        config(data={"labels": "one_hot"}, loss="categorical_crossentropy", metrics=[metrics])
    )


@pytest.mark.parametrize(
    ("last", "loss", "message"),
    [
        (
            {"Dense": {"units": 1, "activation": "softmax"}},
            "binary_crossentropy",
            "always the same",
        ),
        ({"Dense": {"units": 2, "activation": "sigmoid"}}, "binary_crossentropy", "ends in 2"),
        ({"Dense": {"units": 1, "activation": "sigmoid"}}, BINARY, "leave one of them out"),
        ({"Dense": {"units": 2}}, "ctc", "takes a sequence of labels"),
        ({"Dense": {"units": 2}}, "categorical_crossentropy", "expects one-hot labels"),
    ],
)
def test_two_classes(two, last, loss, message):
    assert message in " ".join(problems(config(last, two, loss=loss)).values())


def test_numbers_of_two_classes_are_zero_and_one(two):
    last = {"Dense": {"units": 1, "activation": "sigmoid"}}
    load_config(config(last, two, loss="mse", metrics=["mae", "AUC", "Precision", "accuracy"]))


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("BinaryCrossentropy", "the loss binary_crossentropy is logged as 'loss'"),
        ("bce", "the loss binary_crossentropy is logged as 'loss'"),
        ({"SparseCategoricalCrossentropy": {"ignore_class": 0}}, "a column for each class"),
        ("sparse_top_k_categorical_accuracy", "did you mean 'accuracy'?"),
        ({"Recall": {"top_k": 2}}, "top_k is 2, but the model ends in 1 output"),
    ],
)
def test_metrics_of_one_output_for_two_classes(two, metric, message):
    last = {"Dense": {"units": 1, "activation": "sigmoid"}}
    given = config(last, two, loss="binary_crossentropy", metrics=[metric])
    assert message in problems(given)["training.metrics[0]"]


@pytest.mark.parametrize(
    ("labels", "metric", "message"),
    [
        ("one_hot", "F1Score", "ends in 3 outputs, but fashion_mnist has 10 classes, which"),
        ("one_hot", "mae", "ends in 3 outputs, but fashion_mnist has 10 classes, which"),
        ("one_hot", "accuracy", "ends in 3 outputs, but fashion_mnist has 10 classes, which"),
        ("sparse", "SparseCategoricalCrossentropy", "ends in 3 outputs, but fashion_mnist has 10"),
    ],
)
def test_a_metric_tells_of_the_outputs_where_an_own_loss_does_not(
    tmp_path, labels, metric, message
):
    (tmp_path / "own.py").write_text("def near(y_true, y_pred):\n    return y_pred[:, 0]\n")
    last = {"Dense": {"units": 3, "activation": "softmax"}}
    given = config(last, {"labels": labels}, loss="near", metrics=[metric])
    given["code"] = str(tmp_path / "own.py")
    assert message in problems(given)["training.metrics[0]"]


def test_a_metric_that_cannot_be_weighted():
    given = config(
        data={"labels": "one_hot"},
        loss="categorical_crossentropy",
        weighted_metrics=["BinaryIoU"],
        class_weight={0: 2.0},
    )
    told = problems(given)["training.weighted_metrics[0]"]
    assert "takes no weights with one-hot labels" in told
    given["training"]["metrics"] = given["training"].pop("weighted_metrics")
    load_config(given)


def test_scores_around_zero_are_no_probabilities(two):
    note = "takes scores around 0, but the model ends in sigmoid"
    last = {"Dense": {"units": 1, "activation": "sigmoid"}}
    assert note in load_config(config(last, two, loss="hinge")).notes[0]
    last = {"Dense": {"units": 1, "activation": "tanh"}}
    assert load_config(config(last, two, loss="hinge")).notes == ()


def metric(name, explicit=True, **arguments):
    return KerasObject("metric", name, arguments, explicit=explicit)


@pytest.mark.parametrize(
    ("given", "scale", "expected"),
    [
        (metric("accuracy", False), "sigmoid", {"name": "accuracy", "threshold": 0.0}),
        (metric("BinaryAccuracy"), "sigmoid", {"threshold": 0.0}),
        (metric("accuracy", False), "margins", {"name": "accuracy", "threshold": 0.0}),
        (metric("AUC"), "sigmoid", {"from_logits": True}),
        (metric("auc", False), "sigmoid", {"name": "auc", "from_logits": True}),
        (metric("Precision"), "sigmoid", {"thresholds": 0.0}),
        (metric("Recall", top_k=1), "softmax", {"top_k": 1}),
        (metric("BinaryCrossentropy"), "sigmoid", {"from_logits": True}),
        (metric("AUC"), "probabilities", {}),
        (metric("AUC"), "numbers", {"from_logits": True}),
        (metric("accuracy", False), "numbers", {}),
        (metric("Precision", thresholds=0.4), "numbers", {"thresholds": 0.4}),
    ],
)
def test_metrics_are_told_of_logits(given, scale, expected):
    fitted, wrong = measures.fit(given, End(1), scale)
    assert not wrong and fitted.arguments == expected


@pytest.mark.parametrize(
    ("given", "scale", "message"),
    [
        (metric("AUC"), "softmax", "let the model end in softmax"),
        (metric("Precision"), "softmax", "takes probabilities"),
        (metric("PrecisionAtRecall", recall=0.5), "sigmoid", "let the model end in sigmoid"),
        (metric("AUC", from_logits=False), "sigmoid", "the outputs are logits"),
        (metric("Precision", thresholds=0.5), "sigmoid", "0.5 is a threshold of probabilities"),
        (metric("F1Score", threshold=0.5), "softmax", "leave it out"),
    ],
)
def test_what_cannot_be_measured_of_logits(given, scale, message):
    assert message in measures.fit(given, End(10), scale)[1]


def loss(name, explicit=True, **arguments):
    return KerasObject("loss", name, arguments, explicit=explicit)


@pytest.mark.parametrize(
    ("given", "end", "expected"),
    [
        (loss("BinaryCrossentropy", from_logits=True), End(1, "linear"), "sigmoid"),
        (loss("BinaryCrossentropy"), End(1, "sigmoid"), "probabilities"),
        (loss("SparseCategoricalCrossentropy", from_logits=True), End(9), "softmax"),
        (loss("SparseCategoricalCrossentropy"), End(9, "linear"), "probabilities"),
        (loss("Hinge"), End(1, "tanh"), "margins"),
        (loss("MeanSquaredError"), End(9, "softmax"), "probabilities"),
        (loss("MeanSquaredError"), End(9, "linear"), "softmax"),
        (loss("MeanSquaredError"), End(1, "linear"), "numbers"),
        (loss("Huber"), End(1, "tanh"), "numbers"),
        (loss("mae", explicit=False), End(1, "sigmoid"), "probabilities"),
        (None, End(9, "log_softmax"), "softmax"),
        (None, End(9, None), None),
    ],
)
def test_what_outputs_are_is_known_by_loss_and_last_layer(given, end, expected):
    assert measures.scale_of(given, end) == expected


def test_class_weights_of_classes_that_are_not_there():
    with pytest.raises(ConfigError) as caught:
        load_config(config(class_weight={12: 3.0, -1: 50, 3: 1.0}))
    found = [each.message for each in caught.value.problems]
    assert [each.split(":")[0] for each in found] == [
        "fashion_mnist has no class 12",
        "fashion_mnist has no class -1",
    ]


def test_a_score_for_each_class_is_a_column_for_each():
    given = config(
        data={"labels": "one_hot"},
        loss="categorical_crossentropy",
        metrics=["F1Score", {"Precision": {"thresholds": [0.2, 0.8]}}],
        monitor="val_f1_score_ankle_boot",
    )
    load_config(given)
    given["training"]["monitor"] = "val_f1_score"
    assert "did you mean 'val_f1_score_bag'" in problems(given)["training.monitor"]


def test_outputs_that_share_the_labels():
    heads = [{"Dense": {"units": 10, "activation": "softmax", "from": "h", "name": "a"}}]
    body = ["Flatten", {"Dense": {"units": 8, "name": "h"}}, {**SOFTMAX}, *heads]
    body[2] = {"Dense": {"units": 10, "activation": "softmax", "name": "m"}}
    given = {"data": {}, "model": {"layers": body, "outputs": {"main": "m", "aux": "a"}}}
    assert load_config(given).notes == ()
    given["training"] = {
        "loss": {"main": "sparse_categorical_crossentropy", "aux": "categorical_crossentropy"}
    }
    assert "expects one-hot labels" in problems(given)["training.loss.aux"]


# -- pixels ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "rescale"),
    [
        ({"Dropout": {"rate": 0.1}}, 1 / 255),
        ({"Rescaling": {"scale": 0.0039}}, 1.0),
        ({"Rescaling": {"scale": 2.0, "offset": -1.0}}, 1 / 255),  # wants 0 to 1
        ({"Normalization": {"adapt": True}}, 1.0),
        ({"Normalization": {"mean": 72.9, "variance": 8000.0}}, 1.0),
        ({"Normalization": {"mean": 0.286, "variance": 0.12}}, 1 / 255),
        ({"ops.divide": {"x2": 255.0}}, 1.0),
        ({"Model": {"layers": [{"Rescaling": {"scale": 0.0039}}]}}, 1.0),
    ],
)
def test_rescale_is_decided_by_the_model(first, rescale):
    checked = load_config({"model": [first, "Flatten", SOFTMAX]})
    assert checked.resolved["data"]["rescale"] == rescale
    assert checked.tree.value["data"].value["rescale"].origin.startswith("auto: ")


def test_rescale_can_be_said():
    given = {"data": {"rescale": 1}, "model": ["Flatten", SOFTMAX]}
    assert load_config(given).resolved["data"]["rescale"] == 1
    given["data"]["rescale"] = "never"
    assert "auto" in problems(given)["data.rescale"]
    double = {
        "data": {"rescale": 0.0039},
        "model": [{"Rescaling": {"scale": 0.0039}}, "Flatten", SOFTMAX],
    }
    assert "scaled twice" in load_config(double).notes[0]


def test_a_layer_is_told_the_range_that_it_gets():
    def given(*steps):
        return {"model": [*steps, "Flatten", SOFTMAX]}

    bright = {"RandomBrightness": {"factor": 0.2}}
    assert "value_range: [0, 1]" in problems(given(bright))["model[0].RandomBrightness"]
    load_config(given({"RandomBrightness": {"factor": 0.2, "value_range": [0, 1]}}))
    load_config(given(bright, {"Rescaling": {"scale": 1 / 255}}))
    after = given({"Rescaling": {"scale": 1 / 127.5, "offset": -1}}, bright)
    assert "value_range: [-1, 1]" in problems(after)["model[1].RandomBrightness"]


def test_normalization_that_was_told_nothing_does_nothing():
    plain = {"model": ["Flatten", "Normalization", SOFTMAX]}
    assert "adapt: true" in load_config(plain).notes[0]
    both = {"model": ["Flatten", {"Normalization": {"adapt": True, "mean": 1.0}}, SOFTMAX]}
    assert "leave one of them out" in problems(both)["model[1].Normalization.adapt"]
    assert "unknown argument 'adapt'" in " ".join(
        problems({"model": ["Flatten", {"Dense": {"units": 3, "adapt": True}}, SOFTMAX]}).values()
    )


def test_a_layer_that_must_be_told_what_it_knows():
    plain = {"model": ["Flatten", {"Discretization": {"num_bins": 4}}, SOFTMAX]}
    assert "set adapt: true" in problems(plain)["model[1].Discretization"]
    load_config({"model": ["Flatten", {"Discretization": {"num_bins": 4, "adapt": True}}, SOFTMAX]})
    load_config({"model": ["Flatten", {"Discretization": {"bin_boundaries": [9.0]}}, SOFTMAX]})
    for name in ("IntegerLookup", "StringLookup", "TextVectorization"):
        given = {"model": ["Flatten", name, SOFTMAX]}
        assert "it has no vocabulary" in problems(given)[f"model[1].{name}"]
    load_config({"model": ["Flatten", {"IntegerLookup": {"vocabulary": [1, 2]}}, SOFTMAX]})


# -- steps ----------------------------------------------------------------------------------


def test_schedules_in_epochs():
    decay = {"CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": "${total_steps}"}}
    given = config(optimizer={"SGD": {"learning_rate": decay}}, epochs=3, batch_size=32)
    checked = load_config(given)
    schedule = checked.training.optimizer.arguments["learning_rate"]
    assert schedule.arguments["decay_steps"] == 3 * 1688 and checked.notes == ()
    decay["CosineDecay"]["decay_steps"] = "${steps_per_epoch * epochs // 2}"
    schedule = load_config(given).training.optimizer.arguments["learning_rate"]
    assert schedule.arguments["decay_steps"] == 3 * 1688 // 2
    decay["CosineDecay"]["decay_steps"] = "${total_step}"
    assert "did you mean 'total_steps'?" in " ".join(problems(given).values())
    decay["CosineDecay"]["decay_steps"] = 5
    assert "ends after 5 of 5,064 steps" in load_config(given).notes[0]


# -- validation -----------------------------------------------------------------------------


def test_the_held_out_part_in_short_and_in_full():
    short = load_config({"data": {"validation_split": 0.2}, "model": ["Flatten", SOFTMAX]})
    full = {"validation": {"split": 0.2, "stratify": True, "seed": 0, "by": None, "column": None}}
    assert short.resolved["data"]["validation"] == full["validation"]
    assert load_config({"data": full, "model": ["Flatten", SOFTMAX]}).data == short.data
    twice = {"data": full | {"validation_split": 0.3}, "model": ["Flatten", SOFTMAX]}
    assert "said twice" in problems(twice)["data.validation_split"]
    again = load_config(short.resolved, ["data.validation_split=0.3"])
    assert again.data.validation.split == 0.3


def test_a_run_of_before_keeps_its_split(tmp_path):
    resolved = load_config({"model": ["Flatten", SOFTMAX]}).resolved
    data = {"name": "fashion_mnist", "path": None, "validation_split": 0.2, "labels": "sparse"}
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.yaml").write_text(dump({**resolved, "data": data}))
    assert load_config(folder / "config.yaml").data.validation.stratify
    (folder / "environment.json").write_text("{}")
    checked = load_config(folder / "config.yaml")
    assert (checked.data.validation.split, checked.data.validation.stratify) == (0.2, False)
    assert checked.data.validation.seed is None and checked.data.rescale == 1 / 255


def test_the_generalized_crossentropy_takes_class_numbers_and_makes_them_one_hot_itself():
    assert catalog.load().find("loss", "CategoricalGeneralizedCrossEntropy").targets == "classes"


@pytest.mark.parametrize(
    "given",
    [
        {"loss": {"CategoricalFocalCrossentropy": {"axis": 3}}},
        {"loss": {"BinaryCrossentropy": {"axis": -3}}},
        {"loss": {"Dice": {"axis": [0, 2]}}},
        {"metrics": [{"ConcordanceCorrelation": {"axis": 2}}]},
    ],
)
def test_an_axis_that_outputs_lack(given):
    training = {"loss": "categorical_crossentropy", **given}
    config = {
        "data": {"labels": "one_hot"},
        "model": ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}],
    }
    with pytest.raises(ConfigError, match="but outputs have two axes"):
        load_config({**config, "training": training})
    load_config({**config, "training": {"loss": {"CosineSimilarity": {"axis": 1}}}})
