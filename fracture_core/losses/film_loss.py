"""Loss of each film: Keras' binary cross-entropy, with a gradient of one formula."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from fracture_core.losses.pooling import smoothed


class FilmLoss:
    """Loss per film of a network, in the shape of `pooling.StudyLoss`.

    Args:
        model: of `architectures.build`.
        smoothing: share of each label replaced by one half, 0 to 1.
        mixes: whether films are mixed, see `training_films.mixup`.
    """

    variables: Sequence[keras.Variable] = ()  # nothing is learned beside the network

    def __init__(self, model: keras.Model, smoothing: float = 0.0, mixes: bool = False) -> None:
        self._model, self._smoothing, self.mixes = model, smoothing, mixes

    def __call__(
        self,
        films: tf.Tensor,
        labels: tf.Tensor,
        studies: tf.Tensor,
        class_weights: tuple[float, float] = (1.0, 1.0),
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return the films' probabilities, their losses, and these weighted, each float32 (n,).

        The loss of a mixed film is the mean of the losses of its two labels by their shares, each
        with its label's weight.

        Args:
            films: float32 (n, size, size, 1), 0 to 255.
            labels: float32 (n,), 0 or 1; between them where films are mixed.
            studies: each film is one.
            class_weights: of a negative and of a positive label.
        """
        probability = self._model(films, training=True)[:, 0]
        negative, positive = class_weights
        if not self.mixes:
            losses = cross_entropies(probability, smoothed(labels, self._smoothing))
            return probability, losses, losses * tf.where(labels > 0.5, positive, negative)
        ones = smoothed(tf.ones_like(labels), self._smoothing)
        of_ones = labels * cross_entropies(probability, ones)
        of_zeros = (1 - labels) * cross_entropies(probability, 1 - ones)
        return probability, of_ones + of_zeros, positive * of_ones + negative * of_zeros


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
