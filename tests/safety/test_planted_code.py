"""A file planted in each place where code could be named leaves no trace that it ran."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import yaml

import nnpy
from nnpy import api
from nnpy.cli.commands.check import check
from nnpy.cli.commands.import_ import import_
from nnpy.cli.commands.sweep import sweep
from nnpy.cli.terminal import Terminal
from nnpy.errors import NnpyError
from nnpy.runs.folder import Run
from nnpy.storage import archive
from nnpy.training.state_store import read_state

LAYER = """
import keras

class Planted(keras.layers.Layer):
    def call(self, inputs):
        return inputs
"""
IN_MODEL = {"model": ["Flatten", "Planted", {"Dense": {"units": 10, "activation": "softmax"}}]}


@pytest.fixture
def harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What planted code makes when it runs; the key of this user, and the folder he is in."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home" / "state"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "harm"


@pytest.fixture
def run(tiny_run: Path, tmp_path: Path) -> Run:
    """A finished run that came from somewhere."""
    return Run(Path(shutil.copytree(tiny_run, tmp_path / "theirs")))


def plant(path: Path, harm: Path, code: str = LAYER) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"open({str(harm)!r}, 'a').close()\n{code}")
    return path


def edit(run: Run, **values: Any) -> None:
    config = yaml.safe_load(run.config_path.read_text())
    run.config_path.write_text(yaml.safe_dump({**config, **values}))


def everything(run: Run) -> Iterator[Callable[[], object]]:
    """Whatever opens a run, its model or its config, in one process."""
    folder, config, model = run.folder, run.config_path, run.best_path
    picture = np.zeros((28, 28), np.uint8)
    np.save("x.npy", picture)
    yield lambda: api.evaluate(folder)
    yield lambda: api.evaluate(model)
    yield lambda: api.evaluate(model, config=config)
    yield lambda: api.predict(folder, ["x.npy"])
    yield lambda: api.plot(folder, "m.dot")
    yield lambda: api.plot(model, "m.dot")
    yield lambda: api.plot(config, "m.dot")
    yield lambda: api.report(folder)
    yield lambda: api.resume(folder, overrides=["training.epochs=3"])
    yield lambda: api.reproduce(folder)
    yield lambda: api.train(config)
    yield lambda: api.train(nnpy.load_config(config), overrides=["training.seed=1"])
    yield lambda: api.build(config)
    yield lambda: api.bench(config, seconds=0.01, rounds=1)
    yield lambda: api.export(folder, "onnx")
    yield lambda: api.export(model, "onnx")
    search = {"sweep": {"search": {"training.batch_size": [8, 16]}, "trials": 1}}
    Path("mine.yaml").write_text(yaml.safe_dump({"extends": str(config), **search}))
    yield lambda: sweep.main(["mine.yaml"], standalone_mode=False, obj=Terminal())
    yield lambda: api.compare([folder, folder])
    for arguments in ([str(config)], ["--show", str(config)], ["--build", str(config)]):
        yield lambda arguments=arguments: check.main(
            arguments, standalone_mode=False, obj=Terminal()
        )
    yield lambda: import_.main([str(model)], standalone_mode=False, obj=Terminal())


def nothing_runs(run: Run, harm: Path) -> int:
    """Every command on the run: none runs what was planted; how many were refused."""
    refused = 0
    for number, command in enumerate(everything(run)):
        try:
            command()
        except (NnpyError, click.exceptions.Exit):
            refused += 1
        assert not harm.exists(), f"command {number} ran it"
    return refused


# ---------------------------------------------------------------- code: in all its forms


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("code/planted.py", "code/planted.py"),
        ("planted.py", "planted.py"),
        ("lib/planted.py", ["lib/planted.py"]),
        ("../planted.py", "../planted.py"),
        ("code/planted.py", "./code/../code/planted.py"),
        ("../elsewhere/planted.py", "{absolute}"),
        ("../here/planted.py", "link.py"),
    ],
)
def test_code_of_a_config(run: Run, harm: Path, place: str, said: Any) -> None:
    path = plant(run.folder / place, harm)
    if said == "link.py":
        (run.folder / "link.py").symlink_to(path)
    absolute = str(path.resolve())
    said = absolute if said == "{absolute}" else said
    edit(run, code=said, **IN_MODEL)
    assert nothing_runs(run, harm) >= 17
    with pytest.raises(NnpyError, match="--trust-code"):
        api.build(run.config_path)
    # Through a link to the folder, and from a config of the user's own that builds on it.
    Path("link").symlink_to(run.folder)
    Path("mine.yaml").write_text(f"extends: {run.config_path}\n")
    for config in ("link/config.yaml", "mine.yaml"):
        with pytest.raises(NnpyError, match="--trust-code"):
            api.build(config)
    assert not harm.exists()
    api.build(run.config_path, trust_code=True)
    assert harm.exists()


def test_code_behind_extends(run: Run, harm: Path) -> None:
    path = plant(run.folder.parent / "planted.py", harm)
    base = run.folder.parent / "base.yaml"
    base.write_text(yaml.safe_dump({"code": path.name, **IN_MODEL}))
    for said in ("../base.yaml", str(base)):
        run.config_path.write_text(yaml.safe_dump({"extends": said}))
        assert nothing_runs(run, harm) >= 17
    inner = shutil.copy(base, run.folder / "base.yaml")
    plant(run.folder / "planted.py", harm)
    run.config_path.write_text(yaml.safe_dump({"extends": Path(inner).name}))
    assert nothing_runs(run, harm) >= 17


def test_a_folder_that_is_only_half_a_run(run: Run, harm: Path) -> None:
    plant(run.folder / "planted.py", harm)
    edit(run, code="planted.py", **IN_MODEL)
    for path in (run.summary_path, run.environment_path):
        path.unlink()
        with pytest.raises(NnpyError):
            api.build(run.config_path)
        assert not harm.exists()


def test_a_key_that_came_with_the_folder_is_worth_nothing(
    run: Run, harm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attacker's own key, in the folder that we are in, and homes that lead there."""
    from nnpy.safety import code_seal

    path = plant(run.code_folder / "planted.py", harm)
    sealed = code_seal.seal({path.name: path.read_bytes()})
    environment = {**run.environment(), "code_seal": sealed}
    run.write_json(run.environment_path, environment)
    shutil.copytree(run.folder.parent / "home" / "state", "state")
    edit(run, code="code/planted.py", **IN_MODEL)
    for home in ("state", "./state", ""):
        monkeypatch.setenv("XDG_STATE_HOME", home)
        monkeypatch.setenv("HOME", "")
        with pytest.raises(NnpyError, match="--trust-code"):
            api.build(run.config_path)
    assert not harm.exists()


