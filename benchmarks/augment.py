"""What each augmentation costs: nnpy beside `model.fit` with the same layer in the model.

    python benchmarks/augment.py                    # cnn; --model mlp, --only RandomFlip

Seconds per epoch of Fashion-MNIST, the median of three after the first, which compiles, and what
they are beside no augmentation. Both train in this process, one after the other, on the same
examples in batches of the same size; `model.fit` is given a cached `tf.data.Dataset`, and no XLA,
which is slower at convolutions on a CPU. MixUp and CutMix, which make labels too, are mapped over
its batches. The machine's load before and after is printed: it should be that of one process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

ISSUE = [
    {"RandomFlip": {"mode": "horizontal"}},
    {"RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1}},
    {"RandomErasing": {"factor": 0.5}},
]
LISTS: dict[str, list[Any]] = {
    "none": [],
    "flip, translation, erasing": ISSUE,
    "RandomFlip": ISSUE[:1],
    "RandomTranslation": ISSUE[1:2],
    "RandomErasing": ISSUE[2:],
    "RandomRotation": [{"RandomRotation": {"factor": 0.05}}],
    "RandomZoom": [{"RandomZoom": {"height_factor": 0.1}}],
    "RandomShear": [{"RandomShear": {"x_factor": 0.1}}],
    "RandomPerspective": ["RandomPerspective"],
    "RandomBrightness": [{"RandomBrightness": {"factor": 0.2}}],
    "RandomContrast": [{"RandomContrast": {"factor": 0.2}}],
    "RandomInvert": ["RandomInvert"],
    "RandomPosterization": [{"RandomPosterization": {"factor": 4}}],
    "Solarization": [{"Solarization": {"addition_factor": 0.2}}],
    "RandomSharpness": [{"RandomSharpness": {"factor": 0.3}}],
    "RandomGaussianBlur": ["RandomGaussianBlur"],
    "GaussianNoise": [{"GaussianNoise": {"stddev": 0.1}}],
    "padding and RandomCrop": [
        {"ZeroPadding2D": {"padding": 2}},
        {"RandomCrop": {"height": 28, "width": 28}},
    ],
    "Dropout": [{"Dropout": {"rate": 0.1}}],
    "RandAugment": ["RandAugment"],
    "RandomElasticTransform": ["RandomElasticTransform"],
    "MixUp": [{"MixUp": {"alpha": 0.2}}],
    "CutMix": ["CutMix"],
}
MODELS: dict[str, list[Any]] = {
    "mlp": [
        "Flatten",
        {"Dense": {"units": 128, "activation": "relu"}},
        {"Dense": {"units": 10, "activation": "softmax"}},
    ],
    "cnn": [
        {"Conv2D": {"filters": 32, "kernel_size": 3, "activation": "relu"}},
        "MaxPooling2D",
        {"Conv2D": {"filters": 64, "kernel_size": 3, "activation": "relu"}},
        "MaxPooling2D",
        "Flatten",
        {"Dense": {"units": 128, "activation": "relu"}},
        {"Dropout": {"rate": 0.3}},
        {"Dense": {"units": 10, "activation": "softmax"}},
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, default="cnn")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--examples", type=int, default=20_000)
    parser.add_argument("--only", choices=LISTS, action="append", help="besides none")
    given = parser.parse_args()
    names = ["none", *given.only] if given.only else [*LISTS]
    print(f"load before: {os.getloadavg()[0]:.1f}, cores: {os.cpu_count()}\n")
    print("| augmentation | nnpy, s | beside none | model.fit, s | beside none | nnpy is faster |")
    print("|---|---|---|---|---|---|", flush=True)
    base: tuple[float, float] | None = None
    for name in names:
        ours, fit = measure(LISTS[name], given.model, given.batch_size, given.examples)
        base = base or (ours, fit)
        print(
            f"| {name} | {ours:.2f} | {ours / base[0]:.2f} | {fit:.2f} | {fit / base[1]:.2f} | "
            f"{fit / ours:.1f} × |",
            flush=True,
        )
    print(f"\nload after: {os.getloadavg()[0]:.1f}")


def measure(augment: list[Any], model: str, batch_size: int, examples: int) -> tuple[float, float]:
    """Seconds of an epoch of nnpy and of `model.fit`."""
    from nnpy.config.load import load_config
    from nnpy.workflows.session import Session

    data: dict[str, Any] = {"name": "fashion_mnist", "augment": augment}
    training: dict[str, Any] = {"batch_size": batch_size}
    if any("MixUp" in each or "CutMix" in each for each in augment):
        data["labels"], training["loss"] = "one_hot", "categorical_crossentropy"
    config = load_config({"data": data, "model": MODELS[model], "training": training})
    session = Session(config, device="cpu")
    session.select_device()
    split = session.dataset().train.first(examples)
    engine = session.engine(session.build_model(), augment=True)
    return _steady(lambda epoch: engine.train_epoch(split, epoch)), _fit(session, split)


def _fit(session: Any, split: Any) -> float:
    import keras
    import tensorflow as tf

    from nnpy.models import augmentation

    config = session.config
    model = session.build_model()
    augment = augmentation.build(config, session.data_info)
    if augment is not None and not augment.mixes:
        inputs = keras.Input((28, 28, 1))
        x = inputs
        for layer in augment.layers:
            x = layer(x)
        model = keras.Model(inputs, model(x if model.input_shape[-1] == 1 else x[..., 0]))
    model.compile("adam", config.training.loss.name, metrics=["accuracy"], jit_compile=False)
    x = split.x.reshape(-1, 28, 28, 1) if model.input_shape[-1] == 1 else split.x
    size = config.training.batch_size
    data = tf.data.Dataset.from_tensor_slices(((x / 255).astype("float32"), split.y))
    data = data.cache().shuffle(len(split)).batch(size)
    if augment is not None and augment.mixes:
        (layer,) = augment.layers

        def mix(x: Any, y: Any) -> tuple[Any, Any]:
            grey = x[..., tf.newaxis] if x.shape.rank == 3 else x
            mixed = layer({"images": grey, "labels": tf.one_hot(y, 10)}, training=True)
            return tf.reshape(mixed["images"], tf.shape(x)), mixed["labels"]

        data = data.map(mix, num_parallel_calls=tf.data.AUTOTUNE)
    data = data.prefetch(tf.data.AUTOTUNE)
    return _steady(lambda epoch: model.fit(data, epochs=1, verbose=0))


def _steady(epoch: Any) -> float:
    """The median of three epochs after the first."""
    epoch(0)
    seconds = []
    for number in range(1, 4):
        began = time.perf_counter()
        epoch(number)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
