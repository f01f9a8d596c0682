"""A trained model → files of other formats, each held against it on real examples.

What is known to be impossible is refused first. Then each format is converted in a process of its
own, run in another, and compared; what does not agree keeps its file under a name that says so.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nnpy.config.config import Config
from nnpy.data.targets import target_of
from nnpy.errors import ModelError, RunError, UsageError
from nnpy.export import agreement, formats
from nnpy.export.formats import FLOAT16, INT8, NONE, OPSETS, QUANTIZATIONS, Format
from nnpy.models.saved import Record
from nnpy.runs import begin
from nnpy.runs.folder import Run
from nnpy.workflows.export import describe, place, process, use
from nnpy.workflows.session import Session

REPRESENTATIVE = 200  # training examples whose values give int8 its ranges


@dataclass(frozen=True)
class Order:
    """What is wanted; `batch` None: any where the format allows it, and `open_batch` insists."""

    formats: tuple[Format, ...]
    quantize: str = NONE
    batch: int | None = None
    open_batch: bool = False
    opset: int | None = None
    raw_input: bool = True
    output: Path | None = None

    @classmethod
    def of(
        cls,
        names: str | Iterable[str],
        quantize: str,
        batch: int | str | None,
        opset: int | None,
        raw_input: bool,
        output: str | Path | None,
    ) -> Order:
        """The order in a user's words. Raises UsageError for what no model could be exported as."""
        if quantize not in QUANTIZATIONS:
            raise UsageError(f"--quantize {quantize}: expected {', '.join(QUANTIZATIONS)}")
        if opset is not None and opset not in OPSETS:
            raise UsageError(f"--opset {opset}: expected {OPSETS[0]} to {OPSETS[-1]}")
        is_count = isinstance(batch, int) and batch > 0
        if batch is not None and batch != "open" and not is_count:
            raise UsageError(f"--batch {batch}: expected 1 or more, or open")
        names = [names] if isinstance(names, str) else names
        wanted = tuple(dict.fromkeys(formats.named(each) for each in names))
        place_of = Path(output) if output is not None else None
        place.check(place_of, wanted)
        for each in wanted:
            formats.check_quantization(each, quantize)
            formats.check_installed(each, dict.fromkeys((*each.writes, *each.reads)))
        fixed = batch if isinstance(batch, int) else None
        return cls(wanted, quantize, fixed, batch == "open", opset, raw_input, place_of)


