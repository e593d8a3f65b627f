"""What can be measured on every film of a data set without any network.

One row a film: whether it can be read, size and mode, brightness, a digest of its pixels and a hash
of its look. Made on all cores; a run that was stopped goes on where it was.
"""

import hashlib
import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from fracture_core import checksums, file_reader
from fracture_core.errors import FilmError, Stopped
from fracture_core.files import make_folder
from fracture_core.films import dicom, images

COLUMNS = {
    "path": "str",
    "stamp": "str",  # size, time of change and permissions: a file that changed is measured anew
    "reason": "str",  # why it cannot be read; "" if it can
    "mode": "str",  # Pillow's name of the file's mode: "L", "RGB", "I;16"...
    "width": "int64",
    "height": "int64",
    "mean": "float64",  # grey, 0 to 1
    "spread": "float64",  # standard deviation of the grey, 0 to 0.5
    "peak": "float64",  # grey that one pixel in a hundred exceeds, 0 to 1
    "border": "float64",  # median grey of the outer rim, 0 to 1
    "pixels": "str",  # hex digest of size and grey pixels: equal for the same image in any file
    "look": "str",  # hex of 256 bits: near for films that look alike, see `look`
    "small": "object",  # bytes of the grey film at `COPY` x `COPY` px, to confirm a likeness
}
_HELD = {  # the same for `file_reader.read_table`
    name: {"str": "text", "int64": "whole", "float64": "number", "object": "bytes"}[kind]
    for name, kind in COLUMNS.items()
}
LOOK = (17, 16)  # px; differences along its rows are the bits of a look
STEP = 2  # grey levels of 255 that count as brighter: less is grain, and what JPEG makes of black
COPY = 32  # px
SMALL = 256  # px of the longer side of the copy on which brightness is measured
RIM = 0.04  # of the shorter side: how wide the border is
_CHUNK = 512  # films between two notes: what a kill costs at most


def table(
    root: Path,
    paths: Sequence[str],
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> pd.DataFrame:
    """The facts of all these films, in their order; columns as in `COLUMNS`.

    Args:
        root: folder that the paths are relative to.
        paths: one film each.
        folder: where finished pieces are kept; made if missing. One folder a data set.
        progress: called with (films done, all films).
        should_stop: asked after every film.

    Raises:
        Stopped: `should_stop` said so; what was measured is kept.
    """
    make_folder(folder)
    pieces, done = [], 0

    def measured() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, len(paths))
        if should_stop and should_stop():
            raise Stopped(f"Stopped after {done:,} of {len(paths):,} films.")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for first in range(0, len(paths), _CHUNK):
            wanted = list(paths[first : first + _CHUNK])
            kept = folder / f"facts-{first:06d}.parquet"
            rows = _kept(root, kept, wanted)
            done += len(rows)
            if len(rows) < len(wanted):
                _complete(rows, root, wanted, kept, pool, measured)
            pieces.append(_as_table(rows, wanted))
    return pd.concat(pieces, ignore_index=True) if pieces else _as_table({}, [])


Rows = dict[str, dict[str, object]]  # path of a film -> its facts


def _complete(
    rows: Rows,
    root: Path,
    wanted: list[str],
    kept: Path,
    pool: ThreadPoolExecutor,
    measured: Callable[[], None],
) -> None:
    """Measure the films that `rows` lacks; whatever ends that, what was measured is kept."""
    missing = [path for path in wanted if path not in rows]
    try:
        for row in pool.map(partial(measure, root), missing):
            rows[str(row["path"])] = row
            measured()
    finally:
        pieces = _as_table(rows, [path for path in wanted if path in rows])
        checksums.write(kept.parent, kept, pieces.to_parquet(None, index=False))
        if len(rows) < len(wanted):
            pool.shutdown(cancel_futures=True)


def _as_table(rows: Rows, paths: list[str]) -> pd.DataFrame:
    return pd.DataFrame([rows[path] for path in paths], columns=list(COLUMNS)).astype(COLUMNS)


