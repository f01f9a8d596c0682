"""A checked config → a built, compiled `keras.Model`.

What only Keras can see, such as shapes that do not fit, is raised as a ConfigError at the
line of the layer. Importing this module imports Keras.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras

from nnpy.catalog import catalog
from nnpy.config.checker import ACTIVATION_LAYERS, KerasObject
from nnpy.config.consistency import what_does_not_feed
from nnpy.config.load import Config
from nnpy.config.network.graph import Inputs, Network, Step
from nnpy.config.yaml.parse import Mark
from nnpy.data import DataInfo, Preparation
from nnpy.devices import select
from nnpy.engine import batch_parts
from nnpy.errors import ConfigError, ModelError, Problem

_HOMES = {
    "layer": keras.layers,
    "optimizer": keras.optimizers,
    "schedule": keras.optimizers.schedules,
    "loss": keras.losses,
    "metric": keras.metrics,
    "initializer": keras.initializers,
    "regularizer": keras.regularizers,
    "constraint": keras.constraints,
    "callback": keras.callbacks,
}

# These leave the rank of their input alone, so what follows them decides about the channels.
_RANK_NEUTRAL = frozenset(
    (
        *("Activation", "BatchNormalization", "Dropout", "GaussianDropout", "GaussianNoise"),
        *("Identity", "LayerNormalization", "Normalization", "ReLU", "Rescaling"),
    )
)


def build(config: Config, info: DataInfo) -> keras.Model:
    """The model, built for the data's shape, its weights drawn from the config's seed.

    Raises ConfigError at the line of a layer that Keras cannot build.
    """
    keras.utils.set_random_seed(config.training.seed)
    own_objects(config)
    network = config.model
    shape = info.shape + ((1,) if needs_channels(network, info) else ())
    name = re.sub(r"[^\w.-]", "_", config.name) or "model"
    return assemble(network, [shape], name)


def assemble(network: Network, shapes: Sequence[Any], name: str) -> keras.Model:
    """The Keras model of a network; `shapes` (without batch) are for inputs that state none."""
    inputs = []
    for index, each in enumerate(network.inputs):
        with traced(each.mark, each.path):
            shape = each.shape if each.shape is not None else shapes[index]
            inputs.append(keras.Input(shape, name=each.name, dtype=each.dtype))
    if not network.functional:
        return _sequential(network, inputs[0], name)
    return _functional(network, inputs, name)


def suits_parts(config: Config) -> bool:
    """Whether a CPU should work on a batch in parts, one for each core; asked before it works."""
    return config.training.execution in ("auto", "graph") and batch_parts.suit(
        config.model.kinds(), config.training.batch_size, select.cores_here()
    )


def compile_model(model: keras.Model, config: Config) -> None:
    """Gives the model its optimizer, loss and metrics.

    Raises ConfigError when the model's outputs do not fit the loss and the labels.
    """
    training, network = config.training, config.model

    def by_output(values: Any) -> Any:
        """As the model gives its outputs: by name, or in their order."""
        if not isinstance(values, dict):
            return realize(values)
        built = {key: realize(each) for key, each in values.items()}
        if network.output_names:
            return built
        return [built.get(name) for name in network.names_of_outputs]

    model.compile(
        optimizer=realize(training.optimizer),
        loss=by_output(training.loss),
        metrics=by_output(training.metrics),
        loss_weights=by_output(training.loss_weights),
        jit_compile=False,  # the engine compiles whole epochs, not steps
    )


def check_outputs(model: keras.Model, config: Config, info: DataInfo) -> None:
    """Raises ConfigError when the model does not end in one output for each class."""
    loss, labels = config.training.loss, config.data.labels
    if isinstance(loss, dict) or what_does_not_feed(config.model, info):
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
        message = "this loss takes class numbers: use labels: sparse, or categorical_crossentropy"
        raise _error(message, loss.mark, "training.loss")
    if kind == "CategoricalCrossentropy" and labels == "sparse":
        message = "this loss takes one-hot labels: set data.labels to one_hot, or use sparse_"
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


def check_data(config: Config, info: DataInfo) -> None:
    """Raises ConfigError when the data set cannot feed the model."""
    misfit = what_does_not_feed(config.model, info)
    if misfit:
        raise _error(misfit, config.model.mark, "model")


def preparation(config: Config, info: DataInfo) -> Preparation:
    """How a stored batch becomes what the model takes."""
    one_hot = len(info.classes) if config.data.labels == "one_hot" else None
    return Preparation(info.scale, needs_channels(config.model, info), one_hot)


def preparation_for(model: keras.Model, config: Config, info: DataInfo) -> Preparation:
    """How a stored batch becomes what this model takes, whatever config it came from.

    Raises ModelError when the model does not take such data.
    """
    wanted = tuple(model.input_shape[1:]) if isinstance(model.input_shape, tuple) else ()
    for channel_axis in (False, True):
        shape = info.shape + ((1,) if channel_axis else ())
        if len(shape) == len(wanted) and all(
            want in (None, size) for want, size in zip(wanted, shape, strict=True)
        ):
            one_hot = len(info.classes) if config.data.labels == "one_hot" else None
            return Preparation(info.scale, channel_axis, one_hot)
    raise ModelError(
        f"the model takes inputs of shape {list(wanted)}, but {info.name} has {list(info.shape)}"
    )


def needs_channels(network: Network, info: DataInfo) -> bool:
    """Whether grey images (height, width) need a channel axis for the first layer."""
    if len(info.shape) != 2:
        return False
    if network.inputs[0].shape is not None:
        return len(network.inputs[0].shape) == 3
    for step in network.steps:
        if step.layer.name not in _RANK_NEUTRAL:
            entry = catalog.load().find("layer", step.layer.name)
            return entry is not None and 4 in (entry.input_rank, entry.min_rank)
    return False


def realize(value: Any, dtype: str | None = None) -> Any:
    """A checked value → what Keras takes: objects built, lists and mappings gone through.

    `dtype` is that of the layer whose argument the value is, where the config says one.
    """
    if isinstance(value, list):
        return [realize(each, dtype) for each in value]
    if isinstance(value, dict):
        return {key: realize(each, dtype) for key, each in value.items()}
    if not isinstance(value, KerasObject):
        return value
    if value.code:
        return _own(value)
    if value.kind == "activation" and value.arguments:
        return _activation_layer(value, dtype)
    if value.kind == "activation" or not value.explicit:
        return value.name  # Keras looks it up, and writes it back by this name
    own = value.arguments.get("dtype") if value.kind in ("layer", "cell") else None
    arguments = {key: realize(each, own) for key, each in value.arguments.items()}
    with traced(value.mark, value.path):
        return getattr(_HOMES[value.kind], value.name)(**arguments)


def _activation_layer(value: KerasObject, dtype: str | None) -> keras.layers.Layer:
    """An activation with arguments: a layer, since a function with arguments cannot be saved."""
    given = {**value.arguments, "name": value.name}  # which the diagram shows
    if dtype is not None:
        given["dtype"] = dtype
    with traced(value.mark, value.path):
        return getattr(keras.layers, ACTIVATION_LAYERS[value.name])(**given)


def own_objects(config: Config) -> dict[str, Any]:
    """What the config's own Python files define, by name, registered with Keras.

    Runs the files; those of a run only when it was made here, or is trusted. Raises
    ConfigError at the line that fails, UsageError for code that is not trusted.
    """
    if not config.code:
        return {}
    from nnpy.config import user_code
    from nnpy.safety import code_seal

    code_seal.check_run(config.code, trusted=config.trust_code)

    return user_code.objects(config.code)


def _own(value: KerasObject) -> Any:
    """An object of the user's own code; a function stays one."""
    from nnpy.config import user_code

    found = user_code.find(value.code, value.name)
    if not isinstance(found, type):
        return found
    dtype = value.arguments.get("dtype")
    arguments = {key: realize(each, dtype) for key, each in value.arguments.items()}
    with traced(value.mark, value.path):
        return found(**arguments)


