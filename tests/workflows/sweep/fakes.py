"""A sweep without trainings: processes that end at once, by a function of the values."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nnpy.config.config import Config
from nnpy.config.load import load_config
from nnpy.config.yaml.parse import parse
from nnpy.runs.folder import Run
from nnpy.workflows.sweep.course import Course, SweepListener
from nnpy.workflows.sweep.folder import SweepFolder
from nnpy.workflows.sweep.owners import Owner
from nnpy.workflows.sweep.result import Sweep
from nnpy.workflows.sweep.store import open_storage, open_study
from nnpy.workflows.sweep.sweep import plan_of, read
from nnpy.workflows.sweep.trials import Trials

MODEL = ["Flatten", {"Dense": {"units": 16}}, {"Dense": {"units": 10, "activation": "softmax"}}]
SPACE: dict = {
    "training.optimizer.learning_rate": {"log": [1e-4, 1e-1]},
    "model.1.Dense.units": [8, 16, 32],
}


def config_of(search: Any = None, **settings: Any) -> Config:
    sweep = {"search": search or SPACE, "trials": 6, **settings}
    return load_config({"model": MODEL, "training": {"epochs": 3}, "sweep": sweep})


class FakeProcess:
    def __init__(self, signalled: int | None) -> None:
        self.signalled, self.status, self.sent = signalled, 0, []

    def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def signal(self, number: int) -> None:
        self.signalled = number


class FakeProcesses:
    """`train` answers to a job: the values of its epochs, a reason to fail, or a signal."""

    def __init__(self, train: Callable[[dict[str, Any]], list[float] | str | int]) -> None:
        self._train = train
        self.jobs: list[dict[str, Any]] = []
        self._waiting: list[tuple[FakeProcess, dict[str, Any], Any]] = []

    def start(self, job: dict[str, Any]) -> FakeProcess:
        self.jobs.append(job)
        answer = self._train(job)
        process = FakeProcess(answer if isinstance(answer, int) else None)
        self._waiting.append((process, job, answer))
        return process

    def events(self, timeout: float):
        if not self._waiting:
            return
        process, job, answer = self._waiting.pop(0)
        if isinstance(answer, str):
            yield process, {"event": "failed", "reason": answer}
        elif isinstance(answer, list):
            done = []
            for epoch, value in enumerate(answer, 1):
                done.append(value)
                row = {"epoch": epoch, "val_accuracy": value}
                yield process, {"event": "epoch", "epochs": len(answer), "row": row}
                if process.sent[-1]["end"]:
                    break
            write_run(Run(Path(job["folder"])), done, process.sent[-1]["end"])
            yield process, {"event": "done"}
        yield process, {"event": "ended"}


def write_run(run: Run, values: list[float], ended_by: str | None) -> None:
    run.folder.mkdir(parents=True, exist_ok=True)
    run.config_path.write_text("model: [Flatten]\n")
    best = max(range(len(values)), key=values.__getitem__) + 1 if values else None
    summary = {"status": "finished", "epochs": len(values), "best_epoch": best}
    if ended_by:
        summary["stopped"] = {"by": ended_by, "epoch": len(values)}
    run.summary_path.write_text(json.dumps(summary))
    rows = "".join(f"{i},{value!r}\n" for i, value in enumerate(values, 1))
    run.metrics_path.write_text("epoch,val_accuracy\n" + rows)


def values_in(job: dict[str, Any]) -> tuple[float, int]:
    plain = parse(job["config"], "job").plain()
    return (
        plain["training"]["optimizer"]["Adam"]["learning_rate"],
        plain["model"][1]["Dense"]["units"],
    )


def sweep(
    folder: Path,
    train: Callable[[dict[str, Any]], Any],
    config: Config | None = None,
    *,
    jobs: int = 1,
    asked: Callable[[], bool] = lambda: False,
) -> tuple[Sweep, Course, FakeProcesses]:
    """What `run_sweep` does, but for the last look at the best trial."""
    config = config or config_of()
    assert config.sweep is not None
    place = SweepFolder(folder)
    place.make()
    storage = open_storage(place, None)
    study = open_study(storage, place.name, plan_of(config), config.sweep.mode)
    owner = Owner(place, study, beats=False)
    processes = FakeProcesses(train)
    with owner.alive():
        trials = Trials(config, place, storage, study, owner)
        course = Course(
            trials,
            processes,  # type: ignore[arg-type]
            SweepListener(),
            jobs=jobs,
            deadline=None,
            asked=asked,
            common={},
        )
        course.run()
        return read(config, place, study), course, processes
