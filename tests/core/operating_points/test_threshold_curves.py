"""Curves over the threshold and the choice of one: against scikit-learn and trying them all."""

import numpy as np
import pytest
from sklearn import metrics as sk

from fracture_core.operating_points import study_scores, threshold_choice, threshold_curves
from fracture_core.operating_points.threshold_choice import AIMS
from tests.core import made_predictions


def cases(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.4
    return labels, np.round(np.clip(0.3 * labels + 0.7 * rng.random(n), 0, 1), 2)


def test_curves_equal_scikit_learns() -> None:
    for seed in range(5):
        labels, scores = cases(200, seed)
        curve = threshold_curves.curve("or", labels, scores)
        false_alarms, sensitivity, _ = sk.roc_curve(labels, scores, drop_intermediate=False)
        assert curve.roc == pytest.approx(np.stack([false_alarms, sensitivity]))
        precision, recall, _ = sk.precision_recall_curve(labels, scores)
        assert curve.recall == pytest.approx(np.stack([recall[-2::-1], precision[-2::-1]]))
        assert curve.auroc == pytest.approx(sk.roc_auc_score(labels, scores))


def test_every_threshold_gives_the_counts_of_its_verdicts() -> None:
    labels, scores = cases(150, 7)
    curve = threshold_curves.curve("or", labels, scores)
    for threshold in (0.0, 0.25, 0.5, 0.51, 1.0):  # scores on it are not above it
        point, called = curve.at(threshold), scores > threshold
        assert point.sensitivity.count == (called & labels).sum()
        assert point.specificity.count == (~called & ~labels).sum()
        assert (point.ppv.count, point.ppv.n) == ((called & labels).sum(), called.sum())
        place = round(threshold * threshold_curves.STEPS)
        assert curve.over_threshold[:, place] == pytest.approx(
            [threshold, point.sensitivity.value, point.specificity.value]
        )


def test_long_curves_are_thinned_and_keep_their_ends() -> None:
    labels, _ = cases(5_000, 1)
    scores = np.random.default_rng(1).random(5_000)
    curve = threshold_curves.curve("or", labels, scores)
    assert curve.roc.shape == (2, threshold_curves.MOST_POINTS)
    assert curve.roc[:, 0].tolist() == [0, 0] and curve.roc[:, -1].tolist() == [1, 1]


def test_studies_of_one_label_have_no_curve_but_counts() -> None:
    curve = threshold_curves.curve("or", [0, 0, 0], [0.1, 0.2, 0.9])
    assert curve.auroc is None and curve.at(0.5).sensitivity.value is None
    assert curve.at(0.5).specificity.count == 2


def test_no_threshold_reaches_an_aim_better_than_the_chosen_one() -> None:
    for seed in range(20):
        labels, scores = cases(60, seed)
        every = [threshold_choice.figures(labels, scores, t) for t in np.unique([0.0, *scores])]
        chosen = {
            aim: threshold_choice.figures(
                labels, scores, threshold_choice.choose(labels, scores, aim, cost_ratio=3.0)
            )
            for aim in AIMS
        }
        worth = {
            "youden": lambda s: s.sensitivity.value + s.specificity.value,
            "kappa": lambda s: s.kappa,
            "cost": lambda s: -(3 * s.confusion.fn + s.confusion.fp),
        }
        for aim, of in worth.items():
            assert of(chosen[aim]) == pytest.approx(max(map(of, every)))
        enough = [s for s in every if s.sensitivity.value >= 0.9]
        assert chosen["sensitivity"].sensitivity.value >= 0.9
        assert chosen["sensitivity"].specificity.value == max(
            s.specificity.value or 0 for s in enough
        )
        enough = [s for s in every if s.specificity.value >= 0.9]
        assert chosen["specificity"].specificity.value >= 0.9
        assert chosen["specificity"].sensitivity.value == max(
            s.sensitivity.value or 0 for s in enough
        )


def test_a_dearer_miss_never_raises_the_threshold() -> None:
    labels, scores = cases(300, 3)
    ratios = (0.1, 1, 3, 30)
    thresholds = [threshold_choice.choose(labels, scores, "cost", ratio) for ratio in ratios]
    chosen = [value for value in thresholds if value is not None]
    assert len(chosen) == len(ratios)
    assert chosen == sorted(chosen, reverse=True) and chosen[0] > chosen[-1]


def test_a_threshold_has_as_few_decimals_as_the_scores_allow() -> None:
    assert threshold_choice.shortest(0.3, 0.4) == 0.35
    assert threshold_choice.shortest(0.34567, 0.34571) == 0.3457
    assert threshold_choice.shortest(0.5, 0.5 + 1e-9) == pytest.approx(0.5, abs=1e-9)
    low, high = 0.1, np.nextafter(0.1, 1)
    assert low <= threshold_choice.shortest(low, high) < high


@pytest.mark.parametrize("labels", [[0, 0], [1, 1]])
def test_one_label_chooses_nothing(labels: list[int]) -> None:
    assert threshold_choice.choose(labels, [0.1, 0.9], "youden") is None


def test_every_rule_has_its_curve_on_studies_of_any_number_of_views() -> None:
    table = study_scores.of_films(made_predictions.films(80, seed=2))
    curves = threshold_curves.of_studies(table)
    assert list(curves) == list(study_scores.RULES)
    assert {curve.n for curve in curves.values()} == {80}
