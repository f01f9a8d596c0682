"""The end of a sweep: the test set is looked at once, for the best trial.

`test_best` runs in a process of its own, as a trial does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.config.load import load_config
from nnpy.errors import DataError, NnpyError
from nnpy.runs import begin
from nnpy.runs.folder import Run
from nnpy.workflows.track import track_run

if TYPE_CHECKING:
    import numpy as np


def test_best(job: Mapping[str, Any]) -> dict[str, Any]:
    """The best run's metrics on the test set, its page, and whether it beats the second by chance.

    The two are compared on the validation examples: the test set decides nothing.
    """
    from nnpy.evaluation.statistics import mcnemar
    from nnpy.report import write
    from nnpy.workflows.evaluate import evaluate_model

    best = Run(Path(job["best"]))
    config = load_config(best.config_path, trust_code=job["trust_code"])
    with begin.claimed(best):
        summary = best.summary()
        try:
            done = evaluate_model(best.best_path, config, device=job["device"])
            summary["test"] = dict(done.result.metrics)
        except DataError:  # there is no test set
            done = evaluate_model(best.best_path, config, split="validation", device=job["device"])
        best.write_json(best.summary_path, summary)
        write.publish(best, done.model, done.data_info, done.dataset, done.result, config)
    if config.training.trackers:  # of what the test set has added
        with contextlib.suppress(NnpyError):  # as for a training: told of by nnpy track
            track_run(best)
    told: dict[str, Any] = {"test": summary.get("test", {}), "comparison": {}}
    if job["second"]:
        first, second = (_right(Run(Path(job[each])), job) for each in ("best", "second"))
        if first is not None and second is not None:
            told["comparison"] = {**vars(mcnemar(first, second)), "examples": len(first)}
    return told


def _right(run: Run, job: Mapping[str, Any]) -> np.ndarray | None:
    """Which validation examples the run's best model answers rightly, `(n,)` bool."""
    from nnpy.workflows.evaluate import evaluate_model

    config = load_config(run.config_path, trust_code=job["trust_code"])
    result = evaluate_model(run.best_path, config, split="validation", device=job["device"]).result
    if result.truth is None or result.probabilities is None:
        return None
    return result.probabilities.argmax(axis=1) == result.truth
