"""A run folder is begun whole or not at all, and nothing that was there before is lost."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from nnpy.errors import NnpyError, RunError, UsageError
from nnpy.runs import begin
from nnpy.runs.folder import FILES, FOLDERS, Run
from nnpy.storage import lock


class Stop(Exception):
    pass


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def made(folder: str = "run", text: str = "old") -> Run:
    with begin.begun("mlp", folder) as run:
        run.write_json(run.summary_path, {"status": "finished", "config": text})
        run.write_text(run.best_path, text)
        run.write_text(run.config_path, "model: [Flatten]\n")
    return run


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def test_what_fails_before_the_config_is_there_leaves_nothing() -> None:
    for folder in ("run", None):
        with pytest.raises(Stop), begin.begun("mlp", folder) as run:
            run.write_json(run.environment_path, {})
            run.write_json(run.summary_path, {})
            raise Stop
        assert not run.folder.exists()


def test_a_folder_of_the_users_own_stays() -> None:
    Path("run").mkdir()
    with pytest.raises(Stop), begin.begun("mlp", "run") as run:
        run.write_json(run.summary_path, {})
        raise Stop
    assert list(Path("run").iterdir()) == []


def test_what_fails_later_stays_to_be_resumed() -> None:
    with pytest.raises(Stop), begin.begun("mlp", "run") as run:
        run.write_json(run.summary_path, {})
        run.write_text(run.config_path, "")
        raise Stop
    assert run.is_run()


def test_overwrite_replaces_all_of_a_run_and_nothing_else() -> None:
    run = made()
    (run.folder / "notes.txt").write_text("mine")
    (run.folder / "figures").mkdir()
    (run.folder / "figures" / "curves.png").write_text("old")
    with begin.begun("mlp", "run", overwrite=True) as again:
        again.write_text(again.config_path, "new")
    assert content(run.folder) == {"notes.txt": "mine", "config.yaml": "new"}
    assert sorted(p.name for p in run.folder.iterdir()) == sorted(
        ["notes.txt", "config.yaml", ".lock", "checkpoints", "state"]
    )


def test_an_overwrite_that_fails_puts_everything_back() -> None:
    run = made()
    before = content(run.folder)
    with pytest.raises(Stop), begin.begun("mlp", "run", overwrite=True):
        run.write_json(run.summary_path, {"status": "running"})
        run.write_text(run.code_folder.parent / "model.dot", "new")
        raise Stop
    assert content(run.folder) == before


@pytest.mark.parametrize("name", FOLDERS)
def test_overwrite_never_touches_what_a_link_leads_to(name: str) -> None:
    run = made()
    outside = Path("outside")
    outside.mkdir()
    (outside / "best.keras").write_text("precious")
    place = run.folder / name
    if place.is_dir():
        for path in place.iterdir():
            path.unlink()
        place.rmdir()
    place.symlink_to(outside.absolute())
    with begin.begun("mlp", "run", overwrite=True) as again:
        again.write_text(again.best_path, "new")
        again.write_text(again.config_path, "new")
    assert content(outside) == {"best.keras": "precious"}
    assert again.best_path.read_text() == "new"


@pytest.mark.parametrize("number", range(8))
def test_an_overwrite_on_a_failing_disk_does_all_or_nothing(number, monkeypatch) -> None:
    run = made()
    before = content(run.folder)
    real, left = os.rename, [number]

    def failing(*args):
        left[0] -= 1
        if left[0] == -1:
            raise OSError(5, "Input/output error")
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", failing)
        try:
            with begin.begun("mlp", "run", overwrite=True):
                run.write_text(run.config_path, "new")
        except RunError as error:
            assert "input/output error" in str(error)
    if left[0] < 0:
        assert content(run.folder) == before
    else:
        assert content(run.folder) == {"config.yaml": "new"}


def test_an_overwrite_that_was_killed_is_undone_by_the_next() -> None:
    run = made()
    before = content(run.folder)
    aside = begin._Aside(run)  # as a kill leaves it: nothing is put back
    aside.take()
    run.write_json(run.summary_path, {"status": "running"})
    assert not run.is_run()
    with pytest.raises(UsageError, match="was stopped while it began"):
        Run.open(run.folder)
    with pytest.raises(UsageError, match="already holds a run"), begin.begun("mlp", "run"):
        pass
    with pytest.raises(Stop), begin.begun("mlp", "run", overwrite=True):
        raise Stop
    assert content(run.folder) == before


def killed(folder: str, *files: str) -> Run:
    """A folder as a training leaves it that was killed before its config.yaml was there."""
    run = Run(Path(folder))
    for name in ("checkpoints", "state"):
        (run.folder / name).mkdir(parents=True)
    for name in files:
        path = run.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    return run


@pytest.mark.parametrize(
    "files",
    [
        (),
        (".lock",),
        (".lock", ".environment.0123abcd.tmp.json"),
        (".lock", "environment.json"),
        (".lock", "environment.json", "summary.json", "code/layers.py"),
        (".lock", "config.yaml", "environment.json"),  # as older versions left it
        (".lock", "summary.json", ".config.0123abcd.tmp.yaml", "state/.x.0123abcd.tmp.nnpy"),
    ],
)
def test_what_a_kill_left_of_a_beginning_is_begun_anew(files) -> None:
    killed("run", *files)
    if ".lock" in files and "config.yaml" not in files:
        with pytest.raises(UsageError, match="before it had begun"):
            Run.open("run")
    with begin.begun("mlp", "run") as run:
        run.write_json(run.summary_path, {})
        run.write_text(run.config_path, "new")
    assert set(content(run.folder)) == {"config.yaml", "summary.json"}


@pytest.mark.parametrize(
    "files",
    [
        ("config.yaml",),  # nothing says that nnpy made it
        ("notes.txt",),
        (".lock", "notes.txt"),
        (".lock", "checkpoints/model.keras"),
        (".lock", "state/data.csv"),
        (".lock", "code/data.csv"),
    ],
)
def test_other_things_are_never_taken_for_one(files) -> None:
    run = killed("run", *files)
    before = content(run.folder)
    for overwrite in (False, True):
        with (
            pytest.raises(UsageError, match="holds other files"),
            begin.begun("mlp", "run", overwrite=overwrite),
        ):
            pass
    assert content(run.folder) == before


def test_a_file_is_no_folder() -> None:
    Path("file").write_text("mine")
    with pytest.raises(UsageError, match="it is a file"), begin.begun("mlp", "file"):
        pass
    with pytest.raises(NnpyError), begin.begun("mlp", "file/run"):
        pass
    assert Path("file").read_text() == "mine"


def test_two_at_once_in_one_folder() -> None:
    with begin.begun("mlp", "run") as run:
        for overwrite in (False, True):
            again = begin.begun("mlp", "run", overwrite=overwrite)
            with pytest.raises(RunError, match="another training is running"), again:
                pass
        run.write_text(run.config_path, "")
    assert run.config_path.exists()
    with begin.begun("mlp") as one, begin.begun("mlp") as other:
        assert one.folder != other.folder
        assert lock.holder(one.folder)
        assert lock.holder(other.folder)


def at_once(count: int, act: Callable[[], str]) -> list[str]:
    """What so many processes tell that do the same at the same moment."""
    start, told = os.pipe(), os.pipe()
    children = []
    for _ in range(count):
        if child := os.fork():
            children.append(child)
            continue
        os.close(start[1])
        os.read(start[0], 1)  # they all wait for its other end to be closed
        os.write(told[1], f"{act()}\n".encode())
        os._exit(0)
    os.close(start[1])
    for child in children:
        os.waitpid(child, 0)
    for end in (start[0], told[1]):
        os.close(end)
    with os.fdopen(told[0]) as lines:
        return lines.read().splitlines()


def test_processes_that_begin_under_the_same_name_at_once_get_folders_of_their_own() -> None:
    def act() -> str:
        with begin.begun("mlp") as run:
            run.write_json(run.summary_path, {})
            run.write_text(run.config_path, str(os.getpid()))
        return f"{run.folder} {os.getpid()}"

    found = dict(line.split() for line in at_once(12, act))
    assert set(found) == {f"runs/mlp{f'-{n}' if n > 1 else ''}" for n in range(1, 13)}
    for folder, process in found.items():
        assert Path(folder, "config.yaml").read_text() == process


@pytest.mark.parametrize("overwrite", [False, True])
def test_of_processes_in_one_folder_at_once_one_trains_at_a_time(overwrite) -> None:
    """With --overwrite one may follow the other; never are two of them in it."""
    if overwrite:
        made()
    inside = Path("inside").absolute()

    def act() -> str:
        try:
            with begin.begun("mlp", "run", overwrite=overwrite) as run:
                inside.mkdir()  # fails where another is inside
                run.write_json(run.summary_path, {})
                run.write_text(run.config_path, "")
                time.sleep(0.02)
                inside.rmdir()
            return "trained"
        except UsageError:
            return "there is one"
        except RunError as error:
            return "running" if "another training is running" in str(error) else str(error)
        except BaseException as error:  # noqa: BLE001 – a fork must not go on as a test
            return repr(error)

    told = Counter(at_once(12, act))
    assert set(told) <= {"trained", "running", "there is one"}, told
    assert told["trained"] >= 1
    assert overwrite or told["trained"] == 1
    assert set(content(Path("run"))) == {"config.yaml", "summary.json"}
    assert Path("run/config.yaml").read_text() == ""


@pytest.mark.parametrize("command", ["begun", "claimed"])
def test_a_run_that_another_process_claims_is_left_alone(command) -> None:
    run = made()
    before = content(run.folder)
    with begin.claimed(run):

        def act() -> str:
            again = (
                begin.begun("mlp", "run", overwrite=True)
                if command == "begun"
                else begin.claimed(Run(Path("run")))
            )
            try:
                with again:
                    return "both"
            except RunError as error:
                return str(error)

        assert all("another training is running" in each for each in at_once(3, act))
        assert {k: v for k, v in content(run.folder).items() if k != ".lock"} == before


def test_what_crashes_left_in_a_run_goes_when_it_is_claimed() -> None:
    run = made()
    run.figures_folder.mkdir()
    aside = run.folder / ".replaced-0123abcd"
    aside.mkdir()
    (aside / "config.yaml").write_text("old")
    left = [run.folder, run.best_path.parent, run.state_folder, run.figures_folder]
    for folder in left:
        (folder / ".x.0123abcd.tmp.png").write_text("half")
    before = content(run.folder)
    with begin.claimed(run):
        pass
    assert set(before) - set(content(run.folder)) == {
        ".replaced-0123abcd/config.yaml",
        *(str((folder / ".x.0123abcd.tmp.png").relative_to(run.folder)) for folder in left),
    }


# ---------------------------------------------------------------- links


def symlink(path: Path, target: Path) -> None:
    path.symlink_to(target.absolute())


def pipe(path: Path, target: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [symlink, pipe])
@pytest.mark.parametrize(
    "name", [*FILES, *FOLDERS, "figures/curves.png", "state/state-000001.nnpy", "code/x.py"]
)
def test_a_run_with_links_or_pipes_is_not_written_in(
    name: str, make: Callable[[Path, Path], None]
) -> None:
    run = made()
    victim = Path("victim")
    victim.write_text("precious")
    path = run.folder / name
    path.parent.mkdir(exist_ok=True)
    if path.is_dir():
        path.rename("moved")
    path.unlink(missing_ok=True)
    make(path, victim)
    with pytest.raises(RunError, match=f"{path} is"), begin.claimed(run):
        pass
    assert victim.read_text() == "precious"


def test_nothing_is_written_through_a_folder_that_became_a_link() -> None:
    run = made()
    Path("outside").mkdir()
    with begin.claimed(run):
        run.figures_folder.symlink_to(Path("outside").absolute())
        for write in (
            lambda path: run.write_text(path, "x"),
            lambda path: run.write_bytes(path, b"x"),
            lambda path: run.replace(path, lambda temporary: temporary.write_text("x")),
        ):
            with pytest.raises(RunError, match="is a link"):
                write(run.figures_folder / "curves.png")
    assert list(Path("outside").iterdir()) == []