def _kept(root: Path, path: Path, wanted: list[str]) -> Rows:
    """What was measured before of these films, as far as their files are the same."""
    try:
        content = checksums.read_guarded(path.parent, path, file_reader.TABLE_BYTES)
        piece = file_reader.read_table(content, _HELD)[list(COLUMNS)].astype(COLUMNS)
    except Exception:  # missing, damaged or another version's: it is measured again
        return {}
    piece = piece[piece["path"].isin(wanted)]
    piece = piece[[_stamp(root / row.path) == row.stamp for row in piece.itertuples()]]
    return {row["path"]: row for row in piece.to_dict("records")}


def _stamp(path: Path) -> str:
    try:
        facts = path.stat()
    except OSError:  # gone, or not to be read: its reason is told when it is measured
        return "none"
    return f"{facts.st_size}-{facts.st_mtime_ns}-{facts.st_mode}"


def measure(root: Path, path: str) -> dict[str, object]:
    """The facts of one film; one that cannot be read has its reason and nothing else."""
    empty = {"str": "", "object": b""}
    row: dict[str, object] = {name: empty.get(kind, 0) for name, kind in COLUMNS.items()}
    row |= {"path": path, "stamp": _stamp(root / path)}
    try:
        film = images.decode(root / path)
        row["mode"] = _mode(root / path)
    except FilmError as error:
        return row | {"reason": error.reason}
    content = hashlib.blake2b(repr(film.size).encode(), digest_size=16)
    content.update(film.tobytes())
    small = film.copy()
    small.thumbnail((SMALL, SMALL), Image.Resampling.BOX)
    grey = np.asarray(small, np.float64) / 255
    return row | {
        "width": film.width,
        "height": film.height,
        "mean": grey.mean(),
        "spread": grey.std(),
        "peak": np.quantile(grey, 0.99),
        "border": np.median(rim(grey)),
        "pixels": content.hexdigest(),
        "look": look(film),
        "small": film.resize((COPY, COPY), Image.Resampling.BOX).tobytes(),
    }


def _mode(path: Path) -> str:
    data = images.content(path)
    if dicom.is_dicom(data, path.name):
        return "DICOM"
    with Image.open(io.BytesIO(data), formats=images.FORMATS) as film:
        return film.mode


def rim(grey: np.ndarray) -> np.ndarray:
    """The pixels of the outer rim."""
    width = max(1, round(RIM * min(grey.shape)))
    inside = np.zeros(grey.shape, bool)
    inside[width:-width, width:-width] = True
    return grey[~inside]


def look(film: Image.Image) -> str:
    """64 hex digits: for each place of a 16 x 16 grid, whether it gets brighter to the right.

    A difference hash (dHash). Scaling, brightness and lossy saving change few of the bits.
    """
    small = np.asarray(film.resize(LOOK, Image.Resampling.BOX), int)
    return np.packbits(np.diff(small, axis=1) > STEP).tobytes().hex()


def looks_as_words(looks: Sequence[str]) -> np.ndarray:
    """Looks as uint64 (n, 4), for `bits_apart`."""
    joined = b"".join(bytes.fromhex(each) for each in looks)
    return np.frombuffer(joined, np.uint64).reshape(-1, 4)


def likeness(one: bytes, other: bytes) -> float:
    """Correlation of two films' small copies, -1 to 1; 0 where one of them is all of one grey."""
    pair = [np.frombuffer(each, np.uint8).astype(float) for each in (one, other)]
    first, second = (values - values.mean() for values in pair)
    length = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second / length) if length else 0.0


def bits_apart(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How many of the 256 bits differ: uint64 (a, 4) against (b, 4), int (a, b)."""
    apart = np.bitwise_count(one[:, None, 0] ^ others[None, :, 0]).astype(np.uint16)
    for word in range(1, 4):
        apart += np.bitwise_count(one[:, None, word] ^ others[None, :, word])
    return apart
