"""What neither the signatures nor the docstrings of Keras tell, for `nnpy.catalog.build`.

Keys of the tables are names of parameters, or `Class.parameter` where only that one is meant,
with spaces between them; values are words with spaces between them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
    # Those two hold the texts that they were calibrated with.
    "quantizer": {"Quantizer", "QuantizationConfig", "GPTQConfig", "AWQConfig"},
    "activation": {"get", "serialize", "deserialize"},
    "op": set(),
}

# Functions of `keras.activations` that make an operation which none of `keras.ops` makes.
ACTIVATION_OPERATIONS = ("relu",)

# Identifiers of Keras that are neither a public name nor one made from it; each is tried.
ABBREVIATIONS = {
    "loss": "bce BCE kld KLD mae MAE mse MSE mape MAPE msle MSLE",
    "metric": "acc bce BCE mae MAE mse MSE mape MAPE msle MSLE",
    "initializer": "normal uniform one zero",
}

# What constructors take out of their `**kwargs` only to ignore it, or for what a config says
# in another place.
NOT_ARGUMENTS = """decay dynamic input_dim input_length input_shape batch_input_shape training
    trainable dtype"""

# What an object takes by name though its signature does not say so.
MORE_ARGUMENTS = {
    "LambdaCallback": """on_batch_begin on_batch_end on_test_begin on_test_end
        on_test_batch_begin on_test_batch_end
        on_predict_begin on_predict_end on_predict_batch_begin on_predict_batch_end""",
    "StringLookup": "has_input_vocabulary",
    "IntegerLookup": "has_input_vocabulary",
}

# These hand any further argument to the function that they are made with.
OPEN_ENDED = "MeanMetricWrapper"

# Layers that are called with a list of tensors.
SEVERAL_INPUTS = """Add Average Concatenate Dot Maximum Minimum Multiply Subtract Attention
    AdditiveAttention HashedCrossing"""

# The better way of metrics of which Keras does not say it itself.
DIRECTIONS = {
    "min": "FalseNegatives FalsePositives",
    "max": """TrueNegatives TruePositives CosineSimilarity PrecisionAtRecall RecallAtPrecision
        SensitivityAtSpecificity SpecificityAtSensitivity""",
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
    "RandomPosterization.factor": ">= 1 <= 8",
    "CategoricalGeneralizedCrossEntropy.q": "> 0 < 1",
    "Lion.beta_1 F1Score.threshold FBetaScore.threshold": "> 0 <= 1",
    "ReduceLROnPlateau.factor": "< 1",
    "Reshape.target_shape": ">= -1",
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
    "TextVectorization.output_mode": "int one_hot multi_hot count tf_idf",
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
    "cells RNN.cell": "cell",
    "Reshape.target_shape AbsMaxQuantizer.value_range RandomPosterization.factor": "int",
    "layers": "layer",
}

# Arguments for which only a tuple will do.
TUPLES = "TextVectorization.ngrams AbsMaxQuantizer.value_range"

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
    "quantization_config weight_quantizer": "quantizer null",
    "activation_quantizer": "quantizer str null",
    "Int4QuantizationConfig.block_size": "int null",
    "AbsMaxQuantizer.axis": "int list null",
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
    "RandomPosterization.factor": "int list",
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
    "learning_rate": "callable float schedule",
    "RNN.cell": "cell list",
    "Normalization.axis": "int list null",
    "Reshape.target_shape": "list",
    "Lambda.output_shape": "callable int null shape",
    "Lambda.mask": "callable null",
    "Muon.rms_rate": "float null",
    "AUC.num_thresholds": "int null",
    "implementation vocabulary_size": "int null",
    "has_input_vocabulary": "bool null",
    "lora_alpha": "float null",
    "name": "str null",
    "negative_slope": "float",
    "max_value": "float null",
    "height width": "int",
    "num_bins": "int null",
    "output_padding": "int list null",
    "output_shape": "int shape null",
    "schedule": "callable",
    "seed": "int null",
    "AUC.thresholds": "list null",
    "thresholds": "float list null",
    "weights": "any",
    "vocabulary_dtype": "dtype",
}

# The operands of operations: a tensor, or a number in its place.
OPERANDS = """x x1 x2 y xs a b operands input inputs image images image1 image2 volumes kernel query
    key value values data tensor target targets output predictions indices condition array"""
