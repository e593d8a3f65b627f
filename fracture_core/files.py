"""Files that are replaced as a whole, so that no reader ever meets half of one, or grow line by
line; of both only what is new is read again.

Temporary names start with a dot and end in `.tmp`; what a killed process leaves is swept.
"""

import contextlib
import errno
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from fracture_core import file_reader
from fracture_core.errors import FileMissing, WriteFailed

TEMPORARY = ".*.tmp"  # as a glob pattern
FileCache = dict[Path, tuple[tuple[int, ...], Any]]  # file -> how it was, and what was read from it


def temporary(path: Path) -> Path:
    """A fresh temporary name beside `path`, which `sweep` knows."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` as the whole content of `path`: readers see the old file or the new one.

    The folder must exist. The new content has reached the disk when this returns.

    Raises:
        WriteFailed: no space, no permission, no folder; `path` is then as it was.
    """
    draft = temporary(path)
    try:
        with writing(path):
            with draft.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, where they are missing.

    Raises:
        WriteFailed: no space, no permission, or there is a file of that name.
    """
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def open_lock(path: Path) -> BinaryIO:
    """Open a file to lock it, made if it is missing; a pipe in its place does not wait.

    Raises:
        WriteFailed: no space, no permission, or it is a folder.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
    with writing(path):
        return open(os.open(path, flags, 0o644), "rb")  # noqa: PTH123


def append_line(path: Path, line: bytes) -> None:
    """Append a line, its end included, in one write; a torn line before it is closed first.

    Raises:
        WriteFailed: no space or no permission; the line may be torn.
    """
    with writing(path), path.open("a+b") as stream:
        stream.seek(max(0, stream.tell() - 1))
        torn = stream.read() not in (b"", b"\n")
        stream.write((b"\n" if torn else b"") + line)


def keep_damaged(path: Path) -> None:
    """Copy a file that cannot be read, as `NAME.damaged`, before a new one takes its place.

    It may be mended by hand; the first damaged copy stays.

    Raises:
        WriteFailed: no space or no permission.
    """
    copy = path.with_name(f"{path.name}.damaged")
    if path.is_file() and not copy.exists():
        with writing(copy):
            content = path.read_bytes()
        replace_file(copy, content)


def stamp(path: Path) -> tuple[int, ...]:
    """Other numbers whenever a file was written or replaced: time, size, inode; none if missing."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


def unchanged(path: Path, kept: FileCache | None, read: Callable[[], Any]) -> Any:
    """What `read` gives, which reads `path`; from `kept` where the file is as it was then.

    Args:
        path: the file; it may be missing.
        kept: what earlier calls have read, filled here; `None` to read each time. Who takes a
            value from it must not change it.
        read: reads the file. What it raises is not kept.
    """
    if kept is None:
        return read()
    now = stamp(path)  # before reading: what is written meanwhile is read the next time
    known = kept.get(path)
    if known is None or known[0] != now:
        known = kept[path] = (now, read())
    return known[1]


def appended(path: Path, kept: FileCache, add: Callable[[Any, bytes], Any]) -> Any:
    """What `add` makes of a file to whose end lines are written; only what is new is read.

    Args:
        path: the file; it may be missing.
        kept: what earlier calls have made, filled here. Who takes a value from it must not change
            it.
        add: (what it made so far, `None` at first; the lines since then) -> what it makes of both.
            The last line may lack its end; it is not kept then, and read again.

    Raises:
        FileRefused: the file is there and cannot be read.
    """
    (before, size), (last, made) = kept.pop(path, ((0, 0), (b"", None)))  # last asked, last dropped
    try:
        with file_reader.opened(path, file_reader.LINES_BYTES) as stream:
            inode = os.fstat(stream.fileno()).st_ino
            stream.seek(size - len(last))
            found = stream.read()
            # It was replaced, perhaps often enough to have its inode again.
            if inode != before or not found.startswith(last):
                size, last, made = 0, b"", None
                stream.seek(0)
                found = stream.read()
    except FileMissing:
        return add(None, b"")
    whole, end, rest = found[len(last) :].rpartition(b"\n")
    if end or made is None:
        made = add(made, whole + end)
        last = whole.rpartition(b"\n")[2] + end
    kept[path] = (inode, size + len(whole + end)), (last, made)
    return add(made, rest) if rest else made


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name `path` where the disk refuses what the `with` block writes: a failed write names none.

    Raises:
        WriteFailed: in the place of any `OSError` of the block.
    """
    try:
        yield
    except WriteFailed:
        raise  # it has its name
    except OSError as error:
        raise WriteFailed(refusal(error, path)) from error


def refusal(error: OSError, path: Path | None = None) -> str:
    """What a person must know of an error of the disk: the reason, the file, the next step.

    Args:
        error: "No space left on device" and its like.
        path: the file that was being written; `None` for the one that the error names.
    """
    named = error.filename or "a file"
    file = path or (Path(os.fsdecode(named)) if isinstance(named, str | bytes) else "a file")
    here = Path.cwd()
    if isinstance(file, Path) and here.name and file.is_relative_to(here):  # "/" has no name
        file = file.relative_to(here)
    reason = os.strerror(error.errno) if error.errno else str(error)
    verb = "written" if path else "read or written"
    return f"{reason}: {file} could not be {verb}. {_next_step(error.errno)}, then try again."


def _next_step(number: int | None) -> str:
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "Free some space"
    if number in (errno.EACCES, errno.EPERM):
        return "Give yourself permission to write there"
    if number == errno.EROFS:
        return "Its disk can only be read: choose a folder on another one"
    if number == errno.ENAMETOOLONG:
        return "Choose a shorter name"
    return "Check the disk and its folder"


def sweep(folder: Path, older_than_seconds: float = 60.0) -> None:
    """Remove the temporary files and folders that a killed process left right in `folder`.

    Younger ones stay: another process may be writing them.
    """
    limit = time.time() - older_than_seconds
    for path in folder.glob(TEMPORARY):
        try:
            if path.lstat().st_mtime > limit:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
        except FileNotFoundError:
            continue  # its writer, or another sweep, was quicker
