"""Every way by which a config, a run, a model or a state names a file, and the gate for it.

A run folder, a model and the configs in them may come from anywhere. What each may name:

| who    | what                                    | what may come of it                      |
|--------|-----------------------------------------|------------------------------------------|
| config | `code:`                                 | run; in a run only what was sealed here  |
| config | `extends:`                              | read; in a run only within the run       |
| config | paths of `data:`, `array:`              | read as numbers, bounded                 |
| config | `{array: FILE.npz}`                     | read as numbers, bounded, with a digest  |
| config | `training.initial_weights`              | numbers read, bounded; no model is made  |
| config | `weights:` of `applications.…`          | the same                                 |
| config | files of callbacks, trackers (`WRITTEN`)| written; in a run only what was sealed   |
| config | files and programs of layers (`READ`)   | read; in a run only what was sealed      |
| user   | the script of `nnpy import SCRIPT.py`   | run: it is named for that                |
| run    | its own files (runs/folder.py)          | read typed, bounded; written by no link  |
| model  | modules, classes, functions             | Keras's own (safety/model_files.py)      |
| model  | vocabularies, other files of weights    | refused (safety/model_files.py)          |
| state  | attributes of callbacks, keras.ops      | no name, no method (training/state.py)   |

"In a run" means: the config that says it, or the file itself, lies in a run folder, or in the
folder of a sweep. "Sealed here" means: this user has trained with exactly it, on this machine
(safety/code_seal.py); of a sweep's own config, in one of its trials.
`check` is the gate; nothing of the first four rows is run, read or written before it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.errors import UsageError, printable
from nnpy.runs import sweep_place
from nnpy.runs.folder import Run
from nnpy.safety import code_seal

if TYPE_CHECKING:
    from nnpy.config.config import Config
    from nnpy.config.user_code import CodeFile
    from nnpy.config.yaml.nodes import Node

# Class → the arguments that name a file, a folder or an address.
WRITTEN: dict[str, tuple[str, ...]] = {
    "BackupAndRestore": ("backup_dir",),
    "CSVLogger": ("filename",),
    "ModelCheckpoint": ("filepath",),
    "OrbaxCheckpoint": ("directory",),
    "RemoteMonitor": ("root", "path"),
    "TensorBoard": ("log_dir", "embeddings_metadata"),
    "mlflow": ("uri",),  # a tracker
}
READ: dict[str, tuple[str, ...]] = {
    "IntegerLookup": ("vocabulary",),
    "StringLookup": ("vocabulary",),
    "TextVectorization": ("vocabulary",),
    "TFSMLayer": ("filepath",),
}


@dataclass(frozen=True)
class NamedFile:
    """A file that a config names by an argument: `what` as in "CSVLogger.filename"."""

    what: str
    name: str
    said_in: str  # the config file that says it; "" where none does

    @property
    def sealed_as(self) -> bytes:
        return f"{self.what}={self.name}".encode(errors="surrogatepass")


def named_files(config: Config, *, training: bool) -> list[NamedFile]:
    """The files that the arguments of layers name, and for a training those of callbacks."""
    known = READ | WRITTEN if training else READ
    return list(_walk(config.tree, known))


def _walk(node: Node, known: dict[str, tuple[str, ...]]) -> Iterator[NamedFile]:
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if node.is_list:
            waiting += node.value
        elif node.is_map:
            for name, inner in node.value.items():
                waiting.append(inner)
                for argument in known.get(name, ()) if inner.is_map else ():
                    value = inner.value.get(argument)
                    if value is not None and isinstance(value.value, str):
                        said_in = value.mark.file if value.mark else ""
                        yield NamedFile(f"{name}.{argument}", value.value, said_in)


def check(config: Config, *, training: bool = False) -> None:
    """Raise UsageError when a run's config names code or files that were not sealed here.

    For a `training` its callbacks count too. The user's word for it is `config.trust_code`.
    """
    if config.trust_code:
        return
    for file in config.code:
        runs = list(_runs_of(file))
        if not runs and (_sweep_around(file.said_in) or _sweep_around(file.path)):
            raise code_seal.refusal([_shown(file.path)])
        for owner in runs:
            if file.path.parent.resolve() != owner.code_folder.resolve():
                raise code_seal.refusal([_shown(file.path)])
            sealed = owner.environment().get("code_seal", "")
            code_seal.check(code_seal.contents(config.code), sealed, trusted=False)
    for named in named_files(config, training=training):
        run, sweep = _run_around(named.said_in), _sweep_around(named.said_in)
        if run is not None:
            runs = [run]
        elif sweep is not None:
            runs = list(sweep_place.runs(sweep))
        else:
            continue
        seals = (seal for each in runs for seal in each.environment().get("file_seals", ()))
        if not code_seal.is_sealed_name(named.sealed_as, seals):
            raise UsageError(
                f"the config of {run or sweep} names a file or an address for {named.what}: "
                f"{_shown(named.name)}; you have not trained with it on this machine. If it "
                f"may be used, say --trust-code"
            )


def seals(config: Config) -> dict[str, Any]:
    """What a run's environment.json keeps, so that `check` knows it again on this machine."""
    found: dict[str, Any] = {}
    if config.code:
        found["code_seal"] = code_seal.seal(code_seal.contents(config.code))
    if names := named_files(config, training=True):
        found["file_seals"] = [code_seal.seal_name(each.sealed_as) for each in names]
    return found


def _runs_of(file: CodeFile) -> Iterator[Run]:
    for place in (file.said_in, file.path):
        if (run := _run_around(place)) is not None:
            yield run


def _run_around(place: str | Path) -> Run | None:
    """The run that a file lies in, by its name or by where its links lead."""
    found = (Run.around(each) for each in _places(place))
    return next((run for run in found if run is not None), None)


def _sweep_around(place: str | Path) -> Path | None:
    """The sweep that a file lies in, likewise."""
    found = (sweep_place.around(each) for each in _places(place))
    return next((sweep for sweep in found if sweep is not None), None)


def _places(place: str | Path) -> tuple[Path, ...]:
    if not place or place == "--set":
        return ()
    path = Path(os.path.abspath(place))  # noqa: PTH100 – a link is looked at as well
    return path, path.resolve()


def _shown(name: object) -> str:
    text = printable(str(name))
    return text if len(text) <= 200 else f"{text[:200]}…"
