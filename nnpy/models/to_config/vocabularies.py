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

_MOST_IN_NOTE = 16  # numbers
MOST_IN_TEXT = 100  # terms; longer vocabularies stand in the file beside the config

_LOOKUPS = (
    keras.layers.StringLookup,
    keras.layers.IntegerLookup,
    keras.layers.TextVectorization,
)


def with_learned(layer: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a layer with its vocabulary, weights of terms or boundaries of bins.

    Long ones are arrays, as Keras serializes arrays. For other layers the config itself.
    """
    found = dict(config)
    if isinstance(layer, keras.layers.Discretization):
        boundaries = layer.bin_boundaries
        if boundaries is not None:
            # `num_bins` is what `adapt` was asked for; a constructor takes only one of the two.
            found |= {"bin_boundaries": _listed(np.asarray(boundaries)), "num_bins": None}
    elif isinstance(layer, _LOOKUPS):
        terms = _terms(layer, found.get("vocabulary"))
        found["vocabulary"] = _listed(terms)
        if found.get("output_mode") == "tf_idf":
            given = found.get("idf_weights")
            found["idf_weights"] = _listed(_idf_weights(layer, terms) if given is None else given)
    return found


def what_stays_behind(layer: Any) -> str | None:
    """What an adapted layer learned and a config does not repeat; None for other layers.

    A Normalization keeps mean and variance as weights: they come with a model's weights, not
    with its config.
    """
    if not isinstance(layer, keras.layers.Normalization) or layer.input_mean is not None:
        return None
    if not layer.built or layer.mean is None:
        return None
    mean, variance = (
        np.ravel(keras.ops.convert_to_numpy(each)) for each in (layer.mean, layer.variance)
    )
    if not mean.any() and (variance == 1).all():
        return None
    text = f"'{layer.name}' has learned its mean and variance by adapt: they are weights, not here"
    if mean.size > _MOST_IN_NOTE:
        return f"{text}; to train anew, give it adapt: true"
    numbers = (", ".join(f"{each:.6g}" for each in values) for values in (mean, variance))
    return "{}; to train anew, give it adapt: true, or mean: [{}], variance: [{}]".format(
        text, *numbers
    )


def _terms(layer: Any, given: Any) -> list[Any] | None:
    """The terms of a lookup in the order of their numbers; None if it has not learned any."""
    terms = layer.get_vocabulary(include_special_tokens=False) if given is None else given
    return [_plain(each) for each in terms] or None


def _idf_weights(layer: Any, terms: list[Any] | None) -> Any:
    """The weight of each term, as `adapt` computed it.

    A TextVectorization has them in its StringLookup, for which Keras has no public name. They
    begin with the weights of the unknown terms and end with the padding up to `max_tokens`.
    """
    lookup = getattr(layer, "_lookup_layer", layer)
    weights = getattr(lookup, "idf_weights", None)
    if terms is None or weights is None:
        return None
    unknown = len(layer.get_vocabulary()) - len(terms)
    return np.asarray(weights.numpy())[unknown : unknown + len(terms)]


def _listed(values: Any) -> Any:
    """A short list as it is; a long one as Keras serializes a NumPy array."""
    if values is None:
        return None
    listed = [_plain(each) for each in values]
    if len(listed) <= MOST_IN_TEXT:
        return listed
    dtype = "str" if isinstance(listed[0], str) else np.asarray(values).dtype.name
    return {"class_name": "__numpy__", "config": {"value": listed, "dtype": dtype}}


def _plain(term: Any) -> Any:
    if isinstance(term, bytes):
        return term.decode()
    return term.item() if isinstance(term, np.generic) else term
