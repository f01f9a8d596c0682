"""Data: found where it should be, right or refused, and split as Keras splits."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import pickle
import struct
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest

from nnpy import data
from nnpy.data.registry import info, load, places
from nnpy.data.sources import fashion_mnist, idx_folder
from nnpy.errors import DataError
from tests.support.datasets import idx_bytes, tiny_fashion_mnist, write_idx


@pytest.fixture
def keras_home(tmp_path, monkeypatch):
    """An empty Keras cache, and no other place to find data."""
    home = tmp_path / "keras"
    monkeypatch.setenv("KERAS_HOME", str(home))
    monkeypatch.setattr(fashion_mnist, "DEBIAN", tmp_path / "debian")
    monkeypatch.setattr(fashion_mnist, "HOSTS", ("http://127.0.0.1:9/",))  # nobody listens
    return home


@pytest.fixture
def small_fashion(tmp_path, monkeypatch):
    """A small set that takes Fashion-MNIST's place: its sizes and digests are put in the table."""
    folder = tiny_fashion_mnist(tmp_path / "small", n_train=50, n_test=20)
    table = {}
    for name in idx_folder.FILES:
        content = gzip.decompress((folder / f"{name}.gz").read_bytes())
        table[name] = (len(content), hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(fashion_mnist, "CONTENT", table)
    return folder


def copy(folder: Path, to: Path, names=idx_folder.FILES) -> Path:
    to.mkdir(parents=True, exist_ok=True)
    for name in names:
        (to / f"{name}.gz").write_bytes((folder / f"{name}.gz").read_bytes())
    return to


# ---- Fashion-MNIST, the real one ------------------------------------------------------------


@pytest.mark.skipif(not fashion_mnist.DEBIAN.is_dir(), reason="needs dataset-fashion-mnist")
def test_real_fashion_mnist():
    dataset = load("fashion_mnist", path=str(fashion_mnist.DEBIAN), validation_split=0.1)
    assert dataset.train.x.shape == (54_000, 28, 28)
    assert dataset.validation.x.shape == (6_000, 28, 28)
    assert dataset.test.x.shape == (10_000, 28, 28)
    assert dataset.train.x.dtype == dataset.train.y.dtype == np.uint8
    assert dataset.info == info("fashion_mnist")
    # The first training example is an ankle boot, and classes are balanced.
    assert dataset.info.classes[dataset.train.y[0]] == "Ankle boot"
    assert np.bincount(dataset.test.y).tolist() == [1000] * 10
    assert dataset.digests["train-images-idx3-ubyte"].startswith("c59f468a")
    assert dataset.source == str(fashion_mnist.DEBIAN)
    assert dataset.notes == ()


def test_loading_and_facts_import_neither_tensorflow_nor_early_numpy(tmp_path):
    folder = tiny_fashion_mnist(tmp_path, 20, 10)
    program = (
        "import sys; from nnpy import data\n"
        "data.info('fashion_mnist'), data.info('cifar100'), data.places('fashion_mnist')\n"
        f"data.info('idx', {str(folder)!r})\n"
        "assert 'numpy' not in sys.modules\n"
        f"data.load('idx', path={str(folder)!r})\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


# ---- where Fashion-MNIST is looked for --------------------------------------------------------


def test_found_in_keras_cache_then_in_debian(keras_home, small_fashion, tmp_path):
    copy(small_fashion, tmp_path / "debian")
    assert load("fashion_mnist").source == str(tmp_path / "debian")
    copy(small_fashion, keras_home / "datasets" / "fashion-mnist")
    assert load("fashion_mnist").source == str(keras_home / "datasets" / "fashion-mnist")


def test_a_file_that_keras_left_truncated_is_not_used_and_named(
    keras_home, small_fashion, tmp_path
):
    cached = copy(small_fashion, keras_home / "datasets" / "fashion-mnist")
    damaged = cached / "train-images-idx3-ubyte.gz"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    copy(small_fashion, tmp_path / "debian")
    dataset = load("fashion_mnist")
    assert len(dataset.train) == 45
    assert dataset.source == f"{cached}, {tmp_path / 'debian'}"
    assert len(dataset.notes) == 1
    assert str(damaged) in dataset.notes[0]
    assert damaged.stat().st_size == 1000  # left as it is: it was not ours to remove


def test_data_path_is_the_only_place_when_given(keras_home, small_fashion, tmp_path):
    copy(small_fashion, keras_home / "datasets" / "fashion-mnist")
    half = copy(small_fashion, tmp_path / "half", idx_folder.FILES[:2])
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz: no such file"):
        load("fashion_mnist", path=str(half))
    with pytest.raises(DataError, match="no such folder"):
        load("fashion_mnist", path=str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="Not a directory"):
        load("fashion_mnist", path=str(half / f"{idx_folder.FILES[0]}.gz"))


def test_other_data_under_the_name_is_refused_and_idx_named(tmp_path):
    folder = tiny_fashion_mnist(tmp_path, 20, 10)
    with pytest.raises(DataError, match=r"expected 47,040,016 bytes(.|\n)*set data\.name to idx"):
        load("fashion_mnist", path=str(folder))


def test_an_altered_file_is_refused(keras_home, small_fashion):
    altered = small_fashion / "t10k-images-idx3-ubyte.gz"
    content = bytearray(gzip.decompress(altered.read_bytes()))
    content[-1] ^= 1
    altered.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte\.gz is not Fashion-MNIST's"):
        load("fashion_mnist", path=str(small_fashion))


def test_unpacked_files_are_taken_too(keras_home, small_fashion, tmp_path):
    plain = tmp_path / "plain"
    plain.mkdir()
    for name in idx_folder.FILES:
        (plain / name).write_bytes(gzip.decompress((small_fashion / f"{name}.gz").read_bytes()))
    assert len(load("fashion_mnist", path=str(plain)).test) == 20


def test_nothing_found_names_places_and_ways(keras_home, tmp_path):
    with pytest.raises(DataError) as caught:
        load("fashion_mnist")
    message = str(caught.value)
    assert f"{keras_home / 'datasets' / 'fashion-mnist'}: no such folder" in message
    assert f"{tmp_path / 'debian'}: no such folder" in message
    assert "apt install dataset-fashion-mnist" in message
    assert "data.path" in message


def test_a_gzip_bomb_is_not_unpacked(keras_home, small_fashion):
    bomb = small_fashion / "t10k-labels-idx1-ubyte.gz"
    with gzip.open(bomb, "wb", 1) as file:
        for _ in range(64):
            file.write(bytes(1 << 20))
    with pytest.raises(DataError, match="expected 28 bytes of content, found more"):
        load("fashion_mnist", path=str(small_fashion))


def test_places_look_without_reading(keras_home, small_fashion, tmp_path):
    first, second = places("fashion_mnist")
    assert (first.found, first.detail) == (False, "no such folder")
    cached = copy(small_fashion, Path(first.path))
    copy(small_fashion, Path(second.path), idx_folder.FILES[1:])
    first, second = places("fashion_mnist")
    assert (first.found, first.detail) == (True, "4 files")
    assert (second.found, second.detail) == (False, "no train-images-idx3-ubyte.gz")
    whole = (cached / "train-images-idx3-ubyte.gz").read_bytes()
    (cached / "train-images-idx3-ubyte.gz").write_bytes(whole[:-100])
    assert places("fashion_mnist")[0].detail == "train-images-idx3-ubyte.gz is incomplete"


# ---- download -----------------------------------------------------------------------------------


@pytest.fixture
def host(small_fashion):
    """A local server; `host(behaviour)` gives the URL of one that serves the small set so."""
    servers = []

    def start(behaviour="whole"):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = (small_fashion / self.path.lstrip("/")).read_bytes()
                if behaviour == "missing":
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if behaviour == "truncated":
                    body = body[: len(body) // 2]
                if behaviour == "altered":
                    content = gzip.decompress(body)
                    body = gzip.compress(content[:-1] + bytes([content[-1] ^ 1]), 1)[: len(body)]
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_download_goes_into_keras_cache_and_reports(keras_home, host, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "HOSTS", (url := host(),))
    calls = []
    dataset = load("fashion_mnist", progress=lambda *call: calls.append(call))
    cached = keras_home / "datasets" / "fashion-mnist"
    assert dataset.source == url
    assert len(dataset.test) == 20
    assert {file.name for file in cached.iterdir()} == {f"{name}.gz" for name in idx_folder.FILES}
    assert {name for name, _, _ in calls} == {f"download {name}.gz" for name in idx_folder.FILES}
    last = {name: (done, total) for name, done, total in calls}
    for file in cached.iterdir():
        assert last[f"download {file.name}"] == (file.stat().st_size, file.stat().st_size)
    calls.clear()
    assert load("fashion_mnist", progress=lambda *call: calls.append(call)).source == str(cached)
    assert calls == []


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("missing", "HTTP Error 404"),
        ("truncated", "cut short"),
        ("altered", "what came is not Fashion-MNIST's"),
    ],
)
def test_a_bad_host_leaves_nothing_and_the_next_is_asked(
    keras_home, host, monkeypatch, behaviour, reason
):
    bad = host(behaviour)
    monkeypatch.setattr(fashion_mnist, "HOSTS", (bad,))
    with pytest.raises(DataError, match=reason) as caught:
        load("fashion_mnist")
    assert f"{bad}train-images-idx3-ubyte.gz: " in str(caught.value)
    assert list((keras_home / "datasets" / "fashion-mnist").iterdir()) == []
    monkeypatch.setattr(fashion_mnist, "HOSTS", (bad, good := host()))
    assert load("fashion_mnist").source == good


def test_no_answer_is_a_data_error(keras_home):
    with pytest.raises(DataError, match=r"http://127\.0\.0\.1:9/train-images.*refused"):
        load("fashion_mnist")


def test_an_interrupted_download_leaves_nothing(keras_home, host, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "HOSTS", (host(),))

    def interrupt(name, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load("fashion_mnist", progress=interrupt)
    assert list((keras_home / "datasets" / "fashion-mnist").iterdir()) == []


def test_a_damaged_cached_file_is_downloaded_anew(keras_home, small_fashion, host, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "HOSTS", (url := host(),))
    cached = copy(small_fashion, keras_home / "datasets" / "fashion-mnist")
    (cached / "t10k-labels-idx1-ubyte.gz").write_bytes(b"")
    calls = []
    dataset = load("fashion_mnist", progress=lambda *call: calls.append(call[0]))
    assert dataset.source == f"{cached}, {url}"
    assert set(calls) == {"download t10k-labels-idx1-ubyte.gz"}
    assert "t10k-labels-idx1-ubyte.gz is damaged" in dataset.notes[0]
    assert load("fashion_mnist").notes == ()


def test_a_cache_that_cannot_be_written_is_an_error(keras_home, host, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "HOSTS", (host(),))
    keras_home.write_text("a file where the folder should be")
    with pytest.raises(DataError, match="Not a directory"):
        load("fashion_mnist")


# ---- IDX folders --------------------------------------------------------------------------------


def test_idx_folder(tmp_path):
    folder = tiny_fashion_mnist(tmp_path, n_train=50, n_test=20, seed=3)
    dataset = load("idx", path=str(folder), validation_split=0.2)
    facts = dataset.info
    assert (facts.shape, facts.dtype, facts.train, facts.test) == ((28, 28), "uint8", 50, 20)
    assert facts.classes == tuple("0123456789")
    assert facts.scale == 1 / 255
    assert facts == info("idx", str(folder))
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (40, 10, 20)
    content = gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes())
    assert dataset.digests["t10k-labels-idx1-ubyte"] == hashlib.sha256(content).hexdigest()
    assert dataset.test.y.tobytes() == content[8:]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("gz", [True, False])
def test_every_number_type_comes_back_as_written(tmp_path, dtype, gz):
    rng = np.random.default_rng(0)
    x = (rng.random((6, 3, 4, 2)) * 100).astype(dtype)
    y = np.array([0, 1, 2, 2, 1, 0], "int16" if dtype == "int16" else "uint8")
    folder(tmp_path, x, y, gz)
    dataset = load("idx", path=str(tmp_path), validation_split=0)
    assert dataset.validation is None
    assert dataset.train.x.dtype == np.dtype(dtype)  # in this machine's byte order
    np.testing.assert_array_equal(dataset.train.x, x)
    np.testing.assert_array_equal(dataset.test.y, y)
    assert dataset.info.classes == ("0", "1", "2")
    assert dataset.info.scale == (1 / 255 if dtype == "uint8" else 1.0)


def folder(path: Path, x: np.ndarray, y: np.ndarray, gz: bool = True) -> Path:
    end = ".gz" if gz else ""
    for name in ("train", "t10k"):
        write_idx(path / f"{name}-images-idx3-ubyte{end}", x, gz)
        write_idx(path / f"{name}-labels-idx1-ubyte{end}", y, gz)
    return path


def test_class_names(tmp_path):
    tiny_fashion_mnist(tmp_path, 20, 10)
    names = [f"klasse {letter} é" for letter in "abcdefghij"]
    (tmp_path / "classes.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    assert info("idx", str(tmp_path)).classes == tuple(names)
    assert load("idx", path=str(tmp_path)).info.classes == tuple(names)
    (tmp_path / "classes.txt").write_text("\n".join(names[:9]), encoding="utf-8")
    with pytest.raises(DataError, match=r"label 9 is out of range: expected 0 to 8 \(9 classes"):
        load("idx", path=str(tmp_path))
    for bad in ("", "a\n\nb\n", "a\na\n"):
        (tmp_path / "classes.txt").write_text(bad)
        with pytest.raises(DataError, match="a class name on each line"):
            info("idx", str(tmp_path))


X, Y = np.zeros((4, 2, 2), "uint8"), np.zeros(4, "uint8")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("images-idx3", b"", "is not an IDX file.*the file is empty"),
        ("images-idx3", b"PK\3\4 no", "is not an IDX file.*found 50 4b 03 04"),
        ("images-idx3", b"\0\0\x08\x03\0\0", "ends in the header"),
        ("images-idx3", idx_bytes(X)[:-1], r"declares 4×2×2 numbers of uint8, 32 bytes.*has 31"),
        ("images-idx3", idx_bytes(X) + b"!", "32 bytes in all; the file has 33"),
        (
            "images-idx3",
            gzip.compress(idx_bytes(X)[:-1], mtime=0),
            "expected 32 bytes.*found only 31",
        ),
        ("images-idx3", gzip.compress(idx_bytes(X), mtime=0)[:-9], "is cut short"),
        ("images-idx3", gzip.compress(idx_bytes(X), mtime=0)[:-8] + bytes(8), "is damaged: CRC"),
        ("images-idx3", b"\0\0\x08\x03" + b"\xff" * 12, "is damaged: its header declares"),
        (
            "images-idx3",
            gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12, mtime=0),
            r"its header declares .* \(compressed\)",
        ),
        ("images-idx3", idx_bytes(X[:3]), "holds 3 examples, but .* holds 4 labels"),
        ("images-idx3", idx_bytes(Y), "expected examples of at least one axis"),
        ("images-idx3", idx_bytes(np.zeros((4, 3, 2), "uint8")), r"\(3, 2\), but test examples"),
        ("images-idx3", idx_bytes(X.astype("int16")), "training examples are int16"),
        ("labels-idx1", idx_bytes(Y.astype("float32")), "expected one axis of integer labels"),
        ("labels-idx1", idx_bytes(Y[:, None]), "one axis of integer labels, found 2"),
        ("labels-idx1", idx_bytes((Y - 1).astype("int8")), "label -1 is out of range"),
        ("labels-idx1", idx_bytes(np.full(4, 10**9, "int32")), "at most 65,536 classes"),
    ],
)
def test_a_bad_idx_file_is_named_with_what_was_expected(tmp_path, name, content, message):
    folder(tmp_path, X, Y, gz=False)
    (tmp_path / f"train-{name}-ubyte").write_bytes(content)
    with pytest.raises(DataError, match=message):
        load("idx", path=str(tmp_path))


