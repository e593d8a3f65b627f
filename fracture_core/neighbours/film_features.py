"""Features of all films of a data set by one model: what its last layer decides by.

They are the values that the network's output layer receives (of an ensemble, those of all members),
standardized over the films. They are saved piece by piece, so that work that was stopped or killed
continues; a damaged piece is made again alone.
"""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fracture_core import checksums, file_reader
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import DataError, ModelError, Stopped
from fracture_core.files import make_folder
from fracture_core.films import images, pixel_cache
from fracture_core.folders import cache_folder
from fracture_core.models import model_files
from fracture_core.models.model import Model

VERSION = 1  # raised whenever the same films and weights give other features
WIDEST = 256  # numbers of a film; a wider layer is projected at random, which keeps distances
PIECE = 2_048  # films per saved file: the most that a kill costs
BATCH = 32  # films predicted at once
_PIECE_BYTES = PIECE * (4 * (WIDEST + 1) + 1) + 2**20


@dataclass(frozen=True, kw_only=True, eq=False)
class FilmFeatures:
    """Features and probabilities of the films of a data set.

    Args:
        values: float32 (n, d), standardized, in the order of the manifest; 0 for unreadable films.
        probabilities: float32 (n,), of a positive label.
        readable: bool (n,), which films could be read.
    """

    values: np.ndarray = field(repr=False)
    probabilities: np.ndarray = field(repr=False)
    readable: np.ndarray = field(repr=False)


def folder_of(model: Model, dataset: Dataset) -> Path:
    """Return the folder for the features of these films by these weights, through this recipe."""
    weights = model_files.sha256(model.weights)
    card = model.card.without_choices().to_json()  # they change no feature
    parts = (str(VERSION), weights, card, dataset.hash, str(dataset.root))
    text = " ".join((*parts, images.version()))
    return cache_folder() / "neighbours" / hashlib.sha256(text.encode()).hexdigest()[:16]


