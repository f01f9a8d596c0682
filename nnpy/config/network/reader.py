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
from itertools import islice
from typing import Any

from nnpy.catalog.applications import PREFIX
from nnpy.catalog.entries import Entry, Parameter
from nnpy.catalog.naming import snake_case
from nnpy.config.checker import Checker
from nnpy.config.network import applications
from nnpy.config.network import inputs as tensors
from nnpy.config.network.blocks import MAX_NESTING, RESERVED, Block, Budget, Filling, TooLarge, bind
from nnpy.config.network.ends import read_inputs, read_outputs, read_takes
from nnpy.config.network.graph import INPUT, Input, Inputs, Network, Ref, Step
from nnpy.config.network.inputs import FREEZING, Use, says_outputs
from nnpy.config.network.names import Scope
from nnpy.config.network.reuse import reused
from nnpy.config.objects import KerasObject
from nnpy.config.unknown import NAME, unknown_key, unknown_name
from nnpy.config.wording import show
from nnpy.config.yaml.nodes import Mark, Node

# Layers that can look at the training examples before the training: `adapt: true`.
ADAPTIVE = ("Normalization", "Discretization")

_MODEL_KEYS = ("trainable", "inputs", "takes", "layers", "outputs")
_TRAINABLE = Parameter("trainable", types=("bool",), doc="Whether any of its weights is trained.")
_MODEL_CALL = (
    Parameter("training", types=("bool", "null"), doc="Whether it behaves as in training."),
    Parameter("mask", types=("any",), doc="The masks of its inputs."),
)
MISSING = "?"  # the class of a step that could not be read
_LIKELY_BLOCKS = 200  # that a name is held against: thousands by thousands would take minutes
# What older Keras wrote on the first layer.
_OLD_SHAPES = ("input_shape", "input_dim", "batch_input_shape")


def read(
    node: Node, checker: Checker, path: str = "model", blocks: Mapping[str, Block] | None = None
) -> Network | None:
    """The network that the model section says, or None after a mistake in its form."""
    budget = Budget()
    try:
        reader = _Reader(checker, blocks or {}, budget, [])
        checker.read_model = reader.argument
        network = reader.network(node, path)
    except TooLarge as error:
        checker.error(node, path, str(error))
        return None
    unread = network is None or any(each.layer.name == MISSING for each in network.steps)
    if not unread:
        meant = {*checker.sound.meant.values()}  # what is unknown may have meant the block
        for name, block in (blocks or {}).items():
            # A file that others extend may hold blocks for all of them.
            same_file = _file(block.mark) == _file(node.mark)
            if name not in budget.used and same_file and not {name, ""} & meant:
                checker.error(block.mark, f"blocks.{name}", "the block is never used")
    return network


def _file(mark: Mark | None) -> str | None:
    return mark.file if mark else None


