"""Learning curve over training size: the same run on rising shares of the patients.

It is a sweep of one setting, the training share, so that it starts, stops, resumes and is deleted
as every sweep is. Here its runs become points, and the points a forecast, or a reason for none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fracture_core.config.train_config import TrainConfig
from fracture_core.epochs import predictions
from fracture_core.errors import ConfigError
from fracture_core.learning_curve import power_law
from fracture_core.learning_curve.power_law import FEWEST_SEEDS, FEWEST_SIZES, MISFIT, Laws
from fracture_core.runs import journal
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State
from fracture_core.sweeps import answer, sweep, sweep_words
from fracture_core.sweeps.answer import Answer, Tables
from fracture_core.sweeps.axes import Axis
from fracture_core.sweeps.contrasts import Contrast, Results
from fracture_core.sweeps.sweep import Sweep
from fracture_core.verdicts import aggregation, resampling
from fracture_core.verdicts.resampling import Interval

PATH = "training_share"  # the setting that varies
SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)
SEEDS = 3
LEVELS = ("studies", "films")  # whose accuracy is forecast
FACTORS = (2, 4)  # times the films
WIDEST = 0.4  # of the present error; laws that have seen no points span .62 of it at twice


@dataclass(frozen=True, kw_only=True)
class Point:
    """Result at one share of the patients.

    Args:
        share: of the training patients.
        films: number of training films, the mean over seeds.
        accuracy: with an interval over patients; its `n` counts a study or film once per seed.
        by_seed: accuracy of each seed.
    """

    share: float
    films: float
    accuracy: Interval
    by_seed: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Level:
    """Points and forecast of the accuracy on studies or on films.

    Args:
        points: by rising share.
        laws: power laws that fit; `None` where none were sought.
        gains: accuracy that so many times the films would bring, by factor of `FACTORS`; those
            whose band is too wide are missing.
        refusal: reason why there is no forecast, as a sentence; "" where there is one.
    """

    points: tuple[Point, ...]
    laws: Laws | None
    gains: Mapping[int, Contrast]
    refusal: str


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Learning curve of the seeds that have finished with every share.

    Args:
        answer: of the sweep; its combinations are the shares.
        levels: of each of `LEVELS`.
    """

    answer: Answer
    levels: Mapping[str, Level]


def plan(
    config: TrainConfig,
    seeds: int = SEEDS,
    name: str = "learning-curve",
    shares: Sequence[float] = SHARES,
) -> Sweep:
    """Return a learning curve that is not kept anywhere yet; errors as in `sweep.plan`.

    Args:
        config: settings that all runs share.
        seeds: trainings at each share.
        name: of the group.
        shares: of the training patients, 0.01 to 1, `FEWEST_SIZES` at least.
    """
    if len(shares) < FEWEST_SIZES:
        received = ", ".join(f"{share:.0%}" for share in shares)
        raise ConfigError(
            f"A learning curve needs {FEWEST_SIZES} shares at least; received {received}. Add some."
        )
    return sweep.plan(config, [Axis(path=PATH, values=tuple(sorted(shares)))], seeds, name)


def is_one(value: Sweep) -> bool:
    """Tell whether a sweep is a learning curve: only the training share varies."""
    return [axis.path for axis in value.axes] == [PATH]


def of_runs(value: Sweep, runs: Sequence[Run], studies: Tables, role: str) -> Curve | str:
    """Return the learning curve of a sweep's finished runs.

    Args:
        value: the sweep, see `is_one`.
        runs: those that it has.
        studies: their `answer.tables`.
        role: "dev" or "valid".

    Returns:
        A sentence, where no seed has finished with every share.

    Raises:
        RunError: films or predictions of a run are missing or damaged.
    """
    own = answer.of_tables(value, studies, role)
    if isinstance(own, str):
        return own
    films, sizes = film_verdicts(value, runs)
    seeds = answer.whole_seeds(value, studies)
    numbers = list(range(1, len(value.combinations) + 1))
    shares = [float(each[PATH]) for each in value.combinations]
    order = np.argsort(shares)
    mean_sizes = np.array([np.mean([sizes[n, seed] for seed in seeds]) for n in numbers])[order]
    levels = {}
    for level, tables in zip(LEVELS, (studies, films), strict=True):
        results, _ = answer.shared_results(tables, numbers, seeds, role)
        rising = Results(right=results.right[order], seeds=results.seeds, patients=results.patients)
        levels[level] = of_results(rising, [shares[each] for each in order], mean_sizes)
    return Curve(answer=own, levels=levels)


