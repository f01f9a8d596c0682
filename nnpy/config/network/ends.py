"""Where a network begins and ends: `inputs:`, `takes:` and `outputs:` of its mapping form."""

from __future__ import annotations

from typing import Any

from nnpy.catalog.entries import Parameter
from nnpy.config.checker import Checker
from nnpy.config.network.graph import INPUT, Input, Inputs, Ref, names_in
from nnpy.config.network.inputs import structure
from nnpy.config.network.names import Scope
from nnpy.config.wording import show
from nnpy.config.yaml.nodes import Node

_INPUT_PARAMETERS = (
    Parameter("shape", types=("shape", "null"), doc="The shape of one example."),
    Parameter("dtype", types=("dtype", "null"), doc="The dtype of its values."),
    Parameter(
        "batch_size",
        types=("int", "null"),
        minimum=1,
        doc="The size of every batch, for layers that keep states from batch to batch.",
    ),
    Parameter("sparse", types=("bool",), doc="Whether the tensor is sparse."),
    Parameter("ragged", types=("bool",), doc="Whether the tensor is ragged."),
    Parameter("optional", types=("bool",), doc="Whether it may be None."),
    Parameter("unused", types=("bool",), doc="Whether nothing takes it, knowingly."),
)


def read_inputs(
    node: Node, path: str, checker: Checker, given: int | None, nested: bool
) -> tuple[Input, ...]:
    """What the model is given.

    `given` is how many tensors a nested model is called with, None where nobody knows; the
    shapes of a `nested` one are those of what it is called with.
    """
    declared = node.value.get("inputs") if node.is_map else None
    inputs: tuple[Input, ...] = (Input(INPUT),)
    path = f"{path}.inputs"
    if declared is not None and declared.value is not None:
        if declared.is_list and all(isinstance(each.value, str) for each in declared.value):
            items = {each.value: Node(None, each.mark) for each in declared.value}
            keys = {key: each.mark for key, each in items.items()}
            declared = Node(items, declared.mark, keys)  # a list is names without shapes
        if declared.is_map and declared.value:
            pairs = declared.value.items()
            inputs = tuple(_input(key, each, declared, path, checker) for key, each in pairs)
        else:
            message = f"expected such as {{image: {{shape: [28, 28, 1]}}}}, got {show(declared)}"
            checker.error(declared, path, message)
    if not nested and len(inputs) > 1:
        for each in inputs:
            if each.shape is None:
                message = "missing key 'shape': with several inputs each needs one"
                checker.error(each.mark, each.path, message)
    elif given is not None and given != len(inputs):
        message = f"the model takes {inputs_in_words(len(inputs))}, `from:` gives {given}"
        checker.error(declared or node, path, message)
    return inputs


def _input(key: Any, item: Node, declared: Node, path: str, checker: Checker) -> Input:
    mark, path = declared.keys.get(key), f"{path}.{key}"
    if not isinstance(key, str) or "/" in key or not key:
        checker.error(mark, path, "the name of an input must be text without '/'")
    if item.value is None:
        item = Node({}, item.mark)
    if not item.is_map:
        message = f"expected a mapping such as {{shape: [28, 28, 1]}}, got {show(item)}"
        checker.error(item, path, message)
        return Input(str(key), None, None, path, mark)
    values = checker.arguments(item, _INPUT_PARAMETERS, path, word="key")
    shape = values.pop("shape", None)
    return Input(
        str(key),
        tuple(shape) if isinstance(shape, list) else None,
        values.pop("dtype", None),
        path,
        mark,
        values.pop("batch_size", None),
        unused=values.pop("unused", False) or False,
        options={name: True for name, given in values.items() if given},
    )


def read_takes(node: Node, path: str, scope: Scope, inputs: tuple[Input, ...]) -> Inputs:
    """The structure in which the model takes its inputs, or None for the usual one."""
    declared = node.value.get("takes") if node.is_map else None
    if declared is None or declared.value is None:
        return None
    path = f"{path}.takes"
    found = structure(scope, declared, path)
    names = [each.name for each in inputs]
    if sorted(names_in(found)) != sorted(names) and not scope.model.dangling:
        scope.checker.error(declared, path, f"expected every input once: {', '.join(names)}")
    return found


def read_outputs(
    node: Node, path: str, scope: Scope, previous: Ref
) -> tuple[tuple[str, ...], tuple[str, ...] | None, Inputs]:
    """The tensors that the model gives, their names, and the structure that they stand in."""
    declared = node.value.get("outputs") if node.is_map else None
    if declared is None or declared.value is None:
        return as_tuple(previous), None, None
    found = structure(scope, declared, f"{path}.outputs")
    refs = tuple(names_in(found))
    if isinstance(found, str):
        return refs, None, None
    if isinstance(found, dict):
        if all(isinstance(each, str) for each in found.values()):
            return refs, tuple(found), found
        return refs, None, found
    usual = len(found) > 1 and all(isinstance(each, str) for each in found)
    return refs, None, None if usual else found


def as_tuple(ref: Ref) -> tuple[str, ...]:
    return (ref,) if isinstance(ref, str) else ref


def inputs_in_words(count: int) -> str:
    return f"{count} input" + ("" if count == 1 else "s")