class _Reader:
    """Reads one model; a nested model has a reader of its own, as its names are its own."""

    def __init__(
        self,
        checker: Checker,
        blocks: Mapping[str, Block],
        budget: Budget,
        within: list[str],
        outermost: _Reader | None = None,
        place: str = "",
    ) -> None:
        self.checker = checker
        self.outermost = outermost or self
        self.place = place  # of this model in the outermost: `encoder/`
        self.blocks = blocks
        self.budget = budget
        self.within = within  # the blocks and models that are being read, outermost first
        self.steps: list[Step] = []
        self.by_name: dict[str, Step] = {}
        self.functional = False

    # -- the whole ------------------------------------------------------------------------

    def network(
        self, node: Node, path: str, given: int | None = None, *, nested: bool = False
    ) -> Network | None:
        """`given` is how many tensors a `nested` model is called with, where it is known."""
        parts = self._layers_of(node, path)
        if parts is None:
            return None
        inputs = read_inputs(node, path, self.checker, given, nested)
        scope = Scope(self.checker)
        for each in inputs:
            scope.add(each.name, each.name, each.mark)
        takes = read_takes(node, path, scope, inputs)
        self.functional = len(inputs) > 1 or takes is not None
        previous = self._layers(*parts, scope, inputs[0].name if len(inputs) == 1 else None)
        if previous is None or not (self.steps or says_outputs(node)):
            return None
        outputs, names, gives = read_outputs(node, path, scope, previous)
        self.functional = self.functional or says_outputs(node)
        if not scope.model.dangling:
            self._report_unused(node, inputs, outputs)
        trainable = node.value.get("trainable") if node.is_map else None
        return Network(
            tuple(self.steps),
            outputs,
            self.functional,
            node.mark,
            inputs,
            names,
            takes,
            gives,
            trainable is None
            or self.checker.value(trainable, _TRAINABLE, f"{path}.trainable") is not False,
        )

    def _layers_of(self, node: Node, path: str) -> tuple[Node, str] | None:
        """The list of layers and its path, whichever form the model has."""
        layers, expected = node, "a list of layers, or a mapping with `layers:`"
        if node.is_map:
            for key in node.value:
                if key not in _MODEL_KEYS:
                    unknown_key(self.checker, node, key, path, _MODEL_KEYS)
            if "layers" not in node.value:
                self.checker.error(node, path, "missing key 'layers'")
                return None
            layers, path, expected = node.value["layers"], f"{path}.layers", "a list of layers"
        if not layers.is_list:
            self.checker.error(layers, path, f"expected {expected}, got {show(layers)}")
            return None
        if not layers.value and not says_outputs(node):
            self.checker.error(layers, path, "the list of layers is empty")
            return None
        return layers, path

    def _report_unused(
        self, node: Node, inputs: tuple[Input, ...], outputs: tuple[str, ...]
    ) -> None:
        taken = {source for step in self.steps for source in step.sources()}.union(outputs)
        taken = {name.partition("/")[0] for name in taken}  # `name/1` takes `name`
        taken |= {step.reuse for step in self.steps if step.reuse}
        for step in self.steps:
            if step.name not in taken:
                message = f"nothing takes the output of '{step.name}'"
                self.checker.error(step.mark, step.path, message)
        for each in inputs:
            if each.name not in taken and not each.unused:
                message = f"nothing takes the input '{each.name}'"
                if each.mark is not None:
                    message += "; an input that is meant to be idle says `unused: true`"
                self.checker.error(each.mark or node, each.path or "model", message)

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
            return self._missing(Use(MISSING, node.mark, Node({}), path, scope, previous))
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
        if name.startswith(PREFIX):
            return self._add(use, *applications.read(use))
        return self._layer(use, path)

    def _add(self, use: Use, layer: KerasObject, own: str, inputs: Inputs, **more: Any) -> str:
        step = Step(layer, use.scope.prefix + own, inputs, use.path, use.mark, **more)
        use.scope.add(own, step.name, use.name_mark)
        self.steps.append(step)
        self.by_name.setdefault(step.name, step)
        return step.name

    def _missing(self, use: Use) -> Ref:
        """In the place of a step that cannot be read: nothing is known of what it gives."""
        inputs = use.previous if use.previous is not None else INPUT
        own = use.scope.choose(None, "missing", use.path)
        return self._add(use, KerasObject("layer", MISSING), own, inputs)

    def _layer(self, use: Use, path: str) -> Ref:
        entry = self.checker.catalog.find("layer", use.name)
        if entry is None:
            if home := applications.home_of(use.name, self.checker):
                message = f"unknown layer '{use.name}'; did you mean {home}{use.name}"
                self.checker.error(use.mark, path, message, NAME, f"{home}{use.name}")
            else:
                arguments = use.without("from", "call", "name", "adapt")
                also = (*islice(self.blocks, _LIKELY_BLOCKS), "reuse", "Model")
                self.checker.unknown_name(use.mark, path, ("layer",), use.name, arguments, also)
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
        adapt = self._adapt(use, entry)
        arguments = use.without(
            "from", "call", *old, *hidden, *(() if adapt is None else ("adapt",))
        )
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
        return self._add(use, layer, own, inputs, call=call, adapt=adapt is True)

    def _adapt(self, use: Use, entry: Entry) -> bool | None:
        """What `adapt:` of a layer says; None where it says nothing, or there is no such thing."""
        node = use.argument("adapt")
        if node is None or entry.code or entry.name not in ADAPTIVE:
            return None
        path = f"{use.path}.adapt"
        adapt = self.checker.value(node, Parameter("adapt", types=("bool",)), path)
        given = [key for key in ("mean", "variance", "bin_boundaries") if use.argument(key)]
        if adapt and given:
            message = f"adapt: true finds what '{given[0]}' says; leave one of them out"
            use.error(node, message, "adapt")
        if adapt and "Model" in self.within:
            message = "a layer that adapts to the data cannot stand in a nested model"
            use.error(node, message, "adapt")
        return adapt is True

    def _operation(self, use: Use) -> Ref:
        self.functional = True
        name = use.name.removeprefix("ops.")
        entry = self.checker.catalog.find("op", name)
        base = snake_case(name.rpartition(".")[2])
        own = use.scope.choose(use.argument("name"), base, use.path, kind="op")
        if entry is None:
            known = self.checker.catalog.suggestions("op")
            unknown_name(self.checker, use.mark, use.name, use.path, known, word="operation")
            return self._add(use, KerasObject("op", name), own, tensors.plain(use))
        inputs, values = tensors.of_operation(use, entry)
        layer = KerasObject("op", entry.name, values, use.path, use.mark)
        return self._add(use, layer, own, inputs)

    def _reuse(self, use: Use) -> Ref:
        use.takes_only(("layer", "from", "name", "call"))
        found = reused(use, self.by_name, self.outermost.by_name)
        step, reuse = found or (None, "")
        # A layer of another model may be a part of a plain stack.
        self.functional = self.functional or not reuse.startswith("/")
        if step is None:
            use.scope.model.dangling = True
            own = use.scope.choose(use.argument("name"), "reuse", use.path, kind="op")
            return self._add(use, KerasObject("layer", "reuse"), own, tensors.plain(use))
        base = step.name.removeprefix(use.scope.prefix) if found else step.name
        own = use.scope.choose(use.argument("name"), base, use.path, kind="op")
        if step.network is not None:
            inputs = tensors.plain(use)
            tensors.check_model_inputs(use, inputs, step.network)
            call = tensors.call_arguments(use, _MODEL_CALL)
            self._name_outputs(use, own, step.network)
            return self._add(
                use, step.layer, own, inputs, call=call, network=step.network, reuse=reuse
            )
        entry = self.checker.catalog.find("layer", step.layer.name)
        if entry is None:  # an unknown layer, reported where it stands
            return self._add(use, step.layer, own, tensors.plain(use), reuse=reuse)
        taken, call = tensors.of_layer(use, entry, self.steps)
        return self._add(use, step.layer, own, taken, call=call, reuse=reuse)

    def _model(self, use: Use) -> Ref:
        use.takes_only((*_MODEL_KEYS, "from", "name", "call"))
        inputs = tensors.plain(use)
        call = tensors.call_arguments(use, _MODEL_CALL)
        own = use.scope.choose(use.argument("name"), "model", use.path)
        place = f"{self.place}{use.scope.prefix}{own}/"
        network = self._network_within(
            use.without("from", "name", "call", FREEZING), use.path, place, tensors.number(inputs)
        )
        values: dict[str, Any] = {"name": use.scope.prefix + own}
        if use.scope.frozen or use.is_frozen():
            values["trainable"] = False
        layer = KerasObject("model", "Model", values, use.path, use.mark)
        if network is None:
            use.scope.model.dangling = True
        else:
            tensors.check_model_inputs(use, inputs, network)
            self._name_outputs(use, own, network)
            # One tensor to one tensor is a layer of a plain stack like any other.
            plain = len(network.inputs) == len(network.outputs) == 1
            self.functional = self.functional or not plain
        return self._add(use, layer, own, inputs, call=call, network=network)

    def _network_within(
        self, body: Node, path: str, place: str, given: int | None
    ) -> Network | None:
        self._enter("Model")
        reader = _Reader(self.checker, self.blocks, self.budget, self.within, self.outermost, place)
        network = reader.network(body, path, given, nested=True)
        self.within.pop()
        return network

    def argument(self, node: Node, path: str) -> Network | None:
        """A model as an argument of a layer."""
        if node.is_map and "name" in node.value:
            items = {key: each for key, each in node.value.items() if key != "name"}
            node = Node(items, node.mark, node.keys, node.origin)
        return self._network_within(node, path, "", None)

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
        repeat = use.repeat()
        if block.name in self.within:
            chain = " → ".join((*self.within, block.name))
            use.error(use.mark, f"a block cannot use itself: {chain}")
            values = None
        if values is None:
            use.scope.model.dangling = True
            output = self._missing(use)
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
