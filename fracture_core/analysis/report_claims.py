"""What the 2018 report said of its experiments, and what runs of them say to it.

A claim is put to every seed whose runs have come far enough, each seed's runs among themselves:
that is what the report had one of. Losses are in nats a film.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fracture_core.analysis.report_2018 import BY_KEY, SEEDS, ExperimentRuns, Length
from fracture_core.runs import journal, predictions
from fracture_core.runs.run_folders import Run
from fracture_core.verdicts import aggregation, metrics
from fracture_core.verdicts.metrics import Proportion, wilson

SLOWING_AT = 0.77  # training accuracy
LITTLE = 0.05  # of accuracy, what we call "not much"
LEAST = 1e-7  # a probability is no nearer to 0 or 1 in the loss, as in Keras


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the runs say to a claim.

    Args:
        words: the numbers, each with n and interval; or what is missing.
        agrees: whether they agree; `None` where they cannot tell, or are not there yet.
    """

    words: str
    agrees: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence of the report that can be held against numbers.

    Args:
        figure: number of the figure that it stands beside.
        says: the claim, in our words.
        rule: what counts as agreement.
        keys: of the experiments that are asked, in the order in which `asked` takes their runs.
        asked: gives one seed's answer from its runs and the last epoch that counts.
        further: whether the last epoch is that of the runs that went on.
    """

    figure: int
    says: str
    rule: str
    keys: tuple[str, ...]
    asked: Callable[..., Answer]
    further: bool = False

    def epoch(self, length: Length) -> int:
        """The last epoch that it needs."""
        return length.epochs + (length.more if self.further else 0)


def answer(claim: Claim, found: ExperimentRuns, length: Length) -> Answer:
    """Hold a claim against every seed that is there; it agrees if most do and none disagrees."""
    epoch, each = claim.epoch(length), {}
    for seed in range(1, SEEDS + 1):
        runs = [found.get((key, seed)) for key in claim.keys]
        if all(run and _row(run, epoch) for run in runs):
            each[seed] = claim.asked(*runs, epoch, length)
    if not each:
        return Answer(words=f"Not there yet: it needs epoch {epoch}.")
    return _together(each)


def _together(each: dict[int, Answer]) -> Answer:
    """One answer of several seeds, the first one's numbers in front."""
    (first, one), n = next(iter(each.items())), len(each)
    if n == 1:
        return Answer(words=f"seed {first}: {one.words}", agrees=one.agrees)
    said = [some.agrees for some in each.values()]
    yes, no = said.count(True), said.count(False)
    words = (
        f"seed {first}: {one.words} Of {n} seeds, {yes} would agree, {no} disagree and "
        f"{n - yes - no} cannot tell."
    )
    agrees = True if 2 * yes > n and not no else False if 2 * no > n and not yes else None
    return Answer(words=words, agrees=agrees)


def _row(run: Run, epoch: int) -> dict[str, Any] | None:
    """The metrics of an epoch; `None` where the run has not come so far."""
    table = journal.metrics(run.folder)
    if not len(table) or not (table["epoch"] == epoch).any():
        return None
    return table[table["epoch"] == epoch].iloc[0].to_dict()


# --- what one seed's runs say ---------------------------------------------------------------------


def _poor(run: Run, epoch: int, _: Length) -> Answer:
    p = _accuracy(run, epoch, "valid")
    labels = journal.films(run.folder).query("role == 'valid'")["label"]
    guess = max(labels.mean(), 1 - labels.mean())
    words = f"{_share(p)} of {p.n:,} valid films; always guessing: {100 * guess:.1f} %."
    return Answer(words=words, agrees=p.low <= guess)


def _lower_in_training(run: Run, other: Run, epoch: int, _: Length) -> Answer:
    p, q = _accuracy(run, epoch, "train"), _accuracy(other, epoch, "train")
    words = f"{_title(run)} {_share(p)}, {_title(other)} {_share(q)} of {p.n:,} training films."
    return Answer(words=words, agrees=_below(p, q))


def _slowing(run: Run, epoch: int, _: Length) -> Answer:
    p = _accuracy(run, epoch, "train")
    words = f"{_share(p)} of {p.n:,} training films at epoch {epoch}."
    return Answer(words=words, agrees=p.low <= SLOWING_AT <= p.high)


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
    return _sure(one.high < other.low, one.low > other.high)


def _accuracy(run: Run, epoch: int, role: str) -> Proportion:
    """Of valid films; of training films as they were shown, augmented, in the epoch.

    A film that was shown twice is no second film: n is at most that of the films.
    """
    row = _row(run, epoch)
    assert row is not None  # `answer` has asked
    n = min(int(row[f"{role}.n"]), int((journal.films(run.folder)["role"] == role).sum()))
    return wilson(round(row[f"{role}.accuracy"] * n), n)


