"""Opening a file of weights that somebody sent: numbers alone are read, and only what lies in it.

A `.keras` file must pass `model_files.inspect`, though no model is made of it; an HDF5 file (the
`.weights.h5` of Keras 3, the `.h5` of Keras 2) is looked at name by name.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nnpy.errors import ModelError
from nnpy.safety import model_files
from nnpy.storage.regular import open_regular


@contextlib.contextmanager
def open_weights(path: Path, custom_objects: Mapping[str, Any] | None = None) -> Iterator[Any]:
    """The open `h5py.File` of a file's weights.

    Raises `ModelError` that says why where there is none, or none that may be read.
    """
    import h5py

    if path.suffix == ".keras":
        content: Any = io.BytesIO(model_files.weights_in(path, custom_objects))
        with h5py.File(content, "r") as file:
            yield file
        return
    try:
        stored = open_regular(path)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    with stored:
        try:
            file = h5py.File(stored, "r")
        except Exception as error:  # of a damaged file h5py raises anything
            raise ModelError(f"{path} is damaged or no HDF5 file of weights") from error
        with file:
            model_files.check_hdf5(path, file)
            yield file
