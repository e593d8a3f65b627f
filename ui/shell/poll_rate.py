"""Polling intervals of live pages: the more browsers poll, the longer."""

import time

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

LIVE = (2.0, 2.0, 2.8)  # seconds between two polls of constant changes: for a few, some, many
SLOW = (2.0, 5.0, 10.0)  # of changes per epoch, which takes seconds at least
FIRST = (0.4, 1.0, 2.0)  # of the first point of a curve, which people wait for
SOME, MANY = 6, 16  # browsers
FEWER = 0.7  # of these, before polls become more frequent again, so that the level does not flicker
GONE_SECONDS = 15.0  # after which a browser that has not polled again is gone


def level(before: int | None = None) -> int:
    """Register a poll of this browser; return whether a few (0), some (1) or many (2) poll.

    Args:
        before: the level when its page was drawn; small changes leave it unchanged.
    """
    context, now = get_script_run_ctx(), time.monotonic()
    sessions = _sessions()
    sessions[context.session_id if context else ""] = now
    for session, last in list(sessions.items()):
        if now - last > GONE_SECONDS:
            sessions.pop(session, None)
    current = _level(len(sessions))
    return max(current, min(before, _level(len(sessions) / FEWER))) if before else current


def _level(browsers: float) -> int:
    return (browsers > SOME) + (browsers > MANY)


@st.cache_resource(show_spinner=False)
def _sessions() -> dict[str, float]:
    """Time of each session's last poll, for the whole server."""
    return {}
