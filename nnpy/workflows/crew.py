"""One training that several processes or machines share, each of which runs the same command.

    meet            all are there, with the same versions, config and data, or all end
    train           the same course in each, on its rows of every batch
    chief (0)       writes the run folder; the others work in a folder that is thrown away

To go on with a run the chief hands its files out: the others need no shared disk. Who is lost is
told to all; they end, and start again together from the run's last state.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from nnpy.config.config import Config
from nnpy.data import Dataset
from nnpy.devices import rendezvous
from nnpy.devices.cluster import Cluster
from nnpy.devices.watch import Watch
from nnpy.errors import DeviceError, Interrupted, NnpyError, RunError
from nnpy.runs.differences import differences
from nnpy.runs.environment import versions
from nnpy.runs.folder import Run
from nnpy.storage.regular import read_regular

# Packages whose versions decide the numbers, or whether the workers understand each other.
_SAME = ("nnpy", "tensorflow", "keras", "numpy")
_OWN = ("data.path", "data.memory_budget")  # what may differ from machine to machine
_FILES = (
    *("config.yaml", "environment.json", "summary.json", "metrics.csv"),
    *("preprocessing.json", "split.npz"),
)
_FOLDERS = ("state", "code", "arrays")
_LARGEST = 1 << 40  # bytes of a state
_GRACE = 15.0  # seconds in which a worker may end by itself when another is lost
_WAIT = 25.0  # seconds in which the reason of TensorFlow's error is known


class Crew:
    """The workers that have met for a training, as this one sees them."""

    def __init__(
        self, cluster: Cluster, meeting: rendezvous.Meeting, say: Callable[[str], None]
    ) -> None:
        self.cluster, self._meeting, self._say = cluster, meeting, say
        self.watch: Watch | None = None

    def begin(self, config: Config, dataset: Dataset) -> None:
        """Compare what is to be trained, and on what; from then on each knows of the others.

        Raises DeviceError in all of them where they differ.
        """
        mine = {
            "config": config.resolved,
            "data": dataset.digests,
            "rows": dataset.held_out.digest if dataset.held_out else "",
        }
        self._meeting.round(mine, self._differ)
        self.watch = Watch(self._meeting, self._lost)

    def _differ(self, told: list[dict[str, Any]]) -> str:
        for index, other in enumerate(told[1:], 1):
            name = self.cluster.name(index)
            for each in differences([told[0]["config"], other.get("config")]):
                if each.path not in _OWN:
                    here, there = each.values
                    return f"{name} has another config: {each.path} is {there} there, {here} here"
            for key in ("data", "rows"):
                if told[0][key] != other.get(key):
                    return f"{name} has other data{_which(told[0][key], other.get(key))}"
        return ""

    def _lost(self, words: str) -> None:
        """Another is gone: this process ends soon, even if TensorFlow goes on waiting."""

        def end() -> None:
            self._say(self._gone(words))
            os._exit(1)

        timer = threading.Timer(_GRACE, end)
        timer.daemon = True
        timer.start()

    def translate(self, error: BaseException) -> NnpyError | None:
        """What an error of TensorFlow's means where another worker is lost; None for others."""
        if self.watch is None or isinstance(error, NnpyError) or not isinstance(error, Exception):
            return None
        # A peer's end is seen by TensorFlow first, at times.
        reason = self.watch.reason(_WAIT if _is_of_collectives(error) else 0.0)
        return DeviceError(self._gone(reason)) if reason else None

    def _gone(self, words: str) -> str:
        """What has happened, and how to go on where that is not for the error to say."""
        if self.watch is not None and self.watch.failed:
            return f"{words}; the training ends on all workers"
        return f"{words}; the training ends. Start all workers again with --resume to go on"

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Within it one training goes on; after it all have ended, or know why one has not."""
        try:
            yield
        except Interrupted:
            self._finish()
            raise
        except BaseException as error:
            translated = self.translate(error)
            words = str(translated or error) or type(error).__name__
            if self.watch is not None and not self.watch.reason():
                self.watch.fail(words)
            elif self.watch is None:
                self._meeting.give_up(words)
            if translated is not None and translated is not error:
                raise translated from error
            raise
        self._finish()

    def hand_out(self, run: Run) -> None:
        """Give the files that a training goes on from to the other workers."""
        self._meeting.hand_out(_packed(run))

    def take_over(self, folder: Path) -> Run:
        """The chief's run as it hands it out, in `folder`. Raises RunError where it is none."""
        try:
            _unpack(self._meeting.hand_out(None), folder)
        except (
            *(zipfile.BadZipFile, zlib.error, EOFError),
            *(OSError, ValueError, LookupError, RuntimeError),
        ) as error:
            raise RunError(f"the chief's run could not be taken over: {error}") from error
        (folder / "checkpoints").mkdir(exist_ok=True)
        return Run.open(folder)

    def _finish(self) -> None:
        if self.watch is not None:
            self.watch.finish()


def _is_of_collectives(error: BaseException) -> bool:
    return type(error).__module__.startswith("tensorflow.")


def _which(here: Any, there: Any) -> str:
    if isinstance(here, Mapping) and isinstance(there, Mapping):
        names = [name for name in {**here, **there} if here.get(name) != there.get(name)]
        return f": {', '.join(map(str, names[:3]))}"
    return ": another choice of rows"


def meet(
    cluster: Cluster, say: Callable[[str], None], *, resumes: bool, overrides: tuple[str, ...] = ()
) -> Crew:
    """Waits for the other workers. Raises DeviceError, in all, when they do not fit together."""
    meeting = rendezvous.meet(cluster)
    installed = versions()
    mine: dict[str, Any] = {
        "versions": {name: installed.get(name) for name in _SAME},
        "resumes": resumes,
        "overrides": [each for each in overrides if each.partition("=")[0] not in _OWN],
    }

    def judge(told: list[dict[str, Any]]) -> str:
        for index, other in enumerate(told[1:], 1):
            name = cluster.name(index)
            for each in differences([told[0]["versions"], other.get("versions")]):
                here, there = each.values
                return f"{name} has {each.path} {there}, the chief {here}"
            if told[0]["resumes"] != other.get("resumes"):
                one, two = (name, "the chief") if resumes else ("the chief", name)
                return f"{two} resumes a run, {one} begins a new one"
            if resumes and told[0]["overrides"] != other.get("overrides"):
                return f"{name} was given other --set than the chief"
        return ""

    meeting.round(mine, judge)
    crew = Crew(cluster, meeting, say)
    say(f"worker {cluster.index} of {len(cluster.addresses)}: all are here")
    return crew


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """Where a worker that is not the chief keeps what nobody will look at."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="nnpy-worker-"))
    except OSError as error:
        raise RunError(f"there is no place for temporary files: {error}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _packed(run: Run) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for name in _FILES:
            if (run.folder / name).is_file():
                archive.writestr(name, read_regular(run.folder / name, _LARGEST))
        for folder in _FOLDERS:
            for path in sorted((run.folder / folder).rglob("*")):
                if path.is_file() and not path.is_symlink():
                    name = path.relative_to(run.folder).as_posix()
                    archive.writestr(name, read_regular(path, _LARGEST))
    return whole.getvalue()


def _unpack(content: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if sum(each.file_size for each in members) > len(content):
            raise RunError("the chief sent files that say to be larger than all that it sent")
        for name in [each.filename for each in members]:
            path = PurePosixPath(name)
            if path.parts[0] not in (*_FILES, *_FOLDERS) or ".." in path.parts:
                raise RunError(f"the chief sent '{name}', which is no file of a run")
            target = folder.joinpath(*path.parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))
