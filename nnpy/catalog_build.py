"""Makes `catalog.json` from the installed Keras: `python -m nnpy.catalog_build [PATH]`.

Names and defaults come from the signatures; what a parameter takes, from its default, its
docstring and the conventions of its name; what none of these tell, from the tables below.
Where nothing tells, the catalog says "any": it must never refuse what Keras accepts.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nnpy.catalog import FORMAT, KINDS, SHIPPED, Entry, Parameter

# Abstract classes, and those that only Python code can use.
NOT_FOR_CONFIGS = {
    "layer": {"Layer", "Wrapper", "InputSpec"},
    "optimizer": {"Optimizer", "OptimizerMap"},
    "schedule": {"LearningRateSchedule"},
    "loss": {"Loss"},
    "metric": {"Metric"},
    "initializer": {"Initializer"},
    "regularizer": {"Regularizer"},
    "constraint": {"Constraint"},
    "callback": {"Callback", "CallbackList"},
    "activation": {"get", "serialize", "deserialize"},
    "op": set(),
}

# Identifiers of Keras that are neither a public name nor one made from it; each is tried.
ABBREVIATIONS = {
    "loss": "bce BCE kld KLD mae MAE mse MSE mape MAPE msle MSLE",
    "metric": "acc bce BCE mae MAE mse MSE mape MAPE msle MSLE",
    "initializer": "normal uniform one zero",
}

# The ranks of input that layers ask for only when they are called. Layers that change images
# would take (batch, height, width) too, and see one image in it, with the last axis as channels.
RANKS: tuple[tuple[str, dict[str, int]], ...] = (
    (r".*\.SimpleRNN", {"input_rank": 3}),
    (r".*\.(RNN|Bidirectional|TimeDistributed)", {"min_rank": 3}),
    (r".*\.(MultiHead|Grouped?Query)Attention", {"min_rank": 3}),
    (r".*\.Permute", {}),  # as many as it has dims
    (r".*\.image_preprocessing\..*", {"input_rank": 4}),
    (r".*\.Adaptive(Average|Max)Pooling1D", {"input_rank": 3}),
    (r".*\.Adaptive(Average|Max)Pooling2D", {"input_rank": 4}),
    (r".*\.Adaptive(Average|Max)Pooling3D", {"input_rank": 5}),
)


def _keras(path: str, *arguments: Any) -> Callable[[], Any]:
    """Makes an object of Keras when it is called."""

    def make() -> Any:
        import keras

        module, name = path.split(".")
        return getattr(getattr(keras, module), name)(*arguments)

    return make


# What the arguments of a constructor may be, to make an example of it.
EXAMPLE: dict[str, Any] = {
    "units": 4,
    "filters": 4,
    "kernel_size": 2,
    "pool_size": 2,
    "rate": 0.5,
    "factor": 0.5,
    "stddev": 0.1,
    "size": 2,
    "dims": [1],
    "n": 2,
    "target_shape": [4],
    "input_dim": 8,
    "output_dim": 4,
    "output_size": 2,
    "num_heads": 2,
    "key_dim": 2,
    "head_dim": 2,
    "num_query_heads": 2,
    "num_key_value_heads": 1,
    "equation": "ab,bc->ac",
    "output_shape": [4],
    "axes": 1,
    "activation": "relu",
    "height": 4,
    "width": 4,
    "height_factor": 0.1,
    "width_factor": 0.1,
    "num_bins": 4,
    "max_number": 4,
    "scale": 2.0,
    "value_range": [0, 255],
    "num_classes": 2,
    "target_class_ids": [0],
    "layer": _keras("layers.LSTM", 2),
    "cell": _keras("layers.LSTMCell", 2),
    "cells": lambda: [EXAMPLE["cell"]()],
    "layers": lambda: [_keras("layers.RandomFlip")()],
    "inner_optimizer": _keras("optimizers.SGD"),
    "weight_decay": 0.1,
    "clipnorm": 1.0,
    "clipvalue": 1.0,
    "global_clipnorm": 1.0,
    "use_ema": True,
    "ema_momentum": 0.9,
    "ema_overwrite_frequency": 10,
    "loss_scale_factor": 2.0,
    "gradient_accumulation_steps": 2,
}

# What Keras refuses, when it makes the object or when it first uses it; the last three lines are
# what it takes in silence and then clamps, ignores or makes nonsense of.
BOUNDS: dict[str, str] = {
    """units filters kernel_size strides dilation_rate pool_size Conv1D.groups Conv2D.groups
    Conv3D.groups input_dim output_dim key_dim num_heads value_dim head_dim num_query_heads
    num_key_value_heads depth_multiplier n size frame_length frame_step sliding_window
    Hashing.num_bins PrecisionAtRecall.num_thresholds RecallAtPrecision.num_thresholds
    SensitivityAtSpecificity.num_thresholds SpecificityAtSensitivity.num_thresholds""": ">= 1",
    "gradient_accumulation_steps max_tokens AUC.num_thresholds": ">= 2",
    """l1 l2 l1_regularization_strength l2_regularization_strength output_padding cropping
    l2_shrinkage_regularization_strength Ftrl.initial_accumulator_value negative_slope
    num_oov_indices num_regressors ReLU.max_value ReLU.threshold ZeroPadding1D.padding
    ZeroPadding2D.padding ZeroPadding3D.padding""": ">= 0",
    "decay_steps first_decay_steps VarianceScaling.scale FBetaScore.beta": "> 0",
    """Dropout.rate AlphaDropout.rate GaussianDropout.rate SpatialDropout1D.rate
    SpatialDropout2D.rate SpatialDropout3D.rate GaussianNoise.stddev SGD.momentum
    precision recall sensitivity specificity thresholds x_factor y_factor
    threshold_factor addition_factor RandomPerspective.scale RandomElasticTransform.scale
    RandomGaussianBlur.sigma""": ">= 0 <= 1",
    "CategoricalGeneralizedCrossEntropy.q": "> 0 < 1",
    "Lion.beta_1 F1Score.threshold FBetaScore.threshold": "> 0 <= 1",
    "ReduceLROnPlateau.factor": "< 1",
    "learning_rate initial_learning_rate clipnorm clipvalue global_clipnorm": ">= 0",
    "patience cooldown start_from_epoch": ">= 0",
    "label_smoothing dropout recurrent_dropout ema_momentum": ">= 0 <= 1",
}

# The choices that docstrings do not list, or not whole.
CHOICES = {
    "reduction": "sum_over_batch_size sum mean mean_with_sample_weight none",
    "use_cudnn": "auto",
    "save_freq": "epoch",
    "oov_method": "floormod farmhash",
    "AUC.curve": "ROC PR PRGAIN roc pr prgain",
    "AUC.summation_method": "interpolation minoring majoring Interpolation Minoring Majoring",
    "RandomElasticTransform.fill_mode": "constant nearest wrap mirror reflect",
    "RandomFlip.mode": "horizontal vertical horizontal_and_vertical",
    "Resizing.fill_mode": "constant",
    "TextVectorization.standardize": "lower_and_strip_punctuation lower strip_punctuation",
    "TextVectorization.split": "whitespace character",
    "TextVectorization.output_mode": "int multi_hot count tf_idf",
}

# The same for parameters that some docstrings list and others leave out.
CHOICES_ELSE = {
    "data_format": "channels_last channels_first",
    "fill_mode": "reflect wrap constant nearest",
    "interpolation": "nearest bilinear",
}

# What the members of a list may be.
ITEMS = {
    """kernel_size strides pool_size dilation_rate output_padding size output_size dims axis
    target_class_ids attention_axes shared_axes reduction_axes""": "int",
    "thresholds factor boundaries values value_range": "float",
    """x_factor y_factor height_factor width_factor brightness_factor contrast_factor
    saturation_factor hue_factor""": "float",
    "cells": "cell",
    "layers": "layer",
}

# Lists of one number for each spatial axis: their length is the digit in the class's name.
SPATIAL = "kernel_size strides pool_size dilation_rate output_padding size output_size"

# Tried one by one; policies that quantize ("int8_from_float32") are not listed.
DTYPES = """float16 bfloat16 float32 float64 mixed_float16 mixed_bfloat16 float8_e4m3fn float8_e5m2
    int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool string complex64 complex128"""

# Texts for parameters that no docstring tells of.
DOCS = {
    "activity_regularizer": "Regularizer of the layer's output.",
    "autocast": "Whether floating-point inputs are cast to the layer's compute dtype.",
    "bounding_box_format": "Format of the bounding boxes, for example `xyxy`.",
    "data_format": "Whether channels are the last axis of the input or the first after the batch.",
    "dtype": "The dtype of computations and weights, or a dtype policy such as `mixed_float16`.",
    "fill_mode": "How points outside the input are filled.",
    "fill_value": "The value of points outside the input, with the constant fill mode.",
    "interpolation": "How values between pixels are found.",
    "lora_alpha": "Scale of the low-rank adaptation.",
    "name": "Name of the object.",
    "seed": "Seed of the random numbers.",
    "trainable": "Whether the variables are trained.",
}


def entries() -> Iterator[Entry]:
    """Every public object of the installed Keras that a config can name."""
    import keras

    modules = {
        "layer": keras.layers,
        "optimizer": keras.optimizers,
        "schedule": keras.optimizers.schedules,
        "loss": keras.losses,
        "metric": keras.metrics,
        "initializer": keras.initializers,
        "regularizer": keras.regularizers,
        "constraint": keras.constraints,
        "callback": keras.callbacks,
    }
    for kind, module in modules.items():
        yield from _classes(kind, module)
    yield Entry(
        kind="loss",
        name="crossentropy",
        aliases=("ce",),
        doc="Binary, sparse categorical or categorical crossentropy, as the output tells.",
    )
    yield from _activations(keras.activations)
    yield from _operations(keras.ops)


def _public(module: Any, wanted: Callable[[Any], bool]) -> dict[str, Any]:
    """The public members of a module by name."""
    names = [name for name in dir(module) if not name.startswith("_")]
    return {name: value for name in names if wanted(value := getattr(module, name))}


def _classes(kind: str, module: Any) -> Iterator[Entry]:
    public = _public(module, inspect.isclass)
    by_class: dict[type, list[str]] = {}
    for name, cls in public.items():
        if name not in NOT_FOR_CONFIGS[kind]:
            by_class.setdefault(cls, []).append(name)
    identifiers = _identifiers(kind, module, public)
    for cls, names in by_class.items():
        name = cls.__name__ if cls.__name__ in names else names[0]
        aliases = {*names, *identifiers.get(cls, ())}
        if kind == "optimizer":
            aliases |= {each.lower() for each in names}  # Keras ignores their case
        aliases -= {name}
        yield Entry(
            kind=kind,
            name=name,
            aliases=tuple(sorted(aliases)),
            parameters=tuple(_constructor(kind, cls)),
            call=tuple(_call(cls)) if kind == "layer" else (),
            doc=first_sentence(cls.__doc__ or ""),
            **(_ranks(cls) if kind == "layer" else {}),
        )


def _identifiers(kind: str, module: Any, public: Mapping[str, type]) -> dict[type, set[str]]:
    """The strings by which the module's own `get` knows each class.

    A loss's identifier gives a function; it belongs to the class whose name it is in snake case.
    """
    if not hasattr(module, "get"):
        return {}
    snake = {_snake(name): cls for name, cls in public.items()}
    candidates = {*public, *snake, *ABBREVIATIONS.get(kind, "").split(), *_public(module, callable)}
    candidates |= {name.lower() for name in public}
    found: dict[type, set[str]] = {}
    for candidate in candidates:
        try:
            value = module.get("accuracy" if candidate == "acc" else candidate)
        except TypeError:  # it is known, but needs arguments
            value = snake.get(candidate)
            if value:
                found.setdefault(value, set()).add(candidate)
            continue
        except Exception:  # noqa: BLE001 – whatever else it raises, it is no identifier
            continue
        cls = snake.get(value.__name__) if inspect.isfunction(value) else type(value)
        if cls is not None:
            found.setdefault(cls, set()).add(candidate)
    return found


def _snake(name: str) -> str:
    """`SparseCategoricalCrossentropy` → `sparse_categorical_crossentropy`, as Keras makes it."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _activations(module: Any) -> Iterator[Entry]:
    by_function: dict[Any, list[str]] = {}
    for name in _public(module, inspect.isfunction):
        if name not in NOT_FOR_CONFIGS["activation"]:
            by_function.setdefault(module.get(name), []).append(name)
    for function, names in by_function.items():
        name = function.__name__ if function.__name__ in names else names[0]
        first, *rest = _signature("activation", function)
        yield Entry(
            kind="activation",
            name=name,
            aliases=tuple(sorted({*names} - {name})),
            parameters=tuple(rest),
            call=(replace(first, types=("tensor",)),),
            doc=first_sentence(function.__doc__ or ""),
        )


