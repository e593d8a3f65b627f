"""The menu "More" of a run: learning rate, fork, files to save, notes, deletion."""

from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fracture_core import checksums, files
from fracture_core.config.limits import LIMITS
from fracture_core.config.reference import Reference
from fracture_core.epochs import checkpoints, epoch_weights, forks, predictions
from fracture_core.errors import ConfigError, FractureError, RunError, RunNameTaken
from fracture_core.exports import run_archive
from fracture_core.runs import journal, run_folders, run_labels, run_requests
from fracture_core.runs.run_folders import Run
from fracture_core.words import plural
from ui.cache import run_cache
from ui.shared import epoch_slider, theme
from ui.shell import actions, owner, state

MORE_EPOCHS = 25  # offered to a run that has ended: a third of the report's 75
WIDTH = 440  # px of the content: the same for all tabs, and it fits beside the button
LISTED = 8  # runs that are named one by one before they are deleted
MOST_SAVED = 300_000_000  # bytes of a run that a browser is given: the server holds them meanwhile
NAME_LENGTH = 60  # of a run's name in the names of its forks; a name takes up to 80


def show(run: Run) -> None:
    """Draw the content of the popover.

    Its tabs are tracked: drawn again, as after "Save notes", the popover shows the same tab.
    All of them are drawn, for a tab that is not would lose what was typed into it.
    """
    names = ["Learning rate", "Fork", "Save", "Notes", "Delete"]
    rate, fork, save, notes, delete = st.container(width=WIDTH).tabs(
        names, key=f"{state.MORE_TAB}-{run.name}", on_change="rerun"
    )
    with rate:
        _rate(run)
    with fork:
        _fork(run)
    with save:
        _save(run)
        _save_whole(run)
    with notes:
        write_notes(run)
    with delete:
        _delete(run)


# --- learning rate ------------------------------------------------------------------------------


def _rate(run: Run) -> None:
    pending = _pending(run)
    current = _current_rate(run)
    st.markdown(f"It is set to **{current:g}**.")
    if run.config.schedule.kind != "constant" or run.config.schedule.warmup_epochs:
        st.caption(f"The {run.config.schedule.kind} schedule continues, and multiplies this rate.")
    when = "at its next step" if run.status.state.alive else "when it is resumed"
    key = f"rate-{run.name}"
    st.number_input(
        "New learning rate",
        *LIMITS.learning_rate,
        value=current,
        step=current / 10,
        format="%.7g",
        key=key,
        width=220,
    )
    owner.button(
        "Apply",
        key="apply-rate",
        on_click=_request_rate,
        args=(run.name, key),
        help=f"Takes effect {when}; recorded in the run's events.",
    )
    if pending is not None:
        st.info(f"Waiting: {pending:g} takes effect {when}.", icon=":material/schedule:")


def _request_rate(name: str, key: str) -> None:
    """Request the rate in the field of this key; a double click requests it once."""
    with actions.errors_shown():
        run, rate = run_folders.read(run_folders.find(name)), float(st.session_state[key])
        pending = _pending(run)
        if rate != (_current_rate(run) if pending is None else pending):
            actions.send_request(run.folder, "learning_rate", rate=rate)


def _current_rate(run: Run) -> float:
    """The learning rate set last; a schedule multiplies it."""
    changes = journal.rate_changes(run.folder)
    return changes[-1][1] if changes else run.config.learning_rate


def _pending(run: Run) -> float | None:
    """The requested learning rate that is not yet in effect."""
    waiting = [r for _, r in run_requests.waiting(run.folder) if r.get("kind") == "learning_rate"]
    return float(waiting[-1]["rate"]) if waiting else None


# --- fork ---------------------------------------------------------------------------------------


def _fork(run: Run) -> None:
    """A new run from this one's state after an epoch."""
    kept = checkpoints.forkable(run.folder / "checkpoints")
    if not kept:
        st.caption("A fork begins at the end of an epoch, and none is completed yet.")
        return
    st.caption("A new run from this one's saved epoch. This run stays unchanged.")
    shown = epoch_slider.chosen(run.name)
    usual = _usual(run, kept, shown)
    if shown not in (None, usual):
        st.caption(f"The state of epoch {shown} (shown) is not kept; the nearest is {usual}.")
    left, right = st.columns(2)
    key = f"fork-epoch-{run.name}" + (f"-{shown}" if shown else "")  # follows the slider
    epoch = left.selectbox(
        "From epoch",
        kept,
        index=kept.index(usual),
        key=key,
        help="Epochs with their whole state: the last two, the best, every fifth.",
    )
    try:
        rate = forks.rate_after(run, epoch)
    except RunError as error:
        st.error(theme.plain(str(error)), icon=":material/error:")
        return
    _fork_fields(run, epoch, rate, left, right)
    owner.button(
        "Fork and train",
        type="primary",
        icon=":material/call_split:",
        key="fork",
        on_click=_fork_now,
        args=(run.name, epoch),
    )


