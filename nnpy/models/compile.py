"""A model's optimizer, loss and metrics, checked against what it gives and what the data hold.

Importing this module imports Keras.
"""

from __future__ import annotations

import math
from typing import Any

import keras

from nnpy.catalog import catalog
from nnpy.config import measures
from nnpy.config.checker import Checker
from nnpy.config.config import Config
from nnpy.config.consistency import check_measures, data_misfit
from nnpy.config.objects import KerasObject
from nnpy.config.settings import TrainingSettings
from nnpy.data import DataInfo, Dataset, Task
from nnpy.data.targets import target_of
from nnpy.errors import ConfigError, ModelError
from nnpy.models import ends
from nnpy.models.instantiate import instantiate
from nnpy.models.located_errors import errors_located_at, located_error


def compile_model(model: keras.Model, config: Config, optimizer: KerasObject | None = None) -> None:
    """Gives the model its optimizer (another one than the config's, if given), loss and metrics.

    Raises ConfigError when the model's outputs do not fit the loss and the labels.
    """
    training, network = config.training, config.model
    metrics = _fitted(training.metrics, model, config)
    weighted = _fitted(training.weighted_metrics, model, config)

    def by_output(values: Any) -> Any:
        """As the model gives its outputs: by name, or in their order."""
        if not isinstance(values, dict):
            return instantiate(values)
        built = {key: instantiate(each) for key, each in values.items()}
        if network.output_names:
            return built
        return [built.get(name) for name in network.output_keys]

    given = {
        "optimizer": _optimizer(training, optimizer or training.optimizer),
        "loss": by_output(training.loss),
        "metrics": by_output(metrics),
        "weighted_metrics": by_output(weighted) or None,
        "loss_weights": by_output(training.loss_weights),
        "jit_compile": False,  # the engine compiles whole epochs, not steps
    }
    with errors_located_at(None, "training"):
        model.compile(**given)


def _optimizer(training: TrainingSettings, said: KerasObject) -> Any:
    """The optimizer, which updates the weights once in `accumulate_steps` steps."""
    scales = training.precision == "mixed_float16"
    optimizer = instantiate(said)
    if training.accumulate_steps == 1 and not scales:
        return optimizer
    optimizer = inner = keras.optimizers.get(optimizer)
    while isinstance(inner, keras.optimizers.LossScaleOptimizer):
        inner = inner.inner_optimizer
    if training.accumulate_steps > 1:
        inner.gradient_accumulation_steps = training.accumulate_steps
    if scales and inner is optimizer:
        # Keras would do so by itself, but forget it in the file of the model.
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _fitted(metrics: Any, model: keras.Model, config: Config) -> Any:
    """Metrics that are told of logits where the outputs are logits."""
    training, network = config.training, config.model
    # A stack with a layer that cannot tell its shapes has no outputs before it is called.
    outputs = keras.tree.flatten(getattr(model, "outputs", []))
    if len(outputs) != len(network.outputs):
        return metrics  # a model of another config
    indices = dict(zip(network.output_keys, ends.order(model, network), strict=True))

    def fitted(key: str, given: Any) -> list[Any]:
        end = ends.end_of(model, indices[key])
        scale = measures.scale_of(training.loss_of(key), end)
        return [measures.fit(each, end, scale)[0] for each in given or ()]

    if isinstance(metrics, dict):
        return {key: fitted(key, each) for key, each in metrics.items()}
    return fitted(network.output_keys[0], metrics)


def check_outputs(model: keras.Model, config: Config, info: DataInfo) -> None:
    """Raises ConfigError where the model's outputs do not fit the losses, metrics and labels."""
    network = config.model
    if data_misfit(network, info):
        return  # the model is not for these data; `check_data` says so before a training
    outputs = keras.tree.flatten(getattr(model, "outputs", []))
    shapes = [tuple(each.shape) for each in outputs]
    if len(shapes) != len(network.outputs):
        return
    checker = Checker(catalog.load())
    built = [ends.end_of(model, index) for index in ends.order(model, network)]
    check_measures(network, config.training, config.data.labels, info, checker, built)
    if checker.problems:
        raise ConfigError(checker.problems)
    _check_sizes(config, info, [shapes[i] for i in ends.order(model, network)])
    loss = config.training.loss
    if not info.classes or isinstance(loss, dict) or len(shapes[0]) == 2:
        return
    _, entry = measures.named("loss", loss)
    if entry is not None and entry.targets in ("classes", "one_hot"):
        last = network.step(network.outputs[0])
        message = f"the model's output has the shape {list(shapes[0][1:])}; the loss needs "
        message += f"[{len(info.classes)}]: flatten or pool before the last Dense layer"
        raise located_error(message, last.mark if last else None, last.path if last else "model")


def _check_sizes(config: Config, info: DataInfo, shapes: list[tuple[int | None, ...]]) -> None:
    """Whether outputs that are compared with the input, or with numbers, have as many values."""
    network = config.model
    for output, key, shape in zip(network.outputs, network.output_keys, shapes, strict=True):
        if what := _other_than(info, key, shape):
            last = network.step(output)
            message = (
                f"the model's output has the shape {list(shape[1:])}, but the target is {what}"
            )
            raise located_error(
                message, last.mark if last else None, last.path if last else "model"
            )


def check_saved(model: keras.Model, info: DataInfo) -> None:
    """The same of a saved model, which may be held against any data. Raises ModelError."""
    outputs = keras.tree.flatten(model.outputs)
    for key, tensor in zip(ends.output_keys(model), outputs, strict=True):
        if what := _other_than(info, key, tuple(tensor.shape)):
            raise ModelError(
                f"the model's output '{key}' has the shape {list(tensor.shape[1:])}, but the "
                f"target of {info.name} is {what}"
            )


def _other_than(info: DataInfo, key: str, shape: tuple[int | None, ...]) -> str:
    """What an output of this shape, batch axis included, should have been; "" where it may be."""
    target, sizes = target_of(info, key), shape[1:]
    wanted: tuple[int, ...] = ()
    if target.task is Task.RECONSTRUCTION:
        wanted, what = info.shape, f"the input, of the shape {list(info.shape)}"
    elif target.task in (Task.NUMBERS, Task.LABELS) and target.classes:
        wanted, what = (len(target.classes),), target.words
    if not wanted or None in sizes:
        return ""
    return "" if math.prod(map(int, sizes)) == math.prod(wanted) else what  # type: ignore[arg-type]


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
        raise located_error(message, given.mark, f"{given.path}.batch_size")
    rest = train % size
    return [f"{rest} of {train} training examples, less than a batch, are left out"] if rest else []


def check_data(config: Config, info: DataInfo) -> None:
    """Raises ConfigError when the data set cannot feed the model."""
    misfit = data_misfit(config.model, info)
    if misfit:
        raise located_error(misfit, config.model.mark, "model")
