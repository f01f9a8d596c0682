"""Every setting of a config: its type, its default and what it means. Their only home."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from nnpy.catalog.entries import Parameter
from nnpy.config.fields import setting
from nnpy.config.objects import KerasObject
from nnpy.config.sweep_settings import SweepSettings
from nnpy.data import SplitRule, registry
from nnpy.data.splits import WAYS


def _share(doc: str) -> Any:
    return setting(None, "float", "null", minimum=0, maximum=1, exclusive_maximum=True, doc=doc)


def _way(default: str | None, doc: str) -> Any:
    return setting(default, "str", *(["null"] if default is None else []), choices=WAYS, doc=doc)


def _drawing_seed(doc: str) -> Any:
    return setting(0, "int", "null", minimum=0, maximum=2**32 - 1, doc=doc)


def _split_column() -> Any:
    return setting(
        None,
        "str",
        "null",
        doc="The column for by: group, time, column (whose values are train, validation, test) "
        "and hash.",
    )


@dataclass(frozen=True)
class ValidationSettings:
    """Which training examples are held out. They are the same whatever the training's seed."""

    split: float | None = _share(
        "The share of the training set that is held out to choose the best epoch; null: the "
        "source's own validation set, or else 0.1, or 0.15 of a source without a test set."
    )
    by: str | None = _way(
        None,
        "How they are chosen: each class by its share (stratify), random, whole groups (group), "
        "the latest (time), as a column says (column), or for good by a digest (hash); null: as "
        "stratify says.",
    )
    stratify: bool = setting(True, "bool", doc="Whether each class gives the same share.")
    seed: int | None = _drawing_seed(
        "Draws them; null takes the last ones as stored, without stratify as model.fit does."
    )
    column: str | None = _split_column()

    @property
    def rule(self) -> SplitRule:
        by = self.by or ("stratify" if self.stratify else "random")
        return SplitRule(self.split or 0.0, by, self.seed, self.column)


@dataclass(frozen=True)
class TestSetSettings:
    """Which examples are held out for the test, where the source has no test set of its own."""

    split: float | None = _share(
        "The share that is held out for the test; null: 0.15 of a source without a test set."
    )
    by: str = _way("stratify", "How they are chosen, as for the validation.")
    seed: int | None = _drawing_seed("Draws them; null takes the last ones as stored.")
    column: str | None = _split_column()

    @property
    def rule(self) -> SplitRule:
        return SplitRule(self.split or 0.0, self.by, self.seed, self.column)


@dataclass(frozen=True)
class DataSettings:
    """Where the examples come from."""

    name: str | None = setting(
        "fashion_mnist",
        "str",
        "null",
        choices=registry.NAMES,
        doc="The data set to train on; null while there is none: the model can be built and drawn.",
    )
    path: str | None = setting(
        None,
        "str",
        "null",
        doc="Folder of the data set's files, relative to the config; null searches the usual "
        "places.",
    )
    validation: ValidationSettings = setting(
        {},
        "dict",
        section=ValidationSettings,
        doc="Which training examples are held out for validation, which decides the best epoch.",
    )
    test: TestSetSettings = setting(
        {},
        "dict",
        section=TestSetSettings,
        doc="Which examples are held out for the test; for a source without a test set.",
    )
    target: str | None = setting(
        None,
        "str",
        "null",
        choices=("input",),
        doc="What is to be answered: null, what the source says (its classes, labels or numbers); "
        "input, the example itself, as for an autoencoder.",
    )
    labels: str = setting(
        "sparse",
        "str",
        choices=("sparse", "one_hot"),
        doc="Label format: class indices (sparse), or one-hot vectors for losses such as "
        "categorical_crossentropy.",
    )
    rescale: float | str = setting(
        "auto",
        "float",
        "str",
        choices=("auto",),
        minimum=0,
        exclusive_minimum=True,
        doc="A stored value times this is the model's input; auto is 1/255 for bytes, unless the "
        "model scales them by itself.",
    )
    augment: list[KerasObject] = setting(
        [],
        "list",
        items=("layer",),
        doc="Layers such as RandomFlip that change the examples of a training step at random; "
        "validation, evaluation, prediction and the saved model know nothing of them.",
    )
    memory_budget: float | None = setting(
        None,
        "float",
        "null",
        minimum=0,
        exclusive_minimum=True,
        doc="MiB of data to keep on the device; a larger data set is streamed. null: a share of "
        "the free memory.",
    )

    # The source's own arguments, but for its path; no setting: `source: {name: {…}}` says them.
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def validation_split(self) -> float:
        return self.validation.split or 0.0

    @property
    def validates(self) -> bool:
        """Whether there is a validation set: one held out, or the source's own."""
        return self.validation.split != 0 or self.validation.by == "column"

    @property
    def memory_budget_bytes(self) -> int | None:
        return None if self.memory_budget is None else int(self.memory_budget * 2**20)


