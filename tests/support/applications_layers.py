"""The layers that ConvNeXt and InceptionResNetV2 of keras.applications bring along.

Written as the `code:` file of a user; `tests/support/roundtrip.py` puts it beside the configs.
"""

import keras


@keras.saving.register_keras_serializable(package="applications")
class LayerScale(keras.layers.Layer):
    """Learned scale of each channel (Touvron et al., 2021, arXiv:2103.17239)."""

    def __init__(self, init_values, projection_dim, **kwargs):
        super().__init__(**kwargs)
        self.init_values = init_values
        self.projection_dim = projection_dim

    def build(self, _):
        self.gamma = self.add_weight(
            shape=(self.projection_dim,),
            initializer=keras.initializers.Constant(self.init_values),
        )

    def call(self, inputs):
        return inputs * self.gamma

    def get_config(self):
        own = {"init_values": self.init_values, "projection_dim": self.projection_dim}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="applications")
class StochasticDepth(keras.layers.Layer):
    """Drops the whole branch in training, with a probability (Huang et al., 2016)."""

    def __init__(self, drop_path_rate, **kwargs):
        super().__init__(**kwargs)
        self.drop_path_rate = drop_path_rate

    def call(self, inputs, training=None):
        if not training:
            return inputs
        keep = 1 - self.drop_path_rate
        shape = (keras.ops.shape(inputs)[0],) + (1,) * (len(inputs.shape) - 1)
        kept = keras.ops.floor(keep + keras.random.uniform(shape))
        return inputs / keep * kept

    def get_config(self):
        return {**super().get_config(), "drop_path_rate": self.drop_path_rate}


@keras.saving.register_keras_serializable(package="applications")
class CustomScaleLayer(keras.layers.Layer):
    """A sum whose second part is scaled."""

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs):
        return inputs[0] + inputs[1] * self.scale

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}
