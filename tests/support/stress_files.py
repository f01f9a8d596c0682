"""Files cut, flipped and spliced at every byte, and configs by token and tree: `make stress-files`.

    python -m tests.support.stress_files --cases 2000 --seed 0 [KIND ...]
    python -m tests.support.stress_files --every-byte summary metrics

Each mutant is opened by the function that nnpy opens it with, in a child whose memory is limited
and that is ended when it takes too long. The answer must be the same as before the change, or an
error in words; where a format has no checksum, another answer is one too. Anything else – a
traceback, a crash, a hang, all the memory – is a fault: exit code 1, and the mutant is kept.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import mutants
from tests.support.limited_child import Child
from tests.support.specimens import specimens, sweep_config

# -- what is opened, and how: run in the child ------------------------------------------------


def _model(path: Path) -> str:
    from nnpy.safety.model_files import open_model

    model = open_model(path)
    return _digest(
        json.dumps(model.get_config(), default=str), *(w.numpy().tobytes() for w in model.weights)
    )


def _state(path: Path) -> str:
    from nnpy.storage import archive

    return _digest(repr(archive.read(path)))


def _answers(path: Path) -> str:
    from nnpy.runs.predictions import kept_answers

    right, digest = kept_answers(_run(path))
    return _digest(repr(right), digest)


def _row(path: Path) -> str:
    from nnpy.runs import listing

    return _digest(repr(listing.row(_run(path))))


def _run(path: Path) -> Any:
    from nnpy.runs.folder import Run

    return Run(path.parent)


def _images(path: Path) -> str:
    from nnpy.data.files import images

    return _digest(*(each.x.tobytes() for each in images.read(path, (28, 28))))


def _data(path: Path) -> str:
    from nnpy.data import registry

    found = registry.load("idx", path=str(path.parent))
    return _digest(*(part.tobytes() for part in (found.train.x, found.train.y, found.test.y)))


def _table(path: Path) -> str:
    from nnpy.data import registry

    found = registry.load("table", path=str(path), arguments={"target": "y"})
    found = found.finish(found) if found.finish else found
    return _digest(found.train.x.tobytes(), found.train.y.tobytes(), repr(found.preprocessing))


def _image_table(path: Path) -> str:
    from nnpy.data.files import image_layout

    return _digest(repr(image_layout.read(path.parent)))


def _sweep(path: Path) -> str:
    from nnpy.cli.commands.sweep import _text
    from nnpy.workflows.sweep import stored

    return _digest(_text(stored.read_sweep(path)))


def _journal(path: Path) -> str:
    from nnpy.workflows.sweep import store, stored, sweep
    from nnpy.workflows.sweep.folder import SweepFolder
    from nnpy.workflows.sweep.propose import distributions

    config, folder = sweep_config(), SweepFolder(path.parent)
    study = store.open_study(store.open_storage(folder, None), "s", sweep.plan_of(config), "max")
    stored.check(study, distributions(config.sweep.dimensions), str(path))
    return _digest(json.dumps(sweep.read(config, folder, study).as_dict()))


def _config(path: Path) -> str:
    from nnpy.config.load import load_config

    return _digest(load_config(path).to_yaml())


def _digest(*parts: str | bytes) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(part.encode(errors="surrogatepass") if isinstance(part, str) else part)
    return found.hexdigest()


# -- the kinds --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """A kind of file: how one is opened, under which name, and what beside it is needed.

    `exact` says that its checksums let no change go unseen; `inside` is the member of the
    archive that is changed, under a checksum that fits.
    """

    name: str
    file: str
    open: Callable[[Path], str]
    child: str = "light"
    exact: bool = False
    inside: str = ""
    like: str = "bytes"  # how it is changed: bytes, tokens or tree


KINDS = [
    Kind("keras", "checkpoints/best.keras", _model, "keras", exact=True),
    Kind("weights", "checkpoints/best.keras", _model, "keras", inside="model.weights.h5"),
    Kind("model-config", "checkpoints/best.keras", _model, "keras", inside="config.json"),
    Kind("small-keras", "small.keras", _model, "keras", exact=True),
    Kind("small-h5", "small.keras", _model, "keras", inside="model.weights.h5"),
    Kind("small-config", "small.keras", _model, "keras", inside="config.json"),
    Kind("state", "state/state-000002.nnpy", _state, exact=True),
    Kind("npz", "predictions.npz", _answers, exact=True),
    Kind("npz-array", "predictions.npz", _answers, inside="answer.npy"),
    Kind("summary", "summary.json", _row),
    Kind("environment", "environment.json", _row),
    Kind("metrics", "metrics.csv", _row),
    Kind("png", "picture.png", _images),
    Kind("npy", "array.npy", _images),
    Kind("gz", "train-images-idx3-ubyte.gz", _data, exact=True),
    Kind("idx", "train-images-idx3-ubyte", _data),
    Kind("labels", "train-labels-idx1-ubyte", _data),
    Kind("csv", "table.csv", _table, "polars"),
    Kind("parquet", "table.parquet", _table, "polars"),
    Kind("image-table", "metadata.csv", _image_table),
    Kind("journal", "journal.log", _journal),
    Kind("sweep", "sweep.json", _sweep),
    Kind("config", "config.yaml", _config),
    Kind("config-tokens", "config.yaml", _config, like="tokens"),
    Kind("config-tree", "config.yaml", _config, like="tree"),
]
BY_NAME = {kind.name: kind for kind in KINDS}
OPEN = {kind.name: kind.open for kind in KINDS}


def changed(kind: Kind, content: bytes, chance: random.Random) -> bytes:
    """One mutant of a good file."""
    if kind.like == "tokens":
        return mutants.tokens_changed(content.decode(), chance).encode(errors="replace")
    if kind.like == "tree":
        return mutants.tree_changed(content.decode(), chance).encode(errors="replace")
    if kind.inside:
        inner = mutants.bytes_changed(mutants.member(content, kind.inside), chance)
        return mutants.with_member(content, kind.inside, inner)
    return mutants.bytes_changed(content, chance)


def all_changed(kind: Kind, content: bytes, chance: random.Random) -> Iterator[bytes]:
    """Every truncation and every flipped byte of a good file."""
    if not kind.inside:
        yield from mutants.every_byte(content, chance)
        return
    for inner in mutants.every_byte(mutants.member(content, kind.inside), chance):
        yield mutants.with_member(content, kind.inside, inner)


# -- the course of it -------------------------------------------------------------------------


def stress(
    kind: Kind,
    cases: int | None,
    seed: int,
    child: Child,
    keep: Path,
    progress: Callable[[str], None] = lambda text: None,
) -> tuple[Counter[str], list[str]]:
    """Open `cases` mutants (None: every byte's); counts by outcome, and what was survived badly."""
    counts: Counter[str] = Counter()
    bad: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        good = specimens(kind.file, folder)
        path = folder / Path(kind.file).name
        before = []
        for content in good:
            path.write_bytes(content)
            outcome, text = child.ask(kind.name, path)
            assert outcome == "answer", (kind.name, outcome, text)
            before.append(text)
        for number, (which, mutant) in enumerate(_mutants(kind, good, cases, seed)):
            path.write_bytes(mutant)
            outcome, text = child.ask(kind.name, path)
            if "it is damaged (" in text and kind.name == "parquet":
                child.close()  # after a panic polars may wait for ever, the next time
            if outcome == "answer":
                outcome = "same" if text == before[which] else "other"
            if outcome not in ("same", "error") and (outcome != "other" or kind.exact):
                kept = keep / f"{kind.name}-{seed}-{number}{path.suffix}"
                keep.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(mutant)
                bad.append(f"{kind.name} {number}: {outcome}: {text} ({kept})")
                progress(bad[-1])
            counts[outcome] += 1
    return counts, bad


def _mutants(
    kind: Kind, good: list[bytes], cases: int | None, seed: int
) -> Iterator[tuple[int, bytes]]:
    if cases is None:
        for which, content in enumerate(good):
            chance = random.Random(f"{kind.name} {which} {seed}")
            for mutant in all_changed(kind, content, chance):
                yield which, mutant
        return
    for number in range(cases):
        chance = random.Random(f"{kind.name} {seed} {number}")
        which = number % len(good)
        yield which, changed(kind, good[which], chance)


def main() -> None:
    parser = argparse.ArgumentParser(description="Open mutants of every kind of file.")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(BY_NAME))
    parser.add_argument("--cases", type=int, default=1000, help="mutants of each kind")
    parser.add_argument("--every-byte", action="store_true", help="each truncation, each flip")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "nnpy-mutants")
    given = parser.parse_args()
    children = {name: Child(name) for name in ("light", "polars", "keras")}
    total: Counter[str] = Counter()
    faults: list[str] = []
    try:
        for kind in [BY_NAME[name] for name in given.kinds] or KINDS:
            cases = None if given.every_byte and kind.like == "bytes" else given.cases
            counts, bad = stress(
                kind, cases, given.seed, children[kind.child], given.keep, lambda text: print(text)
            )
            told = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.most_common())
            print(f"{kind.name}: {told}", flush=True)
            total += counts
            faults += bad
    finally:
        for child in children.values():
            child.close()
    print(f"{total.total():,} mutants opened, {len(faults)} survived badly")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
