"""What the ladder trains: its rows, from the cheapest to the dearest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNS = Path("runs/ladder")


@dataclass(frozen=True)
class Step:
    """One training: a config, what is set besides, and the config of the step it begins with."""

    config: str  # its name in configs/, without .yaml
    overrides: tuple[str, ...] = ()
    begins_with: str = ""

    def settings(self, folder: str) -> list[str]:
        """The values of `--set`; `folder` has the run that this one begins with."""
        found = [*self.overrides]
        if self.begins_with:
            found.append(f"training.initial_weights={folder}/{self.begins_with}")
        return found

    @property
    def path(self) -> Path:
        return ROOT / "configs" / f"{self.config}.yaml"

    def command(self) -> str:
        """As a person types it."""
        settings = "".join(f" --set {each}" for each in self.settings("runs"))
        return f"nnpy train configs/{self.config}.yaml{settings}"


@dataclass(frozen=True)
class Row:
    """A line of the table; the accuracy is the last step's."""

    name: str
    kind: str
    bar: float  # the test accuracy that is wanted, at least
    steps: tuple[Step, ...]
    seeds: int = 3
    data: str = "Fashion-MNIST"
    at_most: bool = False  # the bar is what must not be passed: the network cannot do it
    published: str = ""
    under: int | None = None  # parameters

    def command(self) -> str:
        return " && ".join(step.command() for step in self.steps)


def _row(config: str, kind: str, bar: float, **more: object) -> Row:
    return Row(config, kind, bar, (Step(config),), **more)  # type: ignore[arg-type]


ROWS = (
    _row("perceptron", "one neuron", 1.0, data="two blobs"),
    Row(
        "perceptron_on_xor",
        "one neuron",
        0.75,
        (Step("perceptron", ("data.source=xor",)),),
        data="XOR",
        at_most=True,
    ),
    _row("xor", "one hidden layer", 1.0, data="XOR"),
    _row("linear", "softmax regression, no hidden layer", 0.845),
    _row("mlp", "one hidden layer, the article's network", 0.875, published="0.871"),
    _row("mlp_schedule", "the same, with a learning rate that goes down", 0.875),
    _row("mlp_best", "dense layers only", 0.905, published="0.900"),
    Row(
        "autoencoder",
        "autoencoder, a linear classifier on its code",
        0.86,
        (Step("autoencoder"), Step("autoencoder_classifier", (), "autoencoder")),
    ),
    _row("lstm", "LSTM, the image as 28 rows", 0.905, published="0.897"),
    _row("gru", "GRU, the image as 28 rows", 0.905, published="0.897"),
    _row(
        "cnn_small",
        "convolutions, under 100 K parameters",
        0.935,
        published="0.925",
        under=100_000,
    ),
    _row(
        "cnn",
        "convolutions, under 300 K parameters",
        0.95,
        seeds=1,
        published="0.950 (MobileNet)",
        under=300_000,
    ),
    _row("mixer", "MLP-Mixer", 0.93, seeds=1),
    _row("vit", "small vision transformer", 0.93, seeds=1),
    _row(
        "resnet",
        "residual, under 1 M parameters",
        0.957,
        seeds=1,
        published="0.954 (DenseNet-BC)",
        under=1_000_000,
    ),
)


def find(name: str) -> Row:
    """Raises SystemExit for a name that no row has."""
    for row in ROWS:
        if row.name == name:
            return row
    raise SystemExit(f"ladder: no row '{name}'; the rows: {', '.join(row.name for row in ROWS)}")
