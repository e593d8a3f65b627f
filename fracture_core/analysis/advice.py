"""Advice on a run by its curves: four rules, each with its sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import linear_regression

import pandas as pd

from fracture_core.verdicts import closed_intervals

RISING_EPOCHS = 8  # of rising loss on films that are not trained on
FLAT_EPOCHS = 10
WELL_ABOVE = 0.1  # of training accuracy above the baseline: not by chance
GUESS_EPOCHS = 5  # before them no network is called guessing


@dataclass(frozen=True, kw_only=True)
class _Unit:
    """The unit that a run learns from: columns of its accuracy and n, and its plural."""

    accuracy: str
    n: str
    name: str


_FILMS = _Unit(accuracy="accuracy", n="n", name="films")
_STUDIES = _Unit(accuracy="study_accuracy", n="studies", name="studies")


@dataclass(frozen=True, kw_only=True)
class Advice:
    """An observation on a run, and a next step.

    Args:
        rule: "one answer", "guessing", "overfitting" or "flat".
        sentence: for the person at the page.
    """

    rule: str
    sentence: str


def advise(
    epochs: pd.DataFrame,
    guess: Mapping[str, float],
    called: Mapping[str, float] | None = None,
    running: bool = False,
    guess_of_studies: Mapping[str, float] | None = None,
) -> Advice | None:
    """Return the advice of the first rule that holds at the last epoch; `None` where none does.

    Args:
        epochs: `journal.metrics`. The rules use dev, or valid where the run has no dev films.
        guess: role -> the baseline, accuracy of always predicting the more frequent label, of
            images.
        called: role -> the share of films predicted positive after the last epoch, 0 to 1; a
            missing role is unknown.
        running: whether batch normalization uses running averages in evaluation.
        guess_of_studies: as `guess`, of studies, where the run learns from these: a film of a
            positive study may show nothing, so the study counts.
    """
    role = next((r for r in ("dev", "valid") if f"{r}.loss" in epochs), None)
    if role is None or not len(epochs):
        return None
    by_study = guess_of_studies is not None
    unit, baseline = (_STUDIES, guess_of_studies or {}) if by_study else (_FILMS, guess)
    rules = (
        _one_answer(epochs, role, guess.get(role), (called or {}).get(role), running),
        _guessing(epochs, role, baseline.get(role), unit),
        _overfitting(epochs, role, unit),
        _flat(epochs, role, unit),
    )
    return next((advice for advice in rules if advice), None)


def _one_answer(
    epochs: pd.DataFrame, role: str, guess: float | None, called: float | None, running: bool
) -> Advice | None:
    if guess is None or called not in (0.0, 1.0) or "train.accuracy" not in epochs:
        return None
    accuracy, n = epochs["train.accuracy"].iloc[-1], int(epochs[f"{role}.n"].iloc[-1])
    if not accuracy > guess + WELL_ABOVE:
        return None
    observation = (
        f"It predicts {'all' if called else 'none'} of {n:,} {role} films positive, and is right "
        f"on {100 * accuracy:.1f} % of the training films during training. "
    )
    cause = (
        "The cause is evaluation: the running averages of batch normalization lag behind its "
        "weights. A new run with recomputed averages shows the difference."
        if running
        else "The network does not generalize: check on the Data page whether the two sets of "
        "films differ in more than the bones, or try weaker augmentation."
    )
    return Advice(rule="one answer", sentence=observation + cause)


def _guessing(epochs: pd.DataFrame, role: str, guess: float | None, unit: _Unit) -> Advice | None:
    last = epochs.iloc[-1]
    accuracy, n = last[f"{role}.{unit.accuracy}"], int(last[f"{role}.{unit.n}"])
    if guess is None or len(epochs) < GUESS_EPOCHS or accuracy > guess:
        return None
    return Advice(
        rule="guessing",
        sentence=f"After {len(epochs)} epochs it is no better than always guessing the more "
        f"frequent label: {100 * accuracy:.1f} against {100 * guess:.1f} % of {n:,} {role} "
        f"{unit.name}. Try another learning rate, more epochs or a larger network.",
    )


def _overfitting(epochs: pd.DataFrame, role: str, unit: _Unit) -> Advice | None:
    window = epochs.iloc[-RISING_EPOCHS - 1 :]
    if len(window) <= RISING_EPOCHS:
        return None
    best = int(epochs["epoch"].iloc[int(epochs[f"{role}.loss"].argmin())])
    after = epochs[epochs["epoch"] > best]  # without the lowest point itself
    if len(after) < RISING_EPOCHS:
        return None
    # A noisy loss may be above its lowest point for long and still fall.
    for stretch in (window, after):
        if not _slope(stretch[f"{role}.loss"]) > 0 > _slope(stretch["train.loss"]):
            return None
    n = int(window[f"{role}.{unit.n}"].iloc[-1])
    return Advice(
        rule="overfitting",
        sentence=f"The loss on {n:,} {role} {unit.name} rises while the training loss falls, and "
        f"has been above that of epoch {best} for {len(after)} epochs: it is overfitting. "
        f"Stop, or fork at epoch {best} with a lower learning rate; a new run with more "
        "augmentation, dropout or weight decay may do better.",
    )


def _flat(epochs: pd.DataFrame, role: str, unit: _Unit) -> Advice | None:
    window = epochs.iloc[-FLAT_EPOCHS:]
    if len(window) < FLAT_EPOCHS:
        return None
    accuracy, n = window[f"{role}.{unit.accuracy}"], int(window[f"{role}.{unit.n}"].iloc[-1])
    low, high = closed_intervals.bounds(
        closed_intervals.wilson(round(float(accuracy.iloc[-1]) * n), n)
    )
    span, width = float(accuracy.max() - accuracy.min()), high - low
    if span >= width or _slope(window[f"{role}.loss"]) < 0:
        return None
    return Advice(
        rule="flat",
        sentence=f"In the last {FLAT_EPOCHS} epochs the accuracy on {n:,} {role} {unit.name} has "
        f"changed by {100 * span:.1f} points, less than its 95 % interval is wide "
        f"({100 * width:.0f}), and the loss has not fallen: a lower learning rate may help, "
        "more epochs hardly.",
    )


def _slope(values: pd.Series) -> float:
    """Return the slope of the regression line through values of successive epochs, per epoch."""
    # Not numpy.polyfit: its BLAS takes 34 MB for good, in a process without other use for it.
    return linear_regression(range(len(values)), values.astype("float64").tolist()).slope
