"""The sets of `keras.datasets`, loaded (and downloaded, and checked) by it: pictures, numbers and
texts. A text is the numbers of its words; texts become rows of one length here."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.catalog.entries import Parameter
from nnpy.data.dataset import DataInfo, Dataset, Place, Progress, Split
from nnpy.data.targets import Target, Task
from nnpy.errors import DataError

if TYPE_CHECKING:
    import numpy as np

CIFAR10_CLASSES = "airplane automobile bird cat deer dog frog horse ship truck"
CIFAR100_CLASSES = (
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus"
    " butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch"
    " crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo"
    " keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse"
    " mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy"
    " porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper"
    " snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television"
    " tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm"
)


def _info(name: str, shape: tuple[int, ...], classes: str, train: int) -> DataInfo:
    return DataInfo(name, shape, "uint8", tuple(classes.split()), train, 10_000, 1 / 255)


REUTERS_CLASSES = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves"
    " ship cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin"
    " strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop zinc orange pet-chem"
    " dlr gas silver wpi hog lead"
)
# Of texts: `vocabulary` and `length` as the source `text` has them.
WORDS = (
    Parameter(
        "vocabulary",
        default=10_000,
        types=("int",),
        minimum=4,
        maximum=100_000,
        doc="Numbers that a word may have, the most frequent ones; 0 fills up, 1 begins a text, 2 "
        "is any other word. It is the input_dim of an Embedding.",
    ),
    Parameter(
        "length",
        default=200,
        types=("int",),
        minimum=1,
        maximum=10_000,
        doc="Words of an example; what is longer is cut off, what is shorter filled up with 0.",
    ),
)


def _numbers(name: str, features: int, target: str, train: int, test: int) -> DataInfo:
    targets = (Target(task=Task.NUMBERS, classes=(target,)),)
    return DataInfo(name, (features,), "float32", (), train, test, 1.0, targets=targets)


def _texts(name: str, classes: str, train: int, test: int) -> DataInfo:
    return DataInfo(name, (200,), "int32", tuple(classes.split()), train, test, 1.0)


INFOS = {
    "boston_housing": _numbers("boston_housing", 13, "price in 1000 $", 404, 102),
    "california_housing": _numbers("california_housing", 8, "price in $", 16_512, 4_128),
    "imdb": _texts("imdb", "negative positive", 25_000, 25_000),
    "reuters": _texts("reuters", REUTERS_CLASSES, 8_982, 2_246),
    "mnist": _info("mnist", (28, 28), "0 1 2 3 4 5 6 7 8 9", 60_000),
    "cifar10": _info("cifar10", (32, 32, 3), CIFAR10_CLASSES, 50_000),
    "cifar100": _info("cifar100", (32, 32, 3), CIFAR100_CLASSES, 50_000),
}
# the file that Keras keeps in its cache and checks, and where it gets it
_PLACE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
ARCHIVES = {
    **{
        name: (f"{name}.npz", f"{_PLACE}/{name}.npz")
        for name in ("boston_housing", "california_housing", "imdb", "reuters")
    },
    "mnist": (
        "mnist.npz",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    ),
    "cifar10": (
        "cifar-10-batches-py-target_archive",
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    ),
    "cifar100": (
        "cifar-100-python-target_archive",
        "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    ),
}


def keras_cache() -> Path:
    """Keras's folder of data sets, found as Keras finds it, without importing Keras."""
    if home := os.environ.get("KERAS_HOME"):
        return Path(home).expanduser() / "datasets"
    user = Path("~").expanduser()
    base = user if os.access(user, os.W_OK) else Path("/tmp")
    return base / ".keras" / "datasets"


def info(name: str, path: str | None = None, **given: Any) -> DataInfo:
    """The facts of the data set `name`; nothing is read."""
    known = INFOS[name]
    return replace(known, shape=(given["length"],)) if "length" in given else known


def places(name: str) -> list[Place]:
    """Keras's cached file of the data set."""
    file = keras_cache() / ARCHIVES[name][0]
    return [Place(str(file), file.is_file(), "1 file" if file.is_file() else "no such file")]


def read(
    name: str,
    path: str | None = None,
    progress: Progress | None = None,
    _budget: int | None = None,  # Keras reads its files whole
    **given: Any,
) -> Dataset:
    """The data set `name` without validation, through Keras, which checks its SHA-256.

    Imports Keras. Keras reports no progress of a download, so `progress` is called once, when
    one begins, without a size. The digests are those of the arrays.
    """
    if path is not None:
        raise DataError(
            f"data.path is not used by '{name}', which Keras keeps in {keras_cache()}; leave it"
            " out, or set data.name to idx to read a folder of IDX files"
        )
    place = places(name)[0]
    if progress and not place.found:
        progress(f"download {ARCHIVES[name][0]}", 0, None)
    words = {"num_words": given["vocabulary"]} if given else {}
    (x_train, y_train), (x_test, y_test) = _load_data(name, **words)
    facts = replace(info(name, **given), train=len(y_train), test=len(y_test))
    if given:
        x_train, x_test = (_rows(each, given["length"]) for each in (x_train, x_test))
    for x in (x_train, x_test):
        if x.shape[1:] != facts.shape:
            raise DataError(
                f"Keras gave {name} images of shape {x.shape[1:]}: expected {facts.shape};"
                " is image_data_format set to channels_first in keras.json?"
            )
    if facts.targets[0].task is Task.NUMBERS:
        y_train, y_test = (each.reshape(-1, 1).astype("float64") for each in (y_train, y_test))
    else:  # CIFAR's labels come as (n, 1)
        y_train, y_test = y_train.reshape(-1), y_test.reshape(-1)
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    return Dataset(
        info=facts,
        train=Split(x_train, y_train),
        validation=None,
        test=Split(x_test, y_test),
        digests={key: _digest(array) for key, array in arrays.items()},
        source=place.path if place.found else ARCHIVES[name][1],
    )


def _rows(texts: np.ndarray, length: int) -> np.ndarray:
    """Lists of numbers as rows (n, length) int32, filled up with 0 at the end, where masks are."""
    import numpy as np

    rows = np.zeros((len(texts), length), np.int32)
    for row, text in zip(rows, texts, strict=True):
        row[: len(text)] = text[:length]
    return rows


def _load_data(
    name: str, **how: Any
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    import keras

    talks = keras.config.is_interactive_logging_enabled()
    keras.config.disable_interactive_logging()  # else it prints a progress bar to stdout
    try:
        return getattr(keras.datasets, name).load_data(**how)
    except Exception as error:  # Keras raises a bare Exception when a download fails
        archive, url = ARCHIVES[name]
        raise DataError(
            f"{name} could not be loaded through Keras: {error}\n"
            f"Without network access, download {url}\n  to {keras_cache() / archive}"
        ) from error
    finally:
        if talks:
            keras.config.enable_interactive_logging()


def _digest(array: np.ndarray) -> str:
    import numpy as np

    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def functions(name: str) -> tuple[partial, partial, partial]:
    """`info`, `read` and `places` of one of Keras's sets, for the table of sources."""
    return partial(info, name), partial(read, name), partial(places, name)