def catalog_name(value: KerasObject) -> str:
    """The class that an object names, whichever of its identifiers was written."""
    entry = catalog.load().find(value.kind, value.name)
    return entry.name if entry else value.name


def _sequential(network: Network, given: Any, name: str) -> keras.Model:
    model = keras.Sequential([given], name=name)
    for step in network.steps:
        layer = realize(step.layer)
        with traced(step.mark, step.path):
            model.add(layer)
    return model


def _functional(network: Network, inputs: list[Any], name: str) -> keras.Model:
    tensors = {each.name: tensor for each, tensor in zip(network.inputs, inputs, strict=True)}
    layers: dict[str, Any] = {}
    for step in network.steps:
        with traced(step.mark, step.path):
            taken = _tensors(step.inputs, tensors)
        if step.layer.kind == "op":
            with traced(step.mark, step.path):
                tensors[step.name] = _operate(step, taken)
            continue
        if step.reuse:
            layers[step.name] = layers[step.reuse]
        else:
            layers[step.name] = _layer(step, taken if isinstance(taken, list) else [taken])
        with traced(step.mark, step.path):
            call = realize(step.call)
            if isinstance(taken, dict):
                tensors[step.name] = layers[step.name](**taken, **call)
            else:
                tensors[step.name] = layers[step.name](taken, **call)
    with traced(network.mark, "model"):
        ends: Any = _tensors(network.outputs, tensors)
        if network.output_names:
            ends = dict(zip(network.output_names, ends, strict=True))
        elif len(ends) == 1:
            ends = ends[0]
        return keras.Model(inputs[0] if len(inputs) == 1 else inputs, ends, name=name)


