"""The 2018 report's experiments as runs, what it said of them, and what these runs say.

The source is the student report that this program implements: its text, its figures 2 to 8, its
Appendix A. What it called an epoch is 282 steps of 10 films.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from fracture_core import aggregation, journal, launcher, metrics, predictions, runs
from fracture_core.config import NetworkOptions, TrainConfig, report_2018
from fracture_core.datasets import Dataset
from fracture_core.errors import RunNameTaken
from fracture_core.metrics import Difference, wilson
from fracture_core.runs import Run, State

TAG = "report 2018"
PART = "shoulder"  # all that the report looked at
SEEDS = 5  # at most


@dataclass(frozen=True, kw_only=True)
class Length:
    """How long the experiments are.

    Args:
        name: in the runs' names.
        epochs: of every run.
        steps: of an epoch, 10 films each.
        more: epochs that two of the runs go on for.
    """

    name: str
    epochs: int
    steps: int
    more: int


LENGTHS = {
    "full": Length(name="full", epochs=75, steps=282, more=25),
    "quick": Length(name="quick", epochs=15, steps=60, more=5),
}


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One network with its settings.

    Args:
        key: in the runs' names.
        title: in legends.
        changes: of `config.report_2018`.
        goes_on: whether it is trained further after its epochs, as the report did with two.
    """

    key: str
    title: str
    changes: dict[str, Any] = field(default_factory=dict)
    goes_on: bool = False


def _three(**options: Any) -> dict[str, Any]:
    return {"architecture": "three_conv", "options": NetworkOptions(**options)}


ADAGRAD = {"optimizer": "adagrad", "learning_rate": 0.01}  # the default of its Keras in 2018

EXPERIMENTS = (  # the smaller rate is that of a line in Appendix A
    Experiment(key="one", title="one_conv", changes={"architecture": "one_conv"}),
    Experiment(key="three", title="three_conv, Adam", changes=_three(), goes_on=True),
    Experiment(key="dense", title="more dense layers", changes=_three(dense=(128, 64))),
    Experiment(key="dropout", title="dropout 0.25", changes=_three(dropout=0.25)),
    Experiment(key="adagrad", title="AdaGrad", changes=_three() | ADAGRAD),
    Experiment(
        key="slow", title="learning rate 0.00001", changes=_three() | {"learning_rate": 1e-5}
    ),
    Experiment(key="five", title="five_conv", changes={"architecture": "five_conv"}, goes_on=True),
)
BY_KEY = {each.key: each for each in EXPERIMENTS}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One of the report's figures.

    Args:
        number: in the report.
        title: what it shows.
        column: of `journal.metrics` that is drawn.
        keys: of the experiments in it.
        further: whether it goes on beyond the first epochs.
    """

    number: int
    title: str
    column: str
    keys: tuple[str, ...]
    further: bool = False


VARIANTS = ("three", "dense", "dropout", "adagrad", "slow")
FIGURES = (
    Figure(number=2, title="Training accuracy of the basic network", column="train.accuracy",
           keys=("one",)),
    Figure(number=3, title="Validation accuracy of the basic network", column="valid.accuracy",
           keys=("one",)),
    Figure(number=4, title="Training accuracy of three convolutions", column="train.accuracy",
           keys=VARIANTS),
    Figure(number=5, title="Validation accuracy of three convolutions", column="valid.accuracy",
           keys=VARIANTS),
    Figure(number=6, title="Validation loss of three convolutions", column="valid.loss",
           keys=VARIANTS),
    Figure(number=7, title="Training accuracy, three against five", column="train.accuracy",
           keys=("three", "five"), further=True),
    Figure(number=8, title="Validation loss, three against five", column="valid.loss",
           keys=("three", "five"), further=True),
)  # fmt: skip

Found = dict[tuple[str, int], Run]  # (experiment, seed) -> its run


def parts(dataset: Dataset) -> tuple[str, ...]:
    """The body parts that are trained on: the report's, where the data has it, else all."""
    return (PART,) if (dataset.manifest["part"] == PART).any() else ()


def config(experiment: Experiment, dataset: Dataset, length: Length, seed: int) -> TrainConfig:
    """The settings of one run."""
    return report_2018(
        str(dataset.root), positive=dataset.positive, parts=parts(dataset), seed=seed,
        epochs=length.epochs, steps_per_epoch=length.steps, **experiment.changes,
    )  # fmt: skip


