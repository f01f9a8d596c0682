"""`nnpy init --from PATH`: what is written checks, says what was found, and trains as it is."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from nnpy import api
from nnpy.config.load import load_config
from nnpy.errors import DataError, UsageError
from nnpy.workflows.train import train_config
from tests.support import tables
from tests.support.datasets import tiny_fashion_mnist

RNG = np.random.default_rng(0)


def pictures(folder, mode="RGB", size=None):
    for i in range(60):
        place = folder / ("one", "zwei ä")[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        shape = size or (int(RNG.integers(40, 80)), 60)
        grey = np.full(shape, 60 + 120 * (i % 2), np.uint8)
        noise = RNG.integers(0, 40, shape, dtype=np.uint8)
        Image.fromarray(grey + noise).convert(mode).save(place / f"bild {i}.png")
    return folder


def arrays(path, **given):
    np.savez(path, **given)
    return path


def tokens(count=80, length=30):
    x = RNG.integers(1, 400, (count, length))
    x[:, 20:] = 0
    return x.astype("int32")


def german(path):
    rows = [f"{i % 7},5;{'Süd' if i % 3 else 'Öl'};{i * 37 % 101 / 4:.2f}" for i in range(90)]
    text = "Preis;Straße;Größe\n" + "\n".join(rows).replace(".", ",") + "\n"
    path.write_bytes(text.encode("cp1252"))
    return path


KINDS = {
    "colour": (lambda f: pictures(f / "p"), ["image_size: [64, 64]", "color_mode: rgb", "Conv2D"]),
    "grey": (
        lambda f: pictures(f / "p", "L", (28, 28)),
        ["image_size: [28, 28]", "color_mode: grayscale", "units: 2, activation: softmax"],
    ),
    "penguins": (
        lambda f: tables.penguins(f / "p.csv", count=120),
        ["target: species", "units: 3, activation: softmax"],
    ),
    "numbers": (
        lambda f: tables.scikit_learn(f / "d.csv", "diabetes"),
        ["target: target", "- Dense: {units: 1}\n"],
    ),
    "vectors": (
        lambda f: arrays(f / "a.npz", x=RNG.normal(9, 40, (90, 5)), y=np.arange(90) % 3),
        ["Normalization: {adapt: true}", "units: 3"],
    ),
    "labels": (
        lambda f: arrays(f / "a.npz", x=RNG.normal(size=(90, 5)), y=RNG.integers(0, 2, (90, 4))),
        ["units: 4, activation: sigmoid"],
    ),
    "words": (
        lambda f: arrays(f / "a.npz", x=tokens(), y=np.arange(80) % 2),
        ["Embedding: {input_dim: 400, output_dim: 32, mask_zero: true}", "LSTM"],
    ),
    "sequences": (
        lambda f: arrays(f / "a.npz", x=RNG.normal(size=(80, 9, 3)), y=RNG.normal(size=80)),
        ["LSTM", "- Dense: {units: 1}\n"],
    ),
    "nothing to answer": (
        lambda f: arrays(f / "a.npz", x=RNG.integers(0, 255, (80, 6, 6), dtype=np.uint8)),
        ["target: input", "Reshape: {target_shape: [6, 6]}"],
    ),
    "several": (
        lambda f: arrays(
            f / "a.npz",
            image=RNG.random((80, 6, 6)),
            meta=RNG.normal(size=(80, 3)),
            kind=np.array(["a", "b"] * 40),
            total=RNG.normal(size=80),
        ),
        ['x: ["image", "meta"]', 'y: ["kind", "total"]', "outputs: {kind: answer_1"],
    ),
    "a table of Excel": (
        lambda f: german(f / "de.csv"),
        ["encoding: cp1252", 'target: "Größe"'],
    ),
    "idx": (lambda f: tiny_fashion_mnist(f / "i", 120, 40), ["idx:", "units: 10"]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_suits_and_trains(kind, tmp_path):
    make, lines = KINDS[kind]
    written, told = api.first_config(make(tmp_path), tmp_path / "mine.yaml")
    text = written.read_text(encoding="utf-8")
    for line in lines:
        assert line in text, text
    assert told and all(f"# {line}" in text for line in told)
    assert str(tmp_path) not in text.split("data:", 1)[1]  # beside the config: a short path
    assert load_config(written).notes == ()
    if kind in ("several", "grey", "nothing to answer"):  # one of each way to write a model
        few = load_config(written, ["training.epochs=1"])
        run = train_config(few, run_dir=str(tmp_path / "run"), device="cpu", final=False)
        assert run.summary()["status"] == "finished"


def test_a_picture_that_cannot_be_read_is_left_out(tmp_path):
    folder = pictures(tmp_path / "p")
    (folder / "one" / "torn.jpg").write_bytes(b"\xff\xd8\xff" + bytes(40))
    written, told = api.first_config(folder, tmp_path / "mine.yaml")
    assert "skip_unreadable: 1" in written.read_text(encoding="utf-8")
    found = api.look(written)
    assert any("1 pictures that cannot be read are left out" in note for note in found["notes"])
    assert sum(found["splits"].values()) == 60 and "1 of them cannot be read" in "".join(told)


def test_the_command(nnpy, tmp_path):
    tables.penguins(tmp_path / "penguins.csv")
    done = nnpy("init", "--from", "penguins.csv")
    assert (done.returncode, done.stdout.strip()) == (0, "penguins.yaml")
    assert "to be answered: species (by its name)" in done.stderr
    assert nnpy("init", "--from", "penguins.csv").returncode == 2  # never written over
    done = nnpy("init", "--from", "penguins.csv", "--target", "bill_*", "-o", "bills.yaml")
    assert done.returncode == 0, done.stderr
    assert "units: 2}" in (tmp_path / "bills.yaml").read_text()
    done = nnpy("init", "--from", "penguins.csv", "--target", "specie", "-o", "x.yaml")
    assert "did you mean 'species'" in done.stderr
    done = nnpy("data", "penguins.yaml")
    assert done.returncode == 0, done.stderr
    for words in ("examples  240 to train on", "one of 3 classes", "Chinstrap", "body_mass_g"):
        assert words in done.stdout
    found = json.loads(nnpy("data", "penguins.csv", "--json").stdout)
    assert found["splits"] == {"train": 240, "validation": 52, "test": 52}
    assert {each["name"] for each in found["columns"]} >= {"island", "sex", "year"}
    done = nnpy("init", "mlp", "--from", "penguins.csv")
    assert done.returncode == 2 and "exclude one another" in done.stderr
    done = nnpy("data", "nothing.yaml")
    assert done.returncode == 2 and "nothing.yaml" in done.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x.zip", "unpack it first"),
        ("x.xlsx", "save it as CSV first"),
        ("nothing", "no such file or folder"),
        ("empty", "no pictures, no arrays and no tables"),
        ("two", "two tables"),
    ],
)
def test_what_is_no_data(name, words, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "two").mkdir()
    for each in ("x.zip", "x.xlsx", "two/a.csv", "two/b.csv"):
        (tmp_path / each).write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=words.replace("two tables", "2 tables")):
        api.first_config(tmp_path / name, tmp_path / "c.yaml")
    assert not (tmp_path / "c.yaml").exists()


def test_an_existing_file_stays(tmp_path):
    (tmp_path / "c.yaml").write_text("mine")
    path = arrays(tmp_path / "a.npz", x=RNG.normal(size=(50, 3)), y=np.arange(50) % 2)
    with pytest.raises(UsageError):
        api.first_config(path, tmp_path / "c.yaml")
    assert (tmp_path / "c.yaml").read_text() == "mine"
