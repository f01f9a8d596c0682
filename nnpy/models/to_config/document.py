"""A model → the whole file of its config, with what stands beside it.

document = of_model(model, compile_config, context)
document.text("The network of m.keras")
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from nnpy.config.consistency import takes_one_hot
from nnpy.config.load import load_config
from nnpy.config.yaml.dump import dump
from nnpy.errors import ConfigError, ModelError
from nnpy.models import late_weights
from nnpy.models.build import build
from nnpy.models.to_config import compare, network, training
from nnpy.models.to_config.context import Context
from nnpy.storage import atomic


@dataclass
class Document:
    """What a config says, and what cannot be expressed in one.

    `content` are its sections; `notes` what the user must hear; `arrays` the content of the
    file `array_file` beside it.
    """

    content: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    array_file: str | None = None
    arrays: dict[str, bytes] = field(default_factory=dict)

    def text(self, title: str) -> str:
        """The file: the title and the notes as comments, then the sections."""
        lines = [title, *self.notes]
        comments = "\n".join(f"# {line}" for each in lines for line in each.splitlines())
        return f"{comments}\n{dump(self.content)}"

    def write_arrays(self, folder: Path) -> Path | None:
        """Writes the `.npz` file, if there are arrays for it. A file that is there is kept."""
        if not self.arrays or self.array_file is None:
            return None
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.arrays.items():
                # A fixed date: the same model makes the same file.
                archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content, zipfile.ZIP_DEFLATED)
        place = folder / self.array_file
        atomic.create_bytes(place, buffer.getvalue())
        return place


def of_model(
    model: keras.Model,
    compile_config: Mapping[str, Any] | None = None,
    context: Context | None = None,
) -> Document:
    """The config of a model, with how it learns where it was compiled.

    Raises ModelError for what a config cannot express.
    """
    context = context or network.new_context()
    content: dict[str, Any] = {"model": network.network_of(model, context)}
    if compile_config:
        outputs = training.output_keys(content["model"])
        try:
            content["training"] = training.training_of(compile_config, outputs, context)
        except ModelError as error:
            found, missing = training.training_by_parts(compile_config, outputs, context)
            if "loss" in missing:
                context.note(f"the training section is left out: {error}")
            else:
                content["training"] = found
                for key, each in missing.items():
                    context.note(f"training.{key} is left out: {each}")
    sizes = [each.get("batch_size") for each in content["model"].get("inputs", {}).values()]
    if any(sizes):  # a training must have batches of that size
        content.setdefault("training", {})["batch_size"] = next(filter(None, sizes))
    arrays = context.arrays
    return Document(
        content,
        context.notes,
        arrays.file if arrays else None,
        arrays.members if arrays else {},
    )


def add_data(document: Document, folder: Path, name: str) -> None:
    """Says what a saved model does not know: what it learns from.

    Where Fashion-MNIST, the default, does not fit, the config names no data. `folder` holds what
    the config names, `name` is what the config is called. Raises ModelError when nnpy's own check
    finds a mistake in what it has written.
    """
    content = document.content
    loss = content.get("training", {}).get("loss")
    labels = {"labels": "one_hot"} if takes_one_hot(loss) else {}
    path = folder / name
    for data in (labels, {"name": None, **labels}):
        document.content = _with_data(content, data)
        path.write_text(document.text(""), encoding="utf-8")
        try:
            notes = load_config(path).notes
        except ConfigError as error:
            problem = str(error.problems[0].message)
            continue
        finally:
            path.unlink()
        if not any("not trained on" in each for each in notes) or data.get("name", "") is None:
            break
    else:
        raise ModelError(f"nnpy's own check refuses what the config would say: {problem}")
    if document.content.get("data", {}).get("name", "") is None:
        document.notes.append(
            "data: a saved model does not know what it learned from; name it in data.name to train"
        )
    else:
        document.notes.append(
            "data: a saved model does not know what it learned from; it fits fashion_mnist, "
            "the default"
        )


def _with_data(content: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: each for key, each in content.items() if key == "code"}
    if data:
        found["data"] = dict(data)
    return found | {key: each for key, each in content.items() if key not in found}


def verify(document: Document, model: keras.Model, folder: Path, name: str) -> None:
    """Builds the config and compares it with the model.

    What differs in a name or an argument becomes a note. Raises ModelError when the network
    itself would be another.
    """
    path = folder / name
    path.write_text(document.text(""), encoding="utf-8")
    try:
        built = build(load_config(path, to_train=False), None)
    except ConfigError as error:
        raise ModelError(f"the config cannot be built: {error.problems[0].message}") from error
    finally:
        path.unlink()
    if len(model.weights) > len(built.weights):  # it has been called
        late_weights.make(built)
    found = compare.differences(model, built)
    if any("weights: " in each or " became " not in each for each in found):
        raise ModelError(f"the config would build another model: {found[0]}")
    document.notes.extend(f"not the same: {each}" for each in found[:10])
