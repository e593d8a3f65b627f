"""Runs side by side: in what they differ, how good each became, and which of two is better.

All from what the runs have written; no network is needed.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fracture_core.config import TrainConfig
from fracture_core.runs import journal, predictions
from fracture_core.runs.run_folders import Run
from fracture_core.verdicts import aggregation, metrics
from fracture_core.verdicts.metrics import Difference, Proportion

# They decide how fast a run is and the last bits of its sums, not what it is an experiment on.
NO_SETTINGS = ("threads", "checkpoint_seconds")
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


def current_settings(run: Run, rate: float | None) -> dict[str, Any]:
    """`settings` of a run, with what was changed since it began: epochs, and the learning rate.

    Args:
        run: the run.
        rate: the learning rate of its last epoch; `None` before the first. Said as "0.001 → 0.0005"
            where it was set anew; a schedule that moves it is a setting of its own.
    """
    found, schedule = settings(run.config), run.config.schedule
    found["epochs"] = run.status.epochs or run.config.epochs
    first = run.config.learning_rate
    steady = schedule.kind == "constant" and not schedule.warmup_epochs
    if steady and rate is not None and not math.isclose(rate, first, rel_tol=1e-6):  # a float32
        found["learning_rate"] = f"{first:g} → {rate:.6g}"
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
        best_epoch: see `predictions.best_epoch`.
        best: role ("dev", "valid") -> studies judged right after the best epoch.
        last: role -> after the last epoch.
        learning_rate: of the last epoch; `None` before the first.
        curve: share of studies judged right after each epoch, 0 to 1, at most `POINTS` of them:
            of dev, else of valid.
    """

    epochs: int = 0
    best_epoch: int | None = None
    best: dict[str, Proportion] = dataclasses.field(default_factory=dict)
    last: dict[str, Proportion] = dataclasses.field(default_factory=dict)
    learning_rate: float | None = None
    curve: tuple[float, ...] = ()


def outcome(folder: Path) -> Outcome:
    """How good the run in this folder is by now."""
    told = journal.lines(folder / "metrics.jsonl")
    lines = {line["epoch"]: line for line in told if type(line.get("epoch")) is int}
    if not lines:
        return Outcome()
    losses = {n: x for n, line in lines.items() if (x := _number(line, "dev", "loss")) is not None}
    is_whole = not predictions.lost_lines(folder, lines)
    best = min(losses, key=losses.__getitem__) if losses else max(lines)
    role = "dev" if losses else "valid"
    shares = [_number(line, role, "study_accuracy") for _, line in sorted(lines.items())]
    curve = [share for share in shares if share is not None]
    return Outcome(
        epochs=len(lines),
        best_epoch=best if is_whole else None,
        best=_studies(lines[best]) if is_whole else {},
        last=_studies(lines[max(lines)]),
        learning_rate=_real(lines[max(lines)].get("learning_rate")),
        curve=tuple(curve[:: math.ceil(len(curve) / POINTS)]) if curve else (),
    )


def _number(line: dict[str, Any], role: str, quantity: str) -> float | None:
    """A number of a metrics line; `None` where there is none, or damage in its place."""
    part = line.get(role)
    return _real(part.get(quantity)) if isinstance(part, dict) else None


def _real(value: Any) -> float | None:
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
    films = predictions.predicted_films(journal.films(run.folder))
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
