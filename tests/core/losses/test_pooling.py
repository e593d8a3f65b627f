"""The loss per study: closed forms in numpy, slopes, and logits at the end of their range."""

import numpy as np
import pytest
import tensorflow as tf

from fracture_core.losses import pooling

POOLINGS = ("maximum", "noisy_or", "mean", "attention")
LOGITS = np.array([-2.0, 0.5, 3.0, -0.3, 1.0, -4.0])
STUDIES = np.array([0, 0, 0, 1, 2, 2])
SCORES = np.array([0.3, -1.0, 0.2, 5.0, 0.0, 2.0])
LABELS = np.array([1.0, 0.0, 0.0])


def losses(
    logits: tf.Tensor, kind: str, labels: np.ndarray = LABELS, smoothing: float = 0.0
) -> tf.Tensor:
    """The losses of the studies above, with these logits."""
    members = tf.constant(STUDIES[None] == np.arange(3)[:, None])
    scores = tf.constant(SCORES, logits.dtype) if kind == "attention" else None
    logs = pooling.pooled(logits, members, kind, scores)
    return pooling.cross_entropies(tf.constant(labels, logits.dtype), logs, smoothing)


def by_hand(kind: str, labels: np.ndarray) -> list[float]:
    """The same from probabilities, as a textbook has it."""
    result = []
    for study, label in enumerate(labels):
        mine = np.flatnonzero(study == STUDIES)
        p = 1 / (1 + np.exp(-LOGITS[mine]))
        shares = np.exp(SCORES[mine]) / np.exp(SCORES[mine]).sum()
        whole = {
            "maximum": p.max(),
            "noisy_or": 1 - np.prod(1 - p),
            "mean": p.mean(),
            "attention": (shares * p).sum(),
        }[kind]
        result.append(-np.log(whole if label else 1 - whole))
    return result


@pytest.mark.parametrize("kind", POOLINGS)
@pytest.mark.parametrize("labels", [LABELS, 1 - LABELS], ids=["given", "swapped"])
def test_a_studys_loss_is_its_closed_form(kind, labels) -> None:
    single = losses(tf.constant(LOGITS, tf.float32), kind, labels).numpy()
    assert single == pytest.approx(by_hand(kind, labels), rel=1e-5)


@pytest.mark.parametrize("kind", POOLINGS)
@pytest.mark.parametrize("labels", [LABELS, 1 - LABELS], ids=["given", "swapped"])
def test_slopes_are_those_of_differences(kind, labels) -> None:
    logits = tf.constant(LOGITS)  # float64
    with tf.GradientTape() as tape:
        tape.watch(logits)
        total = tf.reduce_sum(losses(logits, kind, labels))
    slopes, step = tape.gradient(total, logits).numpy(), 1e-5
    for film, slope in enumerate(slopes):
        moved = np.zeros(len(LOGITS))
        moved[film] = step
        ends = [
            float(tf.reduce_sum(losses(tf.constant(LOGITS + sign * moved), kind, labels)))
            for sign in (1, -1)
        ]
        assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-7)


@pytest.mark.parametrize("kind", POOLINGS)
@pytest.mark.parametrize("logit", [-500.0, -100.0, -20.0, -14.9, 20.0, 100.0, 500.0])
def test_no_logit_makes_loss_or_slope_infinite_and_a_wrong_study_still_pulls(kind, logit) -> None:
    logits = tf.constant(np.full(6, logit), tf.float32)
    wrong = np.full(3, 1.0 if logit < 0 else 0.0)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        each = losses(logits, kind, wrong)
    slopes = tape.gradient(each, logits).numpy()
    assert np.isfinite(each).all() and np.isfinite(slopes).all()
    assert (slopes < 0).all() if logit < 0 else (slopes > 0).all()
    # The loss of a study that is wrong for certain is the logit, up to its number of films.
    films = np.bincount(STUDIES)
    least = abs(logit) * (films if kind == "noisy_or" and logit > 0 else 1)
    assert each.numpy() == pytest.approx(least, abs=np.log(3) + 1e-3)


def test_only_the_greatest_film_of_a_study_learns_by_the_maximum() -> None:
    logits = tf.constant(LOGITS, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        total = tf.reduce_sum(losses(logits, "maximum"))
    assert np.flatnonzero(tape.gradient(total, logits)).tolist() == [2, 3, 4]


def test_attention_begins_by_its_seed_and_learns() -> None:
    features = tf.constant(np.random.default_rng(0).normal(size=(6, 8)), tf.float32)
    first, twin, other = (pooling.Attention(8, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.scores(features), twin.scores(features))
    assert not np.array_equal(first.scores(features), other.scores(features))
    members = tf.constant(STUDIES[None] == np.arange(3)[:, None])
    with tf.GradientTape() as tape:
        logs = pooling.pooled(
            tf.constant(LOGITS, tf.float32), members, "attention", first.scores(features)
        )
        total = tf.reduce_sum(pooling.cross_entropies(tf.constant(LABELS, tf.float32), logs))
    slopes = tape.gradient(total, [each.value for each in first.variables])
    assert all(np.abs(slope).max() > 0 for slope in slopes)


@pytest.mark.parametrize("kind", POOLINGS)
def test_a_smoothed_label_is_the_mean_of_both_losses_by_their_shares(kind: str) -> None:
    found = losses(tf.constant(LOGITS), kind, smoothing=0.2).numpy()
    own, other = (np.array(by_hand(kind, labels)) for labels in (LABELS, 1 - LABELS))
    assert found == pytest.approx(0.9 * own + 0.1 * other, rel=1e-9)


def test_no_smoothing_changes_no_bit() -> None:
    labels = tf.constant(LABELS)
    assert pooling.smoothed(labels, 0.0) is labels
    assert pooling.smoothed(labels, 0.2).numpy() == pytest.approx([0.9, 0.1, 0.1])
