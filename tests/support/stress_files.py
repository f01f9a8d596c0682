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
import contextlib
import hashlib
import json
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tests.support import mutants
from tests.support.datasets import tiny_fashion_mnist
from tests.support.limited_child import HOME, OLD_RUN, Child

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
    Kind("config", "config.yaml", _config),
    Kind("config-tokens", "config.yaml", _config, like="tokens"),
    Kind("config-tree", "config.yaml", _config, like="tree"),
]
BY_NAME = {kind.name: kind for kind in KINDS}
OPEN = {kind.name: kind.open for kind in KINDS}


def specimens(kind: Kind, folder: Path) -> list[bytes]:
    """Good files of a kind; what it needs beside it is laid into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    if kind.open is _config:
        return shipped_configs()
    if kind.open is _data:
        tiny_fashion_mnist(folder, 40, 20)
        if not kind.file.endswith(".gz"):
            import gzip

            packed = folder / f"{kind.file}.gz"
            (folder / kind.file).write_bytes(gzip.decompress(packed.read_bytes()))
            packed.unlink()
        return [(folder / kind.file).read_bytes()]
    if kind.open is _images:
        return [_picture() if kind.name == "png" else _array()]
    if kind.file == "small.keras":
        return [_small_model(folder)]
    for name in ("config.yaml", "summary.json", "environment.json", "metrics.csv"):
        (folder / name).write_bytes((OLD_RUN / name).read_bytes())
    return [(OLD_RUN / kind.file).read_bytes()]


def shipped_configs() -> list[bytes]:
    """The configs that come with nnpy, and the examples of its documentation that stand alone."""
    from nnpy.config.load import load_config
    from nnpy.config.starters import FOLDER
    from nnpy.errors import UsageError

    places = [HOME / "configs", FOLDER]
    found = [path.read_text("utf-8") for place in places for path in sorted(place.glob("*.yaml"))]
    for page in (HOME / "README.md", *sorted((HOME / "docs").glob("*.md"))):
        for text in re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            with contextlib.suppress(UsageError, yaml.YAMLError):
                load_config(yaml.safe_load(text))
                found.append(text)
    return [text.encode() for text in found]


def _picture() -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (20, 20, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _small_model(folder: Path) -> bytes:
    """A model whose file can be changed at every byte: one layer, one weight."""
    path = folder / "small.keras"
    lines = (
        "import sys, keras",
        "layers = [keras.Input((1,)), keras.layers.Dense(1, use_bias=False)]",
        "keras.Sequential(layers).save(sys.argv[1])",
    )
    subprocess.run([sys.executable, "-c", "; ".join(lines), str(path)], check=True)
    return path.read_bytes()


def _array() -> bytes:
    import io

    buffer = io.BytesIO()
    np.save(buffer, np.arange(784, dtype=np.uint16).reshape(28, 28) % 255)
    return buffer.getvalue()


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
        good = specimens(kind, folder)
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
    children = {name: Child(name) for name in ("light", "keras")}
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
