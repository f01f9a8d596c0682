"""A model's optimizer, loss and metrics, checked against what it gives and what the data hold.

Importing this module imports Keras.
"""

from __future__ import annotations

from typing import Any

import keras

from nnpy.config.config import Config
from nnpy.config.consistency import data_misfit
from nnpy.data import DataInfo, Dataset
from nnpy.models.instantiate import catalog_name, instantiate
from nnpy.models.located_errors import _error


def compile_model(model: keras.Model, config: Config) -> None:
    """Gives the model its optimizer, loss and metrics.

    Raises ConfigError when the model's outputs do not fit the loss and the labels.
    """
    training, network = config.training, config.model

    def by_output(values: Any) -> Any:
        """As the model gives its outputs: by name, or in their order."""
        if not isinstance(values, dict):
            return instantiate(values)
        built = {key: instantiate(each) for key, each in values.items()}
        if network.output_names:
            return built
        return [built.get(name) for name in network.output_keys]

    model.compile(
        optimizer=instantiate(training.optimizer),
        loss=by_output(training.loss),
        metrics=by_output(training.metrics),
        weighted_metrics=by_output(training.weighted_metrics) or None,
        loss_weights=by_output(training.loss_weights),
        jit_compile=False,  # the engine compiles whole epochs, not steps
    )


def check_outputs(model: keras.Model, config: Config, info: DataInfo) -> None:
    """Raises ConfigError when the model does not end in one output for each class."""
    loss, labels = config.training.loss, config.data.labels
    if isinstance(loss, dict) or data_misfit(config.model, info):
        return  # the model is not for these data; `check_data` says so before a training
    kind = catalog_name(loss)
    classes = len(info.classes)
    last = config.model.step(config.model.outputs[0])
    if last is None or not isinstance(model.output_shape, tuple):
        return
    shape = model.output_shape
    units = shape[-1] if len(shape) > 1 else None
    where = f"{last.path}"
    if kind == "SparseCategoricalCrossentropy" and labels == "one_hot":
        message = "this loss expects class indices: use labels: sparse, or categorical_crossentropy"
        raise _error(message, loss.mark, "training.loss")
    if kind == "CategoricalCrossentropy" and labels == "sparse":
        message = "this loss expects one-hot labels: set data.labels to one_hot, or use sparse_"
        raise _error(message + "categorical_crossentropy", loss.mark, "training.loss")
    if kind not in ("SparseCategoricalCrossentropy", "CategoricalCrossentropy"):
        return
    if len(shape) != 2:
        rest = list(shape[1:])
        message = f"the model's output has the shape {rest}; the loss needs [{classes}]"
        raise _error(f"{message}: flatten or pool before the last Dense layer", last.mark, where)
    if units != classes:
        message = f"the model ends in {units} outputs, but {info.name} has {classes} classes"
        raise _error(message, last.mark, where)


def check_batches(config: Config, dataset: Dataset) -> list[str]:
    """Whether the data can be cut into batches of the size that the model's inputs state.

    What is left of the training set is dropped, as notes say; the scores of the other splits are
    of every example. Raises ConfigError where those leave a rest.
    """
    given = next((each for each in config.model.inputs if each.batch_size), None)
    if given is None or given.batch_size is None:
        return []
    size, train = given.batch_size, len(dataset.train)
    held = {"validation": dataset.validation, "test": dataset.test}
    sizes = {name: len(split) for name, split in held.items() if split is not None}
    if train < size or any(number % size for number in sizes.values()):
        counts = " and ".join(f"{number} {name} examples" for name, number in sizes.items())
        good = [each for each in range(1, train + 1) if not any(n % each for n in sizes.values())]
        near = sorted(sorted(good, key=lambda each: abs(each - size))[:5])
        message = f"batches of {size} leave a rest of {counts}: use one of {near}"
        raise _error(message, given.mark, f"{given.path}.batch_size")
    rest = train % size
    return [f"{rest} of {train} training examples, less than a batch, are left out"] if rest else []


def check_data(config: Config, info: DataInfo) -> None:
    """Raises ConfigError when the data set cannot feed the model."""
    misfit = data_misfit(config.model, info)
    if misfit:
        raise _error(misfit, config.model.mark, "model")
