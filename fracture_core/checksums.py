"""SHA-256 of every file that a run's numbers depend on, in `SHA256SUMS` of its folder.

A line is appended before its file is replaced: a kill between the two leaves the old file, and its
older line is still valid. So a file is intact when any line of its name has its digest, and damaged
when its name has lines and none matches. A file without a line is unguarded: an older version of
this program wrote it, and its next write adds a line. The format is that of
`sha256sum --check --ignore-missing`. A card, which is a folder's only note, holds its own.
"""

import errno
import functools
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from fracture_core import file_reader
from fracture_core.errors import DamagedFile, FileMissing, FileRefused
from fracture_core.files import append_line, make_folder, replace_file, stamp

SUMS = "SHA256SUMS"
GUARDED = (  # glob patterns; no number depends on the other files, or their lines have checksums
    "config.json",
    "films.parquet",
    "pixel_hashes.npy",
    "predictions/epoch_*.npy",
    "features/epoch_*.npz",
    "checkpoints/epoch_*.weights.h5",
    "checkpoints/epoch_*.npz",
)
MOST_BYTES = 8 * 2**30  # of a file of a run: a state is four times as large as the largest network
KEPT = ("config.json", "films.parquet", "pixel_hashes.npy")  # never removed once written
_DIGEST = 64  # hex characters
_OWN = "content_sha256"  # the key, in a JSON file, of the checksum of its other keys


def write(folder: Path, path: Path, data: bytes) -> None:
    """Replace a file of a run, its checksum first.

    Args:
        folder: the run folder.
        path: of the file, below the folder.
        data: its new content.

    Raises:
        WriteFailed: no space or no permission; the file is then unchanged.
    """
    line = f"{digest(data)}  {_name(folder, path)}\n".encode()
    append_line(folder / SUMS, line)
    replace_file(path, data)


def read(folder: Path, path: Path, limit: int = MOST_BYTES) -> bytes:
    """Read a file of a run and check it.

    Args:
        folder: the run folder.
        path: of the file, below the folder.
        limit: largest size in bytes.

    Raises:
        FileNotFoundError: there is none.
        DamagedFile: it is no regular file, too large, or does not match its checksum.
    """
    try:
        data = file_reader.read_bytes(path, limit)
    except FileMissing as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from error
    except FileRefused as error:
        raise DamagedFile(f"{_name(folder, path)} of {folder.name} {error.reason}.") from error
    check(folder, path, data)
    return data


def read_guarded(folder: Path, path: Path, limit: int = MOST_BYTES) -> bytes:
    """Read a file that can be made again, so that it is refused without a checksum.

    Arguments and errors as in `read`.
    """
    data = read(folder, path, limit)
    if not is_guarded(folder, path):
        raise DamagedFile(f"{_name(folder, path)} of {folder.name} carries no checksum.")
    return data


def check(folder: Path, path: Path, data: bytes) -> None:
    """Check the content of a file that was read already; an unguarded one passes.

    Raises:
        DamagedFile: it does not match its checksum.
    """
    digests = _sums(folder).get(_name(folder, path))
    if digests and digest(data) not in digests:
        raise DamagedFile(
            f"{_name(folder, path)} of {folder.name} is damaged (its checksum in {SUMS} differs)."
        )


def copy(source: Path, folder: Path, name: str) -> None:
    """Copy a file from one run folder to another, with a checksum.

    Raises:
        OSError: the file cannot be opened.
        DamagedFile: it does not match its checksum; nothing is copied.
    """
    data = read(source, source / name)
    (folder / name).parent.mkdir(exist_ok=True)
    write(folder, folder / name, data)


def is_guarded(folder: Path, path: Path) -> bool:
    """Return whether a file of a run has a checksum."""
    return _name(folder, path) in _sums(folder)


def digests(folder: Path, path: Path) -> tuple[str, ...]:
    """Return all checksums written for a file of a run, oldest first; () without one."""
    return _sums(folder).get(_name(folder, path), ())


def unguarded(folder: Path) -> list[str]:
    """Return names of the files of a run that lack their checksum, in order."""
    sums = _sums(folder)
    return [name for name in names(folder) if name not in sums]


def damaged(folder: Path) -> list[str]:
    """Return names of the files of a run that are damaged or unreadable, in order."""
    bad = []
    for name in names(folder):
        try:
            read(folder, folder / name)
        except (OSError, DamagedFile):
            bad.append(name)
    return bad


def missing(folder: Path) -> list[str]:
    """Return names of the files that a run never removes by itself and that are gone, in order."""
    return sorted(
        name
        for name in _sums(folder)
        if (name in KEPT or name.startswith("predictions/")) and not (folder / name).exists()
    )


def names(folder: Path) -> list[str]:
    """Return names of the files of a run that its numbers depend on, in order."""
    paths = (path for pattern in GUARDED for path in folder.glob(pattern))
    return sorted(_name(folder, path) for path in paths)


def drop_missing(folder: Path) -> None:
    """Drop the lines of files that are gone; for the only process that writes this run."""
    sums = _sums(folder)
    lines = [
        f"{each}  {name}\n"
        for name, digests in sums.items()
        if (folder / name).is_file()
        for each in digests
    ]
    if len(lines) < sum(map(len, sums.values())):
        replace_file(folder / SUMS, "".join(lines).encode())


def json_with_own(fields: dict[str, Any]) -> bytes:
    """Return fields as a JSON file that ends in its own checksum."""
    return (json.dumps(fields | {_OWN: _of_fields(fields)}, indent=2) + "\n").encode()


def split_own(fields: Any) -> tuple[Any, bool | None]:
    """Split the content of such a file from its checksum.

    Args:
        fields: the parsed JSON, of any kind.

    Returns:
        The other fields, and whether the checksum is theirs; `None` where there is none.
    """
    if not isinstance(fields, dict) or _OWN not in fields:
        return fields, None
    others = {key: value for key, value in fields.items() if key != _OWN}
    return others, fields[_OWN] == _of_fields(others)


def _of_fields(fields: dict[str, Any]) -> str:
    """Return the checksum of JSON fields, whatever their order and the spaces between them."""
    return digest(json.dumps(fields, sort_keys=True).encode())


def keep(folder: Path, name: str, data: bytes) -> Path:
    """Keep a file under its content's digest and its own name; return its path.

    The name stays, since an error must name the file as its owner knows it.

    Raises:
        WriteFailed: no space or no permission.
    """
    name = re.sub(r"[^\w.\-]", "_", name).lstrip(".")
    path = folder / digest(data)[:16] / name
    make_folder(path.parent)
    if not path.is_file():
        replace_file(path, data)
    return path


def digest(data: bytes) -> str:
    """Return the SHA-256 of some bytes, as 64 hex characters."""
    return hashlib.sha256(data).hexdigest()


def _name(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def _sums(folder: Path) -> dict[str, tuple[str, ...]]:
    """Map a file name to all digests written for it, oldest first."""
    path = folder / SUMS
    return _read(path, stamp(path))


@functools.lru_cache(maxsize=256)  # a page checks hundreds of files of one run
def _read(path: Path, _stamp: tuple[int, ...]) -> dict[str, tuple[str, ...]]:
    try:
        text = file_reader.read_text(path, file_reader.LIST_BYTES, errors="replace")
    except FileRefused:
        return {}
    sums: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        value, _, name = line.partition("  ")
        if name and len(value) == _DIGEST and value not in sums.get(name, ()):
            sums[name] = (*sums.get(name, ()), value)
    return sums
