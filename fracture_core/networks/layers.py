"""Layers of Keras with faster training.

Batch normalization runs in one kernel, convolutions in two halves, the first convolution as matrix
products. Variables and names are those of Keras, so that weights files can be exchanged with it;
inference is Keras' own too.
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
    """Make these layers, in inference, normalize by the mean and variance of their inputs.

    Args:
        names: of layers of batch normalization.

    Yields:
        The moments of each layer, filled when the network is called.
    """
    moments: Moments = {}
    token = _noted.set((names, moments))
    try:
        yield moments
    finally:
        _noted.reset(token)


# Keras names a layer's group in a weights file after its class: the classes keep Keras' names.
class Conv2D(keras.layers.Conv2D):  # type: ignore[misc]  # Keras has no types
    """Convolution of Keras; in training, each half of the batch is a separate operation.

    Two operations can run at once (see `loop.set_threads`). There are two on a single core as well,
    so that no bit depends on the number of cores. A batch that is traced as one film stays whole,
    since no kernel takes an empty half; so does a device's share, which may be one film.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Convolve float32 (n, h, w, c) to (n, h', w', filters)."""
        several = tf.distribute.get_strategy().num_replicas_in_sync > 1
        if not training or several or inputs.shape[0] == 1:
            return super().call(inputs)
        count = tf.shape(inputs)[0]
        sizes = [count // 2, count - count // 2]
        convolved = self._of_one_channel if self._takes_patches(inputs) else super().call

        def join(*halves: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], list[tf.Tensor]]]:
            # The parts of a split are views; the slices of `concat`'s own gradient are copies.
            return tf.concat(halves, axis=0), lambda gradient: tf.split(gradient, sizes)

        joined = tf.custom_gradient(join)
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
        """Compute the same as a matrix product: kernels of convolutions are slow with one channel.

        The slowest is their filter gradient, which is a product of the same patches here, together
        with that of the bias: each patch ends in a 1.
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


class BatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]  # as above
    """Batch normalization of Keras over the last axis; in training, one kernel in each direction.

    On several devices a batch has one mean and one variance over all its films.
    """

    def call(
        self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Normalize float32 (n, h, w, c), or (n, c), over all but the last axis."""
        names, moments = _noted.get() or ((), {})
        if self.name in names:
            normalized, mean, variance = self._fused(inputs)
            moments[self.name] = mean, variance
            return normalized
        several = tf.distribute.get_strategy().num_replicas_in_sync > 1
        if not (training and self.trainable):
            return super().call(inputs, training=training, mask=mask)
        normalized, mean, variance = (self._everywhere if several else self._fused)(inputs)
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average * self.momentum + value * (1 - self.momentum))
        return normalized

    def _fused(self, inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return normalized inputs, their mean and biased variance, all from one kernel."""
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
        # The kernel returns the unbiased variance; Keras averages the biased one.
        count = tf.cast(tf.size(inputs), tf.float32) / inputs.shape[-1]
        if inputs.shape.rank == 2:
            normalized = normalized[:, 0, 0, :]
        return normalized, mean, variance * ((count - 1) / count)

    def _everywhere(self, inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return the same over the films of all devices.

        Keras computes the variance as E(x^2) - E(x)^2, in which small ones are lost.
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
