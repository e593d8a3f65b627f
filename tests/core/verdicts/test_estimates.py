"""Figures with bootstrap intervals: against scikit-learn, closed forms, and a simulation."""

import numpy as np
import pytest
from sklearn import metrics as sk

from fracture_core.verdicts import closed_intervals, estimates, metrics


def cases(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, scores with ties, and patients of two or three cases each."""
    draw = np.random.default_rng(seed)
    labels = draw.random(n) < 0.4
    scores = np.round(np.clip(0.3 * labels + 0.7 * draw.random(n), 0, 1), 2)
    return labels, scores, np.sort(draw.integers(0, n * 2 // 5, n))


def test_every_figure_equals_scikit_learns() -> None:
    labels, scores, patients = cases(400)
    positive = scores > 0.5
    got = {k: v.value for k, v in estimates.estimate(labels, scores, positive, patients).items()}
    expected = {
        "accuracy": sk.accuracy_score(labels, positive),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, positive),
        "sensitivity": sk.recall_score(labels, positive),
        "specificity": sk.recall_score(~labels, ~positive),
        "ppv": sk.precision_score(labels, positive),
        "npv": sk.precision_score(~labels, ~positive),
        "f1": sk.f1_score(labels, positive),
        "kappa": sk.cohen_kappa_score(labels, positive),
        "auroc": sk.roc_auc_score(labels, scores),
        "average_precision": sk.average_precision_score(labels, scores),
        "brier": sk.brier_score_loss(labels, scores),
    }
    assert {name: got[name] for name in expected} == pytest.approx(expected, abs=1e-6)
    assert set(got) == set(estimates.NAMES)


def test_a_figure_alone_is_the_same_with_its_interval() -> None:
    labels, scores, patients = cases(150, seed=4)
    every = estimates.estimate(labels, scores, scores > 0.5, patients)
    assert estimates.auroc(labels, scores, patients) == every["auroc"]
    assert estimates.calibration_error(labels, scores, patients) == every["ece"]


def test_resamples_equal_the_figures_of_the_cases_that_they_draw() -> None:
    """The weighted sums give what a table of the drawn patients' cases would give."""
    labels, scores, patients = cases(60, seed=2)
    draw = np.random.default_rng(5)
    names = np.unique(patients)
    weights = np.stack([np.bincount(draw.choice(len(names), len(names)), minlength=len(names))])
    codes = np.searchsorted(names, patients)
    row = np.repeat(np.arange(60), weights[0][codes])
    drawn = estimates._of_ranks(weights.astype(np.float32), codes, labels, scores)
    assert drawn["auroc"][0] == pytest.approx(sk.roc_auc_score(labels[row], scores[row]), abs=1e-6)
    assert drawn["average_precision"][0] == pytest.approx(
        sk.average_precision_score(labels[row], scores[row]), abs=1e-6
    )


def test_predictive_values_follow_a_prevalence_by_bayes_rule() -> None:
    labels, scores, patients = cases(400)
    got = estimates.estimate(labels, scores, scores > 0.5, patients, prevalence=0.02, cost_ratio=9)
    sensitivity, specificity = got["sensitivity"].value, got["specificity"].value
    alarms, missed = (1 - specificity) * 0.98, (1 - sensitivity) * 0.02
    assert got["ppv"].value == pytest.approx(sensitivity * 0.02 / (sensitivity * 0.02 + alarms))
    assert got["npv"].value == pytest.approx(specificity * 0.98 / (specificity * 0.98 + missed))
    assert got["expected_cost"].value == pytest.approx(9 * missed + alarms)
    assert got["ppv"].n == got["npv"].n == 400


def test_a_calibrated_forecaster_has_no_calibration_error_and_a_shifted_one_has_its_shift() -> None:
    scores = np.repeat(np.arange(10) / 10 + 0.05, 200)
    labels = np.concatenate([np.arange(200) < round(200 * p) for p in np.arange(10) / 10 + 0.05])
    calibrated = estimates.estimate(labels, scores, scores > 0.5, range(2000))["ece"]
    assert calibrated.value == pytest.approx(0, abs=1e-6)
    shifted = estimates.estimate(labels, scores - 0.04, scores > 0.5, range(2000))["ece"]
    assert shifted.value == pytest.approx(0.04, abs=1e-6)


def test_figures_without_their_cases_have_no_value_and_the_others_stay() -> None:
    got = estimates.estimate([0, 0, 0], [0.1, 0.6, 0.2], [False, True, False], "abc")
    for name in ("sensitivity", "balanced_accuracy", "auroc", "average_precision"):
        assert (got[name].value, got[name].low, got[name].high) == (None, None, None)
    assert got["sensitivity"].n == 0 and got["specificity"].n == 3
    assert got["specificity"].value == pytest.approx(2 / 3)
    one = estimates.estimate([0, 1], [0.1, 0.6], [False, True], "aa")["accuracy"]
    assert (one.value, one.low, one.high, one.groups) == (1.0, None, None, 1)


def test_a_figure_that_no_resample_changes_is_not_called_certain() -> None:
    labels = np.repeat([True, False], 20)
    got = estimates.estimate(labels, labels * 1.0, labels, np.repeat(range(20), 2))
    wilson = closed_intervals.wilson(10, 10)  # of the ten patients who have a positive case
    assert (got["sensitivity"].low, got["sensitivity"].high) == (wilson.low, wilson.high)
    assert got["kappa"].value == got["auroc"].value == 1.0
    assert got["kappa"].low is got["auroc"].low is None


def test_intervals_are_those_of_wilson_and_newcombe_where_cases_are_single() -> None:
    labels, scores, _ = cases(800)
    positive = scores > 0.5
    got = estimates.estimate(labels, scores, positive, range(800))
    closed = metrics.summarise(labels, positive, scores)
    for name in ("accuracy", "sensitivity", "specificity"):
        expected = getattr(closed, name)
        assert got[name].low == pytest.approx(expected.low, abs=0.012)
        assert got[name].high == pytest.approx(expected.high, abs=0.012)
        assert got[name].n == expected.n
    assert got["kappa"].low == pytest.approx(closed.kappa_low, abs=0.02)
    assert got["auroc"].low == pytest.approx(closed.auroc_low, abs=0.02)
    assert got["auroc"].high == pytest.approx(closed.auroc_high, abs=0.02)


def test_intervals_cover_the_truth_of_patients_with_several_studies() -> None:
    draw = np.random.default_rng(11)
    patients, held = np.repeat(np.arange(80), 3), 0
    truth = 0.5 + 0.25  # accuracy and balanced accuracy of what is drawn below
    for _ in range(60):
        labels = draw.random(240) < 0.5
        hard = np.repeat(draw.random(80) < 0.5, 3)  # a patient's studies are hard together
        right = np.where(hard, draw.random(240) < 0.5, True)
        positive = labels == right
        got = estimates.estimate(labels, positive * 1.0, positive, patients)
        held += got["balanced_accuracy"].low <= truth <= got["balanced_accuracy"].high
    assert 0.87 <= held / 60 <= 1.0


def test_a_figure_that_no_resample_changes_is_as_uncertain_as_its_own_patients() -> None:
    labels = np.array([True] * 20 + [False] * 10)
    patients = [*range(20), *[20] * 5, *[21] * 5]  # all negative cases are of two patients
    figure = estimates.estimate(labels, labels * 0.9, labels, patients)["specificity"]
    bound = closed_intervals.wilson(2, 2)
    assert (figure.n, figure.groups, figure.low, figure.high) == (10, 2, bound.low, bound.high)


def test_a_ppv_at_another_prevalence_is_no_proportion_of_these_cases() -> None:
    labels = np.array([True] * 22 + [False] * 3)
    figures = estimates.estimate(labels, labels * 0.9, labels, range(25), prevalence=0.3)
    assert (figures["ppv"].value, figures["ppv"].low) == (1.0, None)


@pytest.mark.parametrize("n", [10, 20, 27, 40, 67, 100])
def test_separated_scores_have_an_auroc_of_exactly_1_and_no_interval(n: int) -> None:
    labels = np.arange(n) % 2 == 0
    scores = np.where(labels, 0.9, 0.1) + np.random.default_rng(0).normal(0, 0.02, n)
    got = estimates.estimate(labels, scores, labels, range(n))
    for name in ("auroc", "average_precision"):
        assert got[name].value == pytest.approx(1.0, abs=1e-12) and got[name].value <= 1.0
        assert (got[name].low, got[name].high) == (None, None)


def test_a_handful_of_patients_gives_no_interval() -> None:
    labels, scores, _ = cases(24)
    few = estimates.estimate(labels, scores, scores > 0.5, np.arange(24) % 4)
    assert all(figure.low is figure.high is None for figure in few.values())
    assert few["accuracy"].value is not None
