"""A YAML file, what it extends and its overrides → one checked, frozen `Config`.

    config = load_config("configs/mlp.yaml", overrides=["training.epochs=10"])

All mistakes are found in one pass and raised together as `ConfigError`; TensorFlow is not
imported. What stands later wins: defaults, base file, file, `--set`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.catalog import catalog
from nnpy.catalog.entries import Entry
from nnpy.catalog.kinds import ARGUMENT_KINDS
from nnpy.config import by_output as outputs
from nnpy.config import (
    callbacks,
    compose,
    consistency,
    data_section,
    data_source,
    idle,
    initial_weights,
    stages,
    steps,
    tasks,
    trackers,
)
from nnpy.config.checker import Checker
from nnpy.config.config import Config
from nnpy.config.monitor import measure
from nnpy.config.network import blocks, reader
from nnpy.config.network.graph import Network
from nnpy.config.settings import SECTIONS, DataSettings, TrainingSettings, parameters, subsections
from nnpy.config.sweep import check as sweeping
from nnpy.config.sweep import space
from nnpy.config.sweep_settings import SweepSettings
from nnpy.config.unknown import unknown_key
from nnpy.config.wording import show
from nnpy.config.yaml.nodes import Node, from_plain
from nnpy.data import DataInfo, registry
from nnpy.data.targets import decided, names_of
from nnpy.errors import ConfigError, DataError, Problem, nearest

if TYPE_CHECKING:
    from nnpy.config.user_code import CodeFile

KEYS = ("code", "data", "blocks", "model", "training", "sweep")


def load_config(
    config: str | Path | Mapping[str, Any] | Config,
    overrides: Iterable[str] = (),
    *,
    trust_code: bool = False,
    to_train: bool = True,
) -> Config:
    """A checked config from a file, or from plain data.

    `trust_code` is the user's word that the Python files of a run may be run. What is not
    meant `to_train`, but to be built and drawn, is not held against the data. Raises
    ConfigError with every mistake, UsageError when the file cannot be read.
    """
    loaded = _load(config, list(overrides), to_train)
    return dataclasses.replace(loaded, trust_code=True) if trust_code else loaded


def _load(
    config: str | Path | Mapping[str, Any] | Config, overrides: list[str], to_train: bool
) -> Config:
    checker, names = Checker(catalog.load()), _Names()
    if isinstance(config, Config):
        if not overrides:
            return config
        # With their places, which say who named a file: safety/named_files.py.
        root = config.tree.copy() if config.tree.value else from_plain(config.resolved, "given")
        if config.sweep:
            root = _with(config.sweep.source.copy(), sweep=config.sweep.node.copy())
        root = compose.override(root, overrides, names, checker)
        return _check(root, checker, config.name, to_train)
    if isinstance(config, Mapping):
        root = compose.override(from_plain(dict(config), "given"), overrides, names, checker)
        return _check(root, checker, "model", to_train)
    path = Path(config)
    root = compose.override(compose.extend(path, names.is_object), overrides, names, checker)
    return _check(root, checker, _stem(path), to_train, str(path), of_run=_is_of_run(path))


class _Names:
    """The names of the catalog; those of own code are not known before the config is read."""

    def __init__(self) -> None:
        self._catalog = catalog.load()
        self.defaults: dict[str, Any] = {
            f"{section}.{each.name}": each.default
            for section, settings in SECTIONS.items()
            for each in parameters(settings)
            if each.types == ("list",)
            or (isinstance(each.default, str) and set(each.types) <= {*ARGUMENT_KINDS})
        }

    def _entries(self, name: str) -> Iterator[Entry]:
        for kind in ARGUMENT_KINDS:
            entry = self._catalog.find(kind, name)
            if entry is not None:
                yield entry

    def is_object(self, name: str) -> bool:
        return any(self._entries(name))

    def takes(self, name: str, argument: str) -> bool:
        return any(each.parameter(argument) for each in self._entries(name))


def _stem(path: Path) -> str:
    # A run's own config trains again under the name of the run.
    return path.parent.name if path.name == "config.yaml" and path.parent.name else path.stem


def _is_of_run(path: Path) -> bool:
    """Whether a config is that which a run folder keeps."""
    if path.name != "config.yaml":
        return False
    from nnpy.runs.folder import Run

    run = Run(path.parent)
    return path == run.config_path and run.environment_path.is_file()


def _check(
    root: Node,
    checker: Checker,
    name: str,
    to_train: bool,
    file: str = "",
    *,
    of_run: bool = False,
) -> Config:
    if not root.is_map:
        checker.error(root, "", f"expected a mapping with `model:`, got {show(root)}")
        raise ConfigError(checker.problems)
    root = _known_keys(root, checker)
    section, source = root.value.pop("sweep", None), root.copy()
    code = _code(root.value.get("code"), checker)
    model = None
    checker.of_run = of_run
    known = blocks.definitions(root.value.get("blocks"), checker)
    if "model" in root.value:
        model = reader.read(root.value["model"], checker, blocks=known)
    else:
        checker.sound.spoil("model")
        checker.problems.append(Problem("missing key 'model'", file=file))
    data_is_given = "data" in root.value
    about_data, arguments = data_source.in_full(root.value.get("data"), checker)
    about_data = data_section.in_full("data", about_data, checker)
    data = dataclasses.replace(_data(about_data, checker), arguments=arguments)
    info = _info(data, checker)
    data = data_section.decide_splits(data, _known(info), about_data, checker)
    breaks_ties = not of_run or data_section.is_recent(about_data)
    if of_run:
        about_data = data_section.of_old_run(about_data, _known(info))
        data = dataclasses.replace(_data(about_data, checker), arguments=arguments)
        data = data_section.decide_splits(data, _known(info), about_data, checker)
    initial_weights.check(root.value.get("training"), checker, of_run=of_run)
    root = _with(root, data=about_data, training=_worked_out(root, data, info, checker))
    if not of_run:  # what a run leaves open was decided when it was made
        by_task = tasks.with_defaults(root.value.get("training"), model, _known(info))
        root = _with(root, training=by_task)
    training = _training(root.value.get("training"), model, checker)
    notes = [checker.catalog.note] if checker.catalog.note else []
    classes = names_of(info) if isinstance(info, DataInfo) else ()
    measured = measure(data, training, checker.catalog, classes, checker.sound)
    measured = dataclasses.replace(measured, of_some_output=model is None)
    listed = callbacks.listed(root, training, checker.catalog)
    notes += consistency.check_consistency(
        root,
        data,
        model,
        training,
        measured,
        checker,
        _known(info),
        data_is_given=data_is_given,
        to_train=to_train,
    )
    notes += callbacks.check(listed, training, measured, checker)
    trackers.check(root, checker)
    if section is not None:
        searched = _searched(section, source, checker, name)
        sweeping.check_objective(section, searched[0], training, measured, checker)
    if checker.problems or model is None:
        raise ConfigError(sorted(checker.problems, key=lambda each: (each.line, each.column)))
    notes += idle.notes(model, training) if to_train else ()
    notes += () if of_run else stages.notes(root.value.get("training"), model)
    training, more = callbacks.choose_monitor(listed, training, measured)
    tree = _complete(root, training)
    data_source.write(tree.value["data"], data)
    if data.rescale == "auto" and isinstance(info, DataInfo):
        rescale, why = data_section.decided_rescale(model, info)
        tree.value["data"].value["rescale"] = Node(rescale, origin=f"auto: {why}")
    training = callbacks.with_modes(listed, training, measured)
    notes += more
    plan = None
    if section is not None:
        settings = dataclasses.replace(
            searched[0], objective=searched[0].objective or training.monitor or "loss"
        )
        if not sweeping.check_objective(section, settings, training, measured, checker):
            raise ConfigError(checker.problems)
        objective, mode, _ = sweeping.objective_of(settings, training, measured)
        plan = sweeping.SweepPlan(settings, searched[1], objective, mode, source, section)
    resolved = tree.plain()
    if code:
        resolved["code"] = [str(each.path) for each in code]
    config = Config(name, data, model, training, resolved, code, tuple(notes), tree)
    return dataclasses.replace(config, breaks_ties=breaks_ties, sweep=plan)


def with_values(config: Config, values: Mapping[str, Any]) -> Config:
    """The config of a sweep's trial: plain values at paths that are written as for `--set`.

    Everything is worked out anew from what was written, such as the steps of a schedule when
    `values` has another batch size. Raises ConfigError when they do not go together.
    """
    assert config.sweep is not None
    root = config.sweep.tree(values, functools.partial(compose.put, names=_Names()))
    loaded = _check(root, Checker(catalog.load()), config.name, to_train=True)
    return dataclasses.replace(loaded, trust_code=config.trust_code)


def _searched(
    section: Node, source: Node, checker: Checker, name: str
) -> tuple[SweepSettings, tuple[space.Dimension, ...]]:
    """The settings of a sweep and what it searches; the values are put in and checked."""
    settings = SweepSettings(**_section(section, SweepSettings, "sweep", checker))
    dimensions = space.read(section.value.get("search") if section.is_map else None, checker)

    def check(root: Node) -> Iterable[Problem]:
        try:
            _check(root, Checker(catalog.load()), name, to_train=True)
        except ConfigError as error:
            return error.problems
        return ()

    put = functools.partial(compose.put, names=_Names())
    sweeping.check_values(dimensions, source, put, check, checker)
    sweeping.check_grid(settings, dimensions, checker)
    return settings, dimensions


def _known_keys(root: Node, checker: Checker) -> Node:
    """The tree with the sections that are misspelt under the names that they are meant for."""
    sections: dict[str, Node] = {}
    for key, node in root.value.items():
        if key in KEYS:
            continue
        unused = [each for each in KEYS if each not in root.value]
        unknown_key(checker, root, key, "", KEYS)
        meant = nearest(str(key), unused)
        if meant is not None and meant not in sections:
            sections[meant] = node
            checker.sound.spoil(meant)
    return _with(root, **sections)


def _with(root: Node, **sections: Node | None) -> Node:
    """The tree with other sections; one that is None is left out."""
    given = {key: each for key, each in sections.items() if each is not None}
    return Node({**root.value, **given}, root.mark, dict(root.keys), root.origin)


def _data(node: Node | None, checker: Checker) -> DataSettings:
    values = _section(node, DataSettings, "data", checker)
    for name, section in subsections(DataSettings).items():
        inner = node.value.get(name) if node is not None and node.is_map else None
        if inner is not None and not inner.is_map:
            inner = None  # reported already
        values[name] = section(**_section(inner, section, f"data.{name}", checker))
    return DataSettings(**values)


def _known(info: DataInfo | str) -> DataInfo | None:
    return info if isinstance(info, DataInfo) else None


def _info(data: DataSettings, checker: Checker) -> DataInfo | str:
    """What is known of the data before they are read, or why nothing is."""
    if data.name is None:
        return "no data are named"
    if not checker.sound("data.name", "data.source", "data.path"):
        return "what the data are said to be is wrong"
    try:
        return decided(registry.info(data.name, data.path, **data.arguments), data.target)
    except DataError as error:  # the training will say so
        return str(error)


def _worked_out(
    root: Node, data: DataSettings, info: DataInfo | str, checker: Checker
) -> Node | None:
    """The training section with its arithmetic worked out."""
    node = stages.in_full(root.value.get("training"), checker)
    if node is None:
        return None
    examples = info if isinstance(info, str) else data_section.examples(data, info)
    return steps.fill(node, examples, checker)


def _code(node: Node | None, checker: Checker) -> tuple[CodeFile, ...]:
    """The user's own files; from here on the checker knows what they define."""
    if node is None:
        return ()
    from nnpy.config import user_code  # parses Python: not needed by most configs

    files = user_code.read(node, checker)
    checker.catalog = user_code.OwnCatalog(checker.catalog, files, checker)
    return files


