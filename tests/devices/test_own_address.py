"""A listening socket of this process is made to hear one address only."""

from __future__ import annotations

import socket
import sys

import pytest

from nnpy.devices.own_address import hear_only

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the filters are Linux's"
)


def everywhere() -> socket.socket:
    """As TensorFlow's server listens."""
    listener = socket.socket(socket.AF_INET6)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind(("::", 0))
    listener.listen()
    return listener


def answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=0.3).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("address", "others"),
    [("127.0.0.1", ["127.0.0.2", "::1"]), ("::1", ["127.0.0.1"])],
)
def test_the_address_given_is_heard_and_no_other(address: str, others: list[str]) -> None:
    with everywhere() as listener:
        port = listener.getsockname()[1]
        assert all(answers(each, port) for each in (address, *others))
        written = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        assert hear_only(written)
        assert answers(address, port)
        assert not any(answers(each, port) for each in others)
        # What is sent goes on to arrive.
        with socket.create_connection((address, port), timeout=5) as one:
            while True:
                other, _ = listener.accept()
                if other.getpeername()[1] == one.getsockname()[1]:
                    break
            one.sendall(b"x" * 300_000)
            one.shutdown(socket.SHUT_WR)
            with other, other.makefile("rb") as received:
                assert len(received.read()) == 300_000


def test_where_nothing_listens_it_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert not hear_only(f"127.0.0.1:{port}")
    assert not hear_only("no-such-host.invalid:5000")
