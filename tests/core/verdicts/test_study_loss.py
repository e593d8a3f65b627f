"""The loss per study from kept probabilities is the one that a network learns by."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from fracture_core.losses import pooling
from fracture_core.verdicts import study_loss


def films(studies: list[int], labels: list[int]) -> pd.DataFrame:
    """Rows of a manifest; one label per study."""
    return pd.DataFrame(
        {
            "split": "valid",
            "part": "hand",
            "patient": [f"patient{number}" for number in studies],
            "study": "study1",
            "label": [labels[number] for number in studies],
        }
    )


@pytest.mark.parametrize("kind", ["maximum", "noisy_or", "mean"])
def test_it_is_the_loss_of_training(kind) -> None:
    studies, labels = np.array([0, 1, 1, 2, 2, 2, 0]), [1, 0, 1]  # films of a study lie apart
    logits = np.random.default_rng(0).normal(0, 3, len(studies))
    probabilities = 1 / (1 + np.exp(-logits))
    members = tf.constant(studies[None] == np.arange(3)[:, None])
    logs = pooling.pooled(tf.constant(logits), members, kind)
    theirs = pooling.cross_entropies(tf.constant(labels, tf.float64), logs).numpy().mean()
    ours = study_loss.mean_loss(films(studies.tolist(), labels), probabilities, kind)
    assert ours == pytest.approx(theirs, rel=1e-9)


def test_attention_is_measured_by_the_verdicts_rule() -> None:
    table = films([0, 0, 1], [1, 0])
    values = np.array([0.2, 0.9, 0.4])
    assert study_loss.mean_loss(table, values, "attention") == pytest.approx(
        -np.log([0.9, 0.6]).mean()
    )


@pytest.mark.parametrize("kind", ["maximum", "noisy_or", "mean"])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_certain_films_have_a_finite_loss(kind, value) -> None:
    table = films([0, 0, 1], [0, 1])
    assert 1.0 < study_loss.mean_loss(table, np.full(3, value), kind) < 50.0
