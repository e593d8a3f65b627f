"""Loading large libraries without the work that Python does for nothing meanwhile."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """Keep the garbage collector still while the `with` block imports; spare it what was imported.

    TensorFlow's import makes a million objects that stay for good. The collector would look at all
    of them again and again, in vain: over a third of the time that the import takes.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_on:
            gc.enable()
