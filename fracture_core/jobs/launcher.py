"""Start the child processes: training runs, evaluations, the phantom's maker; slots and the queue.

A child runs in its own session, so that it outlives the page, the browser and the server. The
parent takes the lock of the folder that the child will write and hands the open file down: there
is no moment without a holder, and a second start is refused. Nothing is killed at exit.
"""

import contextlib
import errno
import fcntl
import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from fracture_core import file_reader, files, memory
from fracture_core.config import LIMITS, PROJECT, TrainConfig, check_range, runs_folder, slots
from fracture_core.errors import FileRefused, RunBusy, Stopped
from fracture_core.files import make_folder, replace_file, writing
from fracture_core.runs import journal, run_folders

LOCK_VARIABLE = "FRACTURE_LOCK_FD"  # how a child learns which of its open files is its lock
QUEUE_SECONDS = 0.3  # between two looks at the slots
_children: list[subprocess.Popen[bytes]] = []  # kept, so that the ended ones can be reaped


def start_run(folder: Path, wait_for_slot: bool = True, more_epochs: int = 0) -> None:
    """Start, or resume, the child of a run.

    Args:
        folder: the run folder.
        wait_for_slot: queue behind the runs that fill the slots, rather than run beside them.
        more_epochs: epochs beyond those asked for so far.

    Raises:
        RunBusy: its child is alive already.
        RunError: it has done work and keeps no state that can be read.
        WriteFailed: the run's folder takes no file.
    """
    from fracture_core.runs import checkpoints  # needs numpy, and a waiting run does not

    with run_folders.lock(folder) as descriptor:
        checkpoints.check_resumable(folder / "checkpoints")
        for path, request in run_folders.requests(folder):
            # An old wish to stop must not stop the new start.
            if request.get("kind") in ("stop", "stop_after_epoch"):
                with writing(path):
                    path.unlink(missing_ok=True)
        if more_epochs:
            run_folders.send_request(folder, "more_epochs", epochs=more_epochs)
        before = run_folders.status(folder)
        state = run_folders.State.QUEUED if wait_for_slot else run_folders.State.STARTING
        message = "Waits for a free slot." if wait_for_slot else "Starts a process."
        fields = {**before.__dict__, "state": state, "message": message, "phase": ""}
        log = files.stamp(folder / "train.log")
        fields |= {
            "seconds_left": None,
            "oom_kills": memory.kills(),
            "log_from": log[1] if log else 0,
        }
        run_folders.write_status(folder, run_folders.Status(**fields))
        if wait_for_slot:
            journal.log_event(folder, "queued")
        arguments = ["run", folder.name, *(["--wait"] if wait_for_slot else [])]
        spawn(arguments, descriptor, folder / "train.log")


def create_and_start(config: TrainConfig, name: str | None = None, queue: bool = True) -> Path:
    """Make a run folder and start its child; gives the folder."""
    folder = run_folders.create(config, name)
    start_run(folder, wait_for_slot=queue)
    return folder


def resume(folder: Path, more_epochs: int = 0, wait_for_slot: bool = True) -> None:
    """Go on with a run that is not alive, for more epochs than first asked if wanted.

    Raises:
        RunBusy: its child is alive.
        ConfigError: `more_epochs` is negative, or beyond what a run may have.
    """
    check_range("more epochs", more_epochs, (0, LIMITS.epochs[1]))
    start_run(folder, wait_for_slot, more_epochs)


def fork(
    source: Path, epoch: int, name: str | None = None, queue: bool = True, **changes: Any
) -> Path:
    """Make a run that begins as `source` stood after `epoch`, and start its child.

    Arguments and errors as in `forks.create`; gives the folder.
    """
    from fracture_core.runs import forks  # its checkpoints need numpy, and a waiting run does not

    folder = forks.create(source, epoch, name, **changes)
    start_run(folder, wait_for_slot=queue)
    return folder


def start_job(folder: Path, asked: dict[str, Any], command: str, message: str, log: str) -> None:
    """Start a child that does what `asked.json` in a folder says, unless one is at it.

    Args:
        folder: gets `asked.json`, the child's status and its log.
        asked: what the child is to do.
        command: the child's command; it is given the folder.
        message: its status until it says something itself.
        log: name of its log.
    """
    try:
        with run_folders.lock(folder) as descriptor:
            for path in folder.glob("requests/[!.]*.json"):
                with writing(path):  # an old wish to stop must not stop the new start
                    path.unlink(missing_ok=True)
            replace_file(folder / "asked.json", json.dumps(asked).encode())
            run_folders.write_status(
                folder, run_folders.Status(state=run_folders.State.STARTING, message=message)
            )
            spawn([command, str(folder)], descriptor, folder / log)
    except RunBusy:
        pass  # somebody else asked for the same a moment ago


