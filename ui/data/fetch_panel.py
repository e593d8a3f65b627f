"""FracAtlas, fetched from its repository: licence, folder, progress, stop."""

from pathlib import Path

import streamlit as st

from fracture_core import files
from fracture_core.datasets import open_set
from fracture_core.errors import DataError
from fracture_core.folders import PROJECT
from fracture_core.jobs import fetch_job
from fracture_core.readers.fracatlas import SOURCE
from fracture_core.runs import run_status
from fracture_core.runs.run_status import State, Status
from ui.data import data_choice
from ui.shared import job_progress, theme
from ui.shell import actions, owner, state

DEFAULT = PROJECT / "data" / "open"


def show() -> None:
    """Draw the folder, the licence and the button; progress while it is fetched."""
    if not owner.is_owner():
        return
    with st.container(border=True):
        st.markdown("**Fetch FracAtlas** from its own repository to this machine")
        st.caption(
            f"{theme.plain(open_set.TERMS)} This is the only request that this program makes, and "
            "only once you press the button."
        )
        typed = st.text_input("Folder to put it in", str(DEFAULT), key=state.FETCH_FOLDER)
        try:
            out = files.absolute(Path(typed.strip() or DEFAULT))
        except DataError as error:
            st.error(theme.plain(str(error)))
            return
        folder = fetch_job.folder_of(out)
        status = run_status.read(folder) if (folder / "asked.json").is_file() else None
        if status and status.state.alive:
            leaving = "It continues if you leave this page."
            job_progress.watch(folder, "fetch", "What was fetched is kept.", leaving)
        else:
            _ended(status, out)


def _ended(status: Status | None, out: Path) -> None:
    """The button, and what became of the last try."""
    root = out / "FracAtlas"
    if (root / SOURCE).is_file():
        st.success(theme.plain(f"FracAtlas is in {root}."), icon=":material/check:")
        if st.button("Use FracAtlas", type="primary"):
            data_choice.use(str(root))
        return
    if status and status.state in (State.FAILED, State.INTERRUPTED):
        st.error(theme.plain(status.message))
    elif status:
        st.caption(theme.plain(status.message))
    accepted = st.checkbox(f"I accept the licence {open_set.LICENCE}", key="accept-licence")
    st.button(
        "Continue fetching" if status else "Fetch FracAtlas",
        icon=":material/download:",
        disabled=not accepted,
        on_click=actions.pressed,
        args=(actions.fetch, out),
        key="fetch-open-set",
    )
