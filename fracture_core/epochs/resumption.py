"""Resumption of a run: the latest whole checkpoint, and what stands against going on from it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fracture_core.epochs import checkpoints, epoch_weights
from fracture_core.epochs.checkpoints import Position, State
from fracture_core.errors import RunError
from fracture_core.runs import journal, run_folders

if TYPE_CHECKING:
    import keras


def check_resumable(folder: Path) -> None:
    """Refuse to resume a run that has done work and keeps no readable state.

    Args:
        folder: the run's `checkpoints/`.

    Raises:
        RunError: the message names the damaged files and the next step.
    """
    run = folder.parent
    if not _has_worked(folder):
        return
    state, _ = _latest(folder)
    if not (run / "films.parquet").is_file():
        raise RunError(
            f"A resumed run must see the films that it began with; the films.parquet of {run.name} "
            "is missing. Put it back, or begin a new run."
        )
    if count := journal.damaged_lines(run / "events.jsonl"):
        raise RunError(
            f"A resumed run goes by the rates and epochs that were asked for; {count} of the lines "
            f"of {run.name}'s events.jsonl was changed since it was written. Put the file back, or "
            "begin a new run."
        )
    if state and (lost := _lost_events(run, state)):
        raise RunError(
            f"A resumed run goes by the rates and epochs that were asked for; {run.name}'s "
            f"events.jsonl lost {lost} of them. Put the file back, or begin a new run."
        )


def _lost_events(run: Path, state: State) -> int:
    """Count the events that a state was written with and that are missing now."""
    parent = run_folders.read(run).parent
    if parent and state.position.epoch == parent.epoch and not state.position.sums[2]:
        return 0  # the parent's state: a fork has the rates in its config
    return max(0, state.requests - journal.request_count(run))


def _has_worked(folder: Path) -> bool:
    """Tell whether a run has done work that a restart would lose.

    A kill at the end of the first epoch leaves only its weights; later work leaves a state too.
    """
    return (
        bool(checkpoints.states(folder))
        or max(epoch_weights.kept(folder), default=0) > 1
        or _has_line(folder)
    )


def _latest(folder: Path) -> tuple[State | None, list[str]]:
    """Return the latest whole state, `None` before the first; a sentence for each one skipped."""
    passed_over: list[str] = []
    for path in checkpoints.states(folder):
        try:
            return checkpoints.read_state(path), passed_over
        except epoch_weights.UNREADABLE as error:
            passed_over.append(f"{path.name} cannot be read ({error}); the one before it is used.")
    if _has_worked(folder):
        raise _nothing_to_resume(folder)
    return None, []


def _has_line(folder: Path) -> bool:
    return bool(journal.lines(folder.parent / "metrics.jsonl"))


def _nothing_to_resume(folder: Path) -> RunError:
    run, names = folder.parent.name, [path.name for path in checkpoints.states(folder)]
    damaged = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    states_are = f"damaged: {damaged}" if names else f"missing from {folder}"
    whole = epoch_weights.whole(folder)
    if not whole:
        next_step = "Put the files back, or begin a new run."
    else:
        last = whole[-1]
        next_step = (
            f"Put the files back; or use the weights that are whole, of {len(whole)} epochs up to "
            f"{last}: predict, evaluate and release take {run}@{last}, and a new run begins with "
            f"them by --weights {folder / epoch_weights.name(last)}."
        )
    return RunError(
        f"{run} needs the state of an epoch to resume, and all of its states are {states_are}. "
        f"Nothing of it was deleted. {next_step}"
    )


def restore(
    folder: Path,
    model: "keras.Model",
    optimizer: "keras.optimizers.Optimizer",
    beside: "Sequence[keras.Variable]" = (),
    training: "Sequence[keras.Variable]" = (),
) -> tuple[Position, list[str]]:
    """Load the latest whole state into the variables of `checkpoints.save`.

    Returns:
        The run's position (`Position()` before its first state), and a sentence for each state
        that could not be read and was skipped.

    Raises:
        RunError: see `check_resumable`.
    """
    state, passed_over = _latest(folder)
    if state is None:
        return Position(), passed_over
    variables = [*optimizer.variables, *beside]
    if state.optimizer is not None and len(state.optimizer) != len(variables):
        raise RunError(
            f"The last state of {folder.parent.name} must hold {len(variables)} arrays "
            f"of its optimizer; it holds {len(state.optimizer)}. Put the file back."
        )
    if len(state.training) != len(training):
        raise RunError(
            f"The last state of {folder.parent.name} must hold {len(training)} arrays of weights "
            f"that are averaged; it holds {len(state.training)}. Put the file back."
        )
    model.load_weights(epoch_weights.WeightsInMemory(state.weights))
    if state.optimizer is not None:
        for variable, value in zip(variables, state.optimizer, strict=True):
            variable.assign(value)
    for variable, value in zip(training, state.training, strict=True):
        variable.assign(value)
    return state.position, passed_over
