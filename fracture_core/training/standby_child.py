"""The waiting side of `jobs.standby`: load TensorFlow, wait for a run, take it over."""

import argparse
import contextlib
import json
import os
import socket
import sys
import threading
from collections.abc import Callable

from fracture_core.config.presets import preset
from fracture_core.jobs import heavy_imports, launcher
from fracture_core.jobs.standby import ACCEPTED, READY, STAY

NICE = 10  # while it loads; the process itself keeps its priority
MESSAGE_BYTES = 65_536
DESCRIPTORS = 2  # lock and log


def wait_for_run(options: argparse.Namespace) -> list[str]:
    """Return the arguments of the run that this process is to be the child of.

    TensorFlow is loaded in the background meanwhile: a run that comes earlier reads its films until
    `heavy_imports.finish`. The process ends when its parent has, or no run comes in time.

    Args:
        options: `descriptor` of a socket to the parent; `idle`, the seconds for which it waits,
            again from each of the parent's signs; `at_once`, whether to load at normal priority;
            `data` and `positive`, whose films are read ahead.
    """
    # What reads films is imported first: two threads that import one package at once can see parts
    # of it. SciPy and OpenCV, which Keras imports too, start threads of their own, which keep the
    # priority of the one that imports them.
    import cv2  # noqa: F401
    import scipy.special  # noqa: F401

    from fracture_core.training_films import preparation  # noqa: F401

    hurry, quiet = threading.Event(), set[int]()
    if options.at_once:
        hurry.set()
    with socket.socket(fileno=options.descriptor) as line:
        line.settimeout(options.idle)
        heavy_imports.begin(lambda: _load(line, options, hurry, quiet))
        message, (lock, log) = _received(line)
        hurry.set()
        for thread in list(quiet):
            _set_nice(thread, os.getpriority(os.PRIO_PROCESS, 0))
        with contextlib.suppress(OSError):  # the parent has ended: the run goes on without it
            line.sendall(ACCEPTED)
    _print_to(log)
    os.environ[launcher.LOCK_VARIABLE] = str(lock)
    arguments: list[str] = json.loads(message)
    return arguments


def _load(
    line: socket.socket, options: argparse.Namespace, hurry: threading.Event, quiet: set[int]
) -> None:
    """Load TensorFlow, rehearse a run, tell the parent, and read films ahead.

    Args:
        line: socket to the parent.
        options: of `wait_for_run`.
        hurry: set when there is a run, or about to be one: all else may wait.
        quiet: gets the threads whose priority was lowered, by the system's numbers.
    """

    def import_training() -> None:
        with heavy_imports.lean():
            from fracture_core.training import loop, rehearsal  # noqa: F401

    _quietly(import_training, hurry, quiet)
    if hurry.is_set() or "fracture_core.training.rehearsal" not in sys.modules:
        return
    from fracture_core.training import rehearsal
    from fracture_core.training_films import preparation

    rehearsal.take_threads()  # at normal priority, which they keep
    _quietly(rehearsal.rehearse, hurry, quiet)
    with contextlib.suppress(OSError):  # there was a run meanwhile
        line.send(READY)
    if options.data and not hurry.is_set():
        demo = preset("demo", options.data, positive=options.positive)
        _quietly(lambda: preparation.read_ahead(demo, hurry.is_set), hurry, quiet)


def _quietly(work: Callable[[], None], hurry: threading.Event, quiet: set[int]) -> None:
    """Do some work at low priority: in a thread of its own, as a raised one needs permission."""

    def lowered() -> None:
        if not hurry.is_set():
            number = threading.get_native_id()
            quiet.add(number)
            _set_nice(number, NICE)
        work()

    thread = threading.Thread(target=lowered, daemon=True)
    thread.start()
    thread.join()


def _received(line: socket.socket) -> tuple[bytes, list[int]]:
    """Return the parent's message and open files; without one, end this process."""
    message, descriptors = b"", []
    while not message.endswith(b"\n"):
        try:
            data, received, _, _ = socket.recv_fds(line, MESSAGE_BYTES, DESCRIPTORS)
        except OSError:  # waited long enough
            data, received = b"", []
        if not data:  # or the parent has ended
            os._exit(0)
        message = (message + data).lstrip(STAY)
        descriptors += received
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    return message, descriptors


def _print_to(log: int) -> None:
    """Print to the run's log from now on; it gets what was printed so far."""
    with contextlib.suppress(OSError):  # its own file is on a full disk
        sys.stdout.flush()
    before = os.dup(1)
    for number in (1, 2):
        os.dup2(log, number)
    os.close(log)
    with open(before, "rb", closefd=True) as earlier:  # noqa: PTH123
        earlier.seek(0)
        with contextlib.suppress(OSError):  # a full disk ends the run with its own sentence
            os.write(1, earlier.read())


def _set_nice(thread: int, nice: int) -> None:
    """Set a thread's priority where threads have their own, and the system permits it."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, nice)
