"""A YAML file and its overrides → one checked, frozen `Config`.

    config = config.load("configs/mlp.yaml", overrides=["training.epochs=10"])

All mistakes are found in one pass and raised together as `ConfigError`; TensorFlow is not
imported. What stands later wins: defaults, file, `--set`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnpy import blocks, catalog, outputs, reading, source
from nnpy.errors import ConfigError, Problem, UsageError, did_you_mean
from nnpy.network import Network, snake_case
from nnpy.settings import DataSettings, TrainingSettings, parameters
from nnpy.source import Node
from nnpy.values import Checker, KerasObject, show

KEYS = ("data", "blocks", "model", "training")


@dataclass(frozen=True)
class Config:
    """What to do. `resolved` is the whole of it as plain data, defaults filled in."""

    name: str
    data: DataSettings
    model: Network
    training: TrainingSettings
    resolved: dict[str, Any]

    def to_yaml(self) -> str:
        """The resolved config, trainable as it is."""
        return source.dump(self.resolved)


def load(config: str | Path | Mapping[str, Any] | Config, overrides: Iterable[str] = ()) -> Config:
    """A checked config from a file, or from plain data.

    Raises ConfigError with every mistake, UsageError when the file cannot be read.
    """
    overrides = list(overrides)
    if isinstance(config, Config):
        if not overrides:
            return config
        config = config.resolved
    if isinstance(config, Mapping):
        return _check(_override(source.from_plain(dict(config)), overrides), "model")
    path = Path(config)
    return _check(_override(read_file(path), overrides), _stem(path), str(path))


def read_file(path: Path) -> Node:
    """The nodes of a config file."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file{_nearby(path)}") from None
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder; name a config file in it") from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    root = source.parse(text, str(path))
    if root.value is None:
        raise ConfigError([Problem("the file is empty; a config needs `model:`", file=str(path))])
    return root


def _nearby(path: Path) -> str:
    folder = path.parent
    names = [each.name for each in folder.glob("*.y*ml")] if folder.is_dir() else []
    return did_you_mean(path.name, names)


def _stem(path: Path) -> str:
    # A run's own config trains again under the name of the run.
    return path.parent.name if path.name == "config.yaml" and path.parent.name else path.stem


# -- overrides ----------------------------------------------------------------------------


def _override(root: Node, overrides: list[str]) -> Node:
    """The tree with each `a.b.c=value` put in its place."""
    problems = []
    for text in overrides:
        key, equals, _ = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {text}: expected KEY=VALUE, such as training.epochs=10")
        value = _override_value(text, len(key) + 1)
        message = _put(root, key.strip().split("."), value)
        if message:
            problems.append(Problem(message, key, "--set", 1, 1, len(key), source=text))
    if problems:
        raise ConfigError(problems)
    return root


def _override_value(text: str, start: int) -> Node:
    # The key is blanked out, so that columns are those of what the user typed.
    node = source.parse(" " * start + text[start:], "--set", origin="--set")

    def typed(mark: source.Mark | None) -> source.Mark | None:
        return mark and source.Mark("--set", 1, mark.column, mark.length, text)

    def visit(node: Node) -> None:
        node.mark = typed(node.mark)
        node.keys = {key: typed(mark) for key, mark in node.keys.items()}
        for child in node.value.values() if node.is_map else node.value if node.is_list else ():
            visit(child)

    visit(node)
    return node


def _put(node: Node, keys: list[str], value: Node) -> str | None:
    """Sets one value below `node`; the message of what stands in its way, if anything."""
    for position, key in enumerate(keys):
        last = position == len(keys) - 1
        if node.is_list:
            if not key.isdigit() or int(key) >= len(node.value):
                return f"'{key}' is not a position from 0 to {len(node.value) - 1}"
            index = int(key)
            if last:
                node.value[index] = value
            else:
                node = node.value[index]
            continue
        if isinstance(node.value, str) and node.value == key:
            node.value = {key: Node({}, node.mark, {}, "--set")}  # a name → a name with arguments
            node.keys = {key: node.mark}
        elif node.value is None:
            node.value, node.keys = {}, {}
        elif not node.is_map:
            return f"'{key}' cannot be set: {show(node)} stands there"
        if last:
            node.value[key] = value
            node.keys[key] = value.mark
        else:
            if key not in node.value:
                node.value[key] = Node({}, value.mark, {}, "--set")
                node.keys[key] = value.mark
            node = node.value[key]
    return None


# -- checks -------------------------------------------------------------------------------


