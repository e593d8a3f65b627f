"""Launcher of child processes: training runs, evaluations, phantom sets; slots and the queue.

A run may be started by a scheduler instead, on a machine of a cluster: see `clusters`.

A child runs in its own session, so that it outlives the page, the browser and the server. The
parent takes the lock of the folder that the child will write and hands the open file down: the
lock is held at every moment, and a second start is refused. Nothing is killed at exit.
"""

import contextlib
import errno
import json
import os
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from fracture_core import file_reader, files, locks, memory
from fracture_core.clusters import launcher_choice, run_place, slurm
from fracture_core.config.limits import LIMITS
from fracture_core.config.record import check_range
from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import FileRefused, FractureError, RunBusy, RunError, Stopped
from fracture_core.files import make_folder, replace_file, writing
from fracture_core.folders import PROJECT, runs_folder
from fracture_core.jobs import child_process, standby
from fracture_core.own_networks import allowed
from fracture_core.runs import journal, run_folders, run_labels, run_lock, run_requests, run_status

LOCK_VARIABLE = "FRACTURE_LOCK_FD"  # tells a child which of its open files is its lock
QUEUE_SECONDS = 0.3  # between two checks of the slots
_children: list[subprocess.Popen[bytes]] = []  # those not yet reaped


def slots() -> int:
    """Return the number of queued runs that train at once: `FRACTURE_SLOTS`, else one per core.

    Small networks run best with one thread each, several side by side.
    """
    return max(1, int(os.environ.get("FRACTURE_SLOTS") or os.cpu_count() or 1))


def _launcher_of(folder: Path) -> str:
    """Return who starts a run: the chosen one, else the one of before, else the usual one."""
    place = run_place.read(folder)
    chosen = launcher_choice.chosen()
    return chosen or (place.launcher if place else launcher_choice.usual())


def start_run(folder: Path, wait_for_slot: bool = True, more_epochs: int = 0) -> None:
    """Start, or resume, the child of a run: here, or by the launcher that is chosen.

    Args:
        folder: the run folder.
        wait_for_slot: queue behind the runs that fill the slots, rather than run beside them; a
            scheduler has a queue of its own.
        more_epochs: epochs to add to those requested so far.

    Raises:
        RunBusy: its child is already alive.
        RunError: it has done work and keeps no readable state; or the scheduler refuses it.
        ConfigError: the chosen scheduler is not installed here.
        ModelError: its network is code of someone's own, which is not allowed here.
        WriteFailed: the run's folder cannot be written to.
    """
    from fracture_core.epochs import resumption

    _check_code(folder)
    launcher = _launcher_of(folder)
    with run_lock.hold(folder) as descriptor:
        resumption.check_resumable(folder / "checkpoints")
        for path, request in run_requests.waiting(folder):
            # An old request to stop must not stop the new start.
            if request.get("kind") in ("stop", "stop_after_epoch"):
                with writing(path):
                    path.unlink(missing_ok=True)
        with _epochs_requested(folder, more_epochs):
            if launcher == "slurm":
                _submit(folder)
            else:
                run_place.clear(folder)
                _start_child(folder, descriptor, wait_for_slot)


def _check_code(folder: Path) -> None:
    """Refuse a run whose network is code that is not allowed here, see `allowed.check`."""
    with contextlib.suppress(RunError):  # its child says what is wrong with its settings
        allowed.check(run_folders.read(folder).config.options.own)


@contextlib.contextmanager
def _epochs_requested(folder: Path, count: int) -> Iterator[None]:
    """Request more epochs; withdraw them where the `with` block, which starts the child, fails.

    The next try would add them twice.
    """
    path = run_requests.send(folder, "more_epochs", epochs=count) if count else None
    try:
        yield
    except BaseException:
        if path:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        raise


def _submit(folder: Path) -> None:
    """Hand a run to Slurm, whose job takes the lock itself; a refusal changes nothing."""
    before = run_status.read(folder)
    _write_first(folder, run_status.State.QUEUED, "Waiting in Slurm's queue.")
    command = child_process.command(["run", folder.name, "--elsewhere"])
    name, log = f"fracture-{folder.name}", folder / "train.log"
    try:
        job = slurm.submit(name, command, log, PROJECT, child_process.environment())
    except FractureError as error:
        failed = replace(before, state=run_status.State.FAILED, message=str(error))
        run_status.write(folder, failed if before.state.alive else before)
        raise
    run_place.write(folder, "slurm", job)
    journal.log_event(folder, "submitted", job=job)