def job_request(folder: Path, *needed: str) -> dict[str, Any]:
    """What `start_job` has left in a folder for its child; the positive class may be `None`.

    Args:
        folder: the job's.
        needed: keys that hold text.

    Raises:
        FileRefused: it cannot be read.
    """
    path = folder / "asked.json"
    found = file_reader.read_json(path)
    if not isinstance(found, dict):
        raise FileRefused(path.name, "is no JSON object")
    texts = all(isinstance(found.get(key), str) for key in needed)
    if not (texts and isinstance(found.setdefault("positive", None), str | None)):
        raise FileRefused(path.name, f"does not say what to do ({', '.join(needed)})")
    return found


def start_phantom(out: Path) -> None:
    """Start making, or finishing, the phantom in a folder.

    A second maker waits for the first and finds it done.
    """
    make_folder(out.parent)
    spawn(["phantom", str(out)], None, out.parent / f"{out.name}.log")


def wait(folder: Path, poll_seconds: float = 0.2) -> run_folders.Status:
    """Wait until a run is no longer at work; gives its last status."""
    while (status := run_folders.status(folder)).state.alive:
        time.sleep(poll_seconds)
    return status


def spawn(arguments: list[str], descriptor: int | None, log: Path) -> None:
    """Start `python -m fracture_core.cli.child ...` in its own session, its lock handed down.

    Args:
        arguments: kind of work, folder and options; see `cli.child`.
        descriptor: open file that holds the lock, which stays locked while the child lives;
            `None` for a child that takes a lock of its own.
        log: file to which its output is appended.
    """
    reap()
    path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {
        "PYTHONPATH": path,
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # several runs share one GPU
    }
    handed_down = () if descriptor is None else (descriptor,)
    if handed_down:
        environment[LOCK_VARIABLE] = str(descriptor)
    with _log(log) as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "fracture_core.cli.child", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            pass_fds=handed_down,
            start_new_session=True,
        )
    _children.append(child)


def _log(path: Path) -> BinaryIO:
    """A log that a child adds to.

    Raises:
        WriteFailed: no permission, or it is no regular file.
    """
    with writing(path):
        # Without waiting: a pipe with nobody at its other end refuses at once.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o644)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return open(descriptor, "ab")  # noqa: PTH123


def reap() -> None:
    """Let go of children that have ended, so that none stays behind as a zombie."""
    _children[:] = [child for child in _children if child.poll() is None]


def adopt_lock() -> int | None:
    """In a child: keep the lock that the parent handed down, and from the child's own children."""
    text = os.environ.pop(LOCK_VARIABLE, None)
    if text is None:
        return None
    descriptor = int(text)
    os.set_inheritable(descriptor, False)
    return descriptor


def take_slot() -> int | None:
    """Take a free slot; gives the descriptor that holds it, or `None` when all are taken."""
    folder = runs_folder() / ".slots"
    make_folder(folder)
    for number in range(slots()):
        with writing(folder):
            descriptor = os.open(folder / f"{number}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        os.close(descriptor)
    return None


def _slot_is_free() -> bool:
    """Whether `take_slot` would find one; takes it from nobody for longer than a look."""
    for number in range(slots()):
        try:
            descriptor = os.open(runs_folder() / ".slots" / f"{number}.lock", os.O_RDONLY)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)
    return False


def wait_for_slot(folder: Path, asked_to_stop: Callable[[], bool]) -> int:
    """Wait until it is this run's turn and a slot is free; gives the slot's descriptor.

    Raises:
        Stopped: the run was asked to stop while it waited.
    """
    while not asked_to_stop():
        # Who is next is asked only where it matters: the answer takes a look at every run.
        if _slot_is_free() and is_next(folder) and (slot := take_slot()) is not None:
            return slot
        time.sleep(QUEUE_SECONDS)
    raise Stopped("Stopped while it waited for a slot.")


def is_next(folder: Path) -> bool:
    """Whether no run that waits for a slot has waited longer than this one."""
    waiting = [r for r in run_folders.list_runs() if r.status.state is run_folders.State.QUEUED]
    queue = sorted((journal.queued_at(r.folder), r.name) for r in waiting)
    return not queue or queue[0][1] == folder.name
