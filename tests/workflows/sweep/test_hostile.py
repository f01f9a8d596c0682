"""A sweep's folder that came from anywhere: it is refused in words, and nothing else is touched."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nnpy.cli.commands.sweep import _text
from nnpy.config.load import load_config
from nnpy.errors import NnpyError, RunError, UsageError
from nnpy.safety import named_files
from nnpy.workflows.sweep import store, sweep
from nnpy.workflows.sweep.folder import SweepFolder
from tests.workflows.sweep import fakes


def train(job: dict[str, Any]) -> list[float]:
    return [0.5, 0.6, fakes.values_in(job)[0]]


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of two trials; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("left") / "s"
    config = fakes.config_of(trials=2)
    found, *_ = fakes.sweep(folder, train, config)
    storage = store.open_storage(found.folder, None)
    sweep.publish(found, store.open_study(storage, "s", sweep.plan_of(config), "max"))
    return folder


@pytest.fixture
def folder(left: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepFolder:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    shutil.copytree(left, "sweeps/s")
    Path("precious").mkdir()
    Path("precious/file").write_text("precious\n")
    return SweepFolder(Path("sweeps/s"))


def go_on(folder: SweepFolder) -> object:
    return fakes.sweep(folder.path, train, fakes.config_of(trials=3))


def changed(folder: SweepFolder, operation: int, **values: Any) -> None:
    """Other values in the first record of an operation."""
    lines = [json.loads(each) for each in folder.journal.read_text().splitlines()]
    next(each for each in lines if each["op_code"] == operation).update(values)
    folder.journal.write_text("".join(f"{json.dumps(each)}\n" for each in lines))


def attribute(folder: SweepFolder, name: str, value: Any) -> None:
    """Another value of an attribute of a study or a trial."""
    lines = [json.loads(each) for each in folder.journal.read_text().splitlines()]
    for each in lines:
        for kind in ("user_attr", "user_attrs"):
            if name in each.get(kind, {}):
                each[kind][name] = value
    folder.journal.write_text("".join(f"{json.dumps(each)}\n" for each in lines))


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path, to: str) -> None:
    path.unlink()
    path.symlink_to(Path(to).absolute())


JOURNALS: dict[str, Callable[[SweepFolder], object]] = {
    "no JSON": lambda f: f.journal.write_text("garbage\n" + f.journal.read_text()),
    "a list": lambda f: f.journal.write_text("[1]\n"),
    "a number": lambda f: f.journal.write_text("3\n"),
    "bytes": lambda f: f.journal.write_bytes(b"\xff\xfe\n"),
    "deep": lambda f: f.journal.write_text("[" * 100_000 + "\n"),
    "one long line": lambda f: os.truncate(f.journal, 40 << 20),
    "a sparse terabyte": lambda f: os.truncate(f.journal, 1 << 40),
    "a pipe": lambda f: pipe(f.journal),
    "a device": lambda f: link(f.journal, "/dev/zero"),
    "a link": lambda f: link(f.journal, "precious/file"),
    "operation": lambda f: changed(f, 5, op_code=99),
    "no operation": lambda f: changed(f, 5, op_code=None),
    "trial": lambda f: changed(f, 5, trial_id="x"),
    "class": lambda f: changed(f, 5, distribution='{"name": "os.system", "attributes": {}}'),
    "bounds": lambda f: changed(
        f, 5, distribution='{"name":"FloatDistribution","attributes":{"low":"a","high":[]}}'
    ),
    "a name of none": lambda f: changed(f, 5, param_name="x"),
    "a value of none": lambda f: changed(f, 5, param_value_internal=[1]),
    "a great value": lambda f: changed(f, 7, intermediate_value=10**400),
    "state": lambda f: changed(f, 6, state=9),
    "no value": lambda f: changed(f, 6, values=None),
    "two values": lambda f: changed(f, 6, values=[1, 2]),
    "NaN": lambda f: changed(f, 6, values=[float("nan")]),
    "time": lambda f: changed(f, 4, datetime_start="x"),
    "plan": lambda f: attribute(f, "nnpy", [1]),
    "result": lambda f: attribute(f, "result", "x"),
    "its epochs": lambda f: attribute(f, "result", {"epochs": "x"}),
    "its runs": lambda f: attribute(f, "result", {"runs": ["../../../precious"]}),
    "its other runs": lambda f: attribute(f, "result", {"runs": [7]}),
    "config": lambda f: attribute(f, "config", 7),
    "owner": lambda f: attribute(f, "owner", 7),
    "its folder": lambda f: attribute(f, "owner", "../../../precious"),
    "its other folder": lambda f: attribute(f, "owner", str(Path("precious").absolute())),
}


@pytest.mark.parametrize("change", JOURNALS.values(), ids=JOURNALS)
def test_a_journal_that_is_none(folder, change) -> None:
    change(folder)
    with pytest.raises((RunError, UsageError), match=r"--new|sweeps/s"):
        go_on(folder)
    assert [each.name for each in Path("precious").iterdir()] == ["file"]
    assert Path("precious/file").read_text() == "precious\n"


def test_a_dead_owner_has_no_folder_elsewhere(folder) -> None:
    """What is not known when the sweep is opened: a trial of another process, begun since."""
    from nnpy.workflows.sweep.owners import Owner

    study = store.open_study(store.open_storage(folder, None), "s2", {}, "max")
    owner = Owner(folder, study, beats=False)
    for name in ("../../../precious", str(Path("precious").absolute()), "..", "."):
        assert owner.is_dead(name)
        owner.bury(name)
    assert Path("precious/file").exists()
    assert folder.owners.is_dir()


def test_a_journal_with_another_name_stays_as_it_is(folder) -> None:
    os.link(folder.journal, "other")
    before = Path("other").read_bytes()
    go_on(folder)
    assert Path("other").read_bytes() == before
    assert folder.journal.read_bytes().startswith(before)


@pytest.mark.parametrize("name", ["trials", "owners", "journal.lock", ".lock"])
def test_nothing_is_written_through_a_link(folder, name) -> None:
    path = folder.path / name
    if path.is_dir():
        shutil.rmtree(path)
        path.symlink_to(Path("precious").absolute())
    else:
        path.unlink(missing_ok=True)
        path.symlink_to(Path("precious/file").absolute())
    with pytest.raises(RunError, match=name), store.held(folder.lock):
        go_on(folder)
    assert [each.name for each in Path("precious").iterdir()] == ["file"]
    assert Path("precious/file").read_text() == "precious\n"


@pytest.mark.parametrize(
    "content",
    [
        *("", "[1]", "{}", "[" * 100_000, '{"trials": [{"state": "x"}]}', "pipe", "/dev/zero"),
        {"mode": [], "trials": []},
        {"search": [1]},
        {"trials": [{"number": 0, "state": "done", "value": 1, "values": {}, "epochs": 1}]},
        {"trials": [{"number": 0, "state": "failed", "value": "x", "values": {}, "epochs": 1}]},
        {"test": {"accuracy": "\x1b[2J"}},
        {"planned": 10**30},
    ],
    ids=lambda each: str(each)[:40],
)
def test_a_summary_that_is_none(folder, content) -> None:
    if content == "pipe":
        pipe(folder.summary)
    elif content == "/dev/zero":
        link(folder.summary, content)
    elif isinstance(content, dict):
        folder.summary.write_text(json.dumps(json.loads(folder.summary.read_text()) | content))
    else:
        folder.summary.write_text(content)
    with pytest.raises(RunError, match=r"sweep\.json"):
        sweep.show("s")


def test_a_good_summary_is_shown(folder) -> None:
    _, told = sweep.show("s")
    assert "2 complete of 2" in _text(told)


def test_a_database_that_the_folder_names_is_not_opened(folder) -> None:
    place = Path("precious/db.sqlite").absolute()
    folder.storage.write_text(f"sqlite:///{place}\n")
    with pytest.raises(UsageError, match=r"storage\.txt names a database .* --storage"):
        sweep._address(folder, None)
    assert not place.exists()
    url = f"sqlite:///{place}"
    assert sweep._address(folder, url) == url  # said by the user: known from now on
    assert sweep._address(folder, None) == url
    folder.storage.write_text("sqlite:///another\n" + folder.storage.read_text().partition("\n")[2])
    with pytest.raises(UsageError, match="--storage"):
        sweep._address(folder, None)


def test_code_and_files_that_a_best_config_names(folder) -> None:
    harm = Path("harm").absolute()
    Path("sweeps/s/evil.py").write_text(f"open({str(harm)!r}, 'w')\n")
    shutil.copy("sweeps/s/evil.py", "evil.py")
    text = "model: [Flatten]\n"
    for code in ("evil.py", "../../evil.py", str(Path("evil.py").absolute())):
        folder.best_config.write_text(f"code: {code}\n{text}")
        with pytest.raises(NnpyError, match="--trust-code"):
            named_files.check(load_config(folder.best_config))
    folder.best_config.write_text(
        f"{text}training: {{callbacks: [{{CSVLogger: {{filename: {harm}}}}}]}}\n"
    )
    with pytest.raises(NnpyError, match=r"sweeps/s names .* CSVLogger\.filename"):
        named_files.check(load_config(folder.best_config), training=True)
    assert not harm.exists()
