"""MURA-shaped films for benchmarks: grey PNG files, 512 px, about 80 kB each."""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

SIDE = 512  # px; the longer side of every film of MURA
RIM = 60  # px of black on the left and on the right: most of MURA's films are taller than wide
GRAIN = 1.0  # grey levels; makes a file about 80 kB, as a film of MURA takes on average
SPLITS = (("training_set", 0.93), ("valid", 0.07))  # the report's 2,821 and 194 films


def make(root: Path, count: int) -> None:
    """Write films of two classes, half of them each, in the folders that the report trained from.

    Args:
        root: gets training_set/{negative,positive}/ and valid/{negative,positive}/.
        count: films in all.
    """
    random = np.random.default_rng(0)
    for split, share in SPLITS:
        for number in range(round(count * share)):
            label = "positive" if number % 2 else "negative"
            folder = root / split / label
            folder.mkdir(parents=True, exist_ok=True)
            film = Image.fromarray(_film(random, number % 2))
            film.save(folder / f"image{number}.png", optimize=False)


def _film(random: np.random.Generator, label: int) -> np.ndarray:
    """Slow waves of grey with a little grain, uint8 (512, 512); a bright bar for a positive."""
    waves = ndimage.zoom(random.normal(size=(9, 9)), SIDE / 9, order=3)
    waves = 20 + 200 * (waves - waves.min()) / np.ptp(waves)
    if label:
        waves[200:300, 150:350] += 40
    film = np.clip(waves + GRAIN * random.normal(size=waves.shape), 0, 255)
    film[:, :RIM] = film[:, -RIM:] = 0
    return film.astype(np.uint8)
