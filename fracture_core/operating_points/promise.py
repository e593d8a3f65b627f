"""Three answers with a promise: fracture, no fracture, or a person must look.

The promise: of the studies that are cleared at most a share has a fracture, with a stated
confidence over the draw of the dev studies. The limit below which a study is cleared is found on
these same studies, so a bound at that limit alone would not hold. Instead the limit comes from a
fixed sequence of tests ("Learn then Test", Angelopoulos, Bates, Candès, Jordan and Lei 2021,
arXiv:2110.01052): studies are ordered by score, and the numbers of lowest studies at which the
promise is tested are fixed beforehand by their count alone. They are those at which one more
mistake is allowed by the exact binomial bound of Clopper and Pearson (1934). The sequence stops at
the first number at which the promise cannot be shown; the limit is the last one before.

It holds if studies are independent and alike, and if clearing still more studies never makes the
cleared ones safer once the promise is broken. Studies of one patient are not independent, so one
study per patient is drawn. `docs/decisions.md` has the argument; `benchmarks/promise.py` checks it.
"""

import functools
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pandas as pd

from fracture_core.config.record import Record, check_range
from fracture_core.verdicts import closed_intervals, resampling
from fracture_core.verdicts.closed_intervals import Proportion
from fracture_core.words import plural

SHARE, CONFIDENCE = (0.1, 50.0), (50.0, 99.9)  # percent
BEGIN = 0.1  # of all studies, of which the first test is made, if these are enough
SEED = 0  # of the draw of one study per patient


class Answer(StrEnum):
    """One of three answers on a study."""

    FRACTURE = "fracture"
    NO_FRACTURE = "no fracture"
    PERSON = "a person must look"


@dataclass(frozen=True, kw_only=True)
class Promise(Record):
    """A promise about each kind of answer, in percent; each holds with the confidence on its own.

    Args:
        missed_percent: of the studies that are cleared, at most this share has a fracture.
        false_percent: of the studies that are called a fracture, at most this share has none.
        confidence_percent: of the promise, over the draw of the dev studies.
    """

    missed_percent: float = 5.0
    false_percent: float = 20.0
    confidence_percent: float = 95.0

    def __post_init__(self) -> None:
        check_range("percent of cleared studies with a fracture", self.missed_percent, SHARE)
        check_range("percent of called studies without a fracture", self.false_percent, SHARE)
        check_range("confidence of a promise in percent", self.confidence_percent, CONFIDENCE)


