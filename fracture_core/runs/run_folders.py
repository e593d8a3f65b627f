"""Run folders: create, list, read, lock, send requests.

A run folder is the truth about a run. Its child process writes it (`training.loop`), all other
code reads it here; pages and the command line write only requests and labels. A run is alive while
its `lock` file is locked: the kernel releases the lock when the process ends, however it ends.
"""

import contextlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from fracture_core import checksums, file_reader, locks, memory
from fracture_core.config.limits import LIMITS
from fracture_core.config.record import Record, check_range
from fracture_core.config.reference import Reference
from fracture_core.config.train_config import TrainConfig, with_paths
from fracture_core.errors import (
    ConfigError,
    DamagedFile,
    FileRefused,
    RunBusy,
    RunError,
    RunNameTaken,
    RunNotFound,
)
from fracture_core.files import (
    FileCache,
    keep_damaged,
    remove_tree,
    replace_file,
    sweep,
    temporary,
    unchanged,
    writing,
)
from fracture_core.folders import runs_folder
from fracture_core.runs import journal, run_facts
from fracture_core.runs.run_facts import DataFacts
from fracture_core.words import short

DRAFT_SECONDS = 3600.0  # an older draft was left by a kill: copying takes minutes
MOST_TEXT = 10_000  # letters of a status text; an error may hold a list of films
_BEFORE = {"normalization": "running"}  # the setting of runs from before there was a choice
_SMALL, _FILMS_BEFORE = 36, 256  # px: larger films had this number for the averages, no choice
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,79}")


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
        phase: "reading films", "compiling", "training", "evaluating" or "".
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


