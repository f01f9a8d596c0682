"""Workers that do not fit together, as the real command tells it: in time, with exit code 1."""

from __future__ import annotations

import gzip
import socket
import threading
from pathlib import Path

import pytest

from tests.support.datasets import tiny_fashion_mnist
from tests.support.local_workers import Worker, all_end, free_addresses

CONFIG = """\
data: {{name: idx, path: {data}, validation: {{split: 0.2}}}}
model: [Flatten, {{Dense: {{units: 10, activation: softmax}}}}]
training: {{epochs: {epochs}, batch_size: 50}}
"""
TIME = ("--worker-timeout", "20")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Path:
    folder = tmp_path_factory.mktemp("misfits")
    (folder / "a.yaml").write_text(CONFIG.format(data=tiny, epochs=2))
    (folder / "b.yaml").write_text(CONFIG.format(data=tiny, epochs=3))
    other = tiny_fashion_mnist(folder / "other", 600, 200)
    path = next(other.glob("t10k-labels*"))
    changed = bytearray(gzip.decompress(path.read_bytes()))
    changed[-1] = (changed[-1] + 1) % 10
    path.write_bytes(gzip.compress(changed))
    fake = folder / "packages/numpy-0.9.9.dist-info"
    fake.mkdir(parents=True)
    (fake / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.9.9\n")
    return folder


def told(workers: list[Worker], folder: Path) -> list[str]:
    """What each has said; all have ended with exit code 1, and no run was begun."""
    assert all_end(workers, 120) == [1] * len(workers), [each.words for each in workers]
    assert not (folder / "runs").exists()
    assert not any("Traceback" in each.words for each in workers)
    return [each.words for each in workers]


@pytest.mark.parametrize(
    ("of_the_other", "message"),
    [
        ({"config": "b.yaml"}, "has another config: training.epochs is 3 there, 2 here"),
        ({"data": "other"}, "has other data: t10k-labels-idx1-ubyte"),
        ({"packages": True}, "has numpy 0.9.9, the chief "),
        ({"data": "nowhere"}, "nowhere: no such folder"),
        ({"workers": 3}, "worker 1 was given other workers: "),
    ],
    ids=["another config", "other data", "other versions", "no data", "another number of workers"],
)
def test_what_one_has_otherwise_is_told_by_both(
    folder: Path, of_the_other: dict, message: str
) -> None:
    addresses = free_addresses(of_the_other.get("workers", 2))
    other = [of_the_other.get("config", "a.yaml"), *TIME]
    if "data" in of_the_other:
        other += ["--set", f"data.path={folder / of_the_other['data']}"]
    packages = folder / "packages" if "packages" in of_the_other else None
    workers = [
        Worker(folder, addresses[:2], 0, "a.yaml", *TIME),
        Worker(folder, addresses, 1, *other, first_on_path=packages),
    ]
    for words in told(workers, folder):
        assert message in words


def test_who_does_not_come_is_missed_whatever_else_knocks(folder: Path) -> None:
    addresses = free_addresses(2)
    short = ("--worker-timeout", "6")
    workers = [
        Worker(folder, addresses, 0, "a.yaml", *short),
        # The chief of another token, and the same worker told of a wrong address.
        Worker(folder, addresses, 1, "a.yaml", *short, token="other"),
        Worker(folder, [free_addresses(1)[0], addresses[1]], 1, "a.yaml", *short),
    ]
    ended = threading.Event()
    scanner = threading.Thread(target=_scan, args=(addresses[0], ended))
    scanner.start()
    try:
        chief, stranger, lost = told(workers, folder)
    finally:
        ended.set()
        scanner.join()
    assert f"worker 1 ({addresses[1]}) did not come within 6 s; sent away: 127.0.0.1 (" in chief
    assert "hung up: is its --token another, or another program at that address?" in stranger
    assert "did not answer within 6 s: Connection refused; is it started, and is its" in lost


def _scan(address: str, ended: threading.Event) -> None:
    """As a port scanner: connects, says something, looks whether anything comes back."""
    host, _, port = address.rpartition(":")
    while not ended.wait(0.3):
        try:
            with socket.create_connection((host, int(port)), timeout=0.3) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        except OSError:
            pass


def test_a_second_chief_is_told_and_the_first_goes_on_waiting(folder: Path) -> None:
    addresses = free_addresses(2)
    with socket.create_server(("127.0.0.1", int(addresses[0].rpartition(":")[2]))):
        [words] = told([Worker(folder, addresses, 0, "a.yaml", *TIME)], folder)
    assert f"{addresses[0]} is in use: another worker 0, or another program" in words
