"""What a run offers behind "More": learning rate, fork, files to save, notes, deletion."""

from pathlib import Path

import streamlit as st

from fracture_core import checksums
from fracture_core.config import LIMITS
from fracture_core.errors import ConfigError, FractureError, RunError, RunNameTaken
from fracture_core.runs import checkpoints, forks, journal, predictions, run_folders
from fracture_core.runs.run_folders import Run
from ui.cache import run_cache
from ui.shared import epoch_slider, theme
from ui.shell import actions, owner, state

MORE_EPOCHS = 25  # offered to a run that has ended: a third of the report's 75
WIDTH = 440  # px of the content: all tabs alike, and room for it beside the button
LISTED = 8  # runs that are named one by one before they are deleted
NAME_LENGTH = 60  # of a run's name in the names of its forks; a name takes up to 80


def show(run: Run) -> None:
    """The content of the popover."""
    names = ["Learning rate", "Fork", "Save", "Notes", "Delete"]
    rate, fork, save, notes, delete = st.container(width=WIDTH).tabs(names)
    with rate:
        _rate(run)
    with fork:
        _fork(run)
    with save:
        _save(run)
    with notes:
        write_notes(run)
    with delete:
        _delete(run)


# --- learning rate ------------------------------------------------------------------------------


def _rate(run: Run) -> None:
    pending = _pending(run)
    asked = _rate_asked(run)
    st.markdown(f"It is set to **{asked:g}**.")
    if run.config.schedule.kind != "constant" or run.config.schedule.warmup_epochs:
        st.caption(f"The {run.config.schedule.kind} schedule goes on, and multiplies what you set.")
    when = "at its next step" if run.status.state.alive else "when it goes on"
    key = f"rate-{run.name}"
    st.number_input(
        "New learning rate", *LIMITS.learning_rate, value=asked, step=asked / 10, format="%.7g",
        key=key, width=220,
    )  # fmt: skip
    owner.button(
        "Apply", key="apply-rate", on_click=_ask_rate, args=(run.name, key),
        help=f"Changes {when}; the run's events keep it.",
    )  # fmt: skip
    if pending is not None:
        st.info(f"{pending:g} is asked for; it changes {when}.", icon=":material/schedule:")


def _ask_rate(name: str, key: str) -> None:
    """Ask for the rate that the field of this key holds; a double click asks once."""
    with actions.errors_shown():
        run, wanted = run_folders.read(run_folders.find(name)), float(st.session_state[key])
        pending = _pending(run)
        if wanted != (_rate_asked(run) if pending is None else pending):
            actions.ask(run.folder, "learning_rate", rate=wanted)


def _rate_asked(run: Run) -> float:
    """The learning rate that the run was given so far; a schedule multiplies it."""
    changes = journal.rate_changes(run.folder)
    return changes[-1][1] if changes else run.config.learning_rate


def _pending(run: Run) -> float | None:
    """The learning rate that waits to be taken up."""
    waiting = [r for _, r in run_folders.requests(run.folder) if r.get("kind") == "learning_rate"]
    return float(waiting[-1]["rate"]) if waiting else None


# --- fork ---------------------------------------------------------------------------------------


