"""The comparison: `python benchmarks/run.py`; prints the tables of benchmarks/README.md.

Each contestant trains in a process of its own, in turns, several times; medians count. The
first epoch, with all its compiling, is left out of the seconds an epoch, and is in those of
the whole command. PyTorch's contestants run by `--torch-python` and Keras's JAX backend by
`--jax-python`, when they are given.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import goals

from nnpy.devices import host

HERE = Path(__file__).parent
CONTESTANTS = {
    goals.ENGINE: "nnpy_train",
    goals.COMMAND: "nnpy_command",
    goals.FIT: "keras_fit",
    goals.TUNED: "keras_tuned",
    goals.JAX: "keras_fit",
    goals.TORCH: "torch_loop",
    "PyTorch Lightning": "torch_lightning",
    goals.FLOOR: "matrix_floor",
}
MODELS = ["mlp", "cnn", "cnn_bn", "lstm", "resnet"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="contestants, by a part of their name", default="")
    parser.add_argument("models", nargs="*", metavar="MODEL", help=", ".join(MODELS))
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--examples", type=int, default=60000)
    parser.add_argument("--torch-python", help="a Python with torch and lightning")
    parser.add_argument("--jax-python", help="a Python with keras and jax")
    args = parser.parse_args()
    print(
        f"{host.processor()}, {os.cpu_count()} cores, Python {platform.python_version()}; ", end=""
    )
    print(f"{args.examples} examples, {args.epochs} epochs, median of {args.repeats}\n")
    measured: dict[str, dict[str, dict[str, float]]] = {}
    for model in args.models or MODELS:
        results: dict[str, list[dict[str, Any]]] = {}
        for _ in range(args.repeats):
            for name in CONTESTANTS:
                python = _python_of(name, model, args)
                if python and args.only in name:
                    result = _measure(python, name, model, args)
                    results.setdefault(name, []).append(result)
                    print(model, name, result, file=sys.stderr)
        measured[model] = {
            name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            for name, runs in results.items()
        }
        _print_table(model, measured[model])
    print("### goals\n")
    print(goals.table(measured))


def _python_of(name: str, model: str, args: argparse.Namespace) -> str | None:
    """The interpreter that runs a contestant, None for one that does not take part."""
    script = CONTESTANTS[name]
    if script == "nnpy_command" and (args.examples < 60000 or model == "resnet"):
        return None  # a config takes the whole data set
    if name == goals.FLOOR and model != "mlp":
        return None
    if name == goals.JAX:
        return args.jax_python if model != "resnet" else None
    if script.startswith("torch"):
        return args.torch_python if model != "resnet" else None
    return sys.executable


def _measure(python: str, name: str, model: str, args: argparse.Namespace) -> dict[str, Any]:
    """One process: its own figures, its seconds from start to end and its peak memory."""
    script = CONTESTANTS[name]
    backend = {"KERAS_BACKEND": "jax"} if name == goals.JAX else {}
    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryFile() as errors:
        command = [python, str(HERE / "contestants" / f"{script}.py"), model]
        command += ["--data", args.data, "--out", out]
        command += ["--epochs", str(args.epochs), "--examples", str(args.examples)]
        path = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3", **backend},
        )
        assert process.stdout is not None
        lines = process.stdout.read().decode().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        if status:
            errors.seek(0)
            sys.exit(f"{script} {model} failed:\n{errors.read().decode()[-2000:]}")
    result = json.loads(lines[-1])
    epoch = statistics.median(result["epochs"][1:] or result["epochs"])
    memory = usage.ru_maxrss / 1024  # MiB, of a Linux's KiB
    return {
        "epoch": epoch,
        "whole": seconds,
        "score_after": result["score_after"] or seconds,
        "memory": memory,
        "accuracy": result["accuracy"],
    }


def _print_table(model: str, medians: dict[str, dict[str, float]]) -> None:
    print(f"### {model}\n")
    print("| contestant | s per epoch | × | whole command, s | × | peak MiB | test accuracy |")
    print("|---|---|---|---|---|---|---|")
    ours = next(iter(medians.values()))  # nnpy's engine, unless it is left out
    for name, m in medians.items():
        print(
            f"| {name} | {m['epoch']:.2f} | {m['epoch'] / ours['epoch']:.1f} | {m['whole']:.1f}"
            f" | {m['whole'] / ours['whole']:.1f} | {m['memory']:.0f} | {m['accuracy']:.3f} |"
        )
    print(flush=True)


if __name__ == "__main__":
    main()