@dataclass(frozen=True, kw_only=True)
class Labels(Record):
    """Tags and note that people gave a run; `labels.json`.

    Args:
        tags: short words, at most 20 of up to 40 characters, each once.
        note: free text, up to 4,000 characters.
        baseline: whether the other runs are compared with this one; at most one run is.
    """

    tags: tuple[str, ...] = ()
    note: str = ""
    baseline: bool = False

    def __post_init__(self) -> None:
        check_range("Number of tags", len(self.tags), (0, 20))
        check_range("Number of characters in the note", len(self.note), (0, 4_000))
        for tag in self.tags:
            if not (tag.isprintable() and tag == tag.strip() and 0 < len(tag) <= 40):
                raise ConfigError(
                    f"A tag has 1 to 40 characters on one line and no space around it; "
                    f"received {short(tag)!r}."
                )
        if len(set(self.tags)) < len(self.tags):
            raise ConfigError(f"A run has each tag once; received {', '.join(self.tags)}.")


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run at the moment of reading.

    Args:
        name: its id, which is the folder's name.
        folder: absolute path of the run folder.
        config: its settings.
        facts: the rest of `config.json`: created, versions, data (hash, synthetic, counts).
        status: see `Status`.
    """

    name: str
    folder: Path
    config: TrainConfig
    facts: dict[str, Any]
    status: Status

    @property
    def data_root(self) -> Path:
        """The folder that its films' paths are relative to.

        It may lie below the folder in the settings, as MURA's below its parent.
        """
        return Path(self.data.root or self.config.data)

    @property
    def data(self) -> DataFacts:
        """The facts about its films."""
        return DataFacts.from_dict(self.facts.get("data", {}))

    @property
    def parent(self) -> Reference | None:
        """The epoch that a fork began from; `None` for a run of its own."""
        parent = self.facts.get("parent")
        return Reference(run=parent["name"], epoch=parent["epoch"]) if parent else None


def find(name: str) -> Path:
    """Return the folder of the run called `name`.

    Raises:
        RunNotFound: there is none, or the text is not a valid name.
    """
    folder = runs_folder() / name
    if not exists(name):
        existing = ", ".join(names()[:8]) or "none yet"
        raise RunNotFound(f"No run is called {short(name)!r}. Runs here: {existing}.")
    return folder


def exists(name: str) -> bool:
    """Tell whether there is a run of this name; its files are not read."""
    marks = (runs_folder() / name / mark for mark in ("config.json", checksums.SUMS))
    return bool(NAME.fullmatch(name)) and any(map(os.path.lexists, marks))


def names() -> list[str]:
    """Return the names of all runs, newest first."""
    folders = [path.parent for path in _configs()]
    return [f.name for f in sorted(folders, key=lambda f: (_created(f), f.name), reverse=True)]


def _created(folder: Path) -> str:
    content = _read_json(folder / "config.json")
    return str(content.get("created", "")) if isinstance(content, dict) else ""


def create(
    config: TrainConfig, name: str | None = None, fill: Callable[[Path], None] | None = None
) -> Path:
    """Make the folder of a new run, as a whole or not at all; no process is started.

    Args:
        config: its settings.
        name: letters, digits, dot, dash, underscore; `None` for one made of network and time.
        fill: writes the run's first files into the folder before it gets its name, so that a
            kill meanwhile leaves no run.

    Returns:
        The run folder.

    Raises:
        RunNameTaken: a run of this name exists.
        RunError: the name cannot be a folder's name.
        WriteFailed: no space or no permission.
    """
    chosen = f"{config.architecture}-{datetime.now():%Y%m%d-%H%M%S}" if name is None else name
    check_name(chosen)
    folder = runs_folder() / chosen
    try:
        _make(folder, config, fill)
    except RunNameTaken:
        if name is None:
            return create(config, f"{chosen}-{uuid.uuid4().hex[:4]}", fill)
        raise
    return folder


def check_name(name: str) -> None:
    """Refuse what cannot be a run's name.

    Raises:
        RunError: says what can.
    """
    if not NAME.fullmatch(name):
        raise RunError(
            f"A run's name takes up to 80 letters, digits, '.', '-' and '_' and begins with a "
            f"letter or digit; received {short(name)!r}."
        )


def _make(folder: Path, config: TrainConfig, fill: Callable[[Path], None] | None) -> None:
    """Fill a draft of a run folder, then rename it to its final name."""
    refuse_taken(folder)
    draft = temporary(folder)
    try:
        with writing(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            sweep(folder.parent, DRAFT_SECONDS)
            for part in ("checkpoints", "predictions", "requests"):
                (draft / part).mkdir(parents=True)
        _write_config(draft, config)
        if fill:
            fill(draft)
        with writing(folder):
            try:
                draft.rename(folder)
            except OSError:
                refuse_taken(folder)  # another process was quicker
                raise
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def refuse_taken(folder: Path) -> None:
    """Refuse the folder of a new run that exists.

    Raises:
        RunNameTaken: says so.
    """
    if os.path.lexists(folder):
        raise RunNameTaken(f"A run called {folder.name!r} exists. Choose another name.")


def _write_config(folder: Path, config: TrainConfig) -> None:
    write_status(folder, Status(state=State.STARTING, epochs=config.epochs))
    # The child has another working directory: relative paths would not reach their files.
    config = with_paths(config, lambda path: str(path.absolute()))
    content = {"config": config.to_dict(), "created": datetime.now(UTC).isoformat()}
    checksums.write(folder, folder / "config.json", json.dumps(content, indent=2).encode())


def complete_facts(folder: Path, **more: Any) -> None:
    """Add facts that the child has determined to `config.json`; done once, before the first step.

    Raises:
        RunError: the file cannot be read, or was changed; nothing is written then.
        WriteFailed: no space or no permission.
    """
    text = json.dumps({**_read_facts(folder), **more}, indent=2)
    checksums.write(folder, folder / "config.json", text.encode())


def read(folder: Path, cache: FileCache | None = None) -> Run:
    """Return the run in this folder, with its present status.

    Args:
        folder: the run folder.
        cache: see `files.unchanged`.

    Raises:
        RunError: its config cannot be read.
    """
    path = folder / "config.json"
    config, facts = unchanged(path, cache, lambda: _read_config(folder))
    now = status(folder, cache)
    return Run(name=folder.name, folder=folder, config=config, facts=facts, status=now)


def _read_config(folder: Path) -> tuple[TrainConfig, dict[str, Any]]:
    try:
        facts = _read_facts(folder)
        values = facts.pop("config")
        if isinstance(values, dict):
            values = _BEFORE | values
        config = TrainConfig.from_dict(values)
        if "normalization_films" not in values and config.recipe.size > _SMALL:
            config = replace(config, normalization_films=_FILMS_BEFORE)
        return config, run_facts.run(facts)
    except (KeyError, ConfigError) as error:
        raise _no_config(folder, error) from error


def _read_facts(folder: Path) -> dict[str, Any]:
    """Return the content of `config.json`, checked against its checksum."""
    path = folder / "config.json"
    try:
        content = file_reader.read_json(path)
        checksums.read(folder, path, file_reader.NOTE_BYTES)
    except (OSError, FileRefused) as error:
        raise _no_config(folder, error) from error
    except DamagedFile as error:
        raise DamagedFile(
            f"{folder.name} has no readable config.json. {error} Put the file back as it was "
            f"written, or delete {folder}; a change made on purpose takes its line out of "
            f"{checksums.SUMS} as well."
        ) from error
    if not isinstance(content, dict):
        raise _no_config(folder)
    return content


def _no_config(folder: Path, error: Exception | None = None) -> RunError:
    why = f" It {error.reason}." if isinstance(error, FileRefused) else ""
    if isinstance(error, ConfigError):
        why = f" {error}"
    return RunError(
        f"{folder.name} has no readable config.json.{why} Put the file back, or delete {folder}."
    )


def list_runs(cache: FileCache | None = None) -> list[Run]:
    """Return all readable runs, newest first.

    Args:
        cache: see `files.unchanged`; entries of deleted runs are removed from it.
    """
    runs = []
    for path in _configs():
        with contextlib.suppress(RunError):
            runs.append(read(path.parent, cache))
    if cache is not None:
        folders = {run.folder for run in runs}
        for path in [path for path in list(cache) if path.parent not in folders]:
            cache.pop(path, None)
    return sorted(runs, key=lambda r: (str(r.facts.get("created", "")), r.name), reverse=True)


def unreadable(readable: Sequence[Run]) -> list[str]:
    """Return a sentence for each run that cannot be read, in the order of their names.

    Args:
        readable: the result of `list_runs`; these runs are not read again.
    """
    sentences, readable_names = [], {run.name for run in readable}
    for path in sorted(_configs()):
        try:
            if path.parent.name not in readable_names:
                _read_config(path.parent)
        except RunError as error:
            sentences.append(str(error))
    return sentences


def _configs() -> list[Path]:
    """Return the path of each run's config; a folder without a valid run name is no run.

    A run that lost its config is recognized by its checksums.
    """
    try:
        names = os.listdir(runs_folder())  # noqa: PTH208 - pages poll this every two seconds
    except OSError:  # there is none yet
        return []
    return [runs_folder() / name / "config.json" for name in names if exists(name)]


def delete(folder: Path) -> None:
    """Delete a run with all its files.

    Raises:
        RunBusy: it is alive; stop it first.
    """
    with lock(folder), writing(folder):
        gone = folder.rename(temporary(folder))  # renamed first: a kill leaves no half of a run
        remove_tree(gone)


# --- status -------------------------------------------------------------------------------------


def write_status(folder: Path, value: Status) -> None:
    """Replace `status.json` atomically; `updated` is set here."""
    fields = {**value.__dict__, "state": str(value.state), "updated": time.time()}
    replace_file(folder / "status.json", json.dumps(fields).encode())


def status(folder: Path, cache: FileCache | None = None) -> Status:
    """Return the present status of a run: its file, corrected by the lock.

    Args:
        folder: the run folder.
        cache: see `files.unchanged`; the lock is checked each time.
    """
    # The lock is checked first: a child writes its final status before it releases the lock.
    alive = is_alive(folder)
    value: Status = unchanged(folder / "status.json", cache, lambda: _written_status(folder))
    final = value.state in (State.STOPPED, State.FINISHED, State.FAILED)
    if not alive and not final and not is_alive(folder):
        return _with(value, state=State.INTERRUPTED, message=_why_interrupted(folder, value))
    if alive and value.state in (State.STARTING, State.RUNNING) and has_request(folder, "stop"):
        return _with(value, state=State.STOPPING)
    return value


def _why_interrupted(folder: Path, value: Status) -> str:
    path = folder / "status.json"
    if not isinstance(_read_json(path), dict) and (path.exists() or value.epoch):
        fault = "damaged" if path.exists() else "missing"
        return f"Its status.json is {fault}. Resume the run: it continues from its last checkpoint."
    logs = [log.name for log in folder.glob("[!.]*.log")]
    if any(
        memory.mentions_memory(journal.log_tail(folder, 200, log, value.log_from)) for log in logs
    ):
        return f"It ran out of memory, according to its log. {memory.NEXT}"
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


def _written_status(folder: Path) -> Status:
    fields = _read_json(folder / "status.json")
    if not isinstance(fields, dict):
        return _status_by_lines(folder)
    plain = Status(state=State.STARTING)
    sound = {
        name: fields[name]
        for name, default in plain.__dict__.items()
        if _is_like(fields.get(name), default)
    }
    state = fields.get("state")
    return Status(**{**sound, "state": State(state if state in list(State) else "starting")})


def _status_by_lines(folder: Path) -> Status:
    """Return a status for a missing or damaged file, by the lines of the run."""
    try:
        lines = journal.lines(folder / "metrics.jsonl")
        epochs = journal.epochs_requested(folder, _read_config(folder)[0])
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


# --- liveness -----------------------------------------------------------------------------------


def is_alive(folder: Path) -> bool:
    """Tell whether a process holds the run's lock."""
    return locks.is_held(folder / "lock")


