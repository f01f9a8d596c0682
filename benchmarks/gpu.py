"""nnpy beside `model.fit` on a GPU, and whether both learn the same: `python benchmarks/gpu.py`.

One command, some ten minutes: the table that docs would show, in Markdown, with the machine above
it. Without a GPU it runs on the CPU and says so: that shows that the command works, no more.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OURS = "nnpy"
CONTESTANTS = {
    OURS: "nnpy_train",
    "`model.fit`, defaults": "keras_fit",
    "`model.fit`, tuned": "keras_tuned",
    "`model.fit`, tuned, jit_compile": "keras_jit",
}
MODELS = ["mlp", "cnn", "cnn_bn", "lstm"]
AS_ONE = 1e-2  # beyond it the two have not learnt the same; kernels of a GPU round on their own
MACHINE = """
import json
from nnpy.devices import precision, select
select.prepare_environment()
from nnpy.runs.environment import versions
found = {name: precision.gain(name) for name in precision.MIXED}
print(json.dumps({"devices": select.describe(), "versions": versions(), "precision": found}))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help=", ".join(MODELS))
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--examples", type=int, default=60000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    models = args.models or MODELS
    if wrong := [each for each in models if each not in MODELS]:
        parser.error(f"no model '{wrong[0]}'; there are {', '.join(MODELS)}")
    _tell_machine(_last_line([sys.executable, "-c", MACHINE]))
    print("| model | contestant | s per epoch | × | test accuracy |")
    print("|---|---|---|---|---|", flush=True)
    for model in models:
        _compare(model, args)
    print("\n| model | apart after 200 steps | loss of model.fit | of nnpy |")
    print("|---|---|---|---|", flush=True)
    equal = [_hold_together(model, args) for model in models]
    return 0 if all(equal) else 1


def _tell_machine(found: dict[str, Any]) -> None:
    devices, versions = found["devices"], found["versions"]
    named = ", ".join(f"{name} {versions[name]}" for name in ("tensorflow", "keras", "nnpy"))
    print(f"{', '.join(devices['gpus']) or devices['cpu']}; {named}")
    for name, (gains, why) in found["precision"].items():
        print(f"{name}: {'faster' if gains else 'no faster'} here, {why}")
    if not devices["gpus"]:
        print("No GPU is here: what follows is of the CPU, and shows only that the command works.")
    print()


def _compare(model: str, args: argparse.Namespace) -> None:
    """A contestant's seconds of an epoch, without the first one; in turns, medians."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTESTANTS}
    for _ in range(args.repeats):
        for name, script in CONTESTANTS.items():
            how = ["--epochs", str(args.epochs), "--examples", str(args.examples)]
            runs[name].append(_contestant(script, model, args, how))
    epochs = {
        name: statistics.median(
            statistics.median(run["epochs"][1:] or run["epochs"]) for run in all_of
        )
        for name, all_of in runs.items()
    }
    for name, seconds in epochs.items():
        accuracy = statistics.median(run["accuracy"] for run in runs[name])
        ratio = seconds / epochs[OURS]
        print(f"| {model} | {name} | {seconds:.3f} | {ratio:.1f} | {accuracy:.3f} |", flush=True)


def _hold_together(model: str, args: argparse.Namespace) -> bool:
    found = _contestant("equality", model, args, [])
    theirs, ours = found["losses"]
    print(f"| {model} | {found['apart']:.1e} | {theirs:.5f} | {ours:.5f} |", flush=True)
    return bool(found["apart"] < AS_ONE)


def _contestant(
    script: str, model: str, args: argparse.Namespace, how: list[str]
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="nnpy-gpu-") as out:
        command = [sys.executable, str(HERE / "contestants" / f"{script}.py"), model]
        return _last_line([*command, "--data", args.data, "--out", out, *how])


def _last_line(command: list[str]) -> dict[str, Any]:
    """What a process of its own prints last, which is JSON; its errors end this one."""
    path = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{' '.join(command[:3])} failed:\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


if __name__ == "__main__":
    sys.exit(main())
