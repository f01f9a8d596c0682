"""The proof that the config language holds all of Keras: `make roundtrip`.

Each of the models of keras.applications → YAML text → read, checked and built by nnpy → the
same weights put in → the same outputs, bit for bit, on a random picture. A model is tried in
a process of its own, so that memory stays small.

    python -m tests.support.roundtrip [NAME...]
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CODE = Path(__file__).with_name("applications_layers.py")

# Smaller pictures than the models' own, where they take any: the graph is the same.
SIDE = 96

_ERROR = re.compile(r"[\w.]+(Error|Exception)\b")


def names() -> list[str]:
    """Every model of keras.applications."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's greetings
    import keras

    found = vars(keras.applications).items()
    return sorted(name for name, each in found if callable(each) and name[0].isupper())


def check(name: str) -> str:
    """Raises AssertionError when the circle is broken; returns a line of the table."""
    import keras
    import numpy as np

    import nnpy
    from nnpy.config.yaml.dump import dump
    from nnpy.models.to_config import network

    began = time.perf_counter()
    keras.utils.set_random_seed(0)
    model_of = getattr(keras.applications, name)
    try:
        original = model_of(weights=None, input_shape=(SIDE, SIDE, 3))
    except ValueError:  # this one takes pictures of its own size only
        original = model_of(weights=None)
    context = network.new_context()
    section = network.network_of(original, context)
    content = {"model": section}
    with tempfile.TemporaryDirectory() as folder:
        if context.foreign:
            content = {"code": CODE.name, **content}
            Path(folder, CODE.name).write_text(CODE.read_text(encoding="utf-8"), encoding="utf-8")
        path = Path(folder, f"{name}.yaml")
        path.write_text(dump(content), encoding="utf-8")
        built = nnpy.build(path)
        lines = len(path.read_text(encoding="utf-8").splitlines())
    assert type(built) is type(original)
    assert [each.name for each in built.layers] == [each.name for each in original.layers]
    shapes = [each.shape for each in original.weights]
    assert [each.shape for each in built.weights] == shapes
    built.set_weights(original.get_weights())
    picture = np.random.default_rng(0).uniform(0, 255, (1, *original.input_shape[1:]))
    picture = picture.astype("float32")
    expected = np.asarray(original(picture, training=False))
    given = np.asarray(built(picture, training=False))
    assert np.isfinite(expected).all() and expected.std() > 0
    assert np.array_equal(expected, given), f"outputs differ by {abs(expected - given).max()}"
    seconds = time.perf_counter() - began
    size = f"{original.count_params():>12,} {len(original.layers):>7} {lines:>6}"
    return f"{name:<20} {size} {seconds:>6.1f} s  equal"


def main(chosen: list[str]) -> int:
    """Tries the models one after the other; returns the number that failed."""
    head = f"{'parameters':>12} {'layers':>7} {'lines':>6} {'time':>8}"
    print(f"{'model':<20} {head}", flush=True)
    failed = 0
    chosen = chosen or names()
    for name in chosen:
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.roundtrip", "--one", name],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            check=False,
        )
        failed += done.returncode != 0
        lines = done.stderr.splitlines()
        reason = next((each for each in reversed(lines) if _ERROR.match(each)), "no output")
        print(done.stdout.rstrip() if not done.returncode else f"{name:<20} {reason}", flush=True)
    print(f"{len(chosen) - failed} of {len(chosen)} equal")
    return failed


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(check(sys.argv[2]))
    else:
        sys.exit(1 if main(sys.argv[1:]) else 0)
