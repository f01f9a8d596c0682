"""What of a config keeps several devices from sharing its training."""

from __future__ import annotations

from nnpy.config.checker import Checker
from nnpy.config.network.graph import Network
from nnpy.config.settings import TrainingSettings
from nnpy.config.yaml.nodes import Node


def obstacle(network: Network | None, training: TrainingSettings) -> tuple[str, str]:
    """The setting that stands in the way ("training.execution"), and why; or nothing."""
    if training.execution not in ("auto", "graph"):
        why = f"training.execution: {training.execution} is for one device"
        return "training.execution", f"{why}; several need auto or graph"
    for each in network.inputs if network is not None else ():
        if each.batch_size:
            why = "a model with a fixed batch size cannot share its batches between devices"
            return f"{each.path}.batch_size", why
    return "", ""


def check_sharing(
    network: Network | None, training: TrainingSettings, node: Node | None, checker: Checker
) -> None:
    """Reports what `training.distribute: mirrored` does not go together with, at its place."""
    sound = checker.sound("training.distribute", "training.execution", "model.inputs")
    if training.distribute == "mirrored" and sound:
        _, why = obstacle(network, training)
        if why:
            checker.error(node, "training.distribute", why)
