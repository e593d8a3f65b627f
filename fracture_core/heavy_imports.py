"""Imports of large libraries without the cost of garbage collection."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """Disable the garbage collector while the `with` block imports; freeze the imported objects.

    TensorFlow's import makes a million permanent objects. The collector would scan all of them
    again and again, in vain: over a third of the time that the import takes.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_enabled:
            gc.enable()
