"""What a step takes: `from:` and `call:` → the tensors and the arguments of its call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nnpy.catalog.entries import Entry, Parameter
from nnpy.config import forms
from nnpy.config.checker import Checker
from nnpy.config.network.graph import INPUT, Inputs, Network, Ref, Step, names_in
from nnpy.config.network.names import Scope
from nnpy.config.unknown import unknown_key
from nnpy.config.wording import show
from nnpy.config.yaml.nodes import Mark, Node
from nnpy.errors import did_you_mean

FREEZING = "trainable"


@dataclass
class Use:
    """One item of a list of layers: what is used, with which arguments, at which place."""

    name: str
    mark: Mark | None
    arguments: Node
    path: str
    scope: Scope
    previous: Ref | None  # what the step above gives; None at the start of several inputs

    @property
    def checker(self) -> Checker:
        return self.scope.checker

    @property
    def name_mark(self) -> Mark | None:
        given = self.argument("name")
        return given.mark if given is not None else None

    def argument(self, key: str) -> Node | None:
        found: Node | None = self.arguments.value.get(key)
        return found

    def without(self, *names: str) -> Node:
        """The arguments but for some."""
        items = {key: each for key, each in self.arguments.value.items() if key not in names}
        own = self.arguments
        return Node(items, own.mark, own.keys, own.origin)

    def repeat(self) -> int:
        """How many times a block is to stand in a row."""
        node = self.argument("repeat")
        if node is None:
            return 1
        parameter = Parameter("repeat", types=("int",), minimum=1)
        return self.checker.value(node, parameter, f"{self.path}.repeat") or 1

    def takes_only(self, known: tuple[str, ...]) -> None:
        """Reports arguments other than the known ones."""
        for key in self.arguments.value:
            if key not in known:
                unknown_key(self.checker, self.arguments, key, self.path, known, word="argument")

    def is_frozen(self) -> bool:
        """Whether `trainable: false` stands at a block or a nested model."""
        node = self.argument(FREEZING)
        parameter = Parameter(FREEZING, types=("bool",))
        path = f"{self.path}.{FREEZING}"
        return node is not None and self.checker.value(node, parameter, path) is False

    def error(self, where: Node | Mark | None, message: str, below: str = "") -> None:
        path = f"{self.path}.{below}" if below else self.path
        self.checker.error(where or self.mark, path, message)


def plain(use: Use) -> Inputs:
    """What `from:` says, or the step above, before it is known what the step takes."""
    source = use.argument("from")
    path = f"{use.path}.from"
    if source is None:
        if use.previous is None:
            message = "the model has several inputs: name the one this step takes with `from:`"
            use.error(use.mark, message)
            use.scope.model.dangling = True
            return INPUT
        return use.previous
    if (source.is_list or source.is_map) and source.value:
        return structure(use.scope, source, path)
    if not isinstance(source.value, str):
        message = f"expected the name of a step, a list of names or a mapping, got {show(source)}"
        use.error(source, message, "from")
        use.scope.model.dangling = True
        return INPUT
    return use.scope.reference(source, path)


def structure(scope: Scope, node: Node, path: str) -> Inputs:
    """Names in lists and mappings, to any depth; numbers and arrays in a list are themselves."""
    if forms.is_array(node):
        return forms.array(node, path, scope.checker)
    if node.is_map and node.value:
        items = node.value.items()
        return {str(key): structure(scope, each, f"{path}.{key}") for key, each in items}
    if not node.is_list or not node.value:
        return scope.reference(node, path)
    found: list[Inputs] = []
    for index, each in enumerate(node.value):
        if type(each.value) in (int, float):
            found.append(each.value)
            continue
        inner = structure(scope, each, f"{path}[{index}]")
        # What a block is given as several tensors stays a flat row.
        flat = isinstance(inner, tuple) and not each.is_list
        found.extend(inner if flat else (inner,))
    return tuple(found)


def listed(use: Use, names: Sequence[str] | None = None) -> Ref:
    """For a block: one tensor or several; `names` are those of a model's inputs."""
    inputs = plain(use)
    if not isinstance(inputs, dict):
        return inputs
    source = use.argument("from")
    assert source is not None
    if not names:
        use.error(source, "expected the name of a step or a list of names", "from")
        names = tuple(inputs)
    for key in inputs:
        if key not in names:
            message = f"there is no input '{key}'{did_you_mean(key, names)}"
            use.error(source.keys.get(key), message, "from")
    for name in names:
        if name not in inputs:
            use.error(source, f"missing input '{name}'", "from")
    found: list[str] = []
    for name in names:
        ref = inputs.get(name, INPUT)
        found.append(ref if isinstance(ref, str) else ref[0])
    return tuple(found)


def check_model_inputs(use: Use, inputs: Inputs, network: Network) -> None:
    """Whether what `from:` gives are the inputs of a model, each once."""
    names = [each.name for each in network.inputs]
    if use.scope.model.dangling:
        return
    source = use.argument("from")
    if isinstance(inputs, dict) and source is not None:
        known = list(network.takes) if isinstance(network.takes, dict) else names
        for key in inputs:
            if key not in known:
                message = f"there is no input '{key}'{did_you_mean(key, known)}"
                use.error(source.keys.get(key), message, "from")
        for name in known:
            if name not in inputs:
                use.error(source, f"missing input '{name}'", "from")
    elif number(inputs) != len(names):
        words = f"{len(names)} input" + ("" if len(names) == 1 else "s")
        message = f"the model takes {words}, `from:` gives {number(inputs)}"
        use.error(source, message, "from")


def number(inputs: Inputs) -> int:
    return sum(1 for _ in names_in(inputs))


