"""An exported file at work: predict and evaluate, ONNX and LiteRT without TensorFlow."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnpy.config.config import Config
from nnpy.config.load import load_config
from nnpy.data import DataInfo, Part, Split
from nnpy.data.files import images
from nnpy.data.targets import Target, Task, target_from
from nnpy.errors import DataError, ModelError, UsageError
from nnpy.evaluation import classification
from nnpy.evaluation.classification import ClassReport, class_report, true_classes
from nnpy.export import formats, runtimes, sidecar
from nnpy.export.formats import Format
from nnpy.export.runtimes import Runtime
from nnpy.runs.folder import Run
from nnpy.safety import code_seal
from nnpy.storage.regular import check_regular, read_regular
from nnpy.workflows import examples
from nnpy.workflows.examples import PictureForm
from nnpy.workflows.predict import answers_of, told
from nnpy.workflows.session import ConfigLike, Session

_GRAPH, _LARGEST = "saved_model.pb", 1 << 31  # bytes


@dataclass(frozen=True)
class Exported:
    """An exported file that is open, and what its JSON says."""

    path: Path
    kind: Format
    known: dict[str, Any]
    runtime: Runtime

    def __call__(self, x: Any) -> dict[str, np.ndarray]:
        """The outputs (n, …) by their names for examples (n, …) as they are stored."""
        given = self.known["inputs"]
        if isinstance(x, Mapping) and self.known.get("raw_input", True):
            names = [each.get("data", each["name"]) for each in given]
            if lacking := [name for name in names if name not in x]:
                raise ModelError(f"{self.path} takes {', '.join(lacking)}, which the data lack")
            arrays = {
                each["name"]: np.asarray(x[name]).astype(each["dtype"])
                for each, name in zip(given, names, strict=True)
            }
            return self._ordered(self.runtime(arrays))
        if len(given) != 1:
            raise ModelError(f"{self.path} takes {len(given)} inputs: a file has one")
        if not self.known.get("raw_input", True):
            x = x.astype(np.float32) * np.float32(self.known.get("rescale", 1.0))
            x = x[..., np.newaxis] if self.known.get("channel_axis") else x
        return self._ordered(
            self.runtime({given[0]["name"]: x.astype(given[0]["dtype"], copy=False)})
        )

    def _ordered(self, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        ordered = [each["name"] for each in self.known["outputs"] if each["name"] in found]
        if len(ordered) < len(found):
            raise ModelError(f"{self.path} gives other outputs than {sidecar.path_of(self.path)}")
        self._check_classes(found)
        return {name: found[name] for name in ordered}

    def _check_classes(self, found: dict[str, np.ndarray]) -> None:
        name, _ = self.answer
        if name is None:
            return
        columns = found[name].shape[-1] if found[name].ndim > 1 else 1
        count = len(self.known.get("classes", ()))
        if count != columns and (columns, count) != (1, 2):
            beside = sidecar.path_of(self.path)
            raise ModelError(f"{beside} names {count} classes; the file answers with {columns}")

    @property
    def answer(self) -> tuple[str | None, str | None]:
        """The output that answers with classes, and its scale."""
        name = self.known.get("answer")
        scales = {each["name"]: each.get("scale") for each in self.known["outputs"]}
        if name is not None and name not in scales:
            raise ModelError(f"{sidecar.path_of(self.path)}: there is no output '{name}'")
        return name, scales.get(name)


def open_exported(path: Path, *, trust_code: bool = False) -> Exported:
    """An exported file, by its name and the JSON beside it.

    Raises UsageError where what runs it is not installed, or where it is a program of someone
    else's; ModelError where it is damaged.
    """
    kind = formats.of_file(path)
    if kind is None:
        raise UsageError(f"{path}: no format that `nnpy export` writes")
    if not path.exists():
        raise UsageError(f"{path}: no such file")
    formats.check_installed(kind, kind.reads)
    known = sidecar.read(path)
    if kind.needs_tensorflow:
        _check_program(path, str(known.get("seal", "")), trust_code)
    return Exported(path, kind, known, runtimes.open_file(kind.name, path))


def seal(made: Path) -> str:
    """The seal of an exported folder's program; "" for a file, which is none."""
    graph = made / _GRAPH
    return code_seal.seal({_GRAPH: graph.read_bytes()}) if graph.is_file() else ""


def predict_exported(
    path: Path, sources: Iterable[Path], *, invert: bool = False, trust_code: bool = False
) -> dict[str, Any]:
    """As `predict_files`, by an exported file."""
    files = images.find(sources)
    exported = open_exported(path, trust_code=trust_code)
    known = exported.known
    picture = known.get("picture") or {}
    form = PictureForm(
        picture.get("fit", "pad"), picture.get("background", 255.0), picture.get("border")
    )
    found = examples.read(
        files,
        tuple(known["stored"]["shape"]),
        known["stored"]["dtype"],
        learnt=known.get("table"),
        inputs=_parts(known["inputs"]) if len(known["inputs"]) > 1 else None,
        invert=invert,
        form=form,
    )
    predictions: list[dict[str, Any]] = []
    if found.examples:
        outputs = exported(examples.stacked(found.examples))
        names = known.get("classes", [])
        answers = answers_of(outputs, *exported.answer, names, _known(exported, outputs))
        predictions = [
            {"file": example.name, "fitted": example.how, **answer}
            for example, answer in zip(found.examples, answers, strict=True)
        ]
    return told(path, found, predictions, form)


