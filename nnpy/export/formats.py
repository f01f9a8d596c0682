"""Every format that a model can be exported to: what it is called, needs, and cannot hold.

A new format is an entry in `FORMATS`, a writer (`write.py` names it) and a reader in
`runtimes.py`. Imports nothing but the standard library.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnpy.errors import UsageError, did_you_mean

NONE, FLOAT16, INT8_WEIGHTS, INT8 = QUANTIZATIONS = ("none", "float16", "int8-weights", "int8")
OPSETS = range(11, 19)  # of ONNX, which tf2onnx writes and ONNX Runtime reads

RECURRENT = frozenset(
    ("LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
)
_POOLING_3D = frozenset(("MaxPooling3D", "AveragePooling3D"))
_LOOK_UPS = frozenset(
    ("StringLookup", "IntegerLookup", "TextVectorization", "Hashing", "HashedCrossing")
)


@dataclass(frozen=True)
class Format:
    """One format; `writes` and `reads` are the modules needed, which the extra `export` brings."""

    name: str
    title: str
    suffix: str  # of the file; "" for a folder
    aliases: tuple[str, ...] = ()
    quantizations: tuple[str, ...] = (NONE,)
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    plain_names: bool = False  # whether inputs are called as Python's arguments may be

    @property
    def needs_tensorflow(self) -> bool:
        """Whether it is used by TensorFlow itself, which has every operation of its own."""
        return not self.reads


FORMATS = {
    each.name: each
    for each in (
        Format(
            "onnx",
            "ONNX",
            ".onnx",
            quantizations=(NONE, INT8_WEIGHTS, INT8),
            writes=("tf2onnx", "onnx"),
            reads=("onnxruntime",),
        ),
        Format(
            "tflite",
            "LiteRT",
            ".tflite",
            aliases=("litert",),
            quantizations=QUANTIZATIONS,
            reads=("ai_edge_litert",),
            plain_names=True,
        ),
        Format(
            "savedmodel",
            "a SavedModel",
            "",
            aliases=("tf_saved_model", "saved_model"),
            plain_names=True,
        ),
        Format("keras", "a Keras file", ".keras"),
    )
}
_ALIASES = {alias: each.name for each in FORMATS.values() for alias in each.aliases}


def named(name: str) -> Format:
    """The format of that name or alias. Raises UsageError where there is none."""
    plain = name.lower().lstrip(".")
    found = FORMATS.get(_ALIASES.get(plain, plain))
    if found is None:
        hint = did_you_mean(plain, [*FORMATS, *_ALIASES])
        raise UsageError(f"--format {name}: expected {_listed(FORMATS)}{hint}")
    return found


def of_file(path: Path) -> Format | None:
    """The format of an exported file or folder, by its name; None where it is none of these.

    A .keras file is a model as nnpy saves them, and opened as such.
    """
    if path.is_dir():
        is_saved = (path / "saved_model.pb").is_file()
        return FORMATS.get("savedmodel") if is_saved else None
    suffix = path.suffix.lower()
    for each in FORMATS.values():
        if each.suffix == suffix and suffix != ".keras":
            return each
    return None


def input_names(wanted: Format, names: Sequence[str]) -> list[str]:
    """What inputs are called in a file: as in the model, unless its format cannot."""
    found: list[str] = []
    for name in names:
        if wanted.plain_names:
            name = re.sub(r"\W", "_", name, flags=re.ASCII)
            name = name if name[:1].isalpha() else f"input_{name}"
            while name in found:
                name += "_"
        found.append(name)
    return found


def check_installed(wanted: Format, modules: Iterable[str]) -> None:
    """Raise UsageError unless the modules that a format needs are installed."""
    missing = [name for name in modules if not _is_installed(name)]
    if missing:
        packages = [name.replace("_", "-") for name in missing]
        raise UsageError(
            f"{wanted.title} needs {_listed(packages, 'and')}: pip install 'nnpy[export]' "
            f"(or {' '.join(packages)})"
        )


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def check_quantization(wanted: Format, quantize: str) -> None:
    """Raise UsageError unless the format can be quantized so."""
    if quantize not in wanted.quantizations:
        can = [each for each in FORMATS.values() if quantize in each.quantizations]
        hint = f"; {_listed([each.name for each in can], 'and')} can" if can else ""
        raise UsageError(
            f"--quantize {quantize}: {wanted.title} is written with "
            f"{_listed(wanted.quantizations)}{hint}"
        )


@dataclass(frozen=True)
class Fit:
    """How a model can be held by a format: `refused` says why it cannot, "" that it can."""

    refused: str = ""
    batch: int | None = None  # the one batch size that it will have
    quantize: str = NONE
    notes: tuple[str, ...] = ()


def fit(
    wanted: Format,
    kinds: Collection[str],
    *,
    batch: int | None = None,
    open_batch: bool = False,
    quantize: str = NONE,
    stateful: bool = False,
) -> Fit:
    """What is known, before anything is converted, of a model with layers of these `kinds`.

    `batch` is the batch size that the user or the model fixes; `open_batch` says that the user
    wants any. With `stateful` layers keep what they have seen from call to call.
    """
    if wanted.name == "keras":
        return Fit(batch=batch, quantize=quantize)
    if stateful:
        return Fit(
            f"{wanted.title} keeps no state from one call to the next, as the stateful layers of "
            "this model do; make them stateful: false"
        )
    if wanted.needs_tensorflow:
        return Fit(batch=batch, quantize=quantize)
    if look_ups := sorted(_LOOK_UPS & set(kinds)):
        return Fit(
            f"{wanted.title} has no operation for {_listed(look_ups, 'and')}; use savedmodel, or "
            "look the words up before the model"
        )
    recurrent = sorted(RECURRENT & set(kinds))
    notes = []
    if recurrent and quantize == INT8:
        quantize = INT8_WEIGHTS
        notes.append(
            "int8-weights instead of int8: the converters cannot measure the values within "
            f"{_listed(recurrent, 'and')}"
        )
    if wanted.name != "tflite":
        return Fit("", batch, quantize, tuple(notes))
    if pooling := sorted(_POOLING_3D & set(kinds)):
        return Fit(f"LiteRT has no operation for {_listed(pooling, 'and')}; use onnx or savedmodel")
    if recurrent and open_batch:
        return Fit(
            f"LiteRT runs {_listed(recurrent, 'and')} only with a fixed batch size: leave out "
            "--batch open"
        )
    if recurrent and batch is None:
        batch = 1
        notes.append(f"batch size 1, which LiteRT needs for {_listed(recurrent, 'and')}")
    return Fit("", batch, quantize, tuple(notes))


def _listed(names: Collection[str], word: str = "or") -> str:
    *first, last = names
    return f"{', '.join(first)} {word} {last}" if first else last
