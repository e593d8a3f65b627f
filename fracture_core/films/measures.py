"""Measurements of every film of a data set, without any network.

One row per film: whether it can be read, size and mode, brightness, a digest of its pixels and a
hash of its look. Uses all cores; measuring continues where it was stopped. Pictures and landmarks
stay on disk, so that memory hardly grows with the number of films.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import cv2
import numpy as np
import pandas as pd

from fracture_core import checksums, file_reader
from fracture_core.errors import FilmError, Stopped
from fracture_core.files import make_folder
from fracture_core.films import agreement, images, landmarks, looks
from fracture_core.films.parked_bytes import Store

COLUMNS = {
    "path": "str",
    "stamp": "str",  # of the file and of our reading: what has changed is measured again
    "reason": "str",  # of not being read; "" if it can be read
    "notes": "str",  # what is odd about the file, in sentences; see `FilmReading`
    "missing_rows": "int64",  # see `FilmReading`
    "mode": "str",  # Pillow's name of the file's mode: "L", "RGB", "I;16"...
    "width": "int64",
    "height": "int64",
    "mean": "float64",  # grey, 0 to 1
    "spread": "float64",  # standard deviation of the grey, 0 to 0.5
    "peak": "float64",  # grey exceeded by one pixel in a hundred, 0 to 1
    "border": "float64",  # median grey of the outer rim, 0 to 1
    "pixels": "str",  # hex digest of size and grey pixels: equal for the same image in any file
    "look": "str",  # hex of 256 bits: near for films that look alike, see `looks`
    "small": "object",  # bytes of the grey film at `looks.SIZE` px, to confirm a likeness
    "landmarks": "object",  # bytes, see `Landmarks.to_bytes`
    "coarse": "object",  # bytes, see `agreement.coarse`; in a table all three are `Parked`
}
_TYPES = {  # of the columns, for `file_reader.read_table`
    name: {"str": "text", "int64": "whole", "float64": "number", "object": "bytes"}[kind]
    for name, kind in COLUMNS.items()
}
SMALL = 256  # px, at most, of the longer side of the copy that brightness and look are taken from
RIM = 0.04  # width of the border, of the shorter side
_CHUNK = 512  # films per saved piece: the most that a kill costs
_VERSION = 4  # raised whenever the same film is measured otherwise
_PLAIN = "-plain"  # end of the stamp of a film without landmarks


def table(
    root: Path,
    paths: Sequence[str],
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    with_landmarks: bool = True,
) -> pd.DataFrame:
    """Return the measurements of all these films, in their order; columns as in `COLUMNS`.

    Args:
        root: folder that the paths are relative to.
        paths: one film each.
        folder: gets finished pieces; created if missing. One folder per data set.
        progress: called with (films done, all films).
        should_stop: called after every film.
        with_landmarks: whether to find the landmarks too, which families are found by.

    Raises:
        Stopped: `should_stop` returned true; the measurements so far are saved.
    """
    make_folder(folder)
    store = Store(folder)
    cv2.setNumThreads(1)  # films are measured on all cores already
    pieces: list[pd.DataFrame] = []
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, len(paths))
        if should_stop and should_stop():
            raise Stopped(f"Stopped after {done:,} of {len(paths):,} films.")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        film = partial(measure, root, with_landmarks=with_landmarks)

        def begin(first: int) -> _Piece:
            chunk = list(paths[first : first + _CHUNK])
            file = folder / f"facts-{first:06d}.parquet"
            rows = _saved_rows(root, file, chunk, with_landmarks)
            missing = [path for path in chunk if path not in rows]
            return _Piece(file, chunk, rows, pool.map(film, missing))

        try:
            # One piece ahead, so that no core waits while a piece is saved.
            for piece in _one_ahead(map(begin, range(0, len(paths), _CHUNK))):
                done += len(piece.rows)
                pieces.append(_parked(_completed(piece, count), store))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return pd.concat(pieces, ignore_index=True) if pieces else _as_table({}, [])


def kept_means(root: Path, paths: Sequence[str], folder: Path) -> dict[str, float] | None:
    """Return the saved mean brightness of all these films by path; `None` where any is missing.

    Only two columns are unpacked: a film's landmarks take a thousand times as much memory.

    Args:
        root: folder that the paths are relative to.
        paths: of all films of a data set, in their order.
        folder: of the measurements, see `table`.
    """
    columns = {name: _TYPES[name] for name in ("path", "stamp", "mean")}
    means: dict[str, float] = {}
    for first in range(0, len(paths), _CHUNK):
        file = folder / f"facts-{first:06d}.parquet"
        try:
            content = checksums.read_guarded(folder, file, file_reader.TABLE_BYTES)
            piece = file_reader.read_table(content, columns)
        except Exception:  # missing, damaged or another version's
            return None
        stamps = zip(piece["path"], piece["stamp"], piece["mean"], strict=True)
        means |= {path: float(mean) for path, stamp, mean in stamps if _stamp(root / path) == stamp}
    return means if means.keys() >= set(paths) else None


Rows = dict[str, dict[str, object]]  # path of a film -> its measurements


class _Piece(NamedTuple):
    """Films whose measurements share a file."""

    file: Path
    paths: list[str]
    rows: Rows  # those that were saved
    measured: Iterator[dict[str, object]]  # the others, being measured


def _one_ahead(pieces: Iterator[_Piece]) -> Iterator[_Piece]:
    """Yield each piece once the next has been begun."""
    waiting = next(pieces, None)
    while waiting:
        following = next(pieces, None)
        yield waiting
        waiting = following


def _completed(piece: _Piece, count: Callable[[], None]) -> pd.DataFrame:
    """Return all rows of a piece; save what is measured, whatever ends it."""
    rows, saved = piece.rows, len(piece.rows)
    try:
        for row in piece.measured:
            rows[str(row["path"])] = row
            count()
    finally:
        table = _as_table(rows, [path for path in piece.paths if path in rows])
        if len(rows) > saved:
            checksums.write(piece.file.parent, piece.file, table.to_parquet(None, index=False))
    return table


def _as_table(rows: Rows, paths: list[str]) -> pd.DataFrame:
    return pd.DataFrame([rows[path] for path in paths], columns=list(COLUMNS)).astype(COLUMNS)


def _parked(piece: pd.DataFrame, store: Store) -> pd.DataFrame:
    """Move pictures and landmarks of a piece to a file."""
    large = {
        name: [store.add(content) for content in piece[name]]
        for name in ("small", "landmarks", "coarse")
    }
    return piece.assign(**{name: pd.Series(each, dtype=object) for name, each in large.items()})


def _saved_rows(root: Path, file: Path, chunk: list[str], with_landmarks: bool) -> Rows:
    """Return saved measurements of these films, of those whose files have not changed."""
    try:
        content = checksums.read_guarded(file.parent, file, file_reader.TABLE_BYTES)
        piece = file_reader.read_table(content, _TYPES)[list(COLUMNS)].astype(COLUMNS)
    except Exception:  # missing, damaged or another version's: it is measured again
        return {}
    piece = piece[piece["path"].isin(chunk)]
    stamps = zip(piece["path"], piece["stamp"], strict=True)
    ends = ("",) if with_landmarks else ("", _PLAIN)
    piece = piece[[stamp.removeprefix(_stamp(root / path)) in ends for path, stamp in stamps]]
    records = cast(list[dict[str, object]], piece.to_dict("records"))  # its columns are text
    return {str(row["path"]): row for row in records}


def _stamp(path: Path) -> str:
    try:
        facts = path.stat()
    except OSError:  # gone or unreadable: `measure` gives the reason
        return "none"
    return f"{facts.st_size}-{facts.st_mtime_ns}-{facts.st_mode}-{images.RECIPE_VERSION}-{_VERSION}"


def measure(root: Path, path: str, with_landmarks: bool = True) -> dict[str, object]:
    """Measure one film; a film that cannot be read has its reason and nothing else."""
    empty = {"str": "", "object": b""}
    row: dict[str, object] = {name: empty.get(kind, 0) for name, kind in COLUMNS.items()}
    file = root / path
    row |= {"path": path, "stamp": _stamp(file) + ("" if with_landmarks else _PLAIN)}
    try:
        reading = images.read(images.content(file), file.name)
    except FilmError as error:
        return row | {"reason": error.reason}
    film = reading.image
    grey = np.asarray(film)
    digest = hashlib.sha256(repr(film.size).encode())  # the quickest: processors know it
    digest.update(grey.data)
    reduced = _reduced(grey, SMALL)  # all that follows is taken from it
    # In two steps, which take a quarter of the time of one.
    small = cv2.resize(_reduced(reduced, SMALL // 2), looks.SIZE, interpolation=cv2.INTER_AREA)
    picture = landmarks.picture(film) if with_landmarks else None
    return (
        row
        | _brightness(reduced)
        | {
            "notes": " ".join(reading.notes),
            "missing_rows": reading.missing_rows,
            "mode": reading.mode,
            "width": film.width,
            "height": film.height,
            "pixels": digest.hexdigest(),
            "look": looks.look(small),
            "small": small.tobytes(),
            "landmarks": landmarks.find(picture).to_bytes() if picture else b"",
            "coarse": agreement.coarse(picture) if picture else b"",
        }
    )


def _reduced(grey: np.ndarray, longest: int) -> np.ndarray:
    """Return a film, uint8 (h, w), averaged by a whole factor to at most `longest` px.

    What is left of the last rows and columns is dropped: OpenCV takes ten times as long with it.
    """
    factor = -(-max(grey.shape) // longest)
    height, width = (max(1, side // factor) for side in grey.shape)
    whole = grey[: height * factor, : width * factor]
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)


def _brightness(grey: np.ndarray) -> dict[str, object]:
    """Return mean, spread, peak and border of a film, uint8 (h, w), by histograms."""
    mean, spread = cv2.meanStdDev(grey)
    counts = cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel()  # NumPy takes twice as long
    return {
        "mean": float(mean[0, 0]) / 255,
        "spread": float(spread[0, 0]) / 255,
        "peak": _quantile(counts, 0.99),
        "border": _quantile(np.bincount(rim(grey), minlength=256), 0.5),
    }


def _quantile(counts: np.ndarray, share: float) -> float:
    """Return the grey below which a share of the pixels lies, 0 to 1; counts of 256 levels."""
    below = counts.cumsum()
    place = share * (int(below[-1]) - 1)
    first, last = (below.searchsorted(each, "right") for each in (int(place), -int(-place // 1)))
    return float(first + (last - first) * (place % 1)) / 255


def rim(grey: np.ndarray) -> np.ndarray:
    """Return the grey of the pixels in the outer rim, (n,)."""
    width = _rim_width(*grey.shape)
    middle = grey[width:-width]
    sides = (grey[:width], grey[-width:][max(0, 2 * width - len(grey)) :])
    ends = (middle[:, :width], middle[:, -width:][:, max(0, 2 * width - grey.shape[1]) :])
    return np.concatenate([each.ravel() for each in (*sides, *ends)])


def _rim_width(*sides: int) -> int:
    return max(1, round(RIM * min(sides)))
