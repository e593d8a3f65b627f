"""The epochs of a run as one tidy table: over epochs, steps, films seen or time at work."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from fracture_core.errors import RunError
from fracture_core.runs import journal, run_folders
from fracture_core.runs.run_folders import Run
from fracture_core.verdicts import metrics

ROLES = ("train", "dev", "valid")
QUANTITIES = {  # as a metrics line calls it -> the name of its n
    "loss": "n",
    "accuracy": "n",
    "study_accuracy": "studies",
}


def of_run(run: Run) -> pd.DataFrame:
    """A run's epochs as one tidy table: a row for each epoch, role and quantity.

    Returns:
        run, epoch, step, images (training films shown so far), seconds (at work so far, pauses
        left out; NaN where no clock was kept), learning_rate, role, quantity (a key of
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
    return _with_intervals(pd.concat(parts, ignore_index=True).dropna(subset=["value"]))


_COLUMNS = ["run", "epoch", "step", "images", "seconds", "learning_rate"]
_COLUMNS += ["role", "quantity", "value", "n", "low", "high"]


def _numbers(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table:
        return pd.Series(np.nan, index=table.index)
    return pd.to_numeric(table[name], errors="coerce")


def _with_intervals(rows: pd.DataFrame) -> pd.DataFrame:
    """Training films are judged while the network changes, so that they are no sample of it."""
    bounds = [
        metrics.wilson(min(round(row.value * row.n), int(row.n)), int(row.n))
        if row.quantity != "loss" and row.role != "train" and row.n > 0
        else None
        for row in rows.itertuples()
    ]
    low, high = ([getattr(p, end, np.nan) for p in bounds] for end in ("low", "high"))
    return rows.assign(low=low, high=high)[_COLUMNS]


def _clock(run: Run) -> tuple[list[float], list[float]]:
    """Steps, and the seconds of work up to each, for `numpy.interp`; pauses are left out."""
    folder = run.folder
    points = [(line, False) for line in journal.up_to(folder / "steps.jsonl", "step", 2**62)]
    starts, ends = ("started", "resumed"), ("stopped", "finished", "failed")
    for event in _events(run):
        if event["kind"] in starts + ends:
            points.append((event, event["kind"] in starts))
    told = [
        (float(line["time"]), int(line["step"]), begins)
        for line, begins in points
        if isinstance(line.get("time"), int | float) and type(line.get("step")) is int
    ]
    steps, seconds, before = [], [], None
    for time, step, begins in sorted(told):
        gap = 0.0 if begins or before is None else time - before
        before = time
        if steps and step <= steps[-1]:  # the same step told twice, by a point and by an event
            seconds[-1] += gap
            continue
        seconds.append((seconds[-1] if seconds else 0.0) + gap)
        steps.append(step)
    return (steps, seconds) if steps else ([0], [np.nan])


def _events(run: Run) -> list[dict[str, Any]]:
    """What happened to a run; to a fork also what happened to its parents before it began.

    A fork takes its parent's steps along, and not its events.
    """
    found, seen = journal.events(run.folder), {run.name}
    while (parent := run.facts.get("parent")) and parent.get("name") not in seen:
        seen.add(parent["name"])
        table = journal.metrics(run.folder)
        last = table.loc[table["epoch"] == parent["epoch"], "step"].max() if len(table) else 0
        try:
            run = run_folders.read(run.folder.parent / parent["name"])
        except RunError:  # it is deleted: its pauses are not known any more
            break
        before = journal.up_to(run.folder / "events.jsonl", "step", last)
        found += [event for event in before if isinstance(event.get("kind"), str)]
    return found


def smoothed(values: Sequence[float], weight: float) -> np.ndarray:
    """An exponential moving average that does not lean on its first value.

    As TensorBoard does it: each average is divided by the sum of its weights (Kingma and Ba 2015,
    section 3).

    Args:
        values: `(n,)`, in order.
        weight: of what came before, 0 (as it is) to below 1.
    """
    averages, last, total = [], 0.0, 0.0
    for value in np.asarray(values, np.float64):
        last, total = weight * last + (1 - weight) * value, weight * total + (1 - weight)
        averages.append(last / total)
    return np.array(averages)
