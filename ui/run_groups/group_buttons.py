"""Actions on a group of runs as a whole: stop, resume, delete."""

from collections.abc import Callable, Sequence

import streamlit as st

from fracture_core import files
from fracture_core.run_groups.group_progress import Progress
from fracture_core.run_groups.members import RunGroup
from fracture_core.runs.run_folders import Run
from fracture_core.words import plural
from ui.run_groups import group_cache
from ui.shared import theme
from ui.shell import actions, owner, state


def show(
    value: RunGroup,
    runs: Sequence[Run],
    progress: Progress,
    what: str,
    more: Callable[[], None] | None = None,
) -> None:
    """Draw the buttons that the group's state allows.

    Args:
        value: the group.
        runs: those that it has.
        progress: its state.
        what: it is called this: "cross-validation".
        more: draws buttons of its own before the last one.
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
        if missing := progress.runs - progress.finished - progress.active:
            owner.button(
                f"Resume {plural(missing, progress.noun)}",
                type="primary",
                icon=":material/play_arrow:",
                key=f"resume-{value.name}",
                on_click=actions.pressed,
                args=(actions.resume_group, value),
                help=f"Stopped and failed {progress.noun}s go on from their last checkpoint; "
                "missing ones are started.",
            )
        if more:
            more()
        if owner.button(
            "Delete…",
            icon=":material/delete:",
            key=f"delete-{value.name}",
            disabled=bool(progress.active),
            help="Some are active: stop them first." if progress.active else None,
        ):
            title = f"Delete this {what}?"
            st.dialog(title, icon=":material/delete:")(_confirm)(value, tuple(runs))


def _confirm(value: RunGroup, runs: tuple[Run, ...]) -> None:
    """Name what is lost, and ask."""
    size = sum(files.megabytes(run.folder) for run in runs)
    names = ", ".join(theme.plain(run.name) for run in runs) or "no run"
    st.markdown(
        f"**{theme.plain(value.name)}** with its results and {names}: {size:.1f} MB. This cannot "
        "be undone. Models released from it stay."
    )
    with st.container(horizontal=True):
        owner.button(
            "Delete permanently",
            type="primary",
            key="delete-group-for-good",
            on_click=_delete,
            args=(value,),
        )
        if st.button("Keep it", key="keep-group") or not value.folder.exists():
            st.rerun()
    actions.show_errors()


def _delete(value: RunGroup) -> None:
    with actions.errors_shown():
        actions.delete_group(value)
        group_cache.refresh()
        st.query_params.pop(state.GROUP, None)
        st.session_state[state.NOTICE] = f"{value.name} and its runs are deleted."
