"""Workers meet on a socket before TensorFlow's cluster starts, which would wait for ever.

The chief listens at its address; the others come, and prove that they know the secret without
sending it. Then they speak in rounds: each tells what it has, the chief judges, and either all
go on or all end with the same words. The connections are kept: over them each is told at once
when one is gone (see `watch`). Nothing listens any more when the last worker has come.

A message is MAGIC, its length, its text (JSON, or bytes) and a code that only who knows the
secret can make (HMAC-SHA256, RFC 2104) over the other side's random number.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import hmac
import json
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

from nnpy.devices.cluster import Cluster, host_and_port
from nnpy.errors import DeviceError

_MAGIC = b"nnpy1\n"
_NONCE = 32
_LONGEST = 16 << 20  # bytes of a message; files may be longer
_LONGEST_FILES = 1 << 40
_PATIENCE = 10.0  # seconds for one message of somebody who has come
_TRY_AGAIN = 0.2

Judge = Callable[[list[dict[str, Any]]], str]


class _Stranger(Exception):
    """What came is no message of a worker."""


class Channel:
    """One connection whose two ends know the secret."""

    def __init__(self, connection: socket.socket, secret: bytes) -> None:
        self.connection, self._secret = connection, secret
        self.mine, self.theirs = secrets.token_bytes(_NONCE), b""
        self._sent = self._received = 0

    def greet(self) -> None:
        """Exchange random numbers."""
        self.connection.sendall(_MAGIC + self.mine)
        if self._exactly(len(_MAGIC)) != _MAGIC:
            raise _Stranger("not a worker of nnpy")
        self.theirs = self._exactly(_NONCE)

    def send(self, content: bytes) -> None:
        head = struct.pack(">QQ", self._sent, len(content))
        self._sent += 1
        self.connection.sendall(head + self._code(self.theirs + head) + content)
        self.connection.sendall(self._code(self.theirs + head + content))

    def receive(self, longest: int = _LONGEST) -> bytes:
        head = self._exactly(16)
        if not hmac.compare_digest(self._exactly(32), self._code(self.mine + head)):
            raise _Stranger("another token")
        number, length = struct.unpack(">QQ", head)
        if number != self._received or length > longest:
            raise _Stranger(f"message {number} of {length} bytes")
        self._received += 1
        content = self._exactly(length)
        if not hmac.compare_digest(self._exactly(32), self._code(self.mine + head + content)):
            raise _Stranger("a message that was changed on its way")
        return content

    def tell(self, message: dict[str, Any]) -> None:
        self.send(json.dumps(message).encode())

    def hear(self) -> dict[str, Any]:
        message = json.loads(self.receive())
        if not isinstance(message, dict):
            raise _Stranger("not a message of nnpy")
        return message

    def _code(self, content: bytes) -> bytes:
        return hmac.new(self._secret, content, hashlib.sha256).digest()

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            part = self.connection.recv(min(count, 1 << 20))
            if not part:
                raise _Stranger("it hung up")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.close()


_BROKEN = (_Stranger, OSError, ValueError, RecursionError)


class Meeting:
    """The connections of workers that have met: the chief's to each, a worker's to the chief."""

    def __init__(self, cluster: Cluster, channels: dict[int, Channel]) -> None:
        self.cluster, self.channels = cluster, channels

    def round(self, mine: dict[str, Any], judge: Judge) -> None:
        """Each tells what it has; the chief's `judge` says what is wrong, or nothing.

        It is given what all have told, by their numbers. Raises DeviceError in all of them.
        """
        if not self.cluster.is_chief:
            self._ask(mine)
            return
        told = [mine]
        problem = ""
        for index in range(1, len(self.cluster.addresses)):
            channel = self.channels[index]
            channel.connection.settimeout(self.cluster.timeout)
            try:
                told.append(channel.hear())
            except _BROKEN as error:
                problem = problem or f"{self.cluster.name(index)} was lost: {_words(error)}"
        problem = problem or next(
            (
                f"{self.cluster.name(index)}: {each['problem']}"
                for index, each in enumerate(told)
                if each.get("problem")
            ),
            "",
        )
        problem = problem or judge(told)
        for channel in self.channels.values():
            with contextlib.suppress(OSError):
                channel.tell({"problem": problem})
        if problem:
            self.close()
            raise DeviceError(f"the workers do not fit together: {problem}")

    def _ask(self, mine: dict[str, Any]) -> None:
        (chief,) = self.channels.values()
        chief.connection.settimeout(2 * self.cluster.timeout + _PATIENCE)
        try:
            chief.tell(mine)
            answer = chief.hear()
        except _BROKEN as error:
            self.close()
            raise DeviceError(f"{self.cluster.name(0)} was lost: {_words(error)}") from None
        if problem := answer.get("problem"):
            self.close()
            raise DeviceError(f"the workers do not fit together: {problem}")

    def hand_out(self, content: bytes | None) -> bytes:
        """Bytes of the chief's, which all others get. Raises DeviceError when one is lost."""
        if self.cluster.is_chief:
            assert content is not None
            for index, channel in self.channels.items():
                channel.connection.settimeout(None)
                try:
                    channel.send(content)
                except OSError as error:
                    self.close()
                    name = self.cluster.name(index)
                    raise DeviceError(f"{name} was lost: {_words(error)}") from None
            return content
        (chief,) = self.channels.values()
        chief.connection.settimeout(None)
        try:
            return chief.receive(_LONGEST_FILES)
        except _BROKEN as error:
            self.close()
            raise DeviceError(f"{self.cluster.name(0)} was lost: {_words(error)}") from None

    def close(self) -> None:
        for channel in self.channels.values():
            channel.close()


