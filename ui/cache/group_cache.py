"""Cross-validations and their out-of-fold figures, computed once for all sessions."""

from typing import Any

from fracture_core.cross_validation import group, out_of_fold
from fracture_core.cross_validation.group import Group
from fracture_core.errors import FractureError
from fracture_core.runs.run_folders import Run, State
from ui.cache import shared_cache


def groups_now() -> tuple[list[Group], list[str]]:
    """List all groups, newest first, and a sentence for each that cannot be read."""
    return shared_cache.recent("groups", group.list_groups)


def refresh() -> None:
    """Read the groups again, after one was started or deleted."""
    shared_cache.refreshed("groups", group.list_groups)


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
    names = ("SHA256SUMS", "metrics.jsonl", "config.json", "status.json")
    files = [run.folder / name for run in runs.values() for name in names]
    files += [value.folder / name for name in (group.NOTE, group.LIST, out_of_fold.NOTE)]

    def read() -> dict[str, Any] | str:
        try:
            return out_of_fold.kept_figures(value, runs) or out_of_fold.of_group(value).figures
        except FractureError as error:
            return str(error)

    return shared_cache.of_files("out-of-fold", tuple(files), (), read)