def _operations(module: Any) -> Iterator[Entry]:
    """`keras.ops.relu` is `relu`, also `nn.relu`; `keras.ops.image.resize` is `image.resize`."""
    by_function: dict[Any, list[str]] = {}
    for name, function in _public(module, inspect.isfunction).items():
        by_function.setdefault(function, []).append(name)
    for name, part in _public(module, inspect.ismodule).items():
        for inner, function in _public(part, inspect.isfunction).items():
            by_function.setdefault(function, []).append(f"{name}.{inner}")
    for function, names in by_function.items():
        yield Entry(
            kind="op",
            name=names[0],
            aliases=tuple(sorted(names[1:])),
            call=tuple(_signature("op", function)),
            doc=first_sentence(function.__doc__ or ""),
        )


def _example(cls: Any) -> Any:
    """An object of the class with the plainest arguments, or None."""
    try:
        return cls(**_plainest(cls))
    except Exception:  # noqa: BLE001 – some need arguments of their own, or other packages
        return None


def _plainest(cls: Any) -> dict[str, Any]:
    """The required arguments of a class; KeyError where one has no example."""
    required = [each for each in _arguments(cls.__init__) if each.default is each.empty]
    values = {each.name: EXAMPLE[each.name] for each in required}
    return {name: value() if callable(value) else value for name, value in values.items()}


