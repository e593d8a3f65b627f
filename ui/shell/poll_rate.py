"""How often a page that changes by itself looks again: the more browsers look, the less often."""

import time

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

LIVE = (2.0, 2.0, 2.5)  # seconds between two looks at what moves all the time: a few, some, many
SLOW = (2.0, 5.0, 10.0)  # at what changes with an epoch, which takes seconds at least
SOME, MANY = 6, 16  # browsers
FEWER = 0.7  # of these, before looks become more frequent again: nobody comes and goes for nothing
GONE_SECONDS = 15.0  # after which a browser that has not looked again is gone


def level(before: int | None = None) -> int:
    """Note that this browser looks; gives whether few look (0), some (1) or many (2).

    Args:
        before: what was given when its page was drawn, which small changes leave as it is.
    """
    context, now = get_script_run_ctx(), time.monotonic()
    seen = _seen()
    seen[context.session_id if context else ""] = now
    for session, last in list(seen.items()):
        if now - last > GONE_SECONDS:
            seen.pop(session, None)
    found = _level(len(seen))
    return max(found, min(before, _level(len(seen) / FEWER))) if before else found


def _level(browsers: float) -> int:
    return (browsers > SOME) + (browsers > MANY)


@st.cache_resource(show_spinner=False)
def _seen() -> dict[str, float]:
    """Once a server: by session, when it last looked."""
    return {}
