"""Speed of building the pixel cache, against decoding and resizing on one core, times the cores.

    python benchmarks/pixel_cache.py [--repeats 5] [--films 600]

Builds the cache of PNG files of MURA's shape (512 px, about 80 kB) with progress, as a run does,
in turn with a plain loop over the same files in one thread.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import films
from workers import in_turn, rate, ratio

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fracture_core.config.film_settings import REPORT_RECIPE, PixelRecipe
from fracture_core.films import images, pixel_cache

GOAL = 0.8  # of one core's speed times the cores
RECIPES = {"the default's pixels": PixelRecipe(), "the report's pixels": REPORT_RECIPE}


def main() -> None:
    """Build, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="turns that count")
    parser.add_argument("--films", type=int, default=600)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "films"
        films.make(root, options.films)
        paths = sorted(str(path.relative_to(root)) for path in root.rglob("*.png"))
        for words, recipe in RECIPES.items():
            compare(root, paths, Path(name) / "caches", recipe, words, options.repeats)


def compare(
    root: Path, paths: list[str], caches: Path, recipe: PixelRecipe, words: str, repeats: int
) -> None:
    """Build from scratch at every turn, and print both rates and their ratio."""
    cores = os.cpu_count() or 1

    def built() -> float:
        with tempfile.TemporaryDirectory(dir=caches) as folder:
            began = time.perf_counter()
            pixel_cache.of_films(root, paths, recipe, Path(folder), lambda done, total: None)
            return len(paths) / (time.perf_counter() - began)

    def plain() -> float:
        began = time.perf_counter()
        for path in paths:
            images.load(root / path, recipe)
        return len(paths) / (time.perf_counter() - began)

    caches.mkdir(exist_ok=True)
    ours, one_core = in_turn(repeats, built, plain)
    print(
        f"{words}: {rate(ours)} on {cores} cores, {rate(one_core)} on one "
        f"({1000 / statistics.median(one_core):.1f} ms a film); of one core times {cores}: "
        f"{ratio(ours, [value * cores for value in one_core])}, goal {GOAL}",
        flush=True,
    )


if __name__ == "__main__":
    main()
