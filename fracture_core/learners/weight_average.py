"""Exponential moving average of a network's weights, which is evaluated and kept in their place.

After step t the average is the sum over steps i of d^(t-i) w_i, divided by the sum of these powers
of the decay d, where w_i are the weights after step i: a mean without a part of the initial weights
(the correction of Kingma and Ba 2015, section 3, applied to weights).
"""

import contextlib
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf


class WeightAverage:
    """Running mean of a network's trainable weights.

    While the network trains, `variables` hold the mean; where the network holds the mean, they hold
    the weights that training goes on with.

    Args:
        model: whose weights are averaged.
        decay: weight of a step against that of the next one, above 0 and below 1.
    """

    def __init__(self, model: keras.Model, decay: float) -> None:
        self._weights, self._decay = model.trainable_variables, decay
        self.variables: Sequence[keras.Variable] = [
            keras.Variable(
                np.array(weight),
                trainable=False,
                aggregation="only_first_replica",  # the same on all devices
                name=f"average_{number}",
            )
            for number, weight in enumerate(self._weights)
        ]

    def update(self, number: tf.Tensor) -> None:
        """Add the weights after a step to the mean.

        Args:
            number: int64, of the step, from 0.
        """
        powers = tf.pow(tf.constant(self._decay, tf.float64), tf.cast(number + 1, tf.float64))
        # The share of the weights is 1 after the first step. That of the mean so far multiplies
        # the difference, so that weights which stay as they are keep a mean of the same bits.
        rest = tf.cast(1 - (1 - self._decay) / (1 - powers), tf.float32)
        for average, weight in zip(self.variables, self._weights, strict=True):
            average.assign(weight + (average - weight) * rest)

    def exchange(self) -> None:
        """Exchange the weights of the network and the mean."""
        for average, weight in zip(self.variables, self._weights, strict=True):
            mean = np.array(average)
            average.assign(np.array(weight))
            weight.assign(mean)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Exchange network and mean for a while."""
        self.exchange()
        try:
            yield
        finally:
            self.exchange()