def _complete(root: Node, settings: TrainingSettings) -> Node:
    """The tree with the defaults in their places, sections in their usual order."""
    items: dict[Any, Node] = {}
    if "code" in root.value:
        items["code"] = root.value["code"]
    items["data"] = _filled(root.value.get("data"), DataSettings)
    if "blocks" in root.value:
        items["blocks"] = root.value["blocks"]
    items["model"] = root.value["model"]
    items["training"] = _filled(root.value.get("training"), TrainingSettings)
    training = items["training"].value
    if training["monitor"].value is None:
        training["monitor"] = Node(settings.monitor)
        if training["monitor_mode"].value != settings.monitor_mode:
            training["monitor_mode"] = Node(settings.monitor_mode)
    return Node(items, root.mark, dict(root.keys), root.origin)


def _filled(node: Node | None, section: type) -> Node:
    given = node.value if node is not None and node.is_map else {}
    items = {
        each.name: given[each.name] if each.name in given else from_plain(each.default)
        for each in parameters(section)
    }
    for name, inner in subsections(section).items():
        items[name] = _filled(items[name], inner)
    return Node(items, node.mark if node else None)


def _section(node: Node | None, section: type, key: str, checker: Checker) -> dict[str, Any]:
    """The values of a section's settings, defaults filled in."""
    if node is None or node.value is None:
        node = Node({}, node.mark if node else None)
    if not node.is_map:
        checker.error(node, key, f"expected a mapping, got {show(node)}")
        checker.sound.spoil(key)
        node = Node({})
    known = parameters(section)
    values = checker.arguments(node, known, key, word="key")
    for each in known:
        if each.name not in values:
            values[each.name] = checker.value(from_plain(each.default), each, each.name)
    return values


def _training(node: Node | None, model: Network | None, checker: Checker) -> TrainingSettings:
    names, whole = (model.output_keys if model else ()), node
    by_output: dict[str, Any] = {}
    if node is not None and node.is_map:
        by_output = {key: each for key, each in node.value.items() if key in outputs.READERS}
        rest = {key: each for key, each in node.value.items() if key not in by_output}
        node = Node(rest, node.mark, node.keys, node.origin)
    values = _section(node, TrainingSettings, "training", checker)
    for key, read in outputs.READERS.items():
        default = next(each.default for each in parameters(TrainingSettings) if each.name == key)
        given = by_output.get(key) or from_plain(default)
        if names:
            values[key] = read(given, names, checker)
        else:  # the model is wrong, and which outputs it has is unknown
            values[key] = outputs.objects(key, given, checker)
    values["stages"] = stages.read(whole, model, checker)
    return TrainingSettings(**values)
