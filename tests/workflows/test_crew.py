"""The files of a run that a worker gets from its chief: of a run, and no more than were sent."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from nnpy.devices.cluster import Cluster
from nnpy.errors import RunError
from nnpy.workflows.crew import Crew


def packed(*members: tuple[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", how) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return whole.getvalue()


GOOD = packed(("config.yaml", b"model: [Flatten]\n"), ("summary.json", b"{}"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a zip file"),
        (GOOD[:40], "not a zip file"),
        (GOOD.replace(b"model", b"other"), "Bad CRC"),
        (GOOD.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"), ""),
        (packed(("../precious", b"x")), "no file of a run"),
        (packed(("state/../../precious", b"x")), "no file of a run"),
        (packed(("/precious", b"x")), "no file of a run"),
        (packed(("other.txt", b"x")), "no file of a run"),
        (packed(("state/x", bytes(50 << 20)), how=zipfile.ZIP_DEFLATED), "larger than all"),
        (packed(("state", b"x"), ("state/x", b"x")), ""),
    ],
    ids=range(10),  # the bytes hold the time of day: each process would call its tests otherwise
)
def test_what_is_no_run_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    class Meeting:
        def hand_out(self, given: None) -> bytes:
            return content

    precious = tmp_path / "precious"
    precious.write_text("precious")
    crew = Crew(Cluster(("a:1", "b:2"), 1), Meeting(), print)  # type: ignore[arg-type]
    folder = tmp_path / "run"
    folder.mkdir()
    with pytest.raises(RunError, match=words):
        crew.take_over(folder)
    assert precious.read_text() == "precious"
    assert {each.name for each in tmp_path.iterdir()} == {"precious", "run"}
