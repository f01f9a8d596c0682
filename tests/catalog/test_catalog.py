"""The catalog says what the installed Keras does: every claim is tried on the real objects."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest

from nnpy.catalog import build, catalog
from nnpy.catalog.entries import Entry, Parameter
from nnpy.catalog.hints import EXAMPLE, NOT_FOR_CONFIGS
from nnpy.catalog.kinds import KINDS
from nnpy.catalog.pack import pack

SHIPPED_TEXT = catalog.SHIPPED.read_text(encoding="utf-8")
CATALOG = catalog.Catalog(json.loads(SHIPPED_TEXT))

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(
        keras.__version__ != CATALOG.keras_version,
        reason="the shipped catalog is of another Keras; `make catalog` makes it anew",
    ),
]

MODULES: dict[str, ModuleType] = {
    "layer": keras.layers,
    "optimizer": keras.optimizers,
    "schedule": keras.optimizers.schedules,
    "loss": keras.losses,
    "metric": keras.metrics,
    "initializer": keras.initializers,
    "regularizer": keras.regularizers,
    "constraint": keras.constraints,
    "callback": keras.callbacks,
    "quantizer": keras.quantizers,
}

# Required arguments beside those that the catalog itself is made with.
REQUIRED: dict[str, Any] = {
    "initial_learning_rate": 0.1,
    "decay_steps": 10,
    "decay_rate": 0.5,
    "first_decay_steps": 10,
    "boundaries": [1, 2],
    "values": [1.0, 0.5, 0.1],
    "precision": 0.5,
    "recall": 0.5,
    "specificity": 0.5,
    "sensitivity": 0.5,
    "filename": "log.csv",
    "filepath": "model.keras",
    "backup_dir": "backup",
    "schedule": abs,
    "function": abs,
    "fn": keras.losses.mean_squared_error,
}

# Arguments without which some objects cannot be made, or not be called with a small array.
OWN: dict[str, dict[str, Any]] = {
    "CategoryEncoding": {"num_tokens": 4},
    "Discretization": {"bin_boundaries": [0.5]},
    "InputLayer": {"shape": [4]},
    "RandomPosterization": {"factor": 4},
    "GroupNormalization": {"groups": 2},
    "TimeDistributed": {"layer": keras.layers.Identity()},
    "Conv1D": {"filters": 4, "kernel_size": 1},
    "STFTSpectrogram": {"frame_length": 2},
}

# Those that a small array of numbers in [0, 1] does not suit, or that have no call.
ONLY_MADE = {
    "HashedCrossing",
    "InputLayer",
    "IntegerLookup",
    "StringLookup",
    "TextVectorization",
    "MelSpectrogram",
    "SpectralNormalization",
    "Pipeline",
    "GroupQueryAttention",
    "CTC",
    "Circle",
    "STFT",
    "MeanMetricWrapper",
}

# Keras takes any further argument of these in silence.
SWALLOW = {
    "HashedCrossing",
    "InputLayer",
    "LambdaCallback",
    "MeanMetricWrapper",
    "ReduceLROnPlateau",
}

# Layers that need a data type of their own.
OWN_DTYPE = {"Hashing", "HashedCrossing", "IntegerLookup", "StringLookup", "TextVectorization"}

# Null is the default here, but something else must be given.
NO_NULL = {
    ("AUC", "num_thresholds"),  # only beside thresholds
    ("CategoryEncoding", "num_tokens"),
    ("InputLayer", "shape"),
    ("Discretization", "bin_boundaries"),
}
SAFE_FLAGS = {
    "use_bias",
    "trainable",
    "return_sequences",
    "center",
    "keepdims",
    "amsgrad",
    "nesterov",
}
SIZES = {"kernel_size", "pool_size", "strides", "dilation_rate", "size", "output_size"}

# Packages that are not here, and a class that takes only live objects.
NOT_MADE = {
    "FlaxLayer",
    "JaxLayer",
    "TorchModuleWrapper",
    "TFSMLayer",
    "OrbaxCheckpoint",
    "MultiOptimizer",
    "crossentropy",  # a word that compile() knows, not a class
}


def entries(*kinds: str) -> list[Any]:
    return [
        pytest.param(found(kind, name), id=f"{kind}-{name}")
        for kind in kinds or MODULES
        for name in CATALOG.names(kind)
        if name not in NOT_MADE
    ]


def found(kind: str, name: str) -> Entry:
    entry = CATALOG.find(kind, name)
    assert entry is not None, name
    return entry


def make(entry: Entry, **arguments: Any) -> Any:
    """The real object, with the plainest required arguments and those given."""
    required = {**EXAMPLE, **REQUIRED}
    values = {each.name: required[each.name] for each in entry.parameters if each.required}
    values = {
        name: value() if callable(value) and name in EXAMPLE else value
        for name, value in values.items()
    }
    cls = getattr(MODULES[entry.kind], entry.name)
    return cls(**{**values, **OWN.get(entry.name, {}), **arguments})


def use(entry: Entry, made: Any) -> None:
    """Uses an object once, as a training would: some refuse their arguments only then."""
    random = np.random.default_rng(0).random
    square = random((4, 4)).astype("float32")
    if entry.kind == "layer":
        _call(entry, made)
    elif entry.kind == "optimizer":
        variable = keras.Variable(square)
        made.build([variable])
        made.apply([keras.ops.convert_to_tensor(square)], [variable])
    elif entry.kind in ("loss", "metric"):
        labels = np.array([0, 1, 2, 3]) if "Sparse" in entry.name else np.eye(4, dtype="float32")
        made(labels, square)
    elif entry.kind == "schedule":
        made(1)
    elif entry.kind in ("initializer", "regularizer", "constraint"):
        made((4, 4)) if entry.kind == "initializer" else made(square)


def _call(entry: Entry, layer: Any) -> None:
    rank = entry.input_rank or entry.min_rank or 2
    shape = (2, 4, 4, 3) if rank == 4 else (2,) + (4,) * (rank - 1)
    array = np.random.default_rng(0).random(shape).astype("float32")
    names = [each.name for each in entry.call]
    inputs: Any = [array, array] if entry.call[0].types == ("list",) else array
    further = [array] if names[:2] == ["query", "value"] else []
    if "states" in names:
        further = [layer.get_initial_state(2)]
    training = {"training": True} if "training" in names else {}
    layer(inputs, *further, **training)


def refuses(entry: Entry, **arguments: Any) -> bool:
    """Whether Keras refuses the arguments when it makes the object or first uses it."""
    try:
        use(entry, make(entry, **arguments))
    except Exception:  # noqa: BLE001 – each object has its own
        return True
    return False


# Keras takes these in silence: it clamps a dropout to [0, 1], does not clip by a negative norm,
# looks at ema_momentum only with use_ema, and trains or stops absurdly with the others.
SILENT = {
    "dropout",
    "recurrent_dropout",
    "ema_momentum",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "label_smoothing",
    "learning_rate",
    "initial_learning_rate",
    "patience",
    "cooldown",
    "start_from_epoch",
    "mode",  # of callbacks: a warning, then "auto"; of RandomFlip: no flip at all
}


def test_the_shipped_catalog_is_what_the_installed_keras_gives():
    fresh = pack(keras.__version__, build.dtypes(), build.entries())
    assert fresh == catalog.SHIPPED.read_text(encoding="utf-8"), "run `make catalog`"


def test_reading_imports_nothing_slow():
    program = (
        "import sys; from nnpy.catalog import catalog; c = catalog.load(); "
        "c.find('layer', 'Dense'); print(*sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    slow = {"keras", "tensorflow", "numpy", "importlib.metadata", "subprocess", "click", "yaml"}
    assert not slow & set(result.stdout.split())


@pytest.mark.parametrize(
    ("kind", "name", "primary"),
    [
        ("layer", "Dense", "Dense"),
        ("layer", "Convolution2D", "Conv2D"),
        ("layer", "AvgPool2D", "AveragePooling2D"),
        ("optimizer", "adamw", "AdamW"),
        ("optimizer", "RmsProp", "RMSprop"),
        ("optimizer", "lamb", "Lamb"),
        ("schedule", "CosineDecay", "CosineDecay"),
        ("loss", "sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"),
        ("loss", "MSE", "MeanSquaredError"),
        ("loss", "ce", "crossentropy"),
        ("metric", "acc", "Accuracy"),
        ("metric", "mse", "MeanSquaredError"),
        ("initializer", "glorot_uniform", "GlorotUniform"),
        ("initializer", "normal", "RandomNormal"),
        ("regularizer", "l1_l2", "L1L2"),
        ("constraint", "max_norm", "MaxNorm"),
        ("callback", "EarlyStopping", "EarlyStopping"),
        ("activation", "swish", "silu"),
        ("op", "relu", "relu"),
        ("op", "nn.relu", "relu"),
        ("op", "image.resize", "image.resize"),
        ("op", "linalg.norm", "norm"),
    ],
)
def test_find_by_name_and_alias(kind: str, name: str, primary: str):
    assert found(kind, name).name == primary
    assert primary in CATALOG.names(kind)
    assert name.lower() in {each.lower() for each in CATALOG.suggestions(kind)}


@pytest.mark.parametrize("kind", [*KINDS, "no such kind"])
def test_what_keras_does_not_know_is_none(kind: str):
    assert CATALOG.find(kind, "Nonsense") is None
    assert CATALOG.find(kind, "dense") is None
    assert CATALOG.find(kind, "") is None


def test_parameters_of_a_dense_layer():
    dense = found("layer", "Dense")
    assert [each.name for each in dense.parameters][:4] == [
        "units",
        "activation",
        "use_bias",
        "kernel_initializer",
    ]
    assert {"name", "dtype", "trainable", "activity_regularizer"} <= {
        each.name for each in dense.parameters
    }
    assert "input_shape" not in {each.name for each in dense.parameters}
    units = dense.parameter("units")
    assert units is not None
    assert (units.required, units.types, units.minimum) == (True, ("int",), 1)
    assert dense.parameter("unit") is None
    assert [each.name for each in dense.call] == ["inputs", "training"]
    assert dense.min_rank == 2
    conv = found("layer", "Conv2D").parameter("kernel_size")
    assert conv is not None
    assert (conv.types, conv.items, conv.length) == (("int", "list"), ("int",), 2)


def test_every_public_class_is_there():
    for kind, module in MODULES.items():
        for name in dir(module):
            value = getattr(module, name)
            if isinstance(value, type) and name not in NOT_FOR_CONFIGS[kind]:
                assert not name.startswith("_") and CATALOG.find(kind, name), name


def test_every_operation_is_there():
    for name in dir(keras.ops):
        if not name.startswith("_") and callable(getattr(keras.ops, name)):
            assert CATALOG.find("op", name), name


@pytest.mark.parametrize(
    "kind", ["optimizer", "loss", "metric", "initializer", "regularizer", "constraint"]
)
def test_aliases_are_those_of_keras(kind: str):
    # The private tables are all that Keras's `get` looks up: none may be missing here.
    known = __import__(f"keras.src.{kind}s".replace("losss", "losses"), fromlist=["x"])
    module = MODULES[kind]
    for name, value in known.ALL_OBJECTS_DICT.items():
        cls = value.__name__ if isinstance(value, type) else found(kind, value.__name__).name
        if cls in NOT_FOR_CONFIGS[kind] or not hasattr(module, cls):
            continue
        assert found(kind, name).name == cls


def test_activations_are_those_of_keras():
    for name in CATALOG.suggestions("activation"):
        assert keras.activations.get(name).__name__ == found("activation", name).name


@pytest.mark.parametrize("entry", entries())
def test_keras_takes_every_parameter_with_its_default(entry: Entry):
    given = OWN.get(entry.name, {})
    arguments = {
        each.name: each.default
        for each in entry.parameters
        if not each.required
        and each.name not in given
        and (each.default is not None or "null" in each.types)
    }
    made = make(entry, **arguments)
    if entry.name not in ONLY_MADE:
        use(entry, made)


@pytest.mark.parametrize("entry", entries())
def test_keras_takes_every_choice_and_kind(entry: Entry):
    samples = {
        "initializer": "zeros",
        "regularizer": "l2",
        "constraint": "non_neg",
        "activation": "relu",
        "dtype": "float32",
    }
    for each in entry.parameters:
        values: list[Any] = [*(each.choices or ())]
        values += [choice.upper() for choice in values if each.ignore_case]
        if entry.name not in OWN_DTYPE:
            values += [sample for kind, sample in samples.items() if kind in each.types]
        values += [None] if "null" in each.types and (entry.name, each.name) not in NO_NULL else []
        values += [True, False] if each.types == ("bool",) and each.name in SAFE_FLAGS else []
        values += [[each.minimum or 2] * each.length] if each.length and each.name in SIZES else []
        for value in values:
            make(entry, **{each.name: value})


@pytest.mark.parametrize("entry", entries())
def test_keras_refuses_what_the_catalog_refuses(entry: Entry):
    for each in entry.parameters:
        if each.name in SILENT or entry.name in ONLY_MADE:
            continue
        for value in _out_of_bounds(each):
            assert refuses(entry, **{each.name: value}), f"{each.name}={value}"
        if each.choices:
            assert refuses(entry, **{each.name: "nonsense"}), each.name


@pytest.mark.parametrize("entry", entries())
def test_what_keras_writes_of_an_object_fits_the_catalog(entry: Entry):
    made = make(entry)
    if not hasattr(made, "get_config"):
        return
    for name, value in made.get_config().items():
        if name in ("vocabulary_size", "rms_scaling"):
            continue  # Keras writes these, and has no documented argument to read them with
        parameter = entry.parameter(name)
        assert parameter is not None, name
        assert _fits(parameter, value), f"{name}={value!r}: {parameter}"


def _fits(parameter: Parameter, value: Any) -> bool:
    types = set(parameter.types)
    if isinstance(value, list | tuple):
        return bool(types & {"list", "shape", "any"}) and parameter.length in (None, len(value))
    if isinstance(value, dict):
        return bool(types - {"int", "float", "bool", "str", "list", "null"})
    if isinstance(value, str):
        return bool(types - {"int", "float", "bool", "list", "null"}) and (
            parameter.choices is None or value in parameter.choices
        )
    kinds = {"NoneType": {"null"}, "bool": {"bool"}, "int": {"int", "float"}, "float": {"float"}}
    if "any" not in types and not types & kinds.get(type(value).__name__, set()):
        return False
    if value is None or isinstance(value, bool):
        return True
    low = parameter.minimum is None or parameter.minimum <= value
    return low and (parameter.maximum is None or value <= parameter.maximum)


@pytest.mark.parametrize("entry", entries())
def test_bounds_themselves_are_taken(entry: Entry):
    for each in entry.parameters:
        number = int if "int" in each.types else float
        if each.minimum is not None and not each.exclusive_minimum and each.types[0] != "list":
            make(entry, **{each.name: number(each.minimum)})
        if each.maximum is not None and not each.exclusive_maximum and each.types[0] != "list":
            make(entry, **{each.name: number(each.maximum)})


def _out_of_bounds(parameter: Parameter) -> Iterator[float]:
    number = int if "int" in parameter.types else float
    step = 1 if number is int else 0.5
    if parameter.minimum is not None:
        yield number(parameter.minimum - (0 if parameter.exclusive_minimum else step))
    if parameter.maximum is not None:
        yield number(parameter.maximum + (0 if parameter.exclusive_maximum else step))


@pytest.mark.parametrize("entry", entries())
def test_keras_refuses_an_argument_that_is_not_in_the_catalog(entry: Entry):
    if entry.name in SWALLOW:
        make(entry, no_such_argument=1)
        return
    with pytest.raises((TypeError, ValueError)):
        make(entry, no_such_argument=1)


@pytest.mark.parametrize("entry", entries("layer"))
def test_keras_refuses_a_lower_rank(entry: Entry):
    rank = entry.input_rank or entry.min_rank or 1
    # Of (batch, height, width) these layers make one image: Keras does not mind, we do.
    if rank == 1 or entry.name in ("AdaptiveAveragePooling2D", "AdaptiveMaxPooling2D"):
        return
    if "image_preprocessing" in getattr(keras.layers, entry.name).__module__:
        return
    assert refuses(replace(entry, input_rank=rank - 1))


class TestAnotherVersion:
    """The installed Keras is not the one of the shipped catalog."""

    @pytest.fixture(autouse=True)
    def _other(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        data = json.loads(catalog.SHIPPED.read_text(encoding="utf-8"))
        shipped = tmp_path / "shipped.json"
        shipped.write_text(json.dumps({**data, "keras": "3.0.0"}))
        monkeypatch.setattr(catalog, "SHIPPED", shipped)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        self.path = tmp_path / "cache" / "nnpy" / f"catalog-{keras.__version__}.json"

    def load(self) -> catalog.Catalog:
        catalog.load.cache_clear()
        return catalog.load()

    def test_a_catalog_is_made_once_and_kept_a_damaged_one_is_made_anew(
        self, monkeypatch: pytest.MonkeyPatch
    ):
        self.path.parent.mkdir(parents=True)
        self.path.write_text(SHIPPED_TEXT[:1000])
        first = self.load()
        assert first.keras_version == keras.__version__
        assert str(self.path) in first.note
        assert self.path.read_text(encoding="utf-8") == SHIPPED_TEXT
        assert [each.name for each in self.path.parent.iterdir()] == [self.path.name]
        monkeypatch.setattr(sys, "executable", "/bin/false")
        assert self.load().keras_version == keras.__version__

    @pytest.mark.parametrize("damage", ["", "{", "[]", '{"format": 1, "keras": "3.0.0"}'])
    def test_a_damaged_one_is_not_used(self, damage: str, monkeypatch: pytest.MonkeyPatch):
        self.path.parent.mkdir(parents=True)
        self.path.write_text(damage)
        monkeypatch.setattr(sys, "executable", "/bin/false")
        fallen_back = self.load()
        assert fallen_back.keras_version == "3.0.0"
        assert keras.__version__ in fallen_back.note


def test_the_installed_version_is_found_without_importing_keras():
    assert catalog.installed_keras() == keras.__version__
    catalog.load.cache_clear()
    assert catalog.load().note == ""
