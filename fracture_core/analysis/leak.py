"""Leak thermometer: how much of an accuracy comes from copies on both sides of a split.

Two short runs that differ in their training films alone: the split as given, and the honest one
without training films that have a copy, or a patient, among the films that both are evaluated on.
The paired difference of their accuracies on the same studies is the leak.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from fracture_core import words
from fracture_core.analysis import comparison
from fracture_core.audit import audit_job
from fracture_core.config.presets import demo
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog, exclusions, family_list
from fracture_core.datasets.catalog import Dataset
from fracture_core.datasets.exclusions import Exclusions
from fracture_core.datasets.family_list import FamilyList
from fracture_core.errors import DataError, FractureError
from fracture_core.folders import runs_folder
from fracture_core.jobs import launcher
from fracture_core.runs import journal, run_requests, run_status
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_labels import Labels
from fracture_core.verdicts import resampling
from fracture_core.verdicts.resampling import Interval

TAG = "leak thermometer"
EPOCHS = 10
MOST_STEPS = 300  # of an epoch: 3,000 films, so that a large set takes minutes as well
LEAST_FILMS = 20  # of the honest run: with fewer nothing is learned


@dataclass(frozen=True, kw_only=True)
class Leak:
    """Result of two runs, on the studies of one role.

    Args:
        role: "valid", or "dev" where the data have no valid split.
        given: accuracy of the run on the split as given, 0 to 1.
        honest: that of the other run.
        difference: of the two, paired by study; groups are families and patients.
        films: training films of both runs: given, honest.
        what: network, epochs and seed in words.
    """

    role: str
    given: float
    honest: float
    difference: Interval
    films: tuple[int, int]
    what: str

    @property
    def sentence(self) -> str:
        """The result in words, with its interval and n."""
        d, given, honest = self.difference, 100 * self.given, 100 * self.honest
        points = given - honest
        both = f"As given {given:.1f} %, honest {honest:.1f} % of {d.n:,} {self.role} studies"
        if d.low is None or d.high is None:
            few = "too few families and patients, or the same verdict on each study"
            return f"{both}: {few}, so nothing can be said about a leak."
        interval = f"95 % interval {100 * d.low:.1f} to {100 * d.high:.1f}"
        if d.low > 0:
            return (
                f"{both}: {points:.1f} points ({interval}) come from copies or patients that are "
                "on both sides of the split."
            )
        return f"{both}: no measurable leak, a difference of {points:.1f} points ({interval})."

    @property
    def details(self) -> str:
        """The runs behind it, in words."""
        given, honest = self.films
        return (
            f"{self.what}, evaluated after the last epoch. The honest run trained on {honest:,} "
            f"of the {given:,} training films, for as many steps."
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The two runs before they are started.

    Args:
        given: settings of the run on the split as given.
        role: the films that both are evaluated on: "valid", or "dev" without a valid split.
        films: number of training films as given.
        leaked: paths of those with a copy, or a patient, among the evaluated films.
        labels: number of labels among the other training films.
    """

    given: TrainConfig
    role: str
    films: int
    leaked: tuple[str, ...]
    labels: int

    @property
    def sentence(self) -> str:
        """The share of leaked films in words."""
        return (
            f"{len(self.leaked):,} of {words.plural(self.films, 'training film')} have a copy or "
            f"a patient among the {self.role} films, as far as the audit can tell."
        )

    @property
    def refusal(self) -> str:
        """Reason why the runs cannot be made, a sentence; "" if they can."""
        left = self.films - len(self.leaked)
        if not self.leaked:
            return "There is no leak to measure."
        if left < LEAST_FILMS or self.labels < 2:
            return (
                f"The other {left:,} are too few to train on, or have one label: train with "
                "families kept on one side instead."
            )
        return ""


def audited_families(dataset: Dataset) -> FamilyList:
    """Return the families that the last audit of a data set found, perhaps none.

    Raises:
        DataError: it was not audited, so that nothing is known about copies.
    """
    file = family_list.file_of(dataset.hash)
    if file.is_file():
        return family_list.read(file)
    if (audit_job.folder_of(dataset.hash) / audit_job.RESULT).is_file():
        return FamilyList()
    raise DataError(
        f"{dataset.root.name} was not audited, so nothing is known about copies. Run the audit "
        "first."
    )


def leaked(manifest: pd.DataFrame, families: FamilyList, role: str, roles: pd.Series) -> pd.Series:
    """Return which training films have a copy, or a patient, among the films of a role, bool."""
    family = manifest["path"].map(dict(families.families))
    evaluated = roles == role
    copies = family.isin(family[evaluated & family.notna()])
    patients = manifest["patient"].isin(manifest.loc[evaluated, "patient"])
    return (roles == "train") & (copies | patients)


