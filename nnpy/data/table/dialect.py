"""How a CSV file is written: its encoding, its delimiter, and whether its first line has names.

Found in its first bytes, and told; whatever the user says goes before what is found.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nnpy.data.table.words import NUMBER, SPACES, shown
from nnpy.errors import DataError
from nnpy.storage.regular import open_regular

SAMPLE = 1 << 16  # bytes that are looked at
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
MAX_COLUMNS = 100_000

# A decimal comma makes a comma look like a delimiter, so it comes last.
_ORDER = (";", "\t", "|", ",")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Dialect:
    """How one CSV file is written."""

    encoding: str  # a codec of Python; utf-8 is read as it is, with its mark or without
    delimiter: str
    names: tuple[str, ...]  # of the columns, spaces round them cut off
    header: bool  # whether the first line has the names
    skip: int = 0  # lines before the first row: comments and the names
    before: int = 0  # delimiters in them
    unnamed: tuple[str, ...] = ()  # the columns whose name the file leaves empty
    notes: tuple[str, ...] = field(default=())


def of_file(
    path: Path,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
) -> Dialect:
    """How the CSV file at `path` is written; what is given is believed.

    Raises DataError for a file that is empty, of lines that end in a lone carriage return, in an
    encoding that cannot be known, or with a name twice.
    """
    try:
        with open_regular(path) as file:
            start = file.read(SAMPLE)
            whole = len(start) < SAMPLE
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    if not start.strip():
        raise DataError(f"{path} is empty: expected a line of column names and a line for each row")
    encoding, notes = _encoding(path, start, encoding)
    text = _decoded(path, start, encoding)
    if "\n" not in text and text.count("\r") > 1:
        raise DataError(
            f"{path}: its lines end in a lone carriage return (CR), as on old Macs: "
            f"write it anew with line feeds, as by: tr '\\r' '\\n' < {path.name} > new.csv"
        )
    lines = text.splitlines(keepends=True)
    if not whole and len(lines) > 1:
        lines.pop()  # it may be cut
    skip = 0
    while skip < len(lines) - 1 and (_is_empty(lines[skip]) or _is_comment(lines[skip])):
        skip += 1
    for count, word, sign in (
        (sum(map(_is_comment, lines[:skip])), "comment", " (#)"),
        (sum(map(_is_empty, lines[:skip])), "empty", ""),
    ):
        if count:
            notes.append(
                f"{count} {word} line{'s' if count > 1 else ''}{sign} before the names left out"
            )
    before, lines = lines[:skip], lines[skip:]
    if delimiter is not None and (len(delimiter) != 1 or not delimiter.isascii()):
        raise DataError(
            f"delimiter: expected one character such as ';' or '\\t', got {delimiter!r}"
        )
    if delimiter is None:
        delimiter = _delimiter(lines)
        if delimiter != ",":
            notes.append(f"delimiter: {DELIMITERS[delimiter]}")
    first = _rows(lines, delimiter, 1)[0]
    names = tuple(each.strip(SPACES) for each in first)
    if len(names) > MAX_COLUMNS:
        raise DataError(f"{path} has {len(names):,} columns: at most {MAX_COLUMNS:,} are read")
    if header is None:
        header = not _is_data(names)
        if not header:
            notes.append(
                "no names: the first line is all numbers, so the columns are column_1, "
                "column_2, …; header: true takes it as names"
            )
    unnamed: tuple[str, ...] = ()
    if header:
        taken = csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter)
        next(taken)
        at = taken.line_num
        # polars takes its first line for the width of all.
        while at < len(lines) - 1 and _is_empty(lines[at]):
            at += 1
        if at > taken.line_num:
            notes.append("empty lines below the names left out")
        before += lines[:at]
        skip = len(before)
        unnamed = tuple(f"column_{i + 1}" for i, each in enumerate(names) if not each)
    if not header:
        names = tuple(f"column_{index + 1}" for index in range(len(names)))
    elif names != tuple(first):
        notes.append("spaces round the names of columns are cut off")
    _check_names(path, names)
    names = tuple(each or f"column_{index + 1}" for index, each in enumerate(names))
    if (
        header
        and (odd := [each for each in names if NUMBER.fullmatch(each)])
        and (0 < len(odd) < len(names))
    ):
        notes.append(
            f"{len(odd):,} of {len(names):,} names are numbers ({shown(odd, 3)}): if the file "
            "has no line of names, say header: false"
        )
    if len(names) == 1:
        notes.append(
            f"one column only, '{names[0]}': if there are more, say which delimiter parts them"
        )
    delimiters = sum(line.count(delimiter) for line in before)
    return Dialect(encoding, delimiter, names, header, skip, delimiters, unnamed, tuple(notes))


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _is_empty(line: str) -> bool:
    return not line.strip("\r\n")


def _encoding(path: Path, start: bytes, given: str | None) -> tuple[str, list[str]]:
    """The encoding, and what is to be told of it."""
    if given is not None:
        try:
            with contextlib.suppress(UnicodeError):
                b" ".decode(given)  # refuses what is no encoding of text, such as base64
            return codecs.lookup(given).name, []
        except (LookupError, ValueError):
            raise DataError(
                f"encoding: unknown encoding '{given}'; common ones are utf-8, "
                "cp1252 (Western Windows), latin-1, utf-16, shift_jis, gb18030"
            ) from None
    for mark, name in _BOMS:
        if start.startswith(mark):
            return name, [] if name == "utf-8" else [f"encoding: {name}, by its first bytes"]
    if b"\0" in start[:1024]:
        even, odd = start[:1024:2].count(0), start[1:1024:2].count(0)
        fits = "utf-16-le" if odd > even else "utf-16-be"
        if max(even, odd) > 16 * min(even, odd) and max(even, odd) > 3:
            raise DataError(f"{path} is not UTF-8 text: it looks like UTF-16; say encoding: {fits}")
        raise DataError(f"{path} is no text: it has zero bytes; is it a CSV file?")
    return "utf-8", []


def not_utf8(path: Path, content: bytes, offset: int = 0) -> DataError:
    """The error for `content` (from byte `offset` of the file) that is not UTF-8."""
    try:
        content.decode()
        place, sample = "", ""
    except UnicodeDecodeError as error:
        begin = content.rfind(b"\n", 0, error.start) + 1
        end = content.find(b"\n", error.start)
        line = content[begin : end if end >= 0 else len(content)][:200]
        place = f" (byte {offset + error.start + 1:,})"
        sample = f", in which it reads {shown([line.decode('cp1252', 'replace').strip()])}"
    return DataError(
        f"{path} is not UTF-8 text{place}: say which encoding it has; "
        f"encoding: cp1252 (Western European Windows, Latin-1) is the likeliest{sample}"
    )


def _decoded(path: Path, start: bytes, encoding: str) -> str:
    """The sample as text; a character that the sample's end cuts is left out."""
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
        text = decoder.decode(start)
    except UnicodeError as error:  # Python's own codecs raise more than UnicodeDecodeError
        if encoding == "utf-8":
            raise not_utf8(path, start) from None
        raise DataError(f"{path} is not in the encoding {encoding} ({why(error)})") from None
    except (LookupError, AttributeError, TypeError):
        raise DataError(f"{encoding} is no encoding of text") from None
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise DataError(f"{path} is empty: expected a line of column names and a line for each row")
    return text


