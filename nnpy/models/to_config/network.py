"""A Keras model → the config that builds it: `nnpy.models.build` backwards.

    section = importer.network_of(model)          # what stands under `model:`

What the graph is and how each layer was made comes from the public `get_config()`. Arguments
that are Keras's defaults are left out, and so are names that nnpy would choose itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from nnpy.catalog import catalog
from nnpy.catalog.entries import Entry
from nnpy.catalog.naming import snake_case
from nnpy.errors import ModelError
from nnpy.models.to_config import arguments as plain_arguments
from nnpy.models.to_config.arguments import arguments_of, plain

__all__ = ["foreign_layers", "network_of"]


def network_of(model: keras.Model) -> dict[str, Any]:
    """What stands under `model:` in the config that builds this model.

    Raises ModelError for what the language cannot say: a subclassed model, a Lambda, an input
    of a fixed batch size.
    """
    config = model.get_config()
    if isinstance(model, keras.Sequential):
        return _sequential(model, config)
    if not {"layers", "input_layers", "output_layers"} <= config.keys():
        raise ModelError(
            f"'{model.name}' is a {type(model).__name__} with its own Python code: a config can "
            "say Sequential and functional models only"
        )
    return _Graph(model, config).section()


def foreign_layers(section: Any) -> set[str]:
    """The layers in a model section that are not Keras's, and need a `code:` file."""
    known = catalog.load()
    found: set[str] = set()
    for step in section["layers"]:
        name, arguments = next(iter(step.items())) if isinstance(step, dict) else (step, {})
        if name == "Model":
            found |= foreign_layers(arguments)
        elif name != "reuse" and not name.startswith("ops.") and not known.find("layer", name):
            found.add(name)
    return found


# -- the two kinds of models ---------------------------------------------------------------


@dataclass
class _Step:
    """A line of the list of layers, until its name and its `from:` are settled."""

    key: str
    arguments: dict[str, Any]
    name: str
    source: Any = None  # None: the step above
    last: dict[str, Any] = field(default_factory=dict)  # what stands after the name


def _sequential(model: keras.Model, config: Mapping[str, Any]) -> dict[str, Any]:
    section: dict[str, Any] = {}
    steps = []
    layers = {layer.name: layer for layer in model.layers}
    for each in config["layers"]:
        own = each["config"]
        if each["class_name"] == "InputLayer":
            section["inputs"] = {own["name"]: _input(own)}
        elif isinstance(layers[own["name"]], keras.Model):
            steps.append(_Step("Model", network_of(layers[own["name"]]), own["name"]))
        else:
            steps.append(_Step(*_layer(each), own["name"]))
    if not steps:
        raise ModelError(f"'{model.name}' has no layers")
    section["layers"] = _written(steps, None)
    return section


class _Ref(str):
    """The name of a tensor, in an argument of a call."""

    __slots__ = ()


