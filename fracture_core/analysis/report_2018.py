"""The 2018 report's experiments as runs, and the figures that they are drawn in.

The source is the student report that this program implements: its text, its figures 2 to 8, its
Appendix A. What it called an epoch is 282 steps of 10 films. What it said of them: `report_claims`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from fracture_core.config import NetworkOptions, TrainConfig, report_2018
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import RunError, RunNameTaken
from fracture_core.jobs import launcher
from fracture_core.runs import run_folders
from fracture_core.runs.run_folders import Run, State

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
    Experiment(key="three", title="three_conv (Adam)", changes=_three(), goes_on=True),
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

    def last(self, length: Length) -> int:
        """The last epoch that it shows."""
        return length.epochs + (length.more if self.further else 0)


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

ExperimentRuns = dict[tuple[str, int], Run]  # (experiment, seed) -> its run


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


def find(here: Sequence[Run], data_hash: str, length: Length) -> ExperimentRuns:
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

    Raises:
        RunError: some runs cannot go on; the others were started all the same.
    """
    found = find(run_folders.list_runs(), dataset.hash, length)
    refusals = []
    for seed in range(1, seeds + 1):
        for experiment in EXPERIMENTS:
            run = found.get((experiment.key, seed))
            if run and not run.status.state.alive and run.status.state is not State.FINISHED:
                try:
                    launcher.resume(run.folder)
                except RunError as error:
                    refusals.append(str(error))
            elif run is None:
                _queue(experiment, dataset, length, seed)
    if refusals:
        raise RunError(" ".join(refusals))


def _queue(experiment: Experiment, dataset: Dataset, length: Length, seed: int) -> None:
    called = name(experiment.key, dataset.hash, length, seed)
    try:
        folder = run_folders.create(config(experiment, dataset, length, seed), called)
    except RunNameTaken:  # a second click, or another browser
        return
    run_folders.set_labels(folder, run_folders.Labels(tags=(TAG,)))
    launcher.start_run(folder, more_epochs=length.more if experiment.goes_on else 0)


def stop(found: ExperimentRuns) -> None:
    """Stop all that are on; they keep their work."""
    for run in found.values():
        if run.status.state.alive:
            run_folders.send_request(run.folder, "stop")


def steps_in_all(length: Length, seeds: int) -> int:
    """Training steps of all experiments together."""
    each = sum(length.epochs + (length.more if e.goes_on else 0) for e in EXPERIMENTS)
    return each * length.steps * seeds


def steps_done(found: ExperimentRuns) -> int:
    """Training steps that have been taken."""
    return sum(run.status.step for run in found.values())


def to_go(found: ExperimentRuns, length: Length, seeds: int) -> tuple[int, int]:
    """How many runs of the first `seeds` of each experiment are not finished, and their steps."""
    runs_left = steps_left = 0
    for experiment in EXPERIMENTS:
        whole = length.epochs + (length.more if experiment.goes_on else 0)
        for seed in range(1, seeds + 1):
            run = found.get((experiment.key, seed))
            if run is None or run.status.state is not State.FINISHED:
                runs_left += 1
                done = run.status.step if run else 0
                steps_left += max(0, whole * length.steps - done)
    return runs_left, steps_left


# --- single studies -------------------------------------------------------------------------------


def both_labels(studies: pd.DataFrame, count: int = 2) -> list[str]:
    """Patients of the valid split with a positive and a negative study, the first ones by name;
    none who has films in the train split as well."""
    taught = studies.loc[studies["split"] == "train", "patient"]
    valid = studies[(studies["split"] == "valid") & ~studies["patient"].isin(taught)]
    kinds = valid.groupby("patient")["label"].nunique()
    return sorted(kinds[kinds == 2].index)[:count]
