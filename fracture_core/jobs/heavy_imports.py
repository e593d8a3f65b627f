"""Imports of large libraries: in the background, without what they do not need."""

import contextlib
import gc
import sys
import threading
from collections.abc import Callable, Iterator

_loading: list[threading.Thread] = []


UNUSED = "sklearn"  # Keras imports it, where it is installed, for wrappers that are not used here


@contextlib.contextmanager
def lean() -> Iterator[None]:
    """Import TensorFlow and Keras in the `with` block at about half the cost.

    Disables the garbage collector meanwhile and freezes the imported objects: the collector would
    scan a million permanent ones again and again. Hides `UNUSED`, which takes a fifth of the rest.
    Not for the web process, where a thread beside this one may need scikit-learn at that moment.
    """
    was_enabled, is_hidden = gc.isenabled(), UNUSED not in sys.modules
    gc.disable()
    if is_hidden:
        sys.modules[UNUSED] = None  # type: ignore[assignment]  # an import of it fails, says Python
    try:
        yield
        gc.freeze()
    finally:
        if is_hidden:
            del sys.modules[UNUSED]
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