class _Graph:
    """A functional model: its nodes, each a call of a layer, become steps."""

    def __init__(self, model: keras.Model, config: Mapping[str, Any]) -> None:
        self.config = config
        self.layers = {each["name"]: each for each in config["layers"]}
        self.operations = {each.name: each for each in model.operations}
        self.names: dict[tuple[str, int], str] = {}
        self.taken = set(self.layers)
        self.steps: list[_Step] = []

    def section(self) -> dict[str, Any]:
        inputs = {
            name: _input(self.layers[name]["config"])
            for name, _, _ in _tensors(self.config["input_layers"])
        }
        for name in inputs:
            self.names[name, 0] = name
        ends = self._from_zero(self.config["output_layers"])
        for node in self._order([(name, index) for name, index, _ in _tensors(ends)]):
            self.steps.append(self._step(*node))
        outputs = self._outputs(ends)
        first = next(iter(inputs)) if len(inputs) == 1 else None
        section = {"inputs": inputs, "layers": _written(self.steps, first)}
        plain_stack = not any("from" in _arguments(each) for each in section["layers"])
        # `outputs:` also says that a plain stack is a functional model, not a Sequential.
        if plain_stack or not self.steps or outputs != self.steps[-1].name:
            section["outputs"] = outputs
        return section

    def _from_zero(self, ends: Any) -> Any:
        """The ends of the graph, the calls of each layer counted from 0.

        Keras counts the calls of a nested functional model from 1 here (its own graph being
        the first), and from 0 in the arguments of calls.
        """
        if isinstance(ends, dict):
            return {key: self._from_zero(each) for key, each in ends.items()}
        if len(ends) == 3 and isinstance(ends[0], str):
            operation = self.operations[ends[0]]
            nested = isinstance(operation, keras.Model)
            nested = nested and not isinstance(operation, keras.Sequential)
            return [ends[0], ends[1] - nested, ends[2]]
        return [self._from_zero(each) for each in ends]

    # -- the order of the text ------------------------------------------------------------

    def _order(self, ends: list[tuple[str, int]]) -> Iterator[tuple[str, int]]:
        """The nodes, each after what it takes, branch by branch as a person would write."""
        done: set[tuple[str, int]] = set()
        stack = [(node, False) for node in reversed(ends)]
        while stack:
            node, ready = stack.pop()
            if node in done or self._is_input(node[0]):
                continue
            if ready:
                done.add(node)
                yield node
                continue
            stack.append((node, True))
            stack.extend((each, False) for each in reversed(self._sources(node)))

    def _is_input(self, name: str) -> bool:
        return self.layers[name]["class_name"] == "InputLayer"

    def _sources(self, node: tuple[str, int]) -> list[tuple[str, int]]:
        name, index = node
        return [(each[0], each[1]) for each in _histories(self._call(name, index))]

    def _call(self, name: str, index: int) -> Mapping[str, Any]:
        call: Mapping[str, Any] = self.layers[name]["inbound_nodes"][index]
        return call

    # -- names of tensors -----------------------------------------------------------------

    def _reference(self, name: str, index: int, tensor: int) -> _Ref:
        own = self.names[name, index]
        operation = self.operations[name]
        if not isinstance(operation.output, list | tuple):
            return _Ref(own)
        keys = _output_names(operation)
        return _Ref(f"{own}.{keys[tensor] if keys else tensor}")

    def _outputs(self, ends: Any) -> Any:
        if isinstance(ends, dict):
            return {key: self._outputs(each) for key, each in ends.items()}
        found = [str(self._reference(*each)) for each in _tensors(ends)]
        return found[0] if len(found) == 1 else found

    def _values(self, value: Any) -> Any:
        """The arguments of a call as plain data, tensors by their names."""
        return plain(value, tensor=lambda history: self._reference(*history))

    # -- one step -------------------------------------------------------------------------

    def _step(self, name: str, index: int) -> _Step:
        config, call = self.layers[name], self._call(name, index)
        values = [self._values(each) for each in _sequence(call["args"])]
        named = {key: self._values(each) for key, each in call["kwargs"].items()}
        again = next((own for (layer, _), own in self.names.items() if layer == name), None)
        own = name if again is None else self._new_name(name)
        self.names[name, index] = own
        operation = self.operations[name]
        if not isinstance(operation, keras.layers.Layer):
            return _operation(config, values, named, own)
        last: dict[str, Any] = {}
        if isinstance(operation, keras.Model):
            source = values[0] if values else next(iter(named.values()))
            key, arguments = ("reuse", {}) if again else ("Model", network_of(operation))
        else:
            key, arguments = ("reuse", {}) if again else _layer(config)
            entry = catalog.load().find("layer", config["class_name"])
            source, last = _taken(entry, values, named, config["class_name"])
        if again:
            arguments = {"layer": again}
        return _Step(key, arguments, own, source, last)

    def _new_name(self, name: str) -> str:
        """A name for what a shared layer gives when it is called again."""
        number = 2
        while f"{name}_{number}" in self.taken:
            number += 1
        self.taken.add(f"{name}_{number}")
        return f"{name}_{number}"


# -- calls ---------------------------------------------------------------------------------


def _taken(
    entry: Entry | None, values: list[Any], named: dict[str, Any], layer: str
) -> tuple[Any, dict[str, Any]]:
    """`from:` and `call:` of a layer's call."""
    names = [each.name for each in entry.call] if entry else []
    if len(values) > max(1, len(names)):
        raise ModelError(f"{layer} is called with arguments that its signature does not name")
    given = dict(zip(names or ["inputs"], values, strict=False)) | named
    tensors = {key: each for key, each in given.items() if _holds_tensor(each)}
    defaults = {each.name: each.default for each in entry.call} if entry else {}
    further = {
        key: each
        for key, each in given.items()
        # An explicit `training: false` is more than the default, which asks the context.
        if key not in tensors
        and each is not None
        and (key == "training" or each != defaults.get(key))
    }
    last = {"call": further} if further else {}
    first = names[0] if names else next(iter(given), "inputs")
    if set(tensors) == {first}:
        return tensors[first], last
    return tensors, last


def _operation(
    config: Mapping[str, Any], values: list[Any], named: dict[str, Any], own: str
) -> _Step:
    """A step of `keras.ops`: Keras records the class of the operation, `HardSigmoid`."""
    name = config["class_name"].lower()
    known = catalog.load()
    found = next((each for each in known.names("op") if each.replace("_", "") == name), None)
    entry = known.find("op", found) if found else None
    if entry is None:
        raise ModelError(f"the operation {config['class_name']} has no name in keras.ops")
    made = {key: plain(each) for key, each in config["config"].items()}
    made = {key: each for key, each in made.items() if key not in ("name", "dtype")}
    variadic = next((each.name for each in entry.call if each.variadic), None)
    if variadic is not None:
        given: dict[str, Any] = {variadic: values}
    else:
        given = dict(zip((each.name for each in entry.call), values, strict=False))
    given |= named | {key: each for key, each in made.items() if key not in given}
    defaults = {each.name: each for each in entry.call}
    tensors, arguments = {}, {}
    for key, each in given.items():
        if _holds_tensor(each):
            tensors[key] = each
        elif key not in defaults:
            if each is not None:
                raise ModelError(f"ops.{entry.name} takes no '{key}', which the model gives")
        elif defaults[key].required or each != defaults[key].default:
            arguments[key] = each
    one = len(tensors) == 1 and isinstance(next(iter(tensors.values())), _Ref)
    source: Any = next(iter(tensors.values())) if one else tensors
    takers = [each.name for each in entry.call if "tensor" in each.types]
    if one and next(key for key in takers if key not in arguments) not in tensors:
        source = tensors
    elif not one and list(tensors) == takers[: len(tensors)] and variadic is None:
        every = list(tensors.values())
        if len(takers) > 1 and all(isinstance(each, _Ref) for each in every):
            source = every  # by position
    return _Step(f"ops.{entry.name}", arguments, own, source)


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_tensor(each) for each in value.values())
    if isinstance(value, list):
        return any(_holds_tensor(each) for each in value)
    return isinstance(value, _Ref)


