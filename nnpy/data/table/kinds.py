"""What each column of a table is, decided over all of its rows and told with the reason.

A column of numbers that has a word in its last row is no column of numbers: nothing is decided by
the first rows. Polars does the looking at a whole column; NumPy arrays come out of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from nnpy.data.table import words
from nnpy.data.table.column import NUMBER_FORM, Column, Form, Kind, canonical
from nnpy.data.table.polars_needed import polars
from nnpy.data.table.series import all_match, begins_as_number, few_cells, without
from nnpy.data.table.words import SPACES, shown
from nnpy.devices.host import cores_here
from nnpy.errors import DataError
from nnpy.text import plain

FEW = 32  # values up to which a column of words is a category whatever else it looks like
ALL_DIFFERENT = 20  # rows from which it says something that no value comes twice
NEARLY = 0.9  # the share of numbers from which a word among them is taken for a mistake
LONG = 100  # mean characters from which words are text


@dataclass(frozen=True)
class Reading:
    """What the user says of the cells, and how a row is named in a message."""

    missing: tuple[str, ...] | None = None  # words besides nothing; None: the usual ones
    decimal: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)  # column → kind, whatever it looks like
    asked: Collection[str] = ()  # features and targets by name: used whatever they look like
    skipped: Collection[str] = ()  # columns that are not looked at
    semicolons: bool = False  # whether the file's cells are parted by semicolons
    unnamed: Collection[str] = ()  # columns without a name
    place: Callable[[int], str] = lambda row: f"row {row + 1:,}"


def columns(frame: Any, reading: Reading) -> Iterator[Column]:
    """The columns of a polars frame that are not skipped; the frame is used up.

    They are looked at in threads: polars and NumPy let go of Python's lock.
    """
    names = [name for name in frame.columns if name not in reading.skipped]
    with ThreadPoolExecutor(cores_here()) as pool:
        looked = [
            pool.submit(_decide, name, [frame.drop_in_place(name)], reading) for name in names
        ]
        for each in looked:
            yield each.result()


def _decide(name: str, held: list[Any], reading: Reading) -> Column:
    series = held.pop()  # nobody else holds it: its memory is free once it is decided
    pl = polars()
    if reading.missing is not None and series.dtype == pl.String:
        series = without(series, series.is_in([*reading.missing, ""]))
    return _Column(name, series, reading).decided()


class _Column:
    """One column being looked at."""

    def __init__(self, name: str, series: Any, reading: Reading) -> None:
        self.name, self.series, self.reading = name, series, reading
        # Of a column of few different cells only these are looked at, each once: `weights` says
        # how often it is there, `back` which of them each row has.
        self.weights: Any = None
        self.back: Any = None
        self.wanted = reading.types.get(name)
        self.free = self.wanted is None and name not in reading.asked  # may be found useless
        self.notes: list[str] = []
        missing = None if reading.missing is None else tuple(sorted({*reading.missing, ""}))
        self.number_form = NUMBER_FORM if missing is None else Form(missing=missing)
        self.label_form = Form() if missing is None else Form(missing=missing)

    def decided(self) -> Column:
        pl, kind = polars(), self.series.dtype
        if kind == pl.String:
            if few := few_cells(self.series):
                self.series, self.back, self.weights = few
            if self.wanted not in (Kind.CATEGORY, Kind.BOOLEAN) and begins_as_number(self.series):
                number = self.series.cast(pl.Float64, strict=False)
                if number.null_count() == self.series.null_count() and self._is_number(number):
                    return self._of_numbers(number, self.number_form)
            return self._of_text()
        if kind.is_numeric():
            return self._of_numbers(self.series.cast(pl.Float64), self.number_form)
        if kind in (pl.Boolean, pl.Null):
            self.series = self.series.cast(pl.String)
            return self._of_text()
        if kind in (pl.Date, pl.Datetime):
            return self._of_days(self.series.cast(pl.Datetime("us")), "dates")
        if kind in (pl.Categorical, pl.Enum):
            self.series = self.series.cast(pl.String)
            return self._of_text()
        raise DataError(
            f"column '{self.name}' has cells of type {kind}: expected numbers, words, true and "
            "false or dates; leave it out with ignore"
        )

    # -- rows ---------------------------------------------------------------------------------

    def _count(self, mask: Any) -> int:
        """How many rows a mask of `series` is true of."""
        if self.weights is None:
            return int(mask.sum())
        return int(self.weights[mask.fill_null(False).to_numpy()].sum())

    def _place(self, mask: Any) -> str:
        """The first row that a mask of `series` is true of, in words."""
        import numpy as np

        found = mask.fill_null(False).to_numpy()
        return self.reading.place(int(np.argmax(found if self.back is None else found[self.back])))

    def _spread(self, array: Any) -> Any:
        """What is known of each of `series` as an array over the rows."""
        return array if self.back is None else array[self.back]

    # -- numbers ------------------------------------------------------------------------------

    def _is_number(self, number: Any) -> bool:
        """Whether no word such as `nan` was taken for a number, and nothing has leading zeros."""
        if self.decimal_is_comma:  # a point parts thousands, if there is one
            return not self.series.str.contains(".", literal=True).any()
        if number.is_nan().any():
            return False
        text = self.series
        zeros = text.filter(text.str.starts_with("0") & ((number >= 1) | (number == 0)))
        return not zeros.str.contains(r"^0[0-9]").any()

    @property
    def decimal_is_comma(self) -> bool:
        return self.reading.decimal == ","

    def _of_numbers(self, number: Any, form: Form, reason: str = "numbers") -> Column:
        infinite = number.is_infinite()
        if infinite.any():
            cell = self.series.filter(infinite)[0]
            raise DataError(
                f"column '{self.name}', {self._place(infinite)}: {shown([cell])} is no finite "
                f"number; mend it, or take such cells as missing: missing: [{plain(cell, 40)}]"
            )
        if number.null_count():
            number = number.fill_null(float("nan"))
        count = self._count(~number.is_nan())
        values = self._spread(number.to_numpy())
        if not count:
            return self._empty()
        column = Column(self.name, Kind.NUMBER, reason, form, values, notes=tuple(self.notes))
        if self.wanted in (Kind.CATEGORY, Kind.BOOLEAN):
            return replace(column.as_labels(), reason="numbers, taken as categories as asked")
        if self.free and self.back is None and (why := self._identifies(values, count)):
            return replace(column, kind=Kind.ID, reason=why)
        return column

    def _identifies(self, values: Any, count: int) -> str:
        """Why whole numbers are likely to be the number of the row or of somebody; "" if not."""
        import numpy as np

        head = values[:1000]
        if count < ALL_DIFFERENT or count < len(values) or (head != np.floor(head)).any():
            return ""
        low, high = float(values.min()), float(values.max())
        counting = high - low == count - 1
        if not counting and not (words.is_id_name(self.name) or 1e15 <= abs(high) < 1e25):
            return ""
        if high - low < count - 1 or len(np.unique(head)) < len(head):
            return ""
        if (values != np.floor(values)).any() or len(np.unique(values)) < count:
            return ""
        if self.name in self.reading.unnamed:
            return "it has no name and counts the rows, as an index that pandas wrote"
        return "it counts the rows" if counting else "whole numbers, all different: an identifier"

    # -- words ---------------------------------------------------------------------------------

    def _of_text(self) -> Column:
        text = self._stripped()
        count = self._count(text.is_not_null())
        if not count:
            return self._empty()
        if self.wanted not in (Kind.CATEGORY, Kind.BOOLEAN, Kind.DATE):
            found = self._number_with_words(text)
            if found is not None:
                return found
        first = text.drop_nulls()[0]
        if re.search(words.ISO_DATE, first) and all_match(text, words.ISO_DATE):
            if self.wanted != Kind.CATEGORY:
                return self._of_iso(text)
        elif re.search(words.OTHER_DATE, first) and all_match(text, words.OTHER_DATE):
            if self.wanted == Kind.DATE or (self.wanted is None and not self.free):
                raise DataError(
                    f"column '{self.name}': '{first}' does not say which number is the month; "
                    "write dates as 2024-01-31"
                )
            if self.free:
                return self._codes(text, Kind.DATE, f"dates such as {first}")
        return self._of_labels(text, count)

    def _stripped(self) -> Any:
        """The text without spaces at its ends, cells without content null."""
        text = self.series
        stripped = text.str.strip_chars(SPACES)
        changed = self._count(stripped != text)
        if changed:
            self.notes.append(f"spaces at the ends of {changed:,} cells are cut off")
        missing = ["", *(self.reading.missing or ())]
        return without(stripped, stripped.is_in(missing))

    def _number_with_words(self, text: Any) -> Column | None:
        """The column as numbers, some of whose cells are words for nothing; None where it is no
        such column. Raises DataError where all but a few cells are numbers."""
        said = text
        if self.reading.missing is None:
            said = without(text, text.is_in(sorted(words.MISSING_NUMBERS)))
        if said.null_count() == len(said):
            return self._empty() if self.free and text.n_unique() <= 2 else None
        for form, number in self._forms(said):
            bad = number.is_null() & said.is_not_null()
            if not bad.any() and not (form.decimal == "." and self._has_zeros(said, number)):
                if said.null_count() > text.null_count():
                    gone = text.filter(said.is_null() & text.is_not_null()).unique().sort()
                    told = ", ".join(f"'{word}' {self._count(text == word):,} ×" for word in gone)
                    self.notes.append(f"taken as missing: {told}")
                reason = "numbers"
                if form.thousands or form.decimal == ",":
                    example = said.filter(said.str.contains(r"[.,]"))
                    reason = f"numbers with decimal {'comma' if form.decimal == ',' else 'point'}"
                    reason += f", such as {example[0]}" if len(example) else ""
                self.series = said
                return self._of_numbers(number, form, reason)
        plain = said.cast(polars().Float64, strict=False)
        bad = plain.is_null() & said.is_not_null()
        known, wrong = self._count(said.is_not_null()), self._count(bad)
        if not wrong:  # leading zeros
            return None
        nearly = wrong <= (1 - NEARLY) * known and said.n_unique() > FEW
        if self.wanted == Kind.NUMBER or nearly:
            found = said.filter(bad).unique(maintain_order=True).to_list()
            raise DataError(
                f"column '{self.name}' is all numbers but {wrong:,} of {known:,} cells: "
                f"{shown(found)} (first in {self._place(bad)}); mend them, take them as "
                f"missing with missing: {_listed(found)}, or say types: {{{self.name}: category}}"
            )
        return None

    def _forms(self, text: Any) -> Iterator[tuple[Form, Any]]:
        """The ways to read the text as numbers, the likeliest first."""
        pl, form = polars(), self.number_form
        if not self.decimal_is_comma:
            number = text.cast(pl.Float64, strict=False)
            # Rust reads nan as a number: among these it is a word.
            yield form, without(number, number.is_nan())
        comma = (words.DECIMAL_COMMA, ",", ".")
        point = (words.THOUSANDS_COMMA, ".", ",")
        if self.reading.decimal is not None:
            order = [comma] if self.decimal_is_comma else [point]
        else:  # 1,234 is a thousand where cells are parted by commas
            order = [comma, point] if self.reading.semicolons or self._comma_ends(text) else [point]
        for pattern, decimal, thousands in order:
            first = text.drop_nulls()[0]
            if re.search(pattern, first) and all_match(text, pattern):
                plain = text.str.replace_all(thousands, "", literal=True)
                number = plain.str.replace(decimal, ".", literal=True).cast(pl.Float64)
                has = text.str.contains(thousands, literal=True).any()
                yield replace(form, decimal=decimal, thousands=thousands if has else ""), number

    def _comma_ends(self, text: Any) -> bool:
        """Whether some cell has a comma that cannot part thousands."""
        return bool(text.str.contains(r",(?:[0-9]{1,2}|[0-9]{4,})$").any())

    def _has_zeros(self, text: Any, number: Any) -> bool:
        zeros = text.filter(text.str.starts_with("0") & ((number >= 1) | (number == 0)))
        return bool(zeros.str.contains(r"^0[0-9]").any())

    def _of_labels(self, text: Any, count: int) -> Column:
        different = text.drop_nulls().n_unique()
        if different == 2:
            lower = text.str.to_lowercase()
            found = {*lower.drop_nulls().unique().to_list()}
        else:
            lower, found = None, set()
            if different <= 6:  # True, TRUE, true, FALSE, …
                lower = text.str.to_lowercase()
                found = {*lower.drop_nulls().unique().to_list()}
        for no, yes in words.BOOLEANS:
            if found == {no, yes} and lower is not None:
                self.label_form = replace(self.label_form, lower=True)
                return self._codes(lower, Kind.BOOLEAN, f"two values: {yes} is 1, {no} is 0")
        kind, reason = Kind.CATEGORY, f"{different:,} different values"
        zero = text.filter(text.str.contains(r"^0[0-9]+$"))
        if len(zero):
            reason += f"; '{zero[0]}' has leading zeros: a code, not a number"
        elif self.wanted in (Kind.CATEGORY, Kind.BOOLEAN):
            self.label_form = replace(
                self.label_form, numeric=all_match(text, words.NUMBER.pattern)
            )
        for word in text.filter(text.is_in(sorted(words.MISSING_NUMBERS))).unique().sort():
            self.notes.append(
                f"'{word}' {self._count(text == word):,} × is a word like others; "
                f"missing: [{word}] takes it as missing"
            )
        if self.free:
            long = text.str.len_chars().mean()
            if different == count and count >= ALL_DIFFERENT:
                kind, reason = Kind.ID, f"{count:,} words, all different: an identifier or text"
            elif different > FEW and (different > count / 2 or long > LONG):
                kind, reason = Kind.TEXT, f"text: {different:,} different values in {count:,} rows"
        return self._codes(text, kind, reason)

    def _codes(self, text: Any, kind: Kind, reason: str) -> Column:
        pl = polars()
        labels = text.drop_nulls().unique().sort()
        if kind in (Kind.ID, Kind.TEXT) or (kind == Kind.DATE and self.free):
            return Column(self.name, kind, reason, self.label_form, notes=tuple(self.notes))
        codes = text.cast(pl.Enum(labels)).to_physical().cast(pl.Int32)
        codes, names = self._spread(codes.fill_null(-1).to_numpy()), labels.to_list()
        if self.label_form.numeric:
            codes, names = _merged(codes, [canonical(each) for each in names])
        return Column(
            self.name,
            kind,
            reason,
            self.label_form,
            None,
            codes,
            tuple(names),
            tuple(self.notes),
        )

    # -- dates and nothing ---------------------------------------------------------------------

    def _of_iso(self, text: Any) -> Column:
        first = text.drop_nulls()[0]
        if self.free:
            return self._codes(text, Kind.DATE, f"dates such as {first}")
        from nnpy.data.table.dates import days

        unique = text.drop_nulls().unique()
        known = {each: days(each) for each in unique.to_list()}
        values = text.replace_strict(known, default=None, return_dtype=polars().Float64)
        return self._as_days(values, f"dates such as {first}, as days")

    def _of_days(self, moments: Any, reason: str) -> Column:
        pl = polars()
        number = moments.dt.epoch("us").cast(pl.Float64) / 86_400e6
        if self.free:
            return Column(self.name, Kind.DATE, reason, notes=tuple(self.notes))
        return self._as_days(number, f"{reason}, as days")

    def _as_days(self, number: Any, reason: str) -> Column:
        values = self._spread(number.fill_null(float("nan")).to_numpy())
        return Column(
            self.name, Kind.DATE, reason, self.label_form, values, notes=tuple(self.notes)
        )

    def _empty(self) -> Column:
        return Column(self.name, Kind.EMPTY, "it is empty", notes=tuple(self.notes))


def _merged(codes: Any, names: list[str]) -> tuple[Any, list[str]]:
    """Codes of labels some of which are the same by now, numbers in their order."""
    import numpy as np

    labels = sorted(set(names), key=lambda each: (not words.NUMBER.fullmatch(each), _key(each)))
    place = {name: index for index, name in enumerate(labels)}
    to = np.array([*(place[name] for name in names), -1], np.int32)
    return to[codes], labels


def _key(label: str) -> Any:
    return (float(label), "") if words.NUMBER.fullmatch(label) else (0.0, label)


def _listed(found: list[str]) -> str:
    return "[" + ", ".join(repr(plain(each, 40)) for each in found[:5]) + "]"
