"""Ctrl-C, SIGTERM and SIGHUP end a training after its chunk; a second one ends it at once.

So does SIGXCPU, by which a batch system or `ulimit -t` says that the processor time is over: it
comes again each second until the hard limit, where the system ends the process itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator

from nnpy.errors import Interrupted

_HANGUP = getattr(signal, "SIGHUP", None)  # of a terminal that was closed; Windows has none
_TIME_OVER = getattr(signal, "SIGXCPU", None)
_SIGNALS = (
    signal.SIGINT,
    signal.SIGTERM,
    *(each for each in (_HANGUP, _TIME_OVER) if each is not None),
)


class Asked:
    """Whether someone has asked the training to end."""

    def __init__(self) -> None:
        self.signal: int | None = None  # the number of the first signal that came

    def check(self) -> None:
        """Raise `Interrupted` (exit code 130 or 143) if a signal has come."""
        if self.signal is not None:
            name = "Ctrl-C" if self.signal == signal.SIGINT else signal.Signals(self.signal).name
            raise Interrupted(f"ended by {name}", exit_code=128 + self.signal)


@contextlib.contextmanager
def graceful(
    notify: Callable[[str], None] = lambda message: None,
    farewell: Callable[[], None] = lambda: None,
) -> Iterator[Asked]:
    """Within this context the signals set a flag: call `check()` where it is safe.

    `notify` is told of the first signal as soon as it comes, `farewell` is called when a second
    one ends the process on the spot with exit code 128 + signal; both run in a thread of their
    own. Outside the main thread, where Python has no signals, nothing changes.
    """
    asked = Asked()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    # Python runs a signal's handler only when the main thread is back from compiled code, which
    # may be many seconds away; the number of the signal is written to this socket at once.
    reader, writer = socket.socketpair()
    writer.setblocking(False)

    def listen() -> None:
        while received := reader.recv(1):
            number = received[0]
            if number not in handlers:
                continue
            if asked.signal is not None:
                if number == _TIME_OVER:
                    continue
                farewell()
                os._exit(128 + number)
            asked.signal = number
            notify(
                "stopping after the current chunk; the run can be resumed (once more stops at once)"
            )

    listener = threading.Thread(target=listen, name="nnpy-signals", daemon=True)
    # Who says nohup wants the terminal's end to be ignored.
    wanted = [
        number
        for number in _SIGNALS
        if number != _HANGUP or signal.getsignal(number) is not signal.SIG_IGN
    ]
    handlers = {number: signal.signal(number, lambda *_: None) for number in wanted}
    listener.start()
    wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield asked
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        writer.close()
        listener.join()
        reader.close()
