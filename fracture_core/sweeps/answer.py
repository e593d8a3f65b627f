"""Answer of a sweep: the accuracy of every combination, and what can be told apart, in words."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fracture_core.analysis import comparison
from fracture_core.epochs import predictions
from fracture_core.errors import RunError
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State
from fracture_core.sweeps import contrasts
from fracture_core.sweeps.axes import Axis
from fracture_core.sweeps.contrasts import Contrast, Results
from fracture_core.sweeps.sweep import Sweep
from fracture_core.verdicts import resampling
from fracture_core.verdicts.resampling import Interval

Tables = Mapping[tuple[int, int], pd.DataFrame]  # verdicts by combination and seed, from 1


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two values of a setting, the one with the higher accuracy first.

    Args:
        path: of the setting.
        better, worse: its two values.
        difference: of their accuracies, at least 0.
    """

    path: str
    better: Any
    worse: Any
    difference: Contrast


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Result of a sweep.

    Args:
        role: "dev" or "valid", the studies that it rests on.
        seeds: number of seeds that all combinations have finished.
        studies: number of different studies.
        patients: number of their patients.
        accuracies: of each combination, with an interval over patients, by its number.
        by_seed: float64 (combinations, seeds).
        pairs: every two values of each setting.
        by_chance: see `contrasts.best_by_chance`.
    """

    role: str
    seeds: int
    studies: int
    patients: int
    accuracies: Mapping[int, Interval]
    by_seed: np.ndarray
    pairs: tuple[Pair, ...]
    by_chance: float | None

    @property
    def best(self) -> int:
        """Number of the combination with the highest accuracy."""
        return max(self.accuracies, key=lambda number: self.accuracies[number].value or 0.0)


def tables(value: Sweep, runs: Sequence[Run]) -> Tables:
    """Return the verdicts of every finished run at its best epoch, see `comparison.verdicts`.

    Raises:
        RunError: films or predictions of a run are missing or damaged.
    """
    places, found = value.places, {}
    for run in runs:
        if run.status.state is not State.FINISHED:
            continue
        if (epoch := predictions.best_epoch(run.folder)) is None:
            raise RunError(f"{run.name} has no whole epoch. Delete it and resume {value.name}.")
        found[places[run.name]] = comparison.verdicts(run, epoch)
    return found


def roles(verdicts: Tables) -> list[str]:
    """Return the roles whose studies all runs have evaluated: "dev" first, then "valid"."""
    own = [set(table["role"]) for table in verdicts.values()]
    return [role for role in predictions.ROLES if own and all(role in each for each in own)]


def of_tables(value: Sweep, verdicts: Tables, role: str) -> Answer | str:
    """Return the answer of the seeds that all combinations have finished.

    Args:
        value: the sweep.
        verdicts: of `tables`.
        role: "dev" or "valid".

    Returns:
        A sentence, where there is no answer yet.
    """
    numbers = range(1, len(value.combinations) + 1)
    whole = whole_seeds(value, verdicts)
    if not whole:
        return "An answer follows when every combination has finished with one seed."
    results, keys = shared_results(verdicts, list(numbers), whole, role)
    if not len(results.seeds):
        return f"The runs have no {role} study in common."
    accuracies = {number: _accuracy(results, number) for number in numbers}
    return Answer(
        role=role,
        seeds=len(whole),
        studies=keys,
        patients=len(np.unique(results.patients)),
        accuracies=accuracies,
        by_seed=results.by_seed(),
        pairs=_pairs(value, results),
        by_chance=contrasts.best_by_chance(results),
    )


def whole_seeds(value: Sweep, verdicts: Tables) -> list[int]:
    """Return the seeds, from 1, that all combinations have finished."""
    numbers = range(1, len(value.combinations) + 1)
    return [
        seed
        for seed in range(1, value.seeds + 1)
        if all((number, seed) in verdicts for number in numbers)
    ]


def shared_results(
    verdicts: Tables, numbers: list[int], seeds: list[int], role: str
) -> tuple[Results, int]:
    """Return the verdicts on the cases that all combinations share, and how many there are.

    Args:
        verdicts: by combination and seed: role, key, patient, label, images and right of each case.
        numbers: of the combinations, in order.
        seeds: from 1, which all of them have finished.
        role: "dev" or "valid".
    """
    same = ["key", "patient", "label", "images"]  # with a film left out, it is not the same study
    columns, of_seed = [], []
    patients: list[str] = []
    keys: list[str] = []
    for seed in seeds:
        sides = []
        for number in numbers:
            table = verdicts[number, seed]
            own = table[(table["role"] == role) & table["right"].notna()]
            sides.append(own.set_index(same)["right"].astype(float).rename(str(number)))
        both = pd.concat(sides, axis=1, join="inner")
        columns.append(both.to_numpy().T)
        of_seed.append(np.full(len(both), seed))
        patients.extend(both.index.get_level_values("patient"))
        keys.extend(both.index.get_level_values("key"))
    codes, _ = resampling.group_numbers(patients)
    results = Results(
        right=np.concatenate(columns, axis=1), seeds=np.concatenate(of_seed), patients=codes
    )
    return results, len(set(keys))


def _accuracy(results: Results, number: int) -> Interval:
    """Return a combination's accuracy with an interval over patients, of these networks."""
    right = results.right[number - 1]
    return resampling.mean(right, results.patients)


def _pairs(value: Sweep, results: Results) -> tuple[Pair, ...]:
    """Return every two values of each setting, averaged over the other settings."""
    two = [(axis, *pair) for axis in value.axes for pair in itertools.combinations(axis.values, 2)]
    return tuple(_pair(value, results, *each, len(two)) for each in two)


def _pair(
    value: Sweep, results: Results, axis: Axis, one: Any, other: Any, comparisons: int
) -> Pair:
    has = [
        np.array([own[axis.path] == level for own in value.combinations]) for level in (one, other)
    ]
    coefficients = has[0] / has[0].sum() - has[1] / has[1].sum()
    gap = contrasts.contrast(results, coefficients, comparisons)
    if gap.value < 0:
        one, other, gap = other, one, gap.reversed()
    return Pair(path=axis.path, better=one, worse=other, difference=gap)
