"""Learnability of the phantom: train five_conv on it and print its accuracy.

    python benchmarks/phantom.py [--skip-96]

Prints the time to draw 400 studies; for three seeds the best dev AUROC of images within 20 epochs
at 32 px with default settings, and the time that took; and how well hairline studies are
distinguished from normal ones at 32 px and at 96 px, on valid films and on a set of another seed,
both unseen.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import hairlines

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fracture_core.config.film_settings import PixelRecipe
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog
from fracture_core.epochs import predictions
from fracture_core.evaluations import evaluation_job
from fracture_core.jobs import launcher
from fracture_core.phantom import phantom_set
from fracture_core.runs import journal, run_status

SEEDS = (1, 2, 3)
EPOCHS = {32: 20, 96: 30}
ANOTHER_SEED = 7


def main() -> None:
    """Draw, train, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--skip-96", action="store_true", help="leave out the long run at 96 px")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        os.environ |= {"FRACTURE_RUNS": f"{home}/runs", "FRACTURE_CACHE": f"{home}/cache"}
        root, other = home / "films", home / "other"
        began = time.monotonic()
        phantom_set.make(root)
        print(f"{phantom_set.STUDIES} studies drawn in {time.monotonic() - began:.0f} s")
        phantom_set.make(other, seed=ANOTHER_SEED)
        for seed in SEEDS:
            folder, seconds = train(root, 32, seed)
            table = journal.metrics(folder)
            best = table.iloc[table["dev.auroc"].argmax()]
            print(
                f"32 px, seed {seed}: best dev AUROC {best['dev.auroc']:.3f} in epoch "
                f"{best['epoch']:.0f}, epoch 1 {table['dev.auroc'].iloc[0]:.3f}, "
                f"n = {best['dev.n']:.0f} images, {seconds:.0f} s"
            )
            print_hairlines(folder, 32, root, other)
        if not options.skip_96:
            folder, seconds = train(root, 96, SEEDS[0])
            print(f"96 px, seed {SEEDS[0]}: {seconds:.0f} s")
            print_hairlines(folder, 96, root, other)


def train(root: Path, size: int, seed: int) -> tuple[Path, float]:
    """Train five_conv; gives the run folder and the seconds it took, process start included."""
    recipe = PixelRecipe(size=size)
    config = TrainConfig(data=str(root), epochs=EPOCHS[size], seed=seed, recipe=recipe)
    began = time.monotonic()
    folder = launcher.create_and_start(config, f"five-{size}-{seed}", queue=False)
    status = launcher.wait(folder)
    if status.state is not run_status.State.FINISHED:
        raise SystemExit(status.message)
    return folder, time.monotonic() - began


def print_hairlines(folder: Path, size: int, root: Path, other: Path) -> None:
    """Breaks against normal studies: unseen studies of its own set, and those of another seed."""
    best = journal.best_epoch(folder)
    assert best is not None
    valid = predictions.with_films(folder, best)
    valid = valid[valid["role"] == "valid"]
    others = evaluation_job.evaluate(folder.name, catalog.read(other), "train").films
    for what, films, data in (("valid", valid, root), ("another seed", others, other)):
        print(f"  {size} px, {what}:")
        hairlines.print_kinds(hairlines.with_kinds(films, data))


if __name__ == "__main__":
    main()
