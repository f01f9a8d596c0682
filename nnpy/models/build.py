"""A checked config → a built, compiled `keras.Model`.

What only Keras can see, such as shapes that do not fit, is raised as a ConfigError at the
line of the layer. Importing this module imports Keras.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from nnpy.config.config import Config
from nnpy.config.network.graph import Input, Inputs, Network, Step
from nnpy.config.network.ranks import needs_channels
from nnpy.config.objects import KerasObject
from nnpy.config.yaml.nodes import Mark
from nnpy.data import DataInfo
from nnpy.models import applications, calls, embeddings, precision
from nnpy.models.instantiate import instantiate
from nnpy.models.located_errors import Refused, errors_located_at, located_error
from nnpy.models.user_code import own_objects
from nnpy.safety import extent


def build(config: Config, info: DataInfo | None) -> keras.Model:
    """The model, its weights drawn from the config's seed.

    It is built for the data's shape where its input states none; without data such a model
    waits for what it is called with. Raises ConfigError at the line of a layer that Keras
    cannot build.
    """
    keras.utils.set_random_seed(config.training.seed)
    own_objects(config)
    network = precision.with_float32_ends(config.model, config.training.precision)
    shapes = None
    if info is not None and len(info.inputs) > 1:
        named = [info.inputs.get(each.name) for each in network.inputs]
        shapes = [part.shape if part is not None else None for part in named]
    elif info is not None:
        shapes = [info.shape + ((1,) if needs_channels(network, info) else ())]
    codes = info.embedded if info is not None else ()
    with precision.computing_in(config.training.precision):
        model = build_network(network, shapes, model_name(config.name), codes=codes)
    if found := extent.problem(model):
        name, words = found
        step = next((each for each in config.model.steps if each.name == name), None)
        raise located_error(words, step.mark if step else None, step.path if step else "model")
    return model


def model_name(name: str) -> str:
    """A config's name as TensorFlow can have it in the names of its variables: ASCII letters."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    return name if re.match(r"[A-Za-z0-9.]", name) else f"model{name}"


def build_network(
    network: Network,
    shapes: Sequence[Any] | None,
    name: str,
    batch_size: int | None = None,
    layers: dict[str, Any] | None = None,
    place: str = "",
    codes: Sequence[int] = (),
) -> keras.Model:
    """The Keras model of a network; `codes` are `DataInfo.embedded`.

    `shapes` (without batch) and `batch_size`, where it is fixed, are for inputs that state none;
    without shapes a Sequential waits for what it is called with. `layers` collects every layer
    by its place in the outermost model, `place` being that of this one.
    """
    layers = {} if layers is None else layers
    if not network.functional:
        given = network.inputs[0]
        known = given.shape is not None or shapes is not None
        start = _input(given, shapes, 0, batch_size) if known else None
        model = _sequential(network, start, name, layers, place, codes)
    else:
        starts = [
            _input(each, shapes, index, batch_size) for index, each in enumerate(network.inputs)
        ]
        model = _functional(network, starts, name, layers, place, codes)
    if not network.trainable:
        model.trainable = False
    return model


def _input(given: Input, shapes: Sequence[Any] | None, index: int, batch_size: int | None) -> Any:
    shape = given.shape
    if shape is None:
        shape = shapes[index] if shapes is not None and index < len(shapes) else None
        if shape is None:
            message = f"the shape of the input '{given.name}' must be stated here"
            raise located_error(message, given.mark, given.path)
    with errors_located_at(given.mark, given.path):
        return keras.Input(
            shape,
            given.batch_size or batch_size,
            name=given.name,
            dtype=given.dtype,
            **given.options,
        )


def _sequential(
    network: Network,
    start: Any,
    name: str,
    layers: dict[str, Any],
    place: str,
    codes: Sequence[int],
) -> keras.Model:
    model = keras.Sequential([] if start is None else [start], name=name)
    if codes:
        model.add(embeddings.front(start.shape[-1], codes))
    for step in network.steps:
        shapes = None
        whole = step.network is not None or step.layer.kind == "application"
        if whole and not step.reuse and start is not None:
            shapes = [tuple((model.output_shape if model.layers else start.shape)[1:])]
        batch_size = start.shape[0] if start is not None else None
        layer = _layer(step, shapes, batch_size, layers, place)
        with errors_located_at(step.mark, step.path):
            model.add(layer)
    return model


