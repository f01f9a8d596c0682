"""A trained model and its run folder → evaluation.json, predictions, figures and report.html.

Importing this module imports matplotlib.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from nnpy import report
from nnpy.data import DataInfo, Dataset
from nnpy.errors import RunError, UsageError
from nnpy.models import summary as model_summary
from nnpy.report import figures
from nnpy.report.comparison import Compared
from nnpy.runs import listing
from nnpy.runs.folder import Run
from nnpy.storage import atomic

if TYPE_CHECKING:
    import keras

    from nnpy.evaluation.results import Findings


def publish(
    run: Run, model: keras.Model, info: DataInfo, dataset: Dataset | None, findings: Findings | None
) -> None:
    """Writes what a run tells people. Raises RunError where a file cannot be written."""
    if findings is not None:
        run.write_json(run.evaluation_path, findings.as_dict())
        if findings.truth is not None and findings.probabilities is not None:
            atomic.write_bytes(
                run.predictions_path, answers(findings.truth, findings.probabilities)
            )
    told = contents(run, model, info, dataset, findings)
    atomic.write_text(run.report_path, report.render(told))
    with atomic.explained(run.figures_folder):
        run.figures_folder.mkdir(exist_ok=True)
    for name, drawing in told.drawings.items():
        figures.save(drawing, run.figures_folder / f"{name}.png")
        figures.save(drawing, run.figures_folder / f"{name}.svg")


def answers(truth: np.ndarray, probabilities: np.ndarray) -> bytes:
    """The answers of a classifier for later comparison, as the bytes of an .npz file.

    `truth` and `answer` (n,) are class numbers, `probability` (n,) is the answer's.
    """
    answer = probabilities.argmax(axis=1)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        truth=truth.astype(np.int32),
        answer=answer.astype(np.int32),
        probability=probabilities[np.arange(len(answer)), answer].astype(np.float32),
    )
    return buffer.getvalue()


def keep(findings: Findings, info: DataInfo, path: Path) -> None:
    """Writes every answer to a .csv (a line an example) or .npz file (the outputs as arrays)."""
    probs, truth = findings.probabilities, findings.truth
    outputs = findings.outputs
    if path.suffix == ".npz":
        arrays = outputs if isinstance(outputs, dict) else {"outputs": outputs}
        if isinstance(outputs, list | tuple):
            arrays = {f"outputs_{i}": each for i, each in enumerate(outputs)}
        known = {} if probs is None or truth is None else {"truth": truth, "probabilities": probs}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays, **known)
        atomic.write_bytes(path, buffer.getvalue())
        return
    if probs is None or truth is None:
        raise UsageError(f"{path}: only answers with classes fit a .csv file; use .npz")
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["index", "truth", "answer", *info.classes])
    best = probs.argmax(axis=1)
    for i, row in enumerate(probs):
        lines.writerow([i, info.classes[truth[i]], info.classes[best[i]], *map(repr, row.tolist())])
    atomic.write_text(path, text.getvalue())


def compared(runs: Iterable[Run]) -> list[Compared]:
    """What a comparison needs of each run; runs of one name are told apart by their paths."""
    runs = list(runs)
    names = [run.name for run in runs]
    found = []
    for run in runs:
        summary, environment = run.summary(), run.environment()
        row = listing.row(run)
        right, truth = _kept_answers(run)
        skipped = ("run", "date", "config")
        found.append(
            Compared(
                name=run.name if names.count(run.name) == 1 else str(run),
                config=yaml.safe_load(run.config_path.read_text(encoding="utf-8")) or {},
                environment={
                    **{k: environment.get(k) for k in ("versions", "devices", "platform", "data")},
                    "git_commit": environment.get("git_commit"),
                    "execution": (summary.get("execution") or {}).get("mode"),
                },
                metrics={
                    name.replace("_", " "): value
                    for name, value in row.items()
                    if name not in skipped
                },
                history=history(run),
                right=right,
                test_set=truth,
            )
        )
    return found


def _kept_answers(run: Run) -> tuple[np.ndarray | None, str]:
    """Which test examples the run answered rightly, and the digest of their truth."""
    if not run.predictions_path.is_file():
        return None, ""
    try:
        with np.load(run.predictions_path, allow_pickle=False) as kept:
            truth, answer = kept["truth"], kept["answer"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise RunError(f"{run.predictions_path} cannot be read: {error}") from None
    return answer == truth, truth_digest(truth)


def truth_digest(truth: np.ndarray) -> str:
    """What tells one test set from another."""
    return hashlib.sha256(truth.astype("<i4").tobytes()).hexdigest()


def history(run: Run) -> dict[str, list[float]]:
    """metrics.csv by column; a number that is missing is NaN."""
    rows = run.metrics()
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name, float("nan")) for row in rows] for name in names}


def contents(
    run: Run,
    model: keras.Model | None,
    info: DataInfo,
    dataset: Dataset | None,
    findings: Findings | None,
) -> report.Contents:
    """What the page tells of a run, from its folder and its model."""
    summary, environment = run.summary(), run.environment()
    text = run.config_path.read_text(encoding="utf-8")
    config = yaml.safe_load(text) or {}
    svg = run.diagram_path("svg")
    return report.Contents(
        name=run.name,
        status=run.status(),
        date=str(environment.get("started", ""))[:16].replace("T", " "),
        config=text,
        command=str(environment.get("command", "")),
        data=_data(config, environment, info, dataset),
        facts=_facts(summary, config),
        versions=_versions(environment),
        history=history(run),
        best_epoch=summary.get("best_epoch"),
        monitor=str(summary.get("monitor") or "val_loss"),
        layers=model_summary.layer_table(model) if model is not None else (),
        diagram=svg.read_text(encoding="utf-8") if svg.is_file() else None,
        weights=model_summary.first_pictures(model) if model is not None else None,
        findings=report.Findings(
            split=findings.split,
            examples=findings.examples,
            metrics=findings.metrics,
            loss=findings.loss,
            classes=findings.classes,
            mistakes=findings.mistakes,
        )
        if findings is not None
        else None,
    )


def _data(
    config: Mapping[str, Any],
    environment: Mapping[str, Any],
    info: DataInfo,
    dataset: Dataset | None,
) -> dict[str, Any]:
    held = config.get("data", {}).get("validation_split") or 0
    counts = {"train": info.train, "validation": 0, "test": info.test}
    if dataset is not None:
        validation = dataset.validation
        counts["train"] = len(dataset.train)
        counts["validation"] = 0 if validation is None else len(validation)
    elif held:
        counts["validation"] = info.train - int(info.train * (1 - held))
        counts["train"] = info.train - counts["validation"]
    return {
        "name": info.name,
        **counts,
        "shape": info.shape,
        "classes": info.classes,
        "source": environment.get("data_source", ""),
        "digests": environment.get("data", {}),
    }


def _facts(summary: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, str]:
    facts: dict[str, str] = {}
    parameters = summary.get("parameters", {}).get("total")
    if parameters is not None:
        facts["parameters"] = f"{parameters:,}"
    epochs, best = summary.get("epochs"), summary.get("best_epoch")
    if epochs is not None:
        facts["epochs"] = f"{epochs} (best: {best})" if best else str(epochs)
    optimizer = config.get("training", {}).get("optimizer")
    if optimizer:
        facts["optimizer"] = next(iter(optimizer)) if isinstance(optimizer, dict) else optimizer
    seconds = summary.get("seconds", {}).get("training")
    if seconds is not None:
        facts["training time"] = duration(seconds)
    if device := summary.get("device"):
        facts["device"] = str(device)
    return facts


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 90:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _versions(environment: Mapping[str, Any]) -> dict[str, str]:
    found = {str(key): str(value) for key, value in environment.get("versions", {}).items()}
    for key in ("platform", "git_commit", "seed"):
        if environment.get(key) is not None:
            found[key.replace("_", " ")] = str(environment[key])
    devices = environment.get("devices")
    if devices:
        found["devices"] = json.dumps(devices, ensure_ascii=False)
    return found
