"""Imports of large libraries: in the background, without the cost of garbage collection."""

import contextlib
import gc
import threading
from collections.abc import Callable, Iterator

_loading: list[threading.Thread] = []


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


def begin(load: Callable[[], None]) -> None:
    """Start `load` in a thread, which does not keep the process from ending."""
    thread = threading.Thread(target=load, daemon=True)
    _loading.append(thread)
    thread.start()


def finish() -> None:
    """Wait until everything begun is loaded, or has failed: then an import raises the reason."""
    for thread in _loading:
        thread.join()


def is_loading() -> bool:
    """Return whether something begun is still being loaded."""
    return any(thread.is_alive() for thread in _loading)