def _ranks(cls: Any) -> dict[str, int]:
    """The rank of input that a layer asks for, before it is built."""
    for pattern, rank in RANKS:
        if re.fullmatch(pattern, f"{cls.__module__}.{cls.__name__}"):
            return rank
    spec = getattr(_example(cls), "input_spec", None)
    if spec is None or isinstance(spec, list | tuple):
        return {}
    if spec.ndim is not None:
        return {"input_rank": spec.ndim}
    return {"min_rank": spec.min_ndim} if spec.min_ndim is not None else {}


def _arguments(function: Callable, variadic: bool = False) -> list[inspect.Parameter]:
    """The named parameters of a function but `self`; with `variadic`, its `*args` too."""
    unnamed: list[Any] = [inspect.Parameter.VAR_KEYWORD]
    if not variadic:
        unnamed += [inspect.Parameter.VAR_POSITIONAL]
    return [
        each
        for each in inspect.signature(function).parameters.values()
        if each.kind not in unnamed and each.name not in ("self", "cls")
    ]


def _takes_more(function: Callable) -> bool:
    """Whether a function has `**kwargs`."""
    kinds = [each.kind for each in inspect.signature(function).parameters.values()]
    return inspect.Parameter.VAR_KEYWORD in kinds


def _constructor(kind: str, cls: type) -> Iterator[Parameter]:
    """The parameters of a constructor, with those that `**kwargs` hands to the class above."""
    seen: set[str] = set()
    for owner in cls.__mro__:
        if "__init__" not in vars(owner) or owner is object:
            continue
        docs = _documented(owner) if owner is cls else {**_documented(owner), **_documented(cls)}
        for each in _arguments(vars(owner)["__init__"]):
            if each.name in seen:
                continue
            seen.add(each.name)
            if owner is cls or _accepts(cls, each):
                yield describe(kind, cls.__name__, each, docs.get(each.name, ""))
        if not _takes_more(vars(owner)["__init__"]):
            return