def meet(cluster: Cluster) -> Meeting:
    """Waits until all workers have come, no longer than the cluster's timeout.

    Raises DeviceError, in time and in all of them, when one does not come, when an address is
    not this machine's or in use, when two are the same worker, or one has another token.
    """
    end = time.monotonic() + cluster.timeout
    return _as_chief(cluster, end) if cluster.is_chief else _as_worker(cluster, end)


# -- the chief ------------------------------------------------------------------------------


def _as_chief(cluster: Cluster, end: float) -> Meeting:
    channels: dict[int, Channel] = {}
    problems: list[str] = []
    refused: list[str] = []
    changed = threading.Condition()

    def welcome(connection: socket.socket, peer: str) -> None:
        connection.settimeout(_PATIENCE)
        channel = Channel(connection, cluster.secret)
        try:
            channel.greet()
            hello = channel.hear()
            index, count = int(hello["worker"]), int(hello["workers"])
        except (*_BROKEN, KeyError, TypeError) as error:
            with changed:
                refused.append(f"{peer} ({_words(error)})")
            channel.close()
            return
        with changed:
            if problem := _misfit(cluster, index, count, hello, channels):
                problems.append(problem)
                with contextlib.suppress(OSError):
                    channel.tell({"problem": problem})
            else:
                channels[index] = channel
            changed.notify()

    with _listening(cluster.addresses[0]) as listener:
        listener.settimeout(_TRY_AGAIN)
        while len(channels) < len(cluster.addresses) - 1 and not problems:
            if time.monotonic() > end:
                problems.append(_absent(cluster, channels, refused))
                break
            with contextlib.suppress(TimeoutError):
                connection, peer = listener.accept()
                who = threading.Thread(target=welcome, args=(connection, peer[0]), daemon=True)
                who.start()
    meeting = Meeting(cluster, channels)
    if problems:
        for channel in channels.values():
            with contextlib.suppress(OSError):
                channel.tell({"problem": problems[0]})
        meeting.close()
        raise DeviceError(problems[0])
    for channel in channels.values():
        with contextlib.suppress(OSError):  # who is gone is missed in the next round
            channel.tell({})
    return meeting


