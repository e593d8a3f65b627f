"""Share of a curve's fluctuation that comes from batch normalization's running averages.

    python benchmarks/normalization.py [--parts samples curves] [--seeds 5] [--epochs 20]
                                       [--networks three_conv five_conv] [--size 64]
                                       [--films 256] [--samples 16]

Trains `one_conv`, `three_conv` and `five_conv` as the 2018 report did, 100 steps an epoch, and
`all_conv` with its defaults, on the phantom, with running averages; then evaluates the very same
weights with recomputed ones. Prints, for docs/experiments.md:

samples: how far the accuracy on all films of another phantom lies apart between samples of training
films, drawn with replacement as from a set without end, by how many films they hold. curves:
accuracy on the valid films after some epochs, its mean change from one epoch to the next, and what
the epoch of the lowest dev loss is worth, for both ways of averaging: means over seeds with
Student's 95 % interval.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fracture_core.analysis import fluctuation
from fracture_core.config import presets
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog
from fracture_core.films import pixel_cache
from fracture_core.folders import cache_folder
from fracture_core.jobs import launcher
from fracture_core.networks.architectures import ARCHITECTURES
from fracture_core.phantom import phantom_set
from fracture_core.runs import journal, run_folders, run_status
from fracture_core.training import averages_job
from fracture_core.verdicts.closed_intervals import Mean, mean

STUDIES = 400
AT = (1, 2, 3, 5, 10, 15, 20)  # epochs of the table
SIZES = (128, 256, 512, 1_024)  # films of a sample
LOOKED_AT = (1, 2, 6)  # epochs whose weights are tried
PATIENCE = 5  # epochs without a lower dev loss, of an early stopping that is tried on the curves
REPORTS = ("one_conv", "three_conv", "five_conv")


def main() -> None:
    """Train, evaluate again, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", default=["samples", "curves"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--networks", nargs="+", default=list(ARCHITECTURES))
    parser.add_argument("--size", type=int, default=32, help="of the input, in px")
    parser.add_argument("--films", nargs="+", type=int, default=SIZES, help="of a sample")
    parser.add_argument("--samples", type=int, default=16, help="of each number of films")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        os.environ |= {"FRACTURE_RUNS": f"{home}/runs", "FRACTURE_CACHE": f"{home}/cache"}
        root, other = home / "films", home / "other"
        phantom_set.make(root, studies=STUDIES, seed=0)
        trained = dict(train(root, options))
        if "samples" in options.parts:
            phantom_set.make(other, studies=STUDIES, seed=7)
            folders = {name: found[0] for name, found in trained.items()}
            print_samples(folders, other, options)
        if "curves" in options.parts:
            print_curves(trained)


def train(root: Path, options: argparse.Namespace) -> Iterator[tuple[str, list[Path]]]:
    """The runs of each network, one a seed, one a core at once."""
    folders = {
        name: [
            launcher.create_and_start(settings(name, root, seed, options), f"{name}-{seed}")
            for seed in range(1, options.seeds + 1)
        ]
        for name in options.networks
    }
    for name, found in folders.items():
        for folder in found:
            if (status := launcher.wait(folder)).state is not run_status.State.FINISHED:
                raise SystemExit(status.message)
        yield name, found


def settings(name: str, root: Path, seed: int, options: argparse.Namespace) -> TrainConfig:
    """The report's settings for the report's networks, else the defaults, with a dev share."""
    changes = {"architecture": name, "seed": seed, "epochs": options.epochs, "threads": 1}
    if name in REPORTS:
        made = presets.report_2018(str(root), steps_per_epoch=100, dev_share=0.15, **changes)
    else:
        made = TrainConfig(data=str(root), normalization="running", **changes)
    return replace(made, recipe=replace(made.recipe, size=options.size))