@dataclass
class Exporter:
    """One model on its way out."""

    path: Path
    config: Config
    order: Order
    run: Run | None
    say: Callable[[str], None]
    session: Session = field(init=False)

    def __post_init__(self) -> None:
        self.session = Session(self.config, device="cpu", model=self.path)
        self.session.select_device()
        self.model = self.session.open_model(self.path)
        self.preprocessing = self.session.preprocessing(self.model)
        self.outputs_of = self.session.outputs_of(self.model)

    @cached_property
    def reference(self) -> Any:
        """The model's own answers to the examples that it is judged by."""
        from nnpy.models import compile
        from nnpy.models.located_errors import errors_of_model
        from nnpy.workflows.export import reference

        examples = self.session.dataset().final
        compile.check_saved(self.model, self.session.data_info)
        with errors_of_model(self.path):
            return reference.answers(
                self.model,
                self.session.engine(self.model, self.preprocessing),
                self.preprocessing,
                examples,
                self.outputs_of,
                self.session.data_info,
            )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the model's file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def fit(self, wanted: Format) -> formats.Fit:
        """How the model fits a format, before anything is converted."""
        from nnpy.engine import introspection

        fixed = introspection.fixed_batch_size(self.model)
        return formats.fit(
            wanted,
            {type(each).__name__ for each in introspection.layers(self.model)},
            batch=self.order.batch or fixed,
            open_batch=self.order.open_batch and not fixed,
            quantize=self.order.quantize,
            stateful=bool(introspection.states(self.model)),
        )

    def export(self, wanted: Format) -> dict[str, Any]:
        """Converts, checks and puts in place one format; what is told of it.

        Raises ModelError when it cannot be done.
        """
        fit = self.fit(wanted)
        if fit.refused:
            raise ModelError(fit.refused)
        for note in fit.notes:
            self.say(f"{wanted.name}: {note}")
        described = describe.described(self, wanted, fit)
        with tempfile.TemporaryDirectory(prefix="nnpy-export-") as name:
            folder = Path(name)
            made = folder / f"model{wanted.suffix}"
            self.say(f"{wanted.name}: converting")
            process.run(self._conversion(wanted, fit, described, made, folder), folder)
            self.say(f"{wanted.name}: checking on {len(self.reference.examples):,} examples")
            found, milliseconds = self.check(wanted, made, fit.quantize, described)
            told = {
                "format": wanted.name,
                "quantize": fit.quantize,
                "batch": fit.batch,
                "bytes": place.size_of(made),
                "model_bytes": self.path.stat().st_size,
                "milliseconds": milliseconds,
                "model_milliseconds": self.reference.milliseconds,
                "split": self.reference.split,
                "notes": list(fit.notes),
                **found.as_dict(),
            }
            whole = {**described, "check": told}
            if sealed := use.seal(made):
                whole["seal"] = sealed
            final = place.put(self, wanted, fit, made, whole)
        return {"file": str(final), **told}

    def check(
        self, wanted: Format, made: Path, quantize: str, described: dict[str, Any]
    ) -> tuple[agreement.Agreement, float]:
        """Holds a file against the model; and the milliseconds that it takes for an example."""
        from nnpy.export import serving
        from nnpy.workflows.export import reference

        with tempfile.TemporaryDirectory(prefix="nnpy-export-") as name:
            folder = Path(name)
            task = {
                "do": "check",
                "format": wanted.name,
                "path": str(made),
                "examples": self._saved(self.reference.examples.x, wanted, folder),
                "out": str(folder),
                "code": self._code,
                "outputs": self._outputs,
            }
            try:
                told = process.run(task, folder)
            except ModelError as error:
                raise ModelError(f"it was written, but {error}") from None
            found = {
                each: np.load(folder / f"{index}.npy") for index, each in enumerate(told["outputs"])
            }
        before, raw = self.reference.outputs, dict(found)
        if wanted.name != "keras":  # which is evaluated as nnpy's own, in the training's numbers
            before = {name: self._units(name, each) for name, each in before.items()}
            raw = {name: self._units(name, each, back=True) for name, each in found.items()}
        places = agreement.spaced(len(self.reference.examples))
        same_shape = all(
            name in found and found[name].shape == each.shape for name, each in before.items()
        )
        score = (
            reference.score(self.reference, raw, self.model, self.preprocessing, self.outputs_of)
            if same_shape
            else None
        )
        loose = quantize == NONE and serving.is_half(self.model)
        result = agreement.compare(
            {name: each[places] for name, each in before.items()},
            {name: each[places] if len(each) else each for name, each in found.items()},
            agreement.BOUNDS[FLOAT16 if loose else quantize],
            classes=self.reference.answer,
            score=score,
            scored=len(self.reference.examples),
        )
        return result, told["milliseconds"]

    def _conversion(
        self,
        wanted: Format,
        fit: formats.Fit,
        described: dict[str, Any],
        made: Path,
        folder: Path,
    ) -> dict[str, Any]:
        examples = None
        if fit.quantize == INT8:
            train = self.session.dataset().train
            places = agreement.spaced(len(train), REPRESENTATIVE)
            examples = self._saved(train.map(lambda each: each[places]).x, wanted, folder)
        return {
            "do": "convert",
            "model": str(self.path),
            "code": self._code,
            "preprocessing": asdict(self.preprocessing) if self.order.raw_input else None,
            "inputs": described["inputs"],
            "outputs": self._outputs,
            "batch": fit.batch,
            "format": wanted.name,
            "quantize": fit.quantize,
            "opset": self.order.opset,
            "out": str(made),
            "described": described,
            "examples": examples,
            "record": {
                **asdict(self._record),
                "targets": [each.as_dict() for each in self._record.targets],
            },
        }

    @property
    def _code(self) -> list[dict[str, str]]:
        """The user's own Python files, that the model's classes are of."""
        return [
            {"path": str(each.path), "name": each.name, "text": each.text}
            for each in self.config.code
        ]

    @property
    def _outputs(self) -> list[dict[str, Any]]:
        told = []
        for each in self.outputs_of:
            target = target_of(self.session.data_info, each.name)
            numbers = {"center": list(target.center), "spread": list(target.spread)}
            told.append({"name": each.name, "index": each.index, **numbers})
        return told

    @property
    def _record(self) -> Record:
        """What a Keras file with the scaling inside remembers."""
        info = self.session.data_info
        scale = 1.0 if self.order.raw_input else float(self.preprocessing.scale)
        outputs = {each.name: each.scale for each in self.outputs_of if each.scale}
        learnt = self.session.dataset().preprocessing
        return Record(scale, info.dtype, outputs, info.classes, learnt, info.targets)

    def _units(self, name: str, values: np.ndarray, *, back: bool = False) -> np.ndarray:
        """Numbers of the training in the user's units, or `back`; others as they are."""
        return target_of(self.session.data_info, name).in_units(values, back=back)

    def _saved(self, x: Any, wanted: Format, folder: Path) -> dict[str, str]:
        """Examples as files, in the form in which the exported file takes them."""
        inputs = describe.inputs(self, wanted)
        names = [each.get("data", each["name"]) for each in inputs]
        if not self.order.raw_input:
            ready = self.preprocessing.inputs(x)
            x = dict(zip(names, ready if isinstance(ready, list) else [ready], strict=True))
        arrays = x if isinstance(x, dict) else {names[0]: x}
        saved = {}
        for index, (each, name) in enumerate(zip(inputs, names, strict=True)):
            file = folder / f"input-{index}.npy"
            values = np.asarray(arrays[name])
            np.save(file, values.astype(each["dtype"], copy=False), allow_pickle=False)
            saved[each["name"]] = str(file)
        return saved


def export_model(
    path: Path,
    config: Config,
    order: Order,
    *,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Exports the model at `path`, as plain data: `exports`, a dict for each file that was
    written, `failed`, {format: reason}, and `problems`, why not all is well, a line each.

    Raises ModelError and DataError for what stands in the way of all.
    """
    home = Run(path.parent.parent)
    run = home if path.parent.name == "checkpoints" and home.is_run() else None
    if run is not None and order.output is None:
        with begin.claimed(run):  # whether it may be written in, before minutes are spent
            pass
    exporter = Exporter(path, config, order, run, say)
    exports: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    for wanted in order.formats:  # before minutes are spent
        fit = exporter.fit(wanted)
        if not fit.refused:
            place.targets(exporter, wanted, fit)
    for wanted in order.formats:
        try:
            exports.append(exporter.export(wanted))
        except ModelError as error:
            failed[wanted.name] = str(error)
    if run is not None and exports:
        try:
            place.note(run, exports)
        except RunError as error:
            if order.output is None:
                raise
            say(f"the run does not know of it: {error}")
    problems = [f"{name}: {reason}" for name, reason in failed.items()]
    problems += [
        f"{each['file']} does not agree with the model: {'; '.join(each['reasons'])}"
        for each in exports
        if not each["agrees"]
    ]
    return {"model": str(path), "exports": exports, "failed": failed, "problems": problems}
