"""Buttons beside the epoch slider that replay a run, epoch by epoch.

The browser asks for the next epoch only when the last one is drawn, so that a slow page is replayed
slowly and none is skipped. `player.js` and `player.css` are beside this file.
"""

from collections.abc import Callable

import streamlit as st

from ui.components import register

_component = register("epoch_player", '<div class="player"></div>', "player", ["player"])
_KEY = "epoch-player"
FIRST = "first"  # the move to the first epoch; the others are 1 and -1


def show(place: int, count: int, move: Callable[[int | str], None], big: bool = False) -> None:
    """Draw the buttons.

    Args:
        place: of the epoch shown among those that can be, from 0.
        count: how many can be shown; the buttons are grey below two.
        move: called with `FIRST`, 1 or -1, before the page is drawn with the epoch it leads to.
        big: for a lecture hall.
    """

    def moved() -> None:
        wanted = st.session_state[_KEY].get("move")
        if wanted in (FIRST, 1, -1):  # it comes from a browser
            move(wanted)

    data = {"place": place, "count": count, "big": big}
    _component(data=data, key=_KEY, on_move_change=moved, width="content")
