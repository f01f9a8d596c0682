"""What was exported, at work: nnpy's own commands, and a script that has no nnpy."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnpy import api
from nnpy.devices import host
from nnpy.errors import ModelError, UsageError
from nnpy.export import runtimes
from nnpy.runs.folder import Run
from tests.support import tables

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("ai_edge_litert")
pytest.importorskip("polars")

SCRIPT = """\
import json, sys
import numpy as np, onnxruntime
from PIL import Image
model, file = sys.argv[1:]
known = json.load(open(model + ".json", encoding="utf-8"))
x = np.asarray(Image.open(file).convert("L"), np.uint8)[None]
session = onnxruntime.InferenceSession(model)
(answer,) = session.run([known["answer"]], {known["inputs"][0]["name"]: x})
print(json.dumps([known["classes"][answer[0].argmax()], float(answer[0].max())]))
assert not {"nnpy", "tensorflow", "keras"} & set(sys.modules)
"""
ROWS = """\
import json, sys, pathlib
model, file = sys.argv[1:]
sys.path.insert(0, str(pathlib.Path(model).parent))
import onnxruntime, nnpy_reader
known = json.load(open(model + ".json", encoding="utf-8"))
x = nnpy_reader.read(file, known)
session = onnxruntime.InferenceSession(model)
(answer,) = session.run([known["answer"]], {known["inputs"][0]["name"]: x})
print(json.dumps(nnpy_reader.answers(answer, known)[0]))
assert not {"nnpy", "tensorflow", "keras", "polars"} & set(sys.modules)
"""


@pytest.fixture(scope="module")
def here():
    """Tasks are done in this process, which has TensorFlow: seconds less for each."""
    from nnpy.workflows.export import child, process

    with pytest.MonkeyPatch.context() as patch:
        tasks = {"convert": child.convert, "check": child.check}
        patch.setattr(process, "run", lambda task, folder: tasks[task["do"]](task))
        yield


@pytest.fixture(scope="module")
def run(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory, here: None) -> Run:
    folder = tmp_path_factory.mktemp("used") / "tiny"
    shutil.copytree(tiny_run, folder)
    told = api.export(folder, ["onnx", "tflite", "savedmodel"])
    assert told["problems"] == []
    return Run(folder)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, here: None) -> tuple[Path, Run]:
    """A file of rows, and a run on a table with its ONNX."""
    folder = tmp_path_factory.mktemp("penguins")
    path = tables.penguins(folder / "penguins.csv")
    config = {
        "data": {"source": {"table": {"path": str(path), "target": "species"}}},
        "model": [{"Dense": {"units": 8, "activation": "relu"}}, {"Dense": {"units": 3}}],
        "training": {
            "epochs": 3,
            "loss": {"SparseCategoricalCrossentropy": {"from_logits": True}},
        },
    }
    run = api.train(config, run_dir=str(folder / "run"))
    told = api.export(run, ["onnx", "tflite"])
    assert told["problems"] == []
    return tables.penguins(folder / "new.csv", count=7, seed=4), run


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "a.png"
    x = np.random.default_rng(3).integers(0, 256, (28, 28), np.uint8)
    Image.fromarray(x).save(path)
    return path


def _same(one: dict, other: dict) -> None:
    assert len(one["predictions"]) == len(other["predictions"]) > 0
    for a, b in zip(one["predictions"], other["predictions"], strict=True):
        assert (a["file"], a["fitted"]) == (b["file"], b["fitted"])
        assert [each["class"] for each in a["top"]] == [each["class"] for each in b["top"]]
        for x, y in zip(a["top"], b["top"], strict=True):
            assert x["probability"] == pytest.approx(y["probability"], abs=1e-6)
    for key in ("errors", "notes", "looks_inverted"):
        assert one[key] == other[key]


@pytest.mark.parametrize("name", ["tiny.onnx", "tiny.tflite", "tiny-savedmodel"])
def test_predict_says_the_same_as_with_the_model(name: str, run: Run, picture: Path) -> None:
    large = picture.with_name("b.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 50, 3), np.uint8)).save(large)
    array = picture.with_name("c.npy")
    np.save(array, np.zeros((3, 28, 28), np.uint8))
    files = [picture, large, array]
    _same(api.predict(run.export_folder / name, files), api.predict(run, files))
    _same(
        api.predict(run.export_folder / name, files, invert=True),
        api.predict(run, files, invert=True),
    )


@pytest.mark.parametrize("suffix", ["onnx", "tflite"])
def test_rows_of_a_table_are_answered_by_model_and_export_alike(suffix: str, table) -> None:
    path, run = table
    told = api.predict(run, [path])
    assert [each["file"] for each in told["predictions"]] == [f"{path}[{i}]" for i in range(7)]
    _same(api.predict(run.export_folder / f"run.{suffix}", [path]), told)


@pytest.mark.parametrize("name", ["tiny.onnx", "tiny.tflite", "tiny-savedmodel"])
def test_evaluate_finds_the_same_scores(name: str, run: Run) -> None:
    found, wanted = api.evaluate(run.export_folder / name), api.evaluate(run, device="cpu")
    for key in ("split", "examples", "task", "accuracy", "macro_f1", "confusion", "classes"):
        assert found[key] == wanted[key]


def test_numbers_are_in_the_users_units(tmp_path: Path, here: None) -> None:
    rows = [[f"{i / 100}", "xyz"[i % 3], f"{1000 + 3 * i + i % 3}"] for i in range(300)]
    path = tables.write_csv(tmp_path / "prices.csv", ["size", "kind", "price"], rows)
    config = {
        "data": {"source": {"table": {"path": str(path), "target": "price", "task": "numbers"}}},
        "model": [{"Dense": {"units": 8, "activation": "relu"}}, {"Dense": {"units": 1}}],
        "training": {"epochs": 2},
    }
    run = api.train(config, run_dir=str(tmp_path / "run"))
    told = api.export(run, ["onnx", "keras"])
    assert told["problems"] == []
    model, export = run.folder, run.export_folder / "run.onnx"
    wanted, found = (api.predict(each, [path])["predictions"] for each in (model, export))
    for one, other in zip(wanted, found, strict=True):
        assert one["outputs"] == pytest.approx(other["outputs"], rel=1e-5)
        assert 500 < one["outputs"][0] < 2500
    mae = api.evaluate(run, device="cpu")["metrics"]["mae"]
    assert api.evaluate(export)["metrics"]["mae"] == pytest.approx(mae, rel=1e-4)
    again = api.evaluate(run.export_folder / "run.keras", device="cpu")
    assert again["metrics"]["mae"] == pytest.approx(mae, rel=1e-4)


def test_several_inputs_and_targets_go_by_their_names(tmp_path: Path, here: None) -> None:
    rng = np.random.default_rng(0)
    b, a = rng.normal(size=(300, 3)), rng.integers(0, 255, (300, 4, 4), np.uint8)
    kind = (b[:, 0] > 0).astype(np.int64)
    np.savez(tmp_path / "two.npz", b=b, a=a, kind=kind, size=b[:, 1:2] * 50 + 200)
    source = {"path": str(tmp_path / "two.npz"), "x": ["b", "a"], "y": ["kind", "size"]}
    config = {
        "data": {"source": {"arrays": {**source, "task": {"kind": "classes", "size": "numbers"}}}},
        "model": {
            "inputs": {"b": {"shape": [3]}, "a": {"shape": [4, 4]}},
            "layers": [
                {"Flatten": {"from": "a", "name": "flat"}},
                {"Concatenate": {"from": ["b", "flat"], "name": "both"}},
                {"Dense": {"units": 8, "activation": "relu", "name": "body"}},
                {"Dense": {"units": 2, "activation": "softmax", "name": "kind", "from": "body"}},
                {"Dense": {"units": 1, "name": "size", "from": "body"}},
            ],
            "outputs": {"size": "size", "kind": "kind"},
        },
        "training": {"epochs": 2},
    }
    run = api.train(config, run_dir=str(tmp_path / "run"))
    for raw in (True, False):
        told = api.export(run, ["onnx", "tflite"] if raw else "onnx", raw_input=raw)
        assert told["problems"] == []
        assert max(each["difference"] for each in told["exports"]) < 1e-3  # of some 200
        if raw:
            found = api.evaluate(run.export_folder / "run.tflite")
            wanted = api.evaluate(run, device="cpu")["metrics"]["kind_accuracy"]
            assert found["metrics"]["accuracy"] == pytest.approx(wanted)


def test_evaluate_of_a_table_goes_by_what_the_training_learnt(table) -> None:
    _, run = table
    found = api.evaluate(run.export_folder / "run.onnx", split="validation")
    wanted = api.evaluate(run, split="validation", device="cpu")
    assert found["confusion"] == wanted["confusion"]


def test_the_commands_need_no_tensorflow(fresh_nnpy, run: Run, picture: Path, tmp_path) -> None:
    for package in ("tensorflow", "keras", "polars"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemError('it is not needed')")
    root = Path(__file__).parents[3]
    path = {"PYTHONPATH": f"{tmp_path}:{root}"}
    for model in ("tiny.onnx", "tiny.tflite"):
        done = fresh_nnpy("predict", run.export_folder / model, picture, "--csv", **path)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("file,class 1")
    keep = ("--predictions", tmp_path / "all.csv")
    done = fresh_nnpy("evaluate", run.export_folder / "tiny.onnx", "--json", *keep, **path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["examples"] == 200
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 201


def test_a_copy_needs_its_json_and_a_config_to_be_evaluated(run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "copy.onnx"
    shutil.copy(run.export_folder / "tiny.onnx", copy)
    with pytest.raises(ModelError, match=r"copy\.onnx\.json does not lie beside it"):
        api.predict(copy, [copy])
    shutil.copy(run.export_folder / "tiny.onnx.json", tmp_path / "copy.onnx.json")
    with pytest.raises(UsageError, match="lies in no run: say with --config"):
        api.evaluate(copy)
    assert api.evaluate(copy, config=run.config_path)["examples"] == 200


def test_a_savedmodel_of_someone_else_is_no_file_but_a_program(
    run: Run, picture: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "other"
    shutil.copytree(run.export_folder / "tiny-savedmodel", copy)
    told = json.loads((run.export_folder / "tiny-savedmodel.json").read_text())
    (tmp_path / "other.json").write_text(json.dumps({**told, "seal": "0" * 64}))
    with pytest.raises(UsageError, match="is a program that TensorFlow runs"):
        api.predict(copy, [picture])
    assert api.predict(copy, [picture], trust_code=True)["predictions"]
    (tmp_path / "other.json").write_text(json.dumps(told))
    assert api.predict(copy, [picture])["predictions"]  # sealed: it is one's own, wherever it lies


@pytest.mark.parametrize(
    "damage",
    [
        {"inputs": []},
        {"inputs": [{"name": "other", "shape": [28, 28], "dtype": "uint8"}]},
        {"answer": "other"},
        {"outputs": [{"name": "other"}]},
        {"classes": ["one"]},
        {"inputs": [{"name": "input", "shape": [28, 28], "dtype": "no such"}]},
        {"inputs": [{"name": "input", "shape": [28, 28], "dtype": "float32"}]},
        {"stored": {"shape": [27, 28], "dtype": "uint8"}},
        {"stored": {"shape": [28, 28], "dtype": "no such"}},
        {"picture": {"fit": "no such"}},
        {"format": 99},
    ],
    ids=str,
)
def test_a_damaged_description_is_an_error_in_words(
    damage: dict, run: Run, picture: Path, tmp_path: Path
) -> None:
    shutil.copy(run.export_folder / "tiny.onnx", tmp_path / "tiny.onnx")
    told = json.loads((run.export_folder / "tiny.onnx.json").read_text())
    (tmp_path / "tiny.onnx.json").write_text(json.dumps({**told, **damage}))
    with pytest.raises((ModelError, UsageError)):
        api.predict(tmp_path / "tiny.onnx", [picture])


@pytest.mark.parametrize("place", ["variables/variables.index", "assets/x"])
@pytest.mark.parametrize("kind", ["pipe", "device", "link", "endless"])
def test_a_savedmodel_with_something_else_in_place_of_a_file(
    place: str, kind: str, run: Run, picture: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "tiny-savedmodel"
    shutil.copytree(run.export_folder / copy.name, copy)
    shutil.copy(run.export_folder / f"{copy.name}.json", tmp_path)
    path = copy / place
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to({"device": "/dev/null", "endless": "/dev/zero"}.get(kind, picture))
    with pytest.raises(ModelError, match=rf"{path.name} cannot be read: it is a (named pipe|link)"):
        api.predict(copy, [picture])
    if kind != "link":
        with pytest.raises(ModelError, match=r"cannot be read: it is a (named pipe|device)"):
            api.predict(copy, [picture], trust_code=True)


def _hostile(run: Run, folder: Path, nodes: list, weights: list) -> Path:
    """An ONNX that takes the pictures of the run, and adds to them what `nodes` give."""
    from onnx import TensorProto, helper, numpy_helper

    beside = json.loads((run.export_folder / "tiny.onnx.json").read_text())
    given, answer = beside["inputs"][0]["name"], beside["outputs"][0]["name"]
    path = folder / "hostile.onnx"
    graph = helper.make_graph(
        [
            helper.make_node("Cast", [given], ["x"], to=TensorProto.FLOAT),
            helper.make_node("Flatten", ["x"], ["flat"], axis=1),
            *nodes,
            helper.make_node("MatMul", ["flat", "weights"], ["product"]),
            helper.make_node("Add", ["product", "more"], [answer]),
        ],
        "hostile",
        [helper.make_tensor_value_info(given, TensorProto.UINT8, [None, 28, 28])],
        [helper.make_tensor_value_info(answer, TensorProto.FLOAT, [None, 10])],
        [
            each if not isinstance(each, tuple) else numpy_helper.from_array(each[1], each[0])
            for each in [("weights", np.ones((784, 10), np.float32)), *weights]
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    path.write_bytes(model.SerializeToString())
    (folder / "hostile.onnx.json").write_text(json.dumps(beside))
    return path


@pytest.mark.parametrize("place", ["secret", "../secret", "/dev/zero", "pipe"])
def test_an_onnx_reads_no_other_file(
    place: str, run: Run, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onnx import TensorProto

    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for secret in (Path("secret"), tmp_path / "secret"):
        secret.write_bytes(bytes(40))
    os.mkfifo("pipe")
    weights = TensorProto(name="more", data_type=TensorProto.FLOAT, dims=[1, 10])
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", place), ("offset", "0"), ("length", "40")):
        weights.external_data.add(key=key, value=value)
    path = _hostile(run, tmp_path, [], [weights])
    for folder in (tmp_path, Path()):  # beside the file, and where we are
        monkeypatch.chdir(folder)
        with pytest.raises(ModelError, match="cannot be opened"):
            api.predict(path, [picture])


def test_an_onnx_that_never_ends_or_takes_all_memory_is_told(
    run: Run, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onnx import TensorProto, helper

    monkeypatch.setattr(runtimes, "_PATIENCE", 0.5)
    info = helper.make_tensor_value_info
    cond, value = ("on", TensorProto.BOOL, []), ("v", TensorProto.FLOAT, [1])
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["on"], ["still"]),
            helper.make_node("Identity", ["v"], ["w"]),
        ],
        "body",
        [info("i", TensorProto.INT64, []), info(*cond), info(*value)],
        [info("still", *cond[1:]), info("w", *value[1:])],
    )
    endless = [helper.make_node("Loop", ["times", "true", "start"], ["more"], body=body)]
    numbers = [
        ("times", np.array(1 << 62)),
        ("true", np.array(True)),
        ("start", np.zeros(1, np.float32)),
    ]
    with pytest.raises(ModelError, match="it has not answered in"):
        api.predict(_hostile(run, tmp_path, endless, numbers), [picture])
    greedy = [
        helper.make_node("ConstantOfShape", ["size"], ["all"]),
        helper.make_node("ReduceSum", ["all"], ["more"], keepdims=0),
    ]
    before = resource.getrlimit(resource.RLIMIT_AS)
    for size in (1 << 40, host.free_memory() // 4 + (64 << 20)):  # numbers of 4 bytes
        path = _hostile(run, tmp_path, greedy, [("size", np.array([size]))])
        with pytest.raises(ModelError, match=r"cannot be (run|opened): "):
            api.predict(path, [picture])
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def _script(python: str, text: str, model: Path, file: Path, tmp_path: Path) -> list:
    script = tmp_path / "script.py"
    script.write_text(text)
    done = subprocess.run(
        [python, "-I", str(script), str(model), str(file)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _both(python: str, run: Run, picture: Path, table, tmp_path: Path) -> None:
    """Ten lines with ONNX Runtime and NumPy say what `nnpy predict` says."""
    rows, other = table
    cases = [
        (SCRIPT, run.export_folder / "tiny.onnx", picture),
        (ROWS, run.export_folder / "tiny.onnx", picture),
        (ROWS, other.export_folder / "run.onnx", rows),
    ]
    for text, model, file in cases:
        name, probability = _script(python, text, model, file, tmp_path)
        first = api.predict(model.parents[1], [file])["predictions"][0]["top"][0]
        assert name == first["class"]
        assert probability == pytest.approx(first["probability"], abs=1e-6)


def test_a_short_script_without_nnpy_gives_the_same_answers(
    run: Run, picture: Path, table, tmp_path: Path
) -> None:
    _both(sys.executable, run, picture, table, tmp_path)


@pytest.mark.slow
def test_so_it_does_in_an_environment_of_its_own(
    run: Run, picture: Path, table, tmp_path: Path
) -> None:
    """Where there is nothing but ONNX Runtime, NumPy and Pillow."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "own"], check=True)
    python = str(tmp_path / "own" / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "onnxruntime", "numpy", "pillow"]
    if subprocess.run(install).returncode:
        pytest.skip("the packages cannot be fetched here")
    for name in ("nnpy", "tensorflow"):
        assert subprocess.run([python, "-I", "-c", f"import {name}"], stderr=-3).returncode
    _both(python, run, picture, table, tmp_path)
