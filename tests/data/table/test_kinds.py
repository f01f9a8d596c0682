"""What a column is, decided over all rows, with the reason."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl
import pytest

from nnpy.data.table.column import Kind
from nnpy.data.table.kinds import Reading, columns
from nnpy.errors import DataError

N = 60


def decided(cells, name="x", **how):
    """One column of some cells."""
    (column,) = columns(pl.DataFrame({name: cells}), Reading(**how))
    return column


def each(make):
    return [make(i) for i in range(N)]


@pytest.mark.parametrize(
    ("cells", "kind", "reason"),
    [
        (each(lambda i: f"{i * 0.5}"), Kind.NUMBER, "numbers"),
        (each(lambda i: f"{i % 7}"), Kind.NUMBER, "numbers"),
        (each(lambda i: f"0050{i % 9}"), Kind.CATEGORY, "leading zeros"),
        (each(lambda i: f"v{i % 3}"), Kind.CATEGORY, "3 different values"),
        (each(lambda i: ("yes", "No", "YES")[i % 3]), Kind.BOOLEAN, "yes is 1, no is 0"),
        (each(lambda i: ("True", "FALSE", "true", "False")[i % 4]), Kind.BOOLEAN, "true is 1"),
        (each(lambda i: f"2024-01-{i % 28 + 1:02}"), Kind.DATE, "dates such as 2024-01-01"),
        (each(lambda i: f"2024-01-02T10:{i:02}:00Z"), Kind.DATE, "dates such as"),
        (each(lambda i: f"02/{i % 12 + 1}/2024"), Kind.DATE, "dates such as 02/1/2024"),
        (each(lambda i: f"user{i}"), Kind.ID, "all different"),
        (each(lambda i: f"{i + 100}"), Kind.ID, "counts the rows"),
        (each(lambda i: f"{i * 7 % 60 + 100}"), Kind.ID, "counts the rows"),
        (each(lambda i: f"{12345678901234567890 + i * 9999}"), Kind.ID, "identifier"),
        (each(lambda i: f"some words {i % 50}"), Kind.TEXT, "50 different values in 60 rows"),
        ([None] * N, Kind.EMPTY, "empty"),
        (["  "] * N, Kind.EMPTY, "empty"),
        (["NA"] * N, Kind.EMPTY, "empty"),
    ],
)
def test_kinds(cells, kind, reason):
    column = decided(cells)
    assert (column.kind, reason in column.reason) == (kind, True), column


def test_numbers_all_different_are_an_identifier_only_by_name_or_count():
    cells = each(lambda i: f"{i * i + 5}")
    assert decided(cells, "price").kind is Kind.NUMBER
    for name in ("id", "user_id", "PassengerId", "Sample Number"):
        assert decided(cells, name).kind is Kind.ID
    assert decided(cells, "paid").kind is Kind.NUMBER
    assert decided(cells, "id", types={"id": "number"}).kind is Kind.NUMBER


def test_the_last_row_counts_as_much_as_the_first():
    numbers = [str(i * 0.5) for i in range(5000)]
    with pytest.raises(DataError, match=r"1 of 5,001 cells: 'oops' \(first in row 5,001\)"):
        decided([*numbers, "oops"])
    assert decided([*numbers, "?"]).kind is Kind.NUMBER
    column = decided([str(i % 20) for i in range(5000)] + ["A"])
    assert column.kind is Kind.CATEGORY and len(column.labels) == 21  # codes, few of them
    column = decided([*numbers, "oops"], types={"x": "category"})
    assert column.kind is Kind.CATEGORY


def test_words_for_missing_are_told_and_only_among_numbers():
    column = decided(["1.5", "NA", " 2 ", "?", None, ""] * 10)
    assert np.array_equal(column.values[:4], [1.5, np.nan, 2, np.nan], equal_nan=True)
    assert "'NA' 10 ×" in column.notes[1] and "spaces" in column.notes[0]
    countries = decided(["NA", "DE", None, "None"] * 10)
    assert countries.labels == ("DE", "NA", "None")
    assert countries.codes[:4].tolist() == [1, 0, -1, 2]
    countries = decided(["NA", "DE", "None"] * 10, missing=("NA",))
    assert countries.labels == ("DE", "None") and countries.codes[0] == -1


def test_missing_that_is_said_goes_before_the_usual_words():
    column = decided(["1", "-999", "3"] * 10, missing=("-999",))
    assert np.isnan(column.values[1]) and column.form.missing == ("", "-999")
    with pytest.raises(DataError, match="NA"):
        decided([*map(str, range(100, 300, 3)), "NA"], missing=("-999",))


@pytest.mark.parametrize("word", ["inf", "-Infinity", "1e400"])
def test_infinities_are_refused_with_their_row(word):
    cells = each(lambda i: f"{i * 0.5}")
    cells[50] = word
    with pytest.raises(DataError, match=f"'x', row 51: '{word}' is no finite number"):
        decided(cells)
    assert np.isnan(decided(cells, missing=(word,)).values[50])


def test_nan_is_missing_not_a_number():
    column = decided(each(lambda i: "NaN" if i == 3 else f"{i * 0.5}"))
    assert np.isnan(column.values[3]) and "'NaN' 1 ×" in column.notes[0]


def test_decimal_commas_and_thousands():
    column = decided(["1.234,5", "7,25", "-3"] * 10, semicolons=True)
    assert column.values[:3].tolist() == [1234.5, 7.25, -3] and "decimal comma" in column.reason
    column = decided(["1,234.5", "7.25", "-3"] * 10)
    assert column.values[:3].tolist() == [1234.5, 7.25, -3]
    # Three digits behind a comma may be either: what parts the cells decides.
    cells = ["1,234", "5,678", "9"] * 10
    assert decided(cells).values[0] == 1234
    assert decided(cells, semicolons=True).values[0] == 1.234
    assert decided(cells, decimal=",").values[0] == 1.234
    assert decided(["1.234", "5"] * 10, decimal=",").values[0] == 1234
    assert decided(["1.234", "5"] * 10).values[0] == 1.234


def test_dates_are_days_when_asked_for():
    column = decided(["1970-01-02", "1969-12-31T12:00:00Z", None], types={"x": "date"})
    assert np.array_equal(column.values, [1, -0.5, np.nan], equal_nan=True)
    with pytest.raises(DataError, match="which number is the month"):
        decided(["01/02/2024"], types={"x": "date"})


def test_types_of_parquet():
    assert decided([1, 5, 5, None]).values[:3].tolist() == [1, 5, 5]
    assert decided([True, False, None]).labels == ("false", "true")
    days = [datetime.date(1970, 1, 3)] * 3
    assert decided(days).kind is Kind.DATE
    assert decided(days, types={"x": "date"}).values.tolist() == [2, 2, 2]
    assert decided(pl.Series(["a", "b"], dtype=pl.Categorical)).labels == ("a", "b")
    with pytest.raises(DataError, match="type List"):
        decided([[1], [2]])
    with pytest.raises(DataError, match="no finite number"):
        decided([1.0, float("inf")])


def test_numbers_as_categories_are_one_label_however_written():
    column = decided(["1", "1.0", "10", "2"] * 10, types={"x": "category"})
    assert column.labels == ("1", "2", "10") and column.codes[:4].tolist() == [0, 0, 2, 1]
    assert decided([1.0, 2.0, 10.0], types={"x": "category"}).labels == ("1", "2", "10")


def test_cells_are_read_alike_by_polars_and_by_python():
    """What a training reads by polars, a prediction reads by Python: to the bit."""
    rng = np.random.default_rng(0)
    numbers = [repr(float(x)) for x in rng.normal(size=200) * 10.0 ** rng.integers(-300, 300, 200)]
    numbers += ["+1.", ".5e-3", " 7\t", "NA", "", "\u00a03 "]
    column = decided(numbers)
    again = [column.form.number(cell) for cell in numbers]
    assert np.array_equal(column.values, again, equal_nan=True)
    for cells in (["Yes", "no ", "NO", None], ["é", " é", "E", "\u3000e"], ["1.0", "01", "x", "1"]):
        column = decided(cells * 10)
        names = [column.labels[code] if code >= 0 else None for code in column.codes[:4]]
        assert [column.form.label(cell) for cell in cells] == names


def test_a_long_column_of_few_cells_is_decided_as_by_all_of_its_rows(monkeypatch):
    from nnpy.data.table import series

    rng = np.random.default_rng(0)
    columns = [
        ["5.5", "7", " NA ", "?", None],
        ["Yes", "no ", "NO", "", None],
        ["a", " a", "b", "c", None],
        ["1.234,5", "7,25", "-3", "-3", "-"],
        ["007", "1", "2", "3", "4"],
        ["2024-01-02", "2024-02-01", None, None, "2024-01-02"],
    ]
    rows = rng.integers(0, 5, 20_000)
    for types in ({}, {"x": "category"}):
        for cells in columns:
            long = [cells[row] for row in rows]
            found = decided(long, types=types)
            monkeypatch.setattr(series, "LONG", 10**9)
            wanted = decided(long, types=types)
            monkeypatch.undo()
            assert (found.kind, found.form, found.notes) == (wanted.kind, wanted.form, wanted.notes)
            assert found.labels == wanted.labels
            for one, other in ((found.values, wanted.values), (found.codes, wanted.codes)):
                assert (one is None) == (other is None)
                assert one is None or np.array_equal(one, other, equal_nan=True)
