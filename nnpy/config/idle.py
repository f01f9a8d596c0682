"""Arguments that Keras takes and then ignores, because another one is not set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nnpy.config import stages
from nnpy.config.network.graph import Network
from nnpy.config.objects import KerasObject
from nnpy.config.settings import TrainingSettings

# What is ignored → what it needs, and the value of that where it is not set.
_NEEDS: Mapping[str, tuple[str, Any]] = {
    "ema_momentum": ("use_ema", False),
    "ema_overwrite_frequency": ("use_ema", False),
    "nesterov": ("momentum", 0.0),
    "bias_initializer": ("use_bias", True),
    "bias_regularizer": ("use_bias", True),
    "bias_constraint": ("use_bias", True),
    "lora_alpha": ("lora_rank", None),
    "initial_value_threshold": ("save_best_only", False),
}


def notes(network: Network | None, training: TrainingSettings) -> Iterator[str]:
    """A sentence for each argument that has no effect."""
    layers = [step.layer for step in network.steps if not step.reuse] if network else []
    told: set[str] = set()
    for each in _objects([*layers, *stages.optimizers(training), *training.callbacks]):
        for key, value in each.arguments.items():
            needed, default = _NEEDS.get(key, ("", None))
            if needed and value not in (None, False) and not each.arguments.get(needed, default):
                line = f"line {each.mark.line}: " if each.mark else ""
                sentence = f"{line}{key} of {each.name} has no effect without {needed}"
                if sentence not in told:  # of a block that is used many times
                    told.add(sentence)
                    yield sentence


def _objects(values: Iterable[Any]) -> Iterator[KerasObject]:
    for each in values:
        if isinstance(each, KerasObject) and not each.code:
            yield each
            yield from _objects(each.arguments.values())
            if each.network is not None:
                yield from _objects(step.layer for step in each.network.steps)
