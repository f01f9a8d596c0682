"""What is packed comes back as it was, and a damaged file is never taken for a whole one."""

from __future__ import annotations

import collections
import math
import random

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnpy.storage import archive


def there_and_back(path, value):
    archive.write(path, value)
    return archive.read(path)


def alike(a, b) -> bool:
    """Equal, of the same types all the way down, NaN equal to NaN, -0.0 unlike 0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray | np.generic):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(a) == list(b) and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple | collections.deque):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, float):
        return repr(a) == repr(b)
    return a == b


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda parts: (
        st.lists(parts)
        | st.lists(parts).map(tuple)
        | st.dictionaries(st.text() | st.integers() | st.just("!"), parts)
        | st.frozensets(st.integers() | st.text())
        | st.lists(parts).map(lambda content: collections.deque(content, maxlen=7))
        | st.lists(st.tuples(st.text(), parts)).map(collections.OrderedDict)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(value=plain)
def test_plain_data_comes_back(tmp_path_factory, value):
    assert archive.holds(value)
    assert alike(there_and_back(tmp_path_factory.getbasetemp() / "p", value), value)
    assert alike(archive.copy(value), value)


@pytest.mark.parametrize(
    "dtype",
    [
        *("float16", "float32", "float64", "complex64", "int8", "int64", "uint8", "uint32"),
        *("bool", "<U5", "S3", ">f4"),
        *(ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.int4),
    ],
)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (0, 3), (4, 1, 5)])
def test_arrays_come_back_to_the_bit(tmp_path, dtype, shape):
    size = math.prod(shape)
    if np.dtype(dtype).kind in "SU":
        array = np.array(["abc"] * size).astype(dtype).reshape(shape)
    else:
        array = np.arange(size).astype(dtype).reshape(shape)
    back = there_and_back(tmp_path / "p", {"a": array})["a"]
    assert back.dtype == array.dtype.newbyteorder("=")
    assert np.array_equal(back, array)
    assert alike(there_and_back(tmp_path / "p", array.ravel()[:1]), back.ravel()[:1])


def test_every_bit_of_a_float_counts(tmp_path):
    bits = np.array([0x7FC00001, 0xFF800000, 0x80000000, 0x00000001], "uint32")  # NaN, -inf, -0
    back = there_and_back(tmp_path / "p", bits.view("float32"))
    assert np.array_equal(back.view("uint32"), bits)


def test_arrays_in_any_layout(tmp_path):
    array = np.arange(24.0).reshape(4, 6)
    for view in (array.T, array[::2], array[:, ::-1], np.asfortranarray(array)):
        assert np.array_equal(there_and_back(tmp_path / "p", view), view)


def test_scalars_keep_their_type(tmp_path):
    for value in (np.float32(0.1), np.float64(0.1), np.int64(3), np.bool_(True)):
        assert alike(there_and_back(tmp_path / "p", value), value)


def test_generators_go_on_where_they_were(tmp_path):
    ours = (random.Random(1), np.random.default_rng(2), np.random.RandomState(3))
    [generator.random() for generator in ours]
    theirs = there_and_back(tmp_path / "p", ours)
    copies = archive.copy(ours)
    numbers = [generator.random() for generator in ours]
    assert [generator.random() for generator in theirs] == numbers
    assert [generator.random() for generator in copies] == numbers


def test_a_copy_shares_nothing():
    value = {"list": [1], "array": np.zeros(3)}
    copied = archive.copy(value)
    value["list"].append(2)
    value["array"][0] = 7
    assert copied["list"] == [1]
    assert copied["array"][0] == 0


def test_what_cannot_be_kept_is_refused(tmp_path):
    class Text(str):
        pass

    cycle: list = []
    cycle.append(cycle)
    objects = np.array([None], dtype=object)
    default = collections.defaultdict(list)
    for value in (print, object(), Text("a"), cycle, objects, default, [{"a": print}]):
        assert not archive.holds(value)
    with pytest.raises(TypeError, match="without running code"):
        archive.write(tmp_path / "p", [print])
    assert not (tmp_path / "p").exists()


def test_only_the_same_is_the_same():
    values = [
        *(None, 0, 0.0, -0.0, False, "0", b"0", [], (), {}, {1}, [0], ["a", "b"], [["a"], "b"]),
        *(np.zeros(2), np.zeros(2, "float32"), np.zeros((2, 1)), np.float32(0), np.float64(0)),
        *(np.array([0.0, -0.0]), np.array([np.nan, 0.0])),
    ]
    for number, value in enumerate(values):
        found = [archive.same(value, other) for other in values]
        assert found == [number == place for place in range(len(values))]
        assert archive.same(value, archive.copy(value))
    assert archive.same({"b", "a", "c"}, {"c", "b", "a"})


def test_a_damaged_file_is_told_wherever_the_damage_is(tmp_path):
    path = tmp_path / "p"
    archive.write(path, {"step": 3, "weights": np.arange(50, dtype="float32")})
    content = path.read_bytes()
    for size in range(0, len(content), 7):  # torn
        path.write_bytes(content[:size])
        with pytest.raises(archive.Damaged):
            archive.read(path)
    for place in range(0, len(content), 5):  # rotten
        rotten = bytearray(content)
        rotten[place] ^= 1
        path.write_bytes(rotten)
        with pytest.raises(archive.Damaged):
            archive.read(path)
    path.write_bytes(content + b"more")
    with pytest.raises(archive.Damaged):
        archive.read(path)
    with pytest.raises(archive.Damaged, match="cannot be read"):
        archive.read(tmp_path / "missing")


@pytest.mark.parametrize(
    "header",
    [
        b"not json",
        b"[" * 100_000,
        b'{"data": 1}',
        b'{"data": {"!": "array", "of": 5}, "arrays": []}',
        b'{"data": {"!": "print", "of": [1]}, "arrays": []}',
        b'{"data": {"!": "Generator", "of": {"bit_generator": "seed"}}, "arrays": []}',
        b'{"data": 1, "arrays": [["<f4", [1000000000000], 0]]}',
        b'{"data": 1, "arrays": [["os", [1], 0]]}',
        b'{"data": 1, "arrays": [["<f4", [-1], 0]]}',
        b'{"data": 1, "arrays": [["|O", [1], 0]]}',
    ],
)
def test_a_forged_file_does_no_harm(tmp_path, header):
    import hashlib

    body = b"nnpypack" + len(header).to_bytes(8, "little") + header + b"\0" * 64
    (tmp_path / "p").write_bytes(body + hashlib.sha256(body).digest())
    with pytest.raises(archive.Damaged):
        archive.read(tmp_path / "p")
