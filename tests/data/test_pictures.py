"""Every kind of picture file becomes the bytes that it looks like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnpy.data.files import images
from nnpy.data.files.geometry import Geometry
from nnpy.data.files.pictures import Decoded, decode
from nnpy.errors import DataError


def _decoded(path: Path, **wanted: object) -> Decoded:
    with path.open("rb") as file:
        return decode(path, file, Geometry(**{"height": 8, "width": 8, **wanted}))  # type: ignore[arg-type]


def test_sixteen_bits_are_divided_by_257_however_dark_the_picture_is(tmp_path: Path) -> None:
    values = np.full((8, 8), 200, np.uint16)  # nearly black; as bytes they would be bright
    Image.fromarray(values).save(tmp_path / "dark.png")
    Image.fromarray(values * 257).save(tmp_path / "bright.png")
    for name, value in (("dark.png", 1), ("bright.png", 200)):
        assert (_decoded(tmp_path / name, color_mode="grayscale").x == value).all()
        (predicted,) = images.read(tmp_path / name, (8, 8))
        assert (predicted.x == value).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_shows_the_background_and_no_hidden_colour(
    tmp_path: Path, mode: str
) -> None:
    if mode == "P":
        picture = Image.new("P", (8, 8), 0)
        picture.putpalette([255, 0, 0] * 256)
        picture.save(tmp_path / "a.png", transparency=0)
    else:
        Image.new(mode, (8, 8), 0).save(tmp_path / "a.png")
    assert (_decoded(tmp_path / "a.png", background=90).x == 90).all()
    if mode == "RGBA":
        assert (_decoded(tmp_path / "a.png", color_mode="rgba").x[..., 3] == 0).all()


def test_cmyk_is_not_inverted_and_not_grey(tmp_path: Path) -> None:
    Image.new("RGB", (16, 16), (250, 10, 10)).convert("CMYK").save(tmp_path / "a.jpg")
    red, green, blue = _decoded(tmp_path / "a.jpg").x[4, 4].astype(int)
    assert red > 200
    assert max(green, blue) < 60


def test_a_picture_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, :4] = 255  # white on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: turn clockwise, so that the left comes to the top
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    x = _decoded(tmp_path / "a.png").x
    assert (x[:4] == 255).all()
    assert (x[4:] == 0).all()


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_the_first_of_several_frames_counts(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (8, 8), (v, v, v)) for v in (255, 0)]
    options = {"lossless": True} if suffix == ".webp" else {}
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:], **options)
    found = _decoded(tmp_path / f"a{suffix}")
    assert (found.x == 255).all()
    assert found.frames == 2


def test_the_suffix_may_lie_the_content_decides(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (9, 8, 7)).save(tmp_path / "a.png")
    lying = (tmp_path / "a.png").rename(tmp_path / "a.JPG")
    assert (_decoded(lying).x == (9, 8, 7)).all()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "but an empty file"),
        (b"<!DOCTYPE html><html>", "but a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ],
)
def test_what_is_no_picture_is_told_for_what_it_is(
    tmp_path: Path, content: bytes, told: str
) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(DataError, match=told):
        _decoded(tmp_path / "a.jpg")


def test_one_missing_byte_is_an_error_and_the_file_stays_as_it_is(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    short = (tmp_path / "a.jpg").read_bytes()[:-200]
    (tmp_path / "a.jpg").write_bytes(short)
    with pytest.raises(DataError, match="truncated"):
        _decoded(tmp_path / "a.jpg")
    assert (tmp_path / "a.jpg").read_bytes() == short


def test_proportions_are_kept_by_pad_and_crop_and_not_by_stretch(tmp_path: Path) -> None:
    pixels = np.full((8, 16, 3), 50, np.uint8)
    pixels[2:6, 4:12] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    pad, crop, stretch = (
        _decoded(tmp_path / "a.png", fit=fit, color_mode="grayscale")
        for fit in ("pad", "crop", "stretch")
    )
    assert (pad.x[:2] == 50).all()
    assert (pad.x == 200).sum() == 8  # 4 × 8 of 16 × 16, at half the size
    assert (crop.x == 200).sum() == 32  # the middle 8 × 8, as it was
    assert (stretch.x == 200).sum() == 16  # half as wide
    assert (pad.how, crop.how, stretch.how) == ("padded to 16 × 16", "cropped to 8 × 8", "")


def test_floating_point_pictures_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((8, 8), np.float32)).save(tmp_path / "a.tiff")
    with pytest.raises(DataError, match="floating-point"):
        _decoded(tmp_path / "a.tiff")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "PPM"])
def test_a_damaged_picture_is_read_or_refused(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (16, 16, 3), np.uint8)).save(tmp_path / "a", kind)
    whole = (tmp_path / "a").read_bytes()
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole[: rng.integers(1, 2 * len(whole))])
        for place in rng.integers(0, len(damaged), 3):
            damaged[place] = rng.integers(256)
        (tmp_path / "a").write_bytes(damaged)
        try:
            assert _decoded(tmp_path / "a").x.shape == (8, 8, 3)
        except DataError as error:
            refused += 1
            assert str(error).startswith(str(tmp_path / "a"))
    assert refused
