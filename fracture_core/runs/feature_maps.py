"""What a run's network has learned so far: its first filters, and its maps of one film, by epoch.

`features/epoch_NNNN.npz` holds plain arrays, written by the run's child after the epoch's
checkpoint. They are for looking at: nothing that a run does depends on them, and one that is
missing or damaged costs nothing else.
"""

import io
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from fracture_core import checksums, file_reader
from fracture_core.files import sweep, writing

MOST_MAPS = 16  # of a layer, the first ones: an epoch takes some 40 kB
MOST_BYTES = 16 * 2**20  # of an epoch's file, unpacked; five blocks take 0.4 MB
MOST_PX = 64  # side of a kept map; of a larger one every so-manieth value is kept
_NAME = re.compile(r"epoch_([0-9]{4,9})\.npz")


@dataclass(frozen=True, kw_only=True)
class FeatureMaps:
    """What one epoch left.

    Args:
        kernels: float32 (h, w, filters) of the first convolution.
        film: row of the film among the run's judged films.
        pixels: the film as the network sees it, uint8 (size, size).
        maps: for each convolution block, in order, what it makes of the film, after normalization
            and ReLU: uint8 (maps, h, w), each map stretched from 0 to its greatest value; thinned
            to `MOST_PX`.
        peaks: for each block the maps' greatest values, float32 (maps,); 0 for a dead map.
    """

    kernels: np.ndarray = field(repr=False)
    film: int
    pixels: np.ndarray = field(repr=False)
    maps: tuple[np.ndarray, ...] = field(repr=False)
    peaks: tuple[np.ndarray, ...] = field(repr=False)


def path(run_folder: Path, epoch: int) -> Path:
    """Where an epoch's file lies, whether it is there or not."""
    return run_folder / "features" / f"epoch_{epoch:04d}.npz"


def epochs(run_folder: Path) -> tuple[int, ...]:
    """The epochs that left one, in order."""
    found = (_NAME.fullmatch(file.name) for file in (run_folder / "features").glob("epoch_*"))
    return tuple(sorted(int(match[1]) for match in found if match))


def chosen_film(judged: pd.DataFrame) -> int | None:
    """The row of the film that is looked at: the first positive one of dev, else of valid.

    Args:
        judged: of `predictions.predicted_films`; `None` is given where it has no row.
    """
    for role in ("dev", "valid"):
        rows = np.flatnonzero((judged["role"] == role) & (judged["label"] == 1))
        if len(rows):
            return int(rows[0])
    return 0 if len(judged) else None


def save(
    run_folder: Path,
    epoch: int,
    film: int,
    pixels: np.ndarray,
    kernels: np.ndarray,
    maps: list[np.ndarray],
) -> None:
    """Write an epoch's file as a whole.

    Args:
        run_folder: the run's.
        epoch: completed.
        film: row of the film among the judged ones.
        pixels: uint8 (size, size).
        kernels: (h, w, 1, filters) of the first convolution.
        maps: of each block, float (h, w, maps).

    Raises:
        WriteFailed: no space or no permission.
    """
    arrays = {"kernels": kernels[:, :, 0].astype(np.float32), "film": np.int64(film)}
    arrays["pixels"] = pixels
    for number, values in enumerate(maps, 1):
        step = -(-max(values.shape[:2]) // MOST_PX)
        some = np.moveaxis(values[::step, ::step, :MOST_MAPS], -1, 0).clip(min=0)
        peaks = some.max(axis=(1, 2))
        scale = np.where(peaks > 0, 255 / np.maximum(peaks, 1e-30), 0)
        arrays[f"maps_{number}"] = np.rint(some * scale[:, None, None]).astype(np.uint8)
        arrays[f"peaks_{number}"] = peaks.astype(np.float32)
    content = io.BytesIO()
    np.savez(content, **arrays)
    target = path(run_folder, epoch)
    with writing(target):
        target.parent.mkdir(exist_ok=True)
    checksums.write(run_folder, target, content.getvalue())


def load(run_folder: Path, epoch: int) -> FeatureMaps | None:
    """What an epoch left; `None` where it left nothing, or its file is damaged."""
    try:
        content = checksums.read(run_folder, path(run_folder, epoch), MOST_BYTES)
        with file_reader.arrays(content, MOST_BYTES) as stored:
            numbers = range(1, 1 + sum(name.startswith("maps_") for name in stored.files))
            found = FeatureMaps(
                kernels=stored["kernels"],
                film=int(stored["film"]),
                pixels=stored["pixels"],
                maps=tuple(stored[f"maps_{number}"] for number in numbers),
                peaks=tuple(stored[f"peaks_{number}"] for number in numbers),
            )
            return found if _is_whole(found) else None
    except Exception:  # numpy's reader of damaged files raises many kinds
        return None


def latest(run_folder: Path, epoch: int) -> tuple[int, FeatureMaps] | None:
    """The last epoch up to this one that left a whole file, and what it left."""
    for each in reversed([each for each in epochs(run_folder) if each <= epoch]):
        if found := load(run_folder, each):
            return each, found
    return None


def _is_whole(found: FeatureMaps) -> bool:
    """Whether the arrays have the shapes and kinds that `save` gives them."""
    square = found.pixels.ndim == 2 and found.pixels.dtype == np.uint8
    fits = all(
        maps.ndim == 3 and maps.dtype == np.uint8 and peaks.shape == maps.shape[:1]
        for maps, peaks in zip(found.maps, found.peaks, strict=True)
    )
    kernels = found.kernels.ndim == 3 and found.kernels.dtype == np.float32
    return bool(square and fits and kernels and found.maps and found.film >= 0)


def drop(run_folder: Path, gone: list[int]) -> None:
    """Drop the files of these epochs, whose weights are dropped too."""
    for epoch in gone:
        path(run_folder, epoch).unlink(missing_ok=True)


def drop_after(run_folder: Path, epoch: int) -> None:
    """Drop what is later than an epoch: a resumed run makes it again."""
    drop(run_folder, [each for each in epochs(run_folder) if each > epoch])
    sweep(run_folder / "features", older_than_seconds=0.0)  # nobody else writes here
