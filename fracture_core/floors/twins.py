"""Twins of a network that could not learn: one untrained, one trained on shuffled labels.

The untrained twin has the network's random initial convolutions; a logistic regression on their
features does the rest. What it reaches needs no trained convolution (Saxe et al. 2011, "On Random
Weights and Unsupervised Feature Learning"). The other twin is trained as the network was, on the
labels of other studies: what it reaches is chance, or a leak (Ojala and Garriga 2010, "Permutation
Tests for Studying Classifier Performance"). Functions here load TensorFlow.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets.catalog import study_key
from fracture_core.errors import Stopped, TrainingFailed
from fracture_core.networks import schedules

if TYPE_CHECKING:
    import keras
    from sklearn.pipeline import Pipeline as SklearnPipeline

FITTED_ON = 8_000  # films at most, of the regression: more hardly change it
CALL_STEPS = 32  # between two looks at a request to stop
BLOCK_PIXELS = 2**18  # of films whose features are computed at once
STREAM = 3  # of random numbers: the order of shuffled labels

Progress = Callable[[int], None]  # steps done


def shuffled_labels(films: pd.DataFrame, seed: int) -> np.ndarray:
    """Return labels of films in which whole studies have exchanged theirs, int64 (n,).

    Films of a study keep one label, and there are as many positive studies as before.

    Args:
        films: manifest columns of the training films.
        seed: another one gives another order.
    """
    codes, keys = pd.factorize(study_key(films))
    of_study = films["label"].groupby(codes).first().to_numpy()
    random = np.random.Generator(np.random.Philox(key=[seed, STREAM]))
    labels: np.ndarray = of_study[random.permutation(len(keys))][codes]
    return labels


def network_of(
    config: TrainConfig, pixels: np.ndarray, should_stop: Callable[[], bool]
) -> "keras.Model":
    """Return the config's network with new weights, and averages over training films."""
    from fracture_core.learners.learner import make_network

    network = make_network(config)
    _set_averages(network, config, pixels, should_stop)
    return network


def _set_averages(
    network: "keras.Model",
    config: TrainConfig,
    pixels: np.ndarray,
    should_stop: Callable[[], bool],
) -> None:
    """Recompute the averages of batch normalization, where the config's runs do so."""
    from fracture_core.training import averages

    if config.normalization == "recomputed":
        rows = averages.sample(config, len(pixels), 0)
        if not averages.make_recompute(network)(pixels[rows], should_stop):
            raise Stopped("Stopped; no twin was kept.")


def features(
    network: "keras.Model", pixels: np.ndarray, should_stop: Callable[[], bool]
) -> np.ndarray:
    """Return the mean of every map of every convolution block, float32 (n, maps).

    Args:
        network: of `architectures.build`.
        pixels: uint8 (n, size, size).
        should_stop: checked before each block of films.

    Raises:
        Stopped: `should_stop` returned true.
    """
    import tensorflow as tf

    from fracture_core.prediction.gate_features import with_features

    both, size = with_features(network), network.input_shape[1]

    def maps(films: tf.Tensor) -> tf.Tensor:
        return both(tf.cast(films, tf.float32)[..., None])[1]

    compiled = tf.function(maps, input_signature=[tf.TensorSpec((None, size, size), tf.uint8)])
    block, parts = max(2, BLOCK_PIXELS // size**2), []
    for first in range(0, len(pixels), block):
        if should_stop():
            raise Stopped("Stopped; no twin was kept.")
        films = np.asarray(pixels[first : first + block])
        pair = films.repeat(2, axis=0) if len(films) == 1 else films  # see `steps.make_predict`
        parts.append(compiled(pair).numpy()[: len(films)])
    return np.concatenate(parts)


def regression() -> "SklearnPipeline":
    """Return the untrained twin's classifier: standardized features, logistic regression."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))


def untrained(
    config: TrainConfig,
    training: np.ndarray,
    labels: np.ndarray,
    evaluated: np.ndarray,
    should_stop: Callable[[], bool] = lambda: False,
) -> np.ndarray:
    """Return the untrained twin's probabilities of the evaluated films, float64 (n,).

    Args:
        config: of the network's run.
        training: uint8 (n, size, size), the training films.
        labels: (n,), theirs, 0 or 1.
        evaluated: uint8 (n, size, size).
        should_stop: checked between blocks of films.

    Raises:
        Stopped: `should_stop` returned true.
    """
    from fracture_core.prediction import gate_job

    network = network_of(config, training, should_stop)
    rows = gate_job.sample(np.arange(len(labels)), FITTED_ON)
    twin = regression().fit(features(network, training[rows], should_stop), labels[rows])
    probabilities: np.ndarray = twin.predict_proba(features(network, evaluated, should_stop))[:, 1]
    return probabilities


def trained_on_shuffled(
    config: TrainConfig,
    training: np.ndarray,
    films: pd.DataFrame,
    evaluated: np.ndarray,
    steps: int,
    progress: Progress = lambda done: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> np.ndarray:
    """Return the probabilities of a network trained on shuffled labels, float32 (n,).

    Args:
        config: of the network's run; its weights are random, even where the run's were given.
        training: uint8 (n, size, size), the training films.
        films: manifest columns of these.
        evaluated: uint8 (n, size, size).
        steps: of training.
        progress: called with the number of steps done.
        should_stop: checked between calls of `CALL_STEPS` steps.

    Raises:
        Stopped: `should_stop` returned true.
        TrainingFailed: the loss is no longer a finite number.
    """
    from fracture_core.learners.learner import class_weights, make_learner
    from fracture_core.training.steps import make_predict, make_steps, predict_blocks
    from fracture_core.training_films.pipeline import Pipeline

    config = replace(config, pretraining="none", frozen_epochs=0)
    shuffled = films.assign(label=shuffled_labels(films, config.seed))
    network, optimizer, loss, average = make_learner(config)
    pipeline = Pipeline.of_films(shuffled, training, config)
    weights = class_weights(config, pipeline.labels_of_losses)
    train = make_steps(network, optimizer, config.seed, weights, loss, average)
    for first in range(0, steps, CALL_STEPS):
        if should_stop():
            raise Stopped("Stopped; no twin was kept.")
        count = min(CALL_STEPS, steps - first)
        rates = schedules.rates(config, (), first, count, pipeline.steps_an_epoch, 1.0)
        outcome = train(pipeline.chunk(first, count), rates)
        if not np.isfinite(outcome.losses).all():
            raise TrainingFailed(
                "The loss of the twin on shuffled labels must stay a finite number; it no longer "
                "is. Try a run with a lower learning rate."
            )
        progress(first + count)
    if average:
        average.exchange()
    _set_averages(network, config, training, should_stop)
    table = predict_blocks(make_predict(network), evaluated, should_stop)
    if table is None:
        raise Stopped("Stopped; no twin was kept.")
    return table


def steps_of(config: TrainConfig, films: int, epoch: int) -> int:
    """Return the steps of training on this number of films up to an epoch, from 1."""
    return max(1, epoch) * (config.steps_per_epoch or -(-films // config.batch_size))