def _fork(run: Run) -> None:
    """A new run that begins as this one stood after an epoch."""
    kept = checkpoints.forkable(run.folder / "checkpoints")
    if not kept:
        st.caption("A fork begins at the end of an epoch, and none is completed yet.")
        return
    st.caption("A new run that begins as this one stood after an epoch. This one stays as it is.")
    shown = epoch_slider.chosen(run.name)
    usual = _usual(run, kept, shown)
    if shown not in (None, usual):
        st.caption(f"The state of epoch {shown}, which is shown, is not kept; {usual} is nearest.")
    left, right = st.columns(2)
    key = f"fork-epoch-{run.name}" + (f"-{shown}" if shown else "")  # follows the slider
    epoch = left.selectbox(
        "From epoch", kept, index=kept.index(usual), key=key,
        help="The epochs whose whole state is kept: the last two, the best, every fifth.",
    )  # fmt: skip
    whole = run.status.epochs if run.status.epochs > epoch else epoch + MORE_EPOCHS
    right.number_input(
        "Epochs in all", epoch + 1, max(LIMITS.epochs[1], whole), whole,
        key=f"fork-epochs-{run.name}-{epoch}",
    )  # fmt: skip
    try:
        asked = forks.rate_after(run, epoch)
    except RunError as error:
        st.error(theme.plain(str(error)), icon=":material/error:")
        return
    left.number_input(
        "Learning rate", *LIMITS.learning_rate, value=asked, step=asked / 10, format="%.7g",
        key=f"fork-rate-{run.name}-{epoch}",
    )  # fmt: skip
    right.text_input("Name", _free_name(run, epoch), key=f"fork-name-{run.name}-{epoch}")
    owner.button(
        "Fork and train", type="primary", icon=":material/call_split:", key="fork",
        on_click=_fork_now, args=(run.name, epoch),
    )  # fmt: skip


def _usual(run: Run, kept: list[int], shown: int | None) -> int:
    """The epoch to fork from unless another is chosen: the one that is shown, else the last one."""
    if shown is not None:
        return min(kept, key=lambda epoch: (abs(epoch - shown), epoch))
    # While it goes on the last two are soon dropped, and with them what was typed of a fork there.
    stay = [epoch for epoch in kept if checkpoints.is_permanent(epoch)]
    return stay[-1] if stay and run.status.state.alive else kept[-1]


def _fork_now(source: str, epoch: int) -> None:
    """Make the fork that the fields describe, and open it."""
    fields = {
        name: st.session_state[f"fork-{name}-{source}-{epoch}"]
        for name in ("epochs", "rate", "name")
    }
    with actions.errors_shown():
        run = run_folders.read(run_folders.find(source))
        # Only what differs is passed on: unchanged, a fork goes on as this run did, to the bit.
        changes = {}
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


def _start_fork(run: Run, epoch: int, name: str, **changes: object) -> None:
    try:
        actions.fork(run_folders.find(run.name), epoch, name, **changes)
    except RunNameTaken:  # by the first click of a double click?
        if run_folders.read(run_folders.find(name)).facts.get("parent") != {
            "name": run.name,
            "epoch": epoch,
        }:
            raise


# --- files and notes ----------------------------------------------------------------------------


def _save(run: Run) -> None:
    """What can be taken away: the best epoch's weights, as the report saved them, and curves."""
    epoch = predictions.best_epoch(run.folder)
    if epoch is None:
        st.caption("There is something to save after the first epoch.")
        return
    try:
        weights = checkpoints.weights_of(run.folder / "checkpoints", epoch)
    except RunError as error:  # the curves can still be saved
        st.caption(theme.plain(str(error)))
    else:
        st.download_button(
            f"Weights of epoch {epoch}", weights.read_bytes,
            file_name=f"{run.name}-epoch-{epoch}.weights.h5", icon=":material/download:",
            on_click="ignore", key="save-weights", help="Keras reads it with load_weights.",
        )  # fmt: skip
    if unguarded := checksums.unguarded(run.folder):
        st.caption(
            f"{theme.plural(len(unguarded), 'file')} of this run have no checksum, so damage to "
            "them goes unnoticed: an older version of this program wrote them."
        )
    st.download_button(
        "Curves as CSV", lambda: journal.curves_csv(run.folder),
        file_name=f"{run.name}.csv", mime="text/csv", icon=":material/download:",
        on_click="ignore", key="save-curves", help="A row an epoch: every number of the curves.",
    )  # fmt: skip


