"""SHA-256 of every file of a run that a number depends on, in `SHA256SUMS` at the run's top.

A line is appended before its file is replaced: a kill between the two leaves the old file, whose
older line still vouches for it. So a file is whole when any line of its name has its digest, and
damaged when its name has lines and none fits. A file without a line is unguarded: an older version
of this program wrote it, and its next write gives it one. The format is that of
`sha256sum --check --ignore-missing`.
"""

import errno
import functools
import hashlib
import os
from pathlib import Path

from fracture_core import file_reader
from fracture_core.errors import DamagedFile, FileMissing, FileRefused
from fracture_core.files import append_line, replace_file, stamp

SUMS = "SHA256SUMS"
GUARDED = (  # as glob patterns; what else a run folder holds decides no number, or guards its lines
    "config.json",
    "films.parquet",
    "pixel_hashes.npy",
    "predictions/epoch_*.npy",
    "features/epoch_*.npz",
    "checkpoints/epoch_*.weights.h5",
    "checkpoints/epoch_*.npz",
)
MOST_BYTES = 8 * 2**30  # of a file of a run: a state holds four times the largest network
KEPT = ("config.json", "films.parquet", "pixel_hashes.npy")  # once written, there for good
_DIGEST = 64  # hex characters


def write(folder: Path, path: Path, data: bytes) -> None:
    """Replace a file of a run, its checksum first.

    Args:
        folder: the run folder.
        path: of the file, somewhere below it.
        data: its whole new content.

    Raises:
        WriteFailed: no space or no permission; the file is then as it was.
    """
    line = f"{digest(data)}  {_name(folder, path)}\n".encode()
    append_line(folder / SUMS, line)
    replace_file(path, data)


def read(folder: Path, path: Path, limit: int = MOST_BYTES) -> bytes:
    """Read a file of a run and check it.

    Args:
        folder: the run folder.
        path: of the file, somewhere below it.
        limit: bytes that it may have.

    Raises:
        FileNotFoundError: there is none.
        DamagedFile: it is no regular file, larger than any of a run, or not what was written.
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
    """Read a file that can be made again: one without a checksum is worth no more than a damaged
    one. Arguments and errors as in `read`."""
    data = read(folder, path, limit)
    if not is_guarded(folder, path):
        raise DamagedFile(f"{_name(folder, path)} of {folder.name} carries no checksum.")
    return data


def check(folder: Path, path: Path, data: bytes) -> None:
    """Check the content of a file that was read already; an unguarded one passes.

    Raises:
        DamagedFile: it is not what was written.
    """
    digests = _sums(folder).get(_name(folder, path))
    if digests and digest(data) not in digests:
        raise DamagedFile(
            f"{_name(folder, path)} of {folder.name} is damaged (its checksum in {SUMS} differs)."
        )


def copy(source: Path, folder: Path, name: str) -> None:
    """Copy a file from one run folder to another; the copy carries a checksum.

    Raises:
        OSError: the file cannot be opened.
        DamagedFile: it is not what was written; nothing is copied.
    """
    data = read(source, source / name)
    (folder / name).parent.mkdir(exist_ok=True)
    write(folder, folder / name, data)


def is_guarded(folder: Path, path: Path) -> bool:
    """Whether a file of a run has a checksum."""
    return _name(folder, path) in _sums(folder)


def digests(folder: Path, path: Path) -> tuple[str, ...]:
    """Every checksum that was written for a file of a run, oldest first; () without one."""
    return _sums(folder).get(_name(folder, path), ())


def unguarded(folder: Path) -> list[str]:
    """The files of a run that should carry a checksum and do not, by name, in order."""
    known = _sums(folder)
    return [name for name in names(folder) if name not in known]


def damaged(folder: Path) -> list[str]:
    """The files of a run that are not what was written, or cannot be read, by name, in order."""
    bad = []
    for name in names(folder):
        try:
            read(folder, folder / name)
        except (OSError, DamagedFile):
            bad.append(name)
    return bad


def missing(folder: Path) -> list[str]:
    """The files that a run once had and never drops by itself, and that are gone, in order."""
    return sorted(
        name
        for name in _sums(folder)
        if (name in KEPT or name.startswith("predictions/")) and not (folder / name).exists()
    )


def names(folder: Path) -> list[str]:
    """The files of a run that a number depends on, in order."""
    found = (path for pattern in GUARDED for path in folder.glob(pattern))
    return sorted(_name(folder, path) for path in found)


def drop_missing(folder: Path) -> None:
    """Drop the lines of files that are gone; for the process that alone writes this run."""
    sums = _sums(folder)
    lines = [
        f"{each}  {name}\n"
        for name, digests in sums.items()
        if (folder / name).is_file()
        for each in digests
    ]
    if len(lines) < sum(map(len, sums.values())):
        replace_file(folder / SUMS, "".join(lines).encode())


def digest(data: bytes) -> str:
    """The SHA-256 of some bytes, as 64 hex characters."""
    return hashlib.sha256(data).hexdigest()


def _name(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def _sums(folder: Path) -> dict[str, tuple[str, ...]]:
    """File name -> every digest that was written for it, oldest first."""
    path = folder / SUMS
    return _read(path, stamp(path))


@functools.lru_cache(maxsize=256)  # a page asks for hundreds of files of one run
def _read(path: Path, _: tuple[int, ...]) -> dict[str, tuple[str, ...]]:
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
