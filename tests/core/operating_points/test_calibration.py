"""Calibration: against scikit-learn, closed forms, and cards that say nonsense."""

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss

from fracture_core.errors import ConfigError, DataError
from fracture_core.operating_points import calibration
from fracture_core.operating_points.calibration import Calibration, Scaling
from fracture_core.verdicts import estimates
from tests.core import made_predictions


def skewed(n: int, temperature: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and scores whose logits are `temperature` times too large."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, n)
    labels = rng.random(n) < 1 / (1 + np.exp(-logits))
    return labels, 1 / (1 + np.exp(-temperature * logits))


def ece(labels: np.ndarray, scores: np.ndarray) -> float:
    value = estimates.calibration_error(labels, scores, np.arange(len(labels)) % 20).value
    assert value is not None
    return value


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_that_spoilt_the_scores_is_found(temperature: float) -> None:
    labels, scores = skewed(20_000, temperature)
    fitted = calibration.scaling(labels, scores, "temperature")
    assert fitted.temperature == pytest.approx(temperature, rel=0.06)


def test_no_other_temperature_has_a_smaller_loss() -> None:
    labels, scores = skewed(300, 2.0, seed=3)
    fitted = calibration.scaling(labels, scores, "temperature")
    losses = {
        t: log_loss(labels, Scaling(method="temperature", temperature=t).apply(scores))
        for t in (*np.linspace(0.2, 6, 60), fitted.temperature)
    }
    assert min(losses, key=losses.get) == fitted.temperature


def test_isotonic_equals_scikit_learn_on_other_films_after_a_card() -> None:
    labels, scores = skewed(400, 3.0)
    fitted = calibration.scaling(labels, scores, "isotonic")
    kept = Scaling.from_json(fitted.to_json())
    others = np.concatenate([[0.0, 1.0], np.random.default_rng(9).random(500)])
    peer = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, labels)
    assert kept.apply(others) == pytest.approx(peer.predict(others), abs=1e-12)


@pytest.mark.parametrize("method", calibration.METHODS)
def test_a_map_rises_keeps_shares_and_lowers_the_error(method: str) -> None:
    labels, scores = skewed(4_000, 3.0)
    fitted = calibration.scaling(labels, scores, method)
    grid = fitted.apply(np.linspace(0, 1, 1_001))
    assert np.all(np.diff(grid) >= 0) and grid.min() >= 0 and grid.max() <= 1
    others, theirs = skewed(4_000, 3.0, seed=5)
    assert ece(others, fitted.apply(theirs)) < ece(others, theirs) / 2
    assert np.isnan(fitted.apply([np.nan])[0])


def test_a_calibrated_forecaster_has_a_small_error_and_lies_on_the_diagonal() -> None:
    labels, scores = skewed(50_000, 1.0)
    assert ece(labels, scores) < 0.01
    rows = calibration.reliability(labels, scores)
    assert rows["n"].sum() == 50_000 and rows["positive"].sum() == labels.sum()
    outside = (rows["score"] < rows["low"]) | (rows["score"] > rows["high"])
    assert outside.sum() <= 2  # of ten intervals at 95 %
    gap = (rows["n"] * (rows["score"] - rows["frequency"]).abs()).sum() / rows["n"].sum()
    assert gap == pytest.approx(ece(labels, scores))


def test_a_score_of_one_belongs_to_the_last_bin() -> None:
    rows = calibration.reliability([1, 0], [1.0, 0.95])
    assert rows["n"].tolist() == [2] and rows["score"].tolist() == [0.975]


def test_too_few_studies_or_one_label_are_refused() -> None:
    films = made_predictions.films(12)
    with pytest.raises(DataError, match=r"20 dev studies of both labels; 12 are there \("):
        calibration.fit(films, "temperature")
    with pytest.raises(DataError, match=r"\(0 positive\)"):
        calibration.fit(made_predictions.films(60, prevalence=0.0), "isotonic")


def test_both_levels_are_fitted_each_on_its_own_cases() -> None:
    films = made_predictions.films(80)
    both = calibration.fit(films, "temperature")
    assert (both.films.n, both.studies.n) == (len(films), 80)
    assert both.studies.temperature != both.films.temperature
    assert Calibration.from_json(both.to_json()) == both


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"method": "temperature", "temperature": 0.0}, "temperature must be from 0.01"),
        ({"method": "temperature", "temperature": float("nan")}, "temperature"),
        ({"method": "temperature", "temperature": 1e9}, "temperature"),
        ({"method": "temperature", "scores": [0.1], "frequencies": [0.1]}, "knots if"),
        ({"method": "isotonic"}, "knots if"),
        ({"method": "isotonic", "scores": [0.5, 0.1], "frequencies": [0, 1]}, "rise"),
        ({"method": "isotonic", "scores": [0.1, 0.5], "frequencies": [1, 0]}, "rise"),
        ({"method": "isotonic", "scores": [0.1, 0.5], "frequencies": [1]}, "as many"),
        ({"method": "isotonic", "scores": [0.1, 7], "frequencies": [0, 1]}, "from 0 to 1"),
        ({"method": "isotonic", "scores": [0.1, 0.2], "frequencies": [-1, 1]}, "from 0 to 1"),
        ({"method": "magic"}, "method must be"),
        ({"method": "temperature", "n": -1}, "number of cases"),
        ({"method": "temperature", "n": 3, "positive": 4}, "number of positive"),
        ({"method": "temperature", "n": 1.5}, "n must be"),
    ],
)
def test_a_card_that_says_nonsense_is_refused(values: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Scaling.from_dict(values)


def test_a_card_with_too_many_knots_is_refused() -> None:
    knots = np.linspace(0, 1, calibration.MOST_KNOTS + 1).tolist()
    with pytest.raises(ConfigError, match="number of knots"):
        Scaling.from_dict({"method": "isotonic", "scores": knots, "frequencies": knots})
