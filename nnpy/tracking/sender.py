"""A run sent to a tracker while it is trained: from a thread, so that it never waits for it.

How far a run was sent stands in its folder, a file for each tracker; so a resumed training goes on
in the same tracked run, and what could not be sent is sent later.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nnpy.runs.folder import Run
from nnpy.storage import atomic
from nnpy.tracking.facts import ending_of
from nnpy.tracking.tracker import Facts, Tracker

_PAUSE = 1.0  # seconds between two messages: epochs may take hundredths
_AGAIN = (5.0, 60.0)  # seconds until one that is away is tried again, at first and at most


class Sent:
    """How far a run was sent to one tracker, kept in the run folder."""

    def __init__(self, run: Run, name: str) -> None:
        self._run, self._name = run, name
        told = run.sent(name)
        self.id: str = told.get("id") or ""
        self.epochs: int = told.get("epochs") or 0
        self.ended: bool = bool(told.get("ended"))

    def keep(self) -> None:
        folder = self._run.trackers_folder
        with atomic.translate_error(folder):
            folder.mkdir(exist_ok=True)
        content = {"id": self.id, "epochs": self.epochs, "ended": self.ended}
        self._run.write_json(self._run.sent_path(self._name), content)


class Sender:
    """One run on its way to one tracker.

    Args:
        name: The tracker's.
        make: Makes the tracker; imports what it needs, in the thread.
        facts: Of the run.
        rows: The epochs that the run has already.
        tell: Is told, once, that the tracker is away, and that it is back.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], Tracker],
        facts: Facts,
        rows: Sequence[Mapping[str, float]],
        tell: Callable[[str], None],
    ) -> None:
        self.name, self._make, self._facts, self._tell = name, make, facts, tell
        self._rows = {int(row["epoch"]): row for row in rows if "epoch" in row}
        self._tracker: Tracker | None = None
        self._wake, self._over, self.done = threading.Event(), False, False
        self.reason = ""  # why it is away
        self._thread = threading.Thread(target=self._work, name=f"nnpy-{name}", daemon=True)

    def start(self) -> None:
        self._wake.set()
        self._thread.start()

    def add(self, row: Mapping[str, float]) -> None:
        """An epoch is over."""
        self._rows[int(row["epoch"])] = dict(row)
        self._wake.set()

    def close(self, patience: float) -> None:
        """The run has ended and lies whole in its folder: sends the rest.

        Gives up after `patience` seconds, or when the tracker is away.
        """
        self._over = True
        self._wake.set()
        self._thread.join(patience)

    def _work(self) -> None:
        pause = 0.0
        while True:
            self._wake.wait()
            self._wake.clear()
            over = self._over  # before it is sent: all that was there by then
            try:
                self.send(over)
            except Exception as error:  # noqa: BLE001 – whatever a tracker's library raises
                self._tracker = None
                if not self.reason:
                    self.reason = words(error)
                    self._tell(f"{self.name} cannot be told, the training goes on: {self.reason}")
                if over:
                    return
                pause = min(max(2 * pause, _AGAIN[0]), _AGAIN[1])
                self._sleep(pause)
                self._wake.set()
            else:
                if self.reason:
                    self._tell(f"{self.name} is told again")
                self.reason, pause = "", 0.0
                if over:
                    self.done = True
                    return
                self._sleep(_PAUSE)

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._over and time.monotonic() < end:
            time.sleep(min(0.2, seconds))

    def send(self, over: bool) -> None:
        """Sends what is new; raises what the tracker raises."""
        sent = Sent(self._facts.run, self.name)
        if self._tracker is None:
            tracker = self._make()
            id = tracker.open(self._facts, sent.id)
            if id != sent.id:
                sent.epochs = 0
            sent.id, sent.ended = id, False
            sent.keep()
            self._tracker = tracker
        new = [row for epoch, row in list(self._rows.items()) if epoch > sent.epochs]
        if new:
            self._tracker.rows(new)
            sent.epochs = int(new[-1]["epoch"])
            sent.keep()
        if over:
            self._tracker.end(ending_of(self._facts.run))
            sent.ended = True
            sent.keep()


def words(error: Exception) -> str:
    """What an exception says, in a line."""
    cause: BaseException | None = error
    while cause is not None:  # such as "Connection refused", beneath pages of addresses
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    text = str(error).strip().partition("\n")[0] or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]} …"


def make(name: str, arguments: Mapping[str, Any], run: Run) -> Tracker:
    """A tracker by its name. Raises ImportError where its package is missing."""
    import importlib

    module = importlib.import_module(f"nnpy.tracking.to_{name}")
    tracker: Tracker = module.tracker(run, **arguments)
    return tracker
