"""A checked config → a built, compiled `keras.Model`.

What only Keras can see, such as shapes that do not fit, is raised as a ConfigError at the
line of the layer. Importing this module imports Keras.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from nnpy.catalog import catalog
from nnpy.config.config import Config
from nnpy.config.network.graph import Inputs, Network, Step
from nnpy.config.yaml.nodes import Mark
from nnpy.data import DataInfo
from nnpy.devices.host import cores_here
from nnpy.engine import batch_parts
from nnpy.models.inputs import needs_channels
from nnpy.models.instantiate import instantiate
from nnpy.models.located_errors import Refused, errors_located_at, located_error
from nnpy.models.user_code import own_objects


def build(config: Config, info: DataInfo) -> keras.Model:
    """The model, built for the data's shape, its weights drawn from the config's seed.

    Raises ConfigError at the line of a layer that Keras cannot build.
    """
    keras.utils.set_random_seed(config.training.seed)
    own_objects(config)
    network = config.model
    shape = info.shape + ((1,) if needs_channels(network, info) else ())
    return build_network(network, [shape], model_name(config.name))


def model_name(name: str) -> str:
    """A config's name as TensorFlow can have it in the names of its variables: ASCII letters."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    return name if re.match(r"[A-Za-z0-9.]", name) else f"model{name}"


def build_network(
    network: Network, shapes: Sequence[Any], name: str, batch_size: int | None = None
) -> keras.Model:
    """The Keras model of a network; `shapes` (without batch) are for inputs that state none.

    So is `batch_size`, where it is fixed.
    """
    inputs = []
    for index, each in enumerate(network.inputs):
        shape = each.shape if each.shape is not None else shapes[index]
        size = each.batch_size or batch_size
        with errors_located_at(each.mark, each.path):
            inputs.append(keras.Input(shape, batch_size=size, name=each.name, dtype=each.dtype))
    if not network.functional:
        return _sequential(network, inputs[0], name)
    return _functional(network, inputs, name)


def suits_parts(config: Config) -> bool:
    """Whether a CPU should work on a batch in parts, one for each core; asked before it works."""
    return config.training.execution in ("auto", "graph") and batch_parts.suit(
        config.model.iter_layers(), config.training.batch_size, cores_here()
    )


def _sequential(network: Network, given: Any, name: str) -> keras.Model:
    model = keras.Sequential([given], name=name)
    for step in network.steps:
        layer = instantiate(step.layer)
        with errors_located_at(step.mark, step.path):
            model.add(layer)
    return model


def _functional(network: Network, inputs: list[Any], name: str) -> keras.Model:
    tensors = {each.name: tensor for each, tensor in zip(network.inputs, inputs, strict=True)}
    layers: dict[str, Any] = {}
    for step in network.steps:
        taken = _taken(step.inputs, tensors, step.mark, step.path)
        if step.layer.kind == "op":
            operation, operands, arguments = _operation(step, taken)
            with errors_located_at(step.mark, step.path):
                tensors[step.name] = operation(*operands, **arguments)
            continue
        if step.reuse:
            layers[step.name] = layers[step.reuse]
        else:
            layers[step.name] = _layer(step, taken if isinstance(taken, list) else [taken])
        layer, call = layers[step.name], instantiate(step.call)
        with errors_located_at(step.mark, step.path):
            tensors[step.name] = (
                layer(**taken, **call) if isinstance(taken, dict) else layer(taken, **call)
            )
    ends: Any = _taken(network.outputs, tensors, network.mark, "model")
    if network.output_names:
        ends = dict(zip(network.output_names, ends, strict=True))
    elif len(ends) == 1:
        ends = ends[0]
    with errors_located_at(network.mark, "model"):
        return keras.Model(inputs[0] if len(inputs) == 1 else inputs, ends, name=name)


def _layer(step: Step, taken: Sequence[Any]) -> Any:
    """A step's layer; a nested model is built for the tensors that it is called with first."""
    if step.network is None:
        return instantiate(step.layer)
    shapes = [tuple(each.shape[1:]) for each in taken]
    name, batch_size = step.layer.arguments["name"], taken[0].shape[0]
    model = build_network(step.network, shapes, name, batch_size)
    if step.layer.arguments.get("trainable") is False:
        model.trainable = False
    return model


def _taken(inputs: Inputs, tensors: Mapping[str, Any], mark: Mark | None, path: str) -> Any:
    """The tensors of that name. Raises ConfigError where a layer does not give so many."""
    try:
        return _tensors(inputs, tensors)
    except Refused as error:
        raise located_error(str(error), mark, path) from None


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
        if part not in several:
            raise Refused(f"'{head}' has the outputs {', '.join(several)}: there is no '{part}'")
        return several[part]
    if not isinstance(several, list | tuple):  # [0] of a tensor would be its first example
        raise Refused(f"'{head}' has one output: there is no '{inputs}'")
    if int(part) >= len(several):
        raise Refused(f"'{head}' has {len(several)} outputs, '{head}.0' being the first")
    return several[int(part)]


def _operation(step: Step, taken: dict[str, Any]) -> tuple[Any, list[Any], dict[str, Any]]:
    """An operation of `keras.ops`, and what it is called with by position and by name."""
    operation: Any = keras.ops
    for part in step.layer.name.split("."):
        operation = getattr(operation, part)
    arguments = {**instantiate(step.layer.arguments), **taken}
    entry = catalog.load().find("op", step.layer.name)
    variadic = next((each.name for each in entry.call if each.variadic), None) if entry else None
    if variadic is None:
        return operation, [], arguments
    assert entry is not None
    operands = arguments.pop(variadic, [])
    before = [arguments.pop(each.name) for each in entry.call if each.required]
    operands = operands if isinstance(operands, list) else [operands]
    return operation, [*before, *operands], arguments