def take_lock(folder: Path) -> int:
    """Take the run's lock and return the open file descriptor that holds it.

    Raises:
        RunBusy: another process holds it.
        WriteFailed: no permission.
    """
    for _ in range(20):  # `is_alive` of another process holds it for microseconds
        if (descriptor := locks.take(folder / "lock")) is not None:
            return descriptor
        time.sleep(0.005)
    raise RunBusy(f"{folder.name} is running already. Stop it first, or watch it.")


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[int]:
    """Hold the run's lock during a `with` block; see `take_lock`."""
    descriptor = take_lock(folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


# --- requests -----------------------------------------------------------------------------------


def send_request(folder: Path, kind: str, **values: Any) -> Path:
    """Leave a request for the run's child, and return its file.

    Args:
        kind: "stop", "stop_after_epoch", "more_epochs" (with `epochs`) or "learning_rate" (with
            `rate`).

    Raises:
        WriteFailed: no space or no permission.
    """
    key = uuid.uuid4().hex[:8]
    text = json.dumps({"kind": kind, "id": key, **values}).encode()
    path = folder / "requests" / f"{_next_number(folder):020d}-{key}.json"
    replace_file(path, text)
    return path


def stop_active(runs: Iterable[Run]) -> None:
    """Ask those of the runs that are active to stop; they keep their work.

    Raises:
        WriteFailed: see `send_request`.
    """
    for run in runs:
        if run.status.state.alive:
            send_request(run.folder, "stop")


def _next_number(folder: Path) -> int:
    """Return the number of a new request, by which they are served in their order.

    It is the time in ns, or follows the last one's where the clock was set back since.
    """
    names = [path.name.partition("-")[0] for path in folder.glob("requests/[!.]*.json")]
    last = max((int(name) for name in names if name.isdecimal()), default=0)
    return max(time.time_ns(), last + 1)


def requests(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Return the waiting requests in their order, each with the file to remove once served."""
    files = ((path, _read_json(path)) for path in sorted(folder.glob("requests/[!.]*.json")))
    return [(path, value) for path, value in files if _is_request(value)]


def _is_request(value: Any) -> bool:
    """Check that the content of a file in `requests/` is a valid request."""
    if not (isinstance(value, dict) and isinstance(value.get("kind"), str)):
        return False
    epochs, rate = value.get("epochs", 1), value.get("rate", LIMITS.learning_rate[0])
    whole = type(epochs) is int and 0 <= epochs <= LIMITS.epochs[1]
    least, most = LIMITS.learning_rate
    return whole and type(rate) in (int, float) and least <= rate <= most


def has_request(folder: Path, kind: str) -> bool:
    """Tell whether a request of this kind is waiting."""
    return any(value.get("kind") == kind for _, value in requests(folder))


# --- labels -------------------------------------------------------------------------------------


def labels(folder: Path, cache: FileCache | None = None) -> Labels:
    """Return the labels of a run; empty ones where the file cannot be read.

    Args:
        folder: the run folder.
        cache: see `files.unchanged`.
    """
    value: Labels = unchanged(folder / "labels.json", cache, lambda: _read_labels(folder))
    return value


def _read_labels(folder: Path) -> Labels:
    return _whole_labels(folder) or Labels()


def _whole_labels(folder: Path) -> Labels | None:
    """Return the content of `labels.json`; `None` where it is missing or cannot be read."""
    try:
        return Labels.from_dict(_read_json(folder / "labels.json"))
    except ConfigError:
        return None


def set_labels(folder: Path, value: Labels) -> None:
    """Replace the labels of a run; a new baseline replaces the one before.

    Raises:
        WriteFailed: no space or no permission.
    """
    # One process at a time, so that two new baselines cannot both remain.
    with locks.held(folder.parent / ".labels", seconds=0.01):
        _write_labels(folder, value)  # first: where the disk refuses it, the old baseline stays
        others = folder.parent.glob("[!.]*/labels.json") if value.baseline else ()
        for other in (path.parent for path in others):
            if other != folder and (written := labels(other)).baseline:
                _write_labels(other, replace(written, baseline=False))


def _write_labels(folder: Path, value: Labels) -> None:
    if _whole_labels(folder) is None:  # an unreadable note must not be overwritten
        keep_damaged(folder / "labels.json")
    replace_file(folder / "labels.json", value.to_json().encode())


def _read_json(path: Path) -> Any:
    """Return the content of a JSON file; `None` where it is missing or cannot be read."""
    try:
        return file_reader.read_json(path)
    except FileRefused:
        return None
