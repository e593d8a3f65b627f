"""Buttons beside the epoch slider that replay a run, epoch by epoch.

The browser asks for the next epoch only when the last one is drawn, so that a slow page is replayed
slowly and none is skipped. `player.js` and `player.css` are beside this file.
"""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "epoch_player",
    html='<div class="player"></div>',
    css=(_HERE / "player.css").read_text(encoding="utf-8"),
    js=(_HERE / "player.js").read_text(encoding="utf-8"),
)
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
