"""The networks in Keras."""

from __future__ import annotations

import keras


def make(name: str, *, augment: bool = True) -> keras.Model:
    """A network, compiled; `resnet` begins with its augmentation, unless that is left out."""
    layers = keras.layers
    if name == "resnet":
        return _compiled(_resnet(augmenting() if augment else []))
    body = {
        "mlp": [layers.Flatten(), layers.Dense(128, activation="relu")],
        "cnn": [
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.3),
        ],
        "cnn_bn": [
            layers.Reshape((28, 28, 1)),
            *_normalized(layers.Conv2D(32, 3, use_bias=False)),
            layers.MaxPooling2D(),
            *_normalized(layers.Conv2D(64, 3, use_bias=False)),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.3),
        ],
        "lstm": [layers.LSTM(128)],
    }[name]
    last = layers.Dense(10, activation="softmax")
    return _compiled(keras.Sequential([keras.Input((28, 28)), *body, last]))


def augmenting() -> list[keras.Layer]:
    """What changes the pictures of a training of `resnet`."""
    return [
        keras.layers.RandomFlip("horizontal"),
        keras.layers.RandomTranslation(0.1, 0.1),
        keras.layers.RandomErasing(0.5, value_range=(0, 1)),
    ]


def _normalized(convolution: keras.Layer) -> list[keras.Layer]:
    return [convolution, keras.layers.BatchNormalization(), keras.layers.Activation("relu")]


def _resnet(before: list[keras.Layer]) -> keras.Model:
    """Six residual blocks of 16 to 64 filters, as in configs/resnet.yaml."""
    layers = keras.layers

    def convolved(x, filters: int, strides: int = 1, kernel: int = 3):
        convolution = layers.Conv2D(
            filters, kernel, strides=strides, padding="same", use_bias=False
        )
        return convolution(x)

    def activated(x):
        return layers.Activation("relu")(layers.BatchNormalization()(x))

    inputs = keras.Input((28, 28))
    x = layers.Reshape((28, 28, 1))(inputs)
    for layer in before:
        x = layer(x)
    x = convolved(x, 16, strides=2)
    for filters, strides in ((16, 1), (16, 1), (32, 2), (32, 1), (64, 2), (64, 1)):
        start = activated(x)
        way = convolved(activated(convolved(start, filters, strides)), filters)
        x = layers.add([way, x if strides == 1 else convolved(start, filters, strides, 1)])
    x = layers.GlobalAveragePooling2D()(activated(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def _compiled(model: keras.Model) -> keras.Model:
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Clock(keras.callbacks.Callback):
    """The seconds of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch, logs=None):
        import time

        self.began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        import time

        self.seconds.append(time.perf_counter() - self.began)
