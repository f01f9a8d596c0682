"""A model that leaves the house: what is written, checked and told. One conversion for all."""

from __future__ import annotations

import errno
import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from nnpy import api
from nnpy.errors import ModelError, RunError, UsageError
from nnpy.export import formats, runtimes, sidecar
from nnpy.runs.folder import Run
from nnpy.workflows.export import place
from nnpy.workflows.export.export import Exporter, Order

onnx = pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def run(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A copy of the tiny run, to export from."""
    folder = tmp_path_factory.mktemp("exported") / "tiny"
    shutil.copytree(tiny_run, folder)
    return Run(folder)


@pytest.fixture(scope="module")
def told(run: Run) -> dict:
    """What exporting it to ONNX says."""
    return api.export(run, "onnx")


@pytest.fixture(scope="module")
def exporter(run: Run) -> Exporter:
    path, config = api.model_and_config(run, None, False)
    order = Order((formats.named("onnx"),))
    return Exporter(path, config, order, run, lambda text: None)


def test_an_export_agrees_and_says_how_well(told: dict, run: Run) -> None:
    (export,) = told["exports"]
    assert export["agrees"]
    assert export["difference"] < 1e-5
    assert export["same"] == 1.0
    assert (export["score"], export["scored"]) == ("accuracy", 200)
    assert export["before"] == export["after"] == pytest.approx(run.summary()["test"]["accuracy"])
    assert export["bytes"] < export["model_bytes"]
    assert Path(export["file"]) == run.export_folder / "tiny.onnx"
    assert run.exports()[0]["file"] == "export/tiny.onnx"
    page = run.report_path.read_text(encoding="utf-8")
    assert "In other formats" in page
    assert "export/tiny.onnx" in page


def test_the_file_takes_raw_bytes_and_carries_its_description(told: dict) -> None:
    path = Path(told["exports"][0]["file"])
    model = onnx.load(path)
    (given,) = model.graph.input
    assert given.name == "input"
    assert given.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert given.type.tensor_type.shape.dim[0].dim_param == "batch"
    within = json.loads(next(e.value for e in model.metadata_props if e.key == "nnpy"))
    beside = json.loads(sidecar.path_of(path).read_text())
    assert {**within, "check": beside["check"]} == beside
    assert beside["classes"] == [*map(str, range(10))]
    assert beside["inputs"] == [{"name": "input", "shape": [28, 28], "dtype": "uint8"}]
    assert beside["rescale"] == 1 / 255


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks are done in this process, which has TensorFlow: seconds less for each."""
    from nnpy.workflows.export import child, process

    tasks = {"convert": child.convert, "check": child.check}
    monkeypatch.setattr(process, "run", lambda task, folder: tasks[task["do"]](task))


@pytest.mark.parametrize(
    ("kind", "quantize", "name", "near"),
    [
        ("tflite", "none", "tiny.tflite", 1e-5),
        ("tflite", "float16", "tiny-float16.tflite", 0.01),
        ("tflite", "int8-weights", "tiny-int8-weights.tflite", 0.1),
        ("tflite", "int8", "tiny-int8.tflite", 0.1),
        ("onnx", "int8-weights", "tiny-int8-weights.onnx", 0.1),
        ("onnx", "int8", "tiny-int8.onnx", 0.1),
        ("savedmodel", "none", "tiny-savedmodel", 1e-5),
        ("keras", "none", "tiny.keras", 1e-5),
    ],
)
def test_every_format_agrees(
    kind: str, quantize: str, name: str, near: float, run: Run, here: None
) -> None:
    told = api.export(run, kind, quantize=quantize)
    assert told["problems"] == []
    (export,) = told["exports"]
    path = run.export_folder / name
    assert export["file"] == str(path)
    assert export["difference"] < near
    assert export["same"] > 0.95
    assert export["after"] > export["before"] - 0.01
    assert sidecar.read(path)["quantize"] == quantize
    if quantize.startswith("int8"):
        assert export["bytes"] < 0.5 * (run.export_folder / "tiny.onnx").stat().st_size
    if kind == "keras":
        found = api.evaluate(path)["metrics"]
        assert found["accuracy"] == pytest.approx(export["before"])


def test_without_the_scaling_the_file_takes_what_the_model_takes(
    run: Run, exporter: Exporter, here: None, tmp_path: Path
) -> None:
    told = api.export(run, ["savedmodel", "tflite"], raw_input=False, batch=4, output=tmp_path)
    assert [each["agrees"] for each in told["exports"]] == [True, True]
    beside = sidecar.read(tmp_path / "tiny.tflite")
    assert beside["inputs"] == [{"name": "input", "shape": [28, 28], "dtype": "float32"}]
    assert beside["batch"] == 4


def _answers(path: Path, x: np.ndarray) -> np.ndarray:
    return runtimes.open_file("onnx", path)({"input": x})["dense_1"]


def test_it_gives_the_answers_of_the_model_to_any_number_of_examples(
    told: dict, exporter: Exporter
) -> None:
    x = exporter.session.dataset().test.x
    found = _answers(Path(told["exports"][0]["file"]), x[:7])
    wanted = exporter.model(x[:7].astype(np.float32) / 255)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def _lie(model: onnx.ModelProto, lie: str) -> None:
    """Makes a file say something else than the model."""
    weights = [each for each in model.graph.initializer if len(each.dims) == 2]
    if lie == "zeroed":
        for each in model.graph.initializer:
            each.CopyFrom(
                onnx.numpy_helper.from_array(
                    np.zeros_like(onnx.numpy_helper.to_array(each)), each.name
                )
                if len(each.dims) == 2
                else each
            )
    elif lie == "swapped":
        last = weights[-1] if weights[-1].dims[1] == 10 else weights[0]
        values = onnx.numpy_helper.to_array(last)[:, ::-1].copy()
        last.CopyFrom(onnx.numpy_helper.from_array(values, last.name))
    else:
        (scale,) = (
            each
            for each in model.graph.initializer
            if np.allclose(onnx.numpy_helper.to_array(each), 1 / 255)
        )
        shape = tuple(scale.dims)
        scale.CopyFrom(onnx.numpy_helper.from_array(np.ones(shape, np.float32), scale.name))


@pytest.mark.parametrize("lie", ["zeroed", "swapped", "unscaled"])
def test_a_planted_lie_is_caught(lie: str, told: dict, exporter: Exporter, tmp_path: Path) -> None:
    model = onnx.load(told["exports"][0]["file"])
    _lie(model, lie)
    onnx.save(model, tmp_path / "lie.onnx")
    found, _ = exporter.check(formats.named("onnx"), tmp_path / "lie.onnx", "none", {})
    assert found.reasons
    assert found.difference > 0.01


def test_a_file_that_does_not_agree_is_named_so(
    run: Run, told: dict, exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnpy.workflows.export import process

    good = Path(told["exports"][0]["file"]).read_bytes()
    real = process.run

    def lying(task: dict, folder: Path) -> dict:
        if task["do"] == "check":
            return real(task, folder)
        (tmp_path / "lie.onnx").write_bytes(good)
        model = onnx.load(tmp_path / "lie.onnx")
        _lie(model, "zeroed")
        onnx.save(model, task["out"])
        return {}

    monkeypatch.setattr(process, "run", lying)
    monkeypatch.setattr(exporter, "order", Order(exporter.order.formats, output=tmp_path))
    export = exporter.export(formats.named("onnx"))
    assert Path(export["file"]).name == "tiny-disagrees.onnx"
    assert not (tmp_path / "tiny.onnx").exists()
    assert export["reasons"]
    # and when it agrees again, the wrong one goes
    monkeypatch.setattr(
        process,
        "run",
        lambda task, folder: (
            real(task, folder)
            if task["do"] == "check"
            else Path(task["out"]).write_bytes(good) and {}
        ),
    )
    assert Path(exporter.export(formats.named("onnx"))["file"]).name == "tiny.onnx"
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "lie.onnx",
        "nnpy_reader.py",
        "tiny.onnx",
        "tiny.onnx.json",
    ]


def test_a_process_that_dies_is_an_error_with_its_reason(
    exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os; os.kill(os.getpid(), 11)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ModelError, match="its process was ended by SIGSEGV"):
        exporter.check(formats.named("onnx"), tmp_path / "x.onnx", "none", {})


def test_a_file_that_is_no_export_is_never_replaced(
    exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine.onnx"
    mine.write_text("mine")
    monkeypatch.setattr(exporter, "order", Order(exporter.order.formats, output=mine))
    with pytest.raises(UsageError, match="already exists, and is no export"):
        exporter.export(formats.named("onnx"))
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("content", ["mine", '{"mine": 1}', "link"])
@pytest.mark.parametrize("name", ["x.onnx.json", "x-disagrees.onnx.json", "nnpy_reader.py"])
def test_what_lies_beside_it_is_never_replaced_either(
    exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    mine = tmp_path / name
    if content == "link":
        mine.symlink_to(precious)
    else:
        mine.write_text(content)
    before = sorted(each.name for each in tmp_path.iterdir())
    order = Order(exporter.order.formats, output=tmp_path / "x.onnx")
    monkeypatch.setattr(exporter, "order", order)
    made = tmp_path.parent / "made.onnx"
    made.write_bytes(b"new")
    fit = exporter.fit(formats.named("onnx"))
    with pytest.raises(UsageError, match=f"{name} already exists"):
        place.put(exporter, formats.named("onnx"), fit, made, {"check": {"agrees": True}})
    assert sorted(each.name for each in tmp_path.iterdir()) == before
    assert mine.read_text() == ("mine" if content == "link" else content)


def test_a_folder_is_put_in_place_whole(
    exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict
) -> None:
    """A full disk leaves the export before it, what was killed goes, what is the user's stays."""
    wanted = formats.named("savedmodel")
    order = Order((wanted,), output=tmp_path / "there")
    monkeypatch.setattr(exporter, "order", order)
    described = json.loads(sidecar.path_of(Path(told["exports"][0]["file"])).read_text())
    put = partial(place.put, exporter, wanted, exporter.fit(wanted))
    made = tmp_path / "made"
    (made / "variables").mkdir(parents=True)
    (made / "saved_model.pb").write_bytes(b"one")
    (made / "variables/x").write_bytes(b"one")
    assert put(made, described) == order.output
    (tmp_path / ".there.tmp").mkdir()
    (tmp_path / ".there.0123abcd.tmp/variables").mkdir(parents=True)
    (made / "saved_model.pb").write_bytes(b"two")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", full)
        with pytest.raises(RunError, match="the disk is full"):
            put(made, described)
    assert (order.output / "saved_model.pb").read_bytes() == b"one"
    put(made, described)
    assert (order.output / "saved_model.pb").read_bytes() == b"two"
    assert sorted(each.name for each in tmp_path.iterdir() if each.name[0] == ".") == [".there.tmp"]


def test_a_run_that_cannot_be_written_in_is_told_before_anything_is_converted(
    run: Run, tmp_path: Path
) -> None:
    shutil.copytree(run.folder, tmp_path / "run")
    other = Run(tmp_path / "run")
    other.metrics_path.unlink()
    other.metrics_path.symlink_to("/dev/full")
    said: list[str] = []
    with pytest.raises(RunError, match=r"metrics\.csv is a link to /dev/full"):
        api.export(other, "onnx", progress=said.append)
    assert said == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"format": "onx"}, "did you mean 'onnx'"),
        ({"quantize": "int4"}, "--quantize int4: expected none"),
        ({"opset": 19}, "--opset 19: expected 11 to 18"),
        ({"batch": 0}, "--batch 0"),
        ({"batch": "many"}, "--batch many"),
        ({"output": "x.pb"}, r"name ending in \.onnx"),
        ({"output": "no/such/x.onnx"}, "does not exist"),
    ],
)
def test_what_cannot_be_asked_for_is_said_before_the_model_is_read(
    options: dict, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        api.export("no-such-run", **options)


def test_the_command_prints_the_table_and_ends_with_1_where_something_failed(
    nnpy, run: Run, told: dict
) -> None:
    wrong = nnpy("export", run.folder, "--format", "onx")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "did you mean 'onnx'" in wrong.stderr


def test_the_folder_that_we_are_in_has_a_name_too(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert sidecar.path_of(Path()) == tmp_path.with_name(f"{tmp_path.name}.json")
    assert sidecar.path_of(Path("x/..")) == tmp_path.with_name(f"{tmp_path.name}.json")
    assert sidecar.path_of(Path("x.onnx")) == Path("x.onnx.json")