def _functional(
    network: Network,
    starts: list[Any],
    name: str,
    layers: dict[str, Any],
    place: str,
    codes: Sequence[int],
) -> keras.Model:
    ready = [embeddings.front(each.shape[-1], codes)(each) for each in starts] if codes else starts
    tensors = {each.name: tensor for each, tensor in zip(network.inputs, ready, strict=True)}
    for step in network.steps:
        taken = _picked(step.inputs, tensors, step.mark, step.path)
        if step.layer.kind == "op":
            tensors[step.name] = calls.call_operation(step, taken)
            continue
        shapes = None
        whole = step.network is not None or step.layer.kind == "application"
        if whole and not step.reuse:
            shapes = [tuple(each.shape[1:]) for each in keras.tree.flatten(taken)]
        batch_size = keras.tree.flatten(taken)[0].shape[0] if shapes else None
        layer = _layer(step, shapes, batch_size, layers, place)
        tensors[step.name] = calls.call_layer(step, layer, taken, instantiate(step.call))
    usual = network.outputs[0] if len(network.outputs) == 1 else network.outputs
    gives = usual if network.gives is None else network.gives
    ends = _picked(gives, tensors, network.mark, "model")
    takes: Any = starts[0] if len(starts) == 1 else starts
    if network.takes is not None:
        takes = _picked(network.takes, tensors, network.mark, "model")
    with errors_located_at(network.mark, "model"):
        return keras.Model(takes, ends, name=name)


def _layer(
    step: Step,
    shapes: Sequence[Any] | None,
    batch_size: int | None,
    layers: dict[str, Any],
    place: str,
) -> Any:
    """A step's layer; a nested model is built for the tensors that it is called with first."""
    own = place + step.name
    if step.reuse:
        there = step.reuse.removeprefix("/") if step.reuse[0] == "/" else place + step.reuse
        if there not in layers:
            raise located_error(f"no layer '{step.reuse}' was made yet", step.mark, step.path)
        layers[own] = layers[there]
    elif step.network is not None:
        name = step.layer.arguments["name"]
        layers[own] = build_network(step.network, shapes, name, batch_size, layers, f"{own}/")
        if step.layer.arguments.get("trainable") is False:
            layers[own].trainable = False
    elif step.layer.kind == "application":
        layers[own] = applications.build(step.layer, shapes[0] if shapes else None)
    else:
        layers[own] = instantiate(_with_models(step.layer))
        if step.layer.code and isinstance(layers[own], keras.layers.Layer):
            layers[own].name = step.name  # where its constructor takes no name
    return layers[own]


def _with_models(value: Any) -> Any:
    """A checked value with every model among its arguments built."""
    if isinstance(value, dict):
        return {key: _with_models(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_with_models(each) for each in value)
    if not isinstance(value, KerasObject):
        return value
    if value.network is not None:
        return build_network(value.network, None, value.arguments["name"])
    return dataclasses.replace(value, arguments=_with_models(value.arguments))


def _picked(inputs: Inputs, tensors: Mapping[str, Any], mark: Mark | None, path: str) -> Any:
    """As `pick`; raises ConfigError at the place of the step that takes them."""
    try:
        return pick(inputs, tensors)
    except Refused as error:
        raise located_error(str(error), mark, path) from None


def pick(inputs: Inputs, tensors: Mapping[str, Any]) -> Any:
    """The tensors that names stand for, in the same lists and mappings.

    Raises Refused for an output that a layer does not have.
    """
    if isinstance(inputs, dict):
        return {key: pick(each, tensors) for key, each in inputs.items()}
    if isinstance(inputs, tuple):
        return [pick(each, tensors) for each in inputs]
    if not isinstance(inputs, str):
        return instantiate(inputs)  # a number or an array
    if inputs in tensors:
        return tensors[inputs]
    head, _, part = inputs.rpartition("/")
    several = pick(head, tensors)
    shown, output = head.replace("/", "."), inputs.replace("/", ".")
    if isinstance(several, dict):
        if part not in several:
            raise Refused(f"'{shown}' has the outputs {', '.join(several)}, not '{part}'")
        return several[part]
    if not isinstance(several, list | tuple):  # [0] of a tensor would be its first example
        raise Refused(f"'{shown}' has one output: there is no '{output}'")
    if not part.isdecimal() or int(part) >= len(several):
        raise Refused(f"'{shown}' has {len(several)} outputs, '{shown}.0' being the first")
    return several[int(part)]
