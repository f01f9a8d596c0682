"""Arguments that Keras's own `get_config()` leaves out: a saved model has lost them.

`Huber(delta=2.0)` is saved as a Huber, whose delta is 1.0 when it is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any

import keras

from nnpy.catalog.entries import Entry
from nnpy.catalog.kinds import MODULES

LOST = {
    ("loss", "Huber"): ("delta",),
    ("loss", "CosineSimilarity"): ("axis",),
    ("loss", "SparseCategoricalCrossentropy"): ("axis",),
    ("metric", "CosineSimilarity"): ("axis",),
    ("initializer", "Identity"): ("gain",),
    ("layer", "CategoryEncoding"): ("sparse",),
    ("layer", "MaxNumBoundingBoxes"): ("fill_value",),
}
_WORTH_A_NOTE = ("delta", "gain")  # what people give; the others hardly ever


def missing(entry: Entry, config: Mapping[str, Any]) -> Iterator[str]:
    """What is to be said of an object that has lost arguments."""
    for name in LOST.get((entry.kind, entry.name), ()):
        parameter = entry.parameter(name)
        if name not in config and name in _WORTH_A_NOTE and parameter is not None:
            yield (
                f"Keras does not save '{name}' of {entry.name}: it is {parameter.default} here; "
                "write it if it was another"
            )


def keep(replace: Callable[[Any, str, Any], None]) -> None:
    """From now on `get_config()` of live objects tells these arguments, too."""
    for (kind, name), lost in LOST.items():
        owner = getattr(attrgetter(MODULES[kind])(keras), name)
        replace(owner, "get_config", _whole(owner.get_config, lost))


def _whole(original: Callable[[Any], dict[str, Any]], names: tuple[str, ...]) -> Any:
    def get_config(self: Any) -> dict[str, Any]:
        # Losses and metrics made of a function keep its arguments under a private name.
        kept = {**vars(self), **getattr(self, "_fn_kwargs", {})}
        return {**original(self), **{name: kept[name] for name in names if name in kept}}

    return get_config
