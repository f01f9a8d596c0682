"""A run sent to a tracker that may be away: nothing lost or twice, the training not held up."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from nnpy.errors import UsageError
from nnpy.runs.folder import Run
from nnpy.tracking import sender
from nnpy.tracking.facts import facts_of
from nnpy.tracking.tracker import flat
from nnpy.workflows import track


class Place:
    """What has been told, and whether it can be told now."""

    def __init__(self) -> None:
        self.away, self.told, self.ended, self.opened = False, [], [], []
        self.hold = threading.Event()
        self.hold.set()

    def open(self, facts, id):
        self.reach()
        self.opened.append(id)
        return id or "there"

    def rows(self, rows):
        self.reach()
        self.told += [row["epoch"] for row in rows]

    def end(self, ending):
        self.reach()
        self.ended.append(ending.status)

    def reach(self) -> None:
        self.hold.wait(20)
        if self.away:
            raise ConnectionRefusedError(111, "Connection refused")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path / "run")
    run.folder.mkdir()
    run.config_path.write_text("model: [Flatten]\n")
    run.summary_path.write_text('{"status": "finished", "test": {"accuracy": 0.5}}')
    run.environment_path.write_text('{"run": "abc"}')
    return run


def sending(run: Run, place: Place, said: list[str]) -> sender.Sender:
    facts = facts_of(run, {"training": {"epochs": 3}}, None)
    rows = [{"epoch": 1, "loss": 2.0}]
    return sender.Sender("place", lambda: place, facts, rows, said.append)


def test_each_epoch_is_told_once_and_the_end(run):
    place, said = Place(), []
    one = sending(run, place, said)
    one.start()
    one.add({"epoch": 2, "loss": 1.0})
    one.close(20)
    assert (place.told, place.ended, said, one.done) == ([1, 2], ["finished"], [], True)
    assert run.sent("place") == {"id": "there", "epochs": 2, "ended": True}
    again = sending(run, place, said)  # as after a resume
    again.start()
    again.add({"epoch": 2, "loss": 1.0})
    again.add({"epoch": 3, "loss": 0.5})
    again.close(20)
    assert place.told == [1, 2, 3] and place.opened == ["", "there"]


def test_one_that_is_away_is_told_of_once_and_caught_up(run, monkeypatch):
    monkeypatch.setattr(sender, "_AGAIN", (0.01, 0.01))
    place, said = Place(), []
    place.away = True
    one = sending(run, place, said)
    one.start()
    for epoch in range(2, 50):
        one.add({"epoch": epoch, "loss": 1.0})
    one.close(20)
    assert not one.done and len(said) == 1 and "Connection refused" in said[0]
    place.away = False
    sending(run, place, said).send(over=True)
    assert place.told == [1] and place.ended == ["finished"]


def test_one_that_hangs_holds_nothing_up(run):
    place, said = Place(), []
    place.hold.clear()
    one = sending(run, place, said)
    one.start()
    one.add({"epoch": 2, "loss": 1.0})
    one.close(0.05)
    assert not one.done
    place.hold.set()


def test_what_a_config_says_by_path():
    tree = {"model": [{"Dense": {"units": 3}}], "training": {"shuffle": True, "x": None, "y": []}}
    assert flat(tree) == {
        "model.0.Dense.units": "3",
        "training.shuffle": "true",
        "training.x": "null",
        "training.y": "[]",
    }


def test_a_run_without_trackers_says_so(run):
    run.config_path.write_text("model: [Flatten, {Dense: {units: 10, activation: softmax}}]\n")
    with pytest.raises(UsageError, match=r"no training\.trackers"):
        track.track_run(run)


def test_a_missing_package_is_told_before_the_training(monkeypatch):
    monkeypatch.setattr(track.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"\.\[mlflow\]"):
        track.check_installed({"mlflow": {}})


def test_what_was_sent_may_come_from_anywhere(run):
    run.trackers_folder.mkdir()
    run.sent_path("place").write_text(json.dumps({"id": 3}))
    with pytest.raises(Exception, match="a text"):
        sender.Sent(run, "place")
