"""Averages of batch normalization, recomputed from training films before an evaluation.

In training, each of these layers normalizes by its batch's mean and variance, and keeps running
averages of both for inference. These averages lag behind weights that change quickly, so the
evaluated network differs from the trained one. Means and variances over a sample of films do not
lag (Wu and Johnson 2021, "Rethinking 'Batch' in BatchNorm", section 3).

Films that fit into memory at once are one batch, and so exact. Of more films a network of few such
layers takes a pass for each of them, which is exact too; one of many takes a single pass, in which
each block of films is normalized by its own means and variances, as a batch of training is (their
"PreciseBN").
"""

import functools
import math
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from fracture_core.config.train_config import TrainConfig
from fracture_core.networks.layers import BatchNormalization, noting
from fracture_core.networks.network_size import KEPT_BYTES, PIXEL_BYTES
from fracture_core.pretrained import frozen_base

# The spread of the accuracy between samples, and their cost: docs/experiments.md.
BLOCK_PIXELS = 2**20  # of films that are computed at once: about 300 MB of maps
SEVERAL_BLOCKS = (256, 512)  # films of a sample: the fewest, of large films, and the most
MOST_PASSES = 16  # one for each layer; a network with more of them has a single pass
STREAM = 2**62  # of random numbers; those of the passes over the films count up from 0

Moments = tuple[np.ndarray, np.ndarray]  # mean and biased variance of each channel
# From films or maps to the input of the last layer, and to the input moments of each layer.
Pass = Callable[[tf.Tensor], tuple[tf.Tensor, list[tuple[tf.Tensor, tf.Tensor]]]]
Recompute = Callable[[np.ndarray, Callable[[], bool]], bool]  # see `make_recompute`


def sample(config: TrainConfig, count: int, epoch: int) -> np.ndarray:
    """Return the rows of the training films for an epoch's averages.

    Args:
        config: of the run.
        count: of training films.
        epoch: from 1.

    Returns:
        int64 (n,), in order. Their number is `config.normalization_films` or `count` if these fit
        into one block; else as many as have maps within `KEPT_BYTES`, from 256 to 512.
    """
    pixels = config.recipe.size**2
    kept = int(np.clip(KEPT_BYTES // (PIXEL_BYTES * pixels), *SEVERAL_BLOCKS))
    films = min(config.normalization_films, max(BLOCK_PIXELS // pixels, kept))
    random = np.random.Generator(np.random.Philox(key=[config.seed, STREAM + epoch]))
    return np.sort(random.permutation(count)[:films])


def make_recompute(model: keras.Model, frozen: bool = False) -> Recompute:
    """Compile the computation of all averages of a network.

    Each layer gets the mean and variance of its inputs over all films, where the layers before it
    use their new averages. Films that fit into one block take one pass. Else each layer's inputs
    are computed from those of the layer before, which are kept block by block; beyond `KEPT_BYTES`
    they are computed from the films. A network of more than `MOST_PASSES` layers takes one pass,
    and each block is normalized by its own moments.

    Args:
        model: of `architectures.build`.
        frozen: whether its pretrained layers are frozen; these normalize by the averages that came
            with their weights, in training too, and keep them.

    Returns:
        A function of films, uint8 (n, size, size), and of a callback that is checked between two
        passes and stops with `True`. It returns whether all averages were set; they are variables
        of the model.
    """
    learning = frozen_base.after(model) if frozen else model.layers
    norms = [layer for layer in learning if isinstance(layer, BatchNormalization)]
    block = max(1, BLOCK_PIXELS // model.input_shape[1] ** 2)
    film_bytes = max((4 * math.prod(norm.input.shape[1:]) for norm in norms), default=1)

    @functools.cache
    def from_films(first: int, count: int) -> Pass:
        return _make_pass(model.input, norms[first : first + count])

    @functools.cache
    def from_maps(first: int) -> Pass | None:
        try:
            return _make_pass(norms[first - 1].input, norms[first : first + 1])
        except ValueError:  # of Keras: in this network another way leads past the layer before
            return None

    def recompute(films: np.ndarray, should_stop: Callable[[], bool]) -> bool:
        if not norms:
            return True
        blocks = np.array_split(films, -(-len(films) // block))
        at_once = len(blocks) == 1 or len(norms) > MOST_PASSES
        count = len(norms) if at_once else 1
        kept = KEPT_BYTES // (film_bytes * len(blocks[0]))
        maps: dict[int, tf.Tensor] = {}  # of the first blocks, the inputs of the layer before
        for first in range(0, len(norms), count):
            onward, moments = from_maps(first) if first else None, []
            for number, each in enumerate(blocks):
                if should_stop():
                    return False
                if onward and number in maps:
                    inputs, of_block = onward(maps[number])
                else:
                    pixels = each[..., None].astype(np.float32)
                    inputs, of_block = from_films(first, count)(pixels)
                if number < kept:
                    maps[number] = inputs
                moments.append([(mean.numpy(), variance.numpy()) for mean, variance in of_block])
            parts = zip(*moments, strict=True)
            for norm, of_norm in zip(norms[first : first + count], parts, strict=True):
                mean, variance = _combined(of_norm, [len(each) for each in blocks])
                norm.moving_mean.assign(mean)
                norm.moving_variance.assign(variance)
        return True

    return recompute


def _make_pass(begin: keras.KerasTensor, norms: Sequence[BatchNormalization]) -> Pass:
    """Compile the way from `begin` through these layers, which normalize by their moments.

    Raises:
        ValueError: the last layer needs more than `begin`.
    """
    last, names = norms[-1], [norm.name for norm in norms]
    # Each layer is an output: in a network that branches, not all of them lead to the last.
    part = keras.Model(begin, [last.input, *(norm.output for norm in norms)])

    def inputs_and_moments(values: tf.Tensor) -> tuple[tf.Tensor, list[Moments]]:
        with noting(names) as moments:
            inputs, *_ = part(values, training=False)
        return inputs, [moments[name] for name in names]

    signature = [tf.TensorSpec(begin.shape, tf.float32)]
    compiled: Pass = tf.function(inputs_and_moments, input_signature=signature)
    return compiled


def _combined(parts: Sequence[Moments], films: Sequence[int]) -> Moments:
    """Combine blocks' means and variances into those of all films, float64 (Chan et al. 1983)."""
    shares = np.array(films, np.float64)[:, None] / sum(films)
    means, variances = (np.stack(values).astype(np.float64) for values in zip(*parts, strict=True))
    mean = (shares * means).sum(axis=0)
    return mean, (shares * (variances + np.square(means - mean))).sum(axis=0)
