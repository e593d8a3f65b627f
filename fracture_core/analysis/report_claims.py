"""Claims of the 2018 report on its experiments, and the answers of our runs.

A claim is checked for every seed whose runs have enough epochs, each seed by itself: the report had
one run of each. Losses are in nats per film.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fracture_core.analysis.report_2018 import BY_KEY, SEEDS, ExperimentRuns, Length
from fracture_core.epochs import predictions
from fracture_core.runs import journal
from fracture_core.runs.run_folders import Run
from fracture_core.verdicts import aggregation, closed_intervals
from fracture_core.verdicts.closed_intervals import Proportion, wilson

SLOWING_AT = 0.77  # training accuracy
LITTLE = 0.05  # of accuracy, our limit of "not much"
LEAST = 1e-7  # nearest distance of a probability from 0 or 1 in the loss, as in Keras


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Answer of the runs to a claim.

    Args:
        words: the numbers, each with n and interval; or the missing epoch.
        agrees: whether they agree; `None` where they cannot tell, or are not available yet.
        is_there: whether some seed's runs have the epoch.
    """

    words: str
    agrees: bool | None = None
    is_there: bool = True


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A testable sentence of the report.

    Args:
        figure: number of its figure.
        says: the claim, in our words.
        rule: the condition of agreement.
        keys: of its experiments, in the order of the arguments of `check`.
        check: returns one seed's answer from its runs, the last epoch and the length.
        further: whether it needs the additional epochs.
    """

    figure: int
    says: str
    rule: str
    keys: tuple[str, ...]
    check: Callable[..., Answer]
    further: bool = False

    def epoch(self, length: Length) -> int:
        """Return the last epoch that the claim needs."""
        return length.epochs + (length.more if self.further else 0)


def answer(claim: Claim, runs: ExperimentRuns, length: Length) -> Answer:
    """Check a claim for every available seed; it agrees if most do and none disagrees."""
    epoch = claim.epoch(length)
    by_seed: dict[int, Answer] = {}
    for seed in range(1, SEEDS + 1):
        own = [runs.get((key, seed)) for key in claim.keys]
        if all(run and _row(run, epoch) for run in own):
            by_seed[seed] = claim.check(*own, epoch, length)
    if not by_seed:
        return Answer(words=f"Not available yet (needs epoch {epoch}).", is_there=False)
    return _joined(by_seed)


def record(runs: ExperimentRuns, length: Length) -> list[dict[str, Any]]:
    """Return every claim with its answer as plain data, in the order of the report."""
    return [
        {
            "figure": claim.figure,
            "says": claim.says,
            "rule": claim.rule,
            "epoch": claim.epoch(length),
            "runs": [run.name for (key, _), run in sorted(runs.items()) if key in claim.keys],
            "words": given.words,
            "agrees": given.agrees,
        }
        for claim in CLAIMS
        for given in [answer(claim, runs, length)]
    ]


def _joined(by_seed: dict[int, Answer]) -> Answer:
    """Join the answers of several seeds; the numbers are those of the first."""
    (first, one), n = next(iter(by_seed.items())), len(by_seed)
    if n == 1:
        return Answer(words=f"seed {first}: {one.words}", agrees=one.agrees)
    votes = [each.agrees for each in by_seed.values()]
    yes, no = votes.count(True), votes.count(False)
    words = (
        f"seed {first}: {one.words} Of {n} seeds, {yes} would agree, {no} disagree and "
        f"{n - yes - no} cannot tell."
    )
    agrees = True if 2 * yes > n and not no else False if 2 * no > n and not yes else None
    return Answer(words=words, agrees=agrees)


def _row(run: Run, epoch: int) -> dict[str, Any] | None:
    """Return the metrics of an epoch; `None` where the run has not completed it."""
    table = journal.metrics(run.folder)
    if not len(table) or not (table["epoch"] == epoch).any():
        return None
    row = table[table["epoch"] == epoch].iloc[0]
    return {str(name): value for name, value in row.items()}


# --- checks of one seed's runs --------------------------------------------------------------------


def _poor(run: Run, epoch: int, _: Length) -> Answer:
    p = _accuracy(run, epoch, "valid")
    labels = journal.films(run.folder).query("role == 'valid'")["label"]
    guess = max(labels.mean(), 1 - labels.mean())
    words = f"{_share(p)} of {p.n:,} valid films; baseline: {100 * guess:.1f} %."
    return Answer(words=words, agrees=closed_intervals.bounds(p)[0] <= guess)


def _lower_in_training(run: Run, other: Run, epoch: int, _: Length) -> Answer:
    p, q = _accuracy(run, epoch, "train"), _accuracy(other, epoch, "train")
    words = f"{_title(run)} {_share(p)}, {_title(other)} {_share(q)} of {p.n:,} training films."
    return Answer(words=words, agrees=_below(p, q))


def _slowing(run: Run, epoch: int, _: Length) -> Answer:
    p = _accuracy(run, epoch, "train")
    words = f"{_share(p)} of {p.n:,} training films at epoch {epoch}."
    low, high = closed_intervals.bounds(p)
    return Answer(words=words, agrees=low <= SLOWING_AT <= high)


def _still_rising(run: Run, epoch: int, length: Length) -> Answer:
    before, after = _accuracy(run, length.epochs, "train"), _accuracy(run, epoch, "train")
    words = (
        f"{_share(before)} of {before.n:,} training films at epoch {length.epochs}, "
        f"{_share(after)} at epoch {epoch}."
    )
    return Answer(words=words, agrees=_below(before, after))


def _little_better(run: Run, other: Run, epoch: int, _: Length) -> Answer:
    words, low, high = _more_right(run, other, epoch)
    return Answer(words=words, agrees=_sure(high < LITTLE, low > LITTLE))


def _more_often_right(run: Run, other: Run, epoch: int, _: Length) -> Answer:
    words, low, high = _more_right(run, other, epoch)
    return Answer(words=words, agrees=_sure(low > 0, high < 0))


def _lower_loss(run: Run, other: Run, epoch: int, _: Length) -> Answer:
    words, low, high = _more_loss(run, other, epoch)
    return Answer(words=words, agrees=_sure(high < 0, low > 0))


def _higher_loss(run: Run, other: Run, epoch: int, _: Length) -> Answer:
    words, low, high = _more_loss(run, other, epoch)
    return Answer(words=words, agrees=_sure(low > 0, high < 0))


def _sure(yes: bool, no: bool) -> bool | None:
    return True if yes else False if no else None


def _below(one: Proportion, other: Proportion) -> bool | None:
    (low, high), (other_low, other_high) = (
        closed_intervals.bounds(one),
        closed_intervals.bounds(other),
    )
    return _sure(high < other_low, low > other_high)


def _accuracy(run: Run, epoch: int, role: str) -> Proportion:
    """Return the accuracy on valid films, or on training films as augmented in the epoch.

    A film that was used twice is no second film: n is at most the number of films.
    """
    row = _row(run, epoch)
    assert row is not None  # `answer` has checked
    n = min(int(row[f"{role}.n"]), int((journal.films(run.folder)["role"] == role).sum()))
    return wilson(round(row[f"{role}.accuracy"] * n), n)


def _title(run: Run) -> str:
    return BY_KEY[run.name.split("-")[1]].title


def _share(p: Proportion) -> str:
    low, high = closed_intervals.bounds(p)
    return f"{100 * p.count / p.n:.1f} % (95 % interval {100 * low:.1f} to {100 * high:.1f})"


def _more_right(run: Run, other: Run, epoch: int) -> tuple[str, float, float]:
    """Compare accuracies on the same valid films, in words, with the interval's bounds."""
    one, two = _valid_films(run, other, epoch)
    d = closed_intervals.difference(one["right"], two["right"])
    low, high = closed_intervals.bounds(d)
    value = (d.only_first - d.only_second) / d.n
    words = (
        f"{_title(run)} minus {_title(other)}: {100 * value:+.1f} points of {d.n:,} valid films "
        f"(95 % interval {100 * low:+.1f} to {100 * high:+.1f})."
    )
    return words, low, high