def name(experiment: str, data_hash: str, length: Length, seed: int) -> str:
    """What the run is called; by it, it is found again."""
    return f"report-{experiment}-{length.name}-seed{seed}-{data_hash[:6]}"


def find(here: Sequence[Run], data_hash: str, length: Length) -> Found:
    """The experiments that have a run, on these data and of this length."""
    by_name = {run.name: run for run in here}
    found = {}
    for experiment in BY_KEY:
        for seed in range(1, SEEDS + 1):
            run = by_name.get(name(experiment, data_hash, length, seed))
            if run:
                found[experiment, seed] = run
    return found


def start(dataset: Dataset, length: Length, seeds: int) -> None:
    """Queue every experiment that has no run, and let those go on that stand still.

    Args:
        dataset: the data.
        length: of the runs.
        seeds: how many of each, from 1 to `SEEDS`; the first seeds come first.
    """
    found = find(runs.list_runs(), dataset.hash, length)
    for seed in range(1, seeds + 1):
        for experiment in EXPERIMENTS:
            run = found.get((experiment.key, seed))
            if run and not run.status.state.alive and run.status.state is not State.FINISHED:
                launcher.resume(run.folder)
            elif run is None:
                _queue(experiment, dataset, length, seed)


def _queue(experiment: Experiment, dataset: Dataset, length: Length, seed: int) -> None:
    called = name(experiment.key, dataset.hash, length, seed)
    try:
        folder = runs.create(config(experiment, dataset, length, seed), called)
    except RunNameTaken:  # a second click, or another browser
        return
    runs.set_labels(folder, runs.Labels(tags=(TAG,)))
    launcher.start_run(folder, more_epochs=length.more if experiment.goes_on else 0)


def stop(found: Found) -> None:
    """Stop all that are on; they keep their work."""
    for run in found.values():
        if run.status.state.alive:
            runs.ask(run.folder, "stop")


def steps_in_all(length: Length, seeds: int) -> int:
    """Training steps of all experiments together."""
    each = sum(length.epochs + (length.more if e.goes_on else 0) for e in EXPERIMENTS)
    return each * length.steps * seeds


def steps_done(found: Found) -> int:
    """Training steps that have been taken."""
    return sum(run.status.step for run in found.values())


# --- what the report said, and what these runs say ------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence of the report that can be held against numbers.

    Args:
        figure: number of the figure that it stands beside.
        says: the claim, in our words.
        rule: what counts as agreement.
    """

    figure: int
    says: str
    rule: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the runs say to a claim.

    Args:
        words: the numbers, each with n and interval; or what is missing.
        agrees: whether they agree; `None` where they cannot tell, or are not there yet.
    """

    words: str
    agrees: bool | None = None


POOR = Claim(
    figure=3, says="A single convolution learns poorly.",
    rule="agrees unless the whole interval of its accuracy on the valid films lies above guessing",
)  # fmt: skip
DROPOUT = Claim(
    figure=4, says="Dropout does not raise the training accuracy.",
    rule="agrees if the training accuracy with dropout lies below, intervals apart",
)  # fmt: skip
SLOWER = Claim(
    figure=5, says="A smaller learning rate improves the validation accuracy but little.",
    rule="agrees if the whole interval of the improvement lies below 5 points",
)  # fmt: skip
ADAM = Claim(
    figure=6, says="Adam does better than AdaGrad.",
    rule="agrees if the interval of the difference on the valid films lies above 0",
)  # fmt: skip
SLOWING = Claim(
    figure=7, says="After 25 more epochs three convolutions slow down around 0.77 of training.",
    rule="agrees if 0.77 lies in the interval",
)  # fmt: skip
WORSE = Claim(
    figure=8, says="Five convolutions do worse than three within the first epochs.",
    rule="agrees if the interval of the difference on the valid films lies below 0",
)  # fmt: skip
CLAIMS = (POOR, DROPOUT, SLOWER, ADAM, SLOWING, WORSE)
SLOWING_AT, LITTLE = 0.77, 0.05


def answer(claim: Claim, found: Found, length: Length) -> Answer:
    """Hold a claim against the first seed's runs; other seeds show in the figures."""
    at = length.epochs
    match claim.figure:
        case 3:
            return _poor(found.get(("one", 1)), at)
        case 4:
            return _dropout(found.get(("dropout", 1)), found.get(("three", 1)), at)
        case 5:
            return _difference(
                found, ("slow", "three"), at, lambda d: d.high < LITTLE, lambda d: d.low > LITTLE
            )
        case 6:
            return _difference(
                found, ("three", "adagrad"), at, lambda d: d.low > 0, lambda d: d.high < 0
            )
        case 7:
            return _slowing(found.get(("three", 1)), at + length.more)
        case 8:
            return _difference(
                found, ("five", "three"), at, lambda d: d.high < 0, lambda d: d.low > 0
            )
    raise ValueError(claim)


