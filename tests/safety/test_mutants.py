"""Files cut, flipped and spliced: the same answer or an error in words, in time and memory.

A sample; `make stress-files` is the long form.
"""

from __future__ import annotations

import sys

import pytest

from nnpy.errors import ModelError
from nnpy.safety.model_files import inspect
from tests.support import mutants, stress_files
from tests.support.limited_child import OLD_RUN, Child

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits are Linux's")
CASES = {"light": 60, "polars": 60, "keras": 15}


@pytest.fixture(scope="module")
def children():
    made = {name: Child(name) for name in CASES}
    yield made
    for child in made.values():
        child.close()


KINDS = [kind for kind in stress_files.KINDS if not kind.name.startswith("small-")]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_mutants_are_answered_or_refused(kind, children, tmp_path) -> None:
    counts, bad = stress_files.stress(kind, CASES[kind.child], 1, children[kind.child], tmp_path)
    assert not bad
    assert counts.total() == CASES[kind.child]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"TREE", b"TREF"),
        (b"HEAP", b"\xff\xff\xff\xff"),
        (b"SNOD", b"\0\0\0\0"),
    ],
)
def test_damaged_weights_under_a_good_checksum(tmp_path, before, after) -> None:
    good = (OLD_RUN / "checkpoints/best.keras").read_bytes()
    weights = mutants.member(good, "model.weights.h5")
    assert before in weights
    path = tmp_path / "m.keras"
    path.write_bytes(mutants.with_member(good, "model.weights.h5", weights.replace(before, after)))
    with pytest.raises(ModelError, match="is damaged: its weights cannot be read"):
        inspect(path)
