"""Feature maps of a run: the network's first filters and its maps of one film, by epoch.

`features/epoch_NNNN.npz` holds plain arrays, written by the run's child after the epoch's
checkpoint. They are for display only: the run's results do not depend on them, and a missing or
damaged file affects nothing else.
"""

import io
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from fracture_core import checksums, file_reader
from fracture_core.files import sweep, writing

MOST_MAPS = 16  # of a layer, the first ones: an epoch takes about 40 kB
MOST_BYTES = 16 * 2**20  # of an epoch's file, unpacked; five blocks take 0.4 MB
MOST_PX = 64  # side of a stored map; a larger one is subsampled by a whole step
_NAME = re.compile(r"epoch_([0-9]{4,9})\.npz")


@dataclass(frozen=True, kw_only=True)
class FeatureMaps:
    """Filters and feature maps of one epoch.

    Args:
        kernels: float32 (h, w, filters) of the first convolution.
        film: row of the film in `predictions.predicted_films`.
        pixels: the film as the network sees it, uint8 (size, size).
        maps: for each convolution block, in order, its maps of the film after normalization and
            ReLU: uint8 (maps, h, w), each map scaled from 0 to its maximum; subsampled to
            `MOST_PX`.
        peaks: for each block the maps' maxima, float32 (maps,); 0 for a dead map.
    """

    kernels: np.ndarray = field(repr=False)
    film: int
    pixels: np.ndarray = field(repr=False)
    maps: tuple[np.ndarray, ...] = field(repr=False)
    peaks: tuple[np.ndarray, ...] = field(repr=False)


def path(run_folder: Path, epoch: int) -> Path:
    """Return the path of an epoch's file, which need not exist."""
    return run_folder / "features" / f"epoch_{epoch:04d}.npz"


def epochs(run_folder: Path) -> tuple[int, ...]:
    """Return the epochs that have such a file, in order."""
    matches = (_NAME.fullmatch(file.name) for file in (run_folder / "features").glob("epoch_*"))
    return tuple(sorted(int(match[1]) for match in matches if match))


def chosen_film(films: pd.DataFrame) -> int | None:
    """Return the row of the film that is shown: the first positive one of dev, else of valid.

    Args:
        films: of `predictions.predicted_films`.

    Returns:
        The first row where no film is positive; `None` without any.
    """
    for role in ("dev", "valid"):
        rows = np.flatnonzero((films["role"] == role) & (films["label"] == 1))
        if len(rows):
            return int(rows[0])
    return 0 if len(films) else None


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
        film: row of the film in `predictions.predicted_films`.
        pixels: uint8 (size, size).
        kernels: (h, w, 1, filters) of the first convolution.
        maps: of each block, float (h, w, maps).

    Raises:
        WriteFailed: no space or no permission.
    """
    arrays: dict[str, np.ndarray] = {
        "kernels": kernels[:, :, 0].astype(np.float32),
        "film": np.asarray(film, np.int64),
    }
    arrays["pixels"] = pixels
    for number, values in enumerate(maps, 1):
        step = -(-max(values.shape[:2]) // MOST_PX)
        some = np.moveaxis(values[::step, ::step, :MOST_MAPS], -1, 0).clip(min=0)
        peaks = some.max(axis=(1, 2))
        scale = np.where(peaks > 0, 255 / np.maximum(peaks, 1e-30), 0)
        arrays[f"maps_{number}"] = np.rint(some * scale[:, None, None]).astype(np.uint8)
        arrays[f"peaks_{number}"] = peaks.astype(np.float32)
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    target = path(run_folder, epoch)
    with writing(target):
        target.parent.mkdir(exist_ok=True)
    checksums.write(run_folder, target, content.getvalue())


def load(run_folder: Path, epoch: int) -> FeatureMaps | None:
    """Return the feature maps of an epoch; `None` where its file is missing or damaged."""
    try:
        content = checksums.read(run_folder, path(run_folder, epoch), MOST_BYTES)
        with file_reader.arrays(content, MOST_BYTES) as stored:
            numbers = range(1, 1 + sum(name.startswith("maps_") for name in stored.files))
            features = FeatureMaps(
                kernels=stored["kernels"],
                film=int(stored["film"]),
                pixels=stored["pixels"],
                maps=tuple(stored[f"maps_{number}"] for number in numbers),
                peaks=tuple(stored[f"peaks_{number}"] for number in numbers),
            )
            return features if _is_whole(features) else None
    except Exception:  # numpy's reader of damaged files raises many kinds
        return None


def latest(run_folder: Path, epoch: int) -> tuple[int, FeatureMaps] | None:
    """Return the last epoch up to this one that has a whole file, and its feature maps."""
    for each in reversed([each for each in epochs(run_folder) if each <= epoch]):
        if maps := load(run_folder, each):
            return each, maps
    return None


def _is_whole(features: FeatureMaps) -> bool:
    """Check that the arrays have the shapes and types that `save` gives them."""
    square = features.pixels.ndim == 2 and features.pixels.dtype == np.uint8
    fits = all(
        maps.ndim == 3 and maps.dtype == np.uint8 and peaks.shape == maps.shape[:1]
        for maps, peaks in zip(features.maps, features.peaks, strict=True)
    )
    kernels = features.kernels.ndim == 3 and features.kernels.dtype == np.float32
    return bool(square and fits and kernels and features.maps and features.film >= 0)


def drop(run_folder: Path, dropped_epochs: list[int]) -> None:
    """Delete the files of these epochs, whose weights are deleted too."""
    for epoch in dropped_epochs:
        path(run_folder, epoch).unlink(missing_ok=True)


def drop_after(run_folder: Path, epoch: int) -> None:
    """Delete the files later than an epoch: a resumed run writes them again."""
    drop(run_folder, [each for each in epochs(run_folder) if each > epoch])
    sweep(run_folder / "features", older_than_seconds=0.0)  # no other process writes here