def make(
    model: Model,
    dataset: Dataset,
    folder: Path,
    reading: Callable[[int, int], None] = lambda done, total: None,
    predicting: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> FilmFeatures:
    """Make the pieces that are missing, damaged or of changed films. Loads TensorFlow.

    Args:
        model: whose features.
        dataset: whose films.
        folder: see `folder_of`.
        reading: called with (films opened, all films).
        predicting: called with (films with features, all films).
        should_stop: called for every film that is opened, and every batch.

    Raises:
        Stopped: `should_stop` returned true; finished pieces stay.
        DataError: no film can be read.
        ModelError: the network's values are not finite.
    """
    make_folder(folder)
    paths = dataset.manifest["path"].tolist()
    cache = pixel_cache.of_films(
        dataset.root, paths, model.card.recipe, cache_folder() / "pixels", reading, should_stop
    )
    if len(cache.refused) == len(paths):
        raise DataError(f"None of the {len(paths)} films can be read; first, {cache.refused[0]}")
    readable = np.ones(len(paths), bool)
    readable[list(cache.refused)] = False
    compute = None
    for first in range(0, len(paths), PIECE):
        rows = slice(first, min(first + PIECE, len(paths)))
        stamp = images.stamp(dataset.root, paths[rows])
        if _piece(folder, first, rows.stop - first, stamp) is None:
            compute = compute or _network(model)
            content = _computed(
                compute, cache.pixels[rows], first, len(paths), predicting, should_stop
            )
            _save(folder, first, *content, readable[rows], stamp)
        predicting(rows.stop, len(paths))
    made = load(folder, dataset)
    if made is None:
        raise DataError(f"The features in {folder} cannot be read back. Check the disk.")
    return made


Compute = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def _computed(
    compute: Compute,
    pixels: np.ndarray,
    first: int,
    total: int,
    predicting: Callable[[int, int], None],
    should_stop: Callable[[], bool],
) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities and features of a piece's films."""
    parts = []
    for start in range(0, len(pixels), BATCH):
        if should_stop():
            raise Stopped(f"Stopped after {first + start:,} of {total:,} films.")
        parts.append(compute(np.asarray(pixels[start : start + BATCH])))
        predicting(first + start, total)
    probabilities, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    if not np.isfinite(values).all():
        raise ModelError(
            "Films are compared by finite numbers, and this network gives others. Choose another "
            "model or epoch."
        )
    return probabilities, values


def _network(model: Model) -> Compute:
    """Return a function from uint8 (n, size, size), n up to `BATCH`, to probabilities, features."""
    from dataclasses import replace

    import tensorflow as tf

    from fracture_core.networks import architectures
    from fracture_core.prediction.inference import Predictor

    both = architectures.with_penultimate(Predictor(replace(model, gate=None)).network)
    width = int(both.output_shape[1][-1])
    size = model.card.recipe.size
    narrow = None
    if width > WIDEST:
        draw = np.random.Generator(np.random.Philox(0)).normal(size=(width, WIDEST))
        narrow = tf.constant(draw / WIDEST**0.5, tf.float32)

    def compute(films: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        probability, values = both(tf.cast(films, tf.float32)[..., None], training=False)
        return probability[:, 0], values if narrow is None else values @ narrow

    # Without autograph: there are no branches to rewrite.
    signature = [tf.TensorSpec((BATCH, size, size), tf.uint8)]
    compiled = tf.function(compute, input_signature=signature, autograph=False)

    def of(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        batch = np.zeros((BATCH, size, size), np.uint8)
        batch[: len(pixels)] = pixels
        probabilities, values = compiled(batch)
        return probabilities.numpy()[: len(pixels)], values.numpy()[: len(pixels)]

    return of


# --- on disk ------------------------------------------------------------------------------------


def load(folder: Path, dataset: Dataset) -> FilmFeatures | None:
    """Return the features in a folder; `None` if some are missing, damaged or of changed films."""
    paths = dataset.manifest["path"].tolist()
    pieces: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for first in range(0, len(paths), PIECE):
        some = paths[first : first + PIECE]
        piece = _piece(folder, first, len(some), images.stamp(dataset.root, some))
        if piece is None or (pieces and piece[0].shape[1] != pieces[0][0].shape[1]):
            return None
        pieces.append(piece)
    if not pieces:
        return None
    values, probabilities, readable = (np.concatenate(each) for each in zip(*pieces, strict=True))
    return FilmFeatures(
        values=_standardized(values, readable), probabilities=probabilities, readable=readable
    )


def _standardized(values: np.ndarray, readable: np.ndarray) -> np.ndarray:
    """Scale each feature to a mean of 0 and a deviation of 1 over the readable films."""
    some = values[readable]
    mean, deviation = some.mean(axis=0, dtype=np.float64), some.std(axis=0, dtype=np.float64)
    scaled = (values - mean) / np.where(deviation > 1e-6, deviation, np.inf)
    scaled[~readable] = 0
    result: np.ndarray = scaled.astype(np.float32)
    return result


def _file(folder: Path, first: int) -> Path:
    return folder / f"films-{first:07d}.npz"


def _save(
    folder: Path,
    first: int,
    probabilities: np.ndarray,
    values: np.ndarray,
    readable: np.ndarray,
    stamp: str,
) -> None:
    content = io.BytesIO()
    np.savez(
        content,
        values=values.astype(np.float32),
        probabilities=probabilities.astype(np.float32),
        readable=readable,
        stamp=np.array(stamp),
    )
    checksums.write(folder, _file(folder, first), content.getvalue())


def _piece(
    folder: Path, first: int, count: int, stamp: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return values, probabilities and readability of a saved piece; `None` where there is none."""
    try:
        content = checksums.read_guarded(folder, _file(folder, first), _PIECE_BYTES)
        with file_reader.arrays(content, _PIECE_BYTES) as stored:
            values, probabilities = stored["values"], stored["probabilities"]
            readable, stored_stamp = stored["readable"], str(stored["stamp"])
    except Exception:  # missing, or damaged in one of many ways: it is made again
        return None
    fits = (
        values.ndim == 2
        and values.dtype == probabilities.dtype == np.float32
        and readable.dtype == bool
        and len(values) == count
        and probabilities.shape == readable.shape == (count,)
        and stored_stamp == stamp
        and np.isfinite(values).all()
    )
    return (values, probabilities, readable) if fits else None