# ---------------------------------------------------------------- names in a config


@pytest.mark.parametrize(
    "values",
    [
        {"model": ["Flatten", {"Lambda": {"function": "{code}"}}, {"Dense": {"units": 10}}]},
        {
            "model": [
                "Flatten",
                {"Lambda": {"function": {"class_name": "__lambda__", "config": "{code}"}}},
                {"Dense": {"units": 10}},
            ]
        },
        {"model": ["Flatten", {"Dense": {"units": 10, "activation": "planted.run"}}]},
        {"model": ["Flatten", {"Dense": {"units": 10, "activation": "{code}"}}]},
        {"model": ["Flatten", {"Dense": {"units": "{code}"}}]},
        {"model": ["Flatten", {"planted.Planted": {}}, {"Dense": {"units": 10}}]},
        {"model": ["Flatten", {"TFSMLayer": {"filepath": "saved"}}, {"Dense": {"units": 10}}]},
        {"training": {"loss": "planted.run"}},
        {"training": {"metrics": ["planted.run"]}},
        {"training": {"optimizer": {"planted.Planted": {}}}},
        {"training": {"callbacks": [{"LambdaCallback": {"on_epoch_end": "{code}"}}]}},
        {"training": {"callbacks": [{"LearningRateScheduler": {"schedule": "planted.run"}}]}},
        {"training": {"callbacks": [{"class_name": "Planted", "module": "planted"}]}},
        {"blocks": {"b": {"parameters": {"n": "{code}"}, "layers": ["Flatten"]}}},
    ],
)
def test_names_in_a_config(run: Run, harm: Path, values: dict) -> None:
    plant(Path("planted.py"), harm)
    plant(run.folder / "planted.py", harm)
    code = f"__import__('os').mkdir({str(harm)!r})"
    text = json.dumps(values).replace("{code}", code)
    config = yaml.safe_load(run.config_path.read_text())
    given = yaml.safe_load(text)
    training = {**config["training"], **given.pop("training", {})}
    run.config_path.write_text(yaml.safe_dump({**config, **given, "training": training}))
    for command in (lambda: api.plot(run.folder, "m.dot"), lambda: api.train(run.config_path)):
        with contextlib.suppress(NnpyError, TypeError):  # what Keras says to a text for a function
            command()
        assert not harm.exists()


