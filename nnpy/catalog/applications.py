"""The networks of `keras.applications`, and what each wants to be given.

Their signatures tell neither the scale of the input nor the smallest picture; both are of the
source of Keras 3.15, and a test holds them against the installed one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from nnpy.catalog.entries import Entry, Parameter

PREFIX = "applications."

# What is done to pixels of 0 to 255, as `preprocess_input` of each network does it.
INSIDE = "inside"  # nothing: the network has layers for it
SYMMETRIC = "symmetric"  # -1 to 1
SPREAD = "spread"  # 0 to 1, less ImageNet's mean, by its spread
BGR = "bgr"  # blue first, less ImageNet's mean

MEAN = (0.485, 0.456, 0.406)
STANDARD_DEVIATION = (0.229, 0.224, 0.225)
BGR_MEAN = (103.939, 116.779, 123.68)


@dataclass(frozen=True)
class Application:
    """A network: the module of Keras that has it, its scaling, and the least height and width."""

    module: str
    scaling: str
    smallest: int = 32
    more: tuple[Parameter, ...] = ()


_ALPHA = Parameter("alpha", default=1.0, types=("float",), minimum=0, exclusive_minimum=True)
_V3 = (
    _ALPHA,
    Parameter("minimalistic", default=False, types=("bool",), doc="Without its costlier layers."),
    Parameter("dropout_rate", default=0.2, types=("float",), minimum=0, maximum=1),
)
_V1 = (
    _ALPHA,
    Parameter("depth_multiplier", default=1, types=("int",), minimum=1),
    Parameter("dropout", default=0.001, types=("float",), minimum=0, maximum=1),
)

KNOWN: dict[str, Application] = {
    **{
        f"ConvNeXt{size}": Application("convnext", INSIDE)
        for size in ("Tiny", "Small", "Base", "Large", "XLarge")
    },
    **{f"DenseNet{depth}": Application("densenet", SPREAD) for depth in (121, 169, 201)},
    **{f"EfficientNetB{size}": Application("efficientnet", INSIDE) for size in range(8)},
    **{
        f"EfficientNetV2{size}": Application("efficientnet_v2", INSIDE)
        for size in ("B0", "B1", "B2", "B3", "S", "M", "L")
    },
    "InceptionResNetV2": Application("inception_resnet_v2", SYMMETRIC, 75),
    "InceptionV3": Application("inception_v3", SYMMETRIC, 75),
    "MobileNet": Application("mobilenet", SYMMETRIC, more=_V1),
    "MobileNetV2": Application("mobilenet_v2", SYMMETRIC, more=(_ALPHA,)),
    "MobileNetV3Large": Application("mobilenet_v3", INSIDE, more=_V3),
    "MobileNetV3Small": Application("mobilenet_v3", INSIDE, more=_V3),
    "NASNetLarge": Application("nasnet", SYMMETRIC),
    "NASNetMobile": Application("nasnet", SYMMETRIC),
    **{f"ResNet{depth}": Application("resnet", BGR) for depth in (50, 101, 152)},
    **{f"ResNet{depth}V2": Application("resnet_v2", SYMMETRIC) for depth in (50, 101, 152)},
    "VGG16": Application("vgg16", BGR),
    "VGG19": Application("vgg19", BGR),
    "Xception": Application("xception", SYMMETRIC, 71),
}

IMAGENET = "imagenet"
_COMMON = (
    Parameter(
        "weights",
        default=IMAGENET,
        types=("str", "null"),
        doc="What it begins with: imagenet (Keras downloads them), a file (.weights.h5, .keras, "
        ".h5), or null to draw them.",
    ),
    Parameter(
        "include_top",
        default=False,
        types=("bool",),
        doc="Whether its own classifier stays on top.",
    ),
    Parameter(
        "pooling",
        default="avg",
        types=("str", "null"),
        choices=("avg", "max"),
        doc="What makes one vector of its last feature maps; null leaves them as they are.",
    ),
    Parameter(
        "freeze",
        default=False,
        types=("bool", "int", "list"),
        items=("str",),
        minimum=0,
        doc="What is not trained: true (all), a number of layers from the input on, or names "
        "of layers, in which * stands for anything.",
    ),
    Parameter(
        "grey_to_rgb",
        default=False,
        types=("bool",),
        doc="Gives each of its three channels the same grey picture.",
    ),
    Parameter("classes", default=1000, types=("int",), minimum=1, doc="Of the classifier on top."),
    Parameter(
        "classifier_activation",
        default="softmax",
        types=("str", "null"),
        choices=("softmax",),
        doc="Of the classifier on top; null gives logits.",
    ),
    Parameter("name", types=("str",)),
    Parameter("trainable", default=True, types=("bool",), doc="False freezes all of it."),
)


@cache
def find(name: str) -> Entry | None:
    """The entry of a network by its name in `keras.applications`."""
    known = KNOWN.get(name)
    if known is None:
        return None
    doc = f"keras.applications.{name} as one layer, with the scaling of pixels that it wants."
    return Entry("application", name, parameters=(*_COMMON, *known.more), doc=doc)


def entries() -> Iterator[Entry]:
    """All of them, in the order of the table."""
    for name in KNOWN:
        found = find(name)
        assert found is not None
        yield found
