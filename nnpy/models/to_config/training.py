"""How a Keras model was compiled → what stands under `training:` in its config.

    section = compiled.training_of(compile_config, output_keys)

`compile_config` is what Keras keeps of `model.compile()` (`model.get_compile_config()`, and
`config.json` in a `.keras` file). Epochs and batch size are not in it: `fit` alone knew them.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from nnpy.catalog import catalog
from nnpy.catalog.entries import Entry
from nnpy.catalog.naming import snake_case
from nnpy.config.yaml import parse
from nnpy.config.yaml.dump import dump
from nnpy.errors import ConfigError, ModelError
from nnpy.models.to_config.arguments import arguments_of, is_own
from nnpy.models.to_config.context import Context, short
from nnpy.models.to_config.network import new_context
from nnpy.models.to_config.values import plain


def output_keys(section: Mapping[str, Any]) -> list[str]:
    """What the losses and metrics of a model go by, from its `model:` section; [] if it has one."""
    outputs = section.get("outputs")
    if isinstance(outputs, Mapping):  # Keras pairs lists of losses with the sorted names
        return sorted(outputs) if len(outputs) > 1 else []
    return list(outputs) if isinstance(outputs, list) and len(outputs) > 1 else []


def training_of(
    compiled: Mapping[str, Any], outputs: Sequence[str], context: Context | None = None
) -> dict[str, Any]:
    """Optimizer, loss, metrics and weights of the losses.

    `outputs` are the names of a model's several outputs, empty for a model with one. Raises
    ModelError for what the language cannot express: a loss that no code file defines.
    """
    try:
        found = _Compiled(context or new_context()).training(compiled, outputs)
        parse.parse(dump(found), "training")  # nnpy itself must be able to read it
        return found
    except (ConfigError, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        # The file may come from anyone; Keras itself has not looked at this part of it.
        raise ModelError("what it says of its compilation is not what Keras writes") from error


def training_by_parts(
    compiled: Mapping[str, Any], outputs: Sequence[str], context: Context | None = None
) -> tuple[dict[str, Any], dict[str, ModelError]]:
    """The same where a part of it cannot be expressed: the other parts, and why each is missing."""
    dummy: Any = dict.fromkeys(outputs, _DUMMY_LOSS) if outputs else _DUMMY_LOSS
    section: dict[str, Any] = {}
    missing: dict[str, ModelError] = {}
    for key in ("optimizer", "loss", "metrics", "loss_weights", "weighted_metrics"):
        value = compiled.get(key)
        if value is None and key != "loss":
            continue
        try:
            found = training_of({"loss": dummy, key: value}, outputs, context)
        except ModelError as error:
            missing[key] = error
            continue
        if key in found:
            section[key] = found[key]
    if "metrics" not in section:
        section["metrics"] = []
    return section, missing


_DUMMY_LOSS = "mean_squared_error"


@dataclass
class _Compiled:
    """Reads what Keras keeps of `compile`."""

    context: Context

    def training(self, compiled: Mapping[str, Any], outputs: Sequence[str]) -> dict[str, Any]:
        found = {"optimizer": self.object("optimizer", compiled.get("optimizer", "rmsprop"))}
        if compiled.get("loss") is None:
            raise ModelError("the model was compiled without a loss")
        found["loss"] = _by_output(
            compiled["loss"], outputs, lambda each: self.object("loss", each)
        )
        if outputs and _is_by_output(compiled["loss"]):  # an output without a loss says null
            found["loss"] = {name: found["loss"].get(name) for name in outputs}
        found["metrics"] = self.metrics_of(compiled.get("metrics"), outputs)
        weighted = self.metrics_of(compiled.get("weighted_metrics"), outputs)
        if weighted and (weighted if isinstance(weighted, list) else any(weighted.values())):
            found["weighted_metrics"] = weighted
        if outputs and compiled.get("loss_weights") is not None:
            found["loss_weights"] = _by_output(compiled["loss_weights"], outputs, plain)
        elif compiled.get("loss_weights") not in (None, [1.0], 1.0):
            raise ModelError("the model was compiled with loss_weights, but has one output")
        return found

    def metrics_of(self, value: Any, outputs: Sequence[str]) -> Any:
        if value is None:
            return []
        return _by_output(value, outputs, self.metrics, lists_are_metrics=True)

    def metrics(self, value: Any) -> list[Any]:
        values = value if isinstance(value, list) else [value]
        return [self.object("metric", each) for each in values if each is not None]

    def object(self, kind: str, value: Any) -> Any:
        """An object of Keras, or of the user's own code: its name, or that with arguments."""
        if isinstance(value, Mapping) and value["class_name"] != "function":
            name, config = value["class_name"], value["config"]
            own = is_own(value) and self._is_defined(kind, name)
            entry = None if own else catalog.load().find(kind, name)
            if entry is None and not own:
                raise _stranger(name, kind)
            brief = {key: short(each, "float32") for key, each in config.items()}
            arguments = arguments_of(kind, name, brief, self.context, own=own)
            # The name of a column of metrics.csv, or of the variables of an optimizer.
            if kind == "metric" if entry is None else _is_named(entry, config.get("name")):
                arguments["name"] = config["name"]
            return {name: arguments} if arguments else name
        name = plain(value)
        if isinstance(value, Mapping) and self._is_defined(kind, name):
            return name
        if not isinstance(name, str) or catalog.load().find(kind, name) is None:
            raise _stranger(name, kind)
        # Keras writes a function of the user's own, `def f1_score`, as it writes its own.
        home = keras.losses if kind == "loss" else keras.metrics
        if isinstance(value, Mapping) and not inspect.isfunction(getattr(home, name, None)):
            raise _stranger(name, kind)
        if kind == "metric" and inspect.isclass(getattr(home, name, None)):
            return {name: {"name": name}}  # Keras calls it by the very word that was given
        return name

    def _is_defined(self, kind: str, name: Any) -> bool:
        """Whether a code file of the user's defines it."""
        code = self.context.code
        found = code.find(kind, name) if code is not None and isinstance(name, str) else None
        return found is not None and bool(found.code)


def _is_by_output(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, Mapping) and "class_name" not in value)


def _by_output(
    value: Any,
    outputs: Sequence[str],
    read: Callable[[Any], Any],
    *,
    lists_are_metrics: bool = False,
) -> Any:
    """One value, or a mapping from the name of each output; outputs that have none are left out."""
    if isinstance(value, Mapping) and "class_name" not in value:
        found = {name: read(each) for name, each in value.items() if each is not None}
        if not outputs and len(found) != 1:
            raise ModelError(f"the model was compiled for {len(found)} outputs, but has one")
        return found if outputs else next(iter(found.values()))
    nested = isinstance(value, list) and any(isinstance(each, list) for each in value)
    if isinstance(value, list) and (nested or not lists_are_metrics or outputs):
        if len(value) == 1 and not outputs:
            return read(value[0])
        if len(value) == len(outputs):
            pairs = zip(outputs, value, strict=True)
            return {name: read(each) for name, each in pairs if each is not None}
    return read(value)


def _stranger(name: Any, kind: str) -> ModelError:
    return ModelError(f"{repr(name)[:60]} is no {kind} of Keras")


def _is_named(entry: Entry, given: Any) -> bool:
    """Whether somebody gave an object its name."""
    name = entry.parameter("name")
    if name is None or not isinstance(given, str):
        return False
    usual = str(name.default) if name.default else snake_case(entry.name)
    if entry.kind == "optimizer":  # Keras counts them
        given = re.sub(r"_\d+$", "", given)
    return given not in (usual, snake_case(entry.name))
