"""Actions on a cross-validation as a whole: stop, resume, make an ensemble, delete."""

import streamlit as st

from fracture_core import files
from fracture_core.cross_validation import group
from fracture_core.cross_validation.group import Group
from fracture_core.errors import FractureError
from fracture_core.run_groups.group_progress import Progress
from fracture_core.runs.run_folders import Run
from fracture_core.words import plural
from ui.cache import group_cache
from ui.shared import theme
from ui.shell import actions, owner, state


def show(value: Group, runs: dict[int, Run], progress: Progress, has_figures: bool) -> None:
    """Draw the buttons that the group's state allows.

    Args:
        value: the group.
        runs: its `members`.
        progress: its state.
        has_figures: whether its out-of-fold predictions are there, so that it can be released.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        if progress.active:
            owner.button(
                "Stop all",
                icon=":material/stop:",
                key=f"stop-{value.name}",
                on_click=actions.pressed,
                args=(actions.stop_group, value),
                help="All work is kept; they can be resumed.",
            )
        if progress.finished + progress.active < value.folds:
            missing = value.folds - progress.finished - progress.active
            owner.button(
                f"Resume {plural(missing, 'fold')}",
                type="primary",
                icon=":material/play_arrow:",
                key=f"resume-{value.name}",
                on_click=actions.pressed,
                args=(actions.resume_group, value),
                help="Stopped and failed folds go on from their last checkpoint; missing ones are "
                "started.",
            )
        if has_figures:
            with st.popover("Ensemble", icon=":material/join:"):
                _ensemble(value)
        if owner.button(
            "Delete…",
            icon=":material/delete:",
            key=f"delete-{value.name}",
            disabled=bool(progress.active),
            help="Folds are active: stop them first." if progress.active else None,
        ):
            title = "Delete this cross-validation?"
            st.dialog(title, icon=":material/delete:")(_confirm)(value, tuple(runs.values()))


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


def _confirm(value: Group, runs: tuple[Run, ...]) -> None:
    """Name what is lost, and ask."""
    size = sum(files.megabytes(run.folder) for run in runs)
    names = ", ".join(theme.plain(run.name) for run in runs) or "no run"
    st.markdown(
        f"**{theme.plain(value.name)}** with its out-of-fold predictions and {names}: "
        f"{size:.1f} MB. This cannot be undone. Models released from it stay."
    )
    with st.container(horizontal=True):
        owner.button(
            "Delete permanently",
            type="primary",
            key="delete-group-for-good",
            on_click=_delete,
            args=(value,),
        )
        if st.button("Keep it", key="keep-group") or not group.exists(value.name):
            st.rerun()
    actions.show_errors()


def _delete(value: Group) -> None:
    with actions.errors_shown():
        actions.delete_group(value)
        group_cache.refresh()
        st.query_params.pop(state.GROUP, None)
        st.session_state[state.NOTICE] = f"{value.name} and its runs are deleted."
