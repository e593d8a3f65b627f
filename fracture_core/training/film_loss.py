"""Loss of each film: Keras' binary cross-entropy, with a gradient of one formula."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from fracture_core.networks.pooling import smoothed


class FilmLoss:
    """Loss per film of a network, in the shape of `pooling.StudyLoss`.

    Args:
        model: of `architectures.build`.
        smoothing: share of each label replaced by one half, 0 to 1.
    """

    variables: Sequence[keras.Variable] = ()  # nothing is learned beside the network

    def __init__(self, model: keras.Model, smoothing: float = 0.0) -> None:
        self._model, self._smoothing = model, smoothing

    def __call__(
        self, films: tf.Tensor, labels: tf.Tensor, studies: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return the films' probabilities, losses and labels, each float32 (n,).

        Args:
            films: float32 (n, size, size, 1), 0 to 255.
            labels: float32 (n,), 0 or 1.
            studies: each film is one.
        """
        probability = self._model(films, training=True)[:, 0]
        targets = smoothed(labels, self._smoothing)
        return probability, cross_entropies(probability, targets), labels


def _losses_and_slope(
    probability: tf.Tensor, labels: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, None]]]:
    """Return Keras' binary cross-entropy of each film, in nats, and its gradient.

    Both arguments are float32 (n,), as is the result; a label is from 0 to 1. The gradient is one
    formula: the two dozen small operations of Keras' clipped logarithms would delay everything
    else. It is 0 where they clip, as theirs.
    """
    losses = keras.losses.binary_crossentropy(labels[:, None], probability[:, None])
    least = keras.config.epsilon()
    clipped = (probability < least) | (probability > 1 - least)
    slope = (probability - labels) / (probability * (1 - probability))
    return losses, lambda gradient: (tf.where(clipped, 0.0, slope) * gradient, None)


cross_entropies: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] = tf.custom_gradient(_losses_and_slope)
