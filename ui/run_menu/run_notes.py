"""The tags and the note of a run, as fields."""

import streamlit as st

from fracture_core.errors import ConfigError
from fracture_core.runs import run_folders, run_labels
from fracture_core.runs.run_folders import Run
from ui.cache import run_cache
from ui.shared import theme
from ui.shell import actions, owner, state


def show(run: Run) -> None:
    """Draw fields for the run's tags and note, which do not affect its computations."""
    labels = run_labels.read(run.folder)
    used = {tag for each in run_cache.labels(run_cache.runs_now()).values() for tag in each.tags}
    st.multiselect(
        "Tags",
        sorted(used),
        default=list(labels.tags),
        accept_new_options=True,
        placeholder="type a tag",
        max_selections=20,
        key=f"tags-{run.name}",
    )
    st.text_area("Note", labels.note, max_chars=4_000, key=f"note-{run.name}")
    is_saved = owner.button("Save notes", key="keep-notes", on_click=_save, args=(run.name,))
    if refused := st.session_state.get(f"{state.REFUSED_NOTES}-{run.name}"):
        st.error(theme.plain(refused), icon=":material/error:")
    elif is_saved:
        st.rerun()  # the whole page: they are at its top


def _save(name: str) -> None:
    """Save tags and note, or keep the error to show beside the button."""
    st.session_state.pop(f"{state.REFUSED_NOTES}-{name}", None)
    with actions.errors_shown():
        folder = run_folders.find(name)
        try:
            value = run_labels.Labels(
                tags=tuple(st.session_state[f"tags-{name}"]),
                note=st.session_state[f"note-{name}"],
                baseline=run_labels.read(folder).baseline,
            )
        except ConfigError as error:
            st.session_state[f"{state.REFUSED_NOTES}-{name}"] = str(error)
        else:
            actions.set_labels(folder, value)
