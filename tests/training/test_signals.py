"""The first signal is a wish, the second an order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from nnpy.errors import Interrupted
from nnpy.training.signals import graceful

PROGRAM = """
import hashlib, sys, time
from nnpy.training.signals import graceful
from nnpy.errors import Interrupted
say = lambda text: print(text, flush=True)
try:
    with graceful(say, lambda: say("farewell")) as asked:
        say("ready")
        if sys.argv[1] == "chunks":
            while True:
                time.sleep(0.05)
                asked.check()
        # one call of compiled code that never comes back to Python's handlers
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)
except Interrupted as error:
    say(str(error))
    sys.exit(error.exit_code)
"""


def start(kind):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, kind], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(
    ("number", "code", "name"),
    [
        (signal.SIGINT, 130, "Ctrl-C"),
        (signal.SIGTERM, 143, "SIGTERM"),
        (signal.SIGXCPU, 152, "SIGXCPU"),
    ],
)
def test_the_first_ends_at_the_next_check(number, code, name):
    with start("chunks") as process:
        process.send_signal(number)
        said, _ = process.communicate(timeout=10)
    assert "stopping after the current chunk" in said
    assert f"ended by {name}" in said
    assert process.returncode == code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_second_ends_at_once_even_in_compiled_code(number, code):
    with start("compiled") as process:
        process.send_signal(number)
        assert "stopping after the current chunk" in process.stdout.readline()
        assert process.poll() is None
        process.send_signal(number)
        said, _ = process.communicate(timeout=10)
    assert said == "farewell\n"
    assert process.returncode == code


def test_the_end_of_the_processor_time_is_said_again_and_again():
    """By the system, each second: it is a wish all the same, and another signal an order."""
    with start("compiled") as process:
        process.send_signal(signal.SIGXCPU)
        assert "stopping after the current chunk" in process.stdout.readline()
        for _ in range(3):
            process.send_signal(signal.SIGXCPU)
            time.sleep(0.1)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=10)
    assert said == "farewell\n"
    assert process.returncode == 143


@pytest.fixture
def interrupts():
    """Ctrl-C as Python has it: a job in the background is begun with the signal ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_what_was_there_before_is_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    for _ in range(3):
        with graceful() as asked:
            os.kill(os.getpid(), signal.SIGTERM)
            end = time.monotonic() + 5
            while asked.signal is None and time.monotonic() < end:
                time.sleep(0.01)
            with pytest.raises(Interrupted) as caught:
                asked.check()
            assert caught.value.exit_code == 143
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert "nnpy-signals" not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)


def test_in_another_thread_nothing_changes():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with graceful() as asked:
            asked.check()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
