"""What a preprocessing layer learned by `adapt`, which its `get_config()` does not tell.

    config = with_learned(layer, layer.get_config())

Keras keeps an adapted vocabulary in a file of its own within a `.keras` archive, and what a
Discretization found beside the number of bins that excludes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

_LOOKUPS = (
    keras.layers.StringLookup,
    keras.layers.IntegerLookup,
    keras.layers.TextVectorization,
)


def with_learned(layer: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a layer with its vocabulary, weights of terms or boundaries of bins.

    For other layers the config itself.
    """
    found = dict(config)
    if isinstance(layer, keras.layers.Discretization):
        boundaries = layer.bin_boundaries
        if boundaries is not None:
            # `num_bins` is what `adapt` was asked for; a constructor takes only one of the two.
            found |= {"bin_boundaries": np.asarray(boundaries).tolist(), "num_bins": None}
    elif isinstance(layer, _LOOKUPS):
        if found.get("vocabulary") is None:
            found["vocabulary"] = _vocabulary(layer)
        else:
            found["vocabulary"] = [_plain(each) for each in found["vocabulary"]]
        if found.get("idf_weights") is None and found.get("output_mode") == "tf_idf":
            found["idf_weights"] = _idf_weights(layer, found["vocabulary"])
    return found


def _vocabulary(layer: Any) -> list[Any] | None:
    """The terms of a lookup in the order of their numbers; None if it has not learned any."""
    terms = [_plain(each) for each in layer.get_vocabulary(include_special_tokens=False)]
    return terms or None


def _idf_weights(layer: Any, vocabulary: list[Any] | None) -> list[float] | None:
    """The weight of each term of `vocabulary`, as `adapt` computed it.

    A TextVectorization has them in its StringLookup, for which Keras has no public name. They
    begin with the weights of the unknown terms and end with the padding up to `max_tokens`.
    """
    lookup = getattr(layer, "_lookup_layer", layer)
    weights = getattr(lookup, "idf_weights", None)
    if vocabulary is None or weights is None:
        return None
    values = np.asarray(weights.numpy())
    unknown = len(layer.get_vocabulary()) - len(vocabulary)
    return [float(each) for each in values[unknown : unknown + len(vocabulary)]]


def _plain(term: Any) -> Any:
    if isinstance(term, bytes):
        return term.decode()
    return term.item() if isinstance(term, np.generic) else term
