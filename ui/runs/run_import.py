"""Import of a run that was saved as one file, here or on another machine."""

from pathlib import Path

import streamlit as st

from fracture_core.errors import FractureError
from fracture_core.exports import run_archive
from ui.shared import theme
from ui.shell import actions, owner, state


def show() -> None:
    """Draw the button "Import a run" with its fields; tell of the run that was imported last."""
    if name := st.session_state.pop(state.NEW_RUN, None):
        st.toast(f"Imported **{theme.plain(name)}**.", icon=":material/check:")
    number = st.session_state.setdefault(state.IMPORTS, 0)
    mine = owner.is_owner()
    with st.popover(
        "Import a run",
        icon=":material/unarchive:",
        disabled=not mine,
        help=None if mine else owner.WHY,
    ):
        dropped = st.file_uploader(
            f"File of a run, NAME{run_archive.SUFFIX}",
            type=["zip"],
            key=f"{state.IMPORTS}-{number}",
            help="Saved on the run's page under More, Save, or by the command `runs export`. "
            "To go on training it needs the same films.",
        )
        name = st.text_input(
            "Name of the run",
            run_archive.run_name(dropped.name) if dropped else "",
            key=f"import-name-{number}-{dropped.file_id if dropped else ''}",
        )
        data = st.text_input(
            "Folder of its films",
            key=f"import-data-{number}",
            placeholder="Where they were when it was saved",
            help="Folder on this machine that holds the run's films, for going on with training. "
            "Their names are checked now, their pictures when the run is resumed. Leave it empty "
            "to keep the folder of before.",
        )
        if owner.button("Import", key="import-run", disabled=not dropped) and dropped:
            try:
                with st.spinner("Unpacking and checking the run"):
                    here = Path(data.strip()) if data.strip() else None
                    folder = actions.import_run(dropped, name.strip(), here)
            except FractureError as error:
                st.error(theme.plain(owner.discreet(str(error))), icon=":material/error:")
                return
            st.session_state[state.IMPORTS] = number + 1
            st.session_state[state.NEW_RUN] = folder.name
            state.put(state.CHOSEN, [folder.name])
            st.rerun()
