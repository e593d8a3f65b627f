"""State of a group of runs as a whole: what is done, how long it takes, what went wrong."""

from collections.abc import Iterable
from dataclasses import dataclass

from fracture_core.config.train_config import TrainConfig
from fracture_core.run_groups.members import RunGroup
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State


@dataclass(frozen=True, kw_only=True)
class Progress:
    """State of a group's runs.

    Args:
        noun: one of its runs is called this: "fold".
        runs: number of runs.
        finished: number of finished ones.
        active: number of those that wait or train.
        share: of all epochs that are done, 0 to 1.
        seconds_left: until all runs end, at the speed of those that train; `None` while unknown.
        problems: a sentence for each run that failed or was interrupted.
    """

    noun: str
    runs: int
    finished: int
    active: int
    share: float
    seconds_left: float | None
    problems: tuple[str, ...]

    @property
    def words(self) -> str:
        """The state in a few words: "2 of 5 folds done, training"."""
        done = f"{self.finished} of {self.runs} {self.noun}s done"
        if self.finished == self.runs:
            return "finished"
        return f"{done}, training" if self.active else f"{done}, stopped"


def progress(value: RunGroup, runs: Iterable[Run]) -> Progress:
    """Return the state of a group.

    Args:
        value: the group.
        runs: those of its runs that there are.
    """
    own, planned = {run.name: run for run in runs}, value.planned
    done = {name: _epochs_done(own.get(name), config) for name, config in planned.items()}
    total = sum(config.epochs for config in planned.values())
    ended = (State.FAILED, State.INTERRUPTED)
    states = [run.status.state for run in own.values()]
    return Progress(
        noun=value.noun,
        runs=len(planned),
        finished=states.count(State.FINISHED),
        active=sum(state.alive for state in states),
        share=sum(done.values()) / total,
        seconds_left=_seconds_left(own.values(), total - sum(done.values())),
        problems=tuple(
            f"{run.name}: {run.status.message}" for run in own.values() if run.status.state in ended
        ),
    )


def _epochs_done(run: Run | None, config: TrainConfig) -> int:
    """Return a run's epochs of those planned; a finished one may have stopped early."""
    if run is None:
        return 0
    if run.status.state is State.FINISHED:
        return config.epochs
    return min(run.status.epoch, config.epochs)


def _seconds_left(runs: Iterable[Run], epochs: int) -> float | None:
    """Estimate the time of these epochs, by the time of an epoch in the runs that train."""
    times = [
        run.status.seconds_left / max(1, run.status.epochs - run.status.epoch)
        for run in runs
        if run.status.state is State.RUNNING and run.status.seconds_left
    ]
    return epochs * sum(times) / len(times) ** 2 if times else None
