"""What a run's curves say that somebody who trains should know: four rules, a sentence each."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import linear_regression

import pandas as pd

from fracture_core.verdicts.metrics import wilson

RISING_EPOCHS = 8  # of growing loss on films it does not learn from
FLAT_EPOCHS = 10
WELL_ABOVE = 0.1  # of training accuracy over always guessing: chance does not give it
GUESS_EPOCHS = 5  # before them no network is told that it only guesses


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What was seen, and what to do.

    Args:
        rule: "one answer", "guessing", "overfitting" or "flat".
        sentence: for the person who watches.
    """

    rule: str
    sentence: str


def advise(
    epochs: pd.DataFrame,
    guess: Mapping[str, float],
    called: Mapping[str, float] | None = None,
    running: bool = False,
) -> Advice | None:
    """The first rule that holds at the last epoch; `None` where none does.

    Args:
        epochs: `journal.metrics`. Dev is looked at, valid where the run has no dev films.
        guess: by role, the accuracy of always guessing the more frequent label, of images.
        called: by role, the share of films called positive after the last epoch, 0 to 1; a role
            that is left out is not known.
        running: whether batch normalization judges with running averages.
    """
    role = next((r for r in ("dev", "valid") if f"{r}.loss" in epochs), None)
    if role is None or not len(epochs):
        return None
    rules = (
        _one_answer(epochs, role, guess.get(role), (called or {}).get(role), running),
        _guessing(epochs, role, guess.get(role)),
        _overfitting(epochs, role),
        _flat(epochs, role),
    )
    return next((found for found in rules if found), None)


def _one_answer(
    epochs: pd.DataFrame, role: str, guess: float | None, called: float | None, running: bool
) -> Advice | None:
    if guess is None or called not in (0.0, 1.0) or "train.accuracy" not in epochs:
        return None
    learned, n = epochs["train.accuracy"].iloc[-1], int(epochs[f"{role}.n"].iloc[-1])
    if not learned > guess + WELL_ABOVE:
        return None
    seen = (
        f"It calls {'all' if called else 'none'} of {n:,} {role} films positive, and is right on "
        f"{100 * learned:.1f} % of the training films as it is shown them. "
    )
    why = (
        "That is not what it has learned: the running averages of batch normalization lag behind "
        "its weights. A new run with recomputed averages shows it."
        if running
        else "What it has learned does not carry over: look on the Data page whether the two sets "
        "of films differ in more than the bones, or try weaker augmentation."
    )
    return Advice(rule="one answer", sentence=seen + why)


def _guessing(epochs: pd.DataFrame, role: str, guess: float | None) -> Advice | None:
    accuracy, n = epochs[f"{role}.accuracy"].iloc[-1], int(epochs[f"{role}.n"].iloc[-1])
    if guess is None or len(epochs) < GUESS_EPOCHS or accuracy > guess:
        return None
    return Advice(
        rule="guessing",
        sentence=f"After {len(epochs)} epochs it is no better than always guessing the more "
        f"frequent label: {100 * accuracy:.1f} against {100 * guess:.1f} % of {n:,} {role} films. "
        "Try another learning rate, more epochs or a larger network.",
    )


def _overfitting(epochs: pd.DataFrame, role: str) -> Advice | None:
    window = epochs.iloc[-RISING_EPOCHS - 1 :]
    if len(window) <= RISING_EPOCHS:
        return None
    best = int(epochs.loc[epochs[f"{role}.loss"].idxmin(), "epoch"])
    after = epochs[epochs["epoch"] > best]  # without the lowest point: after it all is higher
    if len(after) < RISING_EPOCHS:
        return None
    # A noisy loss may lie above its lowest point for long and fall all the same.
    for stretch in (window, after):
        if not _slope(stretch[f"{role}.loss"]) > 0 > _slope(stretch["train.loss"]):
            return None
    n = int(window[f"{role}.n"].iloc[-1])
    return Advice(
        rule="overfitting",
        sentence=f"The loss on {n:,} {role} films rises while the training loss falls, and has "
        f"been above that of epoch {best} for {len(after)} epochs: it learns its films by heart. "
        f"Stop, or fork at epoch {best} with a lower learning rate; a new run with more "
        "augmentation, dropout or weight decay may come further.",
    )


def _flat(epochs: pd.DataFrame, role: str) -> Advice | None:
    window = epochs.iloc[-FLAT_EPOCHS:]
    if len(window) < FLAT_EPOCHS:
        return None
    accuracy, n = window[f"{role}.accuracy"], int(window[f"{role}.n"].iloc[-1])
    p = wilson(round(float(accuracy.iloc[-1]) * n), n)
    moved, width = float(accuracy.max() - accuracy.min()), p.high - p.low
    if moved >= width or _slope(window[f"{role}.loss"]) < 0:
        return None
    return Advice(
        rule="flat",
        sentence=f"In the last {FLAT_EPOCHS} epochs the accuracy on {n:,} {role} films has moved "
        f"by {100 * moved:.1f} points, less than its 95 % interval is wide ({100 * width:.0f}), "
        "and the loss has not fallen: a lower learning rate may help, more epochs hardly.",
    )


def _slope(values: pd.Series) -> float:
    """Of the straight line through values an epoch apart."""
    # Not numpy.polyfit: its BLAS takes 34 MB for good, in a process that needs it for nothing else.
    return linear_regression(range(len(values)), values.astype("float64").tolist()).slope
