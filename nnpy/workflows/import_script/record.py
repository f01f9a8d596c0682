"""A model that a script trains → a record: all that its config needs, as plain data.

A record is a JSON object: `name`, `line`, `model`, `training`, `data`, `notes`, `own` (a Python
file with the script's own classes), `refused` (why there is no config), `probe` (the numbers
to compare with).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from nnpy.config.consistency import takes_one_hot
from nnpy.errors import ModelError, NnpyError
from nnpy.models.to_config.context import Arrays
from nnpy.models.to_config.document import Document
from nnpy.models.to_config.network import network_of, new_context
from nnpy.models.to_config.training import output_keys
from nnpy.workflows.import_script import fit_call, probe
from nnpy.workflows.import_script.examples import Batch, Examples, Loaded, section_of
from nnpy.workflows.import_script.fit_call import Note, Training
from nnpy.workflows.import_script.own_code import OwnCode
from nnpy.workflows.import_script.script import Script
from nnpy.workflows.import_script.write import ARRAYS

SECTIONS = ("data", "model", "training")  # of the config; the rest is about it


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
    folder: Path,
    verify: bool,
    again: list[dict[str, Any]],
) -> dict[str, Any] | None:
    """The record of a call; None when it only goes on with the last of `again`.

    Arrays and numbers to compare with go into the folder.
    """
    record: dict[str, Any] = {"name": seen.name or seen.model.name, "line": seen.line}
    record["class"] = type(seen.model).__name__
    try:
        return _record(record, seen, script, variables, loaded, seed, folder, verify, again)
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
    folder: Path,
    verify: bool,
    again: list[dict[str, Any]],
) -> dict[str, Any] | None:
    model, own = seen.model, OwnCode(script, variables)
    compile_config = dict(model.get_compile_config() or {})
    if isinstance(getattr(model, "optimizer", None), keras.optimizers.LossScaleOptimizer):
        # `compile` put it around the optimizer: the model computes in float16.
        compile_config["optimizer"] = keras.saving.serialize_keras_object(model.optimizer)
    own.take(own.names_in(_config(model)))
    training = Training(own)
    for name in own.names_in(compile_config):
        with contextlib.suppress(ModelError):  # it is told where it is missing
            own.take([name])
    context = new_context(Arrays(ARRAYS))
    context.code = own.catalog()
    section = network_of(model, context)
    for each in _renamed_activations(model):
        context.note(each)
    if model.compiled:
        fit_call.compiled(training, compile_config, output_keys(section), context)
    examples = Examples({"name": None})
    if seen.call is not None and seen.batch is not None:
        fit_call.fitted(training, seen.call, seen.batch.size)
        one_hot = takes_one_hot(training.section.get("loss"))
        examples = section_of(seen.batch, seen.call, loaded, one_hot)
    else:
        text = "compiled, but never fitted: epochs and data are to be filled in"
        if not model.compiled:
            text = "never compiled: how it learns, and from what, is to be filled in"
        examples.note("", text)
    if seed is not None:
        training.section["seed"] = seed % 2**32
    record |= {
        "model": section,
        "training": training.section,
        "data": examples.section,
        "scaling": examples.scaling,
        "stored_shape": examples.stored_shape,
        "notes": [
            *(Note(("model",), each) for each in context.notes),
            *examples.notes,
            *training.notes,
        ],
        "trainable": [each.trainable for each in model.weights],
        "layers": [type(each).__name__ for each in model.layers],
    }
    last = next((each for each in reversed(again) if "refused" not in each), None)
    if last is not None and _goes_on(record, last):
        return None
    if last is not None:
        text = f"the script goes on here with the weights of line {last['line']}"
        record["notes"].insert(0, Note((), f"{text}: a config begins with new ones"))
    if (code := own.text()) is not None:
        record["own"] = code
    if context.arrays is not None and context.arrays.members:
        record["arrays"] = f"arrays-{id(model)}-{len(again)}.npz"
        document = Document({}, [], record["arrays"], context.arrays.members)
        document.write_arrays(folder)
    if verify:
        place = folder / f"probe-{id(model)}-{len(again)}.npz"
        weights = (seen.call or {}).get("class_weight")
        try:
            record["nesting"] = probe.measure(model, seen.batch, weights, place)
            record["probe"] = place.name
        except Exception as error:  # noqa: BLE001 – whatever the script's model raises
            text = " ".join(str(error).split())[:200]
            record["not_compared"] = f"{type(error).__name__}: {text}"
    return record


def _renamed_activations(model: Any) -> Iterator[str]:
    """Layers whose activation Keras writes down as another function of the same name."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _renamed_activations(layer)
        elif getattr(layer, "activation", None) is keras.ops.gelu:
            yield (
                f"'{layer.name}' has keras.ops.gelu as its activation, which is approximate; the "
                "activation gelu, as which Keras itself saves it, is not"
            )


def _config(model: Any) -> Any:
    try:
        return model.get_config()
    except NotImplementedError:  # `network_of` says it in words
        return {}


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
