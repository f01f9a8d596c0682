"""`keras.datasets` for a script that is imported: what it loads is remembered.

Fashion-MNIST comes from nnpy's own reader where Keras's cache lacks it: that looks in more
places and checks every file.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from nnpy.data.sources import fashion_mnist
from nnpy.workflows.import_script.examples import Loaded

NAMES = (
    *("mnist", "fashion_mnist", "cifar10", "cifar100"),
    *("imdb", "reuters", "boston_housing", "california_housing"),
)


def remember(replace: Callable[[Any, str, Any], None], loaded: list[Loaded]) -> None:
    """From now on `keras.datasets.NAME.load_data` also adds to `loaded` what it gives."""
    for name in NAMES:
        stand_in = _remembering(name, getattr(keras.datasets, name).load_data, loaded)
        for home in homes(f"datasets.{name}"):
            replace(home, "load_data", stand_in)


def homes(name: str) -> list[Any]:
    """The modules of Keras that scripts know by a name, `utils` or `datasets.mnist`.

    `from tensorflow.keras.utils import …` takes another module than `tf.keras.utils`.
    """
    found = [importlib.import_module(f"{root}.{name}") for root in ("keras", "tensorflow.keras")]
    return found if found[0] is not found[1] else found[:1]


def _remembering(
    name: str, original: Callable[..., Any], loaded: list[Loaded]
) -> Callable[..., Any]:
    @functools.wraps(original)
    def load_data(*arguments: Any, **named: Any) -> Any:
        if name == "fashion_mnist" and not fashion_mnist.places()[0].found:
            found = _fashion_mnist()
        else:
            found = original(*arguments, **named)
        (x_train, y_train), (x_test, y_test) = found
        loaded.append(Loaded(name, (x_train, y_train), (x_test, y_test)))
        return found

    return load_data


def _fashion_mnist() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    dataset = fashion_mnist.read()
    train, test = dataset.train, dataset.test
    assert test is not None
    return (np.asarray(train.x), np.asarray(train.y)), (np.asarray(test.x), np.asarray(test.y))