def _accepts(cls: type, parameter: inspect.Parameter) -> bool:
    """Whether a class takes an argument of the class above it, tried with its default."""
    if parameter.default is parameter.empty:
        return False
    # Some take an argument of the class above only to say that they do not support it.
    value = EXAMPLE.get(parameter.name, parameter.default)
    try:
        cls(**_plainest(cls), **{parameter.name: value})
    except KeyError:
        return True  # no example of this class: what the class above takes is all we know
    except (TypeError, ValueError) as error:
        return parameter.name not in str(error)
    except Exception:  # noqa: BLE001 – it failed for another reason
        return True
    return True


def _call(cls: Any) -> Iterator[Parameter]:
    docs = _documented(cls, "Call arguments")
    for each in _arguments(cls.call):
        parameter = describe("layer", cls.__name__, each, docs.get(each.name, ""))
        yield replace(parameter, types=_call_types(parameter))


def _call_types(parameter: Parameter) -> tuple[str, ...]:
    if parameter.name in ("training",):
        return ("bool", "null")
    if isinstance(parameter.default, bool):
        return ("bool",)
    if parameter.name in ("initial_state", "states"):
        return ("tensor", "list") + (() if parameter.required else ("null",))
    return ("tensor",) if parameter.required else ("tensor", "null")


