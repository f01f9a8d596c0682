"""A functional model → its inputs, steps and outputs: each call of a layer is a step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras

from nnpy.models.functional_config import histories, is_tensor, tensors
from nnpy.models.to_config import calls, layers
from nnpy.models.to_config.context import Context
from nnpy.models.to_config.layers import is_network
from nnpy.models.to_config.steps import Reference, Step, as_text, takes_other_tensors, written
from nnpy.models.to_config.values import plain


class Graph:
    """The nodes of a functional model; `place` is where it stands, "" being the outermost."""

    def __init__(
        self, model: keras.Model, config: Mapping[str, Any], context: Context, place: str
    ) -> None:
        self.config = config
        self.context = context
        self.place = place
        self.layers = {each["name"]: each for each in config["layers"]}
        self.operations = {each.name: each for each in model.operations}
        self.keep_batch = layers.needs_batch_size(config)
        self.names: dict[tuple[str, int], str] = {}
        self.taken = set(self.layers)
        self.steps: list[Step] = []

    def section(self) -> dict[str, Any]:
        """What stands under `model:`, or under a nested `Model:`."""
        taken = self.config["input_layers"]
        used = {name for each in self.layers for name in self._inputs_of(each)}
        ends = self._from_zero(self.config["output_layers"])
        used |= {name for name, _, _ in tensors(ends)}
        inputs = {}
        for name, _, _ in tensors(taken):
            inputs[name] = layers.input_of(
                self.layers[name]["config"], self.context, self.keep_batch
            )
            if name not in used:
                inputs[name]["unused"] = True
            self.names[name, 0] = name
        for node in self._order([(name, index) for name, index, _ in tensors(ends)]):
            self.steps.append(self._step(*node))
        outputs = self._structure(ends)
        first = next(iter(inputs)) if len(inputs) == 1 else None
        section: dict[str, Any] = {"inputs": inputs}
        structure = self._structure(taken)
        if structure not in (first, list(inputs)) or structure == [first]:
            section["takes"] = structure
        section["layers"] = written(self.steps, first)
        plain_stack = not takes_other_tensors(section["layers"])
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
        if is_tensor(ends):
            operation = self.operations[ends[0]]
            nested = is_network(operation) and not isinstance(operation, keras.Sequential)
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
        return bool(self.layers[name]["class_name"] == "InputLayer")

    def _sources(self, node: tuple[str, int]) -> list[tuple[str, int]]:
        name, index = node
        found = [(each[0], each[1]) for each in histories(self._call(name, index))]
        # A shared layer is made for what it was called with first.
        return [(name, index - 1), *found] if index else found

    def _inputs_of(self, name: str) -> Iterator[str]:
        """The layers whose tensors a layer takes, in any of its calls."""
        for call in self.layers[name]["inbound_nodes"]:
            for each in histories(call):
                yield each[0]

    def _call(self, name: str, index: int) -> Mapping[str, Any]:
        call: Mapping[str, Any] = self.layers[name]["inbound_nodes"][index]
        return call

    # -- names of tensors -----------------------------------------------------------------

    def _reference(self, name: str, index: int, tensor: int) -> Reference:
        own = self.names[name, index]
        path = self._path(name, index, tensor)
        if not path:
            return Reference(own)
        dotted = ".".join((own, *path))
        # A layer may bear the name by which an output of another goes.
        plainly = all(each.isdecimal() or each.isidentifier() for each in path)
        clear = (
            plainly and dotted not in self.taken and not isinstance(self._output(name, index), dict)
        )
        return Reference(dotted if clear else "/".join((own, *path)))

    def _path(self, name: str, index: int, tensor: int) -> tuple[str, ...]:
        """Where in what the layer gives a tensor stands: () where it gives one."""
        paths = keras.tree.flatten_with_path(self._output(name, index))
        return tuple(str(each) for each in paths[tensor][0])

    def _output(self, name: str, index: int) -> Any:
        """The structure of what a call gives, with anything in the place of its tensors."""
        operation = self.operations[name]
        if is_network(operation):
            ends = operation.get_config().get("output_layers")
            if ends is not None:
                return _shape(ends)
            return [0] * len(operation.outputs) if len(operation.outputs) > 1 else 0
        single = not isinstance(operation.output, list | tuple | dict)
        if single and layers.is_of_keras(operation) and isinstance(operation, keras.layers.Layer):
            return 0
        call = self._call(name, index)
        given = [_symbolic(each) for each in call["args"]]
        named = {key: _symbolic(each) for key, each in call["kwargs"].items()}
        return operation.compute_output_spec(*given, **named)

    def _structure(self, ends: Any) -> Any:
        """Inputs or outputs of the model by their names, in the form that it has."""
        if isinstance(ends, dict):
            return {key: self._structure(each) for key, each in ends.items()}
        if is_tensor(ends):
            return as_text(self._reference(*ends))
        return [self._structure(each) for each in ends]

    # -- one step -------------------------------------------------------------------------

    def _step(self, name: str, index: int) -> Step:
        config, call = self.layers[name], self._call(name, index)
        operation = self.operations[name]
        again = next((own for (layer, _), own in self.names.items() if layer == name), None)
        own = name if again is None else self._new_name(name)
        self.names[name, index] = own
        if config["class_name"] == "GetItem":
            given = [self._values(call["args"][0]), self._key(call["args"][1])]
        else:
            given = [self._values(each) for each in call["args"]]
        named = {key: self._values(each) for key, each in call["kwargs"].items()}
        if not isinstance(operation, keras.layers.Layer):
            return calls.of_operation(operation, config, given, named, own, self.context)
        if is_network(operation):
            source = given[0] if given else next(iter(named.values()))
            rest = {key: each for key, each in named.items() if each is not None}
            last = {"call": rest} if given and rest else {}
        else:
            source, last = calls.of_layer(operation, given, named)
        if again is not None:
            return Step("reuse", {"layer": again}, own, source, last)
        key, arguments = layers.step_of(operation, config, self.context, self.place)
        return Step(key, arguments, own, source, last)

    def _values(self, value: Any) -> Any:
        """The arguments of a call as plain data, tensors by their names."""
        return plain(value, self.context, lambda history: self._reference(*history))

    def _key(self, value: Any) -> Any:
        tensor = isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"
        array = isinstance(value, dict) and value.get("class_name") in ("__numpy__", "__tensor__")
        return self._values(value) if tensor or array else calls.key_of(value)

    def _new_name(self, name: str) -> str:
        """A name for what a shared layer gives when it is called again."""
        number = 2
        while f"{name}_{number}" in self.taken:
            number += 1
        self.taken.add(f"{name}_{number}")
        return f"{name}_{number}"


# -- the forms of get_config ---------------------------------------------------------------


def _shape(value: Any) -> Any:
    """A structure of tensors with 0 in the place of each."""
    if isinstance(value, dict):
        return {key: _shape(each) for key, each in value.items()}
    return 0 if is_tensor(value) else [_shape(each) for each in value]


def _symbolic(value: Any) -> Any:
    """An argument of a call with symbolic tensors of the same shapes and dtypes."""
    if isinstance(value, list | tuple):
        return [_symbolic(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "__keras_tensor__":
        return keras.KerasTensor(value["config"]["shape"], value["config"]["dtype"])
    if "class_name" in value:
        return keras.saving.deserialize_keras_object(value, safe_mode=True)
    return {key: _symbolic(each) for key, each in value.items()}
