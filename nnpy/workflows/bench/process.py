"""The contestants of a benchmark in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from nnpy.errors import NnpyError, RunError
from nnpy.workflows.bench.runners import Here, Step

if TYPE_CHECKING:
    from nnpy.config.config import Config


class Elsewhere:
    """The contestants of a config in a process of their own, with TensorFlow's usual threads."""

    def __init__(self, config: Config, device: str | None) -> None:
        self._folder = tempfile.TemporaryDirectory()
        place = Path(self._folder.name)
        for file in config.code:
            (place / "code").mkdir(exist_ok=True)
            (place / "code" / file.name).write_text(file.text, encoding="utf-8")
        (place / "config.yaml").write_text(config.to_yaml("code"), encoding="utf-8")
        # This very nnpy, also where it is a folder that is not installed.
        home = str(Path(__file__).resolve().parents[3])
        path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-P",  # what lies in the folder that we are in is no module
                "-m",
                "nnpy.workflows.bench.process",
                str(place / "config.yaml"),
                device or "",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            text=True,
        )

    def runner_of(self, name: str) -> Step:
        """As `Here.ready` gives it, for the process there."""

        def run(seconds: float) -> tuple[int, float]:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            try:
                print(json.dumps([name, seconds]), file=self._process.stdin, flush=True)
                steps, spent, error = json.loads(self._process.stdout.readline())
            except (BrokenPipeError, ValueError):
                raise RunError(f"the process of {name} ended unexpectedly") from None
            if error:
                raise RunError(error)
            return steps, spent

        return run

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()


def serve(path: str, device: str) -> None:
    """The other side of `Elsewhere`: a line of JSON for each line of standard input."""
    from nnpy.config.load import load_config

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what else is printed must not come between
    config = load_config(path, trust_code=True)
    runner_of = Here(config, device or None, split_batches=False).ready().runner_of
    runners: dict[str, Step] = {}
    for line in sys.stdin:
        name, seconds = json.loads(line)
        try:
            if name not in runners:
                runners[name] = runner_of(name)
            answer = [*runners[name](seconds), ""]
        except NnpyError as error:
            answer = [0, 0.0, str(error)]
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
