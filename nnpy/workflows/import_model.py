"""A `.keras` file → the config that builds its network, checked and built before it is written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import keras

from nnpy.catalog import catalog
from nnpy.config import user_code
from nnpy.config.checker import Checker
from nnpy.config.load import load_config
from nnpy.errors import ModelError, UsageError
from nnpy.models.to_config import as_saved, saved_names
from nnpy.models.to_config import document as documents
from nnpy.models.to_config.context import Arrays
from nnpy.models.to_config.layers import is_network
from nnpy.models.to_config.network import network_of, new_context
from nnpy.models.user_code import own_objects
from nnpy.safety import model_files
from nnpy.storage import atomic


def import_model(
    model: str | Path | keras.Model,
    output: Path | None,
    code: Path | None = None,
    *,
    trust_code: bool = False,
) -> tuple[str, list[str]]:
    """The text of the config of a `.keras` file or a model, and what the user must hear of it.

    `output` is where the text is written, with an `.npz` file for long arrays beside it; neither
    is ever overwritten. `code` is the user's own Python file that defines what is not Keras's; it
    is named in the config relative to `output`. Raises ModelError for what a config cannot
    express, UsageError when a file is there already or the code is not to be trusted.
    """
    if isinstance(model, keras.Model):
        if is_network(model):
            network_of(model)  # what saving would lose
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder, f"{model.name}.keras")
            model.save(place)
            return import_model(place, output, code, trust_code=trust_code)
    model = Path(model)
    array_file = f"{output.stem}.npz" if output is not None else None
    context = new_context(Arrays(array_file))
    custom = {}
    if code is not None:
        # A config that names it is the one way to the user's own code, and to its seal.
        config = load_config(
            {"code": str(code), "model": ["Flatten"]}, trust_code=trust_code, to_train=False
        )
        known = catalog.load()
        context.code = user_code.OwnCatalog(known, config.code, Checker(known))
        custom = own_objects(config)
    for each in (output, output.parent / array_file if output and array_file else None):
        if each is not None and each.exists():
            raise UsageError(f"{each} already exists; nothing was written")
    saved, _ = model_files.inspect(model, custom, compile=False)
    opened = model_files.open_model(model, custom, compile=False)
    saved_names.restore(opened, saved)
    if told := as_saved.lost(opened, saved):
        raise ModelError(f"{model}: Keras itself does not load the model that it has saved: {told}")
    document = documents.of_model(opened, saved.get("compile_config"), context)
    if code is not None:
        document.content = {"code": str(code.absolute()), **document.content}
    elif context.foreign:
        names = ", ".join(sorted(context.foreign))
        raise ModelError(f"{names} is not Keras's: name the Python file that defines it (--code)")
    with tempfile.TemporaryDirectory() as folder:
        name = f"{output.stem if output is not None else 'model'}.yaml"
        document.write_arrays(Path(folder))
        documents.add_data(document, Path(folder), name)
        documents.verify(document, opened, Path(folder), name)
    if code is not None:
        home = output.parent if output is not None else Path()
        document.content["code"] = Path(os.path.relpath(code, home)).as_posix()
    text = document.text(f"The network of {model.name}")
    if output is not None:
        document.write_arrays(output.parent)
        atomic.create(output, text)
    return text, document.notes
