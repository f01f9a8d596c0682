"""A checked model: steps in order, each with its name and the tensors that it takes.

`nnpy.config.network.reader` makes it from the model section; `nnpy.models.build` builds it with
Keras. Blocks are expanded by then: a Network holds layers, operations and nested models only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nnpy.config.objects import KerasObject
from nnpy.config.yaml.nodes import Mark

INPUT = "input"  # what `from:` calls the input of a model, or of a block


# The name of a step or of an input; `name/1` for one output of several, which the config writes
# `name.1`; a tuple of them where a block is given several tensors. No name holds a "/".
Ref = str | tuple[str, ...]

# What is handed to a layer: a tensor, or a list or mapping of such, to any depth. A number or an
# array within a list stands for itself.
Inputs = Any


@dataclass(frozen=True)
class Input:
    """What a model is given. `shape` None is that of the data, or of what calls the model.

    `batch_size` is fixed where it is given, as stateful layers need it; `options` are further
    arguments of `keras.Input`; an `unused` input is one that nothing takes, knowingly.
    """

    name: str
    shape: tuple[int | None, ...] | None = None
    dtype: str | None = None
    path: str = ""
    mark: Mark | None = field(default=None, repr=False)
    batch_size: int | None = None
    options: dict[str, bool] = field(default_factory=dict)
    unused: bool = False


@dataclass(frozen=True)
class Step:
    """One layer: what it is, what it is called, and which tensors it takes.

    `inputs` is the name of a step or an input (`name/1` for one of its several outputs), a
    tuple of them for a layer that takes a list, or `{parameter: name or names}` for one that
    takes them by name; an operation (`layer.kind` "op") always does. `call` are further
    arguments of the call. A nested model (`layer.kind` "model") has its `network`; a step
    that calls a layer again `reuse`s the step of that name, or, after a "/", the step at that
    place in the outermost model (`/encoder/dense`). One that asks to `adapt` looks at the training
    examples before the training.
    """

    layer: KerasObject
    name: str
    inputs: Inputs
    path: str
    mark: Mark | None = field(default=None, repr=False)
    call: dict[str, Any] = field(default_factory=dict)
    network: Network | None = None
    adapt: bool = False
    reuse: str | None = None

    def iter_layers(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The name and arguments of its layer, and of those inside of it."""
        yield from _kinds(self.layer)
        if self.network is not None:
            yield from self.network.iter_layers()

    def sources(self) -> Iterator[str]:
        """The names of all tensors that it takes."""
        yield from names_in(self.inputs)


@dataclass(frozen=True)
class Network:
    """A checked model: `functional` when it is more than a plain stack of layers.

    `outputs` are the tensors that it gives; `output_names` what the config calls them, where
    it does (`outputs: {digit: x}`). `gives` is the structure of lists and mappings in which it
    gives them, and `takes` that in which it takes its inputs; None is one tensor, or a list of
    several.
    """

    steps: tuple[Step, ...]
    outputs: tuple[str, ...]
    functional: bool
    mark: Mark | None = field(default=None, repr=False)
    inputs: tuple[Input, ...] = (Input(INPUT),)
    output_names: tuple[str, ...] | None = None
    takes: Inputs = None
    gives: Inputs = None
    trainable: bool = True

    def step(self, name: str) -> Step | None:
        """The step of that name, or the one whose output `name/1` or `name.1` is."""
        name = name.partition("/")[0]
        while True:
            found = next((step for step in self.steps if step.name == name), None)
            if found is not None or "." not in name:
                return found
            name = name.rpartition(".")[0]

    def iter_layers(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The name and arguments of every layer, those inside of others too."""
        for step in self.steps:
            yield from step.iter_layers()

    @property
    def output_keys(self) -> tuple[str, ...]:
        """What the losses and metrics of a model with several outputs go by."""
        return self.output_names or tuple(each.replace("/", ".") for each in self.outputs)


def names_in(inputs: Inputs) -> Iterator[str]:
    """Every name of a tensor in what a step takes or a model gives."""
    if isinstance(inputs, dict):
        inputs = tuple(inputs.values())
    if isinstance(inputs, str):
        yield inputs
    elif isinstance(inputs, tuple):
        for each in inputs:
            yield from names_in(each)


def _kinds(layer: KerasObject) -> Iterator[tuple[str, dict[str, Any]]]:
    if layer.network is not None:
        yield from layer.network.iter_layers()
    elif layer.kind != "model":
        # A class of the user's own may be called as one of Keras's.
        name = f"applications.{layer.name}" if layer.kind == "application" else layer.name
        yield f"{layer.code}:{layer.name}" if layer.code else name, layer.arguments
    for inner in layer.arguments.values():
        if isinstance(inner, KerasObject) and inner.kind in ("layer", "model"):
            yield from _kinds(inner)
