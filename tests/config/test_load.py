"""The config: precedence, `extends`, `--set`, origins, checks before TensorFlow."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nnpy.config import load
from nnpy.config.yaml import parse
from nnpy.config.yaml.dump import with_origins
from nnpy.errors import ConfigError, UsageError

ROOT = Path(__file__).parents[2]
MODEL = "model:\n  - Flatten\n  - Dense: {units: 10, activation: softmax}\n"


def write(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


def wrong(path, *overrides):
    with pytest.raises(ConfigError) as caught:
        load.load_config(path, overrides)
    return caught.value.problems


TEN = """\
data: {nam: mnist, validation_split: 1.5}
blocks:
  pair: {parameters: {units: }, layers: [{Dense: {units: $unit}}]}
model:
  - Flaten
  - Dense: {unit: 128, activation: rellu}
  - pair: {units: 3}
  - Dense: {units: 10, from: nowhere}
training:
  optimizer: {Adam: {learning_rate: fast}}
  los: mse
  epochs: -1
"""


def test_ten_mistakes_are_ten_lines_without_tensorflow(tmp_path):
    path = write(tmp_path, "ten.yaml", TEN)
    code = (
        "import sys, runpy, json; sys.argv = ['nnpy', 'check', '--json', sys.argv[1]]\n"
        "import os; leave = os._exit\n"
        "def say(code):\n"
        "    sys.stdout.flush(); print([n for n in ('tensorflow', 'keras', 'numpy')"
        " if n in sys.modules], file=sys.stderr, flush=True); leave(code)\n"
        "os._exit = say\nrunpy.run_module('nnpy', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "[]"
    found = json.loads(done.stdout)["files"][0]["problems"]
    places = [(each["line"], each["column"]) for each in found]
    words = ["nam:", "1.5", "units: }", "$unit", "Flaten", "unit: 128", "rellu", "nowhere", "fast"]
    lines = TEN.splitlines()
    expected = [
        next((row, line.index(word) + 1) for row, line in enumerate(lines, 1) if word in line)
        for word in [*words, "los:", "-1"]
    ]
    assert places == expected


def test_a_file_on_top_of_another(tmp_path):
    write(
        tmp_path,
        "base.yaml",
        MODEL + "training:\n  optimizer: {Adam: {learning_rate: 0.1, beta_1: 0.5}}\n"
        "  metrics: [accuracy]\n  epochs: 3\n",
    )
    over = "extends: base.yaml\ntraining:\n  optimizer: {%s}\n  metrics: []\n"
    same = load.load_config(write(tmp_path, "same.yaml", over % "Adam: {beta_1: 0.7}"))
    assert same.training.optimizer.arguments == {"learning_rate": 0.1, "beta_1": 0.7}
    assert same.training.metrics == [] and same.training.epochs == 3
    other = load.load_config(write(tmp_path, "other.yaml", over % "SGD: {momentum: 0.7}"))
    assert other.training.optimizer.arguments == {"momentum": 0.7}
    assert "extends" not in other.resolved


def test_extends_in_a_loop_and_of_nothing(tmp_path):
    write(tmp_path, "a.yaml", "extends: b.yaml\n" + MODEL)
    path = write(tmp_path, "b.yaml", "extends: a.yaml\n" + MODEL)
    assert "a loop" in wrong(path)[0].message
    path = write(tmp_path, "c.yaml", "extends: d.yaml\n" + MODEL)
    assert "no such file" in wrong(path)[0].message and wrong(path)[0].line == 1


def test_overrides_reach_everywhere(tmp_path):
    path = write(tmp_path, "x.yaml", MODEL + "training: {optimizer: SGD}\n")
    checked = load.load_config(
        path,
        [
            "model.1.Dense.name=last",
            "training.optimizer.Adam.learning_rate=3e-4",
            "training.class_weight.3=2.5",
            "data.name=mnist",
        ],
    )
    assert checked.model.steps[1].name == "last"
    assert checked.training.optimizer.name == "Adam"
    assert checked.training.optimizer.arguments == {"learning_rate": 3e-4}
    assert checked.training.class_weight == {3: 2.5}
    assert checked.data.name == "mnist"
    with pytest.raises(UsageError):
        load.load_config(path, ["training.epochs"])
    assert "not a position" in wrong(path, "model.7=Flatten")[0].message


def test_each_value_has_its_origin(tmp_path):
    path = write(tmp_path, "x.yaml", MODEL)
    text = with_origins(load.load_config(path, ["training.epochs=7"]).tree)
    assert re.search(rf"units: 10 +# {re.escape(str(path))}:3", text)
    assert re.search(r"epochs: 7 +# --set", text)
    assert re.search(r"batch_size: 32 +# default", text)
    assert parse.parse(text, "x").plain() == load.load_config(path, ["training.epochs=7"]).resolved


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("model.1.Dense.units=5", "the model ends in 5 outputs, but fashion_mnist has 10 classes"),
        ("data.labels=one_hot", "this loss expects class indices"),
        ("training.loss=categorical_crossentropy", "this loss expects one-hot labels"),
        ("training.loss=mse", "this loss is for regression"),
        ("training.loss=binary_crossentropy", "this loss is for two classes"),
        ("training.loss={SparseCategoricalCrossentropy: {from_logits: true}}", "leave one"),
        ("training.monitor=val_acc", "did you mean 'val_accuracy'?"),
        ("training.loss_weights={x: 1}", "the model has only one output"),
    ],
)
def test_what_does_not_go_together(tmp_path, settings, message):
    assert message in wrong(write(tmp_path, "x.yaml", MODEL), settings)[0].message


def test_a_resolved_config_loads_to_the_same(tmp_path):
    for path in sorted((ROOT / "configs").glob("*.yaml")):
        checked = load.load_config(path)
        again = load.load_config(write(tmp_path, path.name, checked.to_yaml()))
        assert again.resolved == checked.resolved
        assert again.model.outputs == checked.model.outputs


def test_the_configs_of_few_pictures():
    """What they begin with is made by benchmarks/few.py."""
    found = sorted((ROOT / "configs" / "few").glob("*.yaml"))
    assert len(found) == 5
    for path in found:
        checked = load.load_config(path, ["training.initial_weights=null"])
        assert bool(checked.training.stages) == (path.stem == "fine_tuned")
        assert bool(checked.data.augment) == (path.stem == "augmented")


def test_the_examples_of_own_data(tmp_path):
    """Without the data, which `tests/workflows` has of each kind."""
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert len(examples) >= 4
    for index, example in enumerate(examples):
        load.load_config(write(tmp_path, f"example_{index}.yaml", example))


def test_the_examples_of_the_reference(tmp_path):
    text = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert len(examples) >= 8
    for name, content in re.findall(r"```(?:yaml|python)\n# (\w+\.\w+)\n(.*?)```", text, re.DOTALL):
        write(tmp_path, name, content)
    best = tmp_path / "runs/mlp/checkpoints/best.keras"  # that an example begins with
    best.parent.mkdir(parents=True)
    best.touch()
    write(best.parent.parent, "config.yaml", "model: [Flatten]")
    write(best.parent.parent, "summary.json", "{}")
    for index, example in enumerate(examples):
        load.load_config(write(tmp_path, f"example_{index}.yaml", example))
