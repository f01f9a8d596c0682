"""Pictures of every kind, made to fit or refused with one clear sentence."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnpy.data.files import images
from nnpy.errors import DataError

SHAPE = (28, 28)


@pytest.fixture
def shoe() -> np.ndarray:
    """A bright thing on black, 28 × 28."""
    x = np.zeros(SHAPE, np.uint8)
    x[10:20, 4:24] = np.random.default_rng(0).integers(90, 255, (10, 20))
    return x


def one(path: Path, shape=SHAPE, **options) -> images.Example:
    (example,) = images.read(path, shape, **options)
    return example


def test_a_picture_of_the_right_size_is_itself(tmp_path, shoe):
    Image.fromarray(shoe).save(tmp_path / "a.png")
    example = one(tmp_path / "a.png")
    np.testing.assert_array_equal(example.x, shoe)
    assert example.how == "28 × 28 grey"
    assert one(tmp_path / "a.png", (28, 28, 1)).x.shape == (28, 28, 1)
    assert one(tmp_path / "a.png", (28, 28, 3)).x.shape == (28, 28, 3)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "1", "CMYK", "I;16"])
@pytest.mark.parametrize("size", [28, 280, 14])
def test_modes_and_sizes(tmp_path, shoe, mode, size):
    if mode == "I;16":
        picture = Image.fromarray(shoe.astype(np.uint16) * 257)
    else:
        picture = Image.fromarray(shoe).convert("RGB" if mode == "RGBA" else "L").convert(mode)
    name = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    picture.resize((size, size), Image.Resampling.NEAREST).save(name)
    example = one(name)
    assert example.x.dtype == np.uint8
    assert example.x.shape == SHAPE
    if mode != "1" and size >= 28:
        assert np.abs(example.x.astype(int) - shoe).mean() < 6
    if size != 28:
        assert example.how.startswith(f"{size} × {size} ")
        assert example.how.endswith("→ 28 × 28 grey")


def test_proportions_are_kept_by_padding_with_the_border_colour(tmp_path):
    x = np.full((20, 60, 3), 200, np.uint8)
    x[5:15, 20:40] = (250, 10, 10)
    Image.fromarray(x).save(tmp_path / "wide.png")
    example = one(tmp_path / "wide.png", (30, 30, 3))
    assert example.how == "60 × 20 colour → 30 × 30 colour, padded to 60 × 60"
    assert (example.x[:9] == 200).all()
    assert example.x[15, 15].tolist() == [250, 10, 10]


def test_transparency_shows_the_background(tmp_path):
    Image.new("RGBA", SHAPE, (255, 255, 255, 0)).save(tmp_path / "a.png")
    assert one(tmp_path / "a.png", background=0).x.max() == 0
    assert one(tmp_path / "a.png").x.min() == 255


def test_a_photo_that_was_turned_is_turned_back(tmp_path):
    x = np.zeros((40, 40), np.uint8)
    x[:20] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    Image.fromarray(x).save(tmp_path / "a.jpg", exif=exif)
    assert one(tmp_path / "a.jpg").x[-3:].min() > 200


def test_inverted_pictures_are_noticed_and_turned(tmp_path, shoe):
    Image.fromarray(255 - shoe).save(tmp_path / "a.png")
    edge = images.border(np.stack([shoe, shoe]))
    assert edge == 0
    assert images.looks_inverted(one(tmp_path / "a.png").x, edge)
    right = one(tmp_path / "a.png", invert=True)
    np.testing.assert_array_equal(right.x, shoe)
    assert right.how.endswith("inverted")
    assert not images.looks_inverted(right.x, edge)
    assert not images.looks_inverted(np.full(SHAPE, 128, np.uint8), 120)


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG whose header claims any size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.png", b"hello\n", "not an image of a known format"),
        ("notes.txt", b"hello\n", "not an image of a known format"),
        ("empty.png", b"", "not an image of a known format"),
        ("gif.png", b"GIF89a" + bytes(50), "not an image of a known format"),
        ("cut.png", png(28, 28, bytes(range(29)) * 28)[:60], "cannot be read"),
        ("bomb.png", png(30_000, 30_000), "million pixels"),
        ("big.png", png(8_000, 8_000), "million pixels"),
        ("vast.png", png(2**31 - 1, 2**31 - 1), "million pixels"),
        ("thin.png", png(2_000_000, 1, bytes(2_000_001)), "too long and thin"),
        ("a.npy", b"hello", "not a NumPy array"),
    ],
)
def test_what_cannot_be_read_is_one_clear_error(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        images.read(tmp_path / name, SHAPE)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_torn_jpeg(tmp_path, shoe):
    path = tmp_path / "a.jpg"
    Image.fromarray(shoe).resize((300, 300)).save(path)
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(DataError, match="cannot be read"):
        images.read(path, SHAPE)


def test_arrays(tmp_path, shoe):
    path = tmp_path / "a.npy"
    np.save(path, np.stack([shoe, shoe]))
    both = images.read(path, SHAPE)
    assert [e.name for e in both] == [f"{path}[0]", f"{path}[1]"]
    np.save(path, shoe[..., None] / np.float32(255))
    example = one(path)
    np.testing.assert_array_equal(example.x, shoe)
    assert "times 255" in example.how
    np.save(path, np.zeros((4,), np.float32))
    assert one(path, (4,), dtype="float32").x.shape == (4,)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 5, 5)), "shape \\(3, 5, 5\\); the model takes \\(28, 28\\)"),
        (np.full(SHAPE, np.nan), "non-finite"),
        (np.full(SHAPE, 300), "values from 300 to 300"),
        (np.full(SHAPE, "a"), "numbers are needed"),
        (np.zeros(SHAPE, np.longdouble), "numbers are needed"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=message):
        images.read(tmp_path / "a.npy", SHAPE)


def test_a_pickle_is_never_opened(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(DataError, match="holds object; numbers are needed"):
        images.read(tmp_path / "a.npy", SHAPE)


def test_folders(tmp_path, shoe):
    with pytest.raises(DataError, match=r"no picture or \.npy file in this folder"):
        images.find([tmp_path])
    with pytest.raises(DataError, match="no such file"):
        images.find([tmp_path / "x.png"])
    for name in ("b.png", "a.JPG", "c.txt"):
        (tmp_path / name).touch()
    assert [p.name for p in images.find([tmp_path])] == ["a.JPG", "b.png"]
    with pytest.raises(DataError, match="does not take images"):
        images.read(tmp_path / "b.png", (9,))


def test_as_picture(shoe):
    np.testing.assert_array_equal(images.as_picture(shoe[..., None]), shoe)
    np.testing.assert_array_equal(images.as_picture(shoe / 255), shoe)
    spread = images.as_picture(np.linspace(-3, 5, 64).reshape(8, 8))
    assert (spread.min(), spread.max()) == (0, 255)
    assert images.as_picture(np.zeros(9)) is None
    assert images.as_picture(np.zeros((3, 3))) is None


def npy_header(header: str, content: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    size = len(header).to_bytes(2 if version[0] == 1 else 4, "little")
    return b"\x93NUMPY" + version + size + header.encode("latin-1") + content


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-28, -28)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 28, 28)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 28, 28)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999999, 28)}",
        "{'descr': '(3,)f4', 'fortran_order': False, 'shape': (28, 28)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': [('a', 'u1')], 'fortran_order': False, 'shape': (28, 28)}",
        "{'descr': 'nonsense', 'fortran_order': False, 'shape': (28, 28)}",
        "{'descr': 1, 'fortran_order': 2, 'shape': 3}",
        "{" * 5000,
        "__import__('os').mkdir('x')",
        "",
    ],
)
@pytest.mark.parametrize("version", [b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x00"])
def test_a_header_that_lies_is_told(tmp_path, header, version):
    (tmp_path / "a.npy").write_bytes(npy_header(header, bytes(784), version))
    with pytest.raises(DataError, match=r"a\.npy: "):
        images.read(tmp_path / "a.npy", (28, 28))


def test_a_header_of_gigabytes_is_not_read(tmp_path):
    with (tmp_path / "a.npy").open("wb") as file:
        file.write(b"\x93NUMPY\x02\x00" + (4 << 29).to_bytes(4, "little"))
        file.truncate(5 << 30)
    with pytest.raises(DataError, match="its header would be 2,147,483,648 bytes long"):
        images.read(tmp_path / "a.npy", (28, 28))


def test_what_is_no_array_at_all_is_told(tmp_path):
    with zipfile.ZipFile(tmp_path / "zip.npy", "w") as archive:
        archive.writestr("a.npy", b"x")
    (tmp_path / "empty.npy").write_bytes(b"")
    (tmp_path / "half.npy").write_bytes(b"\x93NUMPY\x01")
    os.mkfifo(tmp_path / "pipe.npy")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.npy").symlink_to("/dev/zero")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for file in sorted(tmp_path.iterdir()):
        with pytest.raises(DataError, match=file.name):
            images.read(file, (28, 28))


@pytest.mark.parametrize("size", [(1, 40_000_000), (49_000_000, 1), (3, 9_000_000)])
def test_a_picture_too_thin_is_refused_by_its_header(tmp_path, size):
    """What follows the header is no picture: it must not even be looked at."""
    head = struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + head
    (tmp_path / "thin.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", len(head))
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + struct.pack(">I", 1000)
        + b"IDAT"
        + bytes(1004)
    )
    with pytest.raises(DataError, match="is too long and thin for 28 × 28"):
        images.read(tmp_path / "thin.png", (28, 28))


def test_arrays_in_any_order_and_byte_order_are_read(tmp_path):
    x = np.arange(2 * 28 * 28, dtype=">u2").reshape(2, 28, 28) % 255
    for name, array in (("c", x), ("f", np.asfortranarray(x)), ("none", x[:0])):
        np.save(tmp_path / f"{name}.npy", array)
        found = images.read(tmp_path / f"{name}.npy", (28, 28))
        assert [each.x.tolist() for each in found] == array.tolist()
