"""results.json: what each training of the ladder came to, kept when its run folder is gone."""

from __future__ import annotations

import hashlib
import json
import os
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.ladder.rows import ROOT, Row, Step
from nnpy.runs.folder import Run
from nnpy.storage import atomic

PATH = Path(__file__).with_name("results.json")

Results = dict[str, list[dict[str, Any]]]  # by the row's name, a training a seed


def read() -> Results:
    return json.loads(PATH.read_text("utf-8")) if PATH.exists() else {}


def keep(row: Row, record: dict[str, Any]) -> None:
    """Puts a training's record in the place of the same seed's."""
    found = read()
    others = [each for each in found.get(row.name, []) if each["seed"] != record["seed"]]
    found[row.name] = sorted([*others, record], key=lambda each: each["seed"])
    rows = [
        f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(each) for each in records) + "\n]"
        for name, records in found.items()
    ]
    atomic.write_text(PATH, "{\n" + ",\n".join(rows) + "\n}\n")  # a line a training


def config_digest(step: Step) -> str:
    """SHA-256 of what a step's config says, and what it extends; comments may change."""
    path, contents = step.path, []
    while True:
        contents.append(yaml.safe_load(path.read_text("utf-8")))
        if not (extends := contents[-1].get("extends")):
            break
        path = path.parent / extends
    text = json.dumps([*contents, step.overrides], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def configs_digest(row: Row) -> str:
    return hashlib.sha256("".join(map(config_digest, row.steps)).encode()).hexdigest()[:16]


def is_done(row: Row, seed: int) -> bool:
    """Whether a seed was trained to the end, with the configs as they are now."""
    return any(each["seed"] == seed and is_whole(row, each) for each in read().get(row.name, []))


def is_whole(row: Row, record: Mapping[str, Any]) -> bool:
    """Whether a training had all its epochs, with the configs as they are now."""
    return bool(record["epochs"] == record["of_epochs"]) and not is_stale(row, record)


def is_stale(row: Row, record: Mapping[str, Any]) -> bool:
    """Whether the config has changed since."""
    return bool(record["configs"] != configs_digest(row))


def record(row: Row, seed: int, of_epochs: int, took: list[dict[str, Any]]) -> dict[str, Any]:
    """What is kept of a row's trainings with a seed; `took` is what each step took.

    `busy` is a machine that gave other work a tenth of its processors or more.
    """
    from nnpy.workflows import verify  # imports TensorFlow

    cores = os.cpu_count() or 1
    busy = sum(each["seconds_of_others"] for each in took)
    run = Run.open(took[-1]["folder"])
    summary, environment, rows = run.summary(), run.environment(), run.metrics()
    return {
        "seed": seed,
        "test_accuracy": round(summary["test"]["accuracy"], 4),
        "validation_accuracy": round(summary["validation"]["accuracy"], 4),
        "parameters": summary["parameters"]["total"],
        "epochs": summary["epochs"],
        "of_epochs": of_epochs,
        "best_epoch": summary["best_epoch"],
        "seconds": round(sum(each["seconds"] for each in took), 1),
        "processor_seconds": round(sum(each["processor_seconds"] for each in took), 1),
        "busy": busy > 0.1 * cores * sum(each["seconds"] for each in took),
        "cores": environment["devices"]["cores"],
        "processor": environment["devices"]["cpu"],
        "versions": environment["versions"],
        "started": environment["started"],
        "configs": configs_digest(row),
        "digest": verify.digests(run.folder)["best weights and optimizer"],
        "curve": [round(each["val_accuracy"], 4) for each in rows],
    }


def mean_and_spread(records: list[dict[str, Any]]) -> tuple[float, float | None]:
    """The mean of the test accuracies, and their standard deviation (n - 1) of several."""
    values = [each["test_accuracy"] for each in records]
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))
