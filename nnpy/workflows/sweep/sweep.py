"""A config with a section `sweep:` → trials, the best one's config, and what is told of them."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.config.callbacks import check_installed
from nnpy.config.config import Config
from nnpy.config.sweep.check import SweepPlan
from nnpy.errors import Interrupted, RunError, UsageError
from nnpy.runs.folder import Run
from nnpy.safety import code_seal, named_files
from nnpy.storage import atomic
from nnpy.storage.regular import read_text
from nnpy.training import signals
from nnpy.workflows.sweep import folder as folders
from nnpy.workflows.sweep import result, stored
from nnpy.workflows.sweep.course import Course, SweepListener, is_here, shares
from nnpy.workflows.sweep.folder import SweepFolder
from nnpy.workflows.sweep.owners import Owner
from nnpy.workflows.sweep.processes import Processes
from nnpy.workflows.sweep.result import Sweep, Trial
from nnpy.workflows.sweep.store import held, key_of, open_storage, open_study, optuna_here
from nnpy.workflows.sweep.trials import Trials

if TYPE_CHECKING:
    import optuna


_ADDRESS = 1 << 16  # bytes of storage.txt
_FEW = 8  # complete trials below which nothing is said of what matters


def run_sweep(
    config: Config,
    *,
    jobs: int = 1,
    minutes: float | None = None,
    storage: str | None = None,
    new: bool = False,
    device: str | None = None,
    listener: SweepListener | None = None,
) -> Sweep:
    """Trains the trials that are missing and returns the sweep.

    Raises Interrupted after Ctrl-C or SIGTERM: the same command goes on. Raises UsageError when
    there is nothing to search, or the sweep was begun with another config; RunError when too many
    trials failed in a row.
    """
    plan = searched(config)
    check_installed(config.training.callbacks)
    named_files.check(config, training=True)
    listener = listener or SweepListener()
    deadline = time.monotonic() + 60 * minutes if minutes is not None else None
    folder = folders.another(config.name) if new else folders.newest(config.name)
    folder.make()
    with held(folder.lock):
        url = _address(folder, storage)
        opened = open_storage(folder, url)
        study = open_study(opened, folder.name, plan_of(config), plan.mode)
    common = {
        "name": config.name,
        "device": device,
        "trust_code": config.trust_code,
        "group": [folder.name, key_of(study), str(folder.path)],
    }
    owner = Owner(folder, study, beats=url is not None)
    with (
        owner.alive(),
        Processes() as processes,
        signals.graceful(listener.on_message, listener.on_exit) as asked,
    ):
        if told := shares(jobs):
            listener.on_message(told)
        trials = Trials(config, folder, opened, study, owner)
        listener.on_start(read(config, folder, study))
        course = Course(
            trials,
            processes,
            listener,
            jobs=jobs,
            deadline=deadline,
            asked=lambda: asked.signal is not None,
            common=common,
        )
        course.run()
        if course.ended_by != "signal":
            _test_best(read(config, folder, study), study, processes, common, listener)
        sweep = read(config, folder, study)
        publish(sweep, study)
        _say_end(course, sweep, trials, listener)
    if course.ended_by == "signal":
        done = sweep.counts["complete"] + sweep.counts["pruned"]
        raise Interrupted(
            f"ended after {done} of {sweep.planned} trials; the same command goes on",
            128 + (asked.signal or 2),
        )
    return sweep


def _say_end(course: Course, sweep: Sweep, trials: Trials, listener: SweepListener) -> None:
    if course.ended_by == "failures":
        count = trials.plan.settings.max_failures
        raise RunError(f"{count} trials failed in a row, the last one so: {course.failure}")
    if course.ended_by == "time":
        done = sweep.counts["complete"] + sweep.counts["pruned"] + sweep.counts["failed"]
        listener.on_message(
            f"the time is over, after {done} of {sweep.planned} trials; the same command goes on"
        )
    if course.ended_by is None and len(sweep.trials) < sweep.planned and trials.exhausted():
        listener.on_message(f"all {len(sweep.trials)} combinations have been tried")


def searched(config: Config) -> SweepPlan:
    """What the config searches. Raises UsageError where it has no section `sweep:`."""
    if config.sweep is None:
        raise UsageError(f"{config.name}: nothing to search: the config has no section sweep:")
    return config.sweep


def plan_of(config: Config) -> dict[str, Any]:
    """What must stay as it was for a sweep to be the same sweep, as plain data."""
    plan = searched(config)
    settings = plan.settings
    return {
        "search": {each.path: each.as_dict() for each in plan.dimensions},
        "sweep": {
            "objective": plan.objective,
            "mode": plan.mode,
            "sampler": settings.sampler,
            "pruner": settings.pruner,
            "seeds": settings.seeds,
            "seed": settings.seed,
        },
        "config": config.resolved,
        "code": [file.text for file in config.code],
    }


def read(config: Config, folder: SweepFolder, study: optuna.Study) -> Sweep:
    plan = config.sweep
    assert plan is not None
    planned = plan.settings.trials
    return result.read(study, folder, plan.dimensions, plan.objective, plan.mode, planned)


def _address(folder: SweepFolder, given: str | None) -> str | None:
    """The storage's address: that which the sweep was begun with, or the one given now."""
    kept = _kept(folder.storage)
    before, seals = (kept[0], kept[1:]) if kept else (None, [])
    if before is None and folder.journal.is_file() and given is not None:
        raise UsageError(f"{folder.path} was begun without --storage; leave it out, or add --new")
    if given is None:
        if before is not None and not code_seal.is_sealed_name(_sealed_as(before), seals):
            raise UsageError(
                f"{folder.storage} names a database that you have not used for this sweep on this "
                "machine; if it may be used, say --storage with its address"
            )
        return before
    if not code_seal.is_sealed_name(_sealed_as(given), seals):
        seals.append(code_seal.seal_name(_sealed_as(given)))
        kept = [given, *(seals if given == before else seals[-1:])]
        atomic.write_text(folder.storage, "\n".join(kept) + "\n")
    return given