def _more_loss(run: Run, other: Run, epoch: int) -> tuple[str, float, float]:
    """Compare losses on the same valid films, in words, with the interval's bounds."""
    one, two = _valid_films(run, other, epoch)
    d = closed_intervals.mean_difference(one["loss"], two["loss"])
    low, high = (-np.inf, np.inf) if d.low is None else closed_intervals.bounds(d)
    words = (
        f"loss of {_title(run)} minus {_title(other)}: {d.value:+.3f} nats over {d.n:,} valid "
        f"films (95 % interval {low:+.3f} to {high:+.3f})."
    )
    return words, low, high


def _valid_films(run: Run, other: Run, epoch: int) -> Sequence[pd.DataFrame]:
    """Return the predictions of two runs on their common valid films, in the same order."""
    tables = [_predictions(each, epoch) for each in (run, other)]
    both = tables[0].index.intersection(tables[1].index)
    return [table.loc[both] for table in tables]


def _predictions(run: Run, epoch: int) -> pd.DataFrame:
    """Return, by path, whether each valid film was "right" after an epoch, and its "loss"."""
    films = predictions.predicted_films(journal.films(run.folder))
    table = predictions.load(run.folder, epoch, len(films))
    positive = (films["label"] == 1).to_numpy()
    of_label = np.clip(np.where(positive, table, 1 - table), LEAST, 1.0)
    columns = pd.DataFrame(
        {
            "right": aggregation.is_positive(table, run.config.threshold) == positive,
            "loss": -np.log(of_label.astype(np.float64)),
        },
        index=films["path"],
    )
    return columns[(films["role"] == "valid").to_numpy()]


