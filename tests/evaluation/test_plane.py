"""The plane of a classifier of two numbers."""

from __future__ import annotations

import numpy as np
import pytest

from nnpy.data.dataset import Split
from nnpy.evaluation.plane import MOST_POINTS, STEPS, plane
from nnpy.report import figures


class SignOfTheFirst:
    """Answers with the second class where the first number is above 0."""

    def predict(self, split: Split) -> np.ndarray:
        assert len(split.y) == len(split.x)
        return (split.x[:, :1] > 0).astype("float32")


def points(count: int = 40) -> Split:
    x = np.random.default_rng(0).uniform(-1, 1, (count, 2)).astype("float32")
    return Split(x, (x[:, 1] > 0).astype("int32"))


def test_what_is_answered_where() -> None:
    split = points(MOST_POINTS + 10)
    answers = (split.x[:, 0] > 0).astype(int)
    found = plane(SignOfTheFirst(), split, split.y, answers, None)  # type: ignore[arg-type]
    assert found is not None and found.probabilities.shape == (STEPS, STEPS, 2)
    assert found.first[0] < split.x[:MOST_POINTS, 0].min() and found.second[-1] > 0.9
    rights = found.first > 0
    assert (found.probabilities[:, rights, 1] == 1).all()
    assert (found.probabilities[:, ~rights, 0] == 1).all()
    assert len(found.points) == len(found.truth) == len(found.answers) == MOST_POINTS
    figure = figures.plane(found, ["left", "right"])
    (legend,) = figure.legends
    assert [each.get_text() for each in legend.get_texts()] == ["left", "right", "wrong"]


def test_one_place_and_one_answer_can_be_drawn() -> None:
    split = Split(np.ones((3, 2), "float32"), np.ones(3, "int32"))
    found = plane(SignOfTheFirst(), split, split.y, split.y, None)  # type: ignore[arg-type]
    assert found is not None and found.first[0] < 1 < found.first[-1]
    assert figures.content(figures.plane(found, ["left", "right"]), "svg").startswith(b"<?xml")


@pytest.mark.parametrize("x", [np.zeros((4, 3), "float32"), np.zeros((4, 28, 28)), {"a": 1}])
def test_other_examples_have_no_plane(x: object) -> None:
    y = np.zeros(4, "int32")
    assert plane(SignOfTheFirst(), Split(x, y), y, y, None) is None  # type: ignore[arg-type]
