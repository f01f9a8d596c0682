"""A JSON file is what it must be, or one sentence says what it is not."""

from __future__ import annotations

import json
import os

import pytest

from nnpy.errors import RunError
from nnpy.storage import json_file
from nnpy.storage.json_file import mapping, number, one_of, optional, record, sequence, text, whole

KIND = record(
    {
        "status": one_of("running", "finished"),
        "epochs": optional(whole),
        "name": text,
        "test": optional(mapping(number)),
        "resumed": sequence(record({"epoch": whole}, required=("epoch",))),
    }
)
LIMIT = 1 << 20


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.json"


def test_what_is_right_comes_as_it_is(path):
    content = {
        "status": "finished",
        "epochs": None,
        "name": "é",
        "test": {"loss": 1, "accuracy": float("inf")},
        "resumed": [{"epoch": 1, "more": True}],
        "written by a newer one": [{"x": None}],
    }
    path.write_text(json.dumps(content))
    assert json_file.read(path, KIND, LIMIT) == content


def test_no_file_is_an_empty_object(path):
    assert json_file.read(path, KIND, LIMIT) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"epochs": "x"}', "epochs: expected a whole number, 0 or greater, got 'x'"),
        (b'{"epochs": -1}', "epochs: expected a whole number, 0 or greater, got -1"),
        (b'{"epochs": true}', "epochs: expected a whole number"),
        (b'{"epochs": 1.5}', "epochs: expected a whole number"),
        (b'{"epochs": 1' + b"0" * 300 + b"}", "epochs: expected a whole number up to"),
        (b'{"epochs": 1' + b"0" * 9000 + b"}", "cannot be read"),
        (b'{"status": "done"}', "status: expected running or finished, got 'done'"),
        (b'{"status": ["running"]}', "status: expected running or finished, got a list of 1"),
        (b'{"name": 3}', "name: expected a text, got 3"),
        (b'{"name": "\\ud800"}', "name: expected valid Unicode text"),
        (b'{"name": "' + b"x" * 200_000 + b'"}', "name: expected at most 100,000 characters"),
        (b'{"test": {"loss": "0.1"}}', "test.loss: expected a number, got '0.1'"),
        (b'{"test": [1]}', "test: expected a JSON object, got a list of 1"),
        (b'{"resumed": {}}', "resumed: expected a list, got an object of 0 fields"),
        (b'{"resumed": [{}]}', r"resumed\[0\]: expected an object with 'epoch'"),
        (b'{"other": {"\\ud800": 1}}', "other: expected valid Unicode text"),
        (b'{"other": 1' + b"0" * 300 + b"}", "other: expected a whole number up to"),
        (b"[]", "expected a JSON object, got a list of 0"),
        (b"null", "expected a JSON object, got None"),
        (b"", "Expecting value"),
        (b'{"epochs": 1', "delimiter"),
        (b"\xff\xfe", "decode"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"a":' * 30 + b"1" + b"}" * 30, "expected at most 20 levels"),
        (b"x" * (LIMIT + 1), "more than the 1 MiB that are read"),
    ],
)
def test_what_is_wrong_is_said(path, content, message):
    path.write_bytes(content)
    with pytest.raises(RunError, match=message) as caught:
        json_file.read(path, KIND, LIMIT)
    assert str(caught.value).startswith(f"{path} cannot be read: ")
    assert len(str(caught.value)) < 400


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_is_no_json_file(path):
    os.mkfifo(path)
    with pytest.raises(RunError, match="it is a named pipe"):
        json_file.read(path, KIND, LIMIT)
