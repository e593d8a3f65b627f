"""Doubts of the gate: photos, text, plots, noise, inverted and blank films, and true ones.

    python benchmarks/gate.py [--model starter-five-conv] [--data PHANTOM] [--films FOLDER]

Prints, for each kind of picture, how many are doubted by the plain checks, by the distance from the
training films, and by either, with the 95 % interval (Wilson). Photos are those that ship with
scikit-learn and, where it is installed, scikit-image; text and plots are drawn. The true films are
the phantom's valid split, drawn without --data, and films of another seed. Other films are
measured only from a folder given with --films.
"""

import argparse
import contextlib
import importlib.util
import io
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fracture_core.config.limits import LIMITS
from fracture_core.errors import FilmError
from fracture_core.films import images
from fracture_core.models import stored_models
from fracture_core.phantom import phantom_set
from fracture_core.prediction.inference import Predictor
from fracture_core.prediction.study_prediction import FilmInput, FilmPrediction
from fracture_core.verdicts import closed_intervals

SIDE = 512  # px, MURA's longer side
FRESH_STUDIES, FRESH_SEED = 200, 7
DRAWN = 100  # pictures of each kind that is drawn
PILLOW = {".png", ".jpg", ".jpeg", ".tif"}
WORDS = (
    "fracture",
    "of",
    "the",
    "distal",
    "radius",
    "seen",
    "on",
    "two",
    "views",
    "in",
    "a",
    "cast",
)

Source = Path | bytes


