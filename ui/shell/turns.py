"""One script at a time: pages of many browsers are drawn one after the other, not in pieces.

Python runs one thread at a time anyway. Streamlit asks for a setting, behind a lock, with every
element: of forty threads that want that lock, each waits for Python's own lock at every element.
"""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from functools import wraps

import streamlit as st

PATIENCE_SECONDS = 1.0  # then a page is drawn beside one that takes long
SWITCH_SECONDS = 0.001  # Python lets another thread run so often; 0.005 of its own accord
_mine = threading.local()  # its `turn`: the lock, while this thread has it


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """Wait until no other browser's page is being drawn; free for the thread that has its turn."""
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
    """Let others draw while this page waits for something that takes long."""
    had = getattr(_mine, "turn", None)
    _give()
    try:
        yield
    finally:
        if had:
            _take()


def in_turn(draw: Callable[..., None]) -> Callable[..., None]:
    """A part of a page that waits for its turn where it is drawn by itself."""

    @wraps(draw)
    def drawn(*args: object) -> None:
        with turn():
            draw(*args)

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
    """Once a server: who has it draws."""
    sys.setswitchinterval(SWITCH_SECONDS)
    return threading.Lock()
