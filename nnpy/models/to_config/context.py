"""What the writing of one config shares: the arrays beside it, and what the user must hear."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnpy.catalog.catalog import Catalog
from nnpy.errors import ModelError

_INLINE = 64  # numbers that still stand in the text


class Arrays:
    """The arrays that stand in an `.npz` file beside the config, `file` being its name."""

    def __init__(self, file: str | None) -> None:
        self.file = file
        self.members: dict[str, bytes] = {}

    def written(self, values: list[Any], dtype: str) -> dict[str, Any]:
        """What the config says of an array."""
        content = np.asarray(values, dtype)
        if content.size <= _INLINE:
            return {"array": short(values, dtype), "dtype": dtype}
        if self.file is None:
            raise ModelError(
                f"the model holds an array of {content.size:,} entries, which stands in a file "
                "beside the config: say where with -o FILE"
            )
        own = content.dtype.kind in "biufcU"
        if not own:  # bfloat16 and its kin, which NumPy cannot write
            content = content.astype("float32")
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, content, allow_pickle=False)
        data = buffer.getvalue()
        digest = hashlib.sha256(data).hexdigest()
        same = (name for name, each in self.members.items() if each == data)
        name = next(same, f"array_{len(self.members)}")
        self.members[name] = data
        more = {} if own else {"dtype": dtype}
        return {"array": self.file, "name": name, **more, "sha256": digest}


@dataclass
class Context:
    """What the writing of one config shares.

    `nested(model, context, place)` writes a model within another. `notes` are told to the user
    and stand in the file; `places` is where each layer that has been written stands, by its
    identity: a layer is written once.
    """

    nested: Callable[[Any, Context, str], dict[str, Any]]
    arrays: Arrays | None = None
    code: Catalog | None = None  # what the user's own files define, on top of Keras's
    notes: list[str] = field(default_factory=list)
    places: dict[int, str] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)  # the classes of the user's own code
    # Objects whose identity `places` holds: what is alive keeps its identity to itself.
    alive: list[Any] = field(default_factory=list)

    def note(self, message: str) -> None:
        if message not in self.notes:
            self.notes.append(message)


def short(value: Any, dtype: str) -> Any:
    """0.10000000149011612, a float32 written as a float64 → 0.1, the same float32."""
    if isinstance(value, list):
        return [short(each, dtype) for each in value]
    if dtype == "float32" and isinstance(value, float):
        brief = float(str(np.float32(value)))
        return brief if np.float32(brief) == np.float32(value) else value
    return value
