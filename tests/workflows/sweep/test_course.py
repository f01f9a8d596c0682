"""The course of a sweep, with processes that only pretend to train."""

from __future__ import annotations

import signal

import pytest

from nnpy.errors import UsageError
from tests.workflows.sweep.fakes import SPACE, config_of, sweep, values_in


def good(job):
    rate, units = values_in(job)
    return [0.1, 0.5 + units / 100 - rate, 0.2]


def outcome(found):
    return [(each.number, each.state, dict(each.values), each.value) for each in found.trials]


def test_the_value_is_that_of_the_best_epoch(tmp_path):
    found, course, processes = sweep(tmp_path / "s", good)
    assert course.ended_by is None
    assert [each.number for each in found.trials] == list(range(6))
    for trial, job in zip(found.trials, processes.jobs, strict=True):
        rate, units = values_in(job)
        assert trial.value == 0.5 + units / 100 - rate
        assert (trial.epochs, trial.best_epoch) == (3, 2)
        assert trial.curve == {1: 0.1, 2: trial.value, 3: 0.2}
    assert found.best is not None
    assert found.best.value == max(each.value or 0 for each in found.trials)


def test_each_trial_has_a_seed_of_its_own(tmp_path):
    def seeds(folder, **settings):
        _, _, processes = sweep(tmp_path / folder, good, config_of(**settings))
        return [job["config"].split("seed: ")[-1].split()[0] for job in processes.jobs]

    first = seeds("a")
    assert len(set(first)) == 6
    assert seeds("b") == first
    assert not set(seeds("c", seed=1)) & set(first)


def test_with_several_seeds_the_mean_counts(tmp_path):
    values = iter([0.5, 0.7, 0.9, 0.2, 0.4, 0.6])
    found, _, _ = sweep(tmp_path / "s", lambda job: [next(values)], config_of(trials=2, seeds=3))
    assert [each.value for each in found.trials] == pytest.approx([0.7, 0.4])
    assert found.trials[0].each == (0.5, 0.7, 0.9)
    assert [run.name for run in found.trials[1].runs] == ["0001-seed0", "0001-seed1", "0001-seed2"]


def test_a_failure_is_one_failed_trial_with_its_reason(tmp_path):
    answers = iter([good, "no memory", good, [float("nan")], good, signal.SIGSEGV])

    def train(job):
        answer = next(answers)
        return answer(job) if callable(answer) else answer

    found, course, _ = sweep(tmp_path / "s", train)
    states = [each.state for each in found.trials]
    assert states == ["complete", "failed", "complete", "failed", "complete", "failed"]
    assert course.ended_by is None
    reasons = [each.reason for each in found.trials if each.reason]
    assert reasons[0] == "no memory"
    assert reasons[1] == "it has no val_accuracy: it was nan"
    assert reasons[2].startswith("its process crashed (SIGSEGV); see ")


def test_failures_in_a_row_end_the_sweep(tmp_path):
    answers = iter([good, "a", "b", good, "c", "d", "e"])

    def train(job):
        answer = next(answers)
        return answer(job) if callable(answer) else answer

    found, course, _ = sweep(tmp_path / "s", train, config_of(trials=20))
    assert (course.ended_by, course.failure) == ("failures", "e")
    assert len(found.trials) == 7
    # The next call tries again.
    again, course, _ = sweep(tmp_path / "s", good, config_of(trials=20))
    assert course.ended_by is None and len(again.trials) == 20


def test_values_that_do_not_go_together_are_a_failed_trial(tmp_path):
    search = {
        "training.optimizer": ["Adam", "SGD"],
        "training.optimizer.learning_rate": [0.1, 0.2],
        "training.validation_freq": [1, 3],
        "training.epochs": [2, 4],
    }
    config = config_of(search, sampler="grid", trials=16, max_failures=5)
    found, _, _ = sweep(tmp_path / "s", lambda job: [0.5], config)
    failed = [each for each in found.trials if each.state == "failed"]
    assert len(failed) == 4
    assert all(each.values["training.validation_freq"] == 3 for each in failed)
    assert "none of the 2 epochs is validated" in failed[0].reason