def _write_first(folder: Path, state: run_status.State, message: str) -> None:
    """Write the status of a run that starts."""
    log = files.stamp(folder / "train.log")
    starting = replace(
        run_status.read(folder),
        state=state,
        message=message,
        phase="",
        seconds_left=None,
        oom_kills=memory.kills(),
        log_from=log[1] if log else 0,
    )
    run_status.write(folder, starting)


def _start_child(folder: Path, descriptor: int, wait_for_slot: bool) -> None:
    """Write the status of a run that starts, then start its child, which shares the lock."""
    if not wait_for_slot:
        _write_first(folder, run_status.State.STARTING, "Starting a process.")
    else:
        _write_first(folder, run_status.State.QUEUED, "Waiting for a free slot.")
        # A clock that was set back must not bring a run before those that wait already.
        last = max((journal.queued_at(run.folder) for run in _queued()), default=0.0)
        journal.log_event(folder, "queued", time=max(time.time(), last + 1e-6))
    arguments = ["run", folder.name, *(["--wait"] if wait_for_slot else [])]
    at_once = not wait_for_slot or _slot_is_free()
    if not (at_once and _on_standby(arguments, descriptor, folder / "train.log")):
        spawn(arguments, descriptor, folder / "train.log")


def create_and_start(
    config: TrainConfig,
    name: str | None = None,
    queue: bool = True,
    labels: run_labels.Labels | None = None,
) -> Path:
    """Make a run folder, with its tags and note if there are any, start its child, return it."""
    fill = partial(run_labels.write, value=labels) if labels else None
    folder = run_folders.create(config, name, fill)
    start_run(folder, wait_for_slot=queue)
    return folder


def resume(folder: Path, more_epochs: int = 0, wait_for_slot: bool = True) -> None:
    """Resume a run that is not alive, for additional epochs if requested.

    Raises:
        RunBusy: its child is alive.
        ConfigError: `more_epochs` is negative, or above a run's limit.
    """
    check_range("more epochs", more_epochs, (0, LIMITS.epochs[1]))
    start_run(folder, wait_for_slot, more_epochs)


def fork(
    source: Path, epoch: int, name: str | None = None, queue: bool = True, **changes: Any
) -> Path:
    """Make a run that starts from the state of `source` after `epoch`, and start its child.

    Arguments, result and errors as in `forks.create`.
    """
    from fracture_core.epochs import forks

    folder = forks.create(source, epoch, name, **changes)
    start_run(folder, wait_for_slot=queue)
    return folder


def start_job(folder: Path, request: dict[str, Any], command: str, message: str, log: str) -> None:
    """Start a child for the job in a folder, unless one is running.

    Args:
        folder: gets the request as `asked.json`, the child's status and its log.
        request: the job's parameters.
        command: the child's command; the folder is its argument.
        message: the status until the child writes its own.
        log: name of its log.
    """
    try:
        with run_lock.hold(folder) as descriptor:
            for path in folder.glob("requests/[!.]*.json"):
                with writing(path):  # an old request to stop must not stop the new start
                    path.unlink(missing_ok=True)
            replace_file(folder / "asked.json", json.dumps(request).encode())
            run_status.write(
                folder, run_status.Status(state=run_status.State.STARTING, message=message)
            )
            spawn([command, str(folder)], descriptor, folder / log)
    except RunBusy:
        pass  # another process has just started the same job


def job_request(folder: Path, *needed: str) -> dict[str, Any]:
    """Return the request that `start_job` wrote for its child.

    The positive class and the table of films may be `None`.

    Args:
        folder: the job's.
        needed: required keys, whose values are text.

    Raises:
        FileRefused: the file cannot be read, or lacks a required key.
    """
    path = folder / "asked.json"
    request = file_reader.read_json(path)
    if not isinstance(request, dict):
        raise FileRefused(path.name, "is no JSON object")
    texts = all(isinstance(request.get(key), str) for key in needed)
    others = [request.setdefault(key, None) for key in ("positive", "table")]
    if not (texts and all(isinstance(each, str | None) for each in others)):
        raise FileRefused(path.name, f"does not say what to do ({', '.join(needed)})")
    return request


