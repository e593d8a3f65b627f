"""The form for a fork: a new run from another one's state after an epoch."""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fracture_core.config.limits import LIMITS
from fracture_core.config.reference import Reference
from fracture_core.epochs import checkpoints, forks
from fracture_core.errors import RunError, RunNameTaken
from fracture_core.networks import schedules
from fracture_core.runs import run_folders
from fracture_core.runs.run_folders import Run
from ui.shared import epoch_slider, theme
from ui.shell import actions, owner, state

MORE_EPOCHS = 25  # offered to a run that has ended: a third of the report's 75
NAME_LENGTH = 60  # of a run's name in the names of its forks; a name takes up to 80


def show(run: Run) -> None:
    """Draw the fields of a fork, and the button that starts it."""
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
    _fields(run, epoch, rate, left, right)
    owner.button(
        "Fork and train",
        type="primary",
        icon=":material/call_split:",
        key="fork",
        on_click=_fork_now,
        args=(run.name, epoch),
    )


def _fields(run: Run, epoch: int, rate: float, left: DeltaGenerator, right: DeltaGenerator) -> None:
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
        help=schedules.rate_note(run.config) or None,
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
