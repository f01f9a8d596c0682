"""Nodes checked against what Keras, or a section of the config, takes.

The one rule of the language lives here: an object of Keras is written as its name, or as
its name with its arguments. A `Checker` goes on after a mistake, so that all are found in
one pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from nnpy.catalog.catalog import Catalog
from nnpy.catalog.entries import Entry, Parameter
from nnpy.catalog.kinds import ARGUMENT_KINDS
from nnpy.catalog.naming import name_problem
from nnpy.config import exclusive, forms, slices
from nnpy.config.objects import ACTIVATION_LAYERS, KerasObject
from nnpy.config.soundness import Soundness
from nnpy.config.unknown import NAME, unknown_key, unknown_name, unknown_object
from nnpy.config.unknown import section as section_of
from nnpy.config.wording import WORDS, describe, show, with_article
from nnpy.config.yaml import scalars
from nnpy.config.yaml.nodes import Mark, Node
from nnpy.errors import Problem, did_you_mean, nearest, surely

BROKEN = "broken"  # the origin of a value whose mistake is reported already


class Checker:
    """Turns nodes into values; collects a Problem for each mistake in `problems`."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.problems: list[Problem] = []
        self.sound = Soundness()
        self._seen: set[tuple] = set()
        self.of_run = False  # a run needs files no more that its config names for its beginning
        # Reads a model that is an argument; the reader of the network sets it.
        self.read_model: Callable[[Node, str], Any] | None = None

    def error(
        self,
        where: Node | Mark | None,
        path: str,
        message: str,
        code: str = "",
        suggestion: str = "",
    ) -> None:
        self.sound.mistake(path)
        mark = where.mark if isinstance(where, Node) else where
        if mark is None:
            self.problems.append(Problem(message, path, code=code, suggestion=suggestion))
            return
        # A mistake inside a block is told once, however often the block is used.
        key = (mark.file, mark.line, mark.column, message)
        if key not in self._seen:
            self._seen.add(key)
            self.problems.append(mark.problem(path, message, code, suggestion))

    # -- mappings of arguments ------------------------------------------------------------

    def arguments(
        self,
        node: Node,
        parameters: Iterable[Parameter],
        path: str,
        *,
        where: Mark | None = None,
        word: str = "argument",
        open_ended: bool = False,
    ) -> dict[str, Any]:
        """A mapping's values, each checked against its parameter; `where` marks the owner."""
        known = {each.name: each for each in parameters}
        values: dict[str, Any] = {}
        meant: set[str | None] = set()  # what a misspelt name stands for is not missing as well
        for key, item in node.value.items():
            parameter = known.get(key)
            if parameter is None and open_ended:
                values[str(key)] = item.plain()
            elif parameter is None:
                near = nearest(str(key), [name for name in known if name not in node.value])
                meant.add(near)
                otherwise = None if 0 < len(known) <= 12 else "" if known else "; it takes none"
                unknown_key(self, node, key, path, [*known], word=word, otherwise=otherwise)
                if near is not None:
                    self.sound.spoil(f"{path}.{near}" if path else near)
                    if surely(str(key), near):  # what is wrong with its value is told as well
                        self.value(item, known[near], f"{path}.{key}" if path else str(key))
            else:
                values[key] = self.value(item, parameter, f"{path}.{key}" if path else key)
        for name, parameter in known.items():
            if parameter.required and name not in node.value and name not in meant:
                doc = f": {parameter.doc}" if parameter.doc else ""
                self.error(where or node, path, f"missing {word} '{name}'{doc}")
        exclusive.check(node, path, self)
        return values

    # -- one value ------------------------------------------------------------------------

    def value(self, node: Node, parameter: Parameter, path: str) -> Any:
        """The node's value as `parameter` wants it; None after a mistake."""
        types = parameter.types
        if node.origin == BROKEN:
            return None
        if forms.is_array(node) and {"any", "list", "tensor"} & {*types}:
            return forms.array(node, path, self)
        if "any" in types:
            return forms.free(node, path, self)
        if node.value is None and "null" in types:
            return None
        if node.is_map and "dtype" in types:
            node = forms.policy(node)
        kinds = [kind for kind in types if kind in ARGUMENT_KINDS]
        if self._seems_something_else(node, parameter, path):
            return None
        if "callable" in types and (node.is_map or isinstance(node.value, str)):
            function = self._function(node, parameter, path)
            if function is not None:
                return function
        if node.is_list and ("list" in types or "tensor" in types):
            return self._list(node, parameter, path)
        if "shape" in types and forms.is_shape(node):
            return node.plain()
        if node.is_map and "dict" in types and not self._names_object(node, kinds):
            return node.plain()
        if kinds and (node.is_map or isinstance(node.value, str)):
            if isinstance(node.value, str) and "str" in types and not parameter.choices:
                entry = self._find(kinds, node.value)
                if entry is None:
                    return node.value
            return self.object(node, kinds, path)
        if self._is_scalar_of(node.value, types):
            return self._bounded(node, parameter, path)
        if "callable" in types and isinstance(node.value, str):
            self.error(node, path, self._unknown_function(node.value))
            return None
        self.error(node, path, f"expected {describe(parameter)}, got {show(node)}")
        return None

    def _seems_something_else(self, node: Node, parameter: Parameter, path: str) -> bool:
        """Reports text that is neither wanted nor a name, but looks like what is wanted."""
        text, types = node.value, parameter.types
        if not isinstance(text, str) or text in (parameter.choices or ()):
            return False
        if not parameter.choices and {"str", "dtype"} & {*types}:
            return False
        numbers = {"int", "float", "tensor"} & {*types}
        reason = scalars.why_text(text, number=bool(numbers), truth="bool" in types)
        if reason:
            self.error(node, path, f"expected {describe(parameter)}, got {show(node)}: {reason}")
        return bool(reason)

    def _function(self, node: Node, parameter: Parameter, path: str) -> KerasObject | None:
        """A function of own code or, where one of Keras will do, of Keras; None if it is neither.

        Functions of `keras.ops` are steps: as a value Keras could not find them again.
        """
        if node.is_map:
            name = str(next(iter(node.value), ""))
            own = self.catalog.find("function", name)
            return self.object(node, ("function",), path) if own else None
        own = self.catalog.find("function", node.value)
        if own is not None:
            return KerasObject("function", own.name, {}, path, node.mark, False, own.code)
        if not {*parameter.types} <= {"callable", "shape", "int", "null"}:
            return None
        home, _, name = node.value.removeprefix("keras.").rpartition(".")
        for each in ("activation", "loss", "metric"):
            plural = "losses" if each == "loss" else f"{each}s"
            entry = self.catalog.find(each, name) if home in ("", plural) else None
            if entry is not None and not entry.code and name == name.lower():
                return KerasObject("function", f"{plural}.{name}", {}, path, node.mark)
        return None

    def _unknown_function(self, name: str) -> str:
        """`unknown function 'halv'; did you mean 'halve'?`"""
        own = self.catalog.suggestions("function")
        keras = [each for kind in ("activation", "loss") for each in self.catalog.names(kind)]
        hint = did_you_mean(name, (*own, *keras))
        if not hint and not own:
            hint = ": write it in a Python file that `code:` names"
        if name.startswith("ops."):
            hint = (
                ": a function of keras.ops is a step of its own, or part of a function of `code:`"
            )
        return f"unknown function '{name}'{hint}"

    def _is_scalar_of(self, value: Any, types: tuple[str, ...]) -> bool:
        if isinstance(value, bool):
            return "bool" in types
        if isinstance(value, int):
            return "int" in types or "float" in types or "tensor" in types
        if isinstance(value, float):
            return "float" in types or "tensor" in types
        if isinstance(value, str):
            return bool({"str", "dtype", "slices"} & {*types})
        return False

    def _bounded(self, node: Node, parameter: Parameter, path: str) -> Any:
        value = node.value
        if isinstance(value, str):
            return self._text(node, parameter, path)
        if isinstance(value, bool):
            return value
        if isinstance(value, float) and math.isnan(value):
            self.error(node, path, f"expected {describe(parameter)}, got not-a-number")
            return None
        if isinstance(value, int) and abs(value) >= 2**63:
            self.error(node, path, "the number is too large")
            return None
        low, high = parameter.minimum, parameter.maximum
        too_low = low is not None and (
            value < low or (parameter.exclusive_minimum and value == low)
        )
        too_high = high is not None and (
            value > high or (parameter.exclusive_maximum and value == high)
        )
        if too_low or too_high:
            self.error(node, path, f"expected {describe(parameter)}, got {show(node)}")
            return None
        types = {*parameter.types}
        if isinstance(value, int) and "float" in types and not types & {"int", "tensor"}:
            return float(value)  # `learning_rate: 1`: Keras itself insists on 1.0
        return value

    def _text(self, node: Node, parameter: Parameter, path: str) -> Any:
        text = node.value
        if "slices" in parameter.types:
            try:
                slices.parse(text)
            except ValueError as error:
                self.error(node, path, str(error))
                return None
        elif parameter.choices:
            folded = text.lower() if parameter.ignore_case else text
            if folded not in parameter.choices:
                otherwise = f"; expected one of {', '.join(parameter.choices)}"
                unknown_name(self, node, text, path, parameter.choices, otherwise=otherwise)
                return None
        elif "dtype" in parameter.types and "str" not in parameter.types:
            known = self.catalog.dtypes
            if not self.catalog.is_dtype(text):
                unknown_name(self, node, text, path, known, word="dtype")
                return None
        return text

    def _list(self, node: Node, parameter: Parameter, path: str) -> Any:
        if parameter.length is not None and len(node.value) != parameter.length:
            message = f"expected {parameter.length} values, got {len(node.value)}"
            self.error(node, path, message)
            return None
        if not parameter.items:
            return _as_wanted(node.plain(), parameter)
        item = Parameter(
            parameter.name,
            types=parameter.items,
            choices=parameter.choices,
            ignore_case=parameter.ignore_case,
            minimum=parameter.minimum,
            maximum=parameter.maximum,
            exclusive_minimum=parameter.exclusive_minimum,
            exclusive_maximum=parameter.exclusive_maximum,
        )
        values = [
            self.value(each, item, f"{path}[{index}]") for index, each in enumerate(node.value)
        ]
        return _as_wanted(values, parameter)

    # -- an object of Keras ---------------------------------------------------------------

    def object(self, node: Node, kinds: Iterable[str], path: str) -> KerasObject | None:
        """A name, or a name with its arguments, of one of the `kinds`."""
        kinds = tuple(kinds)
        named = self.name_and_arguments(node, kinds[0], path)
        if named is None:
            return None
        name, mark, arguments = named
        if name == "Model" and {"layer", "cell"} & {*kinds} and self.read_model and arguments:
            return self._model(arguments, f"{path}.Model", mark)
        entry = self._find(kinds, name)
        if entry is None and "activation" in kinds and arguments is not None:
            entry = self.catalog.find("layer", name)  # Keras takes a layer for an activation
        if entry is None:
            self.unknown_name(mark, path, kinds, name, arguments)
            return None
        where = f"{path}.{entry.name}" if arguments is not None else path
        values: dict[str, Any] = {}
        if arguments is not None or any(each.required for each in entry.parameters):
            values = self.arguments(
                arguments or Node({}, mark),
                entry.parameters,
                where,
                where=mark,
                open_ended=entry.open_ended,
            )
            self._check_name(entry, arguments, where)
        if entry.kind == "activation" and values and not entry.code:
            self._check_activation(entry, mark, path)
        # `crossentropy` is no class: Keras chooses one by the shape of the outputs.
        explicit = bool(entry.code) or (
            (arguments is not None or name == entry.name)
            and (entry.name[0].isupper() or entry.kind == "activation")
        )
        shown = entry.name if explicit else name
        return KerasObject(entry.kind, shown, values, path, mark, explicit, entry.code, entry.base)

    def _model(self, arguments: Node, path: str, mark: Mark | None) -> KerasObject:
        """A model in the place of a layer."""
        assert self.read_model is not None
        given = arguments.value.get("name")
        name = given.value if given is not None and isinstance(given.value, str) else "model"
        network = self.read_model(arguments, path)
        return KerasObject("model", "Model", {"name": name}, path, mark, network=network)

    def _check_name(self, entry: Entry, arguments: Node | None, path: str) -> None:
        given = arguments.value.get("name") if arguments else None
        if given is not None and isinstance(given.value, str):
            problem = name_problem(given.value, entry.kind)
            if problem:
                self.error(given, f"{path}.name", problem)

    def _check_activation(self, entry: Entry, mark: Mark | None, path: str) -> None:
        if entry.name not in ACTIVATION_LAYERS:
            message = f"{entry.name} as an activation is a name only"
            self.error(mark, path, f"{message}; ops.{entry.name} as a step takes arguments")

    def name_and_arguments(
        self, node: Node, kind: str, path: str
    ) -> tuple[str, Mark | None, Node | None] | None:
        """Name, its place, and the mapping of arguments (None for a bare name)."""
        word = WORDS.get(kind, with_article(kind))
        if isinstance(node.value, str):
            return node.value, node.mark, None
        if node.is_map and {"class_name", "config"} <= {*node.value}:
            node = forms.short_form(node)
        if not node.is_map or len(node.value) != 1:
            got = f"{len(node.value)} names" if node.is_map and node.value else show(node)
            message = f"expected {word}: its name, or {{Name: {{argument: value}}}}; got {got}"
            self.error(node, path, message)
            return None
        (name, arguments) = next(iter(node.value.items()))
        mark = node.keys.get(name) or node.mark
        if arguments.value is None:
            arguments = Node({}, arguments.mark, {}, arguments.origin)
        if not arguments.is_map:
            entry = self._find((kind,), str(name))
            first = next((each.name for each in entry.parameters), None) if entry else None
            hint = f"; write {name}: {{{first}: {show(arguments)}}}" if first else ""
            message = f"the arguments must be a mapping, got {show(arguments)}{hint}"
            self.error(arguments, f"{path}.{name}", message)
            return None
        return str(name), mark, arguments

    def unknown_name(
        self,
        mark: Mark | None,
        path: str,
        kinds: tuple[str, ...],
        name: str,
        arguments: Node | None,
        also: Iterable[str] = (),
    ) -> None:
        """Reports a name that nothing has, and mistakes in the arguments of what it means."""
        message, meant = unknown_object(self.catalog, kinds, name, also)
        self.error(mark, path, message, NAME, meant)
        self.sound.meant[path] = meant
        entry = self._find(kinds, meant)
        if entry is not None and arguments and surely(name, meant):
            optional = [replace(each, required=False) for each in entry.parameters]
            where = f"{path}.{name}"
            self.arguments(arguments, optional, where, open_ended=entry.open_ended)

    def _find(self, kinds: Iterable[str], name: str) -> Entry | None:
        return next(
            (entry for kind in kinds if (entry := self.catalog.find(section_of(kind), name))), None
        )

    def _names_object(self, node: Node, kinds: Iterable[str]) -> bool:
        keys = list(node.value)
        return len(keys) == 1 and self._find(kinds, str(keys[0])) is not None


def _as_wanted(values: list[Any], parameter: Parameter) -> Any:
    return tuple(values) if parameter.as_tuple else values