def test_no_examples(tmp_path):
    folder(tmp_path, X[:0], Y[:0])
    with pytest.raises(DataError, match="holds no examples"):
        info("idx", str(tmp_path))


def test_idx_without_path_or_files(tmp_path):
    with pytest.raises(DataError, match=r"data\.path is missing"):
        load("idx")
    with pytest.raises(DataError, match="lacks train-images-idx3-ubyte"):
        info("idx", str(tmp_path))
    with pytest.raises(DataError, match="no such folder"):
        info("idx", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"null (byte|character)"):
        info("idx", "a\0b")
    assert places("idx") == []


# ---- splits -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0.1, 0.15, 0.3, 0.33, 0.5, 0.7, 0.9, 0.95])
def test_validation_is_what_keras_holds_out(tmp_path, fraction):
    from keras.src.trainers.data_adapters.array_slicing import train_validation_split

    tiny_fashion_mnist(tmp_path, 53, 10)
    whole = load("idx", path=str(tmp_path), validation_split=0)
    parts = load("idx", path=str(tmp_path), validation_split=fraction, stratify=False, seed=None)
    (train, *_), (held_out, *_) = train_validation_split((whole.train.x, None, None), fraction)
    np.testing.assert_array_equal(parts.train.x, train)
    np.testing.assert_array_equal(parts.validation.x, held_out)
    np.testing.assert_array_equal(
        np.concatenate([parts.train.y, parts.validation.y]), whole.train.y
    )