def start_phantom(out: Path) -> None:
    """Start a child that makes, or completes, the phantom set in a folder.

    A second child waits for the first and then has nothing to do.
    """
    make_folder(out.parent)
    spawn(["phantom", str(out)], None, out.parent / f"{out.name}.log")


def wait(folder: Path, poll_seconds: float = 0.2) -> run_status.Status:
    """Wait until a run is no longer alive and return its final status."""
    while (status := run_status.read(folder)).state.alive:
        time.sleep(poll_seconds)
    return status


def spawn(arguments: list[str], descriptor: int | None, log: Path) -> None:
    """Start `python -m fracture_core.cli.child ...` in its own session, its lock handed down.

    Args:
        arguments: kind of work, folder and options; see `cli.child`.
        descriptor: open file that holds the lock, which stays locked while the child lives;
            `None` for a child that takes its own lock.
        log: file to which its output is appended.
    """
    reap()
    handed_down = () if descriptor is None else (descriptor,)
    variables = {} if descriptor is None else {LOCK_VARIABLE: str(descriptor)}
    with _log(log) as output:
        child = child_process.start(arguments, output, handed_down, variables)
    _children.append(child)


def _on_standby(arguments: list[str], descriptor: int, log: Path) -> bool:
    """Hand a run to the process on standby, see `spawn`; return whether there is one."""
    reap()
    with _log(log) as output:
        child = standby.hand_over(arguments, descriptor, output.fileno())
    if child:
        _children.append(child)
    return child is not None


def _log(path: Path) -> BinaryIO:
    """Open a log for appending.

    Raises:
        WriteFailed: no permission, or it is no regular file.
    """
    with writing(path):
        # Non-blocking: a pipe without a reader is refused at once.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o644)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return open(descriptor, "ab")  # noqa: PTH123


def reap() -> None:
    """Reap children that have ended, so that none remains as a zombie."""
    _children[:] = [child for child in _children if child.poll() is None]


def adopt_lock() -> int | None:
    """Return the lock that the parent handed down, and keep it from the child's own children."""
    text = os.environ.pop(LOCK_VARIABLE, None)
    if text is None:
        return None
    descriptor = int(text)
    os.set_inheritable(descriptor, False)
    return descriptor


def take_slot() -> int | None:
    """Take a free slot and return the descriptor that holds it; `None` when all are taken."""
    folder = runs_folder() / ".slots"
    make_folder(folder)
    for number in range(slots()):
        if (descriptor := locks.take(folder / f"{number}.lock")) is not None:
            return descriptor
    return None


def _slot_is_free() -> bool:
    """Tell whether a slot is free; each lock is held only for the moment of the check."""
    files = (runs_folder() / ".slots" / f"{number}.lock" for number in range(slots()))
    return not all(map(locks.is_held, files))


def wait_for_slot(folder: Path, should_stop: Callable[[], bool]) -> int:
    """Wait until it is this run's turn and a slot is free; return the slot's descriptor.

    Raises:
        Stopped: a stop was requested while the run waited.
    """
    while not should_stop():
        # `is_next` is called only with a slot free: it reads every run.
        if _slot_is_free() and is_next(folder) and (slot := take_slot()) is not None:
            return slot
        time.sleep(QUEUE_SECONDS)
    raise Stopped("Stopped while waiting for a slot.")


def is_next(folder: Path) -> bool:
    """Tell whether this run is the first in the queue for a slot."""
    queue = sorted((journal.queued_at(run.folder), run.name) for run in _queued())
    return not queue or queue[0][1] == folder.name


def _queued() -> list[run_folders.Run]:
    """Return the runs that wait for a slot of this machine."""
    waiting = [r for r in run_folders.list_runs() if r.status.state is run_status.State.QUEUED]
    return [run for run in waiting if run_place.read(run.folder) is None]