@pytest.mark.parametrize("tag", ["apply:os.mkdir", "new:os.mkdir", "object:planted.Planted"])
def test_tags_of_yaml(run: Run, harm: Path, tag: str) -> None:
    plant(Path("planted.py"), harm)
    text = run.config_path.read_text()
    run.config_path.write_text(f"{text}\nblocks: !!python/object/{tag} [{harm}]\n")
    assert nothing_runs(run, harm) >= 17


@pytest.mark.parametrize(
    ("callback", "argument"),
    [
        ("CSVLogger", "filename"),
        ("ModelCheckpoint", "filepath"),
        ("BackupAndRestore", "backup_dir"),
        pytest.param(
            *("TensorBoard", "log_dir"),
            marks=pytest.mark.skipif(
                find_spec("tensorboard") is None, reason="needs the package tensorboard"
            ),
        ),
    ],
)
def test_files_that_a_callback_would_overwrite(run: Run, harm: Path, callback, argument) -> None:
    harm = harm.with_name("precious.keras")
    harm.write_text("precious")
    config = yaml.safe_load(run.config_path.read_text())
    config["training"]["callbacks"] = [{callback: {argument: str(harm)}}]
    run.config_path.write_text(yaml.safe_dump(config))
    for command in (
        lambda: api.train(run.config_path),
        lambda: api.reproduce(run.folder),
        lambda: api.resume(run, overrides=["training.epochs=3"]),
    ):
        with pytest.raises(NnpyError, match=f"{callback}.{argument}.*--trust-code"):
            command()
    assert harm.read_text() == "precious"
    api.evaluate(run)  # writes nothing of the kind


def test_files_that_a_layer_would_read(run: Run, harm: Path) -> None:
    secret = harm.with_name("secret.txt")
    secret.write_text("secret\n")
    edit(run, model=[{"StringLookup": {"vocabulary": str(secret)}}, {"Dense": {"units": 10}}])
    with pytest.raises(NnpyError, match=r"StringLookup\.vocabulary.*--trust-code"):
        api.build(run.config_path)


# ---------------------------------------------------------------- the model, the state, arrays


def rewritten(path: Path, change: Callable[[dict], None]) -> None:
    """The model with another config.json."""
    with zipfile.ZipFile(path) as before:
        parts = {name: before.read(name) for name in before.namelist()}
    config = json.loads(parts["config.json"])
    change(config)
    with zipfile.ZipFile(path, "w") as after:
        for name, content in parts.items():
            after.writestr(name, json.dumps(config) if name == "config.json" else content)


NAMES = [
    {"module": "planted", "class_name": "Planted", "registered_name": "Planted"},
    {"module": None, "class_name": "Planted", "registered_name": "planted>Planted"},
    {"module": "nnpy_code_planted", "class_name": "Planted", "registered_name": "planted>Planted"},
    {"module": "keras.layers", "class_name": "Lambda", "registered_name": None},
    {"module": "builtins", "class_name": "exec", "registered_name": None},
    {"module": "keras.src.saving.saving_lib", "class_name": "planted", "registered_name": None},
    {"module": "keras.layers", "class_name": "Dense", "registered_name": "planted>Planted"},
]


@pytest.mark.parametrize("name", NAMES)
def test_names_in_a_model(run: Run, harm: Path, name: dict) -> None:
    plant(Path("planted.py"), harm)
    for folder in (run.folder, run.best_path.parent):
        plant(folder / "planted.py", harm)
    code = {"class_name": "__lambda__", "config": {"code": f"open({str(harm)!r}, 'a')"}}

    def change(config: dict) -> None:
        layer = config["config"]["layers"][2]
        inner = {"function": code} if name["class_name"] == "Lambda" else layer["config"]
        config["config"]["layers"][2] = {**layer, **name, "config": inner}

    rewritten(run.best_path, change)
    Path("x.npy").unlink(missing_ok=True)
    np.save("x.npy", np.zeros((28, 28), np.uint8))
    for command in (
        lambda: api.evaluate(run.folder),
        lambda: api.evaluate(run.best_path),
        lambda: api.predict(run.folder, ["x.npy"]),
        lambda: api.plot(run.best_path, "m.dot"),
        lambda: api.report(run.folder),
    ):
        if name["registered_name"] == "planted>Planted" and name["class_name"] == "Dense":
            with contextlib.suppress(NnpyError):
                command()
        else:
            with pytest.raises(NnpyError):
                command()
        assert not harm.exists()


