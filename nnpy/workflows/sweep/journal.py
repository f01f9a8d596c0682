"""The journal of a sweep: Optuna's records in a file of its folder, whoever wrote them.

A sweep's folder may come from anywhere, as a run's may: the file is read only if it is one, up to
a limit, and each record must be what Optuna writes; nothing is appended through a link.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from nnpy.errors import RunError
from nnpy.storage import atomic, json_file
from nnpy.storage.json_file import Kind, WrongKind, mapping, optional, record, sequence, whole
from nnpy.storage.regular import TooLarge, open_regular

_LIMIT = 1 << 30  # bytes of a journal: some million epochs
_LONGEST = 16 << 20  # bytes of a record
_MOST = 1_000_000  # epochs in a record


def _number(value: Any, place: str) -> None:
    json_file.number(value, place)
    try:
        float(value)
    except OverflowError:
        raise WrongKind(place, "a number", value) from None


def _text(value: Any, place: str) -> None:
    if not isinstance(value, str):  # of any length: whole configs are kept
        raise WrongKind(place, "a text", value)


def _up_to(most: int) -> Kind:
    def check(value: Any, place: str) -> None:
        whole(value, place)
        if value > most:
            raise WrongKind(place, f"a number from 0 to {most}", value)

    return check


def _any(value: Any, place: str) -> None:
    pass


def _attribute(value: Any, place: str) -> None:
    mapping(_any, 1)(value, place)
    if not value:
        raise WrongKind(place, "a name and its value", value)


def _all(**fields: Kind) -> Kind:
    return record(fields, tuple(fields))


def _both(one: Kind, other: Kind) -> Kind:
    def check(value: Any, place: str) -> None:
        one(value, place)
        other(value, place)

    return check


_STATE, _NUMBERS = _up_to(4), sequence(_number)
# The operations by Optuna's numbers of them.
_RECORDS: dict[int, Kind] = {
    0: _all(study_name=_text, directions=sequence(_up_to(2))),
    1: _all(study_id=whole),
    2: _all(study_id=whole, user_attr=_attribute),
    3: _all(study_id=whole, system_attr=_attribute),
    4: _both(
        _all(study_id=whole, datetime_start=optional(_text)),
        record(
            {
                "state": _STATE,
                "datetime_complete": _text,
                "distributions": mapping(_text),
                "params": mapping(_number),
                "user_attrs": mapping(_any),
                "system_attrs": mapping(_any),
                "intermediate_values": mapping(_number, _MOST),
                "value": optional(_number),
                "values": optional(_NUMBERS),
            }
        ),
    ),
    5: _all(trial_id=whole, param_name=_text, param_value_internal=_number, distribution=_text),
    6: _both(
        _all(trial_id=whole, state=_STATE, values=optional(_NUMBERS)),
        record({"datetime_start": _text, "datetime_complete": _text}),
    ),
    7: _all(trial_id=whole, step=whole, intermediate_value=_number),
    8: _all(trial_id=whole, user_attr=_attribute),
    9: _all(trial_id=whole, system_attr=_attribute),
}


def open_journal(path: Path, locked: Callable[[], AbstractContextManager[None]]) -> Any:
    """Optuna's storage in the file `path`, which is made where there is none.

    `locked()` keeps other processes from appending. Raises RunError for a file that is no
    journal.
    """
    from optuna.storages import JournalStorage

    backend = _backend(path, locked)
    try:
        return JournalStorage(backend)
    except RunError:
        raise
    except Exception as error:  # noqa: BLE001 – what records that do not go together come to
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise RunError(
            f"{path} cannot be read: line {backend.line:,}: {reason}; begin a new sweep with --new"
        ) from None


def _backend(path: Path, locked: Callable[[], AbstractContextManager[None]]) -> Any:
    from optuna.storages.journal import BaseJournalBackend

    class Journal(BaseJournalBackend):
        """A last line without its end is what a killed process left; it goes before the next."""

        def __init__(self) -> None:
            self.line = 0  # that was read last, from 1
            self._starts = {0: 0}  # number of a record → its place in the file
            with atomic.translate_error(path):
                os.close(atomic.open_own(path, os.O_RDWR))

        def read_logs(self, log_numberfrom: int) -> Iterator[dict[str, Any]]:
            known = max(each for each in self._starts if each <= log_numberfrom)
            for number, (place, line) in enumerate(_lines(path, self._starts[known]), known):
                self.line = number + 1
                self._starts = {0: 0, number: place, number + 1: place + len(line)}
                if number >= log_numberfrom:
                    yield _checked(path, line, self.line)

        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            lines = [json.dumps(each, separators=(",", ":")) for each in logs]
            with locked():
                atomic.append_line(path, "\n".join(lines))

    return Journal()


def _lines(path: Path, start: int) -> Iterator[tuple[int, bytes]]:
    """The whole lines of the file from a place on, each with its place."""
    try:
        with open_regular(path, follow_links=False) as file:
            size = file.seek(0, 2)
            if size > _LIMIT:
                raise TooLarge(path, _LIMIT)
            file.seek(start)
            while start < size:
                line = file.readline(_LONGEST)
                if not line.endswith(b"\n"):
                    if len(line) == _LONGEST:
                        raise TooLarge(path, _LONGEST)
                    return
                yield start, line
                start += len(line)
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from None


def _checked(path: Path, line: bytes, number: int) -> dict[str, Any]:
    try:
        content = json.loads(line)
        _all(op_code=_up_to(max(_RECORDS)), worker_id=_text)(content, "")
        _RECORDS[content["op_code"]](content, "")
    except RecursionError:
        reason: object = "it is nested too deeply"
    except ValueError as error:
        reason = error
    else:
        return content
    raise RunError(
        f"{path} cannot be read: line {number:,} is no record of a sweep: {reason}; begin a new "
        "sweep with --new"
    ) from None
