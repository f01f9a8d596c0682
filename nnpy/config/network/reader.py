"""The model section → a checked `Network`.

    model:
      - Conv2D: {filters: 32, kernel_size: 3, padding: same, name: stem}
      - Conv2D: {filters: 32, kernel_size: 3, padding: same, name: branch}
      - Add: {from: [stem, branch]}

A step takes the output of the step above it unless `from:` names others, which must stand
above it too: the order of the text is the order of the data, and a cycle cannot be written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnpy.catalog.entries import Parameter
from nnpy.catalog.naming import snake_case
from nnpy.config.checker import Checker, show
from nnpy.config.network import inputs as tensors
from nnpy.config.network.blocks import MAX_NESTING, RESERVED, Block, Budget, Filling, TooLarge, bind
from nnpy.config.network.graph import INPUT, Input, Inputs, Network, Ref, Step
from nnpy.config.network.inputs import FREEZING, Use
from nnpy.config.network.names import Scope
from nnpy.config.objects import KerasObject
from nnpy.config.yaml.nodes import Mark, Node
from nnpy.errors import did_you_mean

_MODEL_KEYS = ("inputs", "layers", "outputs")
_INPUT_PARAMETERS = (
    Parameter("shape", types=("shape", "null"), doc="The shape of one example."),
    Parameter("dtype", types=("dtype", "null"), doc="The dtype of its values."),
    Parameter(
        "batch_size",
        types=("int", "null"),
        minimum=1,
        doc="A fixed number of examples per batch, which layers with `stateful: true` need.",
    ),
)
# What older Keras wrote on the first layer.
_OLD_SHAPES = ("input_shape", "input_dim", "batch_input_shape")


def read(
    node: Node, checker: Checker, path: str = "model", blocks: Mapping[str, Block] | None = None
) -> Network | None:
    """The network that the model section says, or None after a mistake in its form."""
    budget = Budget()
    try:
        network = _Reader(checker, blocks or {}, budget, []).network(node, path)
    except TooLarge as error:
        checker.error(node, path, str(error))
        return None
    if not checker.problems:  # else what is wrong may have meant the block
        for name, block in (blocks or {}).items():
            # A file that others extend may hold blocks for all of them.
            same_file = _file(block.mark) == _file(node.mark)
            if name not in budget.used and same_file:
                checker.error(block.mark, f"blocks.{name}", "the block is never used")
    return network


def _file(mark: Mark | None) -> str | None:
    return mark.file if mark else None


class _Reader:
    """Reads one model; a nested model has a reader of its own, as its names are its own."""

    def __init__(
        self, checker: Checker, blocks: Mapping[str, Block], budget: Budget, within: list[str]
    ) -> None:
        self.checker = checker
        self.blocks = blocks
        self.budget = budget
        self.within = within  # the blocks and models that are being read, outermost first
        self.steps: list[Step] = []
        self.by_name: dict[str, Step] = {}
        self.functional = False

    # -- the whole ------------------------------------------------------------------------

    def network(self, node: Node, path: str, given: int | None = None) -> Network | None:
        """`given` is how many tensors a nested model is called with."""
        parts = self._layers_of(node, path)
        if parts is None:
            return None
        inputs = self._inputs(node, path, given)
        scope = Scope(self.checker)
        for each in inputs:
            scope.add(each.name, each.name, each.mark)
        self.functional = len(inputs) > 1
        previous = self._layers(*parts, scope, inputs[0].name if len(inputs) == 1 else None)
        if previous is None or not self.steps:
            return None
        outputs, names = self._outputs(node, path, scope, previous)
        if not scope.model.dangling:
            self._report_unused(inputs, outputs)
        return Network(tuple(self.steps), outputs, self.functional, node.mark, inputs, names)

    def _layers_of(self, node: Node, path: str) -> tuple[Node, str] | None:
        """The list of layers and its path, whichever form the model has."""
        layers, expected = node, "a list of layers, or a mapping with `layers:`"
        if node.is_map:
            for key in node.value:
                if key not in _MODEL_KEYS:
                    hint = did_you_mean(str(key), _MODEL_KEYS)
                    hint = hint or f"; known: {', '.join(_MODEL_KEYS)}"
                    self.checker.error(node.keys.get(key), path, f"unknown key '{key}'{hint}")
            if "layers" not in node.value:
                self.checker.error(node, path, "missing key 'layers'")
                return None
            layers, path, expected = node.value["layers"], f"{path}.layers", "a list of layers"
        if not layers.is_list:
            self.checker.error(layers, path, f"expected {expected}, got {show(layers)}")
            return None
        if not layers.value:
            self.checker.error(layers, path, "the list of layers is empty")
            return None
        return layers, path

    def _inputs(self, node: Node, path: str, given: int | None) -> tuple[Input, ...]:
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
                inputs = tuple(self._input(key, each, declared, path) for key, each in pairs)
            else:
                message = (
                    f"expected such as {{image: {{shape: [28, 28, 1]}}}}, got {show(declared)}"
                )
                self.checker.error(declared, path, message)
        if given is None and len(inputs) > 1:
            for each in inputs:
                if each.shape is None:
                    message = "missing key 'shape': with several inputs each needs one"
                    self.checker.error(each.mark, each.path, message)
        elif given is not None and given != len(inputs):
            message = f"the model takes {_inputs_in_words(len(inputs))}, but `from:` gives {given}"
            self.checker.error(declared or node, path, message)
        return inputs

    def _input(self, key: Any, item: Node, declared: Node, path: str) -> Input:
        mark, path = declared.keys.get(key), f"{path}.{key}"
        if not isinstance(key, str) or "/" in key or not key:
            self.checker.error(mark, path, "the name of an input must be text without '/'")
        if item.value is None:
            item = Node({}, item.mark)
        if not item.is_map:
            message = f"expected a mapping such as {{shape: [28, 28, 1]}}, got {show(item)}"
            self.checker.error(item, path, message)
            return Input(str(key), None, None, path, mark)
        values = self.checker.arguments(item, _INPUT_PARAMETERS, path, word="key")
        shape = values.get("shape")
        shape = tuple(shape) if isinstance(shape, list) else None
        return Input(str(key), shape, values.get("dtype"), path, mark, values.get("batch_size"))

    def _outputs(
        self, node: Node, path: str, scope: Scope, previous: Ref
    ) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
        declared = node.value.get("outputs") if node.is_map else None
        path = f"{path}.outputs"
        if declared is None or declared.value is None:
            return _as_tuple(previous), None
        self.functional = True
        if declared.is_list and declared.value:
            return scope.references(declared, path), None
        if declared.is_map and declared.value:
            refs = []
            for key, each in declared.value.items():
                ref = _as_tuple(scope.reference(each, f"{path}.{key}"))
                if len(ref) > 1:
                    self.checker.error(each, f"{path}.{key}", "expected the name of one step")
                refs.append(ref[0])
            return tuple(refs), tuple(str(key) for key in declared.value)
        return _as_tuple(scope.reference(declared, path)), None

    def _report_unused(self, inputs: tuple[Input, ...], outputs: tuple[str, ...]) -> None:
        taken = {source for step in self.steps for source in step.sources()}.union(outputs)
        while True:  # `name.1` takes `name`
            heads = {name.rpartition(".")[0] for name in taken if "." in name} - taken
            if not heads:
                break
            taken |= heads
        taken |= {step.reuse for step in self.steps if step.reuse}
        for step in self.steps:
            if step.name not in taken:
                message = f"nothing takes the output of '{step.name}'"
                self.checker.error(step.mark, step.path, message)
        for each in inputs:
            if each.name not in taken:
                message = f"nothing takes the input '{each.name}'"
                self.checker.error(each.mark or self.steps[0].mark, each.path or "model", message)

    # -- steps ----------------------------------------------------------------------------

    def _layers(self, layers: Node, path: str, scope: Scope, previous: Ref | None) -> Ref | None:
        """Reads a list of layers; returns what the last of them gives."""
        scope.announce(layers)
        for index, item in enumerate(layers.value):
            previous = self._step(item, f"{path}[{index}]", scope, previous) or previous
        return previous

    def _step(self, node: Node, path: str, scope: Scope, previous: Ref | None) -> Ref | None:
        self.budget.spend(steps=1)
        named = self.checker.name_and_arguments(node, "layer", path)
        if named is None:
            scope.model.dangling = True
            return None
        name, mark, arguments = named
        use = Use(name, mark, arguments or Node({}, mark), f"{path}.{name}", scope, previous)
        if "from" in use.arguments.value or "call" in use.arguments.value:
            self.functional = True
        if name in self.blocks:
            return self._block(use)
        if name == "reuse":
            return self._reuse(use)
        if name == "Model":
            return self._model(use)
        if name.startswith("ops."):
            return self._operation(use)
        return self._layer(use, path)

    def _add(self, use: Use, layer: KerasObject, own: str, inputs: Inputs, **more: Any) -> str:
        step = Step(layer, use.scope.prefix + own, inputs, use.path, use.mark, **more)
        use.scope.add(own, step.name, use.name_mark)
        self.steps.append(step)
        self.by_name.setdefault(step.name, step)
        return step.name

    def _layer(self, use: Use, path: str) -> Ref:
        entry = self.checker.catalog.find("layer", use.name)
        if entry is None:
            message = self.checker.unknown(("layer",), use.name, (*self.blocks, "reuse", "Model"))
            if self.checker.catalog.find("op", use.name):
                message = f"unknown layer '{use.name}'; did you mean the operation ops.{use.name}"
            self.checker.error(use.mark, path, message)
            inputs = tensors.plain(use)
            own = use.scope.choose(use.argument("name"), snake_case(use.name), use.path)
            return self._add(use, KerasObject("layer", use.name), own, inputs)
        use.path = f"{path}.{entry.name}"
        if entry.name == "InputLayer":
            message = (
                "inputs are declared in the mapping form: model: {inputs: {image: …}, layers: …}"
            )
            self.checker.error(use.mark, use.path, message)
        given = use.arguments.value
        old = [key for key in _OLD_SHAPES if key in given and not entry.parameter(key)]
        for key in old:
            message = (
                f"'{key}' is not needed: the input shape is that of the data, or is declared under"
            )
            use.error(
                use.arguments.keys.get(key), f"{message} `inputs:` in the model's mapping form"
            )
        inputs, call = tensors.of_layer(use, entry, self.steps)
        hidden = ("name",) if entry.code and not entry.parameter("name") else ()
        arguments = use.without("from", "call", *old, *hidden)
        values = self.checker.arguments(
            arguments, entry.parameters, use.path, where=use.mark, open_ended=entry.open_ended
        )
        own = use.scope.choose(use.argument("name"), snake_case(entry.name), use.path)
        if not entry.code or entry.parameter("name") or entry.open_ended:
            values["name"] = use.scope.prefix + own
        else:  # own code whose constructor has no name
            values.pop("name", None)
        if use.scope.frozen and (entry.parameter("trainable") or entry.open_ended):
            values["trainable"] = False
        layer = KerasObject("layer", entry.name, values, use.path, use.mark, code=entry.code)
        return self._add(use, layer, own, inputs, call=call)

    def _operation(self, use: Use) -> Ref:
        self.functional = True
        name = use.name.removeprefix("ops.")
        entry = self.checker.catalog.find("op", name)
        base = snake_case(name.rpartition(".")[2])
        own = use.scope.choose(use.argument("name"), base, use.path, kind="op")
        if entry is None:
            hint = did_you_mean(name, self.checker.catalog.suggestions("op"))
            use.error(use.mark, f"unknown operation '{use.name}'{hint}")
            return self._add(use, KerasObject("op", name), own, tensors.plain(use))
        inputs, values = tensors.of_operation(use, entry)
        layer = KerasObject("op", entry.name, values, use.path, use.mark)
        return self._add(use, layer, own, inputs)

    def _reuse(self, use: Use) -> Ref:
        self.functional = True
        self._known_only(use, ("layer", "from", "name", "call"))
        step = self._reused(use)
        if step is None:
            use.scope.model.dangling = True
            own = use.scope.choose(use.argument("name"), "reuse", use.path, kind="op")
            return self._add(use, KerasObject("layer", "reuse"), own, tensors.plain(use))
        base = step.name.removeprefix(use.scope.prefix)
        own = use.scope.choose(use.argument("name"), base, use.path, kind="op")
        if step.network is not None:
            names = [each.name for each in step.network.inputs]
            inputs = tensors.listed(use, names)
            if tensors.number(inputs) != len(names):
                words = _inputs_in_words(len(names))
                message = f"the model takes {words}, `from:` gives {tensors.number(inputs)}"
                use.error(use.argument("from"), message, "from")
            self._name_outputs(use, own, step.network)
            return self._add(use, step.layer, own, inputs, network=step.network, reuse=step.name)
        entry = self.checker.catalog.find("layer", step.layer.name)
        if entry is None:  # an unknown layer, reported where it stands
            return self._add(use, step.layer, own, tensors.plain(use), reuse=step.name)
        taken, call = tensors.of_layer(use, entry, self.steps)
        return self._add(use, step.layer, own, taken, call=call, reuse=step.name)

    def _reused(self, use: Use) -> Step | None:
        """The step whose layer is called again; a mistake is reported."""
        node = use.argument("layer")
        if node is None:
            use.error(use.mark, "missing argument 'layer': the name of a step")
            return None
        if isinstance(node.value, str) and use.scope.find(node.value) is None:
            use.scope.reference(node, f"{use.path}.layer")  # says what is wrong with it
            return None
        ref = use.scope.find(node.value) if isinstance(node.value, str) else None
        step = self.by_name.get(ref) if isinstance(ref, str) else None
        own = isinstance(node.value, str) and ref == use.scope.prefix + node.value
        if step is None or not own:
            message = f"expected the name of a layer, got {show(node)}"
            if ref is not None and not own:
                message += (
                    ": a block makes new layers at each use, a nested Model shares its layers"
                )
            use.error(node, message, "layer")
            return None
        if step.layer.kind == "op":
            use.error(
                node, f"'{node.value}' is an operation without weights: repeat it instead", "layer"
            )
            return None
        return self.by_name[step.reuse] if step.reuse else step

    def _model(self, use: Use) -> Ref:
        self.functional = True
        self._known_only(use, (*_MODEL_KEYS, "from", "name", FREEZING))
        declared = use.argument("inputs")
        names = [str(each) for each in declared.value] if declared and declared.is_map else [INPUT]
        if declared is not None and declared.is_list:
            names = [str(each.value) for each in declared.value]
        inputs = tensors.listed(use, names)
        own = use.scope.choose(use.argument("name"), "model", use.path)
        self._enter("Model")
        reader = _Reader(self.checker, self.blocks, self.budget, self.within)
        body = use.without("from", "name", FREEZING)
        network = reader.network(body, use.path, tensors.number(inputs))
        self.within.pop()
        values: dict[str, Any] = {"name": use.scope.prefix + own}
        if use.scope.frozen or use.is_frozen():
            values["trainable"] = False
        layer = KerasObject("model", "Model", values, use.path, use.mark)
        if network is None:
            use.scope.model.dangling = True
        else:
            self._name_outputs(use, own, network)
        return self._add(use, layer, own, inputs, network=network)

    def _name_outputs(self, use: Use, own: str, network: Network) -> None:
        if network.output_names:
            use.scope.model.outputs[use.scope.prefix + own] = network.output_names

    def _block(self, use: Use) -> Ref:
        block = self.blocks[use.name]
        self.budget.used.add(use.name)
        own_key = FREEZING not in block.parameters  # otherwise it is the block's own business
        reserved = (*RESERVED, FREEZING) if own_key else RESERVED
        values = bind(block, use.without(*reserved), self.checker, use.path, use.mark)
        output = tensors.listed(use)
        own = use.scope.choose(use.argument("name"), snake_case(use.name), use.path)
        repeat = self._repeat(use)
        if block.name in self.within:
            chain = " → ".join((*self.within, block.name))
            use.error(use.mark, f"a block cannot use itself: {chain}")
            values = None
        if values is None:
            use.scope.model.dangling = True
        else:
            line = f", used on line {use.mark.line}" if use.mark else ""
            note = f"in block '{block.name}'{line}"
            filling = Filling(values, note, self.checker, self.budget)
            self._enter(block.name)
            frozen = use.scope.frozen or (own_key and use.is_frozen())
            for count in range(1, repeat + 1):
                prefix = f"{use.scope.prefix}{own}." + (f"{count}." if repeat > 1 else "")
                scope = Scope(self.checker, use.scope.model, prefix, frozen)
                scope.refs[INPUT] = output
                layers = filling.fill(block.layers, f"{use.path}.layers")
                output = self._layers(layers, f"{use.path}.layers", scope, output) or output
            self.within.pop()
        use.scope.refs[own] = output
        use.scope.model.taken.setdefault(use.scope.prefix + own, use.name_mark)
        return output

    def _enter(self, name: str) -> None:
        if len(self.within) >= MAX_NESTING:
            raise TooLarge(f"blocks and models are nested more than {MAX_NESTING} deep")
        self.within.append(name)

    def _repeat(self, use: Use) -> int:
        node = use.argument("repeat")
        if node is None:
            return 1
        parameter = Parameter("repeat", types=("int",), minimum=1)
        return self.checker.value(node, parameter, f"{use.path}.repeat") or 1

    def _known_only(self, use: Use, known: tuple[str, ...]) -> None:
        for key in use.arguments.value:
            if key not in known:
                hint = did_you_mean(str(key), known) or f"; known: {', '.join(known)}"
                use.error(use.arguments.keys.get(key), f"unknown argument '{key}'{hint}")


def _as_tuple(ref: Ref) -> tuple[str, ...]:
    return (ref,) if isinstance(ref, str) else ref


def _inputs_in_words(count: int) -> str:
    return f"{count} input" + ("" if count == 1 else "s")
