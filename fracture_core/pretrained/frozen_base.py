"""The layers of a large network that pretraining gave their weights, and freezing them.

A frozen layer keeps its weights, and its batch normalization normalizes by the averages that came
with them, in training too.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

END = "average"  # the layer after them, see `applications`


def layers(network: "keras.Model") -> "list[keras.Layer]":
    """Return the pretrained layers, from the film on."""
    base: list[keras.Layer] = network.layers[: _end(network)]
    return base


def after(network: "keras.Model") -> "list[keras.Layer]":
    """Return the other layers, up to the probability."""
    others: list[keras.Layer] = network.layers[_end(network) :]
    return others


def _end(network: "keras.Model") -> int:
    return [layer.name for layer in network.layers].index(END)


def freeze(network: "keras.Model", frozen: bool) -> None:
    """Freeze the pretrained layers, or have them learn again."""
    for layer in layers(network):
        layer.trainable = not frozen
