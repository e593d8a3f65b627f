"""Compiled training steps, several per call, and compiled prediction.

A step is a function of the weights, its films and its number alone. The number of steps per call
affects only the speed.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from fracture_core.learners.weight_average import WeightAverage
from fracture_core.losses.film_loss import FilmLoss
from fracture_core.losses.pooling import StudyLoss
from fracture_core.networks import architectures, optimizers
from fracture_core.networks.augmentation import apply
from fracture_core.training_films.pipeline import Chunk

DEVICE = 2**16  # offset of the dropout seeds per device; no network has as many layers
BLOCK_PIXELS = 2**18  # of a prediction: 256 films of 32 px; larger blocks are not faster


class Outcome(NamedTuple):
    """Results of `count` steps, each before its change of the weights.

    Args:
        losses: float32 (count,), sum of the binary cross-entropies in nats, of the films or, by a
            loss per study, of the studies; with smoothed labels where the run smooths them.
        right: int32 (count,), films predicted correctly at 0.5; a mixed film has the label of
            its larger share.
    """

    losses: np.ndarray
    right: np.ndarray


Steps = Callable[[Chunk, np.ndarray], Outcome]
Replica = Callable[..., tuple[tf.Tensor, tf.Tensor]]
Predict = Callable[[np.ndarray], np.ndarray]  # uint8 (n, size, size) to float32 (n,) probabilities


def make_steps(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    seed: int,
    class_weights: tuple[float, float] = (1.0, 1.0),
    loss: FilmLoss | StudyLoss | None = None,
    average: WeightAverage | None = None,
) -> Steps:
    """Compile training steps for the current distribution strategy.

    Args:
        model: from films, uint8 or float32 (n, size, size, 1), to probabilities (n, 1).
        optimizer: built on the model's trainable variables, then those of the loss per study.
        seed: of dropout, with the step's number.
        class_weights: weights of the loss of a negative and of a positive film or study.
        loss: per film or per study; by default that of each film.
        average: of the model's weights, updated after each step.

    Returns:
        A function of (chunk, learning rates) that changes weights and optimizer; the rates are
        float32, one per step of the chunk.
    """
    loss = loss or FilmLoss(model)
    variables = [*model.trainable_variables, *loss.variables]
    update = _with_average(optimizers.make_update(optimizer, variables), average)
    replica = _replica(_seeding(model, seed), loss, variables, update, class_weights)
    several, single = (
        _compile(replica, model.input_shape[1], alone, loss.mixes) for alone in (False, True)
    )

    def steps(chunk: Chunk, rates: np.ndarray) -> Outcome:
        parts = [
            (single if alone else several)(
                part.films,
                part.labels,
                part.studies,
                part.changes,
                part.partners,
                part.shares,
                part.ends,
                part.numbers,
                rates[steps],
            )
            for steps, part, alone in _by_kind(chunk)
        ]
        return Outcome(*(np.concatenate(values) for values in zip(*parts, strict=True)))

    return steps


def _by_kind(chunk: Chunk) -> Iterator[tuple[slice, Chunk, bool]]:
    """Split a chunk into steps of one film each and steps of several.

    A single film occurs rarely, at the end of a pass, and is traced separately (see `Conv2D`).

    Yields:
        The steps, their part of the chunk, and whether they are of one film each.
    """
    begins = np.concatenate([[0], chunk.ends[:-1]])
    alone = chunk.ends - begins == 1
    bounds = [0, *np.flatnonzero(np.diff(alone)) + 1, len(alone)]
    for first, stop in itertools.pairwise(bounds):
        begin, end = begins[first], chunk.ends[stop - 1]
        steps = slice(first, stop)
        part = dataclasses.replace(
            chunk,
            films=chunk.films[begin:end],
            labels=chunk.labels[begin:end],
            studies=chunk.studies[begin:end],
            changes=chunk.changes[begin:end],
            partners=chunk.partners[begin:end] - begin,
            shares=chunk.shares[begin:end],
            ends=chunk.ends[steps] - begin,
            numbers=chunk.numbers[steps],
        )
        yield steps, part, bool(alone[first])


def _compile(
    replica: Replica, size: int, alone: bool, mixes: bool
) -> Callable[..., tuple[tf.Tensor, ...]]:
    """Compile the loop over the steps of a call; where `alone`, every batch is one film."""
    strategy = tf.distribute.get_strategy()
    signature = [
        tf.TensorSpec((None, size, size), tf.uint8),
        tf.TensorSpec((None,), tf.float32),
        tf.TensorSpec((None,), tf.int32),
        tf.TensorSpec((None, 10), tf.float32),
        tf.TensorSpec((None,), tf.int32),
        tf.TensorSpec((None,), tf.float32),
        tf.TensorSpec((None,), tf.int32),
        tf.TensorSpec((None,), tf.int64),
        tf.TensorSpec((None,), tf.float32),
    ]

    def run(
        films: tf.Tensor,
        labels: tf.Tensor,
        studies: tf.Tensor,
        changes: tf.Tensor,
        partners: tf.Tensor,
        shares: tf.Tensor,
        ends: tf.Tensor,
        numbers: tf.Tensor,
        rates: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        changed = _changed(films, changes, alone)
        if mixes and not alone:  # a film alone has no other
            own = shares[:, None, None, None]
            changed = own * changed + (1 - own) * tf.gather(changed, partners)
        count = tf.size(rates)
        losses, right = tf.TensorArray(tf.float32, count), tf.TensorArray(tf.int32, count)
        begin = 0
        for i in tf.range(count):
            end = ends[i]
            batch = [changed[begin:end], labels[begin:end], studies[begin:end]]
            if alone:
                batch = [tf.ensure_shape(values, (1, *values.shape[1:])) for values in batch]
            loss, hits = strategy.run(replica, (*batch, numbers[i], rates[i]))
            losses = losses.write(i, strategy.reduce("SUM", loss, axis=None))
            right = right.write(i, strategy.reduce("SUM", hits, axis=None))
            begin = end
        return losses.stack(), right.stack()

    compiled: Callable[..., tuple[tf.Tensor, ...]] = tf.function(run, input_signature=signature)
    return compiled


def _changed(films: tf.Tensor, changes: tf.Tensor, alone: bool) -> tf.Tensor:
    """Return the films of a call with their random changes, float32 (n, size, size, 1)."""
    films = tf.cast(films, tf.float32)[..., None]
    if alone:  # no kernel takes an empty half
        return apply(films, changes)
    return _in_halves(apply, films, changes)


def _in_halves(one: Callable[..., tf.Tensor], *values: tf.Tensor) -> tf.Tensor:
    """Apply `one` to two halves of `values`, which have two rows or more.

    Each row must depend on itself alone; the operations of both halves can run at once.
    """
    half = tf.shape(values[0])[0] // 2
    parts = [one(*(each[:half] for each in values)), one(*(each[half:] for each in values))]
    return tf.concat(parts, axis=0)


def _seeding(model: keras.Model, seed: int) -> Callable[[tf.Tensor, tf.Tensor], None]:
    """Return a function that makes dropout one of (seed, step), not of the calls.

    Other layers that draw at random, in networks of the user's own, follow after dropout.
    """
    drops = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    states = [layer.seed_generator.state for layer in drops]
    known = {id(variable) for variable in [*model.weights, *states]}
    states += [variable for variable in model.variables if id(variable) not in known]

    def begin(number: tf.Tensor, place: tf.Tensor) -> None:
        for rank, state in enumerate(states):
            own = seed + rank + DEVICE * place  # a different mask for each device
            key = [tf.cast(own, state.dtype), tf.cast(number, state.dtype)]
            state.assign(tf.stack(key))

    return begin


def _with_average(
    update: optimizers.Update, average: WeightAverage | None
) -> Callable[[list[tf.Tensor], tf.Tensor, tf.Tensor], None]:
    """Return a function of gradients, learning rate and step that also updates the average."""

    def both(gradients: list[tf.Tensor], rate: tf.Tensor, number: tf.Tensor) -> None:
        update(gradients, rate)
        if average:
            average.update(number)

    return both


def _replica(
    begin: Callable[[tf.Tensor, tf.Tensor], None],
    loss_of: FilmLoss | StudyLoss,
    variables: list[keras.Variable],
    update: Callable[[list[tf.Tensor], tf.Tensor, tf.Tensor], None],
    class_weights: tuple[float, float],
) -> Replica:
    """Return one device's share of a step: every n-th study of the batch, n = number of replicas.

    Where a run learns from films, each film is a study of its own.
    """

    def replica(
        films: tf.Tensor,
        labels: tf.Tensor,
        studies: tf.Tensor,
        number: tf.Tensor,
        rate: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        context = tf.distribute.get_replica_context()
        others, place = context.num_replicas_in_sync, context.replica_id_in_sync_group
        total = tf.cast(studies[-1] + 1, tf.float32)
        if others > 1:
            rows = tf.where(tf.equal(studies % others, place))[:, 0]
            films, labels, studies = (tf.gather(each, rows) for each in (films, labels, studies))
            studies //= others
        begin(number, place)
        with tf.GradientTape() as tape:
            probability, losses, weighted = loss_of(films, labels, studies, class_weights)
            loss = tf.reduce_sum(weighted) / total
        update(tape.gradient(loss, variables), rate, number)
        right = tf.equal(probability > 0.5, labels > 0.5)
        return tf.reduce_sum(losses), tf.reduce_sum(tf.cast(right, tf.int32))

    return replica


def make_features(model: keras.Model) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Compile the maps of each convolution block for one film.

    Returns:
        A function of uint8 (size, size) to one float32 (h, w, maps) per block, in their order.
    """
    outputs = [layer.output for layer in architectures.blocks(model)]
    blocks, size = keras.Model(model.input, outputs), model.input_shape[1]

    def features(film: tf.Tensor) -> list[tf.Tensor]:
        maps: list[tf.Tensor] = tf.nest.flatten(
            blocks(tf.cast(film, tf.float32)[..., None], training=False)
        )
        return maps

    signature = [tf.TensorSpec((1, size, size), tf.uint8)]
    compiled = tf.function(features, input_signature=signature)
    return lambda film: [maps.numpy()[0] for maps in compiled(film[None])]


