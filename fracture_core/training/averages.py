"""Averages of batch normalization, computed anew from training films before a network is judged.

While a network trains, each of these layers normalizes by its batch's own mean and variance, and
keeps a running average of both for judging. That average lags behind weights which move quickly,
so that the network that is judged is not the one that was trained. Means and variances over a
sample of films do not lag (Wu and Johnson 2021, "Rethinking 'Batch' in BatchNorm", section 3).
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from fracture_core.networks.layers import BatchNormalization, noting

# How far the accuracy lies apart between samples, and what they cost: docs/experiments.md.
SAMPLE = 768  # films that take one pass
SAMPLE_IN_BLOCKS = 256  # films that take a pass for each layer, which costs four times as much
BLOCK_PIXELS = 2**20  # of films that are in memory at once: some 300 MB of maps
STREAM = 2**62  # of random numbers; the passes over the films count up from 0

Moments = tuple[np.ndarray, np.ndarray]  # mean and biased variance of each channel


def sample(count: int, seed: int, epoch: int, size: int) -> np.ndarray:
    """The rows of the training films that an epoch's averages are taken over.

    Args:
        count: of training films.
        seed: of the run.
        epoch: from 1.
        size: side of a film in px.

    Returns:
        int64 (n,), in order: `SAMPLE` of them where these fit into one block, else
        `SAMPLE_IN_BLOCKS`, or all that there are.
    """
    films = SAMPLE if SAMPLE * size**2 <= BLOCK_PIXELS else SAMPLE_IN_BLOCKS
    drawn = np.random.Generator(np.random.Philox(key=[seed, STREAM + epoch])).permutation(count)
    return np.sort(drawn[:films])


def make_recompute(
    model: keras.Model,
) -> Callable[[np.ndarray, Callable[[], bool]], bool]:
    """Compile the computing of all averages of a network.

    Each layer gets the mean and variance of what the layers before it, with their new averages,
    make of all films. Films that fit into one block take one pass; else each layer takes one.

    Returns:
        A function of films, uint8 (n, size, size), and of whether to stop, which is asked between
        two passes. It gives whether all averages were set; they are the model's own variables.
    """
    norms = [layer for layer in model.layers if isinstance(layer, BatchNormalization)]
    size, passes = model.input_shape[1], {}
    block = max(1, BLOCK_PIXELS // size**2)

    def recompute(films: np.ndarray, should_stop: Callable[[], bool]) -> bool:
        blocks = np.array_split(films, -(-len(films) // block))
        left = norms
        while left:
            known = left if len(blocks) == 1 else left[:1]
            key = (len(norms) - len(left), len(known))
            if key not in passes:
                passes[key] = _make_pass(model, left, len(known))
            found = []
            for each in blocks:
                if should_stop():
                    return False
                found.append([(mean.numpy(), var.numpy()) for mean, var in passes[key](each)])
            for norm, parts in zip(known, zip(*found, strict=True), strict=True):
                mean, variance = _together(parts, [len(each) for each in blocks])
                norm.moving_mean.assign(mean)
                norm.moving_variance.assign(variance)
            left = left[len(known) :]
        return True

    return recompute


def _make_pass(
    model: keras.Model, norms: Sequence[BatchNormalization], count: int
) -> Callable[[np.ndarray], list[tuple[tf.Tensor, tf.Tensor]]]:
    """Compile what the first `count` of these layers see of a block, normalizing by that."""
    size, names = model.input_shape[1], [norm.name for norm in norms[:count]]

    @tf.function(input_signature=[tf.TensorSpec((None, size, size), tf.uint8)])
    def compiled(films: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        with noting(names) as moments:
            model(tf.cast(films, tf.float32)[..., None], training=False)
        return [moments[name] for name in names]

    return compiled


def _together(parts: Sequence[Moments], films: Sequence[int]) -> Moments:
    """Mean and variance over all blocks from those of each, in float64 (Chan et al. 1983)."""
    shares = np.array(films, np.float64)[:, None] / sum(films)
    means, variances = (np.stack(values).astype(np.float64) for values in zip(*parts, strict=True))
    mean = (shares * means).sum(axis=0)
    return mean, (shares * (variances + np.square(means - mean))).sum(axis=0)