@pytest.mark.parametrize(
    ("fraction", "message"),
    [
        (0.99, "leaves no examples to train on"),
        (1e-20, "leaves no examples for validation"),
        (1.0, "expected a fraction"),
        (-0.1, "expected a fraction"),
        (float("nan"), "expected a fraction"),
    ],
)
def test_a_split_with_an_empty_part_is_refused(tmp_path, fraction, message):
    folder(tmp_path, X, Y)
    with pytest.raises(DataError, match=message):
        load("idx", path=str(tmp_path), validation_split=fraction)


# ---- the table ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["fashion_mnist", "mnist", "cifar10", "cifar100"])
def test_facts_of_each_named_set(name):
    facts = info(name)
    assert facts.name == name
    assert len(set(facts.classes)) == (100 if name == "cifar100" else 10)
    assert (facts.test, facts.scale, facts.dtype) == (10_000, 1 / 255, "uint8")
    assert places(name)


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(DataError, match=r"unknown data set 'fashion_mnits'; did you mean 'fash"):
        load("fashion_mnits")


# ---- Keras's own sets, on small files in the same formats ---------------------------------------


def use_own_digest(monkeypatch, module: str, file: Path) -> None:
    """Has keras.datasets.<module> expect the digest of our small file; the rest is Keras's code."""
    import importlib

    loader = importlib.import_module(f"keras.src.datasets.{module}")
    real, digest = loader.get_file, hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setattr(loader, "get_file", lambda **args: real(**args | {"file_hash": digest}))