def _signature(kind: str, function: Callable) -> Iterator[Parameter]:
    docs = _documented(function)
    for each in _arguments(function, variadic=True):
        yield describe(kind, function.__name__, each, docs.get(each.name, ""))


def describe(kind: str, owner: str, parameter: inspect.Parameter, doc: str) -> Parameter:
    """A parameter of `owner` as the catalog tells it."""
    name = parameter.name
    variadic = parameter.kind is parameter.VAR_POSITIONAL
    required = parameter.default is parameter.empty and not variadic
    types = _operand_types(parameter) if kind == "op" else _types(owner, parameter, doc)
    # What operations say of their choices is not whole.
    listed_choices = "str" in types and (kind != "op" or name in ("data_format", "padding"))
    choices = _choices(owner, parameter, doc) if listed_choices else None
    listed = _named(ITEMS, owner, name) if "list" in types and kind != "op" else None
    digit = re.search(r"(\d)D(Transpose)?$", owner)
    return Parameter(
        name=name,
        required=required,
        variadic=variadic,
        default=_plain(parameter.default),
        types=types,
        items=(listed,) if listed else (),
        length=int(digit[1]) if digit and listed and name in SPATIAL.split() else None,
        choices=choices,
        ignore_case=bool(choices) and _ignores_case(owner, name, doc),
        doc=first_sentence(doc) or DOCS.get(name, ""),
        **_bounds(owner, name, types),
    )


def _ignores_case(owner: str, name: str, doc: str) -> bool:
    if name == "data_format":
        return not owner.startswith("Adaptive")
    return "case-insensitive" in doc


def _named(table: Mapping[str, str], owner: str, name: str) -> str | None:
    """The value of a table whose keys are names, or `Class.name`, with spaces between them."""
    for wanted in (f"{owner}.{name}", name):
        for names, value in table.items():
            if wanted in names.split():
                return value
    return None


def _plain(value: Any) -> Any:
    """A default as JSON gives it back, or None."""
    if value is inspect.Parameter.empty:
        return None
    try:
        return json.loads(json.dumps(value))
    except TypeError:
        return None


_CONVENTIONS = (
    (r"(.*_)?initializer", "initializer null"),
    (r"(.*_)?regularizer", "regularizer null"),
    (r"(.*_)?constraint", "constraint null"),
    (r"(.*_)?activation", "activation null"),
    (r"(.*_)?dtype", "dtype null"),
    (r"on_.*", "callable null"),
)

