"""Files that are replaced as a whole, so that no reader sees half of one, or grow line by line; of
both only new content is read again.

Temporary names start with a dot and end in `.tmp`; those that a killed process leaves are swept.
"""

import contextlib
import errno
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fracture_core import file_reader
from fracture_core.errors import DataError, FileMissing, WriteFailed

TEMPORARY = ".*.tmp"  # as a glob pattern
LEVELS = 8  # of folders, that `remove_tree` descends at most: their path stays short enough to use
FileCache = dict[Path, tuple[tuple[int, ...], Any]]  # file -> its stamp, and its parsed content


def absolute(path: Path) -> Path:
    """Return the absolute path, without "~", ".." and links.

    Raises:
        DataError: it cannot be followed: a circle of links, no permission, a name too long; or it
            is no UTF-8 text.
    """
    try:
        return as_text(Path(path).expanduser().resolve())
    except (OSError, RuntimeError, ValueError) as error:  # a circle, or a null character, in turn
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path} cannot be followed ({reason}). Check the path.") from error


def as_text(path: Path) -> Path:
    """Return the path, if it is UTF-8 text: no table, no page and no JSON file holds another one.

    Raises:
        DataError: it is not, as names of old archives and disks are.
    """
    name = os.fsencode(path)
    try:
        name.decode()
    except UnicodeDecodeError as error:
        shown = name.decode(errors="replace")
        raise DataError(
            f"The path {shown} is not UTF-8 text. Rename its folders, then give it again."
        ) from error
    return path


def temporary(path: Path) -> Path:
    """Return a new temporary name beside `path`, of the form that `sweep` removes."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def replace_file(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Write `data` as the whole content of `path`: readers see the old file or the new one.

    The folder must exist. The new content has reached the disk when this returns.

    Args:
        path: the file.
        data: its new content.
        mode: who may read and write it, from its first byte on; the process' mask applies.

    Raises:
        WriteFailed: no space, no permission, no folder; `path` is then as it was.
    """
    draft = temporary(path)
    try:
        with writing(path):
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            with open(descriptor, "wb") as file:  # noqa: PTH123
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def make_folder(path: Path) -> None:
    """Create a folder and its parents where they are missing.

    Raises:
        WriteFailed: no space, no permission, or there is a file of that name.
    """
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def append_line(path: Path, line: bytes) -> None:
    """Append a line, its end included, in one write, after the end of an incomplete line.

    Raises:
        WriteFailed: no space or no permission, and the line may be incomplete; or it is a pipe, a
            device or the like.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
    with writing(path):
        descriptor = os.open(path, flags, 0o644)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # reading a device may never end
            os.close(descriptor)
            raise WriteFailed(f"{path} is no regular file. Remove it, then try again.")
    with writing(path), open(descriptor, "a+b") as stream:  # noqa: PTH123
        stream.seek(max(0, stream.tell() - 1))
        is_incomplete = stream.read(1) not in (b"", b"\n")
        stream.write((b"\n" if is_incomplete else b"") + line)


def keep_damaged(path: Path) -> None:
    """Copy an unreadable file, as `NAME.damaged`, before it is replaced.

    A person may repair it; the first damaged copy stays.

    Raises:
        WriteFailed: no space or no permission.
    """
    copy = path.with_name(f"{path.name}.damaged")
    if path.is_file() and not copy.exists():
        with writing(copy):
            content = path.read_bytes()
        replace_file(copy, content)


def stamp(path: Path) -> tuple[int, ...]:
    """Return numbers that change whenever a file is written or replaced: time, size, inode.

    () for a missing file.
    """
    try:
        facts = path.stat()
    except OSError:
        return ()
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def unchanged(path: Path, cache: FileCache | None, read: Callable[[], Any]) -> Any:
    """Return the value of `read`, which reads `path`; from the cache for an unchanged file.

    Args:
        path: the file; it may be missing.
        cache: of earlier calls, filled here; `None` to read each time. Callers must not mutate its
            values.
        read: reads the file. Its errors are not cached.
    """
    if cache is None:
        return read()
    now = stamp(path)  # before reading: the next call reads what is written meanwhile
    entry = cache.get(path)
    if entry is None or entry[0] != now:
        entry = cache[path] = (now, read())
    return entry[1]


def appended(path: Path, cache: FileCache, add: Callable[[Any, bytes], Any]) -> Any:
    """Return the value that `add` accumulates over a growing file; only new lines are read.

    Args:
        path: the file; it may be missing.
        cache: of earlier calls, filled here. Callers must not mutate its values.
        add: (value so far, `None` at first; the lines since then) -> new value. The last line may
            lack its end; that value is not cached, and the line is read again.

    Raises:
        FileRefused: the file is there and cannot be read.
    """
    # Popped and put back: the order of the cache is that of use.
    (before, size), (last, value) = cache.pop(path, ((0, 0), (b"", None)))
    try:
        with file_reader.opened(path, file_reader.LINES_BYTES) as stream:
            inode = os.fstat(stream.fileno()).st_ino
            stream.seek(size - len(last))
            content = stream.read()
            # A file that was replaced may have its old inode again.
            if inode != before or not content.startswith(last):
                size, last, value = 0, b"", None
                stream.seek(0)
                content = stream.read()
    except FileMissing:
        return add(None, b"")
    lines, end, rest = content[len(last) :].rpartition(b"\n")
    if end or value is None:
        value = add(value, lines + end)
        last = lines.rpartition(b"\n")[2] + end
    cache[path] = (inode, size + len(lines + end)), (last, value)
    return add(value, rest) if rest else value


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name `path` in the errors of the `with` block, which writes it: a failed write has no name.

    Raises:
        WriteFailed: instead of any `OSError` of the block.
    """
    try:
        yield
    except WriteFailed:
        raise  # it has a name
    except OSError as error:
        raise WriteFailed(refusal(error, path)) from error


