"""Workers that train watch each other: who is gone or silent is told to all the others.

TensorFlow waits for a worker that was stopped, and says of one that was killed that a peer is
unavailable. Here each worker sends a sign of life every second over the connection on which it
met the chief; the chief tells the others whom it has lost.
"""

from __future__ import annotations

import contextlib
import json
import math
import selectors
import threading
import time
from collections.abc import Callable
from typing import Any

from nnpy.devices.rendezvous import Meeting

_BEAT = 1.0  # seconds between two signs of life
_SILENCE = 20.0  # seconds after which a worker without one is lost
_FAREWELL = 60.0  # seconds that the chief waits for the others at the end
_LONGEST = 1 << 16  # bytes of a line


class Watch:
    """A thread that hears the other workers.

    Args:
        meeting: Whose connections it takes over.
        on_lost: Is called in that thread, once, with the words for what has happened.
    """

    def __init__(self, meeting: Meeting, on_lost: Callable[[str], None]) -> None:
        self._cluster, self._on_lost = meeting.cluster, on_lost
        self._peers = {index: each.connection for index, each in meeting.channels.items()}
        self._heard = dict.fromkeys(self._peers, time.monotonic())
        self._left = dict.fromkeys(self._peers, b"")
        self._ended: set[int] = set()
        self._done = threading.Event()
        self._lost = threading.Event()
        self._reason, self._failed = "", False
        self._lock = threading.Lock()
        for each in self._peers.values():
            each.settimeout(5)
        self._thread = threading.Thread(target=self._run, name="nnpy-workers", daemon=True)
        self._thread.start()

    def reason(self, wait: float = 0.0) -> str:
        """Why the training cannot go on, if it is known within `wait` seconds."""
        self._lost.wait(wait)
        return self._reason

    @property
    def failed(self) -> bool:
        """Whether that is an error which a worker has told of, and none that was cut off."""
        return self._failed

    def fail(self, words: str) -> None:
        """Tell the others why this worker ends."""
        told = f"{self._cluster.name(self._cluster.index)} failed: {words}"
        self._send({"lost": told, "failed": True})
        self._close()

    def finish(self) -> None:
        """End together: the chief says when, and waits a moment for the others to go.

        They wait for it: the cluster of TensorFlow lives in the chief's process.
        """
        end = math.inf
        if self._cluster.is_chief:
            self._send({"end": True})
            end = time.monotonic() + _FAREWELL
        while len(self._ended) < len(self._peers) and time.monotonic() < end:
            if self._lost.wait(0.02):
                break
        if not self._cluster.is_chief:
            self._send({"end": True})
        self._close()

    def _close(self) -> None:
        self._done.set()
        for each in self._peers.values():
            with contextlib.suppress(OSError):
                each.close()

    def _send(self, message: dict[str, Any], leave_out: int | None = None) -> None:
        line = json.dumps(message).encode() + b"\n"
        with self._lock:
            for index, each in self._peers.items():
                if index != leave_out:
                    with contextlib.suppress(OSError):
                        each.sendall(line)

    def _run(self) -> None:
        selector = selectors.DefaultSelector()
        for index, each in self._peers.items():
            try:
                selector.register(each, selectors.EVENT_READ, index)
            except (OSError, ValueError):
                return  # closed: this worker has ended before it had begun to listen
        next_beat = looked = time.monotonic()
        while not self._done.is_set():
            now = time.monotonic()
            if now - looked > _SILENCE / 2:  # this process itself was stopped, or the machine slept
                self._heard = dict.fromkeys(self._heard, now)
            looked = now
            if now >= next_beat:
                self._send({})
                next_beat = now + _BEAT
            for key, _ in selector.select(_BEAT / 2):
                if not self._hear(key.data, key.fileobj) and not self._done.is_set():
                    with contextlib.suppress(KeyError, ValueError):
                        selector.unregister(key.fileobj)
            for index, last in self._heard.items():
                silent = time.monotonic() - last
                if silent > _SILENCE and index not in self._ended:
                    name = self._cluster.name(index)
                    self._lose(f"{name} has not answered for {silent:.0f} s", index)

    def _hear(self, index: int, connection: Any) -> bool:
        """Take what a peer has sent; whether more can come."""
        try:
            part = connection.recv(_LONGEST)
        except TimeoutError:
            return True
        except (OSError, ValueError):
            part = b""
        if not part:
            if index not in self._ended:
                self._lose(f"{self._cluster.name(index)} has ended", index)
            return False
        self._heard[index] = time.monotonic()
        *lines, rest = (self._left[index] + part).split(b"\n")
        self._left[index] = rest[-_LONGEST:]
        for line in lines:
            message: Any = {}
            with contextlib.suppress(ValueError, RecursionError):
                message = json.loads(line)
            if isinstance(message, dict) and message.get("end"):
                self._ended.add(index)
            if isinstance(message, dict) and message.get("lost"):
                self._lose(str(message["lost"])[:1000], index, bool(message.get("failed")))
        return True

    def _lose(self, words: str, index: int, failed: bool = False) -> None:
        if self._lost.is_set() or self._done.is_set():
            return
        self._reason, self._failed = words, failed
        self._lost.set()
        self._send({"lost": words, "failed": failed}, leave_out=index)
        self._on_lost(words)