# What a parameter of that name takes, in whatever class; for those that neither default nor
# docstring tell, or that they tell wrongly. "list int" is a list of int, or an int.
TYPES = {
    "alpha beta delta epsilon gamma momentum rate stddev": "float",
    "arguments": "dict null",
    "attention_axes shared_axes reduction_axes": "int list null",
    "axes": "int list",
    "backward_layer": "layer null",
    "baseline clipnorm clipvalue global_clipnorm loss_scale_factor": "float null",
    "logit_soft_cap": "float null",
    "batch_shape shape target_shape noise_shape": "shape null",
    "batch_size num_chains num_ops gptq_unpacked_column_size": "int null",
    "reduction average": "str null",
    "beta_1 beta_2 adam_beta_1 adam_beta_2 minval maxval decay_rate": "float",
    "bounding_box_format encoding method call_training_endpoint": "str null",
    "cell": "cell",
    "cells": "list",
    "cooldown patience start_from_epoch verbose": "int",
    "warmup_steps decay_steps first_decay_steps": "int float",
    "dynamic_growth_steps ns_steps k num_thresholds": "int",
    "num_regressors num_classes depth_multiplier num_oov_indices": "int",
    "num_heads key_dim head_dim num_query_heads num_key_value_heads": "int",
    "num_labels top_k ignore_class max_tokens num_tokens max_number value_dim": "int null",
    "oov_token": "int str null",
    "mask_token": "int str null",
    "mask_value": "float str null",
    "mean variance": "float list null",
    "max_to_keep chain_depth bins": "int",
    "min_delta label_smoothing adam_lr_ratio": "float",
    "filename backup_dir directory filepath log_dir equation": "str",
    "ema_overwrite_frequency gradient_accumulation_steps": "int null",
    "embeddings_freq histogram_freq": "int",
    "ReduceLROnPlateau.factor OrthogonalRegularizer.factor": "float",
    "UpSampling1D.size": "int",
    "ngrams Hashing.salt": "int list null",
    "profile_batch": "int list",
    "axis": "int list null",
    "Rescaling.scale Rescaling.offset Constant.value": "float list",
    "CategoricalFocalCrossentropy.alpha": "float list",
    "RandomErasing.scale RandomElasticTransform.scale RandomGaussianBlur.sigma": "float list",
    "F1Score.threshold FBetaScore.threshold": "float null",
    "threshold": "float",
    "factor x_factor y_factor height_factor": "float list",
    "width_factor brightness_factor contrast_factor": "float list null",
    "saturation_factor hue_factor": "float list null",
    "kernel_size pool_size dilation_rate size output_size": "int list",
    "strides": "int list null",
    "data_format": "str null",
    "use_cudnn": "bool str",
    "save_freq": "bool int str",
    "merge_mode class_aggregation scaling": "str null",
    "standardize split": "str callable null",
    "score_mode": "str",
    "window": "any",
    "value_range": "list",
    "dims target_class_ids boundaries values": "list",
    "input_axes output_axes": "int list null",
    "flash_attention ragged sparse": "bool null",
    "function fn": "callable",
    "init_fn call_fn module": "callable null",
    "inner_optimizer": "optimizer",
    "layer": "layer",
    "layers": "list",
    "learning_rate": "float schedule",
    "lora_alpha": "float null",
    "name": "str null",
    "negative_slope": "float",
    "max_value": "float null",
    "num_bins height width": "int",
    "output_padding": "int list null",
    "output_shape": "int shape null",
    "schedule": "callable schedule",
    "seed": "int null",
    "AUC.thresholds": "list null",
    "thresholds": "float list null",
    "weights": "any",
    "vocabulary_dtype": "dtype",
}


_BY_DOC = (
    (r"\bint(eger)?s?\b", "int"),
    (r"\bfloat(s|ing)?\b|\bscalar", "float"),
    (r"\bbool(ean)?s?\b", "bool"),
    (r"\bstr(ing)?s?\b", "str"),
    (r"\b(tuple|list|sequence|array|iterable)s?\b", "list"),
    (r"\bdict(ionary|s)?\b", "dict"),
    (r"\btensors?\b|`?KerasTensor", "tensor"),
    (r"\bcallable\b|\bfunction\b", "callable"),
)


# The operands of operations: a tensor, or a number in its place.
OPERANDS = """x x1 x2 y xs a b operands input inputs image images image1 image2 volumes kernel query
    key value values data tensor target targets output predictions indices condition array"""


