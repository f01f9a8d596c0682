"""One call of every function of `keras.ops` that takes tensors, arguments off their defaults.

`CALLS` maps the function to the shapes (with batch axis left out) and dtypes of its inputs and a
function of them. What is not here is in `WITHOUT`, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

CALLS: dict[str, tuple[list[tuple], Callable[..., Any]]] = {}


def _words(text: str) -> list[str]:
    return text.split()


WITHOUT = {
    "conv_transpose": "Keras cannot load a model with it: its data_format is saved as null",
    **dict.fromkeys(
        _words(
            "associative_scan cond custom_gradient fori_loop jvp map scan switch vectorize "
            "vectorized_map while_loop"
        ),
        "takes a Python function",
    ),
    **dict.fromkeys(
        _words(
            "arange array bartlett blackman empty eye full geomspace hamming hanning identity "
            "kaiser linspace logspace ones tri zeros unravel_index"
        ),
        "makes a constant, of no tensor of the model, or none that Keras could save",
    ),
    **dict.fromkeys(
        _words("convert_to_numpy dtype is_tensor shape ndim size"),
        "gives no tensor of the model",
    ),
    **dict.fromkeys(["bincount", "trapezoid", "select"], "Keras cannot save its tensors"),
    **dict.fromkeys(
        ["adaptive_average_pool", "adaptive_max_pool", "histogram", "batch_normalization"],
        "Keras cannot load what it saves of it",
    ),
    **dict.fromkeys(["view_as_complex", "view_as_real"], "fails on TensorFlow"),
    "rearrange": "Keras wants every size of its tensor, the batch's too",
}


def _add(names: str, function: Callable[..., Any] | None = None, *inputs: tuple) -> None:
    for name in names.split():
        given = [each if isinstance(each, tuple) else (each,) for each in inputs or [((4, 4),)]]
        CALLS[name] = (given, function or _function(name))


def _function(name: str) -> Callable[..., Any]:
    found: Any = ops
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _with(name: str, *places: Any, **named: Any) -> Callable[..., Any]:
    """A call with further arguments after the tensors."""
    return lambda *tensors: _function(name)(*tensors, *places, **named)


# One tensor and nothing else.
_add(
    "absolute angle arccos arccosh arcsin arcsinh arctan arctanh cbrt ceil conjugate copy "
    "cos cosh deg2rad erf erfc erfinv exp exp2 expm1 fabs fliplr flipud floor hard_sigmoid "
    "hard_silu hard_tanh i0 imag isfinite isinf isnan isneginf isposinf isreal log log10 log1p "
    "log2 log_sigmoid logical_not negative rad2deg ravel real reciprocal relu relu6 rsqrt selu "
    "sigmoid sign signbit silu sin sinc sinh softplus softsign sparse_plus sparse_sigmoid sqrt "
    "square stop_gradient tan tanh tanh_shrink trunc  logdet inv det eigh slogdet"
)
_add(
    "activations.relu",
    lambda x: keras.activations.relu(x, negative_slope=0.1, max_value=1.5, threshold=0.2),
)
# Two tensors and nothing else.
_TWO = [((4, 4),), ((4, 4),)]
_add(
    "add arctan2 cdist divide divide_no_nan dot equal floor_divide fmax fmin fmod greater "
    "greater_equal heaviside hypot less less_equal logaddexp logaddexp2 logical_and "
    "logical_or logical_xor matmul maximum minimum mod multiply nextafter not_equal polar power "
    "solve subtract true_divide",
    None,
    *_TWO,
)
_add("inner outer vdot", None, *_TWO)
_add("kron", lambda x, y: ops.kron(x[0], y[0]), *_TWO)
_add("corrcoef", lambda x: ops.corrcoef(x[0]))
_add("lu_factor", lambda x: ops.lu_factor(x[0]))
_add("abs conj")
_INTEGERS = [((4,), "int32"), ((4,), "int32")]
_add(
    "bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor gcd lcm left_shift "
    "right_shift",
    None,
    *_INTEGERS,
)
_add("bitwise_invert bitwise_not", None, ((4,), "int32"))
_add("ldexp", None, ((4,),), ((4,), "int32"))
# With arguments off their defaults.
for _name in _words(
    "amax amin max mean median min nanmax nanmean nanmedian nanmin nanprod nanstd nansum nanvar "
    "std sum var logsumexp all any argmax argmin nanargmax nanargmin ptp"
):
    _add(_name, _with(_name, axis=1, keepdims=True))
for _name in _words("cumprod cumsum nancumprod nancumsum"):
    _add(_name, _with(_name, axis=1, dtype="float64"))
for _name in _words("log_softmax softmax sparsemax glu argsort sort count_nonzero squeeze flip"):
    _add(_name, _with(_name, axis=1), ((4, 4),) if _name != "squeeze" else ((1, 4),))
for _name in _words("empty_like ones_like zeros_like"):
    _add(_name, _with(_name, dtype="int32"))
for _name in _words("diagflat tril triu"):
    _add(_name, _with(_name, k=1))
for _name in _words("percentile nanpercentile quantile nanquantile"):
    _add(_name, _with(_name, 0.25, axis=1, method="lower", keepdims=True))
for _name in _words("segment_max segment_min segment_prod segment_sum"):
    _add(_name, lambda x, _own=_name: _function(_own)(x, np.array([0, 1]), num_segments=3))
for _name in _words("concatenate hstack vstack dstack"):
    _more = {"axis": 1} if _name == "concatenate" else {}
    _add(_name, lambda x, y, _own=_name, _more=_more: _function(_own)([x, y], **_more), *_TWO)
for _name in _words("isclose allclose"):
    _add(_name, _with(_name, rtol=1e-3, atol=1e-4, equal_nan=True), *_TWO)
for _name in _words("hsplit"):
    _add(_name, _with(_name, 2))
_add("vsplit", lambda x: ops.vsplit(ops.reshape(x, (8, -1)), 2))
_add("dsplit", _with("dsplit", 2))
_add("append", _with("append", axis=1), *_TWO)
_add("argpartition", lambda x: ops.argpartition(x[0], 2, axis=-1))
_add("array_split", _with("array_split", 3, axis=1))
_add("average", lambda x, w: ops.average(x, axis=1, weights=w), *_TWO)
_add("average_pool", _with("average_pool", 3, strides=2, padding="same"), ((8, 8, 3),))
_add("max_pool", _with("max_pool", (2, 3), strides=1, padding="same"), ((8, 8, 3),))
_add(
    "layer_normalization",
    lambda x: ops.layer_normalization(
        x, gamma=np.ones(4, "float32"), beta=np.ones(4, "float32"), axis=-1, epsilon=0.01
    ),
)
_add(
    "rms_normalization",
    lambda x: ops.rms_normalization(x, scale=np.full(4, 2.0, "float32"), axis=-1, epsilon=0.01),
)
_add("normalize", _with("normalize", axis=1, order=1, epsilon=1e-6))
_add("binary_crossentropy", _with("binary_crossentropy", from_logits=True), *_TWO)
_add("categorical_crossentropy", _with("categorical_crossentropy", from_logits=True, axis=1), *_TWO)
_add(
    "sparse_categorical_crossentropy",
    _with("sparse_categorical_crossentropy", from_logits=True),
    ((), "int32"),
    ((4,),),
)
_add("broadcast_to", lambda x: ops.broadcast_to(x[:1, :], (3, 4, 4)))
_add("cast", _with("cast", "int32"))
_add("saturate_cast", _with("saturate_cast", "uint8"))
_add("convert_to_tensor", _with("convert_to_tensor", dtype="float64"))
_add("view", _with("view", dtype="int32"))
_add("celu", _with("celu", alpha=0.5))
_add("elu", _with("elu", alpha=0.5))
_add("gelu", _with("gelu", approximate=False))
_add("hard_shrink", _with("hard_shrink", threshold=0.25))
_add("soft_shrink", _with("soft_shrink", threshold=0.25))
_add("leaky_relu", _with("leaky_relu", negative_slope=0.1))
_add("threshold", _with("threshold", 0.5, -1.0))
_add("squareplus", _with("squareplus", b=2))
_add(
    "cholesky",
    lambda x: ops.cholesky(
        ops.matmul(x, ops.transpose(x, (0, 2, 1))) + 9.0 * np.eye(4, dtype="float32"), upper=True
    ),
)
_add(
    "cholesky_inverse",
    lambda x: ops.cholesky_inverse(ops.tril(x) + 9.0 * np.eye(4, dtype="float32"), upper=False),
)
_add("clip", _with("clip", -0.5, 0.5))
_KERNEL = np.full((3, 3, 3, 2), 0.1, "float32")
_add("conv", lambda x: ops.conv(x, _KERNEL, strides=2, padding="same"), ((8, 8, 3),))
_add("depthwise_conv", lambda x: ops.depthwise_conv(x, _KERNEL, padding="same"), ((8, 8, 3),))
_add(
    "separable_conv",
    lambda x: ops.separable_conv(x, _KERNEL, np.full((1, 1, 6, 4), 0.1, "float32"), padding="same"),
    ((8, 8, 3),),
)
_add("correlate", lambda x, y: ops.correlate(x[0, 0], y[0, 1], mode="same"), *_TWO)
_add("cross", _with("cross", axisa=1, axisb=1, axisc=1), ((3, 4),), ((3, 4),))
_add(
    "ctc_decode",
    lambda x, n: ops.ctc_decode(x, n, top_paths=1, merge_repeated=False),
    ((5, 4),),
    ((), "int32"),
)
_add(
    "ctc_loss",
    lambda t, x, n, m: ops.ctc_loss(t, x, n, m, mask_index=3),
    ((2,), "int32"),
    ((5, 4),),
    ((), "int32"),
    ((), "int32"),
)
_add("depth_to_space", _with("depth_to_space", 2), ((4, 4, 8),))
_add("space_to_depth", _with("space_to_depth", 2), ((4, 4, 2),))
_add("diag", lambda x: ops.diag(ops.reshape(x, (-1,)), k=1))
_add("diagonal", _with("diagonal", offset=1, axis1=1, axis2=2))
_add("diff", _with("diff", n=2, axis=1))
_add("digitize", _with("digitize", np.array([-1.0, 0.0, 1.0], "float32")))
_add(
    "dot_product_attention",
    lambda q, k, v: ops.dot_product_attention(q, k, v, scale=0.5),
    ((5, 2, 4),),
    ((5, 2, 4),),
    ((5, 2, 4),),
)
_add("eig")
_add("einsum", lambda x, y: ops.einsum("abc,abd->acd", x, y), *_TWO)
_add("expand_dims", _with("expand_dims", (1, 2)))
_add("extract_sequences", _with("extract_sequences", 3, 2), ((9,),))
_add("fold", _with("fold", (4, 4), 2, stride=2), ((8, 4),))
_add("unfold", _with("unfold", 2, stride=2), ((2, 4, 4),))
_add("full_like", _with("full_like", 3, dtype="int32"))
_add("get_item", lambda x: x[:, 1:, ::-1])
_IMAGE = ((8, 8, 3),)
_add(
    "image.affine_transform",
    lambda x: ops.image.affine_transform(
        x,
        np.array([1, 0, 1, 0, 1, 0, 0, 0], "float32"),
        interpolation="nearest",
        fill_mode="reflect",
        fill_value=1.0,
    ),
    _IMAGE,
)
_add(
    "image.crop_images",
    _with("image.crop_images", top_cropping=1, left_cropping=2, target_height=4, target_width=5),
    _IMAGE,
)
_add(
    "image.pad_images",
    _with("image.pad_images", top_padding=1, left_padding=2, target_height=12, target_width=12),
    _IMAGE,
)
_add(
    "image.elastic_transform",
    _with("image.elastic_transform", alpha=2.0, sigma=1.0, seed=3),
    _IMAGE,
)
_add("image.extract_patches", _with("image.extract_patches", 4, strides=2, padding="same"), _IMAGE)
_add("image.extract_patches_3d", _with("image.extract_patches_3d", (2, 2, 2)), ((4, 4, 4, 1),))
_add(
    "image.gaussian_blur",
    _with("image.gaussian_blur", kernel_size=(5, 5), sigma=(0.5, 0.5)),
    _IMAGE,
)
_add("image.hsv_to_rgb image.rgb_to_hsv image.rgb_to_grayscale image.sobel_edges", None, _IMAGE)
_add(
    "image.map_coordinates",
    lambda x: ops.image.map_coordinates(x, np.zeros((4, 2), "float32"), 1, fill_mode="wrap"),
    ((8, 8, 3),),
)
_add(
    "image.perspective_transform",
    lambda x: ops.image.perspective_transform(
        x,
        np.array([[0, 0], [0, 7], [7, 0], [7, 7]], "float32"),
        np.array([[1, 0], [0, 7], [7, 0], [7, 6]], "float32"),
        interpolation="nearest",
    ),
    _IMAGE,
)
_add("image.resize", _with("image.resize", (4, 6), interpolation="nearest", antialias=True), _IMAGE)
_add(
    "image.scale_and_translate",
    lambda x: ops.image.scale_and_translate(
        x, (2, 4, 4, 3), np.array([0.5, 0.5], "float32"), np.zeros(2, "float32"), (1, 2), "linear"
    ),
    _IMAGE,
)
_add("image.ssim", _with("image.ssim", max_val=2.0, filter_size=3), _IMAGE, _IMAGE)
_add("in_top_k", _with("in_top_k", 2), ((), "int32"), ((4,),))
_add("irfft", lambda x: ops.irfft((x, x), fft_length=6))
_add("fft2", lambda x: ops.fft2((x, x)))
_add("fft", lambda x: ops.fft((x, x)))
_add("ifft2", lambda x: ops.ifft2((x, x)))
_add("rfft", _with("rfft", fft_length=8))
_add("stft", _with("stft", 4, 2, 4, window="hamming", center=False), ((16,),))
_add("istft", lambda x: ops.istft(ops.stft(x, 4, 2, 4), 4, 2, 4, window="hann"), ((16,),))
_add("isin", lambda x: ops.isin(x, np.array([1, 2]), invert=True), ((4,), "int32"))
_add("lstsq", lambda x, y: ops.lstsq(x[0], y[0], rcond=0.01), *_TWO)
_add("matrix_rank", _with("matrix_rank", tol=0.1))
_add("meshgrid", lambda x, y: ops.meshgrid(x[0], y[0], indexing="ij"), ((4,),), ((3,),))
_add("moments", _with("moments", axes=[1], keepdims=True))
_add("moveaxis", _with("moveaxis", 1, 2))
_add("multi_hot", _with("multi_hot", 5, axis=-1, dtype="int32"), ((3,), "int32"))
_add("one_hot", _with("one_hot", 5, axis=1, dtype="int32"), ((3,), "int32"))
_add("nan_to_num", _with("nan_to_num", nan=1.0, posinf=2.0, neginf=-2.0))
_add("nonzero", lambda x: ops.nonzero(x)[0])
_add("norm", _with("norm", ord=1, axis=1, keepdims=True))
_add("pad", _with("pad", ((0, 0), (1, 2), (0, 1)), mode="reflect"))
_add("pinv", _with("pinv", rcond=0.01))
_add("prod", _with("prod", axis=1, keepdims=True, dtype="float64"))
_add("psnr", _with("psnr", 2.0), *_TWO)
_add("qr", _with("qr", mode="complete"))
_add("repeat", _with("repeat", 2, axis=1))
_add("reshape", _with("reshape", (-1, 2, 8)))
_add("roll", _with("roll", 1, axis=1))
_add("rot90", _with("rot90", k=2, axes=(1, 2)))
_add("round", _with("round", decimals=1))
_add("scatter", lambda i, v: ops.scatter(i, v, (6,)), ((1,), "int32"), ((),))
_add(
    "scatter_update",
    lambda x: ops.scatter_update(x, np.array([[0, 1]]), np.ones((1, 4), "float32")),
)
_add(
    "searchsorted",
    lambda x: ops.searchsorted(
        np.array([0.0, 1.0, 2.0], "float32"), ops.reshape(x, (-1,)), side="right"
    ),
)
_add("slice", lambda x: ops.slice(x, (0, 1, 0), (2, 2, 4)))
_add("slice_update", lambda x: ops.slice_update(x, (0, 1, 0), np.ones((1, 2, 2), "float32")))
_add("solve_triangular", lambda x, y: ops.solve_triangular(x, y, lower=True), *_TWO)
_add("split", _with("split", 2, axis=1))
_add("stack", lambda x, y: ops.stack([x, y], axis=1), *_TWO)
_add("svd", _with("svd", full_matrices=False, compute_uv=True))
_add("swapaxes", _with("swapaxes", 1, 2))
_add("take", _with("take", np.array([0, 2]), axis=1))
_add("take_along_axis", lambda x, i: ops.take_along_axis(x, i, axis=1), ((4,),), ((2,), "int32"))
_add("tensordot", _with("tensordot", axes=[[1], [1]]), *_TWO)
_add("tile", _with("tile", (1, 2, 1)))
_add("top_k", _with("top_k", 2, sorted=False))
_add("trace", _with("trace", offset=1, axis1=1, axis2=2))
_add("transpose", _with("transpose", (0, 2, 1)))
_add("unique", lambda x: ops.unique(x, size=4), ((4,), "int32"))
_add("unstack", _with("unstack", axis=1))
_add("vander", lambda x: ops.vander(ops.reshape(x, (-1,)), N=3, increasing=True))
_add("where", lambda c, x: ops.where(c, x, 0.5), ((4,), "bool"), ((4,),))
_add("ptp", _with("ptp", axis=1, keepdims=True))
_add("flip", _with("flip", axis=1))