@dataclass(frozen=True, kw_only=True)
class Limit:
    """The end of one kind of answer.

    Args:
        score: the last OR score that has this answer; `None` where the promise cannot be made.
        n: number of patients' studies of the last test that was passed, or of the failed one.
        mistakes: number of them with the other label.
        bound: upper bound of the share of mistakes, exact binomial (Clopper-Pearson).
        refusal: a sentence, where the promise cannot be made.
    """

    score: float | None
    n: int = 0
    mistakes: int = 0
    bound: float | None = None
    refusal: str = ""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of both kinds of answer, and the studies that they come from.

    Args:
        promise: that they keep.
        studies: number of studies.
        patients: number of patients, each with one study drawn.
        clear: a study of this score or less is cleared.
        call: a study of this score or more is called a fracture.
    """

    promise: Promise
    studies: int
    patients: int
    clear: Limit
    call: Limit


@functools.lru_cache(maxsize=100_000)
def least(share: float, confidence: float, mistakes: int = 0) -> int:
    """Return the fewest studies with so many mistakes of which a promise can be shown.

    For a share of 0.05 at a confidence of 0.95: 59 without a mistake, 93 with one.

    Args:
        share: of mistakes at most, above 0 and below 1.
        confidence: above 0 and below 1.
        mistakes: among these studies.
    """
    from scipy.special import bdtr

    low, high = mistakes, mistakes + 1
    while bdtr(mistakes, high, share) > 1 - confidence:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        enough = bdtr(mistakes, middle, share) <= 1 - confidence
        low, high = (low, middle) if enough else (middle, high)
    return high


def upper_bound(mistakes: int, n: int, confidence: float) -> float:
    """Return the one-sided upper bound of a share by Clopper and Pearson (1934).

    Args:
        mistakes: of n cases.
        n: number of cases.
        confidence: of the bound, above 0 and below 1.
    """
    from scipy.special import betaincinv

    return 1.0 if mistakes >= n else float(betaincinv(mistakes + 1, n - mistakes, confidence))


def limits(table: pd.DataFrame, promise: Promise) -> Limits:
    """Return the limits that keep a promise.

    Args:
        table: one row per study that the model was not trained on, as of dev or out of fold:
            `score` (of OR, 0 to 1), `label` (1 positive), `patient`, and `unit` where copies of one
            original make more than a patient's studies dependent.
        promise: to be kept.
    """
    known = table[table["score"].notna()]
    one = one_per_patient(known)
    scores, positive = one["score"].to_numpy(np.float64), one["label"].to_numpy() == 1
    confidence = promise.confidence_percent / 100
    clear = _limit(scores, positive, promise.missed_percent / 100, confidence, "cleared")
    call = _limit(-scores, ~positive, promise.false_percent / 100, confidence, "called a fracture")
    call = call if call.score is None else replace(call, score=-call.score)
    return Limits(promise=promise, studies=len(known), patients=len(one), clear=clear, call=call)


def one_per_patient(table: pd.DataFrame) -> pd.DataFrame:
    """Return one study per patient, or per `unit` where the table has it, in a fixed order.

    They are drawn without a look at score and label.
    """
    order = np.random.default_rng(SEED).permutation(len(table))
    numbers, _ = resampling.group_numbers(table["unit" if "unit" in table else "patient"])
    drawn = table.iloc[order]
    return drawn[~pd.Series(numbers[order]).duplicated().to_numpy()]


def _limit(
    scores: np.ndarray, mistaken: np.ndarray, share: float, confidence: float, word: str
) -> Limit:
    """Return the limit of the lowest scores, of which at most a share is mistaken.

    Args:
        scores: (n,), those with the answer are the lowest.
        mistaken: bool (n,), whether the answer would be wrong.
        share: of mistakes at most.
        confidence: of the promise.
        word: for a study with the answer.
    """
    needed = least(share, confidence)
    if len(scores) < needed:
        return Limit(
            score=None,
            refusal=f"This promise takes {needed:,} studies {word} without a mistake, each of "
            f"another patient; there are {plural(len(scores), 'patient')}. Add studies, or promise "
            "less.",
        )
    asked = f"at most {100 * share:g} % wrong at {100 * confidence:g} % confidence"
    order = np.argsort(scores, kind="stable")
    ranked, mistakes = scores[order], np.cumsum(mistaken[order])
    shown = 0
    for n, allowed in _sequence(len(scores), share, confidence):
        if mistakes[n - 1] > allowed:
            break
        shown = n
    if not shown:
        first, allowed = next(iter(_sequence(len(scores), share, confidence)))
        return Limit(
            score=None,
            n=first,
            mistakes=int(mistakes[first - 1]),
            refusal=f"Of the {first:,} studies surest to be {word}, "
            f"{int(mistakes[first - 1]):,} would be wrong; {asked} allows {allowed:,}.",
        )
    return _at(ranked, mistakes, shown, confidence, word)


def _at(
    ranked: np.ndarray, mistakes: np.ndarray, shown: int, confidence: float, word: str
) -> Limit:
    """Return the limit that holds no more than `shown` studies: studies of one score stay together.

    Args:
        ranked: scores, rising.
        mistakes: among the studies up to each.
        shown: number of studies for which the promise was shown.
        confidence: of the bound.
        word: for a study with the answer.
    """
    whole = shown
    if shown < len(ranked) and ranked[shown] == ranked[shown - 1]:
        whole = int(np.searchsorted(ranked, ranked[shown - 1]))
    if not whole:
        return Limit(
            score=None,
            refusal=f"More than {shown:,} studies have one and the same score, so no limit parts "
            f"those {word} from others.",
        )
    bound = upper_bound(int(mistakes[shown - 1]), shown, confidence)
    return Limit(
        score=float(ranked[whole - 1]),
        n=shown,
        mistakes=int(mistakes[shown - 1]),
        bound=bound,
    )


def _sequence(n: int, share: float, confidence: float) -> list[tuple[int, int]]:
    """Return (number of lowest studies, mistakes allowed among them) of each test, in order.

    It depends on the number of studies and the promise alone, never on scores or labels.
    """
    tests = []
    allowed = 0
    while (size := least(share, confidence, allowed)) <= n:
        tests.append((size, allowed))
        allowed += 1
    late = [test for test in tests if test[0] >= BEGIN * n]
    return late or tests[-1:]


def answers(scores: np.ndarray, bounds: Limits, threshold: float) -> np.ndarray:
    """Return the answer on each study, an array of the words of `Answer`.

    An answer never contradicts the OR verdict at the threshold: it agrees, or leaves the study to a
    person. That clears and calls no more studies than the limits allow.

    Args:
        scores: of OR, (n,), 0 to 1; NaN where no film counts.
        bounds: the limits.
        threshold: of the OR verdict.
    """
    values = np.asarray(scores, np.float64)
    clear = -np.inf if bounds.clear.score is None else min(bounds.clear.score, threshold)
    call = np.inf if bounds.call.score is None else bounds.call.score
    with np.errstate(invalid="ignore"):
        cleared = values <= clear
        called = (values > threshold) & (values >= call)
    chosen = np.full(len(values), Answer.PERSON, object)
    chosen[cleared], chosen[called] = Answer.NO_FRACTURE, Answer.FRACTURE
    return chosen


def shares(
    table: pd.DataFrame, bounds: Limits, threshold: float
) -> dict[Answer, dict[str, Proportion | None]]:
    """Return by answer the "share" of studies that have it, and of these the "mistaken" ones.

    Args:
        table: `score` and `label` of each study, see `limits`.
        bounds: the limits.
        threshold: of the OR verdict.
    """
    given = answers(table["score"].to_numpy(), bounds, threshold)
    positive = table["label"].to_numpy() == 1
    wrong = {Answer.FRACTURE: ~positive, Answer.NO_FRACTURE: positive}
    found: dict[Answer, dict[str, Proportion | None]] = {}
    for answer in Answer:
        has = given == answer
        mistaken = wrong.get(answer)
        found[answer] = {
            "share": closed_intervals.wilson(int(has.sum()), len(table)),
            "mistaken": None
            if mistaken is None
            else closed_intervals.wilson(int((has & mistaken).sum()), int(has.sum())),
        }
    return found