def _misfit(
    cluster: Cluster, index: int, count: int, hello: dict[str, Any], there: dict[int, Channel]
) -> str:
    """What is wrong with a worker that has come, or nothing."""
    if count != len(cluster.addresses) or hello.get("addresses") != list(cluster.addresses):
        told = ", ".join(map(str, hello.get("addresses", [])))[:400]
        return (
            f"worker {index} was given other workers: {told} there, "
            f"{', '.join(cluster.addresses)} here; --workers must be the same for all"
        )
    if hello.get("problem"):
        return f"{cluster.name(index)}: {hello['problem']}"
    if index in there:
        return f"{cluster.name(index)} has come twice; each needs its own --worker-index"
    if not 0 < index < count:
        return f"two workers are worker {index}; each needs its own --worker-index"
    return ""


def _absent(cluster: Cluster, there: dict[int, Channel], refused: list[str]) -> str:
    missing = [i for i in range(1, len(cluster.addresses)) if i not in there]
    names = ", ".join(cluster.name(i) for i in missing[:5]) + (" …" if len(missing) > 5 else "")
    text = f"{names} did not come within {cluster.timeout:g} s"
    if refused:
        text += f"; sent away: {', '.join(refused[:3])}"
    return f"{text}; start the same command there, or wait longer with --worker-timeout"


@contextlib.contextmanager
def _listening(address: str) -> Any:
    host, port = host_and_port(address)
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise DeviceError(f"worker 0's address {address} is unknown: {_words(error)}") from None
    with listener:
        # TensorFlow's server takes the same address while these connections live on.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(place)
            listener.listen(128)
        except OSError as error:
            raise DeviceError(_unusable(address, 0, error)) from None
        yield listener


def _unusable(address: str, index: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"{address} is in use: another worker {index}, or another program; each worker needs "
            "its own --worker-index and address"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{address} is no address of this machine, where worker {index} was started"
    return f"{address} cannot be used: {_words(error)}"


# -- the others -----------------------------------------------------------------------------


def _as_worker(cluster: Cluster, end: float) -> Meeting:
    problem = ""
    try:
        with _listening(cluster.addresses[cluster.index]):
            pass  # TensorFlow will listen there
    except DeviceError as error:
        problem = str(error).replace("worker 0", f"worker {cluster.index}")
    channel = _reach(cluster, end)
    meeting = Meeting(cluster, {0: channel})
    chief = cluster.name(0)
    try:
        channel.tell(
            {
                "worker": cluster.index,
                "workers": len(cluster.addresses),
                "addresses": list(cluster.addresses),
                "problem": problem,
            }
        )
        channel.connection.settimeout(cluster.timeout + _PATIENCE)
        answer = channel.hear()
    except _BROKEN as error:
        meeting.close()
        raise DeviceError(problem or f"{chief} hung up: {_sent_away(error)}") from None
    if answer.get("problem"):
        meeting.close()
        raise DeviceError(str(answer["problem"]))
    return meeting


def _sent_away(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer"
    return "is its --token another, or another program at that address?"


def _reach(cluster: Cluster, end: float) -> Channel:
    """A connection to the chief, tried again until it is there."""
    host, port = host_and_port(cluster.addresses[0])
    last: BaseException = TimeoutError()
    while True:
        channel = None
        try:
            connection = socket.create_connection((host, port), timeout=_PATIENCE)
            channel = Channel(connection, cluster.secret)
            channel.greet()
            return channel
        except _BROKEN as error:
            last = error
            if channel is not None:
                channel.close()
        if time.monotonic() > end:
            raise DeviceError(
                f"{cluster.name(0)} did not answer within {cluster.timeout:g} s: {_words(last)}; "
                "is it started, and is its address right?"
            )
        time.sleep(_TRY_AGAIN)


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
