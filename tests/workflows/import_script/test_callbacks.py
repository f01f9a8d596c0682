"""Every callback, all arguments off their defaults → YAML → the same callback.

Keras forgets what a callback was made with, so it crosses by way of `fit`, not of get_config().
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import pytest

from nnpy.catalog import catalog
from nnpy.config.checker import Checker
from nnpy.config.yaml.dump import dump
from nnpy.config.yaml.parse import parse
from nnpy.models.instantiate import instantiate
from nnpy.workflows.import_script import fit_call
from nnpy.workflows.import_script.own_code import OwnCode
from nnpy.workflows.import_script.script import Script
from tests.support import off_defaults

CATALOG = catalog.load()

NAMES = [each for each in CATALOG.names("callback") if each not in off_defaults.EXCEPTIONS]


@pytest.fixture
def remembering(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    fit_call.remember_callbacks(monkeypatch.setattr)
    return


@pytest.mark.parametrize("name", NAMES)
def test_a_callback(
    name: str, remembering: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    entry = CATALOG.find("callback", name)
    assert entry is not None
    for arguments in off_defaults.cases(entry):
        original: Any = off_defaults.made("callback", name, arguments)
        training = fit_call.Training(OwnCode(Script(Path("train.py"), ""), {}))
        fit_call.fitted(training, {"epochs": 1, "callbacks": [original]}, None)
        if name in fit_call.REPLACED:  # whose work nnpy does by itself
            assert "callbacks" not in training.section and name in training.notes[0].text
            continue
        assert not training.notes, training.notes
        node = parse(dump({"it": training.section["callbacks"][0]}), "x").value["it"]
        checker = Checker(CATALOG)
        checked = checker.object(node, ("callback",), "it")
        assert not checker.problems
        again = instantiate(checked)
        assert type(again) is type(original) is getattr(keras.callbacks, name)
        assert off_defaults.config_of(again) == off_defaults.config_of(original)
