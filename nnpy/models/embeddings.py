"""Categories of a table that have too many values for a place of each: embedded by the model.

The last places of a row's vector are their codes. Keras's own layers alone make vectors of them,
so that a saved model needs nobody's code: the model that is made here stands before the first
layer of the config. Importing this module imports Keras.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

NAME = "categories"


def width(size: int) -> int:
    """Numbers that stand for one of `size` codes: fastai's rule of thumb,
    https://docs.fast.ai/tabular.model.html#emb_sz_rule, at most 50."""
    return min(50, max(2, round(1.6 * size**0.56)))


def front(length: int, sizes: Sequence[int]) -> keras.Model:
    """A vector (batch, length) whose last places are codes below `sizes` → one of numbers."""
    start = keras.Input((length,), name="row")
    plain = length - len(sizes)
    parts = [start[:, :plain]] if plain else []
    for index, size in enumerate(sizes):
        code = start[:, plain + index]
        table = keras.layers.Embedding(size, width(size), name=f"category_{index + 1}")
        parts.append(table(code))
    whole = keras.layers.Concatenate(name="joined")(parts) if len(parts) > 1 else parts[0]
    return keras.Model(start, whole, name=NAME)
