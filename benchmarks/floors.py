"""Coverage of chance by twins trained on shuffled labels, over many seeds.

    python benchmarks/floors.py [--seeds 100] [--studies 120] [--size 24] [--steps 40]

Trains `one_conv` on the shuffled labels of a small phantom's training films, a seed each, and
counts the seeds whose 95 % interval of AUROC on the valid films (bootstrap over patients) holds
0.5, by study and by image. At 95 % coverage, 89 of 100 or more are expected in 99 of 100 tries.
Exits 1 where fewer than 89 % of the seeds do.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fracture_core.config.film_settings import PixelRecipe
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog
from fracture_core.films import pixel_cache
from fracture_core.floors import floor_scores, twins
from fracture_core.phantom import phantom_set
from fracture_core.verdicts import estimates

LEAST = 0.89


def main() -> int:
    """Train every twin, print the counts, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--studies", type=int, default=120)
    parser.add_argument("--size", type=int, default=24)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--phantom-seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "films"
        phantom_set.make(root, studies=options.studies, seed=options.phantom_seed)
        return count(root, Path(folder) / "pixels", options)


def count(root: Path, cache: Path, options: argparse.Namespace) -> int:
    """Count the seeds whose interval holds 0.5; return 1 where they are too few."""
    manifest = catalog.read(root).manifest
    recipe = PixelRecipe(size=options.size)
    pixels = pixel_cache.of_films(root, manifest["path"].tolist(), recipe, cache).pixels
    is_training = (manifest["split"] == "train").to_numpy()
    training, evaluated = manifest[is_training], manifest[~is_training].reset_index(drop=True)
    cases = floor_scores.rows(evaluated, None)
    holds = dict.fromkeys(cases, 0)
    areas: dict[str, list[float]] = {level: [] for level in cases}
    for seed in range(options.seeds):
        config = TrainConfig(
            data=str(root), architecture="one_conv", recipe=recipe, seed=seed, epochs=10
        )
        scores = twins.trained_on_shuffled(
            config, pixels[is_training], training, pixels[~is_training], options.steps
        )
        for level, own in floor_scores.of_twin(evaluated, scores, 0.5).items():
            table = cases[level]
            area = estimates.estimate(table["label"], *own, table["patient"])["auroc"]
            assert area.value is not None and area.low is not None and area.high is not None
            holds[level] += area.low <= 0.5 <= area.high
            areas[level].append(area.value)
        print(f"\r{seed + 1} of {options.seeds} seeds", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    for level, values in areas.items():
        print(
            f"{level}: the interval holds 0.5 in {holds[level]} of {options.seeds} seeds; "
            f"AUROC {np.mean(values):.3f} on average, {min(values):.3f} to {max(values):.3f} "
            f"(n = {len(cases[level])})"
        )
    return int(min(holds.values()) < LEAST * options.seeds)


if __name__ == "__main__":
    sys.exit(main())
