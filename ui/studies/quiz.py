"""The quiz: labels, predictions and known breaks are hidden until a study is revealed.

The switch is in the address; which studies were revealed is in the session.
"""

import hashlib
from typing import Any

import pandas as pd
import streamlit as st

from ui.components.film_viewer import Quiz
from ui.shared import address_switch, theme
from ui.shell import state


def is_on() -> bool:
    """Return whether labels are hidden."""
    return address_switch.is_on(state.QUIZ)


def hides(key: str) -> bool:
    """Return whether label and predictions of this study are hidden."""
    return is_on() and key not in st.session_state.get(state.REVEALED, ())


def mark(study: Any) -> str:
    """Format a study's label as Markdown, or say that it is hidden."""
    if hides(study.key):
        return ":gray[label hidden]"
    corrected = " :small[(corrected)]" if study.corrected else ""
    return f"{theme.mark(bool(study.label))}{corrected}"


def name(study: Any) -> str:
    """Return the name of a study's patient; of a film that is named after its class, another."""
    if not is_on() or study.names_patient:
        return str(study.patient)
    return f"film {_digest(study.key)[:6]}"


def shuffled(studies: pd.DataFrame) -> pd.DataFrame:
    """Return the studies in an order that says nothing, the same every time."""
    return studies.sort_values("key", key=lambda keys: keys.map(_digest), kind="stable")


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def ask() -> None:
    """Draw the switch."""
    address_switch.show(
        "Quiz me",
        state.QUIZ_SWITCH,
        state.QUIZ,
        _hide_again,
        "Hides labels, predictions and known breaks. Read a study first, then reveal it.",
    )


def switch() -> None:
    """Hide labels, or show them; nothing is revealed at the start of a quiz."""
    state.put(state.QUIZ, "" if is_on() else "true")
    _hide_again()


def _hide_again() -> None:
    st.session_state.pop(state.REVEALED, None)


def reveal(key: str) -> None:
    """Show label and predictions of this study."""
    revealed = st.session_state.get(state.REVEALED, [])
    st.session_state[state.REVEALED] = [*revealed, key]


def of_viewer(key: str) -> Quiz:
    """Return the quiz as the viewer's toolbar offers it for this study."""
    on = is_on()
    return Quiz(
        hidden=on,
        revealed=on and not hides(key),
        on_press=lambda pressed: reveal(key) if pressed == "reveal" else switch(),
    )
