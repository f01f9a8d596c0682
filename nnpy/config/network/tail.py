"""What can be known of a network's outputs and first layers before Keras builds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nnpy.catalog import catalog
from nnpy.config.measures import End
from nnpy.config.network.graph import Network, Step
from nnpy.config.objects import KerasObject
from nnpy.config.pixels import Op

# Between the last layer with units and the loss, these keep the number of outputs.
_SAME_SIZE = frozenset(
    (
        *("Activation", "Dropout", "Softmax", "BatchNormalization", "Identity", "ReLU", "ELU"),
        *("LeakyReLU", "LayerNormalization", "ActivityRegularization"),
    )
)
_RECURRENT = frozenset(("LSTM", "GRU", "SimpleRNN"))


@dataclass(frozen=True)
class Place:
    """An output: what is known of it, and the steps that say so."""

    end: End
    last: Step | None = None  # that has the activation, or the last of all
    units: Step | None = None  # that says how many
    seen: tuple[Step, ...] = ()  # on which all of this rests


def end_of(network: Network, output: str) -> Place:
    """The last axis and the last activation of one output of a network."""
    step = network.step(output)
    activation: str | None = ""
    last = step
    seen: list[Step] = []
    while step is not None:
        seen.append(step)
        if step.network is not None and len(step.network.outputs) == 1:
            inner = end_of(step.network, step.network.outputs[0])
            end = End(inner.end.units, activation or inner.end.activation)
            steps = (*seen, *inner.seen)
            return Place(end, last if activation else inner.last, inner.units, steps)
        activation = activation or _activation(step)
        if step.layer.kind == "op" and activation and isinstance(step.inputs, dict):
            sources = [*step.sources()]
            step = network.step(sources[0]) if len(sources) == 1 else None
            continue
        if step.layer.code or step.layer.name not in _SAME_SIZE:
            break
        step = network.step(step.inputs) if isinstance(step.inputs, str) else None
    if step is None or step.layer.code:
        return Place(End(None, activation or None), last, None, (*seen,))
    arguments, name = step.layer.arguments, step.layer.name
    if step.layer.kind == "application" and arguments.get("include_top"):
        top = arguments.get("classifier_activation") or "linear"
        return Place(End(_count(arguments.get("classes")), activation or top), last, step, (*seen,))
    if name == "Dense":
        units = arguments.get("units")
        return Place(End(_count(units), activation or "linear"), last, step, (*seen,))
    if name in _RECURRENT and not arguments.get("return_sequences"):
        end = End(_count(arguments.get("units")), activation or "tanh")
        return Place(end, last, step, (*seen,))
    return Place(End(None, activation or None), last, None, (*seen,))


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _activation(step: Step) -> str:
    """The activation that a step applies last; an empty text for none, or one that is unknown."""
    layer = step.layer
    if layer.code:
        return ""
    if layer.kind == "op":
        name = layer.name.removeprefix("nn.")
        return name if name in ("softmax", "sigmoid", "log_softmax", "hard_sigmoid") else ""
    if layer.name in ("Softmax", "ReLU", "ELU", "LeakyReLU"):
        return {"Softmax": "softmax", "ReLU": "relu", "ELU": "elu"}.get(layer.name, "leaky_relu")
    given = layer.arguments.get("activation")
    if not isinstance(given, KerasObject) or given.name == "linear":
        return ""
    return f"{given.name} of {given.code}" if given.code else given.name


def ops_of(network: Network) -> tuple[Op, ...]:
    """The steps of a network as `config.pixels` looks at them."""
    found: list[Op] = []
    for step in network.steps:
        sources = tuple(step.sources())
        if step.network is not None:
            inner = step.network
            inputs = tuple(each.name for each in inner.inputs)
            found.append(
                Op(step.name, "Model", {}, sources, ops_of(inner), inputs, inner.outputs, step)
            )
            continue
        if step.layer.kind == "application":
            # Each wants pixels of 0 to 255, and scales them itself or by what comes with it.
            arguments = {"scale": 1 / 255, "value_range": [0, 255]}
            found.append(Op(step.name, "Rescaling", arguments, sources, place=step))
            continue
        layers = [step.layer]
        if step.layer.name == "Pipeline" and isinstance(step.layer.arguments.get("layers"), list):
            layers = [each for each in step.layer.arguments["layers"] if each is not None]
        for number, layer in enumerate(layers):
            name = step.name if number == len(layers) - 1 else f"{step.name}[{number}]"
            kind = f"{layer.code}:{layer.name}" if layer.code else layer.name
            found.append(Op(name, kind, _arguments(layer), sources, place=step))
            sources = (name,)
    return tuple(found)


def _arguments(layer: KerasObject) -> dict[str, Any]:
    if layer.code or layer.kind != "layer":
        return layer.arguments
    entry = catalog.load().find("layer", layer.name)
    told = entry.parameter("value_range") if entry is not None else None
    return {"value_range": told.default, **layer.arguments} if told else layer.arguments
