"""Every public object of Keras with its arguments off their defaults, as a config and by Keras.

`arguments` chooses a value for each argument from what the catalog says of it; where that
does not make an object (two arguments that exclude each other, sizes that must fit), `SPECIAL`
says which. `made` builds the same object with Keras alone, without nnpy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import keras

from nnpy.catalog.entries import Entry, Parameter

MODULES: dict[str, Any] = {
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

# Objects that are left out, with the reason.
EXCEPTIONS = {
    "FlaxLayer": "wraps an object of Flax, which is not installed",
    "JaxLayer": "wraps a function of JAX, which is not installed",
    "TorchModuleWrapper": "wraps a live object of PyTorch",
    "TFSMLayer": "loads a SavedModel, which may hold any code",
    "MultiOptimizer": "takes an OptimizerMap, which is made of live variables",
    "OrbaxCheckpoint": "needs the package orbax-checkpoint",
    "InputLayer": "inputs are written in the mapping form of `model:`",
    "crossentropy": "a word that compile() knows, not a class",
}

# Arguments that are left at their defaults, with the reason.
LEFT_OUT = {
    "weights": "an array for a layer that is built; a config holds none",
    "gptq_unpacked_column_size": "what Keras notes when it saves a quantized layer",
    "Lambda.mask": "a function of masks; Keras has none by name",
    "LossScaleOptimizer.name": "kept by the optimizer within",
}

# Arguments that exclude others: each list of them is tried by itself, with all the rest.
ALTERNATIVES: dict[str, list[str]] = {
    "*": ["clipnorm", "clipvalue", "global_clipnorm"],
    "Discretization": ["bin_boundaries", "num_bins"],
    "MultiHeadAttention": ["flash_attention", "dropout"],
    "GroupQueryAttention": ["flash_attention", "dropout"],
    "AUC": ["num_thresholds", "thresholds"],
    "TextVectorization": ["output_sequence_length", "output_mode"],
    "StringLookup": ["invert", "idf_weights"],
    "IntegerLookup": ["invert", "idf_weights"],
    "InputLayer": ["shape", "batch_shape"],
}

# What else is left out of the case of an alternative.
NOT_WITH = {
    "TextVectorization.output_sequence_length": "idf_weights pad_to_max_tokens sparse",
    "TextVectorization.output_mode": "ragged",
    "StringLookup.invert": "output_mode pad_to_max_tokens sparse",
    "IntegerLookup.invert": "output_mode pad_to_max_tokens sparse",
}

# Values where the type alone does not tell one, by `Class.argument` or by argument.
SPECIAL: dict[str, Any] = {
    # what must fit together
    "strides": 1,
    "SeparableConv1D.strides": 2,
    "groups": 2,
    "filters": 4,
    "equation": "ab,bc->ac",
    "output_shape": [5],
    "Lambda.output_shape": [3, 4],
    "EinsumDense.bias_axes": "c",
    "target_shape": [-1, 2],
    "dims": [2, 1],
    "axes": [1, 2],
    "lora_rank": 2,
    "cropping": 2,
    "boundaries": [10, 20],
    "values": [0.5, 0.25, 0.125],
    "vocabulary": ["a", "b"],
    "IntegerLookup.vocabulary": [3, 5],
    "idf_weights": [0.5, 0.25],
    "mask_token": "m",
    "oov_token": "o",
    "IntegerLookup.mask_token": 1,
    "IntegerLookup.oov_token": 9,
    "StringLookup.output_mode": "tf_idf",
    "IntegerLookup.output_mode": "tf_idf",
    "TextVectorization.output_mode": "tf_idf",
    "Hashing.output_mode": "one_hot",
    "bin_boundaries": [0.5, 1.5],
    "target_class_ids": [1],
    "thresholds": [0.25, 0.5],
    "AUC.thresholds": [0.25, 0.5],
}
SPECIAL |= {
    "quantization_config": {"Int4QuantizationConfig": {"block_size": 2}},
    "implementation": 1,
    "has_input_vocabulary": True,
    "vocabulary_size": 2,
    "ConvLSTM3D.dilation_rate": 1,
    "ConvLSTM2D.dilation_rate": 1,
    "ConvLSTM1D.dilation_rate": 1,
    "Discretization.output_mode": "count",
    "filepath": "model.weights.h5",
    "oov_method": "farmhash",
    "learning_rate_power": -0.25,
    "RandomGaussianBlur.kernel_size": 5,
    "vocabulary_dtype": "int64",
    "Conv3DTranspose.dilation_rate": 1,
    "Conv2DTranspose.dilation_rate": 1,
    "Conv1DTranspose.dilation_rate": 1,
    "Conv3DTranspose.output_padding": [1, 2, 1],
    "Conv2DTranspose.output_padding": [1, 2],
    "Conv1DTranspose.output_padding": 1,
    "Conv3DTranspose.strides": [3, 3, 3],
    "Conv2DTranspose.strides": [3, 3],
    "Conv1DTranspose.strides": 3,
    "use_cudnn": False,
    "Resizing.fill_mode": "constant",
    "AbsMaxQuantizer.value_range": (-7, 7),
    "output_dtype": "int32",
    "Int4QuantizationConfig.weight_quantizer": {"AbsMaxQuantizer": {"value_range": (-8, 7)}},
    "block_size": -1,
    "tile_grid_size": [4, 4],
    "Solarization.addition_factor": 0.25,
    "Solarization.threshold_factor": 0.5,
    "renorm": True,
    "renorm_clipping": {"rmax": 3.0, "rmin": 0.25, "dmax": 5.0},
    "output_mode": "one_hot",
    "CategoryEncoding.output_mode": "count",
    "num_tokens": 6,
    "ngrams": [1, 2],
    "split": "character",
    "max_tokens": 9,
    "salt": [7, 11],
    "num_oov_indices": 2,
    "window": "hamming",
    "fft_length": 4096,
    "STFT.window": "hann",
    "STFTSpectrogram.window": "hamming",
    "input_axes": [0],
    "output_axes": [1],
    "target_shape": [-1, 2],
    "shape": [3, 4],
    "batch_shape": [2, 3],
    "noise_shape": [None, 1],
    "mean": 0.5,
    "variance": 0.25,
    "value": 0.5,
    "RandomPosterization.factor": 4,
    "value_range": [0.0, 1.0],
    "factor": 0.25,
    "ReduceLROnPlateau.factor": 0.5,
    "scale": 0.5,
    "RandomErasing.scale": [0.25, 0.5],
    "RandomErasing.fill_value": 0.5,
    "BatchNormalization.scale": False,
    "GroupNormalization.scale": False,
    "LayerNormalization.scale": False,
    "hue_factor": 0.25,
    "interpolation": "nearest",
    "UpSampling2D.interpolation": "bilinear",
    "fn": "activations.relu",
    "function": "activations.relu",
    "arguments": {},
    "layers": [{"RandomFlip": {"mode": "vertical", "seed": 3, "name": "inner"}}],
    "cells": [
        {"LSTMCell": {"units": 2, "seed": 1, "name": "first"}},
        {"GRUCell": {"units": 3, "seed": 2, "name": "second"}},
    ],
    "RNN.cell": [
        {"LSTMCell": {"units": 2, "seed": 1, "name": "first"}},
        {"GRUCell": {"units": 3, "seed": 2, "name": "second"}},
    ],
    "backward_layer": {
        "LSTM": {
            "units": 3,
            "return_sequences": True,
            "go_backwards": True,
            "name": "back",
            "seed": 4,
        }
    },
    "SpectralNormalization.layer": {"Dense": {"units": 3, "name": "inner"}},
    "merge_mode": "sum",
    "schedule": "activations.relu",
    "label_weights": [0.5, 0.5],
    "exclude_layers": ["last"],
    "filename": "log.csv",
    "backup_dir": "backup",
    "headers": {"a": "b"},
    "embeddings_metadata": {"a": "b.tsv"},
    "save_freq": 7,
    "mode": "max",
    "RandomFlip.mode": "vertical",
    "VarianceScaling.mode": "fan_out",
    "OrthogonalRegularizer.mode": "columns",
    "STFTSpectrogram.mode": "psd",
    "max_value": 6.0,
    "num_heads": 3,
    "num_query_heads": 4,
    "num_key_value_heads": 2,
    "AUC.num_labels": 2,
    "name": "given",
    "IntegerLookup.dtype": "int64",
    "StringLookup.dtype": "string",
    "TextVectorization.dtype": "string",
    "Hashing.dtype": "int64",
    "HashedCrossing.dtype": "int64",
}

_BY_TYPE: dict[str, Any] = {
    "quantizer": {"AbsMaxQuantizer": {"axis": [0]}},
    "initializer": {"RandomNormal": {"mean": 0.5, "stddev": 0.125, "seed": 7}},
    "regularizer": {"L1L2": {"l1": 0.125, "l2": 0.25}},
    "constraint": {"MaxNorm": {"max_value": 3.0, "axis": 1}},
    "activation": "softplus",
    "schedule": {
        "ExponentialDecay": {"initial_learning_rate": 0.5, "decay_steps": 9, "decay_rate": 0.5}
    },
    "optimizer": {"SGD": {"learning_rate": 0.5, "momentum": 0.25, "name": "inner"}},
    "layer": {"LSTM": {"units": 3, "return_sequences": True, "name": "inner", "seed": 5}},
    "cell": {"GRUCell": {"units": 3, "name": "inner", "seed": 5}},
}


def value_of(entry: Entry, parameter: Parameter) -> Any:
    """A value for the argument that is not its default, as a config writes it."""
    for key in (f"{entry.name}.{parameter.name}", parameter.name):
        if key in SPECIAL:
            return SPECIAL[key]
    for kind, value in _BY_TYPE.items():
        if kind in parameter.types:
            return value
    default = parameter.default
    if isinstance(default, bool) or parameter.types in (("bool",), ("bool", "null")):
        return default is not True
    others = [each for each in parameter.choices or () if each != default]
    if others:
        return others[0]
    if "int" in parameter.types and "list" in parameter.types and parameter.length:
        return [2 + index for index in range(parameter.length)]
    low, high = parameter.minimum, parameter.maximum
    if "int" in parameter.types:
        known = default if isinstance(default, int) else 0
        return max(int(low or 0), known) + 3
    if "float" in parameter.types:
        value = 0.25 if low is not None and high is not None else 0.625
        return value if value != default else value / 2
    if "str" in parameter.types:
        return "other"
    if "bool" in parameter.types:
        return True
    if "dtype" in parameter.types:
        return "bfloat16"
    if "callable" in parameter.types:
        return "activations.relu"
    raise LookupError(f"no value for {entry.name}.{parameter.name}: {parameter}")


def cases(entry: Entry) -> Iterator[dict[str, Any]]:
    """All arguments of the object with a value of `value_of`, but for those of `LEFT_OUT`.

    Where some exclude one another there is a case for each.
    """
    known = {
        each.name: value_of(entry, each)
        for each in entry.parameters
        if each.name not in LEFT_OUT and f"{entry.name}.{each.name}" not in LEFT_OUT
    }
    rivals = [each for each in ALTERNATIVES.get(entry.name, ALTERNATIVES["*"]) if each in known]
    for chosen in rivals or [""]:
        left_out = {*rivals, *NOT_WITH.get(f"{entry.name}.{chosen}", "").split()} - {chosen}
        yield {key: each for key, each in known.items() if key not in left_out}


def made(kind: str, name: str, given: dict[str, Any]) -> Any:
    """The object that Keras itself makes of the same arguments."""
    values = {key: _value(each) for key, each in given.items()}
    if "ngrams" in values:  # only a tuple will do
        values["ngrams"] = tuple(values["ngrams"])
    return getattr(MODULES[kind], name)(**values)


def _value(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("activations."):
        return getattr(keras.activations, value.removeprefix("activations."))
    if isinstance(value, list):
        return [_value(each) for each in value]
    if isinstance(value, dict) and len(value) == 1:
        name, given = next(iter(value.items()))
        for kind, module in MODULES.items():
            if isinstance(given, dict) and isinstance(getattr(module, str(name), None), type):
                return made(kind, name, given)
    return value


def config_of(made: Any) -> Any:
    """What an object says of itself, comparable: `get_config()`, or else its attributes."""
    if hasattr(made, "get_config"):
        try:
            return _comparable(made.get_config())
        except NotImplementedError:
            pass
    own = {key: each for key, each in vars(made).items() if not key.startswith("_")}
    return _comparable(own)


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        # Keras counts the names that it makes itself.
        return {
            str(key): re.sub(r"_\d+$", "", each) if key == "name" and each else _comparable(each)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_comparable(each) for each in value]
    if hasattr(value, "get_config") and not isinstance(value, type):
        return [type(value).__name__, _comparable(value.get_config())]
    if hasattr(value, "numpy") or type(value).__module__ == "numpy":
        return keras.ops.convert_to_numpy(value).tolist()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return getattr(value, "__qualname__", type(value).__name__)
