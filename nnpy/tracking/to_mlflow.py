"""MLflow: a run there for each of ours, under a parent where they are of one sweep.

Only `MlflowClient` is used: it has no state in common with what the user's own code may track.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nnpy.runs.folder import Run
from nnpy.tracking.tracker import Ending, Facts, Group, Tracker

EXPERIMENT = "nnpy"
_MANY = {"metrics": 1000, "params": 100, "tags": 100}  # the most that MLflow takes at a time
_LONGEST = 6000  # characters of a parameter
_STATUS = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
# A server that is away is known within seconds, not minutes; nothing is told to anyone else.
_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


class MLflow(Tracker):
    """A run at an MLflow server.

    Args:
        uri: Its address; None for what MLFLOW_TRACKING_URI says.
        experiment: The experiment's name.
    """

    def __init__(self, uri: str | None, experiment: str | None) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        import mlflow

        self._client = mlflow.MlflowClient(uri)
        self._experiment_name = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        self._id = ""

    def open(self, facts: Facts, id: str) -> str:
        client, experiment = self._client, self._experiment()
        found = self._find(experiment, "nnpy.run", facts.identity)
        if found is None:
            tags = {"nnpy.run": facts.identity, "mlflow.source.name": "nnpy", **facts.tags}
            if facts.group:
                tags["mlflow.parentRunId"] = self._parent(experiment, facts.group)
            if commit := facts.tags.get("git_commit"):
                tags["mlflow.source.git.commit"] = commit.rstrip("+")
            found = client.create_run(experiment, run_name=facts.name, tags=tags).info.run_id
        else:
            client.update_run(found, status="RUNNING")
        self._id = found
        self._parameters({key: text[:_LONGEST] for key, text in facts.parameters.items()})
        return found

    def _parameters(self, wanted: Mapping[str, str]) -> None:
        """What a resumed run has changed is a tag: MLflow changes no parameter."""
        from mlflow.entities import Param, RunTag

        there = self._client.get_run(self._id).data.params
        new = [Param(key, text) for key, text in wanted.items() if key not in there]
        changed = [
            RunTag(f"resumed with {key}", text)
            for key, text in wanted.items()
            if there.get(key, text) != text
        ]
        self._log(params=new)
        self._log(tags=changed)

    def rows(self, rows: Sequence[Mapping[str, float]]) -> None:
        self._metrics(
            (name, value, int(row["epoch"]))
            for row in rows
            for name, value in row.items()
            if name != "epoch"
        )

    def end(self, ending: Ending) -> None:
        self._metrics((name, value, 0) for name, value in ending.scores.items())
        for path, place in ending.files:
            self._client.log_artifact(self._id, str(path), place or None)
        if ending.model is not None:
            with tempfile.TemporaryDirectory() as folder:
                write_model(Path(folder) / "model", ending.model, ending.versions)
                self._client.log_artifacts(self._id, folder)
        if status := _STATUS.get(ending.status):
            self._client.set_terminated(self._id, status)

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(self._experiment_name)
        if found is not None:
            return found.experiment_id
        try:
            return self._client.create_experiment(self._experiment_name)
        except Exception:  # another process has made it at the same moment
            found = self._client.get_experiment_by_name(self._experiment_name)
            if found is None:
                raise
            return found.experiment_id

    def _find(self, experiment: str, tag: str, value: str) -> str | None:
        runs = self._client.search_runs([experiment], f"tags.`{tag}` = '{value}'", max_results=1)
        return runs[0].info.run_id if runs else None

    def _parent(self, experiment: str, group: Group) -> str:
        from filelock import FileLock

        with FileLock(group.lock, timeout=60):
            found = self._find(experiment, "nnpy.group", group.key)
            if found is None:
                made = self._client.create_run(
                    experiment, run_name=group.title, tags={"nnpy.group": group.key}
                )
                found = made.info.run_id
                self._client.set_terminated(found, "FINISHED")
            return found

    def _metrics(self, told: Iterable[tuple[str, float, int]]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._log(metrics=[Metric(name, float(value), now, step) for name, value, step in told])

    def _log(self, **several: list[Any]) -> None:
        for kind, each in several.items():
            for part in _parts(each, _MANY[kind]):
                self._client.log_batch(self._id, **{kind: part})


def _parts(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while part := list(itertools.islice(rest, size)):
        yield part


def write_model(folder: Path, model: Path, versions: Mapping[str, str]) -> None:
    """A Keras model as the folder that `mlflow models serve` loads."""
    data = folder / "data"
    data.mkdir(parents=True)
    shutil.copyfile(model, data / "model.keras")
    (data / "keras_module.txt").write_text("keras")
    (data / "save_format.txt").write_text("keras")
    needed = [
        f"{name}=={versions[name]}" for name in ("tensorflow", "keras", "numpy") if name in versions
    ]
    (folder / "requirements.txt").write_text("\n".join(["mlflow", *needed]) + "\n")
    _describe(folder, versions)


def _describe(folder: Path, versions: Mapping[str, str]) -> None:
    from mlflow.models import Model

    described = Model()
    described.add_flavor(
        "tensorflow",
        data="data",
        code=None,
        model_type="keras",
        keras_version=versions.get("keras", ""),
        save_format="keras",
    )
    described.add_flavor(
        "python_function",
        loader_module="mlflow.tensorflow",
        data="data",
        env={"virtualenv": "python_env.yaml"},
        python_version=versions.get("python", ""),
    )
    (folder / "python_env.yaml").write_text(
        f"python: {versions.get('python', '3.11')}\ndependencies:\n- -r requirements.txt\n"
    )
    described.save(str(folder / "MLmodel"))


def tracker(run: Run, uri: str | None = None, experiment: str | None = None) -> Tracker:
    return MLflow(uri, experiment)
