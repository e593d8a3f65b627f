"""The loss per film: Keras' own, where the run smooths labels as well."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fracture_core.config.train_config import TrainConfig
from fracture_core.learners.learner import make_learner, make_network
from fracture_core.losses import film_loss
from fracture_core.losses.pooling import smoothed
from fracture_core.networks import optimizers
from fracture_core.runs import journal
from fracture_core.runs.run_status import State
from fracture_core.training import steps
from tests.core.training.test_loop import make, train
from tests.core.training.test_steps import STILL, films, plain_twin


def test_the_loss_slopes_as_keras_own_where_it_clips_too() -> None:
    probability = tf.constant([0.0, 1e-8, 0.2, 0.5, 0.9, 1.0, 1.0, 0.3])
    labels = tf.constant([1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.7])
    results = []
    for loss in (
        film_loss.cross_entropies,
        lambda p, y: keras.losses.binary_crossentropy(y[:, None], p[:, None]),
    ):
        with tf.GradientTape() as tape:
            tape.watch(probability)
            losses = loss(probability, labels)
        results.append((losses.numpy(), tape.gradient(losses, probability).numpy()))
    (ours, slopes), (theirs, their_slopes) = results
    assert np.array_equal(ours, theirs)
    assert np.allclose(slopes, their_slopes, rtol=1e-5)
    assert slopes[0] == 0 and slopes[2] < 0 < slopes[3] and slopes[7] < 0


def test_smoothed_labels_have_the_closed_form() -> None:
    probability = np.array([0.1, 0.8, 0.6])
    losses = film_loss.cross_entropies(
        tf.constant(probability), smoothed(tf.constant([0.0, 1.0, 1.0], tf.float64), 0.3)
    )
    shares = np.array([0.15, 0.85, 0.85])
    expected = -(shares * np.log(probability) + (1 - shares) * np.log(1 - probability))
    assert losses.numpy() == pytest.approx(expected, rel=1e-6)  # Keras clips at 1e-7


def test_a_step_with_smoothed_labels_learns_what_keras_own_learns() -> None:
    config = TrainConfig(
        data="x",
        architecture="three_conv",
        augmentation=STILL,
        optimizer="sgd",
        label_smoothing=0.2,
    )
    model, optimizer, loss, _ = make_learner(config)
    twin = plain_twin(model, config)
    chunk, rate = films(config).chunk(0, 1), np.array([0.1], np.float32)
    outcome = steps.make_steps(model, optimizer, 1, loss=loss)(chunk, rate)
    twin.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        keras.losses.BinaryCrossentropy(label_smoothing=0.2),
    )
    expected = twin.train_on_batch(chunk.films.astype(np.float32)[..., None], chunk.labels[:, None])
    assert outcome.losses[0] / 10 == pytest.approx(float(expected), rel=1e-5)
    for ours, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert np.allclose(ours, theirs, atol=2e-5)


@pytest.mark.slow
def test_class_weights_go_by_the_label_and_not_by_the_smoothed_one() -> None:
    config = TrainConfig(data="x", architecture="three_conv", augmentation=STILL, optimizer="sgd")
    moved = []
    for weights, smoothing in (((1.0, 0.0), 0.2), ((0.0, 1.0), 0.2), ((1.0, 1.0), 0.2)):
        model = make_network(config)
        optimizer = optimizers.make(config)
        optimizer.build(model.trainable_variables)
        before = np.array(model.get_layer("probability").bias)
        loss = film_loss.FilmLoss(model, smoothing)
        step = steps.make_steps(model, optimizer, 1, weights, loss)
        step(films(config).chunk(0, 1), np.array([0.1], np.float32))
        moved.append(np.array(model.get_layer("probability").bias) - before)
    negative, positive, both = moved
    assert negative < 0 < positive
    assert negative + positive == pytest.approx(both, abs=1e-6)  # a first step is linear


@pytest.mark.parametrize("learn_from", ["films", pytest.param("studies", marks=pytest.mark.slow)])
def test_the_training_loss_of_a_run_is_smoothed_and_the_others_are_not(
    folders, phantom_root, learn_from
) -> None:
    plain, smooth = (
        make(phantom_root, epochs=1, learning_rate=1e-7, learn_from=learn_from, **more)
        for more in ({}, {"label_smoothing": 0.5})
    )
    lines = []
    for folder in (plain, smooth):
        assert train(folder).state is State.FINISHED
        lines += journal.lines(folder / "metrics.jsonl")
    one, other = lines
    assert other["train"]["loss"] != pytest.approx(one["train"]["loss"], rel=1e-3)
    for role in ("dev", "valid"):
        assert other[role]["loss"] == pytest.approx(one[role]["loss"], rel=1e-3)


def test_a_mixed_films_loss_is_that_of_its_labels_by_share_and_weight() -> None:
    probability, labels = np.array([0.1, 0.8, 0.6]), np.array([0.0, 0.7, 0.25])
    loss = film_loss.FilmLoss(lambda films, training: films, smoothing=0.2, mixes=True)
    given = tf.constant(probability[:, None]), tf.constant(labels), tf.range(3)
    _, losses, weighted = (each.numpy() for each in loss(*given, (0.5, 3.0)))
    of_one, of_zero = (
        -(share * np.log(probability) + (1 - share) * np.log(1 - probability))
        for share in (0.9, 0.1)
    )
    assert losses == pytest.approx(labels * of_one + (1 - labels) * of_zero, rel=1e-6)
    expected = 3.0 * labels * of_one + 0.5 * (1 - labels) * of_zero
    assert weighted == pytest.approx(expected, rel=1e-6)


def test_a_mixed_step_learns_what_keras_learns_from_films_mixed_by_hand() -> None:
    config = TrainConfig(
        data="x", architecture="three_conv", augmentation=STILL, optimizer="sgd", mixup=1.0
    )
    model, optimizer, loss, _ = make_learner(config)
    twin = plain_twin(model, config)
    chunk, rate = films(config).chunk(0, 1), np.array([0.1], np.float32)
    outcome = steps.make_steps(model, optimizer, 1, loss=loss)(chunk, rate)
    own, pixels = chunk.shares[:, None, None], chunk.films.astype(np.float32)
    mixed = own * pixels + (1 - own) * pixels[chunk.partners]
    predicted = twin(mixed[..., None], training=True).numpy()[:, 0]
    assert outcome.right[0] == ((predicted > 0.5) == (chunk.labels > 0.5)).sum()
    twin.set_weights(make_network(config).get_weights())  # its averages have moved
    twin.compile(keras.optimizers.SGD(0.1, momentum=0.9), "binary_crossentropy")
    expected = twin.train_on_batch(mixed[..., None], chunk.labels[:, None])
    assert outcome.losses[0] / 10 == pytest.approx(float(expected), rel=1e-5)
    for ours, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert np.allclose(ours, theirs, atol=2e-5)
