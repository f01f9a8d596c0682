"""Names that a stranger chose – classes, files, runs, versions, metrics – command no one.

Whatever a run folder, a data set or a file is called and says of itself: on the terminal no
control reaches the screen, and in a page it is text.
"""

from __future__ import annotations

import html.parser
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nnpy.cli import cli
from nnpy.cli.terminal import Terminal
from nnpy.errors import NnpyError
from tests.report.test_write import browser, visit

OLD_RUN = Path(__file__).parents[1] / "support/old_runs/finished"
EVIL = (
    "<script>document.title='evil'</script><img src=http://evil.invalid/x onerror=alert(1)>"
    "\"'&{{7*7}}\u202e\x1b]0;evil\x07\x9b2J\r\v\u2028"
)
FILE = EVIL.replace("/", "∕")[:120]  # a name that a file can have
KEPT = ("status", "started")  # fields that must be one of a few values


class Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}


def check_page(text: str) -> None:
    tags = Tags()
    tags.feed(text)
    assert not tags.found & {"script", "iframe", "object", "embed", "form", "base"}
    assert not {name for name in tags.attributes if name.startswith("on")}
    assert not set(text) & set("\x1b\x07\x9b\u202e\v")


def check_output(text: str) -> None:
    assert not [char for char in set(text) if not char.isprintable() and char not in "\n\t"]


@pytest.fixture
def run_command(capfd: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Runs a command in this process; what it printed, on either stream, is harmless."""

    def run(*arguments: object) -> str:
        terminal = Terminal()
        try:
            cli.main([*map(str, arguments)], "nnpy", standalone_mode=False, obj=terminal)
        except NnpyError as error:
            terminal.error(str(error))
        terminal.restore()
        told = capfd.readouterr()
        check_output(told.out)
        check_output(told.err)
        return told.out + told.err

    yield run


def poisoned(value: Any, key: str = "") -> Any:
    """The same data with an evil name in every text, and under an evil key beside each."""
    if isinstance(value, dict):
        worse = {name: poisoned(each, name) for name, each in value.items()}
        if key in ("test", "validation", "versions", "data", "seconds") and value:
            worse[EVIL] = next(iter(worse.values()))
        return worse
    if isinstance(value, list):
        return [poisoned(each) for each in value]
    return value + EVIL if isinstance(value, str) and key not in KEPT else value


def evil_run(folder: Path) -> Path:
    shutil.copytree(OLD_RUN, folder)
    for name in ("summary.json", "environment.json"):
        content = poisoned(json.loads((OLD_RUN / name).read_text()))
        (folder / name).write_text(json.dumps(content))
    environment = json.loads((folder / "environment.json").read_text())
    environment["git_commit"] = EVIL
    (folder / "environment.json").write_text(json.dumps(environment))
    head, rest = (OLD_RUN / "metrics.csv").read_text().split("\n", 1)
    quoted = EVIL.replace('"', '""').replace("\r", "").replace("\v", "").replace("\u2028", "")
    rows = "".join(f"{row},1.5\n" for row in rest.splitlines())
    (folder / "metrics.csv").write_text(f'{head},"{quoted}"\n{rows}')
    return folder


def test_tables_and_comparisons_of_runs(tmp_path, monkeypatch, run_command) -> None:
    monkeypatch.chdir(tmp_path)
    runs = [evil_run(tmp_path / "runs" / f"{number}{FILE}") for number in range(2)]
    for options in ((), ("--csv",), ("--json",)):
        told = run_command("runs", *options)
        assert "evil" in told
        assert told.count("script") >= 2
    for options in ((), ("--json",)):
        assert "evil" in run_command("compare", *runs, "-o", "c.html", *options)
    page = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert "evil" in page
    check_page(page)


@browser
def test_a_browser_sees_text_in_the_comparison(tmp_path, monkeypatch, run_command) -> None:
    monkeypatch.chdir(tmp_path)
    runs = [evil_run(tmp_path / "runs" / f"{number}{FILE}") for number in range(2)]
    run_command("compare", *runs, "-o", "c.html")
    shown, complaints, asked = visit(tmp_path, tmp_path / "c.html")
    assert (complaints, asked) == ([], set())
    assert "<title>evil" not in shown


@pytest.fixture(scope="module")
def evil_training(tmp_path_factory, tiny) -> Path:
    """A folder with a run whose classes, files and git branch have evil names."""
    folder = tmp_path_factory.mktemp("evil")
    data = folder / f"data{FILE}"
    shutil.copytree(tiny, data)
    classes = EVIL.replace("\r", "").replace("\v", "").replace("\u2028", "")
    (data / "classes.txt").write_text("".join(f"{n}{classes}\n" for n in range(10)))
    text = json.dumps(
        {
            "data": {"name": "idx", "path": str(data)},
            "model": ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}],
            "training": {"epochs": 1, "batch_size": 100},
        }
    )
    (folder / f"c{FILE}.yaml").write_text(text)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x"]
    branch = "<script>evil\u202e\x9b2J"  # git itself refuses what is below U+0020
    for arguments in (["init", "-q", "-b", branch], ["commit", "-q", "--allow-empty", "-m", EVIL]):
        subprocess.run([*git, *arguments], cwd=folder, check=False, capture_output=True)
    return folder


def test_a_training_and_all_that_is_made_of_it(evil_training, monkeypatch, run_command) -> None:
    monkeypatch.chdir(evil_training)
    (config,) = evil_training.glob("c*.yaml")
    run = f"run{FILE}"
    assert "evil" in run_command("check", config)
    assert "evil" in run_command("train", config, "--run-dir", run)
    check_page((evil_training / run / "report.html").read_text(encoding="utf-8"))
    for drawing in (evil_training / run).rglob("*.svg"):
        check_page(drawing.read_text(encoding="utf-8"))
    picture = evil_training / f"p{FILE}.png"
    Image.new("L", (28, 28)).save(picture)
    (evil_training / f"q{FILE}.png").write_bytes(b"no picture")
    for options in ((), ("--csv",), ("--json",)):
        told = run_command("predict", run, picture, f"q{FILE}.png", *options)
        assert "script" in told
    for options in ((), ("--json",)):
        assert "script" in run_command("evaluate", run, *options)
    run_command("report", run)
    check_page((evil_training / run / "report.html").read_text(encoding="utf-8"))


def test_what_a_command_is_given_wrongly(tmp_path, monkeypatch, run_command) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{FILE}.yaml").write_text(
        json.dumps({EVIL: 1, "model": [EVIL, {EVIL: {EVIL: EVIL}}], "data": {"name": EVIL}})
    )
    (tmp_path / f"{FILE}.keras").write_bytes(b"x")
    for arguments in (
        ("train", f"no{FILE}"),
        ("train", f"{FILE}.yaml"),
        ("import", f"{FILE}.keras"),
        ("evaluate", f"no{FILE}"),
        ("runs", f"no{FILE}"),
        ("compare", f"no{FILE}", "b"),
        ("plot", f"{FILE}.keras"),
        ("train", f"{FILE}.yaml", "--set", EVIL),
    ):
        assert run_command(*arguments)
