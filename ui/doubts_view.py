"""Films that the gate doubts: which check says so, and counting them all the same; a run's gate."""

from typing import TYPE_CHECKING

import streamlit as st

from fracture_core import runs
from fracture_core.cards import Model
from ui import cached, state, theme

if TYPE_CHECKING:  # Diagnose alone loads TensorFlow, in a thread
    from fracture_core.inference import JudgedStudy

NAMED = 6  # doubted films whose reasons are told before the others are counted
POLL_SECONDS = 1.0  # between two looks at a gate that is being fitted


def counted(judged: "JudgedStudy", key: str) -> "JudgedStudy":
    """The study with the doubted films counted that were ticked; `key` stands for its films."""
    return judged.counting(st.session_state.get(f"{state.COUNTED}-{key}") or ())


def show(judged: "JudgedStudy", key: str) -> None:
    """The doubted films with the reasons, and what to tick so that they count."""
    doubted = [film for film in judged.films if film.doubts]
    if not doubted:
        return
    lines = [
        f"- **{theme.plain(film.name)}** {theme.plain(' '.join(film.doubts))}"
        for film in doubted[:NAMED]
    ]
    if len(doubted) > NAMED:
        lines.append(f"- and {theme.plural(len(doubted) - NAMED, 'other film')}")
    count = theme.plural(len(doubted), "film")
    st.warning(
        f"{count} may be nothing that this model can judge: unreliable numbers, which count in "
        "the verdict only where you say so.\n\n" + "\n".join(lines),
        icon=":material/help:",
    )
    st.pills(
        "Count all the same",
        [film.name for film in doubted],
        selection_mode="multi",
        format_func=theme.plain,
        key=f"{state.COUNTED}-{key}",
    )


def of_model(reference: str, model: Model) -> None:
    """What the gate of a model can tell; a run's is fitted at the press of a button."""
    if model.gate:
        st.caption(
            "Films unlike those that it has learned from are doubted: they do not count in the "
            "verdict unless you tick them."
        )
        return
    if "@" not in model.reference:
        st.caption("This model has no gate: it cannot tell films unlike those it learned from.")
        return
    status = cached.gate_status(reference)
    if status is not None and status.state.alive:
        _wait(reference)
        return
    st.caption("This run has no gate yet: it cannot tell films unlike those it learned from.")
    if status is not None and status.state is runs.State.FAILED:
        st.warning(theme.plain(status.message))
    st.button(
        "Fit its gate",
        on_click=cached.fit_gate,
        args=(reference,),
        help="Measures its training films once, in the background: some seconds.",
    )


def _wait(reference: str) -> None:
    """Say that a gate is being fitted, until it is."""

    @st.fragment(run_every=POLL_SECONDS)
    def look() -> None:
        status = cached.gate_status(reference)
        if status is None or not status.state.alive:
            st.rerun()
        st.caption("Fits the run's gate on its training films.")

    look()