def of_results(results: Results, shares: Sequence[float], sizes: np.ndarray) -> Level:
    """Return points and forecast of right and wrong verdicts.

    Args:
        results: a combination per share.
        shares: of the training patients, rising.
        sizes: float64 (shares,), numbers of training films.
    """
    by_seed = results.by_seed()
    points = tuple(
        Point(
            share=share,
            films=float(size),
            accuracy=resampling.mean(right, results.patients),
            by_seed=tuple(own.tolist()),
        )
        for share, size, right, own in zip(shares, sizes, results.right, by_seed, strict=True)
    )
    if refusal := _too_little(by_seed.shape[1], sizes):
        return Level(points=points, laws=None, gains={}, refusal=refusal)
    measured = power_law.measure(results, sizes)
    laws, trend = power_law.fit(measured), power_law.trend(measured)
    gains = {factor: laws.gain(factor) for factor in FACTORS}
    present = float(measured.errors[-1])
    refusal = _not_falling(trend, sizes) or _misfit(laws) or _wide(gains[FACTORS[0]], present)
    narrow = {} if refusal else {f: own for f, own in gains.items() if not _wide(own, present)}
    return Level(points=points, laws=laws, gains=narrow, refusal=refusal)


def film_verdicts(value: Sweep, runs: Sequence[Run]) -> tuple[Tables, dict[tuple[int, int], int]]:
    """Return the verdict on each film by every finished run, and its number of training films."""
    places, tables, sizes = value.places, {}, {}
    for run in runs:
        epoch = predictions.best_epoch(run.folder)
        if run.status.state is not State.FINISHED or epoch is None:
            continue
        films = journal.films(run.folder)
        own = predictions.predicted_films(films)
        scores = predictions.load(run.folder, epoch, len(own))
        positive = aggregation.is_positive(scores, run.config.threshold)
        right = pd.Series(positive == (own["label"] == 1), dtype="boolean").mask(np.isnan(scores))
        tables[places[run.name]] = own.assign(key=own["path"], images=1, right=right)
        sizes[places[run.name]] = int((films["role"] == "train").sum())
    return tables, sizes


# --- reasons for no forecast ----------------------------------------------------------------------


def _too_little(seeds: int, sizes: np.ndarray) -> str:
    if seeds < FEWEST_SEEDS:
        return (
            "No forecast: one seed does not show how much another training would differ. A "
            "forecast needs two seeds with all shares finished."
        )
    if len(np.unique(sizes)) < max(FEWEST_SIZES, len(sizes)):
        return (
            f"No forecast: a curve needs {FEWEST_SIZES} different numbers of films; these are "
            f"{', '.join(f'{size:,.0f}' for size in sizes)}."
        )
    return ""


def _not_falling(trend: Contrast, sizes: np.ndarray) -> str:
    if trend.low is not None and trend.low > 0:
        return ""
    return (
        "No forecast: accuracy does not clearly rise with more films. From "
        f"{sizes[0]:,.0f} to {sizes[-1]:,.0f} films it gains {sweep_words.difference(trend)}."
    )


def _misfit(laws: Laws) -> str:
    if laws.misfit >= MISFIT:
        return ""
    return (
        "No forecast: the points follow no power law; if they did, points this far from one would "
        f"have a chance of {laws.misfit:.1%}."
    )


def _wide(gain: Contrast, present: float) -> str:
    """Return the reason against a forecast with too wide a band; "" for a narrow one."""
    if gain.low is not None and gain.high is not None and gain.high - gain.low <= WIDEST * present:
        return ""
    return (
        f"No forecast: the band is too wide. Twice the films would bring "
        f"{sweep_words.difference(gain)}, a band of more than {WIDEST:.0%} of the present error, "
        f"{100 * present:.1f} %."
    )
