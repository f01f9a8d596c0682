"""The reader that ships with an export reads as nnpy does, and needs nothing of it."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnpy import data
from nnpy.data.files import images
from nnpy.data.table.record import Record
from nnpy.data.table.rows import read_rows
from nnpy.evaluation import classification
from nnpy.export import reader
from tests.support import tables

pytest.importorskip("polars")


def test_it_imports_the_standard_library_numpy_and_pillow_alone() -> None:
    tree = ast.parse(inspect.getsource(reader))
    modules = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [node.names[0].name])
    }
    assert modules <= {"__future__", "csv", "math", "re", "datetime", "pathlib", "numpy", "PIL"}


ODD = (
    "when,size,side,code,answer\n"
    "2024-01-31,1.5, Left ,007,a\n"
    "2024-02-01T12:30:00+01:00,NA,right,1.0,b\n"
    ",-3e2,,12,a\n"
    "2025-12-31, 7 ,never seen,1,b\n"
)


def _odd(path: Path) -> Path:
    rng = np.random.default_rng(0)
    lines = ["when,size,side,code,answer"]
    for i in range(200):
        size = "NA" if i % 9 == 0 else f"{rng.normal():.3f}"
        side = "" if i % 17 == 0 else ("Left", "right")[i % 2]
        day = "" if i % 23 == 0 else f"2024-{1 + i % 12:02}-{1 + i % 28:02}"
        lines.append(f"{day},{size},{side},{i % 5},{'ab'[i % 2]}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["odd", "penguins", "many"])
def test_rows_become_the_same_vectors(name: str, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    arguments: dict = {"target": "answer"}
    if name == "odd":
        path = _odd(tmp_path / "odd.csv")
        arguments["types"] = {"code": "category"}
        new.write_text(ODD, encoding="utf-8")
    elif name == "penguins":
        path = tables.penguins(tmp_path / "penguins.csv")
        arguments["target"] = "species"
        tables.penguins(new, count=50, seed=3)
    else:  # more labels than places: they are embedded, or share one
        rows = [[f"w{i % 150}", str(i), "ab"[i % 2]] for i in range(900)]
        path = tables.write_csv(tmp_path / "many.csv", ["word", "size", "answer"], rows)
        new.write_text("word,size,answer\nw3,1,a\nnever,2,b\n,,a\n")
    learnt = data.load("table", path=str(path), arguments=arguments).preprocessing
    wanted, _ = read_rows(new, Record.from_dict(learnt))
    np.testing.assert_array_equal(reader.vectors(learnt, reader.read_csv(new)), wanted.x)


@pytest.mark.parametrize("fit", ["pad", "crop", "stretch"])
@pytest.mark.parametrize("shape", [(28, 28), (20, 30, 3)])
def test_pictures_become_the_same_bytes(fit: str, shape: tuple, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (90, 70, 4), np.uint8)
    made = {
        "rgb.png": Image.fromarray(noise[..., :3]),
        "rgba.png": Image.fromarray(noise),
        "grey.png": Image.fromarray(noise[:28, :28, 0]),
        "deep.png": Image.fromarray(rng.integers(0, 65_536, (40, 60)).astype(np.uint16)),
        "palette.gif": Image.fromarray(noise[..., :3]).quantize(8),
        "large.jpg": Image.fromarray(rng.integers(0, 256, (600, 400, 3), np.uint8)),
        "wide.bmp": Image.fromarray(noise[:9, :, :3]),
    }
    form = {
        "height": shape[0], "width": shape[1], "fit": fit, "background": 148.0,
        "color_mode": "grayscale" if len(shape) == 2 else "rgb",
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, picture in made.items():
        path = tmp_path / name
        picture.save(path, **({"exif": exif} if name.endswith("jpg") else {}))
        (wanted,) = images.read(path, shape, background=148.0, fit=fit)
        np.testing.assert_array_equal(reader.picture(path, form), wanted.x, err_msg=name)


@pytest.mark.parametrize("scale", [None, "probabilities", "softmax", "sigmoid", "margins"])
@pytest.mark.parametrize("columns", [1, 4])
def test_answers_are_those_of_the_evaluation(scale: str | None, columns: int) -> None:
    outputs = np.random.default_rng(0).random((9, columns)).astype(np.float32)
    known = {
        "answer": "a", "outputs": [{"name": "a", "scale": scale}], "classes": ["p", "q", "r", "s"],
    }  # fmt: skip
    wanted = classification.probabilities(outputs, scale)
    for (name, probability), row in zip(reader.answers(outputs, known), wanted, strict=True):
        assert name == known["classes"][row.argmax()]
        assert probability == pytest.approx(row.max())