def print_samples(folders: dict[str, Path], other: Path, options: argparse.Namespace) -> None:
    """Spread of the accuracy between samples, in points, by their size."""
    from fracture_core.epochs import epoch_weights
    from fracture_core.learners.learner import make_network
    from fracture_core.networks import network_weights
    from fracture_core.training import averages, steps

    heads = " | ".join(f"{size:,}" for size in options.films)
    print(f"| network, epoch | films | {heads} |", flush=True)
    for name, folder in folders.items():
        run = run_folders.read(folder)
        films, pixels = averages_job._films(run)
        learned = pixels[(films["role"] == "train").to_numpy()]
        manifest = catalog.read(other).manifest
        cache = pixel_cache.of_films(
            other, manifest["path"].tolist(), run.config.recipe, cache_folder() / "pixels"
        )
        network = make_network(run.config)
        predict, recompute = steps.make_predict(network), averages.make_recompute(network)
        for epoch in [each for each in LOOKED_AT if each <= run.config.epochs]:
            weights = epoch_weights.find(folder / "checkpoints", epoch)
            network_weights.load_weights(network, weights)
            spreads = []
            for size in options.films:
                right = []
                for number in range(options.samples):
                    rows = np.random.default_rng(number).integers(0, len(learned), size)
                    recompute(learned[rows], lambda: False)
                    right.append(np.mean((predict(cache.pixels) > 0.5) == manifest["label"]))
                spreads.append(100 * np.std(right, ddof=1))
            words = " | ".join(f"{spread:.2f}" for spread in spreads)
            print(f"| {name}, {epoch} | {len(manifest):,} | {words} |", flush=True)


def print_curves(trained: dict[str, list[Path]]) -> None:
    """Both curves of each network, side by side."""
    for name, folders in trained.items():
        both: dict[str, list[pd.DataFrame]] = {"running": [], "recomputed": []}
        for folder in folders:
            run = run_folders.read(folder)
            averages_job.complete(run, lambda: None)
            both["running"].append(journal.metrics(folder))
            both["recomputed"].append(averages_job.curve(run))
        n = int(both["running"][0]["valid.n"].iloc[0])
        at = [epoch for epoch in AT if epoch <= len(both["running"][0])]
        print(f"\n{name}, {len(folders)} seeds, {n} valid films")
        heads = [*(f"epoch {epoch}" for epoch in at), "change an epoch", "at the lowest dev loss"]
        heads += [f"early stopping after {PATIENCE}: epoch", "accuracy"]
        print("| averages | " + " | ".join(heads) + " |")
        changes = fluctuation.compare(
            list(zip(both["running"], both["recomputed"], strict=True)), "valid.accuracy"
        )
        for way, tables in both.items():
            accuracy = [100 * table["valid.accuracy"].to_numpy() for table in tables]
            cells = [interval(mean([values[epoch - 1] for values in accuracy])) for epoch in at]
            cells.append(interval(getattr(changes, way), 100))
            chosen = [int(table["dev.loss"].argmin()) for table in tables]
            cells.append(interval(mean([v[b] for v, b in zip(accuracy, chosen, strict=True)])))
            ends = [stopped(table["dev.loss"].tolist()) for table in tables]
            cells.append(interval(mean([end for end, _ in ends])))
            at_end = [v[best] for v, (_, best) in zip(accuracy, ends, strict=True)]
            cells.append(interval(mean(at_end)))
            print(f"| {way} | " + " | ".join(cells) + " |", flush=True)
        more = interval(changes.difference, 100)
        print(f"running changes by {more} points an epoch more, paired by seed")


def stopped(losses: list[float]) -> tuple[int, int]:
    """The epoch after which early stopping ends, from 1, and the row of the best one until then."""
    best = 0
    for row, loss in enumerate(losses):
        if loss < losses[best]:
            best = row
        if row - best >= PATIENCE:
            return row + 1, best
    return len(losses), best


def interval(found: Mean, factor: float = 1) -> str:
    """A mean over seeds with its interval."""
    assert found.value is not None
    if found.low is None or found.high is None:
        return f"{factor * found.value:.1f}"
    return f"{factor * found.value:.1f} ({factor * found.low:.1f} to {factor * found.high:.1f})"


if __name__ == "__main__":
    main()
