"""What stands in for `compile`, `fit`, `evaluate`, `save` and `load` while a script runs.

    capture = Capture(script, job, variables)
    capture.install()
    ...                     # the script runs
    capture.end()           # models that were compiled and never fitted

Each call is let through as the script means it, but for `fit`: that notes model and arguments,
and returns at once with a History of one row. An untrained model is not saved where the script
saves it: a file of an earlier training may be there.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnpy.config.yaml.dump import dump
from nnpy.models.to_config import lost_arguments
from nnpy.workflows.import_script import datasets, fit_call, made
from nnpy.workflows.import_script.examples import Batch, Loaded, first_batch
from nnpy.workflows.import_script.fit_call import Note
from nnpy.workflows.import_script.record import SECTIONS, Seen, record_of
from nnpy.workflows.import_script.script import Script


@dataclass(frozen=True)
class Job:
    """What the parent process asks for: `folder` is where the records go."""

    folder: Path
    fit: bool = False
    verify: bool = False


@dataclass
class _Model:
    """A model that the script compiled; it is kept alive, so that its `id` stays its own."""

    model: Any
    line: int
    name: str
    row: dict[str, float] = field(default_factory=dict)
    fits: list[dict[str, Any]] = field(default_factory=list)  # the records of its fits


class Capture:
    """Notes how a script makes and trains its models; one for a process."""

    def __init__(self, script: Script, job: Job, variables: dict[str, Any]) -> None:
        self.script = script
        self.job = job
        self.variables = variables  # the script's global ones
        self.loaded: list[Loaded] = []
        self.seed: int | None = None
        self.models: dict[int, _Model] = {}
        self.made: list[made.Made] = []
        self.records: list[dict[str, Any]] = []
        self.kept: dict[str, Path] = {}  # what the script saved → where it lies
        self.undo: list[Callable[[], None]] = []

    # -- in and out -----------------------------------------------------------------------

    def install(self) -> None:
        """Puts the stand-ins in their places."""
        fit_call.remember_callbacks(self._replace)
        lost_arguments.keep(self._replace)
        datasets.remember(self._replace, self.loaded)
        # In its own place: Keras compiles a loaded model only where `compile` is not overridden.
        home = next(each for each in keras.Model.__mro__ if "compile" in vars(each))
        self._stand_in(home, "compile", self._compile)
        self._stand_in(keras.Model, "fit", self._fit)
        for home in (keras.Sequential, made.functional()):
            self._stand_in(home, "__new__", self._make)
        self._stand_in(tf.random, "set_seed", self._set_seed)
        for home in datasets.homes("utils"):
            self._stand_in(home, "set_random_seed", self._set_seed)
            self._stand_in(home, "plot_model", _plot_model)
        if self.job.fit:
            return
        if "matplotlib" in self.script.text:
            self._forgive_drawings()
        self._stand_in(keras.Model, "evaluate", self._evaluate)
        for name in ("save", "save_weights", "export", "load_weights"):
            self._stand_in(keras.Model, name, self._file_of_model)
        load = keras.models.load_model
        stand_in = self._wrapped(load, self._load_model)
        for home in (*datasets.homes("models"), keras.saving):
            self._replace(home, "load_model", stand_in)

    def _forgive_drawings(self) -> None:
        """A curve over all epochs does not fit a history of one row: it is not drawn."""
        from matplotlib.axes import Axes

        for name in ("plot", "scatter", "bar", "fill_between"):
            self._stand_in(Axes, name, _draw)

    def uninstall(self) -> None:
        """Gives Keras back what it had."""
        while self.undo:
            self.undo.pop()()

    def end(self) -> None:
        """Notes the models that were compiled, but never fitted.

        Where there is no other, those that were not even compiled: a loop of the script's own
        trains them.
        """
        for each in list(self.models.values()):
            if not each.fits:
                self._record(each, Seen(each.model, each.name, each.line))
        if all("refused" in each for each in self.records):
            for model, line, name in made.outermost(self.made, self.script):
                if id(model) not in self.models:
                    self._record(_Model(model, line, name), Seen(model, name, line))

    def _replace(self, home: Any, name: str, new: Any) -> None:
        own = vars(home).get(name) if isinstance(home, type) else None
        old = getattr(home, name)
        setattr(home, name, new)

        def undo() -> None:
            if isinstance(home, type) and own is None:
                delattr(home, name)
            else:
                setattr(home, name, own if own is not None else old)

        self.undo.append(undo)

    def _stand_in(self, home: Any, name: str, new: Callable[..., Any]) -> None:
        self._replace(home, name, self._wrapped(getattr(home, name), new))

    @staticmethod
    def _wrapped(original: Callable[..., Any], new: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def stand_in(*arguments: Any, **named: Any) -> Any:
            return new(original, *arguments, **named)

        return stand_in

    # -- the calls ------------------------------------------------------------------------

    def _make(self, original: Callable[..., Any], kind: type, *given: Any, **named: Any) -> Any:
        # Not in its `__init__`: Keras reads the signature of that.
        model = original(kind, *given, **named)
        made.note(self.made, model, self.script)
        return model

    def _set_seed(self, original: Callable[..., Any], seed: Any, *rest: Any, **named: Any) -> Any:
        self.seed = int(seed)
        return original(seed, *rest, **named)

    def _compile(self, original: Callable[..., Any], model: Any, *given: Any, **named: Any) -> Any:
        result = original(model, *given, **named)
        if not self.job.fit and named.get("jit_compile") is not True:
            model.jit_compile = False  # one batch is not worth XLA's minutes of compiling
        line, name = self._place(model)
        known = self.models.get(id(model))
        if line and known is None:
            self.models[id(model)] = _Model(model, line, name)
        return result

    def _fit(self, original: Callable[..., Any], model: Any, *given: Any, **named: Any) -> Any:
        bound = inspect.signature(original).bind(model, *given, **named)
        bound.apply_defaults()
        call = dict(bound.arguments)
        own = next(iter(call))
        del call[own]  # the model
        line, name = self._place(model)
        known = self.models.setdefault(id(model), _Model(model, line, name))
        if not known.fits:  # where a model is fitted says more than where it was compiled
            known.line, known.name = line, name or known.name
        if _is_generator(call["x"]):
            item = next(call["x"])
            batch = first_batch(iter([item]), None, None, None)
            call["x"] = _again(item, call["x"])
        else:
            batch = first_batch(call["x"], call["y"], call["sample_weight"], call["batch_size"])
        if not known.row:
            known.row = _one_row(model, batch)
        seen = Seen(model, name or known.name, line, call, batch)
        self._record(known, seen)
        if self.job.fit:
            return original(model, **call)
        return self._history(model, call, known.row)

    def _history(self, model: Any, call: dict[str, Any], row: dict[str, float]) -> Any:
        """What `fit` returns: the loss and metrics of the first batch, as one epoch."""
        validated = call.get("validation_data") is not None or call.get("validation_split")
        row = {**row, **({f"val_{key}": each for key, each in row.items()} if validated else {})}
        history = keras.callbacks.History()
        history.set_model(model)
        history.set_params({"verbose": 0, "epochs": int(call["epochs"]), "steps": 1})
        history.on_train_begin()
        history.on_epoch_end(int(call.get("initial_epoch") or 0), row)
        for each in _checkpoints(call.get("callbacks")):
            save = model.save_weights if each.save_weights_only else model.save
            path = str(each.filepath).format(epoch=1, batch=1, **row)
            save(path, overwrite=True)
        return history

    def _evaluate(self, original: Callable[..., Any], model: Any, *given: Any, **named: Any) -> Any:
        """One batch: what an untrained model scores says nothing."""
        bound = inspect.signature(original).bind(model, *given, **named)
        bound.arguments.setdefault("steps", 1)
        return original(*bound.args, **bound.kwargs)

    # -- files ----------------------------------------------------------------------------

    def _file_of_model(
        self, original: Callable[..., Any], model: Any, path: Any, *given: Any, **named: Any
    ) -> Any:
        """Saves and loads a model in a folder of ours; what is not there, where it is."""
        key = _key(path)
        if original.__name__ == "load_weights":
            return original(model, str(self.kept.get(key, path)), *given, **named)
        if key not in self.kept:
            self.kept[key] = self.job.folder / f"saved-{len(self.kept)}-{Path(key).name}"
            print(f"not written, the model is not trained: {path}", file=sys.stderr)
        return original(model, str(self.kept[key]), *given, **named)

    def _load_model(
        self, original: Callable[..., Any], path: Any, *given: Any, **named: Any
    ) -> Any:
        return original(
            str(self.kept[_key(path)]) if _key(path) in self.kept else path, *given, **named
        )

    # -- records --------------------------------------------------------------------------

    def _place(self, model: Any) -> tuple[int, str]:
        """The line of the script from which a call came, and what the model is called there."""
        line, name = 0, ""
        frame = inspect.currentframe()
        while frame is not None:
            if frame.f_code.co_filename == str(self.script.path):
                line = line or frame.f_lineno
                here = {**frame.f_globals, **frame.f_locals}
                named = [key for key, each in here.items() if each is model and key != "self"]
                name = name or next((key for key in named if not key.startswith("_")), "")
            frame = frame.f_back
        return line, name

    def _record(self, known: _Model, seen: Seen) -> None:
        """Writes down what was seen; a fit that goes on with the last one is added to it."""
        record = record_of(
            seen,
            script=self.script,
            variables=self.variables,
            loaded=self.loaded,
            seed=self.seed,
            folder=self.job.folder,
            verify=self.job.verify,
            again=known.fits,
        )
        if record is None:
            self._write(known.fits[-1])
            return
        record["number"] = len(self.records)
        known.fits.append(record)
        self.records.append(record)
        self._write(record)

    def _write(self, record: dict[str, Any]) -> None:
        sections = {key: record[key] for key in SECTIONS if key in record}
        record = {key: each for key, each in record.items() if key not in SECTIONS}
        record["sections"] = dump(sections)  # JSON has no keys but text
        place = self.job.folder / f"record-{record['number']:04}.json"
        place.write_text(json.dumps(record, default=_as_plain), encoding="utf-8")


def _as_plain(value: Any) -> Any:
    if isinstance(value, Note):
        return {"path": list(value.path), "text": value.text}
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a record holds a {type(value).__name__}")


def _is_generator(x: Any) -> bool:
    return isinstance(x, Iterator)


def _again(item: Any, rest: Iterator[Any]) -> Iterator[Any]:
    """A generator as before its first item was taken."""
    yield from itertools.chain([item], rest)


def _key(path: Any) -> str:
    return str(Path(str(path)).absolute())


def _plot_model(original: Callable[..., Any], *given: Any, **named: Any) -> Any:
    try:
        return original(*given, **named)
    except ImportError as error:  # Graphviz is not installed: no reason to end the script
        print(f"plot_model: {error}; nnpy plot draws the model without it", file=sys.stderr)
        return None


def _draw(original: Callable[..., Any], *given: Any, **named: Any) -> Any:
    try:
        return original(*given, **named)
    except ValueError as error:
        print(f"not drawn: {error}", file=sys.stderr)
        return []


def _checkpoints(callbacks: Any) -> list[Any]:
    found = callbacks if isinstance(callbacks, list | tuple) else [callbacks]
    return [each for each in found if isinstance(each, keras.callbacks.ModelCheckpoint)]


def _one_row(model: Any, batch: Batch) -> dict[str, float]:
    """Loss and metrics of a batch, by the names that the script will look for."""
    eager, function = model.run_eagerly, model.test_function
    model.run_eagerly, model.test_function = True, None  # tracing would take longer than the step
    try:
        found = model.test_on_batch(batch.x, batch.y, batch.sample_weight, return_dict=True)
        return {key: _number(each) for key, each in found.items()}
    except Exception:  # noqa: BLE001 – an own train_step without a test_step, for one
        return {"loss": 0.0} | {each.name: 0.0 for each in model.metrics}
    finally:
        model.run_eagerly, model.test_function = eager, function
        model.reset_metrics()


def _number(value: Any) -> Any:
    array = np.asarray(value)
    return float(array) if array.ndim == 0 else array.tolist()
