"""Workers meet, or all are told in time why they do not."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from nnpy.devices import channel, rendezvous
from nnpy.devices.cluster import Cluster, host_and_port
from nnpy.devices.rendezvous import Meeting, meet
from nnpy.devices.watch import Watch
from nnpy.errors import DeviceError
from tests.support.local_workers import free_addresses


def together(*clusters: Cluster) -> list[Future[Meeting]]:
    """All at once, each in a thread."""
    with ThreadPoolExecutor(len(clusters)) as pool:
        return [pool.submit(meet, each) for each in clusters]


def words(future: Future[Any]) -> str:
    error = future.exception()
    assert isinstance(error, DeviceError), error
    return str(error)


def pair(timeout: float = 10, tokens: tuple[str, str] = ("t", "t")) -> tuple[Cluster, Cluster]:
    addresses = tuple(free_addresses(2))
    return Cluster(addresses, 0, tokens[0], timeout), Cluster(addresses, 1, tokens[1], timeout)


def test_they_meet_and_agree() -> None:
    addresses = tuple(free_addresses(3))
    meetings = [
        each.result() for each in together(*(Cluster(addresses, i, "t", 10) for i in range(3)))
    ]
    asked: list[list[dict[str, Any]]] = []

    def judge(told: list[dict[str, Any]]) -> str:
        asked.append(told)
        return ""

    files = b"x" * 3_000_000
    with ThreadPoolExecutor(3) as pool:
        [*pool.map(lambda i: meetings[i].round({"is": i}, judge), range(3))]
        given = [
            *pool.map(lambda i: meetings[i].hand_out(b"x" * 3_000_000 if not i else None), range(3))
        ]
    assert asked == [[{"is": 0}, {"is": 1}, {"is": 2}]]
    assert {*given} == {files}
    # Nothing listens any more.
    with pytest.raises(OSError), socket.create_connection(host_and_port(addresses[0]), 1):
        pass
    for each in meetings:
        each.close()


def test_all_are_told_what_the_chief_finds_wrong() -> None:
    meetings = [each.result() for each in together(*pair())]
    with ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(each.round, {}, lambda told: "other data") for each in meetings]
    assert [words(each) for each in ends] == ["the workers do not fit together: other data"] * 2


def test_one_that_does_not_come_is_named() -> None:
    addresses = tuple(free_addresses(3))
    began = time.monotonic()
    chief, other = together(Cluster(addresses, 0, "t", 1), Cluster(addresses, 1, "t", 1))
    assert f"worker 2 ({addresses[2]}) did not come within 1 s" in words(chief)
    assert f"worker 2 ({addresses[2]}) did not come within 1 s" in words(other)
    assert time.monotonic() - began < 10


def test_a_chief_that_does_not_come_is_named() -> None:
    _, worker = pair(1)
    [alone] = together(worker)
    assert words(alone).startswith(f"worker 0 ({worker.addresses[0]}) did not answer within 1 s")


def test_another_token_is_sent_away() -> None:
    chief, worker = together(*pair(2, ("one", "other")))
    assert "sent away: 127.0.0.1 (another token)" in words(chief)
    assert "is its --token another" in words(worker)


def test_two_of_one_number_are_told() -> None:
    addresses = tuple(free_addresses(3))
    first, *others = together(
        Cluster(addresses, 0, "t", 5), Cluster(addresses, 1, "t", 5), Cluster(addresses, 1, "t", 5)
    )
    assert "has come twice; each needs its own --worker-index" in words(first)
    assert all(isinstance(each.exception(), DeviceError) for each in others)


def test_two_chiefs_are_told() -> None:
    chief, _ = pair(3)
    with socket.create_server(host_and_port(chief.addresses[0])):
        [alone] = together(chief)
    assert "is in use: another worker 0, or another program" in words(alone)


def test_an_address_of_another_machine_is_told() -> None:
    chief = Cluster(("192.0.2.1:5000", *free_addresses(1)), 0, "t", 2)
    [alone] = together(chief)
    assert "192.0.2.1:5000 is no address of this machine" in words(alone)
    here, _ = pair(5)
    addresses = (here.addresses[0], "192.0.2.1:5000")
    for each in together(Cluster(addresses, 0, "t", 5), Cluster(addresses, 1, "t", 5)):
        assert "192.0.2.1:5000 is no address of this machine, where worker 1" in words(each)


def test_a_name_that_is_the_loopback_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_addresses(1)[0].rpartition(":")[2]
    found = socket.getaddrinfo("127.0.0.1", int(port), type=socket.SOCK_STREAM)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    [alone] = together(Cluster((f"this-machine:{port}", "10.0.0.2:5000"), 0, "t", 1))
    assert "this-machine is 127.0.0.1 on this machine, where others cannot reach" in words(alone)


def test_other_lists_of_workers_are_told() -> None:
    chief, worker = pair(5)
    others = Cluster((worker.addresses[0], *free_addresses(2)), 1, "t", 5)
    first, second = together(chief, others)
    assert "worker 1 was given other workers" in words(first)
    assert "--workers must be the same for all" in words(second)


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00" * 4096,
        b"nnpy1\n" + b"x" * 32 + b"\xff" * 16 + b"y" * 100,
        b"\x16\x03\x01" + b"A" * 100_000,
    ],
)
def test_garbage_does_no_harm(garbage: bytes) -> None:
    chief, worker = pair(10)
    place = host_and_port(chief.addresses[0])

    def scan() -> None:
        for _ in range(200):
            try:
                with socket.create_connection(place, 1) as connection:
                    connection.sendall(garbage)
                    return
            except OSError:
                time.sleep(0.01)

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(meet, chief)
        scanner = pool.submit(scan)
        scanner.result()
        second = pool.submit(meet, worker)
    for each in (first, second):
        each.result().close()


HELLO = {"worker": 1, "workers": 2, "addresses": ["a:1", "b:2"], "problem": ""}


@pytest.mark.parametrize(
    "hello",
    [
        [],
        {},
        {"worker": 1, "workers": 2},
        {**HELLO, "worker": "1"},
        {**HELLO, "worker": 1e400},
        {**HELLO, "worker": True},
        {**HELLO, "workers": None},
        {**HELLO, "addresses": 5},
        {**HELLO, "addresses": [1]},
        {**HELLO, "problem": {}},
    ],
    ids=str,
)
def test_one_who_knows_the_secret_and_is_no_worker_is_sent_away(hello, monkeypatch) -> None:
    """Without --token everybody knows it."""
    died: list[object] = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    chief, worker = pair(10)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(meet, chief)
        stranger = rendezvous._reach(worker, time.monotonic() + 10)
        stranger.send(json.dumps(hello).encode())
        with pytest.raises(channel.BROKEN):
            stranger.hear()
        second = pool.submit(meet, worker)
    for each in (first, second):
        each.result().close()
    assert not died


def test_a_number_that_no_worker_has_is_told(monkeypatch) -> None:
    died: list[object] = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    chief, worker = pair(10)
    hello = {**HELLO, "worker": 10**30, "addresses": list(chief.addresses), "problem": "x"}
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(meet, chief)
        stranger = rendezvous._reach(worker, time.monotonic() + 10)
        stranger.tell(hello)
        assert "two workers are worker 1000" in stranger.hear()["problem"]
    assert "two workers are worker" in words(first)
    assert not died


def test_who_says_nothing_or_a_byte_now_and_then_keeps_nobody_waiting(monkeypatch) -> None:
    monkeypatch.setattr(rendezvous, "_PATIENCE", 0.5)
    monkeypatch.setattr(rendezvous, "_GUESTS", 3)
    chief, worker = pair(20)
    place = host_and_port(chief.addresses[0])
    over = threading.Event()

    def drip() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError), socket.create_connection(place, 1) as connection:
                for each in b"nnpy1\n" + b"x" * 32:
                    connection.sendall(bytes([each]))
                    if over.wait(0.1):
                        break

    with ThreadPoolExecutor(7) as pool:
        first = pool.submit(meet, chief)
        for _ in range(5):
            pool.submit(drip)
        time.sleep(1)
        second = pool.submit(meet, worker)
        for each in (first, second):
            each.result(20).close()
        over.set()


@pytest.mark.parametrize(
    "told", [{"is": []}, {"is": {"a": 1}}, {"is": None}, {"is": [[]]}, {}], ids=str
)
def test_a_round_in_which_one_tells_anything(told) -> None:
    meetings = [each.result() for each in together(*pair())]

    def judge(heard: list[dict[str, Any]]) -> str:
        return str(heard[1]["is"] + 1)

    with ThreadPoolExecutor(2) as pool:
        ends = [
            pool.submit(meetings[0].round, {}, judge),
            pool.submit(meetings[1].round, told, judge),
        ]
    assert [words(each) for each in ends] == [
        "the workers do not fit together: one of them told what no worker tells"
    ] * 2


def test_a_changed_message_is_refused() -> None:
    one, other = socket.socketpair()
    sender, receiver = channel.Channel(one, b"s"), channel.Channel(other, b"s")
    greeting = threading.Thread(target=sender.greet)
    greeting.start()
    receiver.greet()
    greeting.join()
    sender.send(b"first")
    kept = other.recv(1000, socket.MSG_PEEK)
    assert receiver.receive() == b"first"
    one.sendall(kept)  # once more
    with pytest.raises(channel.Stranger):
        receiver.receive()
    for each in (one, other):
        each.close()


def test_the_others_learn_who_is_gone() -> None:
    addresses = tuple(free_addresses(3))
    clusters = [Cluster(addresses, i, "t", 10) for i in range(3)]
    meetings = [each.result() for each in together(*clusters)]
    told: list[str] = []
    watches = [Watch(each, told.append) for each in meetings[:2]]
    meetings[2].close()
    gone = f"worker 2 ({addresses[2]}) has ended"
    assert [each.reason(10) for each in watches] == [gone, gone]
    for each in watches:
        each.finish()
        each._thread.join(10)  # the reason is known a moment before it is told
    assert told == [gone, gone]


def test_a_worker_that_fails_says_why() -> None:
    meetings = [each.result() for each in together(*pair())]
    chief, worker = (Watch(each, lambda words: None) for each in meetings)
    worker.fail("the disk is full")
    assert "failed: the disk is full" in chief.reason(10)
    chief.finish()


def test_they_end_together() -> None:
    meetings = [each.result() for each in together(*pair())]
    told: list[str] = []
    chief, worker = (Watch(each, told.append) for each in meetings)
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(worker.finish)
        time.sleep(0.2)
        assert not waiting.done()
        pool.submit(chief.finish).result(10)
        waiting.result(10)
    assert told == []
