"""A tree as large as MURA v1.1, for measuring: 40,005 films of 14,656 studies of 11,967 patients.

    python benchmarks/full_tree.py OUT [--pixels]

Folders, file names and counts per split, part and label are MURA's; so is how many patients come
in several parts, how many have several studies and how many have studies of both labels, to within
what chance gives. The films are tiny PNG files, or with --pixels of 512 px, a few of them written
under many names as hard links. Nothing of MURA is needed, and nothing can be learned from it.
"""

import argparse
import io
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fracture_core.readers import mura

PATIENTS = {"train": (1, 11_184), "valid": (11_185, 11_967)}  # first and last number
MOST_VIEWS = 11
KINDS = 400  # different films, so that no browser has seen one before


def main() -> None:
    """Make the tree that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--pixels", action="store_true", help="films of 512 px, as hard links")
    options = parser.parse_args()
    print(f"{make(options.out, options.pixels):,} films in {options.out}")


def make(out: Path, pixels: bool = False) -> int:
    """Write the tree; gives how many films it has."""
    random, count = np.random.default_rng(0), 0
    kinds = _films(512 if pixels else 16, random)
    sources = []
    out.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(kinds):
        source = out.parent / f".{out.name}-{number}.png"
        source.write_bytes(content)
        sources.append(source)
    for split, (first, last) in PATIENTS.items():
        for part, patient, study, label, views in _studies(split, first, last, random):
            word = "positive" if label else "negative"
            folder = f"{out}/{split}/XR_{part.upper()}/patient{patient:05d}/study{study}_{word}"
            os.makedirs(folder)  # noqa: PTH103 - no Path for each of 40,000 films
            for view in range(views):
                os.link(sources[count % KINDS], f"{folder}/image{view + 1}.png")
                count += 1
    for source in sources:
        source.unlink()
    return count


def _studies(
    split: str, first: int, last: int, random: np.random.Generator
) -> Iterator[tuple[str, int, int, int, int]]:
    """(part, patient, study number, label, views): every patient has one study at least."""
    everyone = random.permutation(np.arange(first, last + 1))
    parts = {part: row for (where, part), row in mura.PUBLISHED.items() if where == split}
    fresh, studies = iter(everyone), mura.published(split, "all")["studies"]
    for part, (normal, abnormal, *images) in parts.items():
        numbers: dict[int, itertools.count] = {}
        labels = random.permutation([0] * normal + [1] * abnormal)
        views = {
            label: iter(_views(studies, films, random))
            for label, studies, films in zip((0, 1), (normal, abnormal), images, strict=True)
        }
        for label in labels:
            again = random.random() < 1 - len(everyone) / studies
            patient = None if again else next(fresh, None)
            if patient is None:
                known = list(numbers) if numbers and random.random() < 0.3 else everyone
                patient = known[random.integers(len(known))]
            study = next(numbers.setdefault(int(patient), itertools.count(1)))
            yield part, int(patient), study, int(label), next(views[int(label)])


def _views(studies: int, films: int, random: np.random.Generator) -> np.ndarray:
    """Views of each study: one at least, `films` in all, `MOST_VIEWS` at most."""
    views = np.ones(studies, int)
    while (left := films - views.sum()) > 0:
        room = np.flatnonzero(views < MOST_VIEWS)
        np.add.at(views, random.choice(room, min(left, len(room)), replace=False), 1)
    return views


def _films(side: int, random: np.random.Generator) -> list[bytes]:
    """A few different films as PNG."""
    found = []
    for _ in range(KINDS):
        small = Image.fromarray(random.integers(0, 256, (9, 9), np.uint8))
        film = np.asarray(small.resize((side, side), Image.Resampling.BICUBIC)).astype(int)
        if side > 100:
            film = np.clip(film + random.normal(0, 1, film.shape), 0, 255)
        content = io.BytesIO()
        Image.fromarray(film.astype(np.uint8)).save(content, "PNG")
        found.append(content.getvalue())
    return found


if __name__ == "__main__":
    main()
