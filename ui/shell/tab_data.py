"""The data set that this browser tab reads.

The data set in use is the server's: a tab begins with it. When the owner switches to another one,
every other tab continues with its own until its reader switches too (`ui.shell.data_change` asks).
Addresses that name something in a data set carry its identity.
"""

from pathlib import Path

import streamlit as st

from fracture_core.datasets import chosen_data
from fracture_core.datasets.catalog import Dataset
from fracture_core.datasets.chosen_data import Choice
from fracture_core.runs.run_folders import Run
from ui.shell import state

DIGITS = 8  # of the content's hash: tells apart the few data sets that a server knows


def choice() -> Choice:
    """Return what this tab reads: the data set in use, unless the owner has switched meanwhile."""
    reading = st.session_state.get(state.READING)
    if reading is None:
        return chosen_data.chosen()
    return Choice(
        root=Path(reading["root"]), positive=reading["positive"], table=reading.get("table")
    )


def begin(choice: Choice, data: Dataset | None = None) -> None:
    """Read this data set from now on, identified by its content."""
    st.session_state[state.READING] = {
        "root": str(choice.root),
        "positive": choice.positive,
        "table": choice.table,
        "identity": identity(data.hash) if data and data.complete else "",
    }


def current_identity() -> str:
    """Return the identity of this tab's data; "" before they are read or while films are made."""
    return str(st.session_state.get(state.READING, {}).get("identity", ""))


def identity(data_hash: str | None) -> str:
    """Return a data set's name in addresses: the first digits of its content's hash."""
    return (data_hash or "")[:DIGITS]


def put_in_address() -> None:
    """Add the identity of this tab's data to the address of a page that shows their numbers."""
    if (of_tab := current_identity()) and st.query_params.get(state.DATA) != of_tab:
        st.query_params[state.DATA] = of_tab


def of_run(run: Run, study: str) -> dict[str, str]:
    """Return the query parameters of a study among a run's films."""
    return address(study, run.data.hash)


def address(study: str, data_hash: str | None) -> dict[str, str]:
    """Return the query parameters of a study of a data set."""
    of_data = {state.DATA: identity(data_hash)} if data_hash else {}
    return {state.STUDY: study, **of_data}