@pytest.fixture
def keras_datasets(tmp_path, monkeypatch):
    """The folder of an own Keras cache; Keras reads KERAS_HOME only once, when it is imported."""
    from keras.src.backend import config

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(config, "_KERAS_DIR", str(tmp_path / "keras"))
    (tmp_path / "keras" / "datasets").mkdir(parents=True)
    return tmp_path / "keras" / "datasets"


def test_mnist(keras_datasets, monkeypatch, capfd):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (30, 28, 28), "uint8"), rng.integers(0, 10, 30, "uint8")
    file = keras_datasets / "mnist.npz"
    np.savez(file, x_train=x, y_train=y, x_test=x[:10], y_test=y[:10])
    use_own_digest(monkeypatch, "mnist", file)
    dataset = load("mnist")
    assert (len(dataset.train), len(dataset.validation)) == (27, 3)
    assert (dataset.info.train, dataset.info.test) == (30, 10)
    assert dataset.digests["x_train"] == hashlib.sha256(x.tobytes()).hexdigest()
    assert dataset.source == str(file)
    assert capfd.readouterr().out == ""


def cifar_archive(file: Path, files: dict[str, dict]) -> None:
    """A CIFAR archive: a tar.gz of pickled batches."""
    with tarfile.open(file, "w:gz") as tar:
        for name, batch in files.items():
            content = pickle.dumps({key.encode(): value for key, value in batch.items()})
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def test_cifar10(keras_datasets, monkeypatch):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 3, 32, 32), "uint8")
    # Keras fills 10,000 places from each batch; one of a single image fills them all with it.
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    file = keras_datasets / "cifar-10-batches-py-target_archive"
    cifar_archive(
        file,
        {
            f"cifar-10-batches-py/{name}": {"data": image.reshape(1, -1), "labels": [i]}
            for i, (name, image) in enumerate(zip(names, images, strict=True))
        },
    )
    use_own_digest(monkeypatch, "cifar10", file)
    dataset = load("cifar10", validation_split=0.2, stratify=False, seed=None)
    assert dataset.train.x.shape == (40_000, 32, 32, 3)
    assert dataset.train.y.shape == (40_000,)
    np.testing.assert_array_equal(dataset.train.x[10_000], images[1].transpose(1, 2, 0))
    assert dataset.train.y[::10_000].tolist() == [0, 1, 2, 3]
    assert (set(dataset.validation.y), dataset.test.y.tolist()) == ({4}, [5])
    assert dataset.info.classes[5] == "dog"