def refusal(error: OSError, path: Path | None = None) -> str:
    """Return the message of an error of the disk: the reason, the file, the next step.

    Args:
        error: such as "No space left on device".
        path: the file that was being written; `None` for the one that the error names.
    """
    named = error.filename or "a file"
    file = path or (Path(os.fsdecode(named)) if isinstance(named, str | bytes) else "a file")
    current = Path.cwd()
    if isinstance(file, Path) and current.name and file.is_relative_to(current):  # not "/"
        file = file.relative_to(current)
    reason = os.strerror(error.errno) if error.errno else str(error)
    verb = "written" if path else "read or written"
    return f"{reason}: {file} could not be {verb}. {_next_step(error.errno)}, then try again."


def _next_step(number: int | None) -> str:
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "Free some space"
    if number in (errno.EACCES, errno.EPERM):
        return "Give yourself permission to write there"
    if number == errno.EROFS:
        return "Its disk is read-only: choose a folder on another one"
    if number == errno.ENAMETOOLONG:
        return "Choose a shorter name"
    return "Check the disk and its folder"


def sweep(folder: Path, older_than_seconds: float = 60.0) -> None:
    """Remove temporary files and folders of killed processes directly in `folder`.

    Younger ones stay: another process may be writing them.
    """
    limit = time.time() - older_than_seconds
    for path in folder.glob(TEMPORARY):
        try:
            if path.lstat().st_mtime > limit:
                continue
            if path.is_dir() and not path.is_symlink():
                with contextlib.suppress(OSError):
                    remove_tree(path)
            else:
                path.unlink()
        except FileNotFoundError:
            continue  # its writer, or another sweep, has removed it


def walk(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Yield each folder with the names of its folders and files, from the top, to any depth.

    As `os.walk`, which recurses until Python 3.12. Callers may remove names of folders to enter;
    links are files, and folders that cannot be read are left out.
    """
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        inner: list[str] = []
        names: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    (inner if entry.is_dir(follow_symlinks=False) else names).append(entry.name)
        except OSError:
            continue
        yield folder, inner, names
        waiting += [folder / name for name in reversed(inner)]


def megabytes(folder: Path) -> float:
    """Return the size of all files in a folder, in MB, without those that vanish meanwhile."""
    size = 0
    for place, _, names in walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                size += (place / name).lstat().st_size
    return size / 1e6


def remove_tree(root: Path) -> None:
    """Remove a folder with all that it holds, nested to any depth; of a link only the link.

    Raises:
        OSError: something cannot be removed; the rest may be gone.
    """
    if root.is_symlink():
        root.unlink()
        return
    waiting = [(root, 0)]
    while waiting:
        folder, level = waiting.pop()
        with os.scandir(folder) as entries:
            inner = [Path(e.path) for e in entries if e.is_dir(follow_symlinks=False)]
        for path in inner:
            # `shutil.rmtree` recurses: what lies deep is brought up before.
            if level == LEVELS:
                waiting.append((path.rename(root / f".{secrets.token_hex(8)}"), 1))
            else:
                waiting.append((path, level + 1))
    shutil.rmtree(root)
