"""Features for a gate: the means of every map of every convolution block of a network.

The penultimate layer alone, which carries little but the label, separates unlike films far less
well (docs/gate.md).
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from fracture_core.networks import architectures


def with_features(network: keras.Model) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Return a function for probabilities and features in one pass; the caller compiles it.

    Returns:
        A function of films, float32 (n, size, size, 1) from 0 to 255, to probabilities, float32
        (n,), and features, float32 (n, d); d is 0 for an ensemble, which has no gate.
    """
    ends = [layer.output for layer in architectures.blocks(network)]
    if not ends:
        return lambda films: (
            network(films, training=False)[:, 0],
            tf.zeros((tf.shape(films)[0], 0)),
        )
    both = keras.Model(network.input, [network.output, *ends])

    def predict(films: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        probability, *maps = both(films, training=False)
        features = [tf.reduce_mean(each, axis=(1, 2)) for each in maps]
        return probability[:, 0], tf.concat(features, axis=-1)

    return predict
