"""Averages of batch normalization, recomputed from training films before an evaluation.

In training, each of these layers normalizes by its batch's mean and variance, and keeps running
averages of both for inference. These averages lag behind weights that change quickly, so the
evaluated network differs from the trained one. Means and variances over a sample of films do not
lag (Wu and Johnson 2021, "Rethinking 'Batch' in BatchNorm", section 3).

Films that fit into memory at once are one batch, and so exact. Of more films a network of few such
layers takes a pass for each of them, which is exact too; one of many takes a single pass, in which
each block of films is normalized by its own means and variances, as a batch of training is (their
"PreciseBN"). Frozen layers keep the averages that they came with.
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from fracture_core.networks.layers import BatchNormalization, noting

# The spread of the accuracy between samples, and their cost: docs/experiments.md.
SAMPLE = 768  # films in a single pass
SAMPLE_IN_BLOCKS = 256  # films with a pass for each layer, which costs four times as much
BLOCK_PIXELS = 2**20  # of films in memory at once: about 300 MB of maps
MOST_PASSES = 16  # one for each layer; a network with more of them has a single pass
STREAM = 2**62  # of random numbers; those of the passes over the films count up from 0

Moments = tuple[np.ndarray, np.ndarray]  # mean and biased variance of each channel
Pass = Callable[[np.ndarray], list[tuple[tf.Tensor, tf.Tensor]]]  # films -> moments of each layer


def sample(count: int, seed: int, epoch: int, size: int) -> np.ndarray:
    """Return the rows of the training films for an epoch's averages.

    Args:
        count: of training films.
        seed: of the run.
        epoch: from 1.
        size: side of a film in px.

    Returns:
        int64 (n,), in order: `SAMPLE` rows where these fit into one block, else
        `SAMPLE_IN_BLOCKS`; all rows if there are fewer.
    """
    films = SAMPLE if SAMPLE * size**2 <= BLOCK_PIXELS else SAMPLE_IN_BLOCKS
    drawn = np.random.Generator(np.random.Philox(key=[seed, STREAM + epoch])).permutation(count)
    return np.sort(drawn[:films])


def make_recompute(
    model: keras.Model,
) -> Callable[[np.ndarray, Callable[[], bool]], bool]:
    """Compile the computation of all averages of a network.

    Each layer gets the mean and variance of its inputs over all films, where the layers before it
    use their new averages; beyond `MOST_PASSES` layers, those of the block at hand.

    Returns:
        A function of films, uint8 (n, size, size), and of a callback that is checked between two
        passes and stops with `True`. It returns whether all averages were set; they are variables
        of the model.
    """
    norms = [
        layer
        for layer in model.layers
        if isinstance(layer, BatchNormalization) and layer.trainable
    ]
    passes: dict[tuple[int, int], Pass] = {}
    block = max(1, BLOCK_PIXELS // model.input_shape[1] ** 2)

    def recompute(films: np.ndarray, should_stop: Callable[[], bool]) -> bool:
        blocks = np.array_split(films, -(-len(films) // block))
        left = norms
        while left:
            at_once = len(blocks) == 1 or len(norms) > MOST_PASSES
            current = left if at_once else left[:1]
            key = (len(norms) - len(left), len(current))
            if key not in passes:
                passes[key] = _make_pass(model, left, len(current))
            moments = []
            for each in blocks:
                if should_stop():
                    return False
                moments.append([(mean.numpy(), var.numpy()) for mean, var in passes[key](each)])
            for norm, parts in zip(current, zip(*moments, strict=True), strict=True):
                mean, variance = _combined(parts, [len(each) for each in blocks])
                norm.moving_mean.assign(mean)
                norm.moving_variance.assign(variance)
            left = left[len(current) :]
        return True

    return recompute


def _make_pass(model: keras.Model, norms: Sequence[BatchNormalization], count: int) -> Pass:
    """Compile the input moments of the first `count` layers, which normalize by them."""
    size, names = model.input_shape[1], [norm.name for norm in norms[:count]]

    def input_moments(films: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        with noting(names) as moments:
            model(tf.cast(films, tf.float32)[..., None], training=False)
        return [moments[name] for name in names]

    signature = [tf.TensorSpec((None, size, size), tf.uint8)]
    compiled: Pass = tf.function(input_moments, input_signature=signature)
    return compiled


def _combined(parts: Sequence[Moments], films: Sequence[int]) -> Moments:
    """Combine blocks' means and variances into those of all films, float64 (Chan et al. 1983)."""
    shares = np.array(films, np.float64)[:, None] / sum(films)
    means, variances = (np.stack(values).astype(np.float64) for values in zip(*parts, strict=True))
    mean = (shares * means).sum(axis=0)
    return mean, (shares * (variances + np.square(means - mean))).sum(axis=0)
