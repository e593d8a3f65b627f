"""Groups of runs: cross-validations with figures, sweeps and learning curves with answers.

Computed once for all sessions.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fracture_core.cross_validation import group, out_of_fold
from fracture_core.cross_validation.group import Group
from fracture_core.errors import FractureError
from fracture_core.learning_curve import curve
from fracture_core.learning_curve.curve import Curve
from fracture_core.run_groups.members import RunGroup
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State
from fracture_core.sweeps import answer, sweep
from fracture_core.sweeps.answer import Answer, Tables
from fracture_core.sweeps.sweep import Sweep
from ui.cache import shared_cache

# Files of a run that its results follow from.
RESULTS = ("SHA256SUMS", "metrics.jsonl", "config.json", "status.json")


def groups_now() -> tuple[list[Group], list[str]]:
    """List all groups, newest first, and a sentence for each that cannot be read."""
    return shared_cache.recent("groups", _list_groups)


def sweeps_now() -> tuple[list[Sweep], list[str]]:
    """List all sweeps, newest first, and a sentence for each that cannot be read."""
    return shared_cache.recent("sweeps", _list_sweeps)


def of_run(run: Run) -> RunGroup | None:
    """Return the group that a run belongs to; `None` for other runs."""
    groups: list[RunGroup] = [*groups_now()[0], *sweeps_now()[0]]
    return next((each for each in groups if each.owns(run)), None)


def refresh() -> None:
    """Read the groups again, after one was started or deleted."""
    shared_cache.refreshed("groups", _list_groups)
    shared_cache.refreshed("sweeps", _list_sweeps)


def _list_groups() -> tuple[list[Group], list[str]]:
    return group.list_groups(shared_cache.file_cache(group.NOTE))


def _list_sweeps() -> tuple[list[Sweep], list[str]]:
    return sweep.list_sweeps(shared_cache.file_cache(sweep.NOTE))


def verdicts(value: Sweep, runs: Sequence[Run]) -> Tables | str:
    """Return the verdicts of a sweep's finished runs, see `answer.tables`; a sentence if damaged.

    Args:
        value: the sweep.
        runs: those that it has.
    """

    def read() -> Tables | str:
        try:
            return answer.tables(value, runs)
        except FractureError as error:
            return str(error)

    files = (*_results(runs), value.folder / sweep.NOTE)
    return shared_cache.of_files("sweep", files, _finished(runs), read)


def sweep_answer(value: Sweep, runs: Sequence[Run], role: str) -> Answer | str:
    """Return a sweep's answer on the studies of a role; a sentence where there is none.

    Args:
        value: the sweep.
        runs: those that it has.
        role: "dev" or "valid".
    """
    tables = verdicts(value, runs)
    if isinstance(tables, str):
        return tables

    def compute() -> Answer | str:
        return answer.of_tables(value, tables, role)

    return shared_cache.of_files(
        "sweep-answer", _results(runs), (value.name, role, *_finished(runs)), compute
    )


def learning_curve(value: Sweep, runs: Sequence[Run], role: str) -> Curve | str:
    """Return a learning curve on the studies of a role, see `curve.of_runs`.

    Args:
        value: the sweep, of the training share alone.
        runs: those that it has.
        role: "dev" or "valid".
    """
    tables = verdicts(value, runs)
    if isinstance(tables, str):
        return tables

    def compute() -> Curve | str:
        try:
            return curve.of_runs(value, runs, tables, role)
        except FractureError as error:
            return str(error)

    return shared_cache.of_files(
        "learning-curve", _results(runs), (value.name, role, *_finished(runs)), compute
    )


def _finished(runs: Iterable[Run]) -> tuple[str, ...]:
    """Return the names of finished runs: what is known of a run may be older than its files."""
    return tuple(run.name for run in runs if run.status.state is State.FINISHED)


def _results(runs: Iterable[Run]) -> tuple[Path, ...]:
    """Return the files that the results of runs follow from."""
    return tuple(run.folder / name for run in runs for name in RESULTS)


def figures(value: Group, runs: dict[int, Run]) -> dict[str, Any] | str | None:
    """Return a group's figures, see `fold_figures.record`.

    Args:
        value: the group.
        runs: its `members`.

    Returns:
        `None` until all folds have finished; a sentence where their files do not fit.
    """
    states = [run.status.state for run in runs.values()]
    if states != [State.FINISHED] * value.folds:
        return None
    own = (value.folder / name for name in (group.NOTE, group.LIST, out_of_fold.NOTE))
    files = (*_results(runs.values()), *own)

    def read() -> dict[str, Any] | str:
        try:
            return out_of_fold.kept_figures(value, runs) or out_of_fold.of_group(value).figures
        except FractureError as error:
            return str(error)

    return shared_cache.of_files("out-of-fold", files, (), read)
