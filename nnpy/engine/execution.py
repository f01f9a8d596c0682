"""XLA, graph or eager: how a model's steps are run on the devices that are there.

The rules look at the model and the device only, never at a clock, so that the same config
and seed give the same bits each time: two modes differ in the last bit of a sum.

On a GPU, XLA: it fuses a step's many small kernels.
On a CPU, XLA for models of dense layers and what goes with them: fused loops without a call
for each operation are 3 times faster at small batches. Not for
  convolutions and pooling: a step in XLA's loop was measured 40 times slower than in
    TensorFlow's with oneDNN;
  recurrent layers: no faster than TensorFlow's kernels, and slower to compile;
  layers that draw random numbers, as Dropout: XLA's loops draw them one by one. A step of
    784-512-512-10 with Dropout took 11 times as long as in a graph, one of 784-128-128-10 three;
  layers that are not Keras's own: what they hold is not known;
  more than 60 layers with weights: compiling takes too long.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import keras

from nnpy.engine.introspection import _name, draws, layers, on_gpu

MODES = ("xla", "graph", "eager")
MAX_XLA_LAYERS = 60


@dataclass(frozen=True)
class Execution:
    """How the steps are run ("xla", "graph" or "eager"), and why so."""

    mode: str
    reason: str


def choose(model: keras.Model, wanted: str = "auto", augmenting: str = "") -> Execution:
    """The mode for a model: `wanted`, or by the rules above when that is "auto".

    `augmenting` says why an augmentation before the step is none of XLA's.
    """
    chosen = _choose(model, wanted)
    if augmenting and chosen.mode == "xla":
        return replace(chosen, reason=f"{chosen.reason}; augmenting is a graph: {augmenting}")
    return chosen


def _choose(model: keras.Model, wanted: str) -> Execution:
    if wanted in MODES:
        return Execution(wanted, "as the config asks")
    if wanted != "auto":
        raise ValueError(f"execution must be auto, {', '.join(MODES)}, not {wanted!r}")
    parts = list(layers(model))
    for part in parts:
        if not getattr(part, "supports_jit", True):
            return Execution("graph", f"XLA cannot compile {_name(part)}")
    if on_gpu():
        return Execution("xla", "XLA fuses the small kernels of a step on a GPU")
    for part in parts:
        name = type(part).__name__
        if "Conv" in name or "Pool" in name:
            return Execution("graph", f"XLA is slow at {_name(part)} on a CPU")
        if isinstance(part, keras.layers.RNN):
            return Execution("graph", f"XLA is no faster at {_name(part)} on a CPU")
        if draws(part):
            return Execution(
                "graph", f"XLA is slow at the random numbers of {_name(part)} on a CPU"
            )
        if not type(part).__module__.startswith("keras."):
            return Execution("graph", f"{_name(part)} is not one of Keras's own layers")
    weighted = sum(1 for part in parts if getattr(part, "weights", ()))
    if weighted > MAX_XLA_LAYERS:
        return Execution("graph", f"XLA would take long to compile {weighted} layers")
    return Execution("xla", "XLA's fused loop is fastest for dense layers on a CPU")
