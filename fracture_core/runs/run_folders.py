"""Run folders: create, find, list, read, delete.

A run folder is the truth about a run. Its child process writes it (`training.loop`), all other
code reads it here and in the modules beside this one; pages and the command line write only
requests and labels.
"""

import contextlib
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fracture_core import checksums, file_reader
from fracture_core.config.reference import Reference
from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import RunError, RunNameTaken, RunNotFound
from fracture_core.files import FileCache, remove_tree, sweep, temporary, unchanged, writing
from fracture_core.folders import runs_folder
from fracture_core.own_networks import allowed
from fracture_core.runs import run_config, run_lock, run_requests, run_status
from fracture_core.runs.run_facts import DataFacts
from fracture_core.runs.run_status import State, Status
from fracture_core.words import short

DRAFT_SECONDS = 3600.0  # an older draft was left by a kill: copying takes minutes
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,79}")


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
    marks = (runs_folder() / name / mark for mark in (run_config.NAME, checksums.SUMS))
    return bool(NAME.fullmatch(name)) and any(map(os.path.lexists, marks))


def names() -> list[str]:
    """Return the names of all runs, newest first."""
    folders = [path.parent for path in _configs()]
    return [f.name for f in sorted(folders, key=lambda f: (_created(f), f.name), reverse=True)]


def _created(folder: Path) -> str:
    content = file_reader.json_or_none(folder / run_config.NAME)
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
        ModelError: its network is code that is not allowed here, see `allowed.check`.
        WriteFailed: no space or no permission.
    """
    chosen = f"{config.architecture}-{datetime.now():%Y%m%d-%H%M%S}" if name is None else name
    check_name(chosen)
    allowed.check(config.options.own)
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
        run_status.write(draft, Status(state=State.STARTING, epochs=config.epochs))
        run_config.write(draft, config)
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


def read(folder: Path, cache: FileCache | None = None) -> Run:
    """Return the run in this folder, with its present status.

    Args:
        folder: the run folder.
        cache: see `files.unchanged`.

    Raises:
        RunError: its config cannot be read.
    """
    path = folder / run_config.NAME
    config, facts = unchanged(path, cache, lambda: run_config.read(folder))
    status = run_status.read(folder, cache)
    return Run(name=folder.name, folder=folder, config=config, facts=facts, status=status)


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
                run_config.read(path.parent)
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
    return [runs_folder() / name / run_config.NAME for name in names if exists(name)]


def delete(folder: Path) -> None:
    """Delete a run with all its files.

    Raises:
        RunBusy: it is alive; stop it first.
    """
    with run_lock.hold(folder), writing(folder):
        gone = folder.rename(temporary(folder))  # renamed first: a kill leaves no half of a run
        remove_tree(gone)


def stop_active(runs: Iterable[Run]) -> None:
    """Ask those of the runs that are active to stop; they keep their work.

    Raises:
        WriteFailed: see `run_requests.send`.
    """
    for run in runs:
        if run.status.state.alive:
            run_requests.send(run.folder, "stop")
