"""Models and names that come from elsewhere: Keras files that nnpy has not trained, odd names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnpy import api
from nnpy.errors import ModelError
from nnpy.export import runtimes, sidecar

pytest.importorskip("onnx")
pytest.importorskip("ai_edge_litert")


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks are done in this process, which has TensorFlow: seconds less for each."""
    from nnpy.workflows.export import child, process

    tasks = {"convert": child.convert, "check": child.check}
    monkeypatch.setattr(process, "run", lambda task, folder: tasks[task["do"]](task))


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The config of data with a number for each example, whose inputs need no scaling."""
    path = tmp_path_factory.mktemp("numbers") / "d.npz"
    rng = np.random.default_rng(0)
    np.savez(path, x=rng.normal(size=(60, 4)).astype(np.float32), y=rng.normal(size=(60, 1)))
    source = {"arrays": {"path": str(path), "task": "numbers"}}
    return {"data": {"source": source}, "model": [{"Dense": {"units": 1}}]}


def _foreign(path: Path, units: int) -> Path:
    """A model from elsewhere, whose input Keras has named."""
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])
    model.compile("adam", "mse")
    model.save(path)
    return path


def test_a_model_from_elsewhere_is_exported_to_where_one_is(
    numbers: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = _foreign(tmp_path / "foreign.keras", 1)
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    told = api.export(model, ["onnx", "keras"], config=numbers, output=".")
    assert told["problems"] == []
    assert Path("foreign.onnx").is_file() and Path("foreign.keras").is_file()


def test_a_model_from_elsewhere_answers_in_the_units_that_it_has_learnt(tmp_path: Path) -> None:
    import keras

    x = np.random.default_rng(0).random((100, 1)).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=x, y=100 + 10 * x)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, name="last")])
    model.compile("adam", "mse")
    model.set_weights([np.array([[10.0]]), np.array([100.0])])
    model.save(tmp_path / "exact.keras")
    source = {"arrays": {"path": str(tmp_path / "d.npz"), "task": "numbers"}}
    config = {"data": {"source": source}, "model": [{"Dense": {"units": 1}}]}
    found = api.evaluate(tmp_path / "exact.keras", config=config, device="cpu")
    assert found["metrics"]["loss"] < 1e-6
    (tmp_path / "out").mkdir()
    told = api.export(
        tmp_path / "exact.keras", ["onnx", "keras"], config=config, output=tmp_path / "out"
    )
    assert [each["score"] for each in told["exports"]] == ["loss", "loss"]
    answers = _run(tmp_path / "out" / "exact.onnx", {"input": x})
    np.testing.assert_allclose(answers["last"], 100 + 10 * x, rtol=1e-5)


def _run(path: Path, given: dict) -> dict:
    return runtimes.open_file(path.suffix[1:] or "savedmodel", path)(given)


def test_names_that_a_format_cannot_have_are_told_by_the_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {"ein Gang": rng.normal(size=(60, 4)), "Größe in cm": rng.normal(size=(60, 3))}
    np.savez(tmp_path / "d.npz", **arrays, **{"Preis (€)": rng.normal(size=(60, 1))})
    source = {"path": str(tmp_path / "d.npz"), "x": [*arrays], "y": ["Preis (€)"]}
    config = {
        "data": {"source": {"arrays": {**source, "task": "numbers"}}},
        "model": {
            "inputs": {name: {"shape": [each.shape[1]]} for name, each in arrays.items()},
            "layers": [
                {"Concatenate": {"from": [*arrays], "name": "both"}},
                {"Dense": {"units": 1, "name": "last"}},
            ],
            "outputs": {"Preis (€)": "last"},
        },
        "training": {"epochs": 1},
    }
    run = api.train(config, run_dir=str(tmp_path / "run"))
    told = api.export(run, ["savedmodel", "tflite", "onnx", "keras"])
    assert told["problems"] == []
    known = sidecar.read(run.export_folder / "run.tflite")
    names = ["ein_Gang", "Gr__e_in_cm"]
    assert [each["name"] for each in known["inputs"]] == names
    assert [each["data"] for each in known["inputs"]] == [*arrays]
    given = [each[:5].astype(np.float32) for each in arrays.values()]
    wanted = _run(run.export_folder / "run.onnx", dict(zip(arrays, given, strict=True)))
    for name in ("run.tflite", "run-savedmodel"):
        found = _run(run.export_folder / name, dict(zip(names, given, strict=True)))
        np.testing.assert_allclose(found["Preis (€)"], wanted["Preis (€)"], atol=1e-5)
    assert api.evaluate(run.export_folder / "run.tflite")["metrics"]["mae"] > 0


def test_names_of_layers_that_tensorflow_cannot_run_are_told(numbers: dict, tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, name="aus Gang")])
    model.save(tmp_path / "odd.keras")
    with pytest.raises(ModelError, match=r"no layer called 'aus Gang': .* rename the layer"):
        api.evaluate(tmp_path / "odd.keras", config=numbers)


def test_outputs_within_outputs_are_told(numbers: dict, tmp_path: Path) -> None:
    import keras

    x = keras.Input((4,))
    one, two = keras.layers.Dense(1)(x), keras.layers.Dense(2)(x)
    keras.Model(x, {"a": [one, two], "b": one}).save(tmp_path / "deep.keras")
    with pytest.raises(ModelError, match="lie within one another"):
        api.evaluate(tmp_path / "deep.keras", config=numbers)


def test_a_model_for_other_targets_is_told_so(numbers: dict, tmp_path: Path) -> None:
    model = _foreign(tmp_path / "three.keras", 3)
    said = r"has the shape \[3\], but the target of arrays is a number \(y\)"
    with pytest.raises(ModelError, match=said):
        api.evaluate(model, config=numbers)
    told = api.export(model, "onnx", config=numbers, output=tmp_path)
    assert "has the shape [3]" in told["failed"]["onnx"]