class Payload:
    def __init__(self, harm: Path) -> None:
        self.harm = harm

    def __reduce__(self):
        return os.mkdir, (str(self.harm),)


def test_arrays_that_are_pickles(run: Run, harm: Path) -> None:
    array = np.array([Payload(harm)], dtype=object)
    np.save("x.npy", array, allow_pickle=True)
    answer = api.predict(run.folder, ["x.npy"])
    assert len(answer["errors"]) == 1
    assert answer["predictions"] == []
    np.savez(run.predictions_path, truth=array, answer=array)
    with pytest.raises(NnpyError):
        api.compare([run.folder, run.folder])
    for path in run.state_folder.iterdir():
        path.write_bytes(pickle.dumps(Payload(harm)))
    api.resume(run, overrides=["training.epochs=3"])
    assert not harm.exists()


def test_a_state_names_no_code_and_no_file(run: Run, harm: Path, tiny_config: dict) -> None:
    precious = harm.with_name("precious.csv")
    precious.write_text("precious")
    training = {
        **tiny_config["training"],
        "callbacks": [{"CSVLogger": {"filename": str(harm.with_name("log.csv"))}}],
    }
    own = nnpy.train({**tiny_config, "training": training}, run_dir="own")
    newest = max(own.state_folder.glob("state-*"))
    good = archive.read(newest)

    def alter(**attributes: Any) -> None:
        content = copy.deepcopy(good)
        content["callbacks"] = [("CSVLogger", attributes)]
        for path in own.state_folder.glob("state-*"):
            archive.write(path, content)

    function = ("a function of keras.ops", "exec")
    for attributes in (
        {"filename": str(precious)},
        {"on_epoch_end": ("a function of keras.ops", "abs")},
        {"set_model": "x"},
        {"__class__": "x"},
        {"keys": function},
        {"keys": ("a function of keras.ops", "np")},
        {"sep": "\n"},
    ):
        alter(**attributes)
        with pytest.raises(NnpyError, match="the saved state"):
            nnpy.resume(own, overrides=["training.epochs=3"])
    assert precious.read_text() == "precious"
    assert not harm.exists()
    assert read_state(newest).run


# ---------------------------------------------------------------- beside it all


def test_modules_in_the_folder_that_we_are_in(run: Run, harm: Path) -> None:
    for name in ("planted", "sitecustomize", "usercustomize", "json", "yaml", "keras", "code"):
        plant(run.folder / f"{name}.py", harm, code="")
    code = "from nnpy.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "check", "config.yaml"],
        cwd=run.folder,
        env={**os.environ, "PYTHONPATH": str(Path(nnpy.__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not harm.exists()


def test_programs_in_the_configuration_of_git(run: Run, harm: Path, monkeypatch) -> None:
    if shutil.which("git") is None:
        pytest.skip("no git")
    from nnpy.runs.environment import environment

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=x", "-c", "user.email=x@x")
        subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)

    monkeypatch.chdir(run.folder)
    git("init", "-q")
    Path(".gitattributes").write_text("* filter=evil\n")
    Path("file").write_text("one")
    git("add", "file", ".gitattributes")
    git("commit", "-qm", "x")
    assert environment({}, {})["git_commit"][-1] != "+"
    Path("file").write_text("two")
    program = Path("evil.sh").absolute()
    program.write_text(f"#!/bin/sh\ntouch {harm}\ncat\n")
    program.chmod(0o755)
    for key in ("core.fsmonitor", "filter.evil.clean", "filter.evil.process", "core.pager"):
        git("config", key, str(program))
    git("config", "filter.evil.required", "true")
    harm.unlink(missing_ok=True)
    assert environment({}, {})["git_commit"][-1] == "+"
    assert not harm.exists()
