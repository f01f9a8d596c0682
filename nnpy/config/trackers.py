"""`training.trackers`: which places are told of a training, and what each takes.

A tracker is a line here and a file `tracking/to_NAME.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nnpy.catalog.entries import Parameter
from nnpy.config.checker import Checker
from nnpy.config.wording import show
from nnpy.config.yaml.nodes import Node
from nnpy.errors import did_you_mean

TRACKERS: dict[str, tuple[Parameter, ...]] = {
    "tensorboard": (),
    "mlflow": (
        Parameter(
            "uri", types=("str", "null"), doc="The server's address; null: MLFLOW_TRACKING_URI."
        ),
        Parameter("experiment", types=("str", "null"), doc="The experiment's name; null: nnpy."),
    ),
}
PACKAGES = {"tensorboard": "tensorboard", "mlflow": "mlflow"}  # and the name of the extra
_ADDRESS = re.compile(r"https?://[^\s/]+\S*|databricks(://\S*)?")


def named(trackers: Sequence[Any]) -> dict[str, Mapping[str, Any]]:
    """The trackers of checked settings by their names, with their arguments."""
    found: dict[str, Mapping[str, Any]] = {}
    for each in trackers:
        name, arguments = next(iter(each.items())) if isinstance(each, Mapping) else (each, None)
        found[name] = arguments or {}
    return found


def check(root: Node, checker: Checker) -> None:
    """Reports trackers that there are not, and arguments that they do not take."""
    section = root.value.get("training")
    node = section.value.get("trackers") if section is not None and section.is_map else None
    seen: set[str] = set()
    for index, each in enumerate(node.value if node is not None and node.is_list else ()):
        path = f"training.trackers[{index}]"
        one = each.is_map and len(each.value) == 1
        name = next(iter(each.value)) if one else each.value
        if not isinstance(name, str):
            known = ", ".join(TRACKERS)
            checker.error(
                each, path, f"expected a tracker ({known}), or {{NAME: {{…}}}}, got {show(each)}"
            )
            continue
        if name not in TRACKERS:
            hint = did_you_mean(name, TRACKERS)
            checker.error(
                each,
                path,
                f"unknown tracker '{name}'{hint or '; there are ' + ', '.join(TRACKERS)}",
            )
            continue
        if name in seen:
            checker.error(each, path, f"'{name}' stands here twice")
        seen.add(name)
        arguments = each.value[name] if one else None
        if arguments is None or arguments.value is None:
            continue
        if not arguments.is_map:
            checker.error(arguments, path, f"expected its arguments, got {show(arguments)}")
            continue
        values = checker.arguments(arguments, TRACKERS[name], f"{path}.{name}")
        uri = values.get("uri")
        if uri is not None and not _ADDRESS.fullmatch(uri):
            given = arguments.value["uri"]
            message = (
                f"expected an address such as http://localhost:5000, got {show(given)}; a file or "
                "a database is named by the environment variable MLFLOW_TRACKING_URI"
            )
            checker.error(given, f"{path}.{name}.uri", message)
