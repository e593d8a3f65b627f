"""Comparison of runs: differing settings, results, and paired tests.

All from the files of the runs, without any network.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fracture_core.config.train_config import PATHS, TrainConfig
from fracture_core.epochs import predictions
from fracture_core.runs import journal
from fracture_core.runs.run_folders import Run
from fracture_core.verdicts import aggregation, closed_intervals
from fracture_core.verdicts.closed_intervals import Difference, Proportion
from fracture_core.words import plural

# They affect speed and the last bits of sums, and are no part of an experiment.
NO_SETTINGS = ("threads", "checkpoint_seconds")
POINTS = 40  # of a curve in a cell of a table; more are not visible


# --- settings -----------------------------------------------------------------------------------


def settings(config: TrainConfig) -> dict[str, Any]:
    """Return the settings of an experiment, nested records flattened: "schedule.kind"...

    Paths are shortened to their last part.
    """
    flat: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name in NO_SETTINGS:
            continue
        if dataclasses.is_dataclass(value):
            inner = dataclasses.fields(value)
            flat |= {f"{field.name}.{f.name}": getattr(value, f.name) for f in inner}
        elif field.name in PATHS and value:
            flat[field.name] = Path(value).name
        else:
            flat[field.name] = value
    return flat


def current_settings(run: Run, rate: float | None) -> dict[str, Any]:
    """Return `settings` of a run with later changes: epochs, and the learning rate.

    Args:
        run: the run.
        rate: the learning rate of its last epoch; `None` before the first. Shown as
            "0.001 → 0.0005" where a person changed it; a schedule is a setting of its own.
    """
    current, schedule = settings(run.config), run.config.schedule
    current["epochs"] = run.status.epochs or run.config.epochs
    current |= _curated(run)
    first = run.config.learning_rate
    steady = schedule.kind == "constant" and not schedule.warmup_epochs
    if steady and rate is not None and not math.isclose(rate, first, rel_tol=1e-6):  # a float32
        current["learning_rate"] = f"{first:g} → {rate:.6g}"
    return current


def _curated(run: Run) -> dict[str, Any]:
    """Return selection and corrections with their hashes: two of one name may differ."""
    chosen, corrected = run.data.selection, run.data.corrections
    return {
        "selection": f"{chosen['name']} ({chosen['hash']})" if chosen else run.config.selection,
        "corrections": f"{plural(corrected['labels'], 'label')} ({corrected['hash']})"
        if corrected
        else run.config.corrections,
    }


def differing(tables: Sequence[dict[str, Any]]) -> list[str]:
    """Return the keys whose values differ among these `settings`, in their fixed order."""
    return [key for key in (tables[0] if tables else ()) if len({t[key] for t in tables}) > 1]


# --- results ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Results of a run, by role; accuracy is that of whole studies.

    Args:
        epochs: number of completed epochs.
        best_epoch: see `predictions.best_epoch`.
        best: role ("dev", "valid") -> study accuracy after the best epoch.
        last: role -> study accuracy after the last epoch.
        learning_rate: of the last epoch; `None` before the first.
        curve: study accuracy after each epoch, 0 to 1, at most `POINTS` of them: of dev, else of
            valid.
    """

    epochs: int = 0
    best_epoch: int | None = None
    best: dict[str, Proportion] = dataclasses.field(default_factory=dict)
    last: dict[str, Proportion] = dataclasses.field(default_factory=dict)
    learning_rate: float | None = None
    curve: tuple[float, ...] = ()


def outcome(folder: Path) -> Outcome:
    """Return the results so far of the run in this folder."""
    written = journal.lines(folder / "metrics.jsonl")
    lines = {line["epoch"]: line for line in written if type(line.get("epoch")) is int}
    if not lines:
        return Outcome()
    losses = {n: x for n, line in lines.items() if (x := _number(line, "dev", "loss")) is not None}
    is_complete = not predictions.lost_lines(folder, lines)
    best = min(losses, key=losses.__getitem__) if losses else max(lines)
    role = "dev" if losses else "valid"
    shares = [_number(line, role, "study_accuracy") for _, line in sorted(lines.items())]
    curve = [share for share in shares if share is not None]
    return Outcome(
        epochs=len(lines),
        best_epoch=best if is_complete else None,
        best=_studies(lines[best]) if is_complete else {},
        last=_studies(lines[max(lines)]),
        learning_rate=_real(lines[max(lines)].get("learning_rate")),
        curve=tuple(curve[:: math.ceil(len(curve) / POINTS)]) if curve else (),
    )


def _number(line: dict[str, Any], role: str, quantity: str) -> float | None:
    """Return a number of a metrics line; `None` where it is missing or damaged."""
    part = line.get(role)
    return _real(part.get(quantity)) if isinstance(part, dict) else None


def _real(value: Any) -> float | None:
    is_real = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_real and math.isfinite(value) else None


def _studies(line: dict[str, Any]) -> dict[str, Proportion]:
    shares = {}
    for role in predictions.ROLES:
        share, n = _number(line, role, "study_accuracy"), _number(line, role, "studies")
        if share is not None and n:
            shares[role] = closed_intervals.wilson(min(round(share * n), int(n)), int(n))
    return shares


# --- which of two is better ---------------------------------------------------------------------


def verdicts(run: Run, epoch: int) -> pd.DataFrame:
    """Return the verdicts after an epoch: `aggregation.verdicts` of dev and valid, with `role`.

    Raises:
        RunError: films or table are missing or damaged.
    """
    films = predictions.predicted_films(journal.films(run.folder))
    table = predictions.load(run.folder, epoch, len(films))
    by_role = [
        aggregation.verdicts(films[rows], table[rows], run.config.threshold).assign(role=role)
        for role in predictions.ROLES
        if (rows := (films["role"] == role).to_numpy()).any()
    ]
    return (
        pd.concat(by_role, ignore_index=True) if by_role else pd.DataFrame(columns=["role", "key"])
    )


def same_data(first: Run, second: Run) -> bool:
    """Return whether both runs use one data set; equal names in another set are other films."""
    return first.data.hash is not None and first.data.hash == second.data.hash


def compare(first: pd.DataFrame, second: pd.DataFrame, role: str) -> Difference:
    """Return the difference of accuracies on the studies of a role that both runs evaluated.

    With another seed a run has other dev patients: only studies that are dev in both count, since
    one of the two was trained on the others.

    Args:
        first: of `verdicts`; of the same data set as `second`.
        second: of `verdicts`, of the other run.
        role: "dev" or "valid".
    """
    keys = ["key", "label", "images"]  # with a film left out, it is not the same study
    if not {*keys, "right"} <= {*first.columns} & {*second.columns}:
        return closed_intervals.difference([], [])
    sides = [side[side["role"] == role][[*keys, "right"]] for side in (first, second)]
    both = sides[0].merge(sides[1], on=keys, suffixes=("_first", "_second"))
    both = both[both["right_first"].notna() & both["right_second"].notna()]
    return closed_intervals.difference(
        both["right_first"].astype(bool), both["right_second"].astype(bool)
    )
