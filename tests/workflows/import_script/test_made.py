"""Models that a script makes and never compiles: networks for a loop of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflows.import_script.support import imported

HEAD = """
import keras, numpy as np, tensorflow as tf
from keras import layers

def build(units):
    start = keras.Input((4,))
    return keras.Model(start, layers.Dense(units)(layers.Dense(5)(start)))
"""
LOOP = """
def main():
    network = build(3)
    optimizer = keras.optimizers.SGD(0.1)
    with tf.GradientTape() as tape:
        loss = keras.ops.mean(network(np.ones((2, 4))))
    optimizer.apply(tape.gradient(loss, network.trainable_weights), network.trainable_weights)

main()
"""
PARTS = """
class Gan(keras.Model):
    def __init__(self, generator, critic):
        super().__init__()
        self.generator, self.critic = generator, critic
        self.own = keras.Sequential([layers.Dense(2)])

    def train_step(self, data):
        return {"loss": 0.0}

generator = build(4)
critic = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
gan = Gan(generator, critic)
gan.compile("adam")
gan.fit(np.ones((4, 4)))
"""
WITHIN = """
inner = build(4)
outer = keras.Sequential([inner, layers.Softmax()])
broken = None
try:
    broken = keras.Model(None, 3)
except Exception:
    pass
outer(np.ones((2, 4)))
"""
COMPILED = """
other = build(2)
model = build(3)
model.compile("adam", "mse")
model.fit(np.ones((2, 4)), np.ones((2, 3)))
"""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (LOOP, ["network"]),
        (PARTS, ["generator", "critic"]),
        (WITHIN, ["outer"]),
        (COMPILED, ["model"]),  # what is compiled is what the script trains
    ],
)
def test_the_networks_are_written(tmp_path: Path, text: str, names: list[str]) -> None:
    found, end = imported(tmp_path, HEAD + text, verify=True)
    assert end == {}
    written = [each for each in found if not each.refused]
    assert [each.name for each in written] == names
    assert all(each.verdict.equal for each in written)
    told = [note for each in written for note in each.notes if "never compiled" in note]
    assert len(told) == (0 if text is COMPILED else len(names))
