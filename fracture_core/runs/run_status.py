"""Status of a run: what its child wrote last, corrected by the lock."""

import json
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from fracture_core import file_reader, memory
from fracture_core.clusters import run_place
from fracture_core.errors import RunError
from fracture_core.files import FileCache, replace_file, unchanged
from fracture_core.runs import journal, run_config, run_facts, run_lock, run_requests

MOST_TEXT = 10_000  # letters of a status text; an error may hold a list of films


class State(StrEnum):
    """State of a run, in a word for people."""

    QUEUED = "queued"  # alive, waits for a slot
    STARTING = "starting"  # alive, reads films or compiles
    RUNNING = "running"  # alive, trains or evaluates
    STOPPING = "stopping"  # alive, a stop was requested
    STOPPED = "stopped"  # ended by request; everything up to its last step is kept
    FINISHED = "finished"  # ended after its last epoch
    FAILED = "failed"  # ended by an error that its status names
    INTERRUPTED = "interrupted"  # ended without writing a final status: killed, or power lost

    @property
    def alive(self) -> bool:
        """Tell whether a child process is running or waiting."""
        return self in (State.QUEUED, State.STARTING, State.RUNNING, State.STOPPING)


@dataclass(frozen=True, kw_only=True)
class Status:
    """Content of `status.json`, with the state corrected by the lock.

    Args:
        state: see `State`.
        message: one sentence for people.
        phase: such as "reading films" or "training"; "" at rest.
        step: training steps done since the run began.
        steps: total training steps, 0 while unknown.
        epoch: epochs completed.
        epochs: total epochs requested, including added ones.
        progress: share of the present phase that is done, 0 to 1; of the epoch while training.
        images_per_second: training speed, 0 while unknown.
        seconds_left: until the last epoch ends at this speed, `None` while unknown.
        cores: processor cores that the child has used since the status before; 0 while unknown.
        memory_mb: the child's peak memory in MB; 0 where the system does not report it.
        oom_kills: processes that the kernel had killed for lack of memory when the child started;
            `None` while unknown.
        log_from: position in bytes where the child's part of the log begins, after those of
            earlier children.
        updated: time of writing, in seconds since 1970.
    """

    state: State
    message: str = ""
    phase: str = ""
    step: int = 0
    steps: int = 0
    epoch: int = 0
    epochs: int = 0
    progress: float = 0.0
    images_per_second: float = 0.0
    seconds_left: float | None = None
    cores: float = 0.0
    memory_mb: int = 0
    oom_kills: int | None = None
    log_from: int = 0
    updated: float = 0.0


def write(folder: Path, value: Status) -> None:
    """Replace `status.json` atomically; `updated` is set here."""
    fields = {**value.__dict__, "state": str(value.state), "updated": time.time()}
    replace_file(folder / "status.json", json.dumps(fields).encode())


def read(folder: Path, cache: FileCache | None = None) -> Status:
    """Return the present status of a run: its file, corrected by the lock.

    Args:
        folder: the run folder.
        cache: see `files.unchanged`; the lock is checked each time.
    """
    # The lock is checked first: a child writes its final status before it releases the lock.
    alive = run_lock.is_held(folder)
    value: Status = unchanged(folder / "status.json", cache, lambda: _written(folder))
    final = value.state in (State.STOPPED, State.FINISHED, State.FAILED)
    if not alive and not final and not run_lock.is_held(folder):
        if value.state is State.QUEUED and run_requests.has(folder, "stop"):
            return _with(value, state=State.STOPPED, message="Stopped before it began.")
        return _with(value, state=State.INTERRUPTED, message=_why_interrupted(folder, value))
    if (
        alive
        and value.state in (State.STARTING, State.RUNNING)
        and run_requests.has(folder, "stop")
    ):
        return _with(value, state=State.STOPPING)
    return value


def _why_interrupted(folder: Path, value: Status) -> str:
    path = folder / "status.json"
    if not isinstance(file_reader.json_or_none(path), dict) and (path.exists() or value.epoch):
        fault = "damaged" if path.exists() else "missing"
        return f"Its status.json is {fault}. Resume the run: it continues from its last checkpoint."
    logs = [log.name for log in folder.glob("[!.]*.log")]
    if any(
        memory.mentions_memory(journal.log_tail(folder, 200, log, value.log_from)) for log in logs
    ):
        return f"It ran out of memory, according to its log. {memory.NEXT}"
    if reason := run_place.why_ended(folder):
        return reason
    killed = 0 if value.oom_kills is None else memory.kills() - int(value.oom_kills)
    if killed > 0:
        return (
            "It ended without a final status. Since it started, the kernel has killed "
            f"{killed:,} process{'es' if killed > 1 else ''} for lack of memory, and it may be one "
            f"of them. {memory.NEXT}"
        )
    return (
        "It ended without a final status: it was killed, the machine went down, or its disk was "
        "full."
    )


def _written(folder: Path) -> Status:
    fields = file_reader.json_or_none(folder / "status.json")
    if not isinstance(fields, dict):
        return _by_lines(folder)
    plain = Status(state=State.STARTING)
    sound = {
        name: fields[name]
        for name, default in plain.__dict__.items()
        if _is_like(fields.get(name), default)
    }
    state = fields.get("state")
    return Status(**{**sound, "state": State(state if state in list(State) else "starting")})


def _by_lines(folder: Path) -> Status:
    """Return a status for a missing or damaged file, by the lines of the run."""
    try:
        lines = journal.lines(folder / "metrics.jsonl")
        epochs = journal.epochs_requested(folder, run_config.read(folder)[0])
    except RunError:  # another job's folder, or more files are damaged
        return Status(state=State.STARTING)
    last = max(lines, key=lambda line: line.get("epoch", 0), default={})
    return Status(
        state=State.STARTING, epoch=last.get("epoch", 0), step=last.get("step", 0), epochs=epochs
    )


def _is_like(value: Any, default: Any) -> bool:
    """Check that a value from a file has the type of this default: text, or a number from 0 on."""
    if isinstance(default, str):
        return isinstance(value, str) and len(value) <= MOST_TEXT
    kinds = int if isinstance(default, int) else int | float
    return isinstance(value, kinds) and not isinstance(value, bool) and 0 <= value <= run_facts.MOST


def _with(value: Status, **changes: Any) -> Status:
    return Status(**{**value.__dict__, **changes})
