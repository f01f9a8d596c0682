"""Code that came with a run is run only if it was run here before, or if the user says so."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

import pytest

from nnpy.errors import UsageError
from nnpy.safety import code_seal

FILES = {"layers.py": b"class Mine: ...", "losses.py": b"def loss(): ..."}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def test_what_was_sealed_here_may_run():
    sealed = code_seal.seal(FILES)
    code_seal.check(dict(reversed(FILES.items())), sealed, trusted=False)


def test_changed_code_may_not():
    sealed = code_seal.seal(FILES)
    others = [
        FILES | {"losses.py": b"import os"},
        FILES | {"more.py": b""},
        {"layers.py": FILES["layers.py"]},
        {"layers.p": b"y" + FILES["layers.py"], "losses.py": FILES["losses.py"]},
    ]
    for files in others:
        with pytest.raises(UsageError, match="--trust-code"):
            code_seal.check(files, sealed, trusted=False)
        code_seal.check(files, sealed, trusted=True)


def test_a_seal_from_elsewhere_is_worth_nothing(home, monkeypatch):
    sealed = code_seal.seal(FILES)
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "another"))
    for guess in (sealed, "", "0" * 64):
        with pytest.raises(UsageError, match=r"\(layers.py, losses.py\)"):
            code_seal.check(FILES, guess, trusted=False)
    assert not (home / "another").exists()


def test_no_code_needs_no_trust():
    code_seal.check({}, "", trusted=False)


def test_the_key_is_the_users_alone_and_stays(home):
    code_seal.seal(FILES)
    key = home / "state" / "nnpy" / "key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    content = key.read_bytes()
    code_seal.seal(FILES)
    assert key.read_bytes() == content
    assert [path.name for path in key.parent.iterdir()] == ["key"]


def test_without_a_place_for_the_key_nothing_is_sealed(home, monkeypatch):
    (home / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "file"))
    assert code_seal.seal(FILES) == ""
    with pytest.raises(UsageError):
        code_seal.check(FILES, "", trusted=False)


def test_a_key_is_kept_where_there_are_no_hard_links(monkeypatch, tmp_path):
    def refuse(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    first = code_seal.seal({"a.py": b"x"})
    assert first and code_seal.seal({"a.py": b"x"}) == first
    assert [each.name for each in (tmp_path / "nnpy").iterdir()] == ["key"]
    code_seal.check({"a.py": b"x"}, first, trusted=False)