def _operand_types(parameter: inspect.Parameter) -> tuple[str, ...]:
    """What an operation's parameter takes; only what is certain, for most take tensors too."""
    name, default = parameter.name, parameter.default
    if isinstance(default, bool) and name != "unroll":
        return ("bool",)
    if name == "dtype":
        return ("dtype", "null") if default is None else ("dtype",)
    if name == "axis":
        return ("int", "list", "null")
    if name == "data_format":
        return ("str", "null")
    if isinstance(default, str) and name != "window":
        return ("str",)
    if name in OPERANDS.split():
        return ("tensor", "float", "bool", "list") + (("null",) if default is None else ())
    return ("any",)


_ANNOUNCES = (
    r"[Oo]ne of\b",
    r"[Ee]ither\b",
    r"[Cc]an be\b",
    r"\b[Vv]alues:",
    r"\b[Vv]alues are\b",
    r"\bSupports\b",
    r"\b[Mm]ethods are\b",
    r"\b[Oo]ptions are\b",
    r"^[Ss]tring,",
)


def _types(owner: str, parameter: inspect.Parameter, doc: str) -> tuple[str, ...]:
    name, default = parameter.name, parameter.default
    if isinstance(default, bool):
        return ("bool",)
    if told := _named(TYPES, owner, name):
        types = set(told.split())
        if default is parameter.empty or isinstance(default, int | float | tuple):
            types -= {"null"}
        return tuple(sorted(types))
    for pattern, found in _CONVENTIONS:
        if re.fullmatch(pattern, name):
            return tuple(found.split())
    # Only the first sentence tells the type; later ones speak of other things.
    lead = re.split(r"(?<=[.;])\s", doc, maxsplit=1)[0]
    types = {found for pattern, found in _BY_DOC if re.search(pattern, lead, re.IGNORECASE)}
    if isinstance(default, int):
        # Keras writes 1 for 1.0 too: unless the docstring says integer, it may be either.
        types |= {"int"} if "int" in types else {"int", "float"}
    elif isinstance(default, float):
        types = types - {"int"} | {"float"}
    elif isinstance(default, str):
        types |= {"str"}
    elif isinstance(default, tuple | list):
        types |= {"list"}
    elif default is None and types:
        types |= {"null"}
    if len(types) > 1:
        types -= {"tensor", "callable"}  # a config has no tensors; a function is a last resort
    return tuple(sorted(types)) or ("any",)


def _choices(owner: str, parameter: inspect.Parameter, doc: str) -> tuple[str, ...] | None:
    """The strings that a parameter takes, where its docstring lists them."""
    name, default = parameter.name, parameter.default
    if told := _named(CHOICES, owner, name):
        return tuple(told.split())
    for announces in _ANNOUNCES:  # from these words to the end of the sentence
        match = re.search(rf"{announces}(.*?)(?:\.\s|$)", doc)
        found = re.findall(r"[\"'](\w+)`?[\"'`]", match.group(1)) if match else []
        if len(found) > 1 and (not isinstance(default, str) or default in found):
            return tuple(dict.fromkeys(found))
    told = CHOICES_ELSE.get(name)
    return tuple(told.split()) if told else None


def _bounds(owner: str, name: str, types: tuple[str, ...]) -> dict[str, Any]:
    """`>= 0 <= 1` in `BOUNDS` as the fields of a parameter."""
    told = _named(BOUNDS, owner, name)
    if not told or not {"int", "float", "list"} & {*types}:
        return {}
    fields: dict[str, Any] = {}
    for sign, number in re.findall(r"([<>]=?) (\d+)", told):
        side = "minimum" if sign.startswith(">") else "maximum"
        fields[side] = int(number)
        if "=" not in sign:
            fields[f"exclusive_{side}"] = True
    return fields


def _documented(owner: Any, section: str = "Args") -> dict[str, str]:
    """Parameter → its text in a section of a docstring."""
    lines = inspect.cleandoc(owner.__doc__ or "").splitlines()
    titles = {section + ":", section.replace("Args", "Arguments") + ":"}
    start = next((i for i, line in enumerate(lines) if line.strip() in titles), None)
    if start is None:
        return {}
    found: dict[str, list[str]] = {}
    texts: list[str] = []
    for line in lines[start + 1 :]:
        if line.strip() and not line.startswith(" "):
            break
        match = re.match(r" {2,4}\*{0,2}`?(\w+(?:`?, `?\w+)*)`?:\s*(.*)$", line)
        if match:
            texts = [match.group(2)]
            for name in re.findall(r"\w+", match.group(1)):
                found[name] = texts
        elif texts is not None:
            texts.append(line.strip())
    return {name: " ".join(text for text in texts if text) for name, texts in found.items()}