def _parts(given: Iterable[Mapping[str, Any]]) -> dict[str, Part]:
    """What the inputs of a file are, as the data have them."""
    return {each["name"]: Part(tuple(each["shape"]), each["dtype"]) for each in given}


def _known(
    exported: Exported, outputs: Mapping[str, np.ndarray]
) -> dict[str, tuple[Target, str | None]]:
    """What the only output answers, where the file's JSON says it."""
    told = {"task": exported.known.get("task"), "classes": exported.known.get("classes", [])}
    target = target_from(told)
    if target is None or len(outputs) != 1:
        return {}
    ((name, values),) = outputs.items()
    scale = next((each.get("scale") for each in exported.known["outputs"]), None)
    return {name: (target, scale)} if target.fits(values.shape) else {}


@dataclass(frozen=True)
class ExportedResult:
    """What an exported file answers on a split, and what that is worth."""

    exported: Exported
    split: str
    info: DataInfo
    outputs: dict[str, np.ndarray]
    seconds: float
    metrics: dict[str, float]
    truth: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    classes: ClassReport | None = None

    def as_dict(self) -> dict[str, Any]:
        """What is told of it: as of a model, without the loss, which only Keras can compute."""
        count = len(next(iter(self.outputs.values())))
        return {
            "model": str(self.exported.path),
            "data": self.info.name,
            "device": f"CPU ({self.exported.kind.title})",
            "split": self.split,
            "examples": count,
            "task": self.exported.known.get("task", str(Task.UNKNOWN)),
            "metrics": self.metrics,
            "seconds": self.seconds,
            "examples_per_second": count / self.seconds if self.seconds else None,
            "loss": None,
            "notes": [] if self.metrics else ["no score of its task is known without Keras"],
            **(self.classes.as_dict() if self.classes else {}),
        }


def evaluate_exported(
    path: Path,
    *,
    split: str = "test",
    config: ConfigLike | None = None,
    trust_code: bool = False,
) -> ExportedResult:
    """What an exported file is worth on a split of its run's data, or those of `config`.

    Raises UsageError where no config says what the data are.
    """
    exported = open_exported(path, trust_code=trust_code)
    session = Session(_config(path, config, trust_code), learnt=exported.known.get("table") or None)
    part: Split | None = getattr(session.dataset(), split)
    if part is None:
        raise DataError(f"there is no {split} split: data.{split}.split is 0")
    if list(session.data_info.shape) != list(exported.known["stored"]["shape"]):
        raise ModelError(
            f"{path} takes inputs of shape {exported.known['stored']['shape']}, but "
            f"{session.data_info.name} has {list(session.data_info.shape)}"
        )
    began = time.perf_counter()
    outputs = exported(part.x if isinstance(part.x, Mapping) else np.asarray(part.x))
    seconds = time.perf_counter() - began
    return _scored(exported, split, session.data_info, part.y, outputs, seconds)


def _scored(
    exported: Exported,
    split: str,
    info: DataInfo,
    y: Any,
    outputs: dict[str, np.ndarray],
    seconds: float,
) -> ExportedResult:
    name, scale = exported.answer
    if name is not None:
        probabilities = classification.probabilities(outputs[name], scale)
        truth = true_classes(y[name] if isinstance(y, Mapping) else y)
        report = class_report(probabilities, truth, tuple(exported.known["classes"]))
        metrics = {"accuracy": report.accuracy.value}
        return ExportedResult(
            exported, split, info, outputs, seconds, metrics, truth, probabilities, report
        )
    metrics = {}
    if exported.known.get("task") == Task.NUMBERS and len(outputs) == 1:
        ((name, found),) = outputs.items()
        wanted = y.get(name) if isinstance(y, Mapping) else y
        if wanted is not None:
            rows = np.asarray(wanted, np.float64).reshape(len(found), -1)
            apart = found.reshape(len(found), -1) - rows
            metrics = {"mae": float(np.abs(apart).mean()), "mse": float((apart**2).mean())}
    return ExportedResult(exported, split, info, outputs, seconds, metrics)


def _config(path: Path, config: ConfigLike | None, trust_code: bool) -> Config:
    if config is not None:
        return load_config(config, trust_code=trust_code)
    run = Run.around(path.absolute())
    if run is None or not run.is_run():
        raise UsageError(
            f"{path} lies in no run: say with --config which data it is to be evaluated on"
        )
    return load_config(run.config_path, trust_code=trust_code)


def _check_program(path: Path, sealed: str, trusted: bool) -> None:
    """A SavedModel is a program, which may read and write files: it must be of this user's.

    TensorFlow opens what lies in the folder by its names: nothing there may be a pipe or a device,
    nor a link, unless the user trusts it.
    """
    try:
        for each in path.rglob("*"):
            found = each.stat(follow_symlinks=trusted)
            if not stat.S_ISDIR(found.st_mode):
                check_regular(each, found)
        graph = read_regular(path / _GRAPH, _LARGEST)
        code_seal.check({_GRAPH: graph}, sealed, trusted=trusted)
    except UsageError:
        raise UsageError(
            f"{path} is a program that TensorFlow runs, and was not exported by you on this "
            "machine, or has been changed since. If you trust it, say --trust-code"
        ) from None
    except OSError as error:
        raise ModelError(f"{error.filename or path} cannot be read: {error.strerror}") from None
