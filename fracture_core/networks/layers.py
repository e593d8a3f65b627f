"""Keras' layers, computed quicker: batch normalization in one kernel, convolutions in two halves,
the first one's as matrix products.

Their variables and names are Keras' own, so that weights files can be exchanged with it. Judging
is Keras' own, too.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar

import keras
import tensorflow as tf

Moments = dict[str, tuple[tf.Tensor, tf.Tensor]]  # a layer's name -> mean and biased variance
_noted: ContextVar[tuple[Sequence[str], Moments] | None] = ContextVar("_noted", default=None)


@contextlib.contextmanager
def noting(names: Sequence[str]) -> Iterator[Moments]:
    """Have these layers, while judging, normalize by their inputs' own mean and variance.

    Args:
        names: of layers of batch normalization.

    Yields:
        What each of them has computed, once the network was called.
    """
    moments: Moments = {}
    token = _noted.set((names, moments))
    try:
        yield moments
    finally:
        _noted.reset(token)


# Keras names a layer's place in a weights file after its class: the classes keep Keras' names.
class Conv2D(keras.layers.Conv2D):
    """As Keras'; while training, each half of the batch is an operation of its own.

    Two operations can be computed at once (see `loop.set_threads`). They are two on a single
    core as well, so that no bit depends on how many cores there are. A batch that is traced as one
    film stays whole, since no kernel takes an empty half; so does a device's share, which may be
    one film.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """float32 (n, h, w, c) to (n, h', w', filters)."""
        several = tf.distribute.get_strategy().num_replicas_in_sync > 1
        if not training or several or inputs.shape[0] == 1:
            return super().call(inputs)
        count = tf.shape(inputs)[0]
        sizes = [count // 2, count - count // 2]
        convolved = self._of_one_channel if self._takes_patches(inputs) else super().call

        @tf.custom_gradient
        def joined(*halves: tf.Tensor) -> tuple[tf.Tensor, Callable]:
            # A split's parts lie in the whole; the slices of `concat`'s own gradient are copies.
            return tf.concat(halves, axis=0), lambda gradient: tf.split(gradient, sizes)

        return joined(*[convolved(half) for half in tf.split(inputs, sizes)])

    def _takes_patches(self, inputs: tf.Tensor) -> bool:
        return (
            inputs.shape[-1] == 1
            and self.use_bias
            and self.padding == "valid"
            and self.dilation_rate == (1, 1)
            and self.activation is keras.activations.linear
        )

    def _of_one_channel(self, inputs: tf.Tensor) -> tf.Tensor:
        """The same as a matrix product: the kernels of convolutions are slow with one channel.

        Above all their filter gradient, which is a product of the same patches here, the bias' with
        it: each patch ends in a 1.
        """
        taps = self.kernel_size[0] * self.kernel_size[1]
        filters = tf.eye(taps, taps + 1)  # each picks one pixel; the last one none
        patches = tf.nn.conv2d(
            inputs, tf.reshape(filters, (*self.kernel_size, 1, taps + 1)), self.strides, "VALID"
        )
        patches = tf.nn.bias_add(patches, tf.one_hot(taps, taps + 1))
        kernel = tf.reshape(tf.convert_to_tensor(self.kernel), (taps, self.filters))
        weights = tf.concat([kernel, tf.convert_to_tensor(self.bias)[None]], axis=0)
        maps = tf.reshape(patches, (-1, taps + 1)) @ weights
        return tf.reshape(maps, (-1, *patches.shape[1:3], self.filters))


class BatchNormalization(keras.layers.BatchNormalization):
    """As Keras' over the last axis; while training, in one kernel forward and one back.

    On several devices a batch has one mean and one variance, wherever its films are.
    """

    def call(
        self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None
    ) -> tf.Tensor:
        """float32 (n, h, w, c), or (n, c), normalized over all but the last axis."""
        names, moments = _noted.get() or ((), {})
        if self.name in names:
            normalized, *moments[self.name] = self._fused(inputs)
            return normalized
        several = tf.distribute.get_strategy().num_replicas_in_sync > 1
        if not training:
            return super().call(inputs, training=training, mask=mask)
        normalized, mean, variance = (self._everywhere if several else self._fused)(inputs)
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average * self.momentum + value * (1 - self.momentum))
        return normalized

    def _fused(self, inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Normalized inputs, their mean and their biased variance, all in one kernel."""
        none = tf.constant([], tf.float32)
        maps = inputs[:, None, None, :] if inputs.shape.rank == 2 else inputs
        normalized, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=maps,
            scale=self.gamma.value,
            offset=self.beta.value,
            mean=none,
            variance=none,
            epsilon=self.epsilon,
            is_training=True,
        )
        # The kernel gives the unbiased variance; Keras keeps the biased one.
        count = tf.cast(tf.size(inputs), tf.float32) / inputs.shape[-1]
        if inputs.shape.rank == 2:
            normalized = normalized[:, 0, 0, :]
        return normalized, mean, variance * ((count - 1) / count)

    def _everywhere(self, inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The same over the films of all devices.

        Keras' own takes E(x^2) - E(x)^2 for the variance, in which small ones drown.
        """
        context, axes = tf.distribute.get_replica_context(), list(range(inputs.shape.rank - 1))

        def total(values: tf.Tensor) -> tf.Tensor:
            return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.reduce_sum(values, axes))

        count = total(tf.ones_like(inputs))
        mean = total(inputs) / count
        variance = total(tf.square(inputs - mean)) / count
        normalized = tf.nn.batch_normalization(
            inputs, mean, variance, self.beta.value, self.gamma.value, self.epsilon
        )
        return normalized, mean, variance
