"""Locks on files: one process holds each, and the kernel frees it, whatever ends that process."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fracture_core.errors import WriteFailed
from fracture_core.files import writing


def take(path: Path) -> int | None:
    """Take a lock and return the open file descriptor that holds it; `None` if it is held.

    The file is created if missing. A pipe in its place does not block.

    Raises:
        WriteFailed: no space, no permission, or it is a folder; or its disk has no locks.
    """
    with writing(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as error:  # ENOLCK, EOPNOTSUPP, ENOSYS: a network disk without a lock service
        os.close(descriptor)
        raise WriteFailed(
            f"{path.parent} is on a disk without file locks ({error.strerror}), as some network "
            "disks are. Choose a folder on another disk (FRACTURE_RUNS, FRACTURE_CACHE)."
        ) from error
    return descriptor


@contextlib.contextmanager
def held(
    path: Path, wait: Callable[[], None] = lambda: None, seconds: float = 0.1
) -> Iterator[None]:
    """Hold a lock during a `with` block, once no other process does.

    Args:
        path: the lock's file.
        wait: called before each wait for another process; may raise to give up.
        seconds: between two tries.

    Raises:
        WriteFailed: see `take`.
    """
    while (descriptor := take(path)) is None:
        wait()
        time.sleep(seconds)
    try:
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Tell whether a process holds a lock; False for one that is missing or cannot be opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # Shared, so that two simultaneous checks do not mistake each other for the holder.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # its disk has no locks, so that no process can hold one
    finally:
        os.close(descriptor)
    return False