CLAIMS = (
    Claim(
        figure=3,
        says="A single convolution learns poorly.",
        keys=("one",),
        check=_poor,
        rule="agrees unless the whole interval of its accuracy on the valid films is above the "
        "baseline",
    ),
    Claim(
        figure=4,
        says="Dropout does not raise the training accuracy.",
        keys=("dropout", "three"),
        check=_lower_in_training,
        rule="agrees if the training accuracy with dropout lies below, intervals apart",
    ),
    Claim(
        figure=5,
        says="A smaller learning rate improves the validation accuracy but little.",
        keys=("slow", "three"),
        check=_little_better,
        rule="agrees if the whole interval of the improvement lies below 5 points",
    ),
    Claim(
        figure=5,
        says="Adam does better than AdaGrad.",
        keys=("three", "adagrad"),
        check=_more_often_right,
        rule="agrees if the interval of the difference on the valid films lies above 0",
    ),
    Claim(
        figure=6,
        says="Dropout's effect shows in the validation loss.",
        keys=("dropout", "three"),
        check=_lower_loss,
        rule="agrees if the interval of the difference of the losses lies below 0",
    ),
    Claim(
        figure=7,
        says="Five convolutions learn more slowly than three within the first epochs.",
        keys=("five", "three"),
        check=_lower_in_training,
        rule="agrees if the training accuracy of five lies below, intervals apart",
    ),
    Claim(
        figure=7,
        says="After 25 more epochs three convolutions slow down around 0.77 of training.",
        keys=("three",),
        check=_slowing,
        further=True,
        rule="agrees if 0.77 lies in the interval",
    ),
    Claim(
        figure=7,
        says="In those 25 epochs five convolutions still improve.",
        keys=("five",),
        check=_still_rising,
        further=True,
        rule="agrees if the training accuracy before lies below that after, intervals apart",
    ),
    Claim(
        figure=8,
        says="Five convolutions do worse than three within the first epochs.",
        keys=("five", "three"),
        check=_higher_loss,
        rule="agrees if the interval of the difference of the losses lies above 0",
    ),
)
