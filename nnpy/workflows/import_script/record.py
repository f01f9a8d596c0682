"""A model that a script trains → a record: all that its config needs, as plain data.

A record is a JSON object: `name`, `line`, `model`, `training`, `data`, `notes`, `own` (a Python
file with the script's own classes), `refused` (why there is no config), `probe` (the numbers
to compare with).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from nnpy.errors import ModelError, NnpyError
from nnpy.models.to_config.network import network_of
from nnpy.models.to_config.training import output_keys
from nnpy.workflows.import_script import fit_call, probe
from nnpy.workflows.import_script.examples import Batch, Examples, Loaded, section_of
from nnpy.workflows.import_script.fit_call import Note, Training
from nnpy.workflows.import_script.script import NotExtractable, Script

_ONE_HOT_LOSSES = ("categorical_crossentropy", "CategoricalCrossentropy")


@dataclass(frozen=True)
class Seen:
    """A call of `fit`, or a model that was compiled only: then `call` is None."""

    model: Any
    name: str
    line: int
    call: dict[str, Any] | None = None
    batch: Batch | None = None


def record_of(
    seen: Seen,
    *,
    script: Script,
    variables: Mapping[str, Any],
    loaded: list[Loaded],
    seed: int | None,
    probe_path: Path | None,
    again: list[dict[str, Any]],
) -> dict[str, Any] | None:
    """The record of a call; None when it only goes on with the last of `again`."""
    record: dict[str, Any] = {"name": seen.name or seen.model.name, "line": seen.line}
    record["class"] = type(seen.model).__name__
    try:
        return _record(record, seen, script, variables, loaded, seed, probe_path, again)
    except NnpyError as error:
        record["refused"] = str(error)
    except Exception as error:  # noqa: BLE001 – the script must go on, whatever its model is
        record["refused"] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        record["fault"] = True
    return None if any(each.get("refused") == record["refused"] for each in again) else record


def _record(
    record: dict[str, Any],
    seen: Seen,
    script: Script,
    variables: Mapping[str, Any],
    loaded: list[Loaded],
    seed: int | None,
    probe_path: Path | None,
    again: list[dict[str, Any]],
) -> dict[str, Any] | None:
    model = seen.model
    section = network_of(model)
    compile_config = dict(model.get_compile_config() or {})
    training = Training()
    fit_call.compiled(training, compile_config, output_keys(section), script.definitions)
    examples = Examples()
    notes: list[Note] = []
    if seen.call is not None and seen.batch is not None:
        fit_call.fitted(training, seen.call, seen.batch.size, script.definitions)
        one_hot = training.section.get("loss") in _ONE_HOT_LOSSES
        examples = section_of(seen.batch, seen.call, loaded, one_hot)
    else:
        notes.append(Note((), "compiled, but never fitted: epochs and data are nnpy's own"))
    if seed is not None:
        training.section["seed"] = seed % 2**32
    names = set(own_names((model.get_config(), compile_config), script.definitions))
    names |= training.own
    record |= {
        "model": section,
        "training": training.section,
        "data": examples.section,
        "scaling": examples.scaling,
        "stored_shape": examples.stored_shape,
        "notes": [*notes, *examples.notes, *training.notes],
        "trainable": [each.trainable for each in model.weights],
        "layers": [type(each).__name__ for each in model.layers],
    }
    last = next((each for each in reversed(again) if "refused" not in each), None)
    if last is not None and _goes_on(record, last):
        return None
    if last is not None:
        text = f"the script goes on here with the weights of line {last['line']}"
        record["notes"].insert(0, Note((), f"{text}: a config begins with new ones"))
    if names:
        try:
            record["own"] = script.extract(names, variables)
        except NotExtractable as error:
            listed = ", ".join(sorted(names))
            raise ModelError(
                f"the script's own {listed} cannot be taken out of it: {error}; move it into a "
                "Python file of its own, import it from there, and name the file in code:"
            ) from error
    if probe_path is not None and seen.batch is not None:
        weights = (seen.call or {}).get("class_weight")
        try:
            record["nesting"] = probe.measure(model, seen.batch, weights, probe_path)
            record["probe"] = probe_path.name
        except Exception as error:  # noqa: BLE001 – whatever the script's model raises
            text = " ".join(str(error).split())[:200]
            record["not_compared"] = f"{type(error).__name__}: {text}"
    return record


def _goes_on(record: dict[str, Any], last: dict[str, Any]) -> bool:
    """Whether a fit only adds epochs to the one before: then they are added there."""

    def but_epochs(each: dict[str, Any]) -> Any:
        training = {key: value for key, value in each["training"].items() if key != "epochs"}
        notes = [note.text for note in each["notes"] if note.path[:1] == ("data",)]
        return training, each["data"], each["trainable"], each["model"], notes

    if but_epochs(record) != but_epochs(last):
        return False
    last["training"]["epochs"] += record["training"].get("epochs", 0)
    text = "the script calls fit several times; these are all its epochs"
    if all(each.text != text for each in last["notes"]):
        last["notes"].append(Note(("training", "epochs"), text))
    return True


def own_names(value: Any, definitions: Mapping[str, Any]) -> Iterator[str]:
    """The names in a serialized model of what the script itself defines."""
    if isinstance(value, Mapping):
        name = value.get("config") if value.get("class_name") == "function" else None
        for each in (name, value.get("class_name")):
            if isinstance(each, str) and each in definitions and not _is_keras(value):
                yield each
        children: Iterable[Any] = value.values()
    elif isinstance(value, list | tuple):
        children = value
    else:
        return
    for each in children:
        yield from own_names(each, definitions)


def _is_keras(value: Mapping[str, Any]) -> bool:
    module = value.get("module") or ""
    name = value.get("class_name")
    return module.split(".")[0] == "keras" and hasattr(keras.layers, str(name))
