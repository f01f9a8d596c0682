"""Kill trainings at random moments, resume them, and see that nothing has changed: `make stress`.

    python tests/support/stress.py --kills 100 --seed 0

Real commands, real SIGKILLs, a third of them in the middle of a write. Every kind of training
is carried to its end and compared, to the bit, with one that was left alone. Ends with exit
code 1 if a single weight differs.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from nnpy.errors import RunError
from nnpy.workflows.verify import Proof, verify_resume
from tests.support.datasets import tiny_fashion_mnist

MLP = [
    "Flatten",
    {"Dense": {"units": 256, "activation": "relu"}},
    {"Dropout": {"rate": 0.3}},
    {"Dense": {"units": 10, "activation": "softmax"}},
]
CNN = [
    {"RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1}},
    {"Conv2D": {"filters": 8, "kernel_size": 3, "activation": "relu"}},
    "BatchNormalization",
    "MaxPooling2D",
    {"Dropout": {"rate": 0.25}},
    {"Conv2D": {"filters": 16, "kernel_size": 3, "activation": "relu"}},
    "GlobalAveragePooling2D",
    {"Dense": {"units": 10, "activation": "softmax"}},
]
CNN_XLA = [{"RandomFlip": {"mode": "horizontal"}}, *CNN[1:]]  # XLA has no translation of images
LSTM = [
    {"LSTM": {"units": 24, "dropout": 0.2}},
    {"Dense": {"units": 10, "activation": "softmax"}},
]
CALLBACKS = [
    {
        "EarlyStopping": {
            "monitor": "val_loss",
            "patience": 4,
            "restore_best_weights": True,
        }
    },
    {"ReduceLROnPlateau": {"monitor": "val_loss", "factor": 0.5, "patience": 1, "cooldown": 1}},
]
SCHEDULE = {"CosineDecay": {"initial_learning_rate": 0.002, "decay_steps": 400}}

# name: model, engine, training examples, epochs, other settings
KINDS = {
    "mlp, XLA": (MLP, "xla", 20_000, 12, {}),
    "mlp, graph": (MLP, "graph", 12_000, 10, {"optimizer": {"SGD": {"momentum": 0.9}}}),
    "cnn, graph": (CNN, "graph", 3_000, 8, {}),
    "cnn, XLA": (CNN_XLA, "xla", 1_000, 6, {}),
    "lstm, XLA": (LSTM, "xla", 5_000, 8, {}),
    "lstm, graph": (LSTM, "graph", 4_000, 6, {}),
    "mlp, schedule and EMA": (
        MLP,
        "xla",
        16_000,
        8,
        {"optimizer": {"AdamW": {"learning_rate": SCHEDULE, "use_ema": True}}, "callbacks": []},
    ),
}


def config(kind: str, folder: Path) -> Path:
    """Write the config of one kind of training, with data of its own; its path."""
    model, execution, examples, epochs, others = KINDS[kind]
    data = tiny_fashion_mnist(folder / "data", examples, 500)
    training = {
        "optimizer": {"Adam": {"learning_rate": 0.002}},
        "epochs": epochs,
        "batch_size": 64,
        "seed": 3,
        "execution": execution,
        "callbacks": CALLBACKS,
        "checkpoint_minutes": 0.005,  # states within an epoch too
    }
    content = {
        "data": {"name": "idx", "path": str(data), "validation_split": 0.2},
        "model": model,
        "training": training | others,
    }
    path = folder / "config.yaml"
    path.write_text(json.dumps(content, indent=1))  # JSON is YAML
    return path


def stress(kinds: list[str], kills: int, seed: int, folder: Path) -> dict[str, Proof]:
    """Share `kills` among the kinds; what came of each."""
    proofs = {}
    for number, kind in enumerate(kinds):
        share = kills // len(kinds) + (number < kills % len(kinds))
        place = folder / str(number)
        place.mkdir()
        try:
            proofs[kind] = verify_resume(
                [str(config(kind, place))],
                place,
                share,
                seed=random.Random(seed + number).getrandbits(32),
                tell=lambda text, kind=kind: print(f"{kind}: {text}", file=sys.stderr, flush=True),
            )
        except RunError as error:
            proofs[kind] = Proof(differences=[("failed", str(error))])
    return proofs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=105)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="repeatable")
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nnpy-stress-") as folder:
        proofs = stress(
            arguments.kind or list(KINDS), arguments.kills, arguments.seed, Path(folder)
        )
    print(f"{'training':<24}{'kills':>6}{'in writes':>11}{'resumes':>9}{'runs':>6}  result")
    for kind, proof in proofs.items():
        result = "; ".join(map(": ".join, proof.differences)) or "equal to the bit"
        print(
            f"{kind:<24}{proof.kills:>6}{proof.in_writes:>11}{proof.resumes:>9}{proof.runs:>6}"
            f"  {result}"
        )
    wrong = sum(bool(proof.differences) for proof in proofs.values())
    kills = sum(proof.kills for proof in proofs.values())
    print(
        f"{kills} kills, {sum(proof.in_writes for proof in proofs.values())} in writes, "
        f"{wrong} of {len(proofs)} trainings differ, {time.monotonic() - began:.0f} s"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