def _title(run: Run) -> str:
    return BY_KEY[run.name.split("-")[1]].title


def _share(p: Proportion) -> str:
    return f"{100 * p.value:.1f} % (95 % interval {100 * p.low:.1f} to {100 * p.high:.1f})"


def _more_right(run: Run, other: Run, epoch: int) -> tuple[str, float, float]:
    """How much more often `run` is right on the same valid films: words and interval."""
    one, two = _valid_films(run, other, epoch)
    d = metrics.difference(one["right"], two["right"])
    words = (
        f"{_title(run)} minus {_title(other)}: {100 * d.value:+.1f} points of {d.n:,} valid films "
        f"(95 % interval {100 * d.low:+.1f} to {100 * d.high:+.1f})."
    )
    return words, d.low, d.high


def _more_loss(run: Run, other: Run, epoch: int) -> tuple[str, float, float]:
    """How much larger the loss of `run` is on the same valid films: words and interval."""
    one, two = _valid_films(run, other, epoch)
    d = metrics.mean_difference(one["loss"], two["loss"])
    low, high = (-np.inf, np.inf) if d.low is None else (d.low, d.high)
    words = (
        f"loss of {_title(run)} minus {_title(other)}: {d.value:+.3f} nats over {d.n:,} valid "
        f"films (95 % interval {low:+.3f} to {high:+.3f})."
    )
    return words, low, high


def _valid_films(run: Run, other: Run, epoch: int) -> Sequence[pd.DataFrame]:
    """What two runs said of the valid films that both judged, in the same order."""
    tables = [_judged(each, epoch) for each in (run, other)]
    both = tables[0].index.intersection(tables[1].index)
    return [table.loc[both] for table in tables]


def _judged(run: Run, epoch: int) -> pd.DataFrame:
    """By its path, whether each valid film was judged "right" after an epoch, and its "loss"."""
    films = predictions.predicted_films(journal.films(run.folder))
    table = predictions.load(run.folder, epoch, len(films))
    positive = (films["label"] == 1).to_numpy()
    of_label = np.clip(np.where(positive, table, 1 - table), LEAST, 1.0)
    found = pd.DataFrame(
        {
            "right": aggregation.is_positive(table, run.config.threshold) == positive,
            "loss": -np.log(of_label.astype(np.float64)),
        },
        index=films["path"],
    )
    return found[(films["role"] == "valid").to_numpy()]


CLAIMS = (
    Claim(
        figure=3, says="A single convolution learns poorly.", keys=("one",), asked=_poor,
        rule="agrees unless the whole interval of its accuracy on the valid films lies above "
        "guessing",
    ),
    Claim(
        figure=4, says="Dropout does not raise the training accuracy.",
        keys=("dropout", "three"), asked=_lower_in_training,
        rule="agrees if the training accuracy with dropout lies below, intervals apart",
    ),
    Claim(
        figure=5, says="A smaller learning rate improves the validation accuracy but little.",
        keys=("slow", "three"), asked=_little_better,
        rule="agrees if the whole interval of the improvement lies below 5 points",
    ),
    Claim(
        figure=5, says="Adam does better than AdaGrad.", keys=("three", "adagrad"),
        asked=_more_often_right,
        rule="agrees if the interval of the difference on the valid films lies above 0",
    ),
    Claim(
        figure=6, says="Dropout's effect shows in the validation loss.",
        keys=("dropout", "three"), asked=_lower_loss,
        rule="agrees if the interval of the difference of the losses lies below 0",
    ),
    Claim(
        figure=7, says="Five convolutions learn more slowly than three within the first epochs.",
        keys=("five", "three"), asked=_lower_in_training,
        rule="agrees if the training accuracy of five lies below, intervals apart",
    ),
    Claim(
        figure=7, says="After 25 more epochs three convolutions slow down around 0.77 of training.",
        keys=("three",), asked=_slowing, further=True, rule="agrees if 0.77 lies in the interval",
    ),
    Claim(
        figure=7, says="In those 25 epochs five convolutions still improve.",
        keys=("five",), asked=_still_rising, further=True,
        rule="agrees if the training accuracy before lies below that after, intervals apart",
    ),
    Claim(
        figure=8, says="Five convolutions do worse than three within the first epochs.",
        keys=("five", "three"), asked=_higher_loss,
        rule="agrees if the interval of the difference of the losses lies above 0",
    ),
)  # fmt: skip
