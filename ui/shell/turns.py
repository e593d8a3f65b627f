"""One script at a time: pages of many browsers are drawn one after the other, not interleaved.

Python runs one thread at a time anyway. Streamlit asks for a setting, behind a lock, with every
element: of forty threads that want that lock, each waits for Python's own lock at every element.
"""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from functools import wraps

import streamlit as st

from ui.shell import memory

PATIENCE_SECONDS = 1.0  # after which a page is drawn beside one that takes long
SWITCH_SECONDS = 0.001  # between two switches of Python's threads; 0.005 by default
_mine = threading.local()  # its `turn`: the lock, while this thread has it


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """Wait until no other browser's page is being drawn; reentrant in a thread."""
    if getattr(_mine, "turn", None):
        yield
        return
    _take()
    try:
        yield
    finally:
        _give()


@contextlib.contextmanager
def pause() -> Iterator[None]:
    """Let others draw during a long wait of this page."""
    had = getattr(_mine, "turn", None)
    _give()
    try:
        yield
    finally:
        if had:
            _take()


def in_turn(draw: Callable[..., None]) -> Callable[..., None]:
    """Decorate a fragment that waits for its turn when it is drawn alone."""

    @wraps(draw)
    def drawn(*args: object) -> None:
        with turn():
            draw(*args)
        memory.collect()

    return drawn


def _take() -> None:
    lock = _lock()
    if lock.acquire(timeout=PATIENCE_SECONDS):
        _mine.turn = lock


def _give() -> None:
    lock, _mine.turn = getattr(_mine, "turn", None), None
    if lock:
        lock.release()


@st.cache_resource(show_spinner=False)
def _lock() -> threading.Lock:
    """The server's one lock for drawing."""
    sys.setswitchinterval(SWITCH_SECONDS)
    return threading.Lock()