def plan(dataset: Dataset, families: FamilyList) -> Plan:
    """Return what the two runs would be."""
    manifest = dataset.manifest
    given = demo(str(dataset.root), positive=dataset.positive, table=dataset.table, epochs=EPOCHS)
    role = "valid" if (manifest["split"] == "valid").any() else "dev"
    if role == "valid":
        given = replace(given, dev_share=0.0)  # valid films are what is evaluated
    roles = catalog.assign_roles(manifest, given.dev_share, given.seed)
    out, train = leaked(manifest, families, role, roles), roles == "train"
    steps = min(MOST_STEPS, max(1, int(train.sum()) // given.batch_size))
    return Plan(
        given=replace(given, steps_per_epoch=steps),
        role=role,
        films=int(train.sum()),
        leaked=tuple(manifest.loc[out, "path"]),
        labels=manifest.loc[train & ~out, "label"].nunique(),
    )


def start(dataset: Dataset, families: FamilyList, token: str) -> tuple[Path, Path]:
    """Queue both runs, and return their folders: given, honest.

    Args:
        dataset: the data.
        families: of its films, as the audit found them.
        token: end of the runs' names; a taken one is refused.

    Raises:
        DataError: there is nothing to measure, or too little is left to train on.
        WriteFailed: the list of leaked films cannot be written.
        RunNameTaken: they have been started, as by a double click.
    """
    both = plan(dataset, families)
    if both.refusal:
        raise DataError(f"{both.sentence} {both.refusal}")
    value = Exclusions(reasons=dict.fromkeys(both.leaked, f"copy among {both.role} films"))
    file = runs_folder() / ".leaks" / f"{dataset.hash}-{value.hash}.csv"
    exclusions.write(file, value)
    honest = replace(both.given, exclude=str(file))
    labels = Labels(tags=(TAG,))
    first = launcher.create_and_start(both.given, f"leak-given-{token}", labels=labels)
    try:
        second = launcher.create_and_start(honest, f"leak-honest-{token}", labels=labels)
    except FractureError:
        run_requests.send(first, "stop")  # alone it says nothing
        raise
    return first, second


def newest(runs: Sequence[Run], dataset: Dataset) -> tuple[Run, Run] | None:
    """Return the newest pair of runs on a data set, given and honest; `None` if none.

    A run that has not read its films yet is known by its folder alone.
    """
    by_name = {
        run.name: run
        for run in runs
        if run.config.data == str(dataset.root) and run.data.hash in (None, dataset.hash)
    }
    pairs = [
        (run, by_name[other])
        for name, run in by_name.items()
        if name.startswith("leak-given-")
        and (other := name.replace("given", "honest", 1)) in by_name
    ]
    return max(pairs, key=lambda pair: str(pair[0].facts.get("created", "")), default=None)


def measure(given: Run, honest: Run, dataset: Dataset, families: FamilyList) -> Leak:
    """Return the leak by two finished runs, after the last epoch that both have.

    Raises:
        DataError: they are no pair, or have no epoch yet.
        RunError: a prediction table is missing or damaged.
    """
    sides = [run_status.read(run.folder).epoch for run in (given, honest)]
    epoch = min(sides)
    if not epoch or not comparison.same_data(given, honest) or given.data.hash != dataset.hash:
        raise DataError("Both runs need an epoch, on the data in use. Measure the leak again.")
    verdicts = [comparison.verdicts(run, epoch) for run in (given, honest)]
    role = "valid" if (verdicts[0]["role"] == "valid").any() else "dev"
    one, two = (table[table["role"] == role].set_index("key") for table in verdicts)
    one, two = one[one["right"].notna()], two[two["right"].notna()]
    both = one.index.intersection(two.index)
    right = [table.loc[both, "right"].astype(float) for table in (one, two)]
    unit = family_list.units(dataset.manifest, families)
    groups = one.loc[both, "patient"].map(unit)
    given_films, honest_films = (
        int((journal.films(run.folder)["role"] == "train").sum()) for run in (given, honest)
    )
    return Leak(
        role=role,
        given=float(right[0].mean()),
        honest=float(right[1].mean()),
        difference=resampling.mean(right[0] - right[1], groups),
        films=(given_films, honest_films),
        what=f"{given.config.network}, {words.plural(epoch, 'epoch')}, seed {given.config.seed}",
    )
