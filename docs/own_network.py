"""A network of one's own: python -m fracture_core train DATA --network-file docs/own_network.py

The file needs one function, `features`. It gets films as a Keras tensor, float32
(n, size, size, 1) from 0 (black) to 1 (white), and returns maps (n, h, w, maps) or values
(n, values). What stands before it (scaling) and after it (dense layers, dropout, the output) is
the same for every network.
"""

import keras
from keras import layers


class Contrast(keras.layers.Layer):
    """A layer of one's own: each film less its mean, divided by its standard deviation."""

    def __init__(self, least: float = 0.01, **options) -> None:
        super().__init__(**options)
        self.least = least

    def call(self, films):
        mean = keras.ops.mean(films, axis=(1, 2), keepdims=True)
        deviation = keras.ops.std(films, axis=(1, 2), keepdims=True)
        return (films - mean) / (deviation + self.least)

    def get_config(self):
        """Return the arguments of `__init__`, by which the layer is made again."""
        return {**super().get_config(), "least": self.least}


def features(films):
    """Add two branches of convolutions, fine and coarse, and the maximum of each map."""
    films = Contrast(name="contrast")(films)
    maps = layers.MaxPooling2D(2)(branch(films, 16, dilation=1))
    coarse = layers.MaxPooling2D(2)(branch(films, 16, dilation=2))
    maps = layers.Concatenate()([maps, coarse])
    maps = branch(maps, 64, dilation=1)
    # Randomness comes from layers of Keras: they are seeded with the run, so that a run that was
    # stopped and resumed ends with the same weights, to the last bit.
    maps = layers.SpatialDropout2D(0.1)(maps)
    return layers.GlobalMaxPooling2D()(maps)


def branch(maps, filters, dilation):
    """Add a convolution, batch normalization and ReLU; the maps keep their size."""
    maps = layers.Conv2D(filters, 3, padding="same", dilation_rate=dilation)(maps)
    return layers.ReLU()(layers.BatchNormalization()(maps))
