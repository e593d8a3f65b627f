"""Standby: one process that has loaded TensorFlow and waits for the next run.

It is handed a run's command, log and lock, and from then on is that run's child like any other. The
parent keeps the lock until the process has said that it holds it; a process that does not say so
is killed, and a new one is started instead. It belongs to the process that made it and ends with
it.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fracture_core import files, memory
from fracture_core.folders import PROJECT
from fracture_core.jobs import child_process

VARIABLE = "FRACTURE_STANDBY"  # "off": no process is kept on standby
IDLE_SECONDS = 600.0  # after which it ends: it holds 400 MB
ANSWER_SECONDS = 5.0  # in which it must say that it holds the lock
ROOM_BYTES = 1.5e9  # of free memory, below which none is made: the run needs it
STAY = b"\n"  # to the process
READY, ACCEPTED = b"r", b"a"  # from it


@dataclass(frozen=True, kw_only=True)
class Standby:
    """A waiting process.

    Args:
        process: in a session of its own, as every child.
        line: socket to it.
        conditions: of its start, see `_conditions`.
    """

    process: subprocess.Popen[bytes]
    line: socket.socket
    conditions: tuple[object, ...]


_mutex = threading.Lock()
_waiting: list[Standby] = []  # one at most
_permitted: list[bool] = []  # whether this process may keep one


@contextlib.contextmanager
def permitted() -> Iterator[None]:
    """Permit `prepare` during a `with` block, and end a process that still waits after it.

    `FRACTURE_STANDBY=off` permits none.
    """
    if os.environ.get(VARIABLE) != "off":
        _permitted.append(True)
    try:
        yield
    finally:
        _permitted.clear()
        end()


def is_permitted() -> bool:
    """Return whether this process may keep one on standby."""
    return bool(_permitted)


def prepare(
    data: Path | None = None,
    positive: str | None = None,
    *,
    at_once: bool = False,
    idle_seconds: float = IDLE_SECONDS,
) -> None:
    """Make a waiting process where it is permitted and none fits; an existing one waits on.

    Args:
        data: data set whose films are read ahead for a demo run, if they are few.
        positive: of class folders, see `catalog.read`.
        at_once: load TensorFlow at normal priority, since a run is about to start.
        idle_seconds: without another call or a run, after which it ends.
    """
    with _mutex:
        if not _permitted:
            return
        if _waiting and not _fits(_waiting[0]):
            _end(_waiting.pop())
        if _waiting:
            with contextlib.suppress(OSError):  # it has just ended
                _waiting[0].line.send(STAY)
        elif (free := memory.available()) is None or free > ROOM_BYTES:
            with contextlib.suppress(OSError):  # a run can start without it
                options = ["--idle", str(idle_seconds)]
                options += ["--at-once"] if at_once else []
                options += ["--data", str(data)] if data else []
                options += ["--positive", positive] if positive else []
                _waiting.append(_made(options))


def hand_over(
    arguments: Sequence[str], descriptor: int, log: int
) -> subprocess.Popen[bytes] | None:
    """Hand a run to the waiting process, which is its child from then on.

    Args:
        arguments: as of `child_process.start`.
        descriptor: holds the run's lock; the process shares it once this returns it.
        log: descriptor of the open log.

    Returns:
        The process; `None` where none waits under present conditions, or it did not answer: it is
        dead then, and holds nothing.
    """
    with _mutex:
        standby = _waiting.pop() if _waiting else None
    if standby is None:
        return None
    if _fits(standby) and _accepts(standby, arguments, descriptor, log):
        standby.line.close()
        return standby.process
    _end(standby)
    return None


def is_ready() -> bool:
    """Return whether a waiting process has loaded everything."""
    with _mutex, contextlib.suppress(OSError):
        flags = socket.MSG_DONTWAIT | socket.MSG_PEEK
        return bool(_waiting) and _waiting[0].line.recv(1, flags) == READY
    return False


def memory_mb() -> int | None:
    """Return the waiting process' own memory in MB, 0 if unknown; `None` where none waits."""
    with _mutex:
        if not _waiting or _waiting[0].process.poll() is not None:
            return None
        return memory.own_mb(_waiting[0].process.pid)


def end() -> None:
    """End the waiting process, if there is one."""
    with _mutex:
        while _waiting:
            _end(_waiting.pop())


def _made(options: Sequence[str]) -> Standby:
    ours, its = socket.socketpair()
    try:
        # What it prints before it has a run belongs into that run's log: it copies it there.
        with its, tempfile.TemporaryFile() as output:
            process = child_process.start(
                ["standby", str(its.fileno()), *options], output, [its.fileno()]
            )
    except OSError:
        ours.close()
        raise
    return Standby(process=process, line=ours, conditions=_conditions())


def _fits(standby: Standby) -> bool:
    """Return whether a process waits that is as one started now would be."""
    return standby.process.poll() is None and standby.conditions == _conditions()


def _conditions() -> tuple[object, ...]:
    """Return what a new process would differ by: environment, folder, code, packages."""
    code = [(str(path), files.stamp(path)) for path in PROJECT.glob("fracture_core/**/*.py")]
    packages = [(folder, files.stamp(Path(folder))) for folder in sys.path]
    return dict(os.environ), Path.cwd(), sorted(code), packages


def _accepts(standby: Standby, arguments: Sequence[str], descriptor: int, log: int) -> bool:
    """Send a run and its open files; return whether the process says that it has them."""
    message = json.dumps(list(arguments)).encode() + b"\n"
    try:
        standby.line.settimeout(ANSWER_SECONDS)
        socket.send_fds(standby.line, [message], [descriptor, log])
        while (answer := standby.line.recv(1)) == READY:
            pass
    except OSError:  # it has ended, or does not answer
        return False
    return answer == ACCEPTED


def _end(standby: Standby) -> None:
    """End a process for certain: after this it holds no lock."""
    standby.line.close()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(standby.process.pid, signal.SIGKILL)
    standby.process.wait()
