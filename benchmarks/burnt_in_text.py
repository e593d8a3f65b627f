"""Measure the text warning: burnt-in text that it notices, and films without text that raise it.

    python benchmarks/burnt_in_text.py [--studies 100] [--films FOLDER] [--show]

Draws a line of text (a name, a date, a number; 1.8 to 4 % of the film's longer side high; bright,
or dark on a bright label) at a corner of every film, in Pillow's own font, drawn by a seed. A hit:
`burnt_in_text.lines` finds more lines than on the film as it is. A warning: it finds a line on the
film as it is. Phantom films hold side markers and no text; the films of a folder may hold some:
`--show` names those with a warning, for a look. Shares with their 95 % interval (Wilson).
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fracture_core.errors import FilmError
from fracture_core.films import burnt_in_text, images
from fracture_core.phantom import phantom_set
from fracture_core.verdicts import closed_intervals

TEXTS = ("SMITH JOHN 1970-03-12", "Ward 7 B  12:45", "ID 0048213", "DOE^JANE", "12.03.2019 11:04")
HEIGHTS = (0.018, 0.04)  # of the font, of the film's longer side
LABELLED = 0.25  # share of the texts that are dark on a bright label


def main() -> None:
    """Draw, search, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=100, help="of the phantom (100)")
    parser.add_argument("--films", type=Path, help="a folder of films")
    parser.add_argument("--show", action="store_true", help="name the films with a warning")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "films"
        phantom_set.make(root, options.studies)
        report("phantom films", sorted(root.rglob("*.png")), options.show)
    if options.films:
        files = sorted(p for p in options.films.rglob("*") if p.suffix.lower() in images.SUFFIXES)
        report(f"films of {options.films.name}", files, options.show)


def report(title: str, files: Iterable[Path], show: bool) -> None:
    """Print hits and warnings on these files."""
    films = hits = 0
    seconds, warned = 0.0, []
    for number, file in enumerate(files):
        try:
            film = images.decode(file)
        except FilmError:
            continue
        began = time.process_time()
        found = len(burnt_in_text.lines(film))
        seconds += time.process_time() - began
        hits += len(burnt_in_text.lines(written(film, number))) > found
        films += 1
        if found:
            warned.append(file.name)
    for words, count in (("drawn text noticed", hits), ("warnings without it", len(warned))):
        share = closed_intervals.wilson(count, films)
        span = f"{share.low:.1%} to {share.high:.1%}"
        print(f"{title}: {words} {count} of {films}, {share.value:.1%} ({span})")
    print(f"{title}: {1000 * seconds / max(1, films):.0f} ms of a core per film")
    if show and warned:
        print("  " + ", ".join(warned))


def written(film: Image.Image, seed: int) -> Image.Image:
    """Return the film with a line of text at a corner."""
    random = np.random.default_rng(seed)
    film = film.copy()
    pen = ImageDraw.Draw(film)
    font = ImageFont.load_default(max(11, round(random.uniform(*HEIGHTS) * max(film.size))))
    text = TEXTS[random.integers(len(TEXTS))]
    _, _, width, height = pen.textbbox((0, 0), text, font=font)
    left = random.choice([0.02 * film.width, max(0.0, 0.98 * film.width - width)])
    top = random.choice([0.02 * film.height, 0.98 * film.height - height])
    ink = int(random.integers(200, 256))
    if random.random() < LABELLED:
        pen.rectangle((left - 2, top - 2, left + width + 2, top + height + 2), fill=255)
        ink = 0
    pen.text((left, top), text, fill=ink, font=font)
    return film


if __name__ == "__main__":
    main()