def _check(root: Node, name: str, file: str = "") -> Config:
    checker = Checker(catalog.load())
    if not root.is_map:
        checker.error(root, "", f"expected a mapping with `model:`, got {show(root)}")
        raise ConfigError(checker.problems)
    for key in root.value:
        if key not in KEYS:
            message = f"unknown key '{key}'" + (
                did_you_mean(str(key), KEYS) or f"; known are {', '.join(KEYS)}"
            )
            checker.error(root.keys.get(key), "", message)
    model = None
    known = blocks.definitions(root.value.get("blocks"), checker)
    if "model" in root.value:
        model = reading.read(root.value["model"], checker, blocks=known)
    elif not any("'model'" in problem.message for problem in checker.problems):
        checker.problems.append(Problem("missing key 'model'", file=file))
    data = DataSettings(**_section(root.value.get("data"), DataSettings, "data", checker))
    training = _training(root.value.get("training"), model, checker)
    if not checker.problems:
        _check_together(root, data, training, checker)
    if checker.problems or model is None:
        raise ConfigError(sorted(checker.problems, key=lambda each: (each.line, each.column)))
    resolved = {
        "data": _filled(root.value.get("data"), DataSettings),
        **({"blocks": root.value["blocks"].plain()} if known else {}),
        "model": root.value["model"].plain(),
        "training": _filled(root.value.get("training"), TrainingSettings),
    }
    if training.monitor is None:
        monitor = default_monitor(data, training)
        training = dataclasses.replace(training, monitor=monitor)
        resolved["training"]["monitor"] = monitor
    return Config(name, data, model, training, resolved)


def _section(node: Node | None, section: type, key: str, checker: Checker) -> dict[str, Any]:
    """The values of a section's settings, defaults filled in."""
    if node is None or node.value is None:
        node = Node({}, node.mark if node else None)
    if not node.is_map:
        checker.error(node, key, f"expected a mapping, got {show(node)}")
        node = Node({})
    known = parameters(section)
    values = checker.arguments(node, known, key, word="key")
    for each in known:
        if each.name not in values:
            values[each.name] = checker.value(source.from_plain(each.default), each, each.name)
    return values


def _training(node: Node | None, model: Network | None, checker: Checker) -> TrainingSettings:
    names = model.names_of_outputs if model else ()
    by_output: dict[str, Any] = {}
    if node is not None and node.is_map:
        by_output = {key: each for key, each in node.value.items() if key in outputs.READERS}
        rest = {key: each for key, each in node.value.items() if key not in by_output}
        node = Node(rest, node.mark, node.keys, node.origin)
    values = _section(node, TrainingSettings, "training", checker)
    for key, read in outputs.READERS.items():
        default = next(each.default for each in parameters(TrainingSettings) if each.name == key)
        given = by_output.get(key) or source.from_plain(default)
        if names:  # else the model is wrong, and which outputs it has is unknown
            values[key] = read(given, names, checker)
    return TrainingSettings(**values)


def _filled(node: Node | None, section: type) -> dict[str, Any]:
    """A section as plain data: what was written, and the defaults of the rest."""
    given = node.plain() if node is not None and node.is_map else {}
    return {each.name: given.get(each.name, each.default) for each in parameters(section)}


def _check_together(
    root: Node, data: DataSettings, training: TrainingSettings, checker: Checker
) -> None:
    """What no single value shows: settings that do not go together."""

    def place(section: str, key: str) -> Any:
        node = root.value.get(section)
        return node.value.get(key) if node is not None and node.is_map else None

    if training.monitor is not None:
        known = monitors(data, training)
        if training.monitor not in known:
            message = f"nothing named '{training.monitor}' is measured" + (
                did_you_mean(training.monitor, known) or f"; known are {', '.join(known)}"
            )
            checker.error(place("training", "monitor"), "training.monitor", message)
    if data.name == "idx" and data.path is None:
        where = place("data", "name")
        checker.error(where, "data", "the data set 'idx' needs `path:`, the folder of its files")
    if training.class_weight is not None:
        node = place("training", "class_weight")
        for key, value in node.value.items():
            weight = value.value
            bad = isinstance(weight, bool) or not isinstance(weight, int | float)
            if not isinstance(key, int) or bad or not math.isfinite(weight) or weight < 0:
                message = "expected {class number: weight}, such as {0: 1.0, 1: 5.0}"
                checker.error(node.keys.get(key), "training.class_weight", message)


# -- names of what is measured ------------------------------------------------------------


def metric_name(metric: KerasObject) -> str:
    """The name under which Keras logs a metric: the given one, or the one it goes by."""
    given = metric.arguments.get("name")
    if isinstance(given, str):
        return given
    if not metric.explicit:
        return metric.name
    entry = catalog.load().find("metric", metric.name)
    parameter = entry.parameter("name") if entry else None
    if parameter is not None and isinstance(parameter.default, str):
        return parameter.default
    return snake_case(metric.name)


def monitors(data: DataSettings, training: TrainingSettings) -> list[str]:
    """What `monitor` may name: the loss and the metrics, and those of the validation."""
    names = ["loss"]
    if isinstance(training.loss, dict):
        names += [f"{output}_loss" for output in training.loss]
    if isinstance(training.metrics, dict):
        for output, metrics in training.metrics.items():
            names += [f"{output}_{metric_name(metric)}" for metric in metrics if metric]
    else:
        names += [metric_name(metric) for metric in training.metrics if metric]
    validation = [f"val_{name}" for name in names] if data.validation_split else []
    return [*validation, *names]


def default_monitor(data: DataSettings, training: TrainingSettings) -> str | None:
    """`val_accuracy`, else `val_loss`; None without a validation split."""
    known = monitors(data, training)
    return next((name for name in ("val_accuracy", "val_loss") if name in known), None)
