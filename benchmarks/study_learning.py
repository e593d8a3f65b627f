"""Learning from films against learning from studies, on a phantom that knows each film's truth.

    python benchmarks/study_learning.py [--hidden 60] [--studies 400] [--seeds 5] [--epochs 20]
                                        [--network three_conv] [--size 32] [--runs KEPT]

Trains the same network with a loss per film and with a loss per study by each pooling, on one
phantom, and predicts every film of another with the epoch of the lowest dev loss. Of a positive
study some films show nothing: the phantom's index says which. The phantom hides a break on 15 % of
the views if another one shows it; --hidden asks for another share of both phantoms. Prints, for
docs/experiments.md, the mean over seeds of each figure, and its difference from learning by films,
paired by seed, both with Student's 95 % interval:

films: AUROC of a film's probability against whether the film itself shows a break. films of
positive studies: the same among these alone, where no label told the network which is which.
studies: AUROC of a study's greatest probability. kappa: of the OR rule at the run's threshold.
positive: share of studies that OR calls positive. pointing: share of films with a break whose
Grad-CAM peaks in it (see pointing.py).

With --runs, finished runs are kept there and used again, so that a stopped command goes on.
"""

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.pointing import pointing_game
from fracture_core.config.film_settings import PixelRecipe
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog
from fracture_core.explanations import heat_maps
from fracture_core.films import pixel_cache
from fracture_core.folders import cache_folder
from fracture_core.jobs.worker import Worker
from fracture_core.models import stored_models
from fracture_core.phantom import phantom_set, study_plan
from fracture_core.prediction.inference import Predictor
from fracture_core.runs import journal, run_folders
from fracture_core.training import loop
from fracture_core.training_films import preparation
from fracture_core.verdicts import aggregation, closed_intervals, metrics

OTHER_SEED = 7  # of the phantom that is predicted
WAYS: dict[str, dict[str, Any]] = {
    "films": {},
    "studies, maximum": {"learn_from": "studies", "pooling": "maximum"},
    "studies, noisy-OR": {"learn_from": "studies", "pooling": "noisy_or"},
    "studies, mean": {"learn_from": "studies", "pooling": "mean"},
    "studies, attention": {"learn_from": "studies", "pooling": "attention"},
}


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Figures of one run, each from 0 to 1 but kappa, from -1, and the epoch, from 1."""

    films: float
    films_of_positive_studies: float
    studies: float
    kappa: float
    positive: float
    pointing: float
    epoch: int


def main() -> None:
    """Train, predict, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    usual = round(100 * study_plan.HIDDEN)
    parser.add_argument("--hidden", type=int, default=usual, help=f"percent of views ({usual})")
    parser.add_argument("--studies", type=int, default=400, help="of each phantom")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--network", default="three_conv")
    parser.add_argument("--size", type=int, default=32, help="of the input, in px")
    parser.add_argument("--runs", type=Path, help="folder that keeps films and runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = (options.runs or Path(name)).absolute()
        os.environ |= {"FRACTURE_RUNS": f"{home}/runs", "FRACTURE_CACHE": f"{home}/cache"}
        study_plan.HIDDEN = options.hidden / 100  # of what is drawn from now on
        root, other = home / "films", home / "other"
        phantom_set.make(root, studies=options.studies, seed=0)
        phantom_set.make(other, studies=options.studies, seed=OTHER_SEED)
        print_films(other)
        loop.set_threads(1)
        results: dict[str, list[Figures]] = {way: [] for way in WAYS}
        for seed in range(1, options.seeds + 1):  # by seed first: a stopped command is balanced
            for way in WAYS:
                results[way].append(predict(train(root, way, seed, options), other))
                print(way, seed, results[way][-1], file=sys.stderr, flush=True)
        print_table(results)


def train(root: Path, way: str, seed: int, options: argparse.Namespace) -> Path:
    """Return the folder of a run that has finished, by now or before."""
    name = f"{way.replace(', ', '-').lower()}-{seed}"
    if run_folders.exists(name):
        folder = run_folders.find(name)
    else:
        config = TrainConfig(
            data=str(root),
            architecture=options.network,
            seed=seed,
            epochs=options.epochs,
            threads=1,
            recipe=PixelRecipe(size=options.size),
            **WAYS[way],
        )
        folder = run_folders.create(config, name)
    worker = Worker(folder)
    films, pixels = preparation.prepare(folder, worker)
    loop.train(folder, films, pixels, worker)
    return folder


def predict(folder: Path, other: Path) -> Figures:
    """Return a run's figures at its best epoch, on all films of the other phantom."""
    epoch = journal.best_epoch(folder)
    predictor = Predictor(stored_models.find(f"{folder.name}@{epoch}"))
    manifest, breaks = catalog.read(other).manifest, phantom_set.breaks(other)
    paths = manifest["path"].tolist()
    cache = pixel_cache.of_films(other, paths, predictor.recipe, cache_folder() / "pixels")
    probabilities = predictor.probabilities(cache.pixels)
    shows = manifest["path"].map(lambda path: bool(breaks[path])).to_numpy()
    of_positive = (manifest["label"] == 1).to_numpy()
    verdicts = aggregation.verdicts(manifest, probabilities, predictor.model.card.threshold)
    called, truth = verdicts["verdict"].to_numpy(bool), verdicts["label"].to_numpy()
    kappa = metrics.summarise(truth, called).kappa
    broken = {path: marks for path, marks in breaks.items() if marks}
    pointing = pointing_game(predictor, other, broken, heat_maps.grad_cam)
    return Figures(
        films=metrics.auroc(shows, probabilities) or 0.0,
        films_of_positive_studies=metrics.auroc(shows[of_positive], probabilities[of_positive])
        or 0.0,
        studies=metrics.auroc(truth, verdicts["score"]) or 0.0,
        kappa=kappa or 0.0,
        positive=float(called.mean()),
        pointing=pointing.hits.value or 0.0,
        epoch=epoch or 0,
    )


def print_films(other: Path) -> None:
    """Print the numbers of films and studies, and of films that show their study's break."""
    manifest, breaks = catalog.read(other).manifest, phantom_set.breaks(other)
    shows = manifest["path"].map(lambda path: bool(breaks[path]))
    positive, studies = manifest["label"] == 1, catalog.studies(manifest)
    print(
        f"Judged: {len(manifest):,} films of {len(studies)} studies, {int(studies['label'].sum())} "
        f"of them positive; of their {int(positive.sum())} films {int(shows[positive].sum())} "
        "show the break.\n"
    )


def print_table(results: dict[str, list[Figures]]) -> None:
    """Print each way's means, and the differences from learning by films."""
    names = [field.name for field in fields(Figures)]
    frames = {
        way: pd.DataFrame([[getattr(f, n) for n in names] for f in figures], columns=names)
        for way, figures in results.items()
    }
    print("| learns from | " + " | ".join(name.replace("_", " ") for name in names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for way, frame in frames.items():
        print(f"| {way} | " + " | ".join(spoken(frame[name]) for name in names) + " |")
    for way, frame in list(frames.items())[1:]:
        cells = [spoken(frame[name] - frames["films"][name]) for name in names]
        print(f"| {way}, less films | " + " | ".join(cells) + " |")


def spoken(values: pd.Series) -> str:
    """Return a mean over seeds with its interval."""
    found = closed_intervals.mean(np.asarray(values, float))
    shown = [f"{value:.3f}" for value in (found.value, found.low, found.high) if value is not None]
    return shown[0] if len(shown) < 3 else f"{shown[0]} ({shown[1]} to {shown[2]})"


if __name__ == "__main__":
    main()
