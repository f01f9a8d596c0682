"""Where exported files lie: in the run's folder, or where the user says."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.errors import ModelError, UsageError
from nnpy.export import sidecar
from nnpy.export.formats import NONE, Fit, Format
from nnpy.runs import begin
from nnpy.runs.folder import Run
from nnpy.storage import atomic
from nnpy.storage.regular import check_regular, open_regular, read_text

if TYPE_CHECKING:
    from nnpy.workflows.export.export import Exporter

_LARGEST_PAGE = 16 << 20  # bytes
READER = "nnpy_reader.py"
WRONG = "-disagrees"  # in the name of a file that does not give the model's answers


def check(output: Path | None, wanted: Sequence[Format]) -> None:
    """Raise UsageError where `-o` cannot be what it is asked to be."""
    if output is None or output.is_dir():
        return
    if len(wanted) > 1:
        raise UsageError(f"-o {output}: several formats need a folder, which is not there")
    only = wanted[0]
    if only.suffix and output.suffix.lower() != only.suffix:
        raise UsageError(f"-o {output}: expected a folder, or a name ending in {only.suffix}")
    if not output.absolute().parent.is_dir():
        raise UsageError(f"-o {output}: the folder {output.parent} does not exist")


def targets(exporter: Exporter, wanted: Format, fit: Fit) -> tuple[Path, Path]:
    """Where a file will lie that agrees, and one that does not.

    Raises UsageError where something else lies there that is no export.
    """
    right = _target(exporter, wanted, fit)
    wrong = right.with_name(f"{right.name.removesuffix(wanted.suffix)}{WRONG}{wanted.suffix}")
    for path in (right, wrong):
        _check_free(path)
    return right, wrong


def _check_free(path: Path) -> None:
    """Raise UsageError where something of the user's has the name of an export or of its JSON."""
    beside = sidecar.path_of(path)
    known = _is_description(beside)
    if os.path.lexists(path) and not known:
        raise UsageError(f"{path} already exists, and is no export; choose another with -o PATH")
    if os.path.lexists(beside) and not known:
        raise UsageError(
            f"{beside} already exists, and does not belong to an export; choose another name with "
            f"-o PATH"
        )


def put(
    exporter: Exporter, wanted: Format, fit: Fit, made: Path, described: Mapping[str, Any]
) -> Path:
    """Puts what was made in its place, its JSON beside it. Returns the place."""
    right, wrong = targets(exporter, wanted, fit)
    place, other = (right, wrong) if described["check"]["agrees"] else (wrong, right)
    text = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
    run = exporter.run if exporter.order.output is None else None
    if run is None:
        _put(place, other, made, text, None)
    else:
        with begin.claimed(run):
            with atomic.translate_error(run.export_folder):
                run.export_folder.mkdir(exist_ok=True)
            _put(place, other, made, text, run.folder)
    return place


def note(run: Run, exports: Sequence[Mapping[str, Any]]) -> None:
    """Adds what was exported to the run's export.json; what lies in the run by its place there."""
    with begin.claimed(run):
        known = {_right(each["file"]): each for each in run.exports()}
        for each in exports:
            path = Path(each["file"]).absolute()
            inside = path.is_relative_to(run.folder.absolute())
            name = str(path.relative_to(run.folder.absolute())) if inside else str(path)
            known[_right(name)] = {**each, "file": name}
        run.write_json(run.export_path, {"exports": list(known.values())})
        _tell(run)


def _tell(run: Run) -> None:
    """Puts the exports into the run's page, where there is one."""
    from nnpy import report

    try:
        page = read_text(run.report_path, _LARGEST_PAGE)
    except OSError:
        return
    run.write_text(run.report_path, report.with_exports(page, run.exports()))


def _right(file: str) -> str:
    """The name that a file has when it agrees."""
    path = Path(file)
    return str(path.with_name(path.name.replace(WRONG, "")))


def size_of(path: Path) -> int:
    """The bytes of a file, or of all in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def _target(exporter: Exporter, wanted: Format, fit: Fit) -> Path:
    output, run = exporter.order.output, exporter.run
    if output is not None and not (output.is_dir() and not _is_export(output)):
        return output
    name = run.name if run is not None else exporter.path.stem
    parts = [name] if fit.quantize == NONE else [name, fit.quantize]
    if not wanted.suffix:
        parts.append(wanted.name)
    folder = output or (run.export_folder if run is not None else Path())
    return folder / ("-".join(parts) + wanted.suffix)


def _put(place: Path, other: Path, made: Path, text: str, root: Path | None) -> None:
    for path in (place, other):
        _check_free(path)
    _check_reader(place.with_name(READER))
    if not os.path.lexists(place):
        # First, so that whatever is left if this is killed is known as an export's.
        atomic.write_text(sidecar.path_of(place), text, root=root)
    if made.is_dir():
        with atomic.translate_error(place):
            _put_folder(place, made)
    else:
        atomic.write_bytes(place, made.read_bytes(), root=root)
    atomic.write_text(sidecar.path_of(place), text, root=root)
    _put_reader(place.with_name(READER), root)
    with atomic.translate_error(other):
        _remove(other)  # what an earlier export left under the other name
        sidecar.path_of(other).unlink(missing_ok=True)


def _reader() -> str:
    return resources.files("nnpy.export").joinpath("reader.py").read_text(encoding="utf-8")


def _check_reader(place: Path) -> None:
    """Raise UsageError where a file of the user's has the reader's name."""
    if os.path.lexists(place):
        try:
            with open_regular(place, follow_links=False) as file:
                first = file.readline(1000).decode(errors="replace")
        except OSError:
            first = ""
        if first.rstrip("\r\n") != _reader().partition("\n")[0]:
            raise UsageError(f"{place} already exists, and is not nnpy's; move it away")


def _put_reader(place: Path, root: Path | None) -> None:
    """The small program that reads files as nnpy does, for whoever has no nnpy."""
    _check_reader(place)
    atomic.write_text(place, _reader(), root=root)


def _put_folder(place: Path, made: Path) -> None:
    """Put a copy of the folder `made` at `place`; what is there goes when all is copied."""
    unfinished = re.compile(rf"\.{re.escape(place.name)}\.[0-9a-f]{{8}}\.tmp")
    for each in place.parent.iterdir():
        if unfinished.fullmatch(each.name):
            _remove(each)
    temporary, old = (
        place.with_name(f".{place.name}.{secrets.token_hex(4)}.tmp") for _ in range(2)
    )
    try:
        for each in (made, *sorted(made.rglob("*"))):
            copy = temporary / each.relative_to(made)
            if each.is_dir():
                copy.mkdir()
            else:
                shutil.copyfile(each, copy)
        if os.path.lexists(place):
            place.rename(old)
        try:
            temporary.rename(place)
        except BaseException:
            if os.path.lexists(old):
                old.rename(place)
            raise
        _remove(old)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _is_export(path: Path) -> bool:
    """Whether a file or folder is an export of an earlier time, which may be replaced."""
    named = path.resolve()  # `.` and `..` have no name of their own
    return bool(named.name) and _is_description(sidecar.path_of(named))


def _is_description(path: Path) -> bool:
    """Whether a JSON is one of those that `nnpy export` writes; through links none is."""
    try:
        check_regular(path, path.lstat())
        sidecar.read_file(path)
    except (OSError, ModelError):
        return False
    return True