@dataclass(frozen=True)
class TrainingSettings:
    """How the network learns."""

    optimizer: KerasObject = setting("Adam", "optimizer", doc="How each step updates the weights.")
    # With several outputs, loss, metrics and loss_weights are mappings {output: …}.
    loss: KerasObject | dict[str, KerasObject] = setting(
        "sparse_categorical_crossentropy",
        "loss",
        doc="The loss to minimize; with several outputs, {output: loss}. Where none is said, the "
        "target decides: labels have binary_crossentropy, numbers mean_squared_error.",
    )
    metrics: list[KerasObject] | dict[str, list[KerasObject]] = setting(
        ["accuracy"],
        "list",
        items=("metric",),
        doc="Metrics to compute besides the loss; with several outputs, {output: [metric]}. Where "
        "none are said, labels have binary_accuracy, numbers mae.",
    )
    weighted_metrics: list[KerasObject] | dict[str, list[KerasObject]] = setting(
        [],
        "list",
        items=("metric",),
        doc="Metrics weighted by sample weights, such as those of class_weight; with several "
        "outputs, {output: [metric]}.",
    )
    loss_weights: dict[str, float] | None = setting(
        None, "dict", "null", doc="With several outputs, the weight of each one's loss in the sum."
    )
    epochs: int = setting(5, "int", minimum=0, doc="Number of passes over the training set.")
    steps_per_epoch: int | None = setting(
        None,
        "int",
        "null",
        minimum=1,
        doc="Steps in an epoch; the next epoch continues with the examples that follow. null: "
        "one pass over the training set.",
    )
    validation_freq: int | list[int] = setting(
        1,
        "int",
        "list",
        items=("int",),
        minimum=1,
        doc="Validate every N epochs, or after the epochs in a list.",
    )
    batch_size: int = setting(32, "int", minimum=1, doc="Examples per step.")
    seed: int = setting(
        0,
        "int",
        minimum=0,
        maximum=2**32 - 1,
        doc="Seed of the initial weights, the shuffling and the dropout.",
    )
    shuffle: bool = setting(
        True, "bool", doc="Whether to shuffle the training set before each epoch."
    )
    monitor: str | None = setting(
        None,
        "str",
        "null",
        doc="The metric that decides the best epoch; null: the one monitored by a callback that "
        "keeps the best weights, otherwise val_accuracy, otherwise val_loss.",
    )
    monitor_mode: str = setting(
        "auto",
        "str",
        choices=("auto", "min", "max"),
        doc="Whether lower or higher is better; auto knows this for Keras's losses and metrics.",
    )
    class_weight: dict[int, float] | str | None = setting(
        None,
        *("dict", "str", "null"),
        choices=("balanced",),
        doc="The weight of each class in the loss, such as {0: 1.0, 1: 5.0}; balanced: all count "
        "the same.",
    )
    callbacks: list[KerasObject] = setting(
        [], "list", items=("callback",), doc="Keras callbacks, such as EarlyStopping."
    )
    trackers: list[Any] = setting(
        [],
        "list",
        items=("any",),
        doc="Where the training is told of as well: tensorboard, mlflow, or {mlflow: {uri: …, "
        "experiment: …}}.",
    )
    initial_weights: str | None = setting(
        None,
        "str",
        "null",
        doc="A run, or a file (.keras, .weights.h5), whose weights the layers of the same name "
        "begin with; what does not fit is drawn as usual, and told.",
    )
    stages: list[Any] = setting(
        [],
        "list",
        doc="Parts of the training, compiled anew: {epochs: 3, freeze: LAYERS, learning_rate: …}.",
    )
    execution: str = setting(
        "auto",
        "str",
        choices=("auto", "xla", "graph", "eager"),
        doc="How steps are executed; auto chooses by model and device.",
    )
    distribute: str = setting(
        "auto",
        "str",
        choices=("auto", "none", "mirrored"),
        doc="Whether several devices share each batch (batch_size is that of all together); auto: "
        "where there are several GPUs, or --devices asks for some.",
    )
    precision: str = setting(
        "float32",
        "str",
        choices=("float32", "mixed_bfloat16", "mixed_float16"),
        doc="In what the layers compute; mixed: in 16 bits, with weights, outputs and losses of "
        "32. A layer's own dtype goes before.",
    )
    accumulate_steps: int = setting(
        1,
        "int",
        minimum=1,
        doc="Steps whose mean gradient makes one update of the weights, as if their batches were "
        "one.",
    )
    checkpoint_minutes: float = setting(
        5.0, "float", minimum=0, doc="Minutes between saves of the training state within an epoch."
    )
    on_nan: str = setting(
        "stop",
        "str",
        choices=("stop", "restore"),
        doc="When the loss is NaN or infinite: stop the training, or restore the best state and "
        "halve the learning rate.",
    )

    def validates(self, epoch: int) -> bool:
        """Whether the validation split is looked at after an epoch, counted from 1."""
        if isinstance(self.validation_freq, list):
            return epoch in self.validation_freq
        return epoch % self.validation_freq == 0

    def loss_of(self, key: str) -> KerasObject | None:
        """The loss of one output."""
        return self.loss.get(key) if isinstance(self.loss, dict) else self.loss

    def metrics_of(self, key: str) -> list[KerasObject]:
        """The metrics of one output, weighted ones too."""
        both = (self.metrics, self.weighted_metrics)
        lists = [each.get(key) if isinstance(each, dict) else each for each in both]
        return [metric for each in lists for metric in each or () if metric]


# A setting's short form: `validation_split: 0.2` is `validation: {split: 0.2}`.
SHORT_FORMS = {
    "data": {"validation_split": ("validation", "split"), "test_split": ("test", "split")}
}

SECTIONS: dict[str, type] = {
    "data": DataSettings,
    "training": TrainingSettings,
    "sweep": SweepSettings,
}


def parameters(section: type) -> tuple[Parameter, ...]:
    """A section's settings in the form that the checker takes."""
    return tuple(
        Parameter(
            each.name,
            default=default(each),
            **{key: value for key, value in each.metadata.items() if key != "section"},
        )
        for each in dataclasses.fields(section)
        if each.metadata
    )


def subsections(section: type) -> dict[str, type]:
    """The settings of a section that are sections themselves."""
    fields = dataclasses.fields(section)
    return {each.name: each.metadata["section"] for each in fields if "section" in each.metadata}


def default(each: dataclasses.Field) -> Any:
    """The default of a setting, as plain data."""
    if each.default_factory is not dataclasses.MISSING:
        return each.default_factory()
    return each.default
