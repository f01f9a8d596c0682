"""A trained model and its run folder → evaluation.json, predictions, figures and report.html.

Importing this module imports matplotlib.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nnpy import report
from nnpy.config.config import Config
from nnpy.config.resolved import read_resolved
from nnpy.data import DataInfo, Dataset
from nnpy.evaluation import keep
from nnpy.models import augmentation, inputs
from nnpy.models import summary as model_summary
from nnpy.report import figures
from nnpy.runs.exchange import exchange_words
from nnpy.runs.folder import Run
from nnpy.runs.metrics_csv import history
from nnpy.storage import atomic
from nnpy.storage.regular import read_text

_LARGEST_DIAGRAM = 16 << 20  # bytes

if TYPE_CHECKING:
    import keras

    from nnpy.evaluation.results import EvaluationResult


def publish(
    run: Run,
    model: keras.Model,
    info: DataInfo,
    dataset: Dataset | None,
    result: EvaluationResult | None,
    config: Config | None = None,
) -> None:
    """Writes what a run tells people; with its config, how the pictures are augmented, too.

    Raises RunError where a file cannot be written.
    """
    if result is not None:
        run.write_json(run.evaluation_path, result.as_dict())
        if (content := keep.kept(result)) is not None:
            run.write_bytes(run.predictions_path, content)
    told = contents(run, model, info, dataset, result)
    if config is not None and dataset is not None and config.data.augment:
        prepare = inputs.preprocessing(config, info, model)
        shown = augmentation.examples(config, info, dataset.train, prepare)
        told = dataclasses.replace(told, augmented=shown)
    run.write_text(run.report_path, report.render(told))
    with atomic.translate_error(run.figures_folder):
        run.figures_folder.mkdir(exist_ok=True)
    for name, drawing in told.drawings.items():
        for form in ("png", "svg"):
            run.write_bytes(run.figures_folder / f"{name}.{form}", figures.content(drawing, form))


def contents(
    run: Run,
    model: keras.Model | None,
    info: DataInfo,
    dataset: Dataset | None,
    result: EvaluationResult | None,
) -> report.Contents:
    """What the page tells of a run, from its folder and its model."""
    summary, environment = run.summary(), run.environment()
    text, config = read_resolved(run.config_path)
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
        stages=summary.get("stages", ()),
        averaged=summary.get("weights") == "averages",
        monitor=str(summary.get("monitor") or "val_loss"),
        layers=model_summary.layer_table(model) if model is not None else (),
        diagram=_diagram(run),
        weights=model_summary.first_pictures(model) if model is not None else None,
        evaluation=report.Evaluation(
            split=result.split,
            examples=result.examples,
            metrics=result.metrics,
            loss=result.loss,
            classes=result.classes,
            plane=result.plane,
            mistakes=result.mistakes,
            answers=(result, *result.others),
        )
        if result is not None
        else None,
        exports=run.exports(),
    )


def _diagram(run: Run) -> str | None:
    try:
        return read_text(run.diagram_path("svg"), _LARGEST_DIAGRAM)
    except OSError:  # the page has none, then
        return None


def _data(
    config: Mapping[str, Any],
    environment: Mapping[str, Any],
    info: DataInfo,
    dataset: Dataset | None,
) -> dict[str, Any]:
    section = config.get("data", {})
    # Older runs have the short form.
    held = (section.get("validation") or section).get(
        "split" if section.get("validation") else "validation_split"
    ) or 0
    counts = {"train": info.train, "validation": 0, "test": info.test}
    if dataset is not None:
        counts |= {"test": 0} | {part: len(split) for part, split in dataset.splits().items()}
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
    if exchange := exchange_words(summary):
        facts["exchange"] = exchange
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