def why(error: UnicodeError) -> str:
    """What a codec did not like."""
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1:,}: {error.reason}"
    return str(error)


def _delimiter(lines: Sequence[str]) -> str:
    """The delimiter by which every line has as many cells as the first, more than one."""
    best, best_share = ",", 0.0
    for each in _ORDER:
        rows = [row for row in _rows(lines, each, 200) if row]
        width = len(rows[0]) if rows else 0
        if width < 2:
            continue
        share = sum(len(row) == width for row in rows) / len(rows)
        if share > best_share:
            best, best_share = each, share
    return best


def _rows(lines: Sequence[str], delimiter: str, most: int) -> list[list[str]]:
    """The cells of the first rows; the last one, which may be cut within quotes, is left out."""
    reader = csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append(row)
            if len(rows) == most:
                return rows
    except csv.Error:
        pass
    return rows[:-1] if len(rows) > 3 and '"' in lines[-1] else rows or [[""]]


def _is_data(names: Sequence[str]) -> bool:
    """Whether the first line is a row: all numbers, and not 0, 1, 2, … that pandas writes."""
    if not all(NUMBER.fullmatch(each) for each in names):
        return False
    counting = [str(index) for index in range(len(names))]
    one_based = [str(index + 1) for index in range(len(names))]
    return len(names) == 1 or list(names) not in (counting, one_based)


def _check_names(path: Path, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        places = [index + 1 for index, each in enumerate(names) if each == twice[0]]
        raise DataError(
            f"{path}: the name {shown(twice, 3)} is there twice (columns "
            f"{', '.join(map(str, places[:5]))}): give each column a name of its own"
        )
