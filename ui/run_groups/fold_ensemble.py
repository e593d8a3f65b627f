"""Ensemble of a cross-validation's networks: its name and its button."""

import streamlit as st

from fracture_core.cross_validation import out_of_fold
from fracture_core.cross_validation.group import Group
from fracture_core.errors import FractureError
from ui.shared import theme
from ui.shell import actions, owner, state


def show(value: Group) -> None:
    """Draw the popover that makes a model of the networks of all folds; open a new one's page."""
    if name := st.session_state.pop(state.NEW_FOLD_ENSEMBLE, None):
        films = {state.MODEL: name, state.FILMS: out_of_fold.SPLIT}
        st.switch_page("pages/evaluate.py", query_params=films)
    with st.popover("Ensemble", icon=":material/join:"):
        _ensemble(value)


def _ensemble(value: Group) -> None:
    st.markdown(
        f"A model that gives every film the mean probability of these {value.folds} networks. Its "
        "card holds the out-of-fold figures, since every training film was seen by most of them."
    )
    key = f"{state.ENSEMBLE}-{value.name}"
    with st.form(f"ensemble-{value.name}", border=False):
        st.text_input("Name of the model", key=key, max_chars=40, placeholder=f"{value.name}-mean")
        owner.submit(
            "Create ensemble",
            key=f"release-{value.name}",
            on_click=_release,
            args=(value, key),
        )
    named, refused = st.session_state.get(state.REFUSED) or ([], "")
    if named == [value.name]:
        st.error(theme.plain(refused), icon=":material/error:")


def _release(value: Group, key: str) -> None:
    name = st.session_state[key].strip() or f"{value.name}-mean"
    st.session_state[state.REFUSED] = None
    try:
        actions.release_group(value, name)
        st.session_state[state.NEW_FOLD_ENSEMBLE] = name
    except FractureError as error:
        st.session_state[state.REFUSED] = ([value.name], str(error))
