"""Workers meet on a socket before TensorFlow's cluster starts, which would wait for ever.

The chief listens at its address; the others come, and prove that they know the secret without
sending it. Then they speak in rounds: each tells what it has, the chief judges, and either all
go on or all end with the same words. The connections are kept: over them each is told at once
when one is gone (see `watch`). Nothing listens any more when the last worker has come.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from nnpy.devices.channel import BROKEN, Channel, Stranger
from nnpy.devices.cluster import Cluster, host_and_port
from nnpy.errors import DeviceError

_LONGEST_WORDS = 1 << 16  # bytes of a reason
_LONGEST_FILES = 1 << 40
_PATIENCE = 10.0  # seconds for all that somebody who has come has to say
_GUESTS = 200  # who are heard at the same time
_TRY_AGAIN = 0.2

Judge = Callable[[list[dict[str, Any]]], str]


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
            except BROKEN as error:
                problem = problem or self._missing(index, error)
        problem = problem or next(
            (
                f"{self.cluster.name(index)}: {each['problem']}"
                for index, each in enumerate(told)
                if each.get("problem")
            ),
            "",
        )
        problem = problem or _judged(judge, told)
        for channel in self.channels.values():
            with contextlib.suppress(OSError):
                channel.tell({"problem": problem})
        if problem:
            self.close()
            raise DeviceError(f"the workers do not fit together: {problem}")

    def _missing(self, index: int, error: BaseException) -> str:
        name, timeout = self.cluster.name(index), self.cluster.timeout
        if isinstance(error, TimeoutError):
            return f"{name} has not read its data within {timeout:g} s; see --worker-timeout"
        return f"{name} was lost: {_words(error)}"

    def _ask(self, mine: dict[str, Any]) -> None:
        (chief,) = self.channels.values()
        chief.connection.settimeout(2 * self.cluster.timeout + _PATIENCE)
        try:
            chief.tell(mine)
            answer = chief.hear()
        except BROKEN as error:
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
            content = chief.receive(_LONGEST_FILES)
        except BROKEN as error:
            self.close()
            raise DeviceError(f"{self.cluster.name(0)} was lost: {_words(error)}") from None
        if problem := _problem_in(content):
            self.close()
            raise DeviceError(f"the workers do not fit together: {problem}")
        return content

    def give_up(self, words: str) -> None:
        """Tell the others why this worker ends, instead of what they wait for; and end."""
        name = "" if not self.cluster.is_chief else f"{self.cluster.name(0)}: "
        for channel in self.channels.values():
            with contextlib.suppress(OSError):
                channel.tell({"problem": f"{name}{words}"})
        self.close()

    def close(self) -> None:
        for channel in self.channels.values():
            channel.close()


def _problem_in(content: bytes) -> str:
    """Why the chief has given up, where it says so instead of sending files."""
    if len(content) > _LONGEST_WORDS:
        return ""
    with contextlib.suppress(ValueError, RecursionError):
        message = json.loads(content)
        return str(message.get("problem", "")) if isinstance(message, dict) else ""
    return ""


def _judged(judge: Judge, told: list[dict[str, Any]]) -> str:
    """What a judge says of messages that may be of any form."""
    try:
        return judge(told)
    except (TypeError, ValueError, AttributeError, LookupError, RecursionError):
        return "one of them told what no worker tells"


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
    guests = threading.Semaphore(_GUESTS)

    def welcome(connection: socket.socket, peer: str) -> None:
        connection.settimeout(_PATIENCE)
        channel = Channel(connection, cluster.secret)
        channel.limit(_PATIENCE)
        try:
            channel.greet()
            hello = _hello(channel.hear())
        except BROKEN as error:
            with changed:
                refused.append(f"{peer} ({_words(error)})")
                del refused[_GUESTS:]
            channel.close()
            return
        finally:
            guests.release()
        channel.limit(None)
        index = hello["worker"]
        with changed:
            if problem := _misfit(cluster, index, hello["workers"], hello, channels):
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
            try:
                connection, peer = listener.accept()
            except TimeoutError:
                continue
            except OSError:  # it went as it came, or too much is open for the moment
                time.sleep(_TRY_AGAIN)
                continue
            if not guests.acquire(blocking=False):
                connection.close()
                continue
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


def _hello(message: dict[str, Any]) -> dict[str, Any]:
    """What somebody who has come says, if it is what a worker says."""
    numbers = [message.get("worker"), message.get("workers")]
    addresses = message.get("addresses")
    if (
        not all(type(each) is int for each in numbers)
        or not isinstance(addresses, list)
        or not all(isinstance(each, str) for each in addresses)
        or not isinstance(message.get("problem", ""), str)
    ):
        raise Stranger("not what a worker says")
    return message


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
    if not 0 < index < count:
        return f"two workers are worker {index}; each needs its own --worker-index"
    if hello.get("problem"):
        return f"{cluster.name(index)}: {hello['problem']}"
    if index in there:
        return f"{cluster.name(index)} has come twice; each needs its own --worker-index"
    return ""


def _absent(cluster: Cluster, there: dict[int, Channel], refused: list[str]) -> str:
    missing = [i for i in range(1, len(cluster.addresses)) if i not in there]
    names = ", ".join(cluster.name(i) for i in missing[:5]) + (" …" if len(missing) > 5 else "")
    text = f"{names} did not come within {cluster.timeout:g} s"
    if refused:
        text += f"; sent away: {', '.join(refused[:3])}"
    text += _only_from_here(cluster)
    return f"{text}; start the same command there, or wait longer with --worker-timeout"


def _only_from_here(cluster: Cluster) -> str:
    """A machine's own name often means its loopback address, which no other machine reaches."""
    host, port = host_and_port(cluster.addresses[0])
    with contextlib.suppress(OSError, ValueError):
        place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]
        if ipaddress.ip_address(place).is_loopback and host not in ("localhost", place):
            return (
                f"; {host} is {place} on this machine, where others cannot reach it: give its "
                "address in the network instead"
            )
    return ""


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
    except BROKEN as error:
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
        except BROKEN as error:
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