def _fork_fields(
    run: Run, epoch: int, rate: float, left: DeltaGenerator, right: DeltaGenerator
) -> None:
    """Settings that a fork may change; keys name run and epoch, so that each has its own values."""
    total = run.status.epochs if run.status.epochs > epoch else epoch + MORE_EPOCHS
    right.number_input(
        "Total epochs",
        epoch + 1,
        max(LIMITS.epochs[1], total),
        total,
        key=f"fork-epochs-{run.name}-{epoch}",
    )
    left.number_input(
        "Learning rate",
        *LIMITS.learning_rate,
        value=rate,
        step=rate / 10,
        format="%.7g",
        key=f"fork-rate-{run.name}-{epoch}",
    )
    right.text_input("Name", _free_name(run, epoch), key=f"fork-name-{run.name}-{epoch}")


def _usual(run: Run, kept: list[int], shown: int | None) -> int:
    """The default epoch to fork from: the one shown, else the last one."""
    if shown is not None:
        return min(kept, key=lambda epoch: (abs(epoch - shown), epoch))
    # In an active run the last two are soon dropped, and with them the fields typed for a fork.
    stay = [epoch for epoch in kept if checkpoints.is_permanent(epoch)]
    return stay[-1] if stay and run.status.state.alive else kept[-1]


def _fork_now(source: str, epoch: int) -> None:
    """Start the fork described by the fields, and open it."""
    fields = {
        name: st.session_state[f"fork-{name}-{source}-{epoch}"]
        for name in ("epochs", "rate", "name")
    }
    with actions.errors_shown():
        run = run_folders.read(run_folders.find(source))
        # Only changed fields are passed on: an unchanged fork repeats this run to the bit.
        changes: dict[str, int | float] = {}
        if fields["epochs"] != run.status.epochs:
            changes["epochs"] = int(fields["epochs"])
        if fields["rate"] != forks.rate_after(run, epoch):
            changes["learning_rate"] = float(fields["rate"])
        _start_fork(run, epoch, fields["name"], **changes)
        state.open_run(fields["name"])


def _free_name(run: Run, epoch: int) -> str:
    taken, first = run_folders.names(), f"{run.name[:NAME_LENGTH]}-e{epoch}"
    names = [first, *(f"{first}-{n}" for n in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def _start_fork(run: Run, epoch: int, name: str, **changes: Any) -> None:
    try:
        actions.fork(run_folders.find(run.name), epoch, name, **changes)
    except RunNameTaken:  # maybe by the first click of a double click
        if run_folders.read(run_folders.find(name)).parent != Reference(run=run.name, epoch=epoch):
            raise


# --- files and notes ----------------------------------------------------------------------------


def _save(run: Run) -> None:
    """Files to save: the best epoch's weights, as the report saved them, and the curves."""
    epoch = predictions.best_epoch(run.folder)
    if epoch is None:
        st.caption("Files can be saved after the first epoch.")
        return
    try:
        weights = epoch_weights.find(run.folder / "checkpoints", epoch)
    except RunError as error:  # the curves can still be saved
        st.caption(theme.plain(str(error)))
    else:
        st.download_button(
            f"Weights of epoch {epoch}",
            partial(checksums.read, run.folder, weights),  # they may be damaged by then
            file_name=f"{run.name}-epoch-{epoch}.weights.h5",
            icon=":material/download:",
            on_click="ignore",
            key="save-weights",
            help="Keras reads it with load_weights.",
        )
    if unguarded := checksums.unguarded(run.folder):
        reason = "an older version of this program wrote them."
        if journal.lost_checksums(run.folder):
            reason = f"{checksums.SUMS} has lost it. Put that file back."
        st.caption(
            f"{plural(len(unguarded), 'file')} of this run have no checksum, so damage to "
            f"them goes unnoticed: {reason}"
        )
    st.download_button(
        "Curves as CSV",
        lambda: journal.curves_csv(run.folder),
        file_name=f"{run.name}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="save-curves",
        help="One row per epoch: every value of the curves.",
    )


def _save_whole(run: Run) -> None:
    """The run as one file, which Runs reads back."""
    if run.status.state.alive:
        st.caption("The whole run can be saved once it has ended or is stopped.")
        return
    if run_archive.size(run) > MOST_SAVED:
        st.caption(f"The whole run is larger than {MOST_SAVED / 1e6:,.0f} MB. In a terminal:")
        st.code(f"python -m fracture_core runs export {run.name}", language="bash", wrap_lines=True)
        return
    st.download_button(
        "Whole run",
        partial(run_archive.packed, run),
        file_name=f"{run.name}{run_archive.SUFFIX}",
        mime="application/zip",
        icon=":material/archive:",
        on_click="ignore",
        key="save-run",
        help="One file with settings, curves, checkpoints and predictions, without films. "
        "Runs imports it, here or on another machine.",
    )


def write_notes(run: Run) -> None:
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
    is_saved = owner.button("Save notes", key="keep-notes", on_click=_save_notes, args=(run.name,))
    if refused := st.session_state.get(f"{state.REFUSED_NOTES}-{run.name}"):
        st.error(theme.plain(refused), icon=":material/error:")
    elif is_saved:
        st.rerun()  # the whole page: they are at its top


def _save_notes(name: str) -> None:
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


# --- deletion -----------------------------------------------------------------------------------


def _delete(run: Run) -> None:
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
