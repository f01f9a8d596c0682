"""A real sweep: processes forked for trainings, run folders, the best trial, the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nnpy.cli.commands import sweep as command
from nnpy.cli.terminal import Terminal
from nnpy.config.load import load_config
from nnpy.errors import UsageError
from nnpy.runs.folder import Run
from nnpy.workflows.sweep import sweep as workflow
from nnpy.workflows.sweep.course import SweepListener
from nnpy.workflows.sweep.result import Sweep


class Heard(SweepListener):
    def __init__(self) -> None:
        self.said: list[str] = []
        self.ended: list[tuple[int, str]] = []

    def on_message(self, message: str) -> None:
        self.said.append(message)

    def on_trial_end(self, trial, state, text) -> None:
        self.ended.append((trial.number, state))


CODE = """
import os
import signal
import keras


class Crash(keras.layers.Layer):
    def __init__(self, how="", **kwargs):
        super().__init__(**kwargs)
        self.how = how

    def call(self, inputs):
        if self.how == "signal":
            os.kill(os.getpid(), signal.SIGABRT)
        if self.how == "error":
            raise OSError("no such thing")
        return inputs

    def get_config(self):
        return {**super().get_config(), "how": self.how}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A working folder for the module's sweeps."""
    folder = tmp_path_factory.mktemp("sweep")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def config(place: Path, tiny: Path) -> Path:
    (place / "own.py").write_text(CODE)
    file = place / "small.yaml"
    file.write_text(f"""\
code: own.py
data: {{name: idx, path: {tiny}, validation_split: 0.2}}
model:
  - Flatten
  - Crash
  - Dense: {{units: 10, activation: softmax}}
training: {{epochs: 1, steps_per_epoch: 2, batch_size: 50, optimizer: SGD}}
sweep:
  trials: 4
  sampler: grid
  search:
    model.1.Crash.how: ["", signal, error, none]
""")
    return file


@pytest.fixture(scope="module")
def done(config: Path) -> tuple[Sweep, Heard]:
    heard = Heard()
    return workflow.run_sweep(load_config(config), jobs=2, listener=heard), heard


def test_each_trial_is_a_run_and_a_crash_one_failed_trial(done):
    found, heard = done
    states = [each.state for each in found.trials]
    assert states == ["complete", "failed", "failed", "complete"]
    assert "crashed (SIGABRT)" in found.trials[1].reason
    assert "no such thing" in found.trials[2].reason
    assert sorted(heard.ended) == [
        (0, "complete"),
        (1, "failed"),
        (2, "failed"),
        (3, "complete"),
    ]
    assert any(each.startswith("2 trainings at a time") for each in heard.said)
    for trial in (found.trials[0], found.trials[3]):
        run = Run(trial.runs[0])
        summary = run.summary()
        assert summary["status"] == "finished"
        assert trial.value == run.metrics()[summary["best_epoch"] - 1]["val_accuracy"]
        assert run.log_path.is_file()


def test_the_test_set_is_looked_at_for_the_best_trial_alone(done):
    found, _ = done
    best = found.best
    assert best is not None
    tested = [
        trial.number
        for trial in found.trials
        if trial.runs and Run(trial.runs[0]).summary().get("test")
    ]
    assert tested == [best.number]
    assert found.test == Run(best.runs[0]).summary()["test"]
    assert Run(best.runs[0]).report_path.is_file()
    assert found.comparison["examples"] == 120
    assert 0 <= found.comparison["p_value"] <= 1


def test_the_best_config_trains_as_it_is(done):
    found, _ = done
    assert found.best is not None
    best = load_config(found.best_config)
    run = load_config(Run(found.best.runs[0]).config_path)
    assert best.resolved["training"] == run.resolved["training"]
    assert best.resolved["model"] == run.resolved["model"]
    assert best.code[0].text == CODE


def test_a_finished_sweep_is_not_trained_again(done, config):
    heard = Heard()
    again = workflow.run_sweep(load_config(config), listener=heard)
    assert heard.ended == []
    assert again.as_dict() == done[0].as_dict()


def test_the_command_shows_it(done, nnpy, place):
    found, _ = done
    shown = nnpy("sweep", place / "sweeps/small", "--show", "--json")
    assert json.loads(shown.stdout) == json.loads(json.dumps(found.as_dict()))
    text = nnpy("sweep", place / "sweeps/small", "--show").stdout
    assert "2 complete, 2 failed of 4" in text
    assert nnpy("sweep", "nothing", "--show").returncode == 2


def test_another_config_is_refused_unless_it_is_a_new_sweep(done, config):
    changed = load_config(config, ["training.batch_size=60"])
    with pytest.raises(UsageError, match=r"training\.batch_size: 50 → 60"):
        workflow.run_sweep(changed)
    assert workflow.folders.another("small").name == "small-2"


def test_a_config_without_the_section_has_nothing_to_search(tiny_config):
    with pytest.raises(UsageError, match="no section sweep"):
        workflow.run_sweep(load_config(tiny_config))


@pytest.mark.slow
def test_ended_by_the_clock_it_says_so_and_goes_on_from_there(config, nnpy, place):
    plain = (place / "small.yaml").read_text().replace("trials: 4", "trials: 2")
    file = place / "clock.yaml"
    file.write_text(plain.replace('["", signal, error, none]', '["", none, other]'))
    early = nnpy("sweep", file, "--minutes", "0.0001")
    assert early.returncode == 0 and "the same command goes on" in early.stderr
    nnpy("sweep", file, "--set", "sweep.trials=1")
    done = nnpy("sweep", file)
    assert done.returncode == 0 and "going on: 1 of 2 trials, best" in done.stderr
    assert done.stderr.count("best so far") <= 1


def test_the_command_on_a_config_without_a_search(tmp_path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("model: [Flatten]\n")
    with pytest.raises(UsageError, match="the config has no section sweep:"):
        command.sweep.main([str(path)], standalone_mode=False, obj=Terminal())
