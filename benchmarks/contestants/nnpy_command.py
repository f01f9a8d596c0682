"""`nnpy train` whole: checkpoints, states for resuming, diagram, evaluation and report."""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import fashion

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
MODELS["cnn_bn"] = [
    part
    for each in MODELS["cnn"]
    for part in (
        [
            {"Conv2D": {**each["Conv2D"], "activation": None, "use_bias": False}},
            "BatchNormalization",
            {"Activation": {"activation": "relu"}},
        ]
        if "Conv2D" in each
        else [each]
    )
]
args = fashion.arguments()
run = Path(args.out) / "run"
config = {
    "data": {"name": "fashion_mnist", "validation_split": 0, "path": args.data},
    "model": [*MODELS[args.model], {"Dense": {"units": 10, "activation": "softmax"}}],
    "training": {"epochs": args.epochs, "batch_size": fashion.BATCH[args.model]},
}
path = Path(args.out) / "config.yaml"
path.write_text(json.dumps(config))  # JSON is YAML
score_after = None
command = [sys.executable, "-m", "nnpy", "train", str(path), "--run-dir", str(run)]
with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
    assert process.stderr is not None
    for line in process.stderr:
        sys.stderr.write(line)
        if line.startswith("test "):
            score_after = time.perf_counter() - fashion.BEGAN
if process.returncode:
    sys.exit(process.returncode)
with (run / "metrics.csv").open() as rows:
    seconds = [float(row["seconds"]) for row in csv.DictReader(rows)]
accuracy = json.loads((run / "summary.json").read_text())["test"]["accuracy"]
fashion.report(seconds, accuracy, score_after)
