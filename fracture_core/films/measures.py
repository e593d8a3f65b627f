"""Measurements of every film of a data set, without any network.

One row per film: whether it can be read, size and mode, brightness, a digest of its pixels and a
hash of its look. Uses all cores; measuring continues where it was stopped. Pictures and landmarks
stay on disk, so that memory hardly grows with the number of films.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePath
from typing import cast

import numpy as np
import pandas as pd
from PIL import Image

from fracture_core import checksums, file_reader
from fracture_core.errors import FilmError, Stopped
from fracture_core.files import make_folder
from fracture_core.films import images, landmarks
from fracture_core.films.parked_bytes import Parked, Store

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
    "look": "str",  # hex of 256 bits: near for films that look alike, see `look`
    "small": "object",  # bytes of the grey film at `COPY` x `COPY` px, to confirm a likeness
    "landmarks": "object",  # bytes, see `Landmarks.to_bytes`; in a table both are `Parked`
}
_TYPES = {  # of the columns, for `file_reader.read_table`
    name: {"str": "text", "int64": "whole", "float64": "number", "object": "bytes"}[kind]
    for name, kind in COLUMNS.items()
}
LOOK = (17, 16)  # px; differences along its rows are the bits of a look
STEP = 2  # of 255 grey levels that count as brighter: less is grain, or JPEG's noise on black
COPY = 32  # px
SMALL = 256  # px, at most, of the longer side of the copy that brightness and look are taken from
RIM = 0.04  # width of the border, of the shorter side
_CHUNK = 512  # films per saved piece: the most that a kill costs
_VERSION = 2  # raised whenever the same film is measured otherwise
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
        for first in range(0, len(paths), _CHUNK):
            chunk = list(paths[first : first + _CHUNK])
            file = folder / f"facts-{first:06d}.parquet"
            rows = _saved_rows(root, file, chunk, with_landmarks)
            done += len(rows)
            if len(rows) < len(chunk):
                film = partial(measure, root, with_landmarks=with_landmarks)
                _complete(rows, film, chunk, file, pool, count)
            pieces.append(_parked(_as_table(rows, chunk), store))
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


def _complete(
    rows: Rows,
    film: Callable[[str], dict[str, object]],
    chunk: list[str],
    file: Path,
    pool: ThreadPoolExecutor,
    count: Callable[[], None],
) -> None:
    """Measure the films that `rows` lacks; save what is measured, whatever ends it."""
    missing = [path for path in chunk if path not in rows]
    try:
        for row in pool.map(film, missing):
            rows[str(row["path"])] = row
            count()
    finally:
        pieces = _as_table(rows, [path for path in chunk if path in rows])
        checksums.write(file.parent, file, pieces.to_parquet(None, index=False))
        if len(rows) < len(chunk):
            pool.shutdown(cancel_futures=True)


def _as_table(rows: Rows, paths: list[str]) -> pd.DataFrame:
    return pd.DataFrame([rows[path] for path in paths], columns=list(COLUMNS)).astype(COLUMNS)


def _parked(piece: pd.DataFrame, store: Store) -> pd.DataFrame:
    """Move pictures and landmarks of a piece to a file."""
    large = {
        name: [store.add(content) for content in piece[name]] for name in ("small", "landmarks")
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
    row |= {"path": path, "stamp": _stamp(root / path) + ("" if with_landmarks else _PLAIN)}
    try:
        name = PurePath(path).name
        data = images.content(root / path)
        reading = images.read(data, name)
    except FilmError as error:
        return row | {"reason": error.reason}
    film = reading.image
    digest = hashlib.sha256(repr(film.size).encode())  # the quickest: processors know it
    digest.update(film.tobytes())
    # By a whole factor, which takes a third of the time; the rest is taken from this copy.
    small = film.reduce(-(-max(film.size) // SMALL))
    marks = landmarks.find(landmarks.picture(film)).to_bytes() if with_landmarks else b""
    return (
        row
        | _brightness(small)
        | {
            "notes": " ".join(reading.notes),
            "missing_rows": reading.missing_rows,
            "mode": reading.mode,
            "width": film.width,
            "height": film.height,
            "pixels": digest.hexdigest(),
            "look": look(small),
            "small": small.resize((COPY, COPY), Image.Resampling.BOX).tobytes(),
            "landmarks": marks,
        }
    )


def _brightness(film: Image.Image) -> dict[str, object]:
    """Return mean, spread, peak and border of a grey film, by histograms."""
    counts = np.array(film.histogram())
    levels = np.arange(256) / 255
    total = film.width * film.height
    mean = float(counts @ levels) / total
    width = _rim_width(film.height, film.width)
    inner = film.crop(
        (width, width, max(width, film.width - width), max(width, film.height - width))
    )
    around = counts - np.array(inner.histogram())
    return {
        "mean": mean,
        "spread": float(counts @ (levels - mean) ** 2 / total) ** 0.5,
        "peak": _quantile(counts, 0.99),
        "border": _quantile(around, 0.5),
    }


def _quantile(counts: np.ndarray, share: float) -> float:
    """Return the grey below which a share of the pixels lies, 0 to 1; counts of 256 levels."""
    below = counts.cumsum()
    place = share * (int(below[-1]) - 1)
    first, last = np.searchsorted(below, [int(place), -int(-place // 1)], "right")
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


def look(film: Image.Image) -> str:
    """Return 64 hex digits: for each cell of a 16 x 16 grid, whether its right one is brighter.

    A difference hash (dHash). Scaling, brightness and lossy saving change few of the bits.
    """
    small = np.asarray(film.resize(LOOK, Image.Resampling.BOX), int)
    return np.packbits(np.diff(small, axis=1) > STEP).tobytes().hex()


def looks_as_words(looks: Sequence[str]) -> np.ndarray:
    """Return looks as uint64 (n, 4), for `bits_apart`."""
    joined = b"".join(bytes.fromhex(each) for each in looks)
    return np.frombuffer(joined, np.uint64).reshape(-1, 4)


def likeness(one: bytes | Parked, other: bytes | Parked) -> float:
    """Return the correlation of two films' small copies, -1 to 1; 0 if one is uniformly grey."""
    first, second = (np.frombuffer(bytes(each), np.uint8).astype(float) for each in (one, other))
    return landmarks.correlation(first, second)


def bits_apart(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Count the bits of 256 that differ: uint64 (a, 4) against (b, 4), int (a, b)."""
    apart: np.ndarray = np.bitwise_count(one[:, None, 0] ^ others[None, :, 0]).astype(np.uint16)
    for word in range(1, 4):
        apart += np.bitwise_count(one[:, None, word] ^ others[None, :, word])
    return apart
