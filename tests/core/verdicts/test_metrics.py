"""Proportions, confusion, kappa and AUROC."""

import json

import numpy as np
import pytest

from fracture_core.errors import ConfigError
from fracture_core.verdicts.closed_intervals import Mean, difference, mean_difference, wilson
from fracture_core.verdicts.metrics import (
    Confusion,
    Summary,
    auroc,
    cohen_kappa,
    confusion,
    summarise,
)


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [
        (146, 194, 0.687, 0.808),  # the project's own example: about 75 % of 194 studies
        (81, 263, 0.2553, 0.3662),  # Newcombe (1998), Statistics in Medicine 17:857, table I
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_the_published_one(count, n, low, high) -> None:
    share = wilson(count, n)
    assert share.value == count / n
    assert share.low == pytest.approx(low, abs=6e-5 if n != 194 else 6e-4)
    assert share.high == pytest.approx(high, abs=6e-5 if n != 194 else 6e-4)


@pytest.mark.parametrize("n", [1, 2, 19, 40_005])
def test_at_the_ends_the_interval_holds_its_value(n) -> None:
    assert wilson(0, n).low == 0.0
    assert wilson(n, n).high == 1.0
    assert 0.0 < wilson(0, n).high < 1.0
    assert wilson(n, n).low == pytest.approx(1 - wilson(0, n).high)


def test_nothing_of_nothing_is_undefined() -> None:
    share = wilson(0, 0)
    assert (share.value, share.low, share.high, share.n) == (None, None, None, 0)


LABELS = [1, 1, 1, 0, 0, 0, 0, 1]
PREDICTED = [True, False, True, False, True, False, False, True]


def test_the_confusion_counts_every_case_once() -> None:
    assert confusion(LABELS, PREDICTED) == Confusion(tp=3, fp=1, fn=1, tn=3)


def test_a_summary_names_its_rates() -> None:
    summary = summarise([1, 1, 1, 0, 0], [True, True, False, True, False])
    assert (summary.sensitivity.count, summary.sensitivity.n) == (2, 3)
    assert (summary.specificity.count, summary.specificity.n) == (1, 2)
    assert (summary.accuracy.count, summary.accuracy.n) == (3, 5)
    assert (summary.majority.count, summary.majority.n) == (3, 5)
    assert summary.n == 5


def test_always_guessing_the_more_frequent_label_is_right_as_often_as_it_occurs() -> None:
    assert summarise([0, 0, 0, 1], [True] * 4).majority.value == 0.75


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and scores that correlate, with ties."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 60)
    return labels, np.round(rng.random(60) + 0.3 * labels, 1)


@pytest.mark.parametrize("seed", range(5))
def test_kappa_and_auroc_are_those_of_scikit_learn(seed) -> None:
    from sklearn.metrics import cohen_kappa_score, roc_auc_score

    labels, scores = random_case(seed)
    summary = summarise(labels, scores > 0.6, scores)
    assert summary.kappa == pytest.approx(cohen_kappa_score(labels, scores > 0.6))
    assert summary.auroc == pytest.approx(roc_auc_score(labels, scores))


@pytest.mark.parametrize(
    "cells",
    [(0.35, 0.10, 0.15, 0.40), (0.60, 0.25, 0.03, 0.12), (0.60, 0.03, 0.25, 0.12)],
)
def test_the_interval_of_kappa_covers_what_chance_does(cells) -> None:
    """The large-sample standard error is the spread of kappa over many samples."""
    rng = np.random.default_rng(0)
    samples = rng.multinomial(400, cells, 4000)  # tn, fp, fn, tp
    kappas = [cohen_kappa(Confusion(tn=a, fp=b, fn=c, tp=d))[0] for a, b, c, d in samples]
    tn, fp, fn, tp = (round(400 * cell) for cell in cells)
    kappa, low, high = cohen_kappa(Confusion(tn=tn, fp=fp, fn=fn, tp=tp))
    assert kappa == pytest.approx(np.mean(kappas), abs=0.005)
    assert (high - low) / (2 * 1.96) == pytest.approx(np.std(kappas), rel=0.04)


@pytest.mark.parametrize(
    ("cells", "kappa"),
    [
        (Confusion(tp=5, fp=0, fn=0, tn=5), 1.0),
        (Confusion(tp=1, fp=0, fn=0, tn=6), 1.0),
        (Confusion(tp=0, fp=5, fn=5, tn=0), -1.0),
        (Confusion(tp=3, fp=4, fn=0, tn=0), 0.0),
        (Confusion(tp=5, fp=0, fn=5, tn=0), 0.0),
        (Confusion(tp=0, fp=0, fn=13, tn=7), 0.0),
    ],
)
def test_kappa_without_spread_has_no_interval_that_looks_sure(cells, kappa) -> None:
    assert cohen_kappa(cells) == (pytest.approx(kappa), None, None)


@pytest.mark.parametrize(
    "cells", [Confusion(tp=5, fp=1, fn=0, tn=5), Confusion(tp=0, fp=5, fn=4, tn=0)]
)
def test_the_interval_of_a_kappa_near_its_ends_stays_in_range(cells) -> None:
    kappa, low, high = cohen_kappa(cells)
    assert -1.0 <= low < kappa < high <= 1.0


def test_labels_of_one_kind_leave_open_what_cannot_be_known() -> None:
    summary = summarise([1, 1], [True, True], [0.9, 0.8])
    assert (summary.kappa, summary.auroc, summary.specificity.value) == (None, None, None)
    assert summary.sensitivity.value == 1.0


def test_without_verdicts_all_is_undefined() -> None:
    summary = summarise([], [], [])
    assert summary.n == 0
    assert (summary.accuracy.value, summary.kappa, summary.kappa_low, summary.auroc) == (None,) * 4


def test_ties_count_half() -> None:
    assert auroc([1, 0], [0.5, 0.5]) == 0.5


@pytest.mark.parametrize(
    "summary",
    [summarise(*random_case(0), random_case(0)[1]), summarise([], []), summarise([1], [1])],
)
def test_a_summary_survives_strict_json(summary) -> None:
    text = json.dumps(summary.to_dict(), allow_nan=False)
    assert Summary.from_dict(json.loads(text)) == summary


def test_numpy_numbers_do_not_reach_json() -> None:
    labels = np.array([1, 0, 1], np.int64)
    record = summarise(labels, labels == 1, labels.astype(np.float32)).to_dict()
    plain = summarise([1, 0, 1], [True, False, True], [1.0, 0.0, 1.0]).to_dict()
    assert json.loads(json.dumps(record)) == json.loads(json.dumps(plain)) == record


def test_what_is_no_summary_is_refused_with_the_next_step() -> None:
    with pytest.raises(ConfigError, match="Evaluate again"):
        Summary.from_dict({"n": 3})


ALTERED = {
    "a count": lambda v: v["accuracy"].update(count=19),
    "another n": lambda v: v["sensitivity"].update(n=7),
    "a share": lambda v: v["specificity"].update(value=0.99),
    "a bound": lambda v: v["accuracy"].update(low=v["accuracy"]["high"]),
    "no number": lambda v: v["accuracy"].update(high=float("nan")),
    "kappa": lambda v: v.update(kappa=0.9),
    "kappa's interval": lambda v: v.update(kappa_low=0.95),
    "AUROC's interval": lambda v: v.update(auroc_high=0.5),
    "half an interval": lambda v: v.update(auroc_low=None),
    "a cell": lambda v: v["confusion"].update(tp=v["confusion"]["tp"] + 1, fn=0),
    "huge": lambda v: v.update(n=10**40, confusion={"tp": 10**40, "fp": 0, "fn": 0, "tn": 0}),
    "text": lambda v: v.update(accuracy="90 %"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_figures_that_do_not_follow_from_their_confusion_are_refused(name) -> None:
    labels = [1] * 8 + [0] * 12
    fields = summarise(labels, [1] * 6 + [0] * 11 + [1] * 3, np.linspace(0.9, 0.1, 20)).to_dict()
    assert Summary.from_dict(fields).n == 20
    ALTERED[name](fields)
    with pytest.raises(ConfigError, match=r"no metrics .* Evaluate again\."):
        Summary.from_dict(fields)


# --- paired differences -------------------------------------------------------------------------


def paired(both: int, first: int, second: int, neither: int) -> tuple[list[bool], list[bool]]:
    one = [True] * (both + first) + [False] * (second + neither)
    two = [True] * both + [False] * first + [True] * second + [False] * neither
    return one, two


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        # Newcombe's method 10 in the R package contingencytables (Fagerland, Lydersen and Laake).
        ((59, 6, 16, 80), -0.1186, -0.0046),
        ((1, 1, 7, 12), -0.507, -0.026),
    ],
)
def test_the_interval_of_a_paired_difference_is_the_published_one(counts, low, high) -> None:
    gap = difference(*paired(*counts))
    assert gap.value == pytest.approx((counts[1] - counts[2]) / sum(counts))
    places = 5e-5 if low == -0.1186 else 5e-4
    assert (gap.low, gap.high) == pytest.approx((low, high), abs=places)
    assert (gap.only_first, gap.only_second, gap.n) == (counts[1], counts[2], sum(counts))
    assert gap.verdict == "worse"
    assert difference(*reversed(paired(*counts))).verdict == "better"


@pytest.mark.parametrize("counts", [(20, 0, 0, 0), (0, 0, 0, 20), (5, 0, 0, 8), (9, 3, 3, 5)])
def test_as_often_right_is_a_tie_with_an_interval_around_0(counts) -> None:
    gap = difference(*paired(*counts))
    assert gap.value == 0 and gap.low < 0 < gap.high
    assert gap.verdict == "a tie"


def test_never_beyond_all_and_nothing() -> None:
    gap = difference([True] * 7, [False] * 7)
    assert gap.value == gap.high == 1.0 and gap.verdict == "better"


def test_nothing_in_common_is_no_verdict() -> None:
    gap = difference([], [])
    assert (gap.value, gap.low, gap.high, gap.n, gap.verdict) == (None, None, None, 0, "")


def test_mean_difference_is_students_paired_interval() -> None:
    from scipy.stats import ttest_rel

    draw = np.random.default_rng(0)
    one, two = draw.normal(1.0, 1.0, 12), draw.normal(0.4, 1.0, 12)
    d = mean_difference(one, two)
    expected = ttest_rel(one, two).confidence_interval(0.95)
    assert (d.low, d.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert d.value == pytest.approx((one - two).mean()) and d.n == 12
    assert mean_difference([1.0], [0.5]) == Mean(value=0.5, low=None, high=None, n=1)
    assert mean_difference([], []).value is None
