"""The deletion of runs: its button, the question that names what is lost, and its outcome."""

import streamlit as st

from fracture_core import files
from fracture_core.epochs import epoch_weights
from fracture_core.errors import FractureError
from fracture_core.runs import run_folders
from fracture_core.runs.run_folders import Run
from fracture_core.words import plural
from ui.shared import theme
from ui.shell import actions, owner, state

LISTED = 8  # runs that are named one by one before they are deleted


def show(run: Run) -> None:
    """Draw the button that deletes a run, once it has ended."""
    st.caption(
        "Stopping keeps all work, and the run can be resumed. Closing the page changes nothing. "
        "Deleting removes the run permanently."
    )
    alive = run.status.state.alive
    owner.button(
        "Delete this run…",
        icon=":material/delete:",
        disabled=alive,
        key="delete",
        on_click=_ask_later,
        args=(run.name,),
        help="The run is active: stop it first." if alive else None,
    )
    if alive:
        st.caption("The run is active. Stop it first.")


def _ask_later(name: str) -> None:
    """Close "More", which would lie over the question, and have it asked."""
    st.session_state[f"{state.MORE}-{name}"] = False
    st.session_state[state.DELETING] = name


def confirm(names: tuple[str, ...]) -> None:
    """Ask for confirmation before these runs are deleted, and name what will be lost."""
    title = "Delete this run?" if len(names) == 1 else f"Delete {len(names)} runs?"
    st.dialog(title, icon=":material/delete:")(_ask)(names)


def _ask(names: tuple[str, ...]) -> None:
    existing = [name for name in names if run_folders.exists(name)]
    if not existing:  # deleted, here or in another browser: the page reports it
        st.rerun()
    for folder in map(run_folders.find, existing[:LISTED]):
        epochs = plural(len(epoch_weights.kept(folder / "checkpoints")), "epoch")
        st.markdown(
            f"**{theme.plain(folder.name)}** with its curves, and the weights and predictions of "
            f"{epochs}: {files.megabytes(folder):.1f} MB."
        )
    if len(existing) > LISTED:
        rest = sum(map(files.megabytes, map(run_folders.find, existing[LISTED:])))
        others = plural(len(existing) - LISTED, "other run")
        st.markdown(f"And {others}: {rest:.1f} MB.")
    st.markdown("This cannot be undone. Models released from a run stay.")
    with st.container(horizontal=True):
        owner.button(
            "Delete permanently",
            type="primary",
            on_click=_remove,
            args=(tuple(existing),),
            key="delete-for-good",
        )
        if st.button("Keep it" if len(existing) == 1 else "Keep them", key="keep"):
            st.rerun()
    actions.show_errors()


def _remove(names: tuple[str, ...]) -> None:
    """Delete these runs; an active run is refused and does not affect the others."""
    deleted, sentences = [], []
    for name in names:
        try:
            actions.delete(run_folders.find(name))
            deleted.append(name)
        except FractureError as error:
            sentences.append(str(error))
    if deleted:
        subject = f"{deleted[0]} is" if len(deleted) == 1 else f"{len(deleted)} runs are"
        sentences.insert(0, f"{subject} deleted.")
    if st.query_params.get(state.RUN) in deleted:
        st.query_params.pop(state.RUN)
    st.session_state[state.NOTICE] = " ".join(sentences)
