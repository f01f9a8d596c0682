"""A run folder from anywhere: what is wrong in it is one line, and costs no time, no memory."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nnpy.api import compare
from nnpy.cli.commands.runs import runs
from nnpy.cli.terminal import Terminal
from nnpy.errors import RunError
from nnpy.runs import begin, listing
from nnpy.runs.folder import Run
from nnpy.runs.predictions import answers

SUMMARY = {
    "status": "finished",
    "config": "mlp",
    "parameters": {"total": 7, "trainable": 7},
    "epochs": 2,
    "test": {"loss": 0.5},
}
ENVIRONMENT = {"started": "2026-01-01T00:00:00+00:00", "versions": {"keras": "3"}, "data": {}}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def made(name: str) -> Run:
    with begin.begun(name) as run:
        run.write_json(run.summary_path, SUMMARY)
        run.write_json(run.environment_path, ENVIRONMENT)
        run.write_text(run.metrics_path, "epoch,seconds,loss\n1,0.100,0.7\n2,0.100,0.6\n")
        run.write_bytes(run.predictions_path, answers(np.arange(3), np.eye(3)))
        run.write_text(run.config_path, "model: [Flatten]\n")
    return run


def text(content: str | bytes) -> Callable[[Path], None]:
    data = content.encode() if isinstance(content, str) else content
    return lambda path: path.write_bytes(data) and None


def changed(record: dict, **values: object) -> Callable[[Path], None]:
    return text(json.dumps({**record, **values}))


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 42)


def to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


ANYWHERE = [
    os.mkfifo,
    to("/dev/zero"),
    to("/dev/urandom"),
    to("/dev/stdin"),
    sparse,
    Path.mkdir,
    text(b"\xff\xfe\x00\n"),
]
JSON = [
    *ANYWHERE,
    text(""),
    text("[]"),
    text("null"),
    text('{"a":' * 100_000),
    text('{"x": 1' + "0" * 5000 + "}"),
]
BAD = {
    "summary.json": [
        *JSON,
        *(changed(SUMMARY, epochs=each) for each in ("x", [1], {}, -1, 1.5, True, 10**30)),
        *(changed(SUMMARY, test=each) for each in ("x", [1], {"loss": "x"}, {"loss": [1]})),
        *(changed(SUMMARY, status=each) for each in (1, None, ["finished"], "done")),
        *(changed(SUMMARY, parameters=each) for each in ("x", [1], {"total": "7"})),
        changed(SUMMARY, config={"x": 1}),
        changed(SUMMARY, seconds={"total": "1"}),
        changed(SUMMARY, best_epoch=[2]),
        *(changed(SUMMARY, stages=each) for each in ("x", [1], [{}], [{"first_epoch": "1"}])),
        text(json.dumps(SUMMARY)[:-1] + ', "config": "\\ud800"}'),
    ],
    "environment.json": [
        *JSON,
        *(changed(ENVIRONMENT, started=each) for each in (1, ["2026"], {}, None)),
        changed(ENVIRONMENT, versions=["keras"]),
        changed(ENVIRONMENT, data="x"),
        changed(ENVIRONMENT, git_commit=["x"]),
    ],
    "metrics.csv": [
        *ANYWHERE,
        text("epoch,loss\n1,x\n"),
        text("epoch,loss\n1\n"),
        text("epoch,loss\n1,2,3\n"),
        text("epoch,epoch\n1,1\n"),
        text("epoch,loss\n1," + "9" * 200_000 + "\n"),
        text("," * 20_000 + "\n"),
    ],
}


@pytest.mark.parametrize(
    ("name", "make"), [(name, make) for name, makes in BAD.items() for make in makes]
)
def test_a_bad_file_is_one_line_in_the_table(name, make) -> None:
    good, bad = made("good"), made("bad")
    path = bad.folder / name
    path.unlink()
    make(path)
    rows = listing.rows(Path("runs"))
    if not bad.is_run():  # there is no summary.json that is a file: it is no run
        assert [each["run"] for each in rows] == [str(good)]
        return
    assert [(each["run"], each["status"]) for each in rows] == [
        (str(bad), "unreadable"),
        (str(good), "finished"),
    ]
    assert rows[0]["error"].startswith(f"{path} cannot be read: ")
    assert len(rows[0]["error"]) < 300
    if name != "metrics.csv":
        assert Run.newest() == good
    with pytest.raises(RunError, match="cannot be read"):
        compare([good, bad])


def test_a_metrics_file_of_too_many_rows(monkeypatch) -> None:
    monkeypatch.setattr("nnpy.runs.folder._MOST_EPOCHS", 1_000)
    run = made("mlp")
    run.metrics_path.write_text("epoch,loss\n" + "1,2\n" * 1_000)
    assert len(run.metrics()) == 1_000
    run.metrics_path.write_text("epoch,loss\n" + "1,2\n" * 1_001)
    with pytest.raises(RunError, match="more than 1,000 rows"):
        run.metrics()


def npz(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def npy(array: np.ndarray, **how: object) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **how)
    return buffer.getvalue()


class Payload:
    def __reduce__(self):
        return os.mkdir, ("harm",)


RIGHT = npy(np.arange(3, dtype=np.int32))


@pytest.mark.parametrize(
    "make",
    [
        *ANYWHERE,
        text(b""),
        text(b"PK\x05\x06" + bytes(18)),
        text(npz(truth=RIGHT)),
        text(npz(truth=RIGHT, answer=RIGHT)[:-30]),
        text(npz(truth=RIGHT, answer=RIGHT[:-2])),
        text(npz(truth=RIGHT, answer=b"not numpy")),
        text(npz(truth=RIGHT, answer=npy(np.arange(4)))),
        text(npz(truth=RIGHT, answer=npy(np.zeros(3)))),
        text(npz(truth=RIGHT, answer=RIGHT.replace(b"(3,)", b"(9,)"))),
        text(npz(truth=RIGHT, answer=RIGHT.replace(b"(3,)", b"(-3,)"[:4]))),
        text(npz(truth=RIGHT, answer=RIGHT.replace(b"'<i4'", b"'|O8'"))),
        text(npz(truth=RIGHT, answer=npy(np.array([Payload()]), allow_pickle=True))),
        text(npz(truth=RIGHT, answer=bytes(1 << 30))),
        text(npz(truth=RIGHT, **{f"x{i}": b"" for i in range(200)}, answer=RIGHT)),
    ],
)
def test_bad_answers_are_one_error_of_a_comparison(make) -> None:
    one, other = made("one"), made("other")
    other.predictions_path.unlink()
    make(other.predictions_path)
    with pytest.raises(RunError, match=r"predictions\.npz cannot be read: ") as caught:
        compare([one, other])
    assert len(str(caught.value)) < 300
    assert not Path("harm").exists()


@pytest.mark.parametrize(
    "make",
    [
        *ANYWHERE,
        text("[1, 2]"),
        text("data: 3"),
        text("data: {validation_split: x}"),
        text("training: [1]"),
        text(
            "a: &a [x, x, x, x, x, x, x, x, x]\n"
            + "".join(
                f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n"
                for i in range(9)
            )
        ),
        text("!!python/object/apply:os.mkdir [harm]"),
        text("x" * 10_000_000),
    ],
)
def test_a_bad_config_is_one_error_of_a_comparison(make) -> None:
    one, other = made("one"), made("other")
    other.config_path.unlink()
    make(other.config_path)
    if other.is_run():
        with pytest.raises(RunError, match=r"config\.yaml cannot be read: ") as caught:
            compare([one, other])
        assert len(str(caught.value)) < 300
    assert not Path("harm").exists()


def test_a_lock_that_is_a_pipe_does_not_stop_the_table() -> None:
    run = made("mlp")
    (run.folder / ".lock").unlink()
    os.mkfifo(run.folder / ".lock")
    run.write_json(run.summary_path, {**SUMMARY, "status": "running"})
    assert listing.rows(Path("runs"))[0]["status"] == "interrupted"


def test_the_command_tells_the_reason_beside_the_table(capsys) -> None:
    made("good")
    made("bad").summary_path.write_text('{"status": "finished", "epochs": "x"}')
    runs.main(["runs"], standalone_mode=False, obj=Terminal())
    told = capsys.readouterr()
    assert "unreadable" in told.out
    assert told.out.count("\n") == 3
    assert "runs/bad/summary.json cannot be read: epochs: expected a whole number" in told.err