def make_predict(model: keras.Model) -> Predict:
    """Compile prediction: uint8 (n, size, size) to float32 (n,) probabilities."""
    size = model.input_shape[1]

    def probabilities(films: tf.Tensor) -> tf.Tensor:
        return model(tf.cast(films, tf.float32)[..., None], training=False)[:, 0]

    def in_halves(films: tf.Tensor) -> tf.Tensor:
        return _in_halves(probabilities, films)

    signature = [tf.TensorSpec((None, size, size), tf.uint8)]
    compiled = tf.function(in_halves, input_signature=signature)

    def predict(films: np.ndarray) -> np.ndarray:
        pair = (
            films.repeat(2, axis=0) if len(films) == 1 else films
        )  # no kernel takes an empty half
        result: np.ndarray = compiled(pair).numpy()[: len(films)]
        return result

    return predict


def predict_blocks(
    predict: Predict,
    films: np.ndarray,
    should_stop: Callable[[], bool],
    progress: Callable[[float], None] | None = None,
) -> np.ndarray | None:
    """Predict films in blocks of `BLOCK_PIXELS`.

    Args:
        predict: of `make_predict`.
        films: uint8 (n, size, size).
        should_stop: checked before each block.
        progress: called after each block with the share of films done, 0 to 1.

    Returns:
        float32 (n,) probabilities; `None` at a stop.
    """
    block = max(1, BLOCK_PIXELS // films.shape[-1] ** 2)
    parts = [np.empty(0, np.float32)]
    for first in range(0, len(films), block):
        if should_stop():
            return None
        parts.append(predict(films[first : first + block]))
        if progress:
            progress(min(1.0, (first + block) / len(films)))
    return np.concatenate(parts)
