"""Memory of the web process: the garbage collector and the C library's heaps."""

import contextlib
import ctypes
import gc

import streamlit as st

HEAPS = 2  # of the C library, at most; those that are there already stay
M_ARENA_MAX = -8  # mallopt's name for it, in glibc's malloc.h


@st.cache_resource(max_entries=1, ttl="1m", show_spinner=False)
def spare_collector(modules: int) -> None:
    """Freeze current objects for the garbage collector, once per minute and number of modules.

    A collection takes a fifth of a second for objects that stay for good, and Keras asks for one
    too where it is loaded. Garbage among frozen objects is freed a minute later.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


@st.cache_resource(max_entries=1, ttl="5s", show_spinner=False)
def collect() -> None:
    """Collect garbage, once every few seconds, whichever browser's page was drawn.

    Streamlit would collect after every run of a script, a live page's fragment included
    (`runner.postScriptGC`): with forty watchers that was a third of the web process's time.
    """
    gc.collect()


@st.cache_resource(max_entries=1, ttl="1m", show_spinner=False)
def give_back_memory() -> None:
    """Return freed memory to the system once per minute, if the C library can (glibc).

    Otherwise memory pages between small objects still in use stay with the process for good. Each
    run of a script is a thread, for which glibc would create a heap of its own again and again.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(M_ARENA_MAX, HEAPS)
        library.malloc_trim(0)
