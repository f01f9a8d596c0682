"""The matrix products of an epoch of the mlp, and nothing else: what no trainer is faster than."""

import time

import fashion
import numpy as np

args = fashion.arguments()
assert args.model == "mlp", "the floor is that of the dense network"
random, size = np.random.default_rng(0), fashion.BATCH["mlp"]
x = random.random((size, 784), np.float32)
hidden, out = (random.random((size, n), np.float32) for n in (128, 10))
first, last = (random.random(shape, np.float32) for shape in ((784, 128), (128, 10)))
seconds = []
for _ in range(args.epochs):
    began = time.perf_counter()
    for _ in range(args.examples // size):
        x @ first, hidden @ last  # forward
        hidden.T @ out, out @ last.T, x.T @ hidden  # backward
    seconds.append(time.perf_counter() - began)
fashion.report(seconds, 0.0)