def first_sentence(text: str) -> str:
    """The first sentence of a text, on one line."""
    paragraph = inspect.cleandoc(text).split("\n\n", maxsplit=1)[0]
    line = " ".join(paragraph.split())
    # "Optional integer." says too little: the sentence after it belongs to it.
    match = re.match(r"(.{24,}?[^.\s]{2}\.)(?=\s+[A-Z`\"{(]|$)", line)
    return match.group(1) if match else line


def write(path: Path, text: str) -> None:
    """Writes a file whole or not at all; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def dtypes() -> list[str]:
    """The names of data types and dtype policies that Keras knows."""
    import keras

    known = []
    for name in DTYPES.split():
        try:
            keras.dtype_policies.get(name) if "_" in name else keras.backend.standardize_dtype(name)
        except (ValueError, TypeError):
            continue
        known.append(name)
    return known


def pack(keras_version: str, dtypes: Iterable[str], entries: Iterable[Entry]) -> str:
    """The text of a catalog file, one line an entry.

    A parameter that many entries of a kind have (a layer's `name`) is written once, under
    `common`, and is only its name in the entries; any other is `[name, fields]`. Fields that
    have their default value are left out.
    """
    lines = [
        f'{{"format": {FORMAT}, "keras": {json.dumps(keras_version)},',
        f'"dtypes": {json.dumps([*dtypes])},',
        '"kinds": {',
    ]
    by_kind: dict[str, list[Entry]] = {kind: [] for kind in KINDS}
    for entry in entries:
        by_kind[entry.kind].append(entry)
    for kind, members in by_kind.items():
        common = _common(members)
        lines.append(f'"{kind}": {{"common": {{')
        lines += _joined((name, _fields(each)) for name, each in sorted(common.items()))
        lines.append('}, "entries": {')
        lines += _joined(
            (entry.name, _packed(entry, common))
            for entry in sorted(members, key=lambda entry: entry.name)
        )
        lines.append("}}" + ("," if kind != KINDS[-1] else ""))
    lines.append("}}")
    return "\n".join(lines) + "\n"


def _common(entries: Iterable[Entry]) -> dict[str, Parameter]:
    """For each name that occurs twice or more in one form: the most frequent form."""
    counts: dict[str, dict[str, int]] = {}
    forms: dict[str, Parameter] = {}
    for entry in entries:
        for each in (*entry.parameters, *entry.call):
            form = json.dumps([each.name, _fields(each)])
            forms[form] = each
            count = counts.setdefault(each.name, {})
            count[form] = count.get(form, 0) + 1
    common = {}
    for name, count in counts.items():
        form = min(count, key=lambda form: (-count[form], form))
        if count[form] > 1:
            common[name] = forms[form]
    return common


def _packed(entry: Entry, common: Mapping[str, Parameter]) -> dict:
    def short(parameters: tuple[Parameter, ...]) -> list:
        return [
            each.name if common.get(each.name) == each else [each.name, _fields(each)]
            for each in parameters
        ]

    fields = {
        "doc": entry.doc,
        "aliases": entry.aliases,
        "input_rank": entry.input_rank,
        "min_rank": entry.min_rank,
        "parameters": short(entry.parameters),
        "call": short(entry.call),
    }
    return {key: value for key, value in fields.items() if value}


def _fields(parameter: Parameter) -> dict:
    empty = Parameter(parameter.name)
    return {
        key: value
        for key, value in vars(parameter).items()
        if value != getattr(empty, key) or type(value) is not type(getattr(empty, key))
    }


def _joined(pairs: Iterable[tuple[str, dict]]) -> list[str]:
    lines = [
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in pairs
    ]
    return [line + "," for line in lines[:-1]] + lines[-1:]


def main() -> None:
    """Writes the catalog of the installed Keras to the path given, or to the package."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    path = Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED
    write(path, pack(keras.__version__, dtypes(), entries()))


if __name__ == "__main__":
    main()
