"""What a sweep's storage and its sweep.json must hold, whoever wrote them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.errors import RunError
from nnpy.storage import json_file
from nnpy.storage.json_file import (
    Kind,
    WrongKind,
    mapping,
    number,
    one_of,
    optional,
    record,
    sequence,
    text,
    whole,
)
from nnpy.workflows.sweep.owners import OWNER, is_name
from nnpy.workflows.sweep.result import CONFIG, RESULT, TESTED

if TYPE_CHECKING:
    import optuna

_LIMIT = 256 << 20  # bytes of sweep.json
_MOST = 1_000_000  # trials


def _name(value: Any, place: str) -> None:
    if not isinstance(value, str) or not is_name(value):
        raise WrongKind(place, "the name of a process", value)


def _run(value: Any, place: str) -> None:
    """A run is a folder in trials/: nothing that a storage says leads out of it."""
    if not isinstance(value, str) or not re.fullmatch(r"\d+(-seed\d+)?", value):
        raise WrongKind(place, "the name of a trial's folder", value)


def _finite(value: Any, place: str) -> None:
    number(value, place)
    if not math.isfinite(value):
        raise WrongKind(place, "a finite number", value)


def _long_text(value: Any, place: str) -> None:
    if not isinstance(value, str):
        raise WrongKind(place, "a text", value)


_OF_TRIAL = record(
    {
        OWNER: _name,
        CONFIG: _long_text,
        RESULT: record(
            {
                "runs": sequence(_run),
                "each": sequence(_finite),
                "epochs": whole,
                "best_epoch": optional(whole),
                "seconds": number,
                "metrics": mapping(optional(number)),
                "device": optional(text),
                "reason": _long_text,
            }
        ),
    }
)
_TEST: dict[str, Kind] = {
    "test": mapping(number),
    "comparison": mapping(number),
}
_OF_STUDY = record({TESTED: record({"best": whole, "second": optional(whole), **_TEST})})
_TRIAL = record(
    {
        "number": whole,
        "state": one_of("complete", "pruned", "running", "failed"),
        "value": optional(number),
        "values": mapping(lambda value, place: None),
        "epochs": whole,
        "seconds": number,
        "reason": text,
    },
    ("number", "state", "value", "values", "epochs"),
)
_SWEEP = record(
    {
        "sweep": text,
        "objective": text,
        "mode": one_of("min", "max"),
        "planned": whole,
        "counts": mapping(whole),
        "search": mapping(lambda value, place: None),
        "best": optional(_TRIAL),
        "test": mapping(number),
        "trials": sequence(_TRIAL, _MOST),
    },
    ("sweep", "objective", "mode", "planned", "counts", "search", "best", "test", "trials"),
)


def read_sweep(path: Path) -> dict[str, Any]:
    """What sweep.json tells. Raises RunError when it is not there, or not what it must be."""
    told = json_file.read(path, _SWEEP, _LIMIT)
    if not told:
        raise RunError(f"{path}: no such file; the same sweep writes it at its end")
    return told


def check(study: optuna.Study, space: Mapping[str, Any], where: str) -> None:
    """Raise RunError unless the trials of a study are such as a sweep of this `space` has."""
    try:
        _OF_STUDY(study.user_attrs, "")
        for trial in study.get_trials(deepcopy=False):
            _check_trial(trial, space, f"trial {trial.number}")
    except WrongKind as error:
        raise RunError(f"{where} cannot be read: {error}; begin a new sweep with --new") from None


def _check_trial(trial: optuna.trial.FrozenTrial, space: Mapping[str, Any], place: str) -> None:
    _OF_TRIAL(trial.user_attrs, place)
    for name in trial.params:
        if name not in space or trial.distributions.get(name) != space[name]:
            raise WrongKind(f"{place}.{name}", "a value of the search", trial.params[name])
    for step, value in trial.intermediate_values.items():
        whole(step, f"{place}, step")
        number(value, f"{place}, step {step}")
    if trial.state.name in ("COMPLETE", "PRUNED"):
        values = trial.values or []
        if len(values) != 1:
            raise WrongKind(f"{place}, its values", "one value", values)
        _finite(values[0], f"{place}, its value")
        if len(trial.params) != len(space):
            raise WrongKind(place, f"{len(space)} values", trial.params)
    if trial.state.name == "WAITING":
        raise WrongKind(place, "a trial that was begun", trial.state.name)
