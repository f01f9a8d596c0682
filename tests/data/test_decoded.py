"""Pictures are decoded once, and the bytes that are kept are those of the files as they are."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnpy.data.files import decode_all, decoded, mapped
from nnpy.data.files.geometry import Geometry
from nnpy.data.files.pictures import decode
from nnpy.data.files.walk import walk
from nnpy.errors import DataError, RunError
from nnpy.storage import atomic

GEOMETRY = Geometry(8, 8)
PLENTY = 1 << 30


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "nnpy" / "pictures"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Thirty pictures of several sizes and modes, two of them damaged."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    random = np.random.default_rng(0)
    for i in range(30):
        pixels = random.integers(0, 256, (8 + i, 12, 3), np.uint8)
        picture = Image.fromarray(pixels)
        (picture.convert("L") if i % 3 == 0 else picture).save(folder / f"{i:02d}.png")
    (folder / "07.png").write_bytes((folder / "07.png").read_bytes()[:60])
    (folder / "20.png").write_bytes(b"")
    return folder


def load(root: Path, budget: int = PLENTY, **options: object) -> decoded.Pictures:
    return decoded.load(root, walk(root).pictures, GEOMETRY, budget=budget, **options)  # type: ignore[arg-type]


def no_decoding(*_: object) -> None:
    raise AssertionError("a picture is decoded again")


def test_the_bytes_are_those_of_each_picture_by_itself(root: Path) -> None:
    found = load(root)
    good = [path for path in sorted(root.iterdir()) if path.stem not in ("07", "20")]
    for row, path in zip(found.x, good, strict=True):
        with path.open("rb") as file:
            assert (row == decode(path, file, GEOMETRY).x).all()
    assert [index for index, _ in found.facts.bad] == [7, 20]
    assert found.facts.bad[1][1].startswith("not an image of a known format, but an empty file")
    assert found.facts.heights == (8, 37)
    assert found.facts.widths == (12, 12)
    assert found.facts.grey == 10
    assert found.facts.fitted == 27  # one in 28 is square


def test_a_second_time_opens_no_picture(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(root)
    monkeypatch.setattr(decode_all, "_one", no_decoding)
    second = load(root)
    assert (first.decoded, second.decoded) == (True, False)
    assert (first.x == second.x).all()
    assert first.facts == second.facts


def test_nothing_is_written_beside_the_pictures(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (root, *root.iterdir())}
    load(root)
    assert {path: path.stat().st_mtime_ns for path in (root, *root.iterdir())} == before


def test_beyond_the_budget_the_bytes_stay_on_the_disk(root: Path) -> None:
    inside, outside = load(root), load(root, budget=100)
    assert mapped.file_of(inside.x) is None
    assert mapped.file_of(outside.x) is not None
    rows = np.array([3, 1, 27])
    load(root)  # another training takes them from the same file, and changes nothing for this one
    taken = mapped.rows(outside.x, rows, np.empty((3, 8, 8, 3), np.uint8))
    assert (taken == inside.x[rows]).all()
    assert not outside.decoded


@pytest.mark.parametrize("change", ["content", "name", "more", "geometry", "decoder"])
def test_another_picture_or_size_or_decoder_is_decoded(
    root: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(root)
    picture = root / "05.png"
    if change == "content":  # of the same length, and with the time of the one before
        times, length = picture.stat(), picture.stat().st_size
        content = picture.read_bytes()
        Image.fromarray(np.zeros((13, 12, 3), np.uint8)).save(picture)
        picture.write_bytes(picture.read_bytes().ljust(length, b"\0")[:length])
        os.utime(picture, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert picture.read_bytes() != content
    elif change == "name":
        picture.rename(root / "05b.png")
    elif change == "more":
        shutil.copy(picture, root / "99.png")
    elif change == "decoder":
        monkeypatch.setattr(decoded.pictures, "VERSION", 10_000)
    geometry = Geometry(8, 8, "grayscale") if change == "geometry" else GEOMETRY
    second = decoded.load(root, walk(root).pictures, geometry, budget=PLENTY)
    assert second.decoded
    if change == "content":
        assert (second.x[5] == 0).all()
        assert (second.x[4] == first.x[4]).all()


@pytest.mark.parametrize("place", [0, 100, -1, -20, -60, -100, -1500])
def test_a_changed_byte_anywhere_is_seen_and_mended(root: Path, cache: Path, place: int) -> None:
    first = load(root)
    (file,) = cache.glob("*.pictures")
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    second = load(root)
    assert second.decoded
    assert any("is damaged" in note for note in second.notes)
    assert (first.x == second.x).all()
    assert not load(root).decoded


@pytest.mark.parametrize("length", [0, 20, 1000])
def test_a_file_cut_short_is_seen_and_mended(root: Path, cache: Path, length: int) -> None:
    load(root)
    (file,) = cache.glob("*.pictures")
    os.truncate(file, length)
    assert load(root).decoded


def test_an_interrupted_decoding_leaves_nothing(root: Path, cache: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(root, progress=stop)
    assert [path.name for path in cache.iterdir() if not path.name.startswith(".lock")] == []


def test_progress_is_told_to_the_end(root: Path) -> None:
    seen: list[tuple[int, int]] = []
    load(root, progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 30)
    assert seen[-1] == (30, 30)
    assert seen == sorted(seen)


@pytest.mark.parametrize("how", ["no room", "full", "no folder"])
def test_without_a_cache_they_are_decoded_into_memory_and_it_is_told(
    root: Path, cache: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "no room":
        usage = shutil.disk_usage("/")._replace(free=1000)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    elif how == "full":

        def full(path: Path, write: object) -> None:
            raise RunError(f"{path} cannot be written: the disk is full")

        monkeypatch.setattr(atomic, "replace", full)
    else:
        cache.parent.parent.mkdir()
        cache.parent.write_text("a file where the folder would be")
    found = load(root)
    assert len(found.x) == 28
    assert any("cannot be kept for the next time" in note for note in found.notes)
    with pytest.raises(DataError, match=r"take 0.0 MB, and cannot be kept .* XDG_CACHE_HOME"):
        load(root, budget=100)


def test_two_at_once_decode_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    number, one = [0], decode_all._one

    def counted(path: Path, geometry: Geometry) -> object:
        number[0] += 1
        time.sleep(0.01)
        return one(path, geometry)

    monkeypatch.setattr(decode_all, "_one", counted)
    found: list[decoded.Pictures] = []
    threads = [threading.Thread(target=lambda: found.append(load(root))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert number == [30]
    assert sorted(each.decoded for each in found) == [False, False, True]
    assert (found[0].x == found[1].x).all()


def test_old_files_go_and_those_in_use_stay(root: Path, cache: Path) -> None:
    load(root)
    (first,) = cache.glob("*.pictures")
    foreign = cache / f"{'0' * 16}-{'0' * 32}.pictures"
    unused = cache / f"{'1' * 16}-{'0' * 32}.pictures"
    crashed = cache / ".a.01234567.tmp.pictures"
    running = cache / ".b.01234567.tmp.pictures"
    for path, days in ((foreign, 10), (unused, 40), (crashed, 2), (running, 0), (first, 2)):
        if path != first:
            path.touch()
        os.utime(path, (time.time() - days * 86_400,) * 2)
    shutil.copy(root / "05.png", root / "99.png")
    load(root)
    there = {path.name for path in cache.iterdir()}
    assert {foreign.name, running.name} <= there
    assert not {unused.name, crashed.name, first.name} & there


def test_room_is_made_by_what_was_not_used_today(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir(parents=True)
    old, recent = cache / "0-0.pictures", cache / "1-0.pictures"
    for path in (old, recent):
        path.touch()
    os.utime(old, (time.time() - 200_000,) * 2)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: usage._replace(free=1000 if old.exists() else 1 << 40)
    )
    assert load(root).notes == ()
    assert not old.exists()
    assert recent.exists()


def test_no_picture_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(b"<html>")
    found = load(tmp_path / "a")
    assert found.x.shape == (0, 8, 8, 3)
    assert "web page" in found.facts.bad[0][1]


def test_a_picture_that_vanishes_meanwhile_cannot_be_read(root: Path) -> None:
    files = walk(root).pictures
    (root / "03.png").unlink()
    found = decoded.load(root, files, GEOMETRY, budget=PLENTY)
    assert (3, "No such file or directory") in found.facts.bad