def test_cifar100(keras_datasets, monkeypatch):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 3072), "uint8")
    batch = {"data": images, "fine_labels": list(range(20)), "coarse_labels": [0] * 20}
    file = keras_datasets / "cifar-100-python-target_archive"
    cifar_archive(file, {"cifar-100-python/train": batch, "cifar-100-python/test": batch})
    use_own_digest(monkeypatch, "cifar100", file)
    dataset = load("cifar100")
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (18, 2, 20)
    assert dataset.info.shape == dataset.test.x.shape[1:] == (32, 32, 3)
    assert dataset.test.y.tolist() == list(range(20))


def test_without_network_keras_sets_say_what_to_do(keras_datasets, monkeypatch, capfd):
    from keras.src.datasets import mnist

    real = mnist.get_file
    monkeypatch.setattr(
        mnist, "get_file", lambda **args: real(**args | {"origin": "http://127.0.0.1:9/mnist.npz"})
    )
    calls = []
    with pytest.raises(DataError, match=r"mnist could not be loaded through Keras") as caught:
        load("mnist", progress=lambda *call: calls.append(call))
    assert str(keras_datasets / "mnist.npz") in str(caught.value)
    assert calls == [("download mnist.npz", 0, None)]
    assert capfd.readouterr().out == ""
    assert places("mnist")[0].found is False
    with pytest.raises(DataError, match=r"data\.path is not used by 'mnist'"):
        load("mnist", path="somewhere")


