"""Forecasts of a learning curve against the networks that had the films.

    python benchmarks/learning_curve.py [--studies 1600] [--phantoms 10] [--seeds 3] [--epochs 20]
                                        [--network three_conv] [--size 32] [--runs KEPT]

Draws phantoms, and takes a quarter of each one's training patients for all there are: the learning
curve is that of 10, 20, 40, 70 and 100 % of the quarter. The missing films are there, so the same
run on half and on all of the patients says what twice and four times the films bring. All of a
phantom's runs evaluate the same valid studies. Prints, for each phantom, the forecast with its band
and the measured gain, and how many bands held it. The measured gain has chance of its own, from as
many seeds, so that a band of 95 % holds it less often than the true one.

With --runs, films and finished runs are kept there and used again, so that a stopped command goes
on.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fracture_core.config.film_settings import PixelRecipe
from fracture_core.config.train_config import TrainConfig
from fracture_core.jobs.worker import Worker
from fracture_core.learning_curve import curve
from fracture_core.phantom import phantom_set
from fracture_core.runs import run_folders
from fracture_core.runs.run_folders import Run
from fracture_core.sweeps import answer, sweep_words
from fracture_core.sweeps.contrasts import Results
from fracture_core.sweeps.sweep import Sweep
from fracture_core.training import loop
from fracture_core.training_films import preparation

PART = 0.25  # of the patients, taken for all there are
SHARES = (*(PART * share for share in curve.SHARES), *(PART * times for times in curve.FACTORS))


def main() -> None:
    """Draw, train, forecast, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=1600, help="of each phantom")
    parser.add_argument("--phantoms", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--network", default="three_conv")
    parser.add_argument("--size", type=int, default=32, help="of the input, in px")
    parser.add_argument("--runs", type=Path, help="folder that keeps films and runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = (options.runs or Path(name)).absolute()
        os.environ |= {"FRACTURE_RUNS": f"{home}/runs", "FRACTURE_CACHE": f"{home}/cache"}
        loop.set_threads(1)
        held: dict[tuple[str, int], list[bool]] = {
            (level, factor): [] for level in curve.LEVELS for factor in curve.FACTORS
        }
        for number in range(options.phantoms):
            root = home / f"films-{number}"
            phantom_set.make(root, studies=options.studies, seed=number)
            value = curve.plan(config(root, options), options.seeds, f"phantom-{number}", SHARES)
            runs = [trained(name, own) for name, own in value.planned.items()]
            compare(value, runs, held)
    for (level, factor), own in held.items():
        print(f"{level}, {factor} times the films: {sum(own)} of {len(own)} bands held the gain")


def config(root: Path, options: argparse.Namespace) -> TrainConfig:
    """Return the settings that all runs of a phantom share."""
    return TrainConfig(
        data=str(root),
        architecture=options.network,
        epochs=options.epochs,
        threads=1,
        recipe=PixelRecipe(size=options.size),
    )


def trained(name: str, own: TrainConfig) -> Run:
    """Return a run that has finished, by now or before."""
    exists = run_folders.exists(name)
    folder = run_folders.find(name) if exists else run_folders.create(own, name)
    worker = Worker(folder)
    films, pixels = preparation.prepare(folder, worker)
    loop.train(folder, films, pixels, worker)
    print(name, file=sys.stderr, flush=True)
    return run_folders.read(folder)


def compare(value: Sweep, runs: list[Run], held: dict[tuple[str, int], list[bool]]) -> None:
    """Print the forecasts of one phantom beside the measured gains; add whether the bands held."""
    films, sizes = curve.film_verdicts(value, runs)
    numbers, seeds = list(range(1, len(SHARES) + 1)), list(range(1, value.seeds + 1))
    asked = np.array([np.mean([sizes[n, seed] for seed in seeds]) for n in numbers])
    known = len(curve.SHARES)
    for level, tables in zip(curve.LEVELS, (answer.tables(value, runs), films), strict=True):
        results, _ = answer.shared_results(tables, numbers, seeds, "valid")
        seen = Results(right=results.right[:known], seeds=results.seeds, patients=results.patients)
        forecast = curve.of_results(seen, curve.SHARES, asked[:known])
        accuracies = results.by_seed().mean(axis=1)
        print(f"{value.name}, {level}: {np.round(100 * accuracies, 1)} % of {asked.round()} films")
        if forecast.refusal:
            print(f"  {forecast.refusal}")
        for place, factor in enumerate(curve.FACTORS):
            gain = accuracies[known + place] - accuracies[known - 1]
            if band := forecast.gains.get(factor):
                inside = (band.low or 0.0) <= gain <= (band.high or 0.0)
                held[level, factor].append(bool(inside))
                said, brought = sweep_words.difference(band), sweep_words.points(gain)
                print(f"  {factor} times: {said}; brought {brought}: {'held' if inside else 'no'}")


if __name__ == "__main__":
    main()