def test_a_training_that_is_killed_is_taken_up_again_but_not_for_ever(tmp_path):
    kills = iter([signal.SIGKILL, None, *[signal.SIGKILL] * 3])
    found, _, processes = sweep(
        tmp_path / "s", lambda job: next(kills, None) or good(job), config_of(trials=3)
    )
    assert [each.state for each in found.trials] == ["complete", "failed", "complete"]
    assert "ended 3 times by SIGKILL" in found.trials[1].reason
    folders = [job["folder"][-4:] for job in processes.jobs]
    assert folders == ["0000", "0000", "0001", "0001", "0001", "0002"]


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it is done."""


@pytest.mark.parametrize("sampler", ["tpe", "qmc", "grid"])
def test_killed_and_continued_it_is_the_undisturbed_sweep(tmp_path, sampler):
    search = (
        None
        if sampler != "grid"
        else {
            "training.optimizer.learning_rate": [0.001, 0.01, 0.1, 0.2],
            "model.1.Dense.units": [8, 16, 32, 64],
        }
    )
    config = config_of(search, trials=10, sampler=sampler, pruner="median")
    whole, _, _ = sweep(tmp_path / "a" / "s", good, config)
    for moment in (0, 1, 4):
        begun: list = []

        def train(job, moment=moment, begun=begun):
            begun.append(job)
            if len(begun) > moment:
                raise Killed
            return good(job)

        with pytest.raises(Killed):
            sweep(tmp_path / "b" / "s", train, config)
    found, _, _ = sweep(tmp_path / "b" / "s", good, config)
    assert outcome(found) == outcome(whole)
    assert len({str(each.values) for each in found.trials}) == 10


def test_a_trial_killed_before_it_had_all_its_values_gets_the_same(tmp_path, monkeypatch):
    config = config_of()
    whole, _, _ = sweep(tmp_path / "a" / "s", good, config)
    from optuna.storages import JournalStorage

    real, count = JournalStorage.set_trial_param, iter(range(100))

    def dies(self, *arguments):
        if next(count) in (5, 8):
            raise Killed
        real(self, *arguments)

    monkeypatch.setattr(JournalStorage, "set_trial_param", dies)
    for _ in range(2):
        with pytest.raises(Killed):
            sweep(tmp_path / "b" / "s", good, config)
    found, _, _ = sweep(tmp_path / "b" / "s", good, config)
    assert outcome(found) == outcome(whole)


def test_a_longer_sweep_goes_on_and_a_finished_one_trains_nothing(tmp_path):
    sweep(tmp_path / "s", good)
    found, _, processes = sweep(tmp_path / "s", good, config_of(trials=8))
    assert len(found.trials) == 8 and len(processes.jobs) == 2
    _, _, processes = sweep(tmp_path / "s", good, config_of(trials=8))
    assert not processes.jobs


def test_a_changed_search_is_refused_with_the_difference(tmp_path):
    sweep(tmp_path / "s", good)
    with pytest.raises(UsageError) as caught:
        sweep(tmp_path / "s", good, config_of({**SPACE, "model.1.Dense.units": [8, 16, 64]}))
    assert "choices[2]: 32 → 64" in str(caught.value)
    assert "--new" in str(caught.value)


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "grid"])
def test_equal_values_are_trained_once_and_the_sweep_ends_when_all_are(tmp_path, sampler):
    search = {"model.1.Dense.units": [8, 16, 32], "training.batch_size": {"int": [1, 2]}}
    config = config_of(search, trials=30, sampler=sampler)
    found, _, _ = sweep(tmp_path / "s", lambda job: [0.5], config, jobs=2)
    assert len(found.trials) == 6
    assert len({str(each.values) for each in found.trials}) == 6


def test_a_hopeless_trial_is_pruned(tmp_path):
    curves = iter([[0.5, 0.6, 0.7]] * 5 + [[0.1, 0.2, 0.9]])
    found, _, _ = sweep(tmp_path / "s", lambda job: next(curves), config_of(pruner="median"))
    assert [each.state for each in found.trials] == ["complete"] * 5 + ["pruned"]
    last = found.trials[-1]
    assert (last.epochs, last.value) == (2, 0.2) or (last.epochs, last.value) == (1, 0.1)


def test_the_trial_of_a_living_process_is_left_alone(tmp_path):
    """Two processes at one sweep: neither takes the other's trial, and both end it together."""
    inner: list = []
    seen: list = []

    def good_and_seen(job):
        seen.append(job)
        return good(job)

    # The inner sweep would wait for the outer one's trial: it is asked to end.
    def outer(job):
        if not inner:
            inner.append(None)
            sweep(tmp_path / "s", good_and_seen, asked=lambda: len(seen) >= 3)
        return good(job)

    found, _, processes = sweep(tmp_path / "s", outer)
    numbers = [int(job["folder"][-4:]) for job in (*processes.jobs, *seen)]
    assert sorted(set(numbers)) == list(range(6))
    assert all(each.state == "complete" for each in found.trials)
    assert 0 not in [int(job["folder"][-4:]) for job in seen]


def test_asked_to_end_it_leaves_what_is_under_way_for_the_next_time(tmp_path):
    jobs = []

    def train(job):
        jobs.append(job)
        return signal.SIGTERM if len(jobs) == 3 else good(job)

    found, course, _ = sweep(tmp_path / "s", train, asked=lambda: len(jobs) == 3)
    assert course.ended_by in ("signal", None)
    found, _, _ = sweep(tmp_path / "s", good)
    assert [each.state for each in found.trials] == ["complete"] * 6
