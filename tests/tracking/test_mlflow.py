"""A real MLflow server: told of a training, killed in the middle of one, caught up."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from nnpy import api
from nnpy.runs.folder import Run
from nnpy.training.progress import ProgressListener

pytestmark = pytest.mark.slow
pytest.importorskip("mlflow.server")


class Server:
    """`mlflow server` with an SQLite store, on a free port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        options = {
            "--workers": "1",
            "--port": str(self._port),
            "--backend-store-uri": f"sqlite:///{self._folder}/m.db",
            "--artifacts-destination": str(self._folder / "artifacts"),
        }
        said = [word for pair in options.items() for word in pair]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *said],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
            start_new_session=True,
        )
        end = time.monotonic() + 180
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"{self.uri}/health", timeout=5).close()
                return
            except OSError:
                time.sleep(0.5)
        raise AssertionError("the server does not start")

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("mlflow"))
    server.start()
    yield server
    server.kill()


def config_of(tiny_config: dict, server: Server, epochs: int = 3) -> dict:
    trackers = [{"mlflow": {"uri": server.uri, "experiment": "tests"}}]
    training = {**tiny_config["training"], "epochs": epochs, "trackers": trackers}
    return {**tiny_config, "training": training}


def tracked(server: Server, run: Run):
    import mlflow

    client = mlflow.MlflowClient(server.uri)
    return client, client.get_run(run.sent("mlflow")["id"])


def check(server: Server, run: Run) -> None:
    client, there = tracked(server, run)
    assert there.info.status == "FINISHED"
    for name in ("loss", "val_accuracy", "learning_rate"):
        history = client.get_metric_history(there.info.run_id, name)
        assert {each.step: each.value for each in history} == pytest.approx(
            {int(row["epoch"]): row[name] for row in run.metrics()}
        )
        assert len(history) == len(run.metrics())
    assert there.data.params["training.epochs"] == str(len(run.metrics()))
    assert there.data.metrics["test_accuracy"] == run.summary()["test"]["accuracy"]
    assert there.data.tags["version.nnpy"] and there.data.tags["device"]
    files = {each.path for each in client.list_artifacts(there.info.run_id)}
    assert {"config.yaml", "report.html", "metrics.csv", "figures", "model"} <= files


def test_a_training_is_told(tiny_config, server, tmp_path):
    run = api.train(config_of(tiny_config, server), run_dir=str(tmp_path / "run"))
    check(server, run)
    api.track(run)  # again: nothing is told twice
    check(server, run)


def test_a_resumed_run_goes_on_in_the_same(tiny_config, server, tmp_path):
    run = api.train(config_of(tiny_config, server, 2), run_dir=str(tmp_path / "run"))
    id = run.sent("mlflow")["id"]
    api.resume(run, overrides=["training.epochs=3"])
    client, there = tracked(server, run)
    assert (there.info.run_id, there.info.status) == (id, "FINISHED")
    assert there.data.tags["resumed with training.epochs"] == "3"
    assert [each.step for each in client.get_metric_history(id, "loss")] == [1, 2, 3]


def test_the_model_is_served(tiny_config, server, tmp_path):
    import mlflow
    import numpy as np

    run = api.train(config_of(tiny_config, server, 1), run_dir=str(tmp_path / "run"))
    client, there = tracked(server, run)
    place = client.download_artifacts(there.info.run_id, "model", str(tmp_path))
    model = mlflow.pyfunc.load_model(place)
    import keras

    x = np.random.default_rng(0).random((3, 28, 28), "float32")
    assert np.allclose(model.predict(x), keras.saving.load_model(run.best_path).predict(x))


class Kills(ProgressListener):
    def __init__(self, server: Server) -> None:
        self.server, self.said = server, []

    def on_message(self, message: str) -> None:
        self.said.append(message)

    def on_epoch_end(self, epochs, row, best) -> None:
        if row["epoch"] == 2:
            self.server.kill()


def test_killed_in_the_middle_the_training_ends_and_is_caught_up(tiny_config, server, tmp_path):
    listener = Kills(server)
    run = api.train(
        config_of(tiny_config, server, 4), run_dir=str(tmp_path / "run"), listener=listener
    )
    assert run.status() == "finished" and len(run.metrics()) == 4
    assert any("later: nnpy track" in each for each in listener.said)
    server.start()
    api.track(run)
    check(server, run)


def test_seeds_have_a_parent(tiny_config, server, tmp_path):
    from nnpy.config.load import load_config
    from nnpy.workflows import seeds

    config = load_config(config_of(tiny_config, server, 1))
    runs = seeds.train_seeds(config, 2, run_dir=str(tmp_path / "run"))
    parents = {tracked(server, run)[1].data.tags["mlflow.parentRunId"] for run in runs}
    assert len(parents) == 1
