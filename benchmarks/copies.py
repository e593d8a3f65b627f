"""Measure how many turned, cropped or otherwise changed copies of films an audit recognizes.

    python benchmarks/copies.py                        500 synthetic films
    python benchmarks/copies.py --films FOLDER         films of your own, none of them a copy
    python benchmarks/copies.py --originals 10000 --copies 0   false families, and the time

Every original gets one copy of each kind of change. Printed: recall by kind with its 95 % interval
(Wilson), false pairs among the originals alone, the time of each step, and how it grows from half
of the originals to all of them.
"""

import argparse
import io
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageEnhance

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fracture_core.audit import families
from fracture_core.errors import FilmError
from fracture_core.films import images, measures
from fracture_core.phantom import phantom_set
from fracture_core.verdicts import closed_intervals

SIDE = 224  # px of the longer side of every film
GOALS = {"mirrored": 0.98, "right angle": 0.98, "any angle": 0.95, "cropped": 0.9}
Turn = Image.Transpose
BICUBIC = Image.Resampling.BICUBIC


def changes(film: Image.Image, random: np.random.Generator) -> dict[str, Image.Image]:
    """Return a copy of a film by each kind of change."""
    width, height = film.size
    angle = float(random.uniform(5, 355))
    side = Turn.ROTATE_90, Turn.ROTATE_180, Turn.ROTATE_270, Turn.TRANSPOSE, Turn.TRANSVERSE
    left, top = (float(random.uniform(0, 0.2)) * each for each in film.size)
    crop = film.crop((int(left), int(top), int(left + 0.8 * width), int(top + 0.8 * height)))
    shear = float(random.uniform(-0.15, 0.15))
    skew = (1, shear, -shear * height / 2, 0, 1, 0)
    file = io.BytesIO()
    film.save(file, "JPEG", quality=50)
    return {
        "exact": film,
        "re-saved": Image.open(file),
        "scaled": film.resize((width // 2, height // 2), Image.Resampling.BOX),
        "brightened": ImageEnhance.Brightness(film).enhance(1.3),
        "mirrored": film.transpose(Turn.FLIP_LEFT_RIGHT),
        "right angle": film.transpose(side[int(random.integers(len(side)))]),
        "any angle": film.rotate(angle, BICUBIC),
        "any angle, whole": film.rotate(angle, BICUBIC, expand=True).resize((SIDE, SIDE)),
        "cropped": crop,
        "cropped, mirrored": crop.transpose(Turn.FLIP_LEFT_RIGHT),
        "sheared": film.transform(film.size, Image.Transform.AFFINE, skew, BICUBIC),
        "turned, zoomed, moved": _augmented(film, random),
    }


def _augmented(film: Image.Image, random: np.random.Generator) -> Image.Image:
    """Turn by up to 20°, zoom by up to 20 % and move by up to 10 %, as Keras' layers do."""
    width, height = film.size
    angle, zoom = np.radians(random.uniform(-20, 20)), float(random.uniform(0.8, 1.2))
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    x, y = random.uniform(-0.1, 0.1, 2) * film.size
    middle_x, middle_y = width / 2, height / 2
    row_x = (cos, sin, middle_x - cos * middle_x - sin * middle_y + x)
    row_y = (-sin, cos, middle_y + sin * middle_x - cos * middle_y + y)
    return film.transform(film.size, Image.Transform.AFFINE, (*row_x, *row_y), BICUBIC)


def originals(
    folder: Path | None, count: int, work: Path
) -> Iterator[tuple[Image.Image, str | None]]:
    """Yield grey originals of `SIDE` px with their patient: synthetic ones, or a folder's.

    The films of a folder have none: nothing is known about whose they are.
    """
    is_synthetic = folder is None
    if folder is None:
        folder = work / "phantom"
        phantom_set.make(folder, studies=max(6, round(count / 2.4)))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    made = 0
    for file in files:
        try:
            film = images.decode(images.content(file), file.name)
        except FilmError:
            continue
        film.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
        yield film, file.parent.parent.name if is_synthetic else None
        made += 1
        if made == count:
            return


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--films", type=Path, help="folder of originals; else synthetic ones")
    parser.add_argument("--originals", type=int, default=500)
    parser.add_argument("--copies", type=int, help="originals that get copies; all unless given")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        table = _write(arguments, work)
        _measure(work, table)


def _write(arguments: argparse.Namespace, work: Path) -> pd.DataFrame:
    """Write originals and copies; return rows path, original, kind."""
    random = np.random.default_rng(0)
    rows: list[tuple[str, int, str, str]] = []
    (work / "films").mkdir()

    def save(film: Image.Image, original: int, kind: str, patient: str | None) -> None:
        path = f"films/{len(rows):06d}.png"
        film.convert("L").save(work / path)
        rows.append((path, original, kind, patient or path))

    every = originals(arguments.films, arguments.originals, work)
    for number, (film, patient) in enumerate(every):
        save(film, number, "original", patient)
        if arguments.copies is None or number < arguments.copies:
            for kind, copy in changes(film, random).items():
                save(copy, number, kind, None)  # no set names the patients of its copies
    return pd.DataFrame(rows, columns=["path", "original", "kind", "patient"])


def _timed(words: str, step: Callable[[], Any]) -> tuple[Any, float]:
    start, cpu = time.perf_counter(), time.process_time()
    result = step()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(f"{words}: {seconds:.1f} s, {cpu:.1f} s of processor time", flush=True)
    return result, cpu


def _measure(work: Path, table: pd.DataFrame) -> None:
    for kind in sorted(set(table["kind"]) - {"original"}, key=list(table["kind"]).index):
        one = table[table["kind"].isin(["original", kind])]
        _recall(work, one.reset_index(drop=True), kind)
    only = table[table["kind"] == "original"].reset_index(drop=True)
    _, cpu = _families(work, only[: len(only) // 2], "half of the originals")
    found, twice = _families(work, only, "originals alone")
    growth = twice / cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in kB
    print(f"{growth:.2f} times the processor time for twice the films; peak memory {memory:.0f} MB")
    pairs = sum(len(group) - 1 for group in found)
    share = closed_intervals.wilson(pairs, len(only))
    interval = f"{share.value:.4f} ({share.low:.4f} to {share.high:.4f}), goal 0.0001"
    print(f"false pairs among {len(only):,} originals: {pairs}; share {interval}")
    for group in found[:20]:
        print("   ", [only["path"][row] for row, _ in group], [detail for _, detail in group])


def _recall(work: Path, table: pd.DataFrame, kind: str) -> None:
    """Print how many copies of one kind share a family with their original."""
    found, _ = _families(work, table, kind)
    of = {row: number for number, group in enumerate(found) for row, _ in group}
    firsts = table[table["kind"] == "original"]
    family = {
        original: of.get(row, -1)
        for row, original in zip(firsts.index.tolist(), firsts["original"], strict=True)
    }
    copies = table[table["kind"] == kind]
    hits = sum(
        of.get(row, -2) == family[original]
        for row, original in zip(copies.index.tolist(), copies["original"], strict=True)
    )
    share = closed_intervals.wilson(hits, len(copies))
    goal = f", goal {GOALS[kind]}" if kind in GOALS else ""
    interval = f"{share.low:.3f} to {share.high:.3f}; n = {share.n}{goal}"
    print(f"{kind}: recall {share.value:.3f} ({interval})", flush=True)


def _families(work: Path, table: pd.DataFrame, words: str) -> tuple[list[families.Group], float]:
    """Return the families of these films, and the processor time that they took in s."""
    paths, folder = table["path"].tolist(), work / "facts" / words
    facts, opening = _timed(f"{words}: opening", lambda: measures.table(work, paths, folder))
    facts = facts.merge(table[["path", "patient"]], on="path", how="left")

    def compare() -> list[families.Group]:
        return families.find(work, facts, families.same(facts) + families.near(facts))

    found, comparing = _timed(f"{words}: comparing", compare)
    return found, opening + comparing


if __name__ == "__main__":
    main()
