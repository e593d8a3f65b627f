"""Keras' batch normalization with the fused kernels of TensorFlow, which Keras 3 does not use.

Its variables and names are Keras' own, so that weights files can be exchanged with it.
"""

from typing import Any

import keras
import tensorflow as tf


# Keras names a layer's place in a weights file after its class: the class keeps Keras' name.
class BatchNormalization(keras.layers.BatchNormalization):
    """As Keras' over the last axis; while training, films in one kernel forward and one back.

    On several devices it is Keras' own, synchronized: a batch has one mean, wherever its films are.
    """

    def __init__(self, **settings: Any) -> None:
        several = tf.distribute.get_strategy().num_replicas_in_sync > 1
        super().__init__(**{**settings, "synchronized": several})

    def call(
        self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None
    ) -> tf.Tensor:
        """float32 (n, h, w, c), or (n, c), normalized over all but the last axis."""
        if not training or self.synchronized or inputs.shape.rank != 4:
            return super().call(inputs, training=training, mask=mask)
        none = tf.constant([], tf.float32)
        normalized, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma.value,
            offset=self.beta.value,
            mean=none,
            variance=none,
            epsilon=self.epsilon,
            is_training=True,
        )
        # The kernel gives the unbiased variance; Keras keeps the biased one.
        count = tf.cast(tf.size(inputs), tf.float32) / inputs.shape[-1]
        self._follow(self.moving_mean, mean)
        self._follow(self.moving_variance, variance * ((count - 1) / count))
        return normalized

    def _follow(self, average: keras.Variable, value: tf.Tensor) -> None:
        average.assign(average * self.momentum + value * (1 - self.momentum))
