"""The lock of a run, by which it is alive.

The kernel releases it when the process that holds it ends, however it ends. A run whose process a
scheduler has started elsewhere counts as locked as well, see `clusters.run_place`.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from fracture_core import locks
from fracture_core.clusters import run_place
from fracture_core.errors import RunBusy


def is_held(folder: Path) -> bool:
    """Tell whether a process holds the run's lock, here or elsewhere."""
    return locks.is_held(folder / "lock") or run_place.is_alive(folder)


def take(folder: Path) -> int:
    """Take the run's lock and return the open file descriptor that holds it.

    Raises:
        RunBusy: another process holds it.
        WriteFailed: no permission.
    """
    if run_place.is_alive(folder) and not run_place.is_own(folder):
        raise RunBusy(f"{folder.name} is running already, elsewhere. Stop it first, or watch it.")
    for _ in range(20):  # `is_held` of another process holds it for microseconds
        if (descriptor := locks.take(folder / "lock")) is not None:
            return descriptor
        time.sleep(0.005)
    raise RunBusy(f"{folder.name} is running already. Stop it first, or watch it.")


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[int]:
    """Hold the run's lock during a `with` block; see `take`."""
    descriptor = take(folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