def main() -> None:
    """Judge every kind and print a line of Markdown for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="starter-five-conv", help="as `predict` takes it")
    parser.add_argument("--data", type=Path, help="a phantom set; drawn if left out")
    parser.add_argument("--films", type=Path, help="folder of other films to measure as well")
    options = parser.parse_args()
    predictor = Predictor(stored_models.find(options.model))
    with tempfile.TemporaryDirectory() as name:
        root = options.data or Path(name) / "films"
        if not options.data:
            phantom_set.make(root)
        other = Path(name) / "other"
        phantom_set.make(other, FRESH_STUDIES, FRESH_SEED)
        valid = [root / path for path in phantom_set.breaks(root) if path.startswith("valid/")]
        fresh = [other / path for path in phantom_set.breaks(other)]
        print("| kind | n | plain checks | distance | either | 95 % interval |")
        print("|---|---|---|---|---|---|")
        for title, make in kinds(valid, fresh, options.films).items():
            show(predictor, title, list(make()))
    if not options.films:
        print("other films: not measured; give a folder with --films")


def kinds(
    valid: Sequence[Path], fresh: Sequence[Path], films: Path | None
) -> dict[str, Callable[[], Iterator[Source]]]:
    """Films to predict: title -> makes the pictures."""
    found: dict[str, Callable[[], Iterator[Source]]] = {
        "true films: the phantom's valid split": lambda: iter(valid),
        "true films: a phantom of another seed": lambda: iter(fresh),
        "the valid split inverted": lambda: (negative(path) for path in valid),
        "blank: one grey": lambda: (png(np.full((SIDE, SIDE), v)) for v in range(0, 256, 5)),
        "noise: each pixel for itself": lambda: drawn(noise),
        "noise: smooth": lambda: drawn(clouds),
        "text, black on white": lambda: drawn(text),
        "text, white on black": lambda: (png(255 - opened(page)) for page in drawn(text)),
        "plots, black on white": lambda: drawn(plot),
        "plots, white on black": lambda: (png(255 - opened(page)) for page in drawn(plot)),
        "photos of scikit-learn": lambda: shipped("sklearn", "datasets/images"),
        "those in grey": lambda: grey(shipped("sklearn", "datasets/images")),
        "pictures of scikit-image": lambda: shipped("skimage", "data"),
        "these in grey": lambda: grey(shipped("skimage", "data")),
    }
    if films:
        suffixes = set(images.SUFFIXES)
        found["other films"] = lambda: (
            path for path in sorted(films.rglob("*")) if path.suffix.lower() in suffixes
        )
    return found


def show(predictor: Predictor, title: str, sources: list[Source]) -> None:
    """A line: how many of these are doubted, and by what; what cannot be read is left out."""
    rated: list[FilmPrediction] = []
    for start in range(0, len(sources), LIMITS.upload_files):
        some = sources[start : start + LIMITS.upload_files]
        films = [FilmInput(name=str(n), source=source) for n, source in enumerate(some)]
        rated += predictor.predict_study("", films).films
    if not rated:
        print(f"| {title} | 0 | not measured | | | |")
        return
    failed = [{check.name for check in film.checks if check.doubt} for film in rated]
    plain = sum(bool(names - {"distance"}) for names in failed)
    far = sum("distance" in names for names in failed)
    either = closed_intervals.wilson(sum(map(bool, failed)), len(failed))
    interval = f"{either.low:.1%} to {either.high:.1%}"
    print(
        f"| {title} | {len(rated)} | {plain} | {far} | {either.count} ({either.value:.1%}) | "
        f"{interval} |",
        flush=True,
    )


# --- pictures -----------------------------------------------------------------------------------


def drawn(make: Callable[[np.random.Generator], np.ndarray]) -> Iterator[bytes]:
    """Seeded pictures of one kind."""
    for number in range(DRAWN):
        yield png(make(np.random.default_rng(number)))


def noise(random: np.random.Generator) -> np.ndarray:
    """Every pixel a grey of its own."""
    return random.integers(0, 256, (SIDE, SIDE))


def clouds(random: np.random.Generator) -> np.ndarray:
    """Slow waves of grey, from fine to coarse, over the full range."""
    waves = gaussian_filter(random.normal(size=(SIDE, SIDE)), random.uniform(8, 80))
    return 255 * (waves - waves.min()) / np.ptp(waves)


def text(random: np.random.Generator) -> np.ndarray:
    """A page of words, black on white."""
    page = Image.new("L", (SIDE, int(random.uniform(0.7, 1.4) * SIDE)), 255)
    pen, size = ImageDraw.Draw(page), int(random.integers(12, 48))
    for top in range(size, page.height - size, int(1.5 * size)):
        line = " ".join(random.choice(WORDS, 20))
        pen.text((size, top), line, fill=0, font=ImageFont.load_default(size))
    return np.asarray(page)


def plot(random: np.random.Generator) -> np.ndarray:
    """Axes with a curve or with bars, black on white."""
    page = Image.new("L", (SIDE, int(0.75 * SIDE)), 255)
    pen, left, base = ImageDraw.Draw(page), 50, page.height - 40
    pen.line([(left, 20), (left, base), (SIDE - 20, base)], fill=0, width=2)
    x = np.linspace(left + 10, SIDE - 30, int(random.integers(6, 40)))
    y = base - 20 - (base - 60) * random.random(len(x)).cumsum() / len(x)
    if random.random() < 0.5:
        pen.line(list(zip(x, y, strict=True)), fill=0, width=int(random.integers(1, 5)))
    else:
        for a, b in zip(x, y, strict=True):
            pen.rectangle((a, b, a + 0.6 * (x[1] - x[0]), base), fill=int(random.integers(0, 160)))
    return np.asarray(page)


def shipped(package: str, folder: str) -> Iterator[Source]:
    """The pictures that a package brings along; none where it is not installed."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        return
    for path in sorted((Path(found.origin).parent / folder).iterdir()):
        if path.suffix.lower() in PILLOW:
            yield path


def grey(sources: Iterator[Source]) -> Iterator[bytes]:
    """The same in grey, so that no colour gives them away."""
    for source in sources:
        with contextlib.suppress(FilmError):  # left out, as in colour
            yield png(np.asarray(images.decode(source)))


def negative(path: Path) -> bytes:
    """A film with black and white exchanged."""
    return png(255 - np.asarray(images.decode(path)))


def png(values: np.ndarray) -> bytes:
    """Greys from 0 to 255 as a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(np.asarray(values).astype(np.uint8)).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def opened(content: bytes) -> np.ndarray:
    """The greys of a PNG file."""
    return np.asarray(Image.open(io.BytesIO(content)))


if __name__ == "__main__":
    main()
