"""The 2018 report's experiments as runs, and its figures.

The source is the student report that this program implements: its text, its figures 2 to 8, its
Appendix A. Its epoch is 282 steps of 10 films. Its claims are in `report_claims`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from fracture_core.config.network_options import NetworkOptions
from fracture_core.config.presets import report_2018
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import RunError, RunNameTaken
from fracture_core.jobs import launcher
from fracture_core.runs import run_folders, run_labels
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State

TAG = "report 2018"
PART = "shoulder"  # the only part in the report
SEEDS = 5  # at most


@dataclass(frozen=True, kw_only=True)
class Length:
    """Length of the experiments.

    Args:
        name: in the runs' names.
        epochs: of every run.
        steps: per epoch, 10 films each.
        more: additional epochs of two of the runs.
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
        goes_on: whether it is trained for more epochs, like two in the report.
    """

    key: str
    title: str
    changes: dict[str, Any] = field(default_factory=dict)
    goes_on: bool = False


def _three(**options: Any) -> dict[str, Any]:
    return {"architecture": "three_conv", "options": NetworkOptions(**options)}


ADAGRAD = {"optimizer": "adagrad", "learning_rate": 0.01}  # the default of its Keras in 2018

EXPERIMENTS = (  # the smaller rate is from a line in Appendix A
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
        title: of the figure.
        column: of `journal.metrics`.
        keys: of its experiments.
        further: whether it includes the additional epochs.
    """

    number: int
    title: str
    column: str
    keys: tuple[str, ...]
    further: bool = False

    def last(self, length: Length) -> int:
        """Return the last epoch in the figure."""
        return length.epochs + (length.more if self.further else 0)


VARIANTS = ("three", "dense", "dropout", "adagrad", "slow")
FIGURES = (
    Figure(
        number=2,
        title="Training accuracy of the basic network",
        column="train.accuracy",
        keys=("one",),
    ),
    Figure(
        number=3,
        title="Validation accuracy of the basic network",
        column="valid.accuracy",
        keys=("one",),
    ),
    Figure(
        number=4,
        title="Training accuracy of three convolutions",
        column="train.accuracy",
        keys=VARIANTS,
    ),
    Figure(
        number=5,
        title="Validation accuracy of three convolutions",
        column="valid.accuracy",
        keys=VARIANTS,
    ),
    Figure(
        number=6,
        title="Validation loss of three convolutions",
        column="valid.loss",
        keys=VARIANTS,
    ),
    Figure(
        number=7,
        title="Training accuracy, three against five",
        column="train.accuracy",
        keys=(
            "three",
            "five",
        ),
        further=True,
    ),
    Figure(
        number=8,
        title="Validation loss, three against five",
        column="valid.loss",
        keys=(
            "three",
            "five",
        ),
        further=True,
    ),
)

ExperimentRuns = dict[tuple[str, int], Run]  # (experiment, seed) -> its run


def parts(dataset: Dataset) -> tuple[str, ...]:
    """Return the body parts to train on: the report's, where the data has it, else all."""
    return (PART,) if (dataset.manifest["part"] == PART).any() else ()


def config(experiment: Experiment, dataset: Dataset, length: Length, seed: int) -> TrainConfig:
    """Return the settings of one run."""
    return report_2018(
        str(dataset.root),
        positive=dataset.positive,
        parts=parts(dataset),
        seed=seed,
        epochs=length.epochs,
        steps_per_epoch=length.steps,
        **experiment.changes,
    )


def name(experiment: str, data_hash: str, length: Length, seed: int) -> str:
    """Return the name of a run, which identifies it."""
    return f"report-{experiment}-{length.name}-seed{seed}-{data_hash[:6]}"


def find(runs: Sequence[Run], data_hash: str, length: Length) -> ExperimentRuns:
    """Return those of the runs that belong to an experiment on these data, of this length."""
    by_name = {run.name: run for run in runs}
    experiments = {}
    for experiment in BY_KEY:
        for seed in range(1, SEEDS + 1):
            run = by_name.get(name(experiment, data_hash, length, seed))
            if run:
                experiments[experiment, seed] = run
    return experiments


def start(dataset: Dataset, length: Length, seeds: int) -> None:
    """Queue every experiment that has no run, and resume those that were stopped.

    Args:
        dataset: the data.
        length: of the runs.
        seeds: number of runs of each, 1 to `SEEDS`; the first seeds are queued first.

    Raises:
        RunError: some runs cannot be resumed; the others were started anyway.
    """
    runs = find(run_folders.list_runs(), dataset.hash, length)
    refusals = []
    for seed in range(1, seeds + 1):
        for experiment in EXPERIMENTS:
            run = runs.get((experiment.key, seed))
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
    run_name = name(experiment.key, dataset.hash, length, seed)
    try:
        folder = run_folders.create(config(experiment, dataset, length, seed), run_name)
    except RunNameTaken:  # a second click, or another browser
        return
    run_labels.write(folder, run_labels.Labels(tags=(TAG,)))
    launcher.start_run(folder, more_epochs=length.more if experiment.goes_on else 0)


def stop(runs: ExperimentRuns) -> None:
    """Stop all active runs; they keep their work."""
    run_folders.stop_active(runs.values())


def steps_in_all(length: Length, seeds: int) -> int:
    """Return the number of training steps of all experiments together."""
    each = sum(length.epochs + (length.more if e.goes_on else 0) for e in EXPERIMENTS)
    return each * length.steps * seeds


def steps_done(runs: ExperimentRuns) -> int:
    """Return the number of training steps taken so far."""
    return sum(run.status.step for run in runs.values())


def to_go(runs: ExperimentRuns, length: Length, seeds: int) -> tuple[int, int]:
    """Return the number of unfinished runs of the first `seeds` seeds, and of their steps."""
    runs_left = steps_left = 0
    for experiment in EXPERIMENTS:
        epochs = length.epochs + (length.more if experiment.goes_on else 0)
        for seed in range(1, seeds + 1):
            run = runs.get((experiment.key, seed))
            if run is None or run.status.state is not State.FINISHED:
                runs_left += 1
                done = run.status.step if run else 0
                steps_left += max(0, epochs * length.steps - done)
    return runs_left, steps_left


# --- single studies -------------------------------------------------------------------------------


def both_labels(studies: pd.DataFrame, count: int = 2) -> list[str]:
    """Return patients of the valid split with a positive and a negative study, the first by name,
    without those who have films in the train split as well."""
    trained = studies.loc[studies["split"] == "train", "patient"]
    valid = studies[(studies["split"] == "valid") & ~studies["patient"].isin(trained)]
    kinds = valid.groupby("patient")["label"].nunique()
    return sorted(kinds[kinds == 2].index)[:count]