# ---- preprocessing -------------------------------------------------------------------------------


@pytest.mark.parametrize("jit_compile", [None, False, True])
def test_preparation(jit_compile):
    import tensorflow as tf

    x = np.arange(2 * 3 * 3, dtype="uint8").reshape(2, 3, 3)
    y = np.array([2, 0], "uint8")
    prepare = data.Preprocessing(scale=1 / 255, channel_axis=True, one_hot=3)
    call = prepare if jit_compile is None else tf.function(prepare, jit_compile=jit_compile)
    inputs, targets = call(tf.constant(x), tf.constant(y))
    assert (inputs.dtype, inputs.shape) == (tf.float32, (2, 3, 3, 1))
    np.testing.assert_array_equal(inputs[..., 0], x * np.float32(1 / 255))
    np.testing.assert_array_equal(targets, np.eye(3, dtype="float32")[[2, 0]])
    inputs, targets = data.Preprocessing(scale=1 / 255)(x, y)
    assert (inputs.shape, targets.dtype) == ((2, 3, 3), tf.int32)
    assert targets.numpy().tolist() == [2, 0]


# ---- the generated set --------------------------------------------------------------------------


def test_the_generated_set_is_seeded_and_can_be_learnt(tmp_path):
    sets = [
        load("idx", path=str(tiny_fashion_mnist(tmp_path / str(i), seed=seed)))
        for i, seed in enumerate((0, 0, 1))
    ]
    assert sets[0].digests == sets[1].digests != sets[2].digests
    train, test = sets[0].train, sets[0].test
    means = np.stack([train.x[train.y == k].mean(axis=0) for k in range(10)]).reshape(10, -1)
    scores = test.x.reshape(len(test), -1) @ (means - means.mean(axis=1, keepdims=True)).T
    assert (scores.argmax(axis=1) == test.y).mean() > 0.7


def test_the_writer_follows_the_format():
    assert idx_bytes(np.array([[1, 2]], "int16")) == struct.pack(
        ">BBBBIIhh", 0, 0, 0x0B, 2, 1, 2, 1, 2
    )


@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_texts_of_keras_become_rows_of_one_length(name, monkeypatch):
    import keras

    def load_data(num_words=None):
        texts = [[1, *range(4, 4 + n)] for n in (2, 9, 5, 30)]
        x = np.array([[min(w, num_words - 1) for w in text] for text in texts], dtype=object)
        return (x, np.array([0, 1, 1, 0])), (x[:2], np.array([1, 0]))

    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", load_data)
    given = {"vocabulary": 20, "length": 6}
    found = data.load(name, arguments=given, validation_split=0)
    assert found.train.x.tolist()[:2] == [[1, 4, 5, 0, 0, 0], [1, 4, 5, 6, 7, 8]]
    assert found.train.x.dtype == np.int32 and found.info.shape == (6,)
    assert data.info(name, **given).shape == (6,)
    assert len(found.info.classes) == {"imdb": 2, "reuters": 46}[name]


def test_prices_of_keras_are_numbers(monkeypatch):
    import keras

    def load_data():
        x = np.random.default_rng(0).random((50, 13)).astype("float32")
        return (x, x[:, 0] * 9), (x[:10], x[:10, 0] * 9)

    monkeypatch.setattr(keras.datasets.boston_housing, "load_data", load_data)
    found = data.load("boston_housing")
    (target,) = found.info.targets
    assert target.task is data.Task.NUMBERS and target.classes == ("price in 1000 $",)
    assert found.test.y.shape == (10, 1) and target.spread[0] > 1