def write_notes(run: Run) -> None:
    """Fields for tags and note of the run; they change nothing that it computes."""
    labels = run_folders.labels(run.folder)
    kept = run_cache.labels(run_cache.runs_now()).values()
    used = {tag for written in kept for tag in written.tags}
    st.multiselect(
        "Tags", sorted(used), default=list(labels.tags), accept_new_options=True,
        placeholder="type a tag", max_selections=20, key=f"tags-{run.name}",
    )  # fmt: skip
    st.text_area("Note", labels.note, max_chars=4_000, key=f"note-{run.name}")
    kept = owner.button("Keep notes", key="keep-notes", on_click=_keep_notes, args=(run.name,))
    if refused := st.session_state.get(f"{state.REFUSED_NOTES}-{run.name}"):
        st.error(theme.plain(refused), icon=":material/error:")
    elif kept:
        st.rerun()  # the whole page: they stand at its top


def _keep_notes(name: str) -> None:
    """Keep them, or the sentence that says why not, beside the button."""
    st.session_state.pop(f"{state.REFUSED_NOTES}-{name}", None)
    with actions.errors_shown():
        folder = run_folders.find(name)
        try:
            value = run_folders.Labels(
                tags=tuple(st.session_state[f"tags-{name}"]),
                note=st.session_state[f"note-{name}"],
                baseline=run_folders.labels(folder).baseline,
            )
        except ConfigError as error:
            st.session_state[f"{state.REFUSED_NOTES}-{name}"] = str(error)
        else:
            actions.set_labels(folder, value)


# --- deletion -----------------------------------------------------------------------------------


def _delete(run: Run) -> None:
    st.caption(
        "Stopping keeps all work, and the run can go on. Closing the page changes nothing. "
        "Deleting takes the run away for good."
    )
    alive = run.status.state.alive
    if owner.button(
        "Delete this run…", icon=":material/delete:", disabled=alive, key="delete",
        help="It is at work: stop it first." if alive else None,
    ):  # fmt: skip
        confirm((run.name,))
    if alive:
        st.caption("It is at work. Stop it first.")


def confirm(names: tuple[str, ...]) -> None:
    """Ask whether these runs shall be deleted, and name what is lost."""
    title = "Delete this run?" if len(names) == 1 else f"Delete {len(names)} runs?"
    st.dialog(title, icon=":material/delete:")(_ask)(names)


def _ask(names: tuple[str, ...]) -> None:
    here = [name for name in names if run_folders.exists(name)]
    if not here:  # deleted, here or in another browser: the page says so
        st.rerun()
    for folder in map(run_folders.find, here[:LISTED]):
        epochs = theme.plural(len(checkpoints.epochs(folder / "checkpoints")), "epoch")
        st.markdown(
            f"**{theme.plain(folder.name)}** goes for good: its curves, and the weights and "
            f"predictions of {epochs}, {_megabytes(folder):.1f} MB in all."
        )
    if len(here) > LISTED:
        rest = sum(map(_megabytes, map(run_folders.find, here[LISTED:])))
        others = theme.plural(len(here) - LISTED, "other run")
        st.markdown(f"So {'does' if len(here) == LISTED + 1 else 'do'} {others}, {rest:.1f} MB.")
    st.markdown("Nothing brings them back. Models that were released from a run stay.")
    with st.container(horizontal=True):
        owner.button(
            "Delete for good", type="primary", on_click=_remove, args=(tuple(here),),
            key="delete-for-good",
        )  # fmt: skip
        if st.button("Keep it" if len(here) == 1 else "Keep them", key="keep"):
            st.rerun()
    actions.show_errors()


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _remove(names: tuple[str, ...]) -> None:
    """Delete what can be deleted; a run that is at work costs none of the others."""
    gone, said = [], []
    for name in names:
        try:
            actions.delete(run_folders.find(name))
            gone.append(name)
        except FractureError as error:
            said.append(str(error))
    if gone:
        what = f"{gone[0]} is" if len(gone) == 1 else f"{len(gone)} runs are"
        said.insert(0, f"{what} deleted.")
    if st.query_params.get(state.RUN) in gone:
        st.query_params.pop(state.RUN)
    st.session_state[state.NOTICE] = " ".join(said)
