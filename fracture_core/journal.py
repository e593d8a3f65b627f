"""What a run has written, line by line: events, metrics, the live curve, its films, its log.

Lines are appended and never changed; a reader skips what a killed process left half written.
"""

import contextlib
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pandas as pd

from fracture_core.config import TrainConfig
from fracture_core.errors import RunError
from fracture_core.files import replace_file

_CHATTER = re.compile(  # what TensorFlow writes at every start, and no setting silences
    r"WARNING: All log messages before absl|[IEW]0000 |To enable the following instructions"
)
_CHATTER_BYTES = 8192  # room for it in front of the lines that are wanted


def append_line(path: Path, value: dict[str, Any]) -> None:
    """Append one JSON line, in a single write; a torn line before it is closed first."""
    with path.open("a+b") as stream:
        stream.seek(max(0, stream.tell() - 1))
        torn = stream.read() not in (b"", b"\n")
        stream.write((b"\n" if torn else b"") + json.dumps(value).encode() + b"\n")


def replace_lines(path: Path, values: list[dict[str, Any]]) -> None:
    """Write these JSON lines in the place of what the file held, atomically."""
    replace_file(path, "".join(json.dumps(value) + "\n" for value in values).encode())


def lines(path: Path) -> list[dict[str, Any]]:
    """The JSON lines of a file, oldest first; a half-written last line is left out."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    found = []
    for line in text.splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            value = json.loads(line)
            if isinstance(value, dict):
                found.append(value)
    return found


def log_event(folder: Path, kind: str, **values: Any) -> None:
    """Append what happened to `events.jsonl`, with its time in seconds since 1970."""
    append_line(folder / "events.jsonl", {"kind": kind, "time": time.time(), **values})


def events(folder: Path) -> list[dict[str, Any]]:
    """What happened to the run, oldest first: queued, started, resumed, more_epochs, stopped..."""
    return lines(folder / "events.jsonl")


def refused(folder: Path, role: str | None = None) -> list[tuple[str, str]]:
    """Films that could not be read and were left out: (path, reason), each path once.

    Args:
        folder: the run folder.
        role: only those that would have been "train", "dev" or "valid"; `None` for all.
    """
    found = [e for e in events(folder) if e["kind"] == "film_refused"]
    wanted = [e for e in found if role is None or e.get("role") == role]
    return list({e["path"]: e["reason"] for e in wanted}.items())


def epochs_asked(folder: Path, config: TrainConfig) -> int:
    """Epochs in all: those of the config and those that were added since."""
    added = (e.get("epochs", 0) for e in events(folder) if e["kind"] == "more_epochs")
    return config.epochs + sum(added)


def epochs_added_at(folder: Path) -> int:
    """The epoch after which epochs were last added; 0 where none were."""
    added = [e.get("epoch", 0) for e in events(folder) if e["kind"] == "more_epochs"]
    return added[-1] if added else 0


def rate_changes(folder: Path) -> list[tuple[int, float]]:
    """Learning rates that were asked for since the run began, oldest first: (first step, rate)."""
    kinds = (e for e in events(folder) if e["kind"] == "learning_rate")
    return [(int(e["step"]), float(e["rate"])) for e in kinds]


def queued_at(folder: Path) -> float:
    """When the run began to wait for its slot, in seconds since 1970."""
    times = [e["time"] for e in events(folder) if e["kind"] == "queued"]
    return times[-1] if times else 0.0


def metrics(folder: Path) -> pd.DataFrame:
    """One row an epoch; columns `epoch`, `step`, `learning_rate` and dotted ones like `dev.loss`.

    Read twice (a resume wrote it anew), an epoch's later line holds.
    """
    table = pd.json_normalize(lines(folder / "metrics.jsonl"))
    return table.drop_duplicates("epoch", keep="last") if len(table) else table


def steps(folder: Path) -> pd.DataFrame:
    """The live curve: columns `step`, `epoch` (a fraction), `loss`, `accuracy`, `rate`, `time`."""
    table = pd.DataFrame(lines(folder / "steps.jsonl"))
    return table.drop_duplicates("step", keep="last") if len(table) else table


def best_epoch(folder: Path) -> int | None:
    """The epoch with the lowest dev loss, else the last one; `None` before the first.

    Loss, since on a few dozen studies accuracy has too many ties and too much noise. `valid` is
    never asked.
    """
    table = metrics(folder)
    if not len(table):
        return None
    if "dev.loss" in table:
        return int(table.loc[table["dev.loss"].idxmin(), "epoch"])
    return int(table["epoch"].iloc[-1])


def films(folder: Path) -> pd.DataFrame:
    """The manifest rows of this run with their `role`: train, dev or valid.

    Raises:
        RunError: the run has not read its films yet.
    """
    try:
        return pd.read_parquet(folder / "films.parquet")
    except FileNotFoundError as error:
        message = f"{folder.name} has not read its films yet. Wait until it trains."
        raise RunError(message) from error


def log_tail(folder: Path, count: int = 40) -> str:
    """The last lines of the run's log, without TensorFlow's notes on the machine."""
    with contextlib.suppress(FileNotFoundError), (folder / "train.log").open("rb") as stream:
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - 200 * count - _CHATTER_BYTES))
        found = stream.read().decode(errors="replace").splitlines()
        return "\n".join([line for line in found if not _CHATTER.match(line)][-count:])
    return ""
