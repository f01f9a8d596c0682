"""Layers that augment pictures: which `data.augment` takes, and which of them XLA compiles well.

Keras's signatures do not tell it. That XLA cannot compile a layer was found by trying each, with
TensorFlow 2.21; a test tries them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Augmenter:
    """A layer that augments. `slow` says why it is kept out of XLA's programs."""

    slow: str = ""
    needs_colour: bool = False
    mixes: bool = False  # makes new examples of two, with labels in between
    any_data: bool = False  # not only pictures
    moves: bool = False  # pixels to other places


_PROJECTION = "XLA has no image transformation"
_GAMMA = "XLA has no gamma distribution"
_COLOUR = Augmenter(needs_colour=True)

TAKEN: dict[str, Augmenter] = {
    "CutMix": Augmenter(slow=_GAMMA, mixes=True, moves=True),
    "Dropout": Augmenter(any_data=True),
    "GaussianNoise": Augmenter(any_data=True),
    "MixUp": Augmenter(slow=_GAMMA, mixes=True, moves=True),
    "RandAugment": Augmenter(slow=_PROJECTION, moves=True),
    "RandomBrightness": Augmenter(),
    "RandomColorDegeneration": _COLOUR,
    "RandomColorJitter": _COLOUR,
    "RandomContrast": Augmenter(),
    "RandomCrop": Augmenter(moves=True),
    "RandomElasticTransform": Augmenter(slow="XLA cannot compile its shapes", moves=True),
    "RandomErasing": Augmenter(slow="XLA is 16 times slower at it on a CPU"),
    "RandomFlip": Augmenter(moves=True),
    "RandomGaussianBlur": Augmenter(slow="XLA is slower at it on a CPU"),
    "RandomGrayscale": _COLOUR,
    "RandomHue": _COLOUR,
    "RandomInvert": Augmenter(),
    "RandomPerspective": Augmenter(slow=_PROJECTION, moves=True),
    "RandomPosterization": Augmenter(),
    "RandomRotation": Augmenter(slow=_PROJECTION, moves=True),
    "RandomSaturation": _COLOUR,
    "RandomSharpness": Augmenter(slow="XLA is slower at it on a CPU"),
    "RandomShear": Augmenter(slow=_PROJECTION, moves=True),
    "RandomTranslation": Augmenter(slow=_PROJECTION, moves=True),
    "RandomZoom": Augmenter(slow=_PROJECTION, moves=True),
    "Solarization": Augmenter(),
    "ZeroPadding2D": Augmenter(moves=True),  # before a RandomCrop
}

_FIXED = (
    "does the same to every picture, so that validation and prediction need it too: put it first "
    "in model:"
)
REFUSED: dict[str, str] = {
    **dict.fromkeys(
        (
            *("AutoContrast", "CenterCrop", "Equalization", "Normalization", "Rescaling"),
            *("ContrastLimitedAdaptiveHistogramEqualization", "Resizing", "Discretization"),
        ),
        _FIXED,
    ),
    "AugMix": "chooses its layers with Python's random numbers when a step is compiled: all steps "
    "would have the same ones, and others after a resume; use RandAugment",
    "Pipeline": "is a list of layers, as data.augment is: write its layers here",
    "MaxNumBoundingBoxes": "is for bounding boxes, which data.augment does not know",
    "STFTSpectrogram": "does the same to every example: put it first in model:",
}


def why_not_xla(name: str, arguments: Mapping[str, Any]) -> str:
    """Why a layer is kept out of XLA's programs; nothing where it is not."""
    if name == "RandomFlip" and arguments.get("mode") not in ("horizontal", "vertical"):
        return "XLA is 80 times slower at flipping both ways on a CPU"
    known = TAKEN.get(name)
    return known.slow if known else f"{name} is not one of Keras's own layers"
