"""The epochs of a run as one tidy table: over epochs, steps, films or working time."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fracture_core.errors import RunError
from fracture_core.runs import journal, run_folders
from fracture_core.runs.run_folders import Run
from fracture_core.verdicts import closed_intervals

ROLES = ("train", "dev", "valid")
QUANTITIES = {  # key of a metrics line -> key of its n
    "loss": "n",
    "accuracy": "n",
    "study_accuracy": "studies",
}


def of_run(run: Run) -> pd.DataFrame:
    """Return a run's epochs as one tidy table: a row for each epoch, role and quantity.

    Returns:
        run, epoch, step, images (training films shown so far), seconds (of work so far, without
        pauses; NaN without a clock), learning_rate, role, quantity (a key of
        `QUANTITIES`), value, n, and low and high, the 95 % Wilson interval of an accuracy of dev
        and valid.
    """
    table = journal.metrics(run.folder)
    if not len(table):
        return pd.DataFrame(columns=_COLUMNS)
    table = table.sort_values("epoch")
    steps = _numbers(table, "step")
    base = pd.DataFrame(
        {
            "run": run.name,
            "epoch": table["epoch"],
            "step": steps,
            "images": _numbers(table, "train.n").cumsum(),
            "seconds": np.interp(steps, *_clock(run), left=np.nan),
            "learning_rate": _numbers(table, "learning_rate"),
        }
    )
    parts = [
        base.assign(
            role=role,
            quantity=quantity,
            value=_numbers(table, f"{role}.{quantity}"),
            n=_numbers(table, f"{role}.{n}"),
        )
        for role in ROLES
        for quantity, n in QUANTITIES.items()
        if f"{role}.{quantity}" in table
    ]
    if not parts:  # lines of epochs without a figure of any role
        return pd.DataFrame(columns=_COLUMNS)
    return _with_intervals(pd.concat(parts, ignore_index=True).dropna(subset=["value"]))


_COLUMNS = ["run", "epoch", "step", "images", "seconds", "learning_rate"]
_COLUMNS += ["role", "quantity", "value", "n", "low", "high"]


def _numbers(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table:
        return pd.Series(np.nan, index=table.index)
    return pd.to_numeric(table[name], errors="coerce")


def _with_intervals(rows: pd.DataFrame) -> pd.DataFrame:
    """Add intervals of accuracies; training films have none, as the network changes meanwhile."""
    columns = (rows[name] for name in ("quantity", "role", "value", "n"))
    bounds = [
        closed_intervals.bounds(closed_intervals.wilson(min(round(value * n), int(n)), int(n)))
        if quantity != "loss" and role != "train" and n > 0
        else (np.nan, np.nan)
        for quantity, role, value, n in zip(*columns, strict=True)
    ]
    low, high = [pair[0] for pair in bounds], [pair[1] for pair in bounds]
    return rows.assign(low=low, high=high)[_COLUMNS]


def _clock(run: Run) -> tuple[list[float], list[float]]:
    """Return steps and the seconds of work up to each, without pauses, for `numpy.interp`."""
    times = [*_timed(journal.lines(run.folder / "steps.jsonl")), *_starts_and_ends(run)]
    steps: list[float] = []
    seconds: list[float] = []
    before: float | None = None
    # In the order of their steps, since a clock may be set back; equal ones in that of the files.
    for step, time, begins in sorted(times, key=lambda each: each[0]):
        gap = 0.0 if begins or before is None else max(0.0, time - before)
        before = time
        if steps and step <= steps[-1]:  # a step with both a point and an event
            seconds[-1] += gap
            continue
        seconds.append((seconds[-1] if seconds else 0.0) + gap)
        steps.append(step)
    return (steps, seconds) if steps else ([0], [np.nan])


def _timed(lines: Iterable[dict[str, Any]], begin: bool = False) -> list[tuple[int, float, bool]]:
    """Return the step and the time of each line that has both, and whether work begins there."""
    return [
        (int(line["step"]), float(line["time"]), begin)
        for line in lines
        if isinstance(line.get("time"), int | float) and type(line.get("step")) is int
    ]


def _starts_and_ends(run: Run) -> list[tuple[int, float, bool]]:
    """Return the events between which a run has worked, see `_timed`.

    Those of steps that a later resume has discarded are left out.
    """
    times: list[tuple[int, float, bool]] = []
    for event in _events(run):
        if event["kind"] in ("started", "resumed"):
            for begin in _timed([event], begin=True):
                times = [*(each for each in times if each[0] <= begin[0]), begin]
        elif event["kind"] in ("stopped", "finished", "failed"):
            times += _timed([event])
    return times


def _events(run: Run) -> list[dict[str, Any]]:
    """Return the events of a run, oldest first; of a fork also its parents' before it began.

    A fork has a copy of its parent's steps, and not of its events.
    """
    events, names = journal.events(run.folder), {run.name}
    while (parent := run.parent) and parent.run not in names:
        names.add(parent.run)
        table = journal.metrics(run.folder)
        last = table.loc[table["epoch"] == parent.epoch, "step"].max() if len(table) else 0
        try:
            run = run_folders.read(run.folder.parent / parent.run)
        except RunError:  # deleted: its pauses are unknown
            break
        before = journal.up_to(run.folder / "events.jsonl", "step", last)
        events = [*(each for each in before if isinstance(each.get("kind"), str)), *events]
    return events


def smoothed(values: ArrayLike, weight: float) -> np.ndarray:
    """Return an exponential moving average without bias to its first value.

    As in TensorBoard, each average is divided by the sum of its weights (Kingma and Ba 2015,
    section 3).

    Args:
        values: `(n,)`, in order, none missing.
        weight: of the preceding values, 0 (no smoothing) to below 1.
    """
    averages = pd.Series(np.asarray(values, np.float64)).ewm(alpha=1 - weight, adjust=True).mean()
    return averages.to_numpy()