# -- layers -------------------------------------------------------------------------------


def of_layer(use: Use, entry: Entry, steps: Sequence[Step]) -> tuple[Inputs, dict[str, Any]]:
    """The tensors that a layer takes, in the form of its call, and its further arguments."""
    inputs = plain(use)
    required = [each for each in entry.call if each.required]
    several = bool(required) and "list" in required[0].types and "tensor" not in required[0].types
    if isinstance(inputs, dict):
        _check_names(use, entry, required)
    elif len(required) > 1:
        refs = (inputs,) if isinstance(inputs, str) else inputs
        if len(required) <= len(refs) <= len(entry.call):
            inputs = dict(zip((each.name for each in entry.call), refs, strict=False))
        elif not use.scope.model.dangling:
            names = [each.name for each in required]
            example = ", ".join(f"{name}: …" for name in names)
            message = f"{entry.name} takes {' and '.join(names)}: write from: {{{example}}}"
            use.error(use.argument("from"), message, "from")
    elif isinstance(inputs, tuple) and _takes_one(entry):
        message = f"{entry.name} takes one tensor, got {len(inputs)}"
        use.error(use.argument("from"), message, "from")
    elif isinstance(inputs, str) and several and _is_one_tensor(inputs, steps):
        message = f"{entry.name} takes several tensors: write from: [a, b]"
        use.error(use.argument("from"), message, "from")
    return inputs, _call_arguments(use, entry, inputs)


def _check_names(use: Use, entry: Entry, required: Sequence[Parameter]) -> None:
    source = use.argument("from")
    assert source is not None
    known = [each.name for each in entry.call]
    for key in source.value:
        if known and key not in known:
            message = f"{entry.name} takes no tensor '{key}'{did_you_mean(str(key), known)}"
            use.error(source.keys.get(key), message, "from")
    if all(key in known for key in source.value):
        for each in required:
            if each.name not in source.value:
                use.error(source, f"missing input '{each.name}'", "from")


def _takes_one(entry: Entry) -> bool:
    """Whether the layer surely refuses a list: a recurrent layer or a wrapper may take one."""
    fixed = entry.input_rank is not None or entry.min_rank is not None
    names = {each.name for each in (*entry.call, *entry.parameters)}
    return fixed and not names & {"initial_state", "layer", "cell"}


def _is_one_tensor(ref: str, steps: Sequence[Step]) -> bool:
    """Whether a name surely stands for one tensor, not for a list of them."""
    step = next((each for each in steps if each.name == ref), None)
    if step is None:
        return ref == INPUT
    arguments = {**step.layer.arguments, **step.call}
    returns = any(key.startswith("return_") for key in arguments)
    plain_layer = step.layer.kind == "layer" and not step.layer.code
    return plain_layer and not returns and not {"layer", "cell"} & set(arguments)


def call_arguments(use: Use, parameters: Sequence[Parameter]) -> dict[str, Any]:
    """The further arguments of a call, which `parameters` are."""
    node = use.argument("call")
    if node is None or node.value is None:
        return {}
    if not node.is_map:
        use.error(node, f"expected a mapping of arguments, got {show(node)}", "call")
        return {}
    return use.checker.arguments(node, parameters, f"{use.path}.call")


def _call_arguments(use: Use, entry: Entry, inputs: Inputs) -> dict[str, Any]:
    node = use.argument("call")
    if node is None or node.value is None:
        return {}
    if not node.is_map:
        use.error(node, f"expected a mapping of arguments, got {show(node)}", "call")
        return {}
    if not entry.call:  # own code whose call takes anything
        return {str(key): each.plain() for key, each in node.value.items()}
    tensors = set(inputs) if isinstance(inputs, dict) else {entry.call[0].name}
    further = [each for each in entry.call if each.name not in tensors]
    return use.checker.arguments(node, further, f"{use.path}.call")


# -- operations ---------------------------------------------------------------------------


def of_operation(use: Use, entry: Entry) -> tuple[dict[str, Ref], dict[str, Any]]:
    """The tensors of an operation by parameter, and its plain arguments."""
    inputs = plain(use)
    if not isinstance(inputs, dict):
        inputs = _by_parameter(use, entry, inputs)
    else:
        _check_names(use, entry, ())
    given = use.without("from", "name")
    own = Node(
        {key: each for key, each in given.value.items() if key not in inputs},
        given.mark,
        given.keys,
    )
    for key in given.value:
        if key in inputs:
            use.error(given.keys.get(key), f"'{key}' is given twice: here and in `from:`")
    rest = [each for each in entry.call if each.name not in inputs and not each.variadic]
    return inputs, use.checker.arguments(own, rest, use.path, where=use.mark)


def _by_parameter(use: Use, entry: Entry, refs: Ref) -> dict[str, Ref]:
    """Tensors by position: one each for the operation's tensors, or all for its only one."""
    takers = [each for each in entry.call if "tensor" in each.types] or [*entry.call[:1]]
    if not takers:
        use.error(use.argument("from"), f"ops.{entry.name} takes no tensor", "from")
        return {}
    if isinstance(refs, str):
        free = [each for each in takers if each.name not in use.arguments.value]
        return {(free or takers)[0].name: refs}
    if takers[0].variadic or len(takers) == 1:
        return {takers[0].name: refs}
    if len(refs) > len(takers):
        message = f"ops.{entry.name} takes at most {len(takers)} tensors, got {len(refs)}"
        use.error(use.argument("from"), message, "from")
    return {each.name: ref for each, ref in zip(takers, refs, strict=False)}


def says_outputs(node: Node) -> bool:
    return node.is_map and "outputs" in node.value and node.value["outputs"].value is not None
