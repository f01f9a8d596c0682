"""How many steps make an update of the weights, and what does not go together with it."""

from __future__ import annotations

from nnpy.config.checker import Checker
from nnpy.config.objects import KerasObject
from nnpy.config.settings import TrainingSettings
from nnpy.config.yaml.nodes import Node

_OWN = "gradient_accumulation_steps"


def check(training: TrainingSettings, node: Node | None, checker: Checker) -> None:
    """Reports `training.accumulate_steps` beside the optimizer's own argument for it."""
    sound = checker.sound("training.accumulate_steps", "training.optimizer")
    optimizers = [training.optimizer, *(each.optimizer for each in training.stages)]
    if training.accumulate_steps > 1 and sound and any(map(_accumulates, optimizers)):
        message = f"the optimizer has {_OWN}, which says the same: leave out one of them"
        checker.error(node, "training.accumulate_steps", message)


def updates(training: TrainingSettings, total_steps: int) -> int:
    """How often the weights are changed in so many steps."""
    return total_steps // training.accumulate_steps


def lost_steps(training: TrainingSettings, total_steps: int) -> str:
    """A note where the training ends between two updates, or nothing."""
    lost = total_steps % training.accumulate_steps
    if not lost:
        return ""
    steps = "the last step changes" if lost == 1 else f"the last {lost} steps change"
    return (
        f"{steps} no weight: {training.accumulate_steps} steps make an update "
        f"(training.accumulate_steps), and there are {total_steps:,}"
    )


def _accumulates(optimizer: KerasObject) -> bool:
    """Whether an optimizer, or one inside of it, says so itself."""
    inner = (each for each in optimizer.arguments.values() if isinstance(each, KerasObject))
    return bool(optimizer.arguments.get(_OWN)) or any(map(_accumulates, inner))
