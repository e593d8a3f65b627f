"""Runs side by side: in what they differ, how good each became, and which of two is better.

All from what the runs have written; no network is needed.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fracture_core import aggregation, journal, metrics, predictions, runs
from fracture_core.config import TrainConfig
from fracture_core.errors import RunError
from fracture_core.metrics import Difference, Proportion
from fracture_core.runs import Run

# They decide how fast a run is and the last bits of its sums, not what it is an experiment on.
NO_SETTINGS = ("threads", "checkpoint_seconds")
ROLES = ("train", "dev", "valid")
QUANTITIES = {  # as a metrics line calls it -> the name of its n
    "loss": "n",
    "accuracy": "n",
    "study_accuracy": "studies",
}
POINTS = 40  # of a curve in a cell of a table; more do not show


# --- settings -----------------------------------------------------------------------------------


def settings(config: TrainConfig) -> dict[str, Any]:
    """All that a run is an experiment on, nested records flattened: "schedule.kind"...

    Paths are shortened to their last name.
    """
    found: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name in NO_SETTINGS:
            continue
        if dataclasses.is_dataclass(value):
            inner = dataclasses.fields(value)
            found |= {f"{field.name}.{f.name}": getattr(value, f.name) for f in inner}
        elif field.name in ("data", "weights", "exclude") and value:
            found[field.name] = Path(value).name
        else:
            found[field.name] = value
    return found


def differing(tables: Sequence[dict[str, Any]]) -> list[str]:
    """The keys that are not the same in all of these `settings`, in their fixed order."""
    return [key for key in (tables[0] if tables else ()) if len({t[key] for t in tables}) > 1]


# --- results ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How good a run became, by role; accuracy is that of whole studies.

    Args:
        epochs: completed.
        best_epoch: see `journal.best_epoch`.
        best: role ("dev", "valid") -> studies judged right after the best epoch.
        last: role -> after the last epoch.
        curve: share of studies judged right after each epoch, 0 to 1, at most `POINTS` of them:
            of dev, else of valid.
    """

    epochs: int = 0
    best_epoch: int | None = None
    best: dict[str, Proportion] = dataclasses.field(default_factory=dict)
    last: dict[str, Proportion] = dataclasses.field(default_factory=dict)
    curve: tuple[float, ...] = ()


def outcome(folder: Path) -> Outcome:
    """How good the run in this folder is by now."""
    told = journal.lines(folder / "metrics.jsonl")
    lines = {line["epoch"]: line for line in told if type(line.get("epoch")) is int}
    if not lines:
        return Outcome()
    losses = {n: x for n, line in lines.items() if (x := _number(line, "dev", "loss")) is not None}
    best = min(losses, key=losses.__getitem__) if losses else max(lines)
    role = "dev" if losses else "valid"
    shares = [_number(line, role, "study_accuracy") for _, line in sorted(lines.items())]
    curve = [share for share in shares if share is not None]
    return Outcome(
        epochs=len(lines),
        best_epoch=best,
        best=_studies(lines[best]),
        last=_studies(lines[max(lines)]),
        curve=tuple(curve[:: math.ceil(len(curve) / POINTS)]) if curve else (),
    )


def _number(line: dict[str, Any], role: str, quantity: str) -> float | None:
    """A number of a metrics line; `None` where there is none, or damage in its place."""
    part = line.get(role)
    value = part.get(quantity) if isinstance(part, dict) else None
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if real and math.isfinite(value) else None


def _studies(line: dict[str, Any]) -> dict[str, Proportion]:
    found = {}
    for role in predictions.ROLES:
        share, n = _number(line, role, "study_accuracy"), _number(line, role, "studies")
        if share is not None and n:
            found[role] = metrics.wilson(min(round(share * n), int(n)), int(n))
    return found


# --- which of two is better ---------------------------------------------------------------------


def verdicts(run: Run, epoch: int) -> pd.DataFrame:
    """What a run says after an epoch: `aggregation.verdicts` of its dev and valid studies, with
    `role`.

    Raises:
        RunError: films or table are missing or damaged.
    """
    films = predictions.judged(journal.films(run.folder))
    table = predictions.load(run.folder, epoch, len(films))
    found = [
        aggregation.verdicts(films[rows], table[rows], run.config.threshold).assign(role=role)
        for role in predictions.ROLES
        if (rows := (films["role"] == role).to_numpy()).any()
    ]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=["role", "key"])


def same_data(first: Run, second: Run) -> bool:
    """Whether both runs learned from one data set: equal names elsewhere are other films."""
    digests = [run.facts.get("data", {}).get("hash") for run in (first, second)]
    return digests[0] is not None and digests[0] == digests[1]


def compare(first: pd.DataFrame, second: pd.DataFrame, role: str) -> Difference:
    """How much more often the first was right, on the studies of a role that both were judged on.

    With another seed a run sets aside other dev patients: only studies that are dev in both are
    counted, since one of the two has learned from the others.

    Args:
        first: of `verdicts`; of the same data set as `second`.
        second: the same for the other.
        role: "dev" or "valid".
    """
    keys = ["key", "label", "images"]  # with a film left out, it is not the same study
    if not {*keys, "right"} <= {*first.columns} & {*second.columns}:
        return metrics.difference([], [])
    sides = [side[side["role"] == role][[*keys, "right"]] for side in (first, second)]
    both = sides[0].merge(sides[1], on=keys, suffixes=("_first", "_second"))
    both = both[both["right_first"].notna() & both["right_second"].notna()]
    return metrics.difference(both["right_first"].astype(bool), both["right_second"].astype(bool))


# --- curves -------------------------------------------------------------------------------------


def curves(run: Run) -> pd.DataFrame:
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
            run = runs.read(run.folder.parent / parent["name"])
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