def _layer(step: Step, taken: Sequence[Any]) -> Any:
    """A step's layer; a nested model is built for the tensors that it is called with first."""
    if step.network is None:
        return realize(step.layer)
    shapes = [tuple(each.shape[1:]) for each in taken]
    return assemble(step.network, shapes, step.layer.arguments["name"])


def _tensors(inputs: Inputs, tensors: Mapping[str, Any]) -> Any:
    if isinstance(inputs, dict):
        return {key: _tensors(each, tensors) for key, each in inputs.items()}
    if isinstance(inputs, tuple):
        return [_tensors(each, tensors) for each in inputs]
    if inputs in tensors:
        return tensors[inputs]
    head, _, part = inputs.rpartition(".")
    several = _tensors(head, tensors)
    if isinstance(several, dict):
        return several[part]
    if not isinstance(several, list | tuple):  # [0] of a tensor would be its first example
        raise ValueError(f"'{head}' has one output: there is no '{inputs}'")
    if int(part) >= len(several):
        raise ValueError(f"'{head}' has {len(several)} outputs, '{head}.0' being the first")
    return several[int(part)]


def _operate(step: Step, taken: dict[str, Any]) -> Any:
    """Calls an operation of `keras.ops` with its tensors and plain arguments by name."""
    operation: Any = keras.ops
    for part in step.layer.name.split("."):
        operation = getattr(operation, part)
    arguments = {**realize(step.layer.arguments), **taken}
    entry = catalog.load().find("op", step.layer.name)
    variadic = next((each.name for each in entry.call if each.variadic), None) if entry else None
    if variadic is None:
        return operation(**arguments)
    assert entry is not None
    operands = arguments.pop(variadic, [])
    before = [arguments.pop(each.name) for each in entry.call if each.required]
    operands = operands if isinstance(operands, list) else [operands]
    return operation(*before, *operands, **arguments)


@contextlib.contextmanager
def traced(mark: Mark | None, path: str) -> Iterator[None]:
    """Errors of Keras become a ConfigError at the place in the config that caused them."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        raise _error(_reason(error), mark, path) from error


def _reason(error: Exception) -> str:
    """The part of Keras's message that says what is wrong, on one line."""
    text = str(error).strip()
    text = re.split(r"\n\s*\n?(?:Arguments received|Call arguments received)", text)[0]
    text = re.sub(r"^Exception encountered when calling [^\n]*\n+", "", text)
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = " ".join(text.split()) or type(error).__name__
    return text if len(text) <= 400 else text[:399] + "…"


def _error(message: str, mark: Mark | None, path: str) -> ConfigError:
    return ConfigError([mark.problem(path, message) if mark else Problem(message, path)])
