"""`nnpy train` whole: checkpoints, states for resuming, diagram, evaluation and report."""

import csv
import json
from pathlib import Path

from nnpy.devices import prepare_environment

prepare_environment()

import fashion  # noqa: E402

import nnpy  # noqa: E402

MODELS = {
    "mlp": ["Flatten", {"Dense": {"units": 128, "activation": "relu"}}],
    "cnn": [
        {"Conv2D": {"filters": 32, "kernel_size": 3, "activation": "relu"}},
        "MaxPooling2D",
        {"Conv2D": {"filters": 64, "kernel_size": 3, "activation": "relu"}},
        "MaxPooling2D",
        "Flatten",
        {"Dense": {"units": 128, "activation": "relu"}},
        {"Dropout": {"rate": 0.3}},
    ],
    "lstm": [{"LSTM": {"units": 128}}],
}
args = fashion.arguments()
run = Path(args.out) / "run"
config = {
    "data": {"name": "fashion_mnist", "validation_split": 0, "path": args.data},
    "model": [*MODELS[args.model], {"Dense": {"units": 10, "activation": "softmax"}}],
    "training": {"epochs": args.epochs, "batch_size": fashion.BATCH[args.model]},
}
nnpy.train(config, run_dir=str(run))
with (run / "metrics.csv").open() as rows:
    seconds = [float(row["seconds"]) for row in csv.DictReader(rows)]
accuracy = json.loads((run / "summary.json").read_text())["test"]["accuracy"]
fashion.report(seconds, accuracy)