def _row(run: Run | None, epoch: int) -> dict[str, Any] | None:
    """The metrics of an epoch; `None` where the run has not come so far."""
    table = journal.metrics(run.folder) if run else None
    if table is None or not len(table) or not (table["epoch"] == epoch).any():
        return None
    return table[table["epoch"] == epoch].iloc[0].to_dict()


def _missing(epoch: int) -> Answer:
    return Answer(words=f"Not there yet: it needs epoch {epoch}.")


def _poor(run: Run | None, epoch: int) -> Answer:
    row = _row(run, epoch)
    if row is None:
        return _missing(epoch)
    n = int(row["valid.n"])
    p = wilson(round(row["valid.accuracy"] * n), n)
    labels = journal.films(run.folder).query("role == 'valid'")["label"]
    guess = max(labels.mean(), 1 - labels.mean())
    words = f"{_share(p)} of valid films; always guessing: {100 * guess:.1f} %."
    return Answer(words=words, agrees=p.low <= guess)


def _dropout(run: Run | None, plain: Run | None, epoch: int) -> Answer:
    rows = [_row(each, epoch) for each in (run, plain)]
    if None in rows:
        return _missing(epoch)
    with_it, without = (
        wilson(round(row["train.accuracy"] * row["train.n"]), int(row["train.n"])) for row in rows
    )
    words = f"With dropout {_share(with_it)} of training films, without {_share(without)}."
    agrees = True if with_it.high < without.low else False if with_it.low > without.high else None
    return Answer(words=words, agrees=agrees)


def _slowing(run: Run | None, epoch: int) -> Answer:
    row = _row(run, epoch)
    if row is None:
        return _missing(epoch)
    p = wilson(round(row["train.accuracy"] * row["train.n"]), int(row["train.n"]))
    words = f"{_share(p)} of training films at epoch {epoch}."
    return Answer(words=words, agrees=p.low <= SLOWING_AT <= p.high)


def _difference(
    found: Found,
    keys: tuple[str, str],
    epoch: int,
    yes: Callable[[Difference], bool],
    no: Callable[[Difference], bool],
) -> Answer:
    """Two networks on the same valid films: `yes` and `no` judge the interval."""
    pair = [found.get((key, 1)) for key in keys]
    if any(_row(run, epoch) is None for run in pair):
        return _missing(epoch)
    d = _paired(*pair, epoch)
    one, other = (BY_KEY[key].title for key in keys)
    words = (
        f"{one} minus {other}: {100 * d.value:+.1f} points of {d.n:,} valid films (95 % interval "
        f"{100 * d.low:+.1f} to {100 * d.high:+.1f})."
    )
    return Answer(words=words, agrees=True if yes(d) else False if no(d) else None)


def _paired(one: Run, other: Run, epoch: int) -> Difference:
    """How often each was right on the same valid films after an epoch."""
    right = (
        _right(one, epoch)
        .to_frame("first")
        .join(_right(other, epoch).rename("second"), how="inner")
    )
    return metrics.difference(right["first"], right["second"])


def _right(run: Run, epoch: int) -> pd.Series:
    """By its path, whether each valid film was judged right after an epoch."""
    films = predictions.judged(journal.films(run.folder))
    table = predictions.load(run.folder, epoch, len(films))
    right = aggregation.is_positive(table, run.config.threshold) == (films["label"] == 1)
    valid = films["role"] == "valid"
    return pd.Series(right[valid].to_numpy(), index=films.loc[valid, "path"])


def _share(p: metrics.Proportion) -> str:
    return f"{100 * p.value:.1f} % (95 % interval {100 * p.low:.1f} to {100 * p.high:.1f})"


# --- single studies -------------------------------------------------------------------------------


def both_labels(studies: pd.DataFrame, count: int = 2) -> list[str]:
    """Patients of the valid split with a positive and a negative study, the first ones by name."""
    valid = studies[studies["split"] == "valid"]
    kinds = valid.groupby("patient")["label"].nunique()
    return sorted(kinds[kinds == 2].index)[:count]
