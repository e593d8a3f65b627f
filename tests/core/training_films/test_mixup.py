"""Mixup: partners of the same step, shares of the beta distribution, the same at every call."""

import numpy as np
import pytest

from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import ConfigError
from fracture_core.training_films import mixup
from fracture_core.training_films.pipeline import Pipeline

ENDS = np.array([10, 20, 30, 37, 38])


def films(**changes) -> Pipeline:
    """Films of one grey level each, its number, every third positive."""
    config = TrainConfig(data="x", **changes)
    pixels = np.arange(47, dtype=np.uint8)[:, None, None] * np.ones((1, 32, 32), np.uint8)
    return Pipeline(pixels=pixels, labels=(np.arange(47) % 3 == 0) * 1, config=config)


def test_every_film_of_a_step_is_the_partner_of_one_of_that_step() -> None:
    mix = mixup.draw(0.4, ENDS, seed=1, number=0)
    for begin, end in zip([0, *ENDS[:-1]], ENDS, strict=True):
        assert sorted(mix.partners[begin:end]) == list(range(begin, end))
    assert (mix.partners[:37] != np.arange(37)).mean() > 0.7  # few stay alone
    assert mix.shares.dtype == np.float32


@pytest.mark.parametrize(("alpha", "mean", "tolerance"), [(1.0, 0.75, 0.002), (0.5, 0.8183, 0.002)])
def test_shares_have_the_mean_of_the_larger_part(alpha, mean, tolerance) -> None:
    # Of a uniform share the larger part is 3/4; of the arcsine law, 1/2 + 1/pi.
    assert mean == pytest.approx({1.0: 0.75, 0.5: 0.5 + 1 / np.pi}[alpha], abs=1e-4)
    shares = mixup.draw(alpha, np.array([100_000]), seed=1, number=0).shares
    assert shares.min() >= 0.5 and shares.max() <= 1
    assert shares.mean() == pytest.approx(mean, abs=tolerance)


def test_seed_and_pass_decide_the_mix_and_nothing_else() -> None:
    first, again = (mixup.draw(0.4, ENDS, 1, 0) for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    for seed, number in ((2, 0), (1, 1)):
        other = mixup.draw(0.4, ENDS, seed, number)
        assert not np.array_equal(first.partners, other.partners)
        assert not np.array_equal(first.shares, other.shares)


def test_steps_one_by_one_are_those_of_one_call() -> None:
    whole, jumping = films(mixup=0.4).chunk(0, 12), films(mixup=0.4)
    begins = np.concatenate([[0], whole.ends[:-1]])
    for step in (11, 3, 4, 0):  # in any order, over the end of a pass
        rows = slice(begins[step], whole.ends[step])
        chunk = jumping.chunk(step, 1)
        assert np.array_equal(chunk.partners, whole.partners[rows] - begins[step])
        assert np.array_equal(chunk.shares, whole.shares[rows])
        assert np.array_equal(chunk.labels, whole.labels[rows])


def test_labels_are_mixed_as_the_films_are() -> None:
    chunk = films(mixup=1.0).chunk(0, 5)
    numbers = chunk.films[:, 0, 0].astype(int)
    own, other = (numbers % 3 == 0) * 1.0, (numbers[chunk.partners] % 3 == 0) * 1.0
    shares = chunk.shares.astype(np.float64)
    assert chunk.labels == pytest.approx(shares * own + (1 - shares) * other, abs=1e-7)
    assert ((chunk.labels > 0.5) == (own == 1)).all()  # each is mostly itself
    assert 0 < ((chunk.labels > 0) & (chunk.labels < 1)).mean() < 1
    alike = own == other
    assert (chunk.labels[alike] == own[alike]).all()  # to the last bit


def test_without_mixup_order_and_changes_are_the_same_and_each_film_is_whole() -> None:
    plain, mixed = (films(mixup=alpha).chunk(0, 12) for alpha in (0.0, 0.4))
    assert np.array_equal(plain.films, mixed.films) and np.array_equal(plain.changes, mixed.changes)
    assert (plain.shares == 1).all() and set(plain.labels) == {0.0, 1.0}
    assert plain.partners.tolist() == list(range(len(plain.labels)))


def test_mixup_with_a_loss_per_study_is_refused_in_a_sentence() -> None:
    with pytest.raises(ConfigError, match=r"no label of a film\. Set mixup to 0"):
        TrainConfig(data="x", mixup=0.2, learn_from="studies")
    with pytest.raises(ConfigError, match=r"a batch of 1 film has no other"):
        TrainConfig(data="x", mixup=0.2, batch_size=1)
