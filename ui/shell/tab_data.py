"""The data set that this browser tab reads.

The data set in use is the server's: a tab begins with it. When somebody exchanges it, every other
tab goes on with what it was reading until its reader says otherwise (`ui.data_question` asks).
Addresses that name something in a data set carry its identity.
"""

from pathlib import Path

import streamlit as st

from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Choice, Dataset
from fracture_core.runs.run_folders import Run
from ui.shell import state

DIGITS = 8  # of the content's hash: tells apart the few data sets that a server knows


def choice() -> Choice:
    """What this tab reads: the data set in use, unless that was exchanged under its reader."""
    kept = st.session_state.get(state.READING)
    if kept is None:
        return catalog.chosen()
    return Choice(root=Path(kept["root"]), positive=kept["positive"])


def begin(what: Choice, data: Dataset | None = None) -> None:
    """Read this data set from now on, and know it by its content."""
    st.session_state[state.READING] = {
        "root": str(what.root),
        "positive": what.positive,
        "identity": identity(data.hash) if data and data.complete else "",
    }


def current_identity() -> str:
    """The identity of what this tab reads; "" until it was read, or while films are being made."""
    return str(st.session_state.get(state.READING, {}).get("identity", ""))


def identity(data_hash: str | None) -> str:
    """How addresses call a data set: the first digits of its content's hash."""
    return (data_hash or "")[:DIGITS]


def of_run(run: Run, study: str) -> dict[str, str]:
    """The query parameters of a study of the films that a run learns from."""
    return address(study, run.facts.get("data", {}).get("hash"))


def address(study: str, data_hash: str | None) -> dict[str, str]:
    """The query parameters of a study of a data set."""
    of_data = {state.DATA: identity(data_hash)} if data_hash else {}
    return {state.STUDY: study, **of_data}
