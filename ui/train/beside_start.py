"""Popovers beside Start, each with another way of training with the same settings."""

from collections.abc import Callable

import streamlit as st

from ui.cache import data_cache


def offer(label: str, icon: str, key: str, width: int, draw: Callable[[], None]) -> None:
    """Draw a popover; its content is drawn only while it is open, and all films are there.

    Args:
        label: of its button.
        icon: of its button.
        key: of the session, whether it is open.
        width: of the content, in px.
        draw: its content.
    """
    popover = st.popover(
        label,
        icon=icon,
        disabled=not data_cache.dataset().complete,
        key=key,
        on_change="rerun",
    )
    if popover.open:
        with popover.container(width=width):
            draw()
