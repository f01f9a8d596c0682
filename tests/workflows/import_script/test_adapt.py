"""What a script does to its pictures before `fit` becomes a step before its model."""

from __future__ import annotations

from typing import Any

import pytest

from nnpy.workflows.import_script.adapt import adapted


def record(shape: list[int], scaling: list[float] | None = None) -> dict[str, Any]:
    model = {"inputs": {"digits": {"shape": shape}}, "layers": [{"Dense": {"units": 10}}]}
    data = {"name": "mnist", "validation_split": 0.1}
    return {"model": model, "data": data, "stored_shape": [28, 28], "scaling": scaling}


@pytest.mark.parametrize("shape", [[28, 28], [28, 28, 1], [None, None], [None, None, 1]])
def test_pictures_as_nnpy_gives_them_need_nothing(shape: list[int]) -> None:
    given = record(shape, [1 / 255, 0.0])
    model, data, notes = adapted(given)
    assert (model, data, notes) == (given["model"], given["data"], [])


def test_flat_pictures_are_flattened_under_the_name_of_the_input() -> None:
    model, _, [note] = adapted(record([784], [1 / 255, 0.0]))
    assert model["inputs"] == {"pictures": {"shape": [28, 28]}}
    assert model["layers"][0] == {"Flatten": {"name": "digits"}}
    assert "784" in note["text"] and note["path"] == ["model"]


def test_rows_of_another_length_are_a_reshape() -> None:
    model, _, _ = adapted(record([14, 56], [1 / 255, 0.0]))
    assert model["layers"][0] == {"Reshape": {"target_shape": [14, 56], "name": "digits"}}


def test_an_offset_is_a_rescaling() -> None:
    model, data, [note] = adapted(record([28, 28], [1 / 127.5, -1.0]))
    step = {"Rescaling": {"scale": 1 / 127.5, "offset": -1.0, "name": "digits"}}
    assert model["layers"][0] == step and data["rescale"] == 1.0
    assert "-1" in note["text"]


def test_another_scale_stands_in_the_data_section() -> None:
    model, data, notes = adapted(record([28, 28], [1.0, 0.0]))
    assert model == record([28, 28])["model"] and data["rescale"] == 1.0 and not notes


def test_the_scale_is_said_where_the_model_seems_to_scale_by_itself() -> None:
    given = record([28, 28], [1 / 255, 0.0])
    given["model"]["layers"].insert(0, {"Rescaling": {"scale": 2.0, "offset": -1.0}})
    assert adapted(given)[1]["rescale"] == 1 / 255


def test_pictures_of_another_size_leave_the_data_open() -> None:
    model, data, [note] = adapted(record([32, 32, 3], None))
    assert model == record([32, 32, 3])["model"] and data == {"name": None}
    assert "mnist" in note["text"]