def _kept(path: Path) -> list[str]:
    """The lines of storage.txt: the address, and the seals of those who have used it."""
    if not path.is_file():
        return []
    try:
        return read_text(path, _ADDRESS, follow_links=False).splitlines() or [""]
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from None


def _sealed_as(url: str) -> bytes:
    return f"storage={url}".encode(errors="surrogatepass")


def _test_best(
    sweep: Sweep,
    study: optuna.Study,
    processes: Processes,
    common: dict[str, Any],
    listener: SweepListener,
) -> None:
    """Looks at the test set with the best trial, unless that was done."""
    ranked = [each for each in sweep.ranked[:2] if each.runs and is_here(Run(each.runs[0]))]
    if not ranked or ranked[0] != sweep.best or sweep.tested:
        return
    job = {
        "work": "test",
        "best": str(ranked[0].runs[0]),
        "second": str(ranked[1].runs[0]) if ranked[1:] else None,
        **common,
    }
    for event in _events_of(processes, job):
        if event["event"] == "failed":
            listener.on_message(f"the best trial could not be tested: {event['reason']}")
        elif event["event"] == "done":
            second = ranked[1].number if ranked[1:] else None
            told = {"best": ranked[0].number, "second": second, **event}
            study.set_user_attr(result.TESTED, told)


def _events_of(processes: Processes, job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    process = processes.start(job)
    while not process.ended:
        for _, event in processes.events(0.5):
            yield event


def publish(sweep: Sweep, study: optuna.Study) -> None:
    """Writes what people and programs look at: sweep.json, best.yaml, report.html."""
    folder, told = sweep.folder, sweep.as_dict()
    text = json.dumps(told, indent=2, ensure_ascii=False, default=str)
    atomic.write_text(folder.summary, text + "\n")
    best = _best_yaml(sweep, sweep.best) if sweep.best is not None else ""
    if best:
        atomic.write_text(folder.best_config, best)
    from nnpy.report import sweep as page

    links = {each.number: _place(each) for each in sweep.trials if each.runs}
    contents = page.SweepContents(told, _importance(study), best, links)
    atomic.write_text(folder.report, page.render(contents))


def _place(trial: Trial) -> str:
    """What a trial's run shows best, relative to the folder of the sweep."""
    run = Run(trial.runs[0])
    page = f"/{run.report_path.name}" if run.report_path.is_file() else "/"
    return f"trials/{run.name}{page}"


def _importance(study: optuna.Study) -> dict[str, float]:
    """The share of each setting in what makes trials good; {} where that cannot be told."""
    complete = [each for each in study.get_trials(deepcopy=False) if each.state.name == "COMPLETE"]
    if len(complete) < _FEW or len({each.value for each in complete}) < 2:
        return {}
    importance = optuna_here().importance
    try:
        shares = importance.get_param_importances(
            study, evaluator=importance.PedAnovaImportanceEvaluator()
        )
    except (ValueError, RuntimeError):
        return {}
    return shares if all(math.isfinite(each) for each in shares.values()) else {}


def _best_yaml(sweep: Sweep, best: Trial) -> str:
    """The best trial's config, with its Python files named as they lie beside it."""
    head = (
        f"# The best of {len(sweep.trials)} trials of {sweep.folder.path}: "
        f"trial {best.number}, {sweep.objective} {best.value:.6g}\n"
    )
    return head + best.config


def show(target: str | Path) -> tuple[SweepFolder, dict[str, Any]]:
    """A sweep's folder and what sweep.json says of it, for `--show`."""
    folder = folders.find(str(target))
    return folder, stored.read_sweep(folder.summary)
