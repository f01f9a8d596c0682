"""Toy sets in the plane, with scikit-learn's words: blobs, moons, circles, xor, spirals.

`make_blobs`, `make_moons` and `make_circles` of scikit-learn
(https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_moons.html) are followed
in shape, parameters and distribution; the numbers drawn are of NumPy's newer generator. `xor` and
`spirals` are folklore: two signs, and one arm of r = t for each class.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from nnpy.catalog.entries import Parameter
from nnpy.data.dataset import DataInfo, Dataset, Place, Progress, Split

if TYPE_CHECKING:
    import numpy as np

_SAMPLES = Parameter(
    "n_samples",
    default=1000,
    types=("int",),
    minimum=10,
    maximum=10_000_000,
    doc="How many examples, of all classes together.",
)
_SEED = Parameter(
    "random_state",
    default=0,
    types=("int",),
    minimum=0,
    maximum=2**32 - 1,
    doc="Draws the examples.",
)


def _noise(default: float) -> Parameter:
    return Parameter(
        "noise",
        default=default,
        types=("float",),
        minimum=0,
        doc="Standard deviation of the Gaussian noise added to both coordinates.",
    )


PARAMETERS = {
    "blobs": (
        _SAMPLES,
        Parameter(
            "centers",
            default=3,
            types=("int",),
            minimum=2,
            maximum=100,
            doc="How many blobs, each a class.",
        ),
        Parameter(
            "n_features",
            default=2,
            types=("int",),
            minimum=1,
            maximum=1000,
            doc="Numbers of an example.",
        ),
        Parameter(
            "cluster_std",
            default=1.0,
            types=("float",),
            minimum=0,
            doc="Standard deviation of each blob.",
        ),
        _SEED,
    ),
    "moons": (_SAMPLES, _noise(0.1), _SEED),
    "circles": (
        _SAMPLES,
        _noise(0.05),
        Parameter(
            "factor",
            default=0.8,
            types=("float",),
            minimum=0,
            maximum=1,
            exclusive_maximum=True,
            doc="The inner circle's radius; the outer one's is 1.",
        ),
        _SEED,
    ),
    "xor": (
        _SAMPLES,
        _noise(0.0),
        Parameter(
            "gap",
            default=0.0,
            types=("float",),
            minimum=0,
            doc="Width of the strip along each axis that holds no examples.",
        ),
        _SEED,
    ),
    "spirals": (
        _SAMPLES,
        _noise(0.1),
        Parameter(
            "arms",
            default=2,
            types=("int",),
            minimum=2,
            maximum=20,
            doc="How many arms, each a class.",
        ),
        Parameter(
            "turns",
            default=1.5,
            types=("float",),
            minimum=0,
            exclusive_minimum=True,
            doc="How often an arm turns round the middle.",
        ),
        _SEED,
    ),
}
_CLASSES = {
    "moons": ("upper", "lower"),
    "circles": ("outer", "inner"),
    "xor": ("same sign", "other sign"),
}


def info(name: str, path: str | None = None, **given: Any) -> DataInfo:
    """The facts of the toy set; nothing is drawn."""
    count = given.get("centers") or given.get("arms") or 2
    classes = _CLASSES.get(name) or tuple(str(i) for i in range(count))
    shape = (given.get("n_features", 2),)
    return DataInfo(name, shape, "float32", classes, given["n_samples"], 0, 1.0)


def read(
    name: str,
    path: str | None = None,
    progress: Progress | None = None,
    _budget: int | None = None,
    **given: Any,
) -> Dataset:
    """The toy set, in a random order."""
    import numpy as np

    rng = np.random.default_rng(given["random_state"])
    facts = info(name, **given)
    classes = len(facts.classes)
    sizes = [(facts.train + classes - 1 - i) // classes for i in range(classes)]
    x = _MAKERS[name](rng, sizes, given)
    y = np.repeat(np.arange(classes, dtype=np.int32), sizes)
    if name == "xor":
        y = _xor_class(x)
    if given.get("noise"):
        x = x + rng.normal(scale=given["noise"], size=x.shape)
    order = rng.permutation(len(x))
    x, y = x[order].astype(np.float32), y[order]
    digests = {
        key: hashlib.sha256(each.tobytes()).hexdigest() for key, each in (("x", x), ("y", y))
    }
    return Dataset(facts, Split(x, y), None, None, digests, f"{name}, drawn here")


def places(name: str) -> list[Place]:
    """Nowhere: it is drawn."""
    return []


def functions(name: str) -> tuple[partial, partial, partial]:
    """`info`, `read` and `places` of one of the toys, for the table of sources."""
    return partial(info, name), partial(read, name), partial(places, name)


def _blobs(rng: Any, sizes: list[int], given: dict[str, Any]) -> np.ndarray:
    import numpy as np

    centers = rng.uniform(-10.0, 10.0, (len(sizes), given["n_features"]))
    parts = [
        rng.normal(center, given["cluster_std"], (size, len(center)))
        for center, size in zip(centers, sizes, strict=True)
    ]
    return np.concatenate(parts)


def _moons(rng: Any, sizes: list[int], given: dict[str, Any]) -> np.ndarray:
    import numpy as np

    upper, lower = (np.linspace(0, np.pi, size) for size in sizes)
    return np.concatenate(
        [
            np.stack([np.cos(upper), np.sin(upper)], 1),
            np.stack([1 - np.cos(lower), 0.5 - np.sin(lower)], 1),
        ]
    )


def _circles(rng: Any, sizes: list[int], given: dict[str, Any]) -> np.ndarray:
    import numpy as np

    rounds = [np.linspace(0, 2 * np.pi, size, endpoint=False) for size in sizes]
    radii = (1.0, given["factor"])
    return np.concatenate(
        [
            radius * np.stack([np.cos(angles), np.sin(angles)], 1)
            for angles, radius in zip(rounds, radii, strict=True)
        ]
    )


def _xor(rng: Any, sizes: list[int], given: dict[str, Any]) -> np.ndarray:
    import numpy as np

    x = rng.uniform(-1.0, 1.0, (sum(sizes), 2))
    return x + np.copysign(given["gap"] / 2, x)


def _xor_class(x: np.ndarray) -> np.ndarray:
    """1 where the signs of the two numbers differ; of the numbers before the noise."""
    import numpy as np

    return ((x[:, 0] > 0) != (x[:, 1] > 0)).astype(np.int32)


def _spirals(rng: Any, sizes: list[int], given: dict[str, Any]) -> np.ndarray:
    import numpy as np

    parts = []
    for i, size in enumerate(sizes):
        radius = np.sqrt(rng.uniform(0.0, 1.0, size))  # as dense outside as inside
        angle = 2 * np.pi * (given["turns"] * radius + i / len(sizes))
        parts.append(2 * np.pi * radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1))
    return np.concatenate(parts)


_MAKERS: dict[str, Callable[[Any, list[int], dict[str, Any]], np.ndarray]] = {
    "blobs": _blobs,
    "moons": _moons,
    "circles": _circles,
    "xor": _xor,
    "spirals": _spirals,
}