# -- layers --------------------------------------------------------------------------------


def _layer(config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name of a layer and its arguments."""
    name = config["class_name"]
    if name == "Lambda":
        raise ModelError(
            f"'{config['config'].get('name')}' is a Lambda: its Python code cannot be a config; "
            "write it as a layer in a `code:` file"
        )
    return name, arguments_of("layer", name, config["config"])


def _input(config: Mapping[str, Any]) -> dict[str, Any]:
    shape = config["batch_shape"]
    for key in ("sparse", "ragged", "optional"):
        if config.get(key):
            raise ModelError(f"the input '{config['name']}' is {key}: a config cannot say that")
    if shape[0] is not None:
        raise ModelError(
            f"the input '{config['name']}' has a fixed batch size of {shape[0]}: a config cannot "
            "say that"
        )
    found: dict[str, Any] = {"shape": list(shape[1:])}
    if config.get("dtype") not in (None, plain_arguments.DEFAULT_DTYPE):
        found["dtype"] = config["dtype"]
    return found


def _output_names(operation: Any) -> list[str]:
    """The names of a nested model's outputs, in the order of its tensors; none if a list."""
    if not isinstance(operation, keras.Model):
        return []
    ends = operation.get_config().get("output_layers")
    return sorted(ends) if isinstance(ends, dict) else []


# -- the text ------------------------------------------------------------------------------


def _written(steps: list[_Step], first: str | None) -> list[Any]:
    """The list of layers, without what nnpy adds by itself: names, and `from:` the step above."""
    sources = []
    previous = first
    for step in steps:
        same = isinstance(step.source, str) and step.source == previous
        sources.append(None if step.source is None or same else _as_text(step.source))
        previous = step.name
    used = {name for each in sources for name in _names_in(each)}
    used |= {step.arguments["layer"] for step in steps if step.key == "reuse"}
    automatic: Counter[str] = Counter()
    found: list[Any] = []
    for step, source in zip(steps, sources, strict=True):
        arguments = dict(step.arguments)
        base = snake_case(step.key.rpartition(".")[2])
        chosen = f"{base}_{automatic[base]}" if automatic[base] else base
        if step.key == "reuse" or step.name != chosen or step.name in used:
            arguments["name"] = step.name
        else:
            automatic[base] += 1
        arguments |= step.last
        if source is not None:
            arguments["from"] = source
        found.append({step.key: arguments} if arguments else step.key)
    return found


def _as_text(source: Any) -> Any:
    if isinstance(source, dict):
        return {key: _as_text(each) for key, each in source.items()}
    if isinstance(source, list):
        if not all(isinstance(each, _Ref) for each in source):
            raise ModelError("a layer takes a list of lists of tensors: a config cannot say that")
        return [str(each) for each in source]
    return str(source)


def _names_in(source: Any) -> Iterator[str]:
    if isinstance(source, dict):
        source = list(source.values())
    if isinstance(source, list):
        for each in source:
            yield from _names_in(each)
    elif source is not None:
        yield source
        yield source.rpartition(".")[0]  # `lstm.1` is an output of `lstm`


def _arguments(step: Any) -> Mapping[str, Any]:
    return next(iter(step.values())) if isinstance(step, dict) else {}


# -- the forms of get_config ---------------------------------------------------------------


def _tensors(value: Any) -> list[tuple[str, int, int]]:
    """`["conv", 0, 0]`, or a list or mapping of such → all of them."""
    if isinstance(value, dict):
        return [one for key in sorted(value) for one in _tensors(value[key])]
    if len(value) == 3 and isinstance(value[0], str):
        return [(value[0], value[1], value[2])]
    return [one for each in value for one in _tensors(each)]


def _histories(value: Any) -> Iterator[tuple[str, int, int]]:
    """Every tensor in the arguments of a call."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            yield tuple(value["config"]["keras_history"])
            return
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _histories(each)


def _sequence(value: Any) -> Iterable[Any]:
    """The positional arguments of a call, which Keras writes as a list or a marked tuple."""
    if isinstance(value, dict):
        return list(value["config"]["value"])
    return list(value)
