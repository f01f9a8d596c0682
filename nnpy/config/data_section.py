"""The data section: its short forms, what is decided for it, and that of runs made before.

`validation_split: 0.2` is short for `validation: {split: 0.2}`; `rescale: auto` is decided by
the data and by the model.
"""

from __future__ import annotations

import dataclasses

from nnpy.config import pixels
from nnpy.config.checker import Checker
from nnpy.config.network.graph import Network
from nnpy.config.network.tail import ops_of
from nnpy.config.settings import SHORT_FORMS, DataSettings
from nnpy.config.yaml.nodes import Node, from_plain
from nnpy.data import DataInfo, splits

OLD_RUN = "as runs were made before this setting"


def in_full(section: str, node: Node | None, checker: Checker) -> Node | None:
    """The section with its short forms written in full; one that is said twice is reported."""
    if node is None or not node.is_map:
        return node
    items, keys = dict(node.value), dict(node.keys)
    for short, (name, key) in SHORT_FORMS.get(section, {}).items():
        if short not in items:
            continue
        value, mark = items.pop(short), keys.pop(short, None)
        long = items.get(name)
        if long is not None and long.value is not None and not long.is_map:
            continue  # a mistake of its own
        inner = dict(long.value) if long is not None and long.is_map else {}
        if key in inner and "--set" not in (value.origin, inner[key].origin):
            message = f"said twice: here and by {name}.{key}"
            checker.error(mark or value, f"{section}.{short}", message)
        if key not in inner or inner[key].origin != "--set":
            inner[key] = value
        inner_keys = {**(long.keys if long is not None else {}), key: mark}
        items[name] = Node(inner, long.mark if long else mark, inner_keys, value.origin)
        keys.setdefault(name, mark)
    return Node(items, node.mark, keys, node.origin)


def is_recent(node: Node | None) -> bool:
    """Whether a run's data section says what it has said since `rescale` is there."""
    return node is not None and node.is_map and "rescale" in node.value


def of_old_run(node: Node | None, info: DataInfo | None) -> Node:
    """The data section of a run that was made before these settings were there.

    Its validation was the end of the training set, and bytes were divided by 255 whatever the
    model did: what it has learnt, and may go on to learn, is of those numbers.
    """
    node = node if node is not None and node.is_map else Node({})
    items = dict(node.value)
    validation = items.get("validation")
    if validation is None or not validation.is_map or "seed" not in validation.value:
        before = validation.value if validation is not None and validation.is_map else {}
        old = from_plain({"stratify": False, "seed": None}, OLD_RUN)
        items["validation"] = Node({**before, **old.value}, origin=OLD_RUN)
    if "rescale" not in items and info is not None:
        items["rescale"] = Node(info.scale, origin=OLD_RUN)
    return Node(items, node.mark, dict(node.keys), node.origin)


def decide_splits(
    settings: DataSettings, info: DataInfo | None, node: Node | None, checker: Checker
) -> DataSettings:
    """The settings with the shares that are held out, where they leave that to the data.

    Reports a share for the test of data that bring their own.
    """

    def place(part: str) -> Node | None:
        held = node.value.get(part) if node is not None and node.is_map else None
        return held.value.get("split", held) if held is not None and held.is_map else held

    validation, test = settings.validation, settings.test
    own = info is not None and info.validation > 0
    # What is said of both parts by a column needs no share.
    wanted = 0.0 if validation.by == "column" else validation.split
    wanted_test = 0.0 if test.by == "column" else test.split
    share, test_share = splits.shares(info, wanted, wanted_test)
    if own and validation.split:
        message = f"{settings.name} brings its own validation set: leave this out"
        checker.error(place("validation"), "data.validation.split", message)
    if info is not None and info.is_split and (test_share or test.by == "column"):
        message = f"{settings.name} brings its own test set: leave this out"
        checker.error(place("test"), "data.test.split", message)
    if share + test_share >= 1:
        message = f"{share:g} for validation and {test_share:g} for the test leave nothing to train"
        checker.error(place("test") or place("validation"), "data.test.split", message)
    return dataclasses.replace(
        settings,
        validation=dataclasses.replace(validation, split=None if own else share),
        test=dataclasses.replace(test, split=test_share),
    )


def examples(settings: DataSettings, info: DataInfo) -> int | str:
    """How many examples there are to train on, or why that is not known before they are read."""
    left = info.train
    for part, rule in (("validation", settings.validation.rule), ("test", settings.test.rule)):
        if part == "validation" and info.validation:
            continue
        if rule.split and not rule.counts:
            return f"how many examples data.{part} holds out is known when they are read"
        left -= splits.count(info.train, rule.split) if rule.split else 0
    return left


def decided_rescale(network: Network, info: DataInfo) -> tuple[float, str]:
    """What `rescale: auto` is, and why."""
    inputs = [each.name for each in network.inputs]
    return pixels.decide(ops_of(network), inputs, info.scale)


def check_ranges(network: Network, info: DataInfo, rescale: float, checker: Checker) -> list[str]:
    """Reports layers that are told another range than their input has; returns notes."""
    inputs, ops = [each.name for each in network.inputs], ops_of(network)
    given = (0.0, 255.0 * rescale) if info.dtype == "uint8" else None
    for op, (low, high), told in pixels.wrong_ranges(ops, inputs, given):
        step = op.place
        checker.error(
            step.mark,
            step.path,
            f"it takes values from {told[0]:g} to {told[1]:g}, but gets {low:g} to "
            f"{high:g}; set value_range: [{low:g}, {high:g}]",
        )
    kind = pixels.scales_itself(ops, inputs)
    if info.dtype == "uint8" and rescale != 1 and kind:
        return [
            f"the pixels are scaled twice: by data.rescale ({rescale:.6g}) and by the model's "
            f"{kind}"
        ]
    return []
