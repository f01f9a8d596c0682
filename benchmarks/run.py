"""The comparison: `python benchmarks/run.py`; prints the table of benchmarks/README.md.

Each contestant trains in a process of its own, in turns, several times; medians count. The
first epoch, with all its compiling, is left out of the seconds an epoch, and is in those of
the whole command. PyTorch's contestants run by `--torch-python`, when it is given.
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

HERE = Path(__file__).parent
CONTESTANTS = {
    "nnpy's engine": "nnpy_train",
    "nnpy train, with all it keeps": "nnpy_command",
    "model.fit, defaults (the article)": "keras_fit",
    "model.fit, tuned": "keras_tuned",
    "PyTorch loop": "torch_loop",
    "PyTorch Lightning": "torch_lightning",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="contestants, by a part of their name", default="")
    parser.add_argument("models", nargs="*", default=["mlp", "cnn", "lstm"])
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--examples", type=int, default=60000)
    parser.add_argument("--torch-python", help="a Python with torch and lightning")
    args = parser.parse_args()
    print(f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}; ", end="")
    print(f"{args.examples} examples, {args.epochs} epochs, median of {args.repeats}\n")
    for model in args.models:
        results: dict[str, list[dict[str, Any]]] = {}
        for _ in range(args.repeats):
            for name, script in CONTESTANTS.items():
                if args.only not in name:
                    continue
                if script == "nnpy_command" and args.examples < 60000:
                    continue  # a config takes the whole data set
                python = args.torch_python if script.startswith("torch") else sys.executable
                if python:
                    result = _measure(python, script, model, args)
                    results.setdefault(name, []).append(result)
                    print(model, name, result, file=sys.stderr)
        _print_table(model, results)


def _measure(python: str, script: str, model: str, args: argparse.Namespace) -> dict[str, Any]:
    """One process: its own figures, its seconds from start to end and its peak memory."""
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
            env={**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
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
        "memory": memory,
        "accuracy": result["accuracy"],
    }


def _print_table(model: str, results: dict[str, list[dict[str, Any]]]) -> None:
    print(f"### {model}\n")
    print("| contestant | s per epoch | × | whole command, s | × | peak MiB | test accuracy |")
    print("|---|---|---|---|---|---|---|")
    medians = {
        name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for name, runs in results.items()
    }
    ours = next(iter(medians.values()))  # nnpy's engine, unless it is left out
    for name, m in medians.items():
        print(
            f"| {name} | {m['epoch']:.2f} | {m['epoch'] / ours['epoch']:.1f} | {m['whole']:.1f}"
            f" | {m['whole'] / ours['whole']:.1f} | {m['memory']:.0f} | {m['accuracy']:.3f} |"
        )
    print(flush=True)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
