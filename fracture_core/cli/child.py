"""What runs inside a child process, from the lock that it was handed to its last word.

TensorFlow is imported here at the last moment: a run that waits for a slot does without it.
"""

import contextlib
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from fracture_core import memory, versions
from fracture_core.errors import FractureError, Stopped
from fracture_core.files import refusal, sweep
from fracture_core.heavy_imports import without_collector
from fracture_core.jobs import launcher
from fracture_core.jobs.worker import Worker
from fracture_core.runs import journal, run_folders
from fracture_core.runs.run_folders import State, Status
from fracture_core.training import probe


def run(folder: Path, lock: int, wait_for_slot: bool) -> int:
    """Bring a run to its end; gives the exit status: 0 finished or stopped, 1 failed.

    Args:
        folder: the run folder.
        lock: descriptor that holds the run's lock; let go of after the last word, so that a run
            can be resumed at once, while this process still fits the gate of its best epoch.
        wait_for_slot: whether to queue behind the runs that fill the slots.
    """
    reporter = None
    try:
        for part in (folder, folder / "requests"):
            sweep(part)
        reporter = Worker(folder, lock)
        status = _to_its_end(reporter, wait_for_slot)
    except (FractureError, OSError) as error:
        message = str(error) if isinstance(error, FractureError) else refusal(error)
        return _fail(
            lambda **last: run_folders.write_status(folder, Status(**last)), folder, message
        )
    finally:
        if reporter:
            reporter.let_go()
        os.close(lock)
    if not status:
        _fit_gate(folder)
    return status


def _fit_gate(folder: Path) -> None:
    """Give a run that has ended the gate of its best epoch, so that it doubts as a release does.

    After the last word, without the run's lock and open to every signal: whatever becomes of it
    costs the run nothing. In this process, which has TensorFlow loaded already.
    """
    if "tensorflow" not in sys.modules:  # stopped before it trained
        return
    from fracture_core.models import gate_job

    try:
        if asked := gate_job.of_best(folder):
            gate(*asked)
    except (FractureError, OSError) as error:
        with contextlib.suppress(OSError):
            print(f"The run's gate was not fitted: {error}", flush=True)
    except Exception:
        _print_trace()


def _to_its_end(reporter: Worker, wait_for_slot: bool) -> int:
    try:
        reporter.listen()
        try:
            _work(reporter.folder, reporter, wait_for_slot)
        except Stopped as error:
            journal.log_event(reporter.folder, "stopped", step=reporter.status.step)
            reporter.say(state=State.STOPPED, message=str(error), phase="", seconds_left=None)
    except FractureError as error:
        message = str(error)
    except OSError as error:
        _print_trace()
        message = refusal(error)
    except Exception as error:
        # The last door: whatever it is, the folder says so, and the log holds the trace.
        _print_trace()
        message = _unexpected(error, "run")
    else:
        reporter.stop_listening()
        return 0
    reporter.give_up()
    return _fail(reporter.say, reporter.folder, message)


def _work(folder: Path, reporter: Worker, wait_for_slot: bool) -> None:
    # The slot is this process's open file: it is free again when the process ends.
    if wait_for_slot:
        reporter.say(state=State.QUEUED, message="Waiting for a free slot.", phase="")
        launcher.wait_for_slot(folder, reporter.asked_to_stop)
    else:
        launcher.take_slot()
    if not (folder / "films.parquet").is_file():
        run_folders.complete_facts(folder, versions=versions.installed())
    from fracture_core.training import pipeline

    films, pixels = pipeline.prepare(folder, reporter)
    threads = _threads(folder, int((films["role"] == "train").sum()), reporter)
    reporter.phase("importing", "Loads TensorFlow.")
    with reporter.may_leave():
        with without_collector():
            from fracture_core.training import loop

        loop.set_threads(*threads)
    loop.train(folder, films, pixels, reporter)


def _threads(folder: Path, films: int, reporter: Worker) -> tuple[int, int]:
    """What `loop.set_threads` takes: chosen once and kept, as the last bits depend on it."""
    if chosen := run_folders.read(folder).facts.get("probe"):
        return chosen["threads"], chosen.get("branches", 1)
    reporter.phase("measuring", "Measures how many threads are quickest here.")
    with reporter.may_leave():
        chosen = probe.choose(folder, films)
    run_folders.complete_facts(folder, probe=chosen)
    return chosen["threads"], chosen["branches"]


def _unexpected(error: Exception, noun: str) -> str:
    """The last word on an error that nobody has foreseen; memory runs out in many kinds of them."""
    kind = type(error).__name__
    if memory.mentions_memory(f"{kind} {error}"):
        return f"The {noun} ran out of memory. {memory.NEXT}"
    text = f"An unexpected {kind} ended the {noun}: {error}"
    return f"{text.rstrip('.')[:2_000]}. See its log."


def _print_trace() -> None:
    with contextlib.suppress(OSError):
        traceback.print_exc()


def _fail(say: Callable[..., None], folder: Path, message: str) -> int:
    """Leave the last word; a full disk may refuse any part of it, and takes the others."""
    with contextlib.suppress(OSError):
        print(message, flush=True)
    with contextlib.suppress(OSError):
        journal.log_event(folder, "failed", message=message)
    with contextlib.suppress(OSError):
        say(state=State.FAILED, message=message, phase="", seconds_left=None)
    return 1


def evaluate(folder: Path, lock: int) -> int:
    """Do the evaluation that the folder asks for; gives the exit status. See `_job`."""
    from fracture_core.models import evaluation

    return _job(evaluation.run_child, "evaluation", folder, lock)


def gate(folder: Path, lock: int) -> int:
    """Fit the gate that the folder asks for; gives the exit status. See `_job`."""
    from fracture_core.models import gate_job

    return _job(gate_job.run_child, "gate", folder, lock)


def audit(folder: Path, lock: int) -> int:
    """Do the audit that the folder asks for; gives the exit status. See `_job`."""
    from fracture_core.audit import audit_job

    return _job(audit_job.run_child, "audit", folder, lock)


def averages(folder: Path, lock: int) -> int:
    """Judge runs anew as the folder asks for; gives the exit status. See `_job`."""
    from fracture_core.training import averages_job

    return _job(averages_job.run_child, "work on the averages", folder, lock)


def _job(work: Callable[[Path], None], noun: str, folder: Path, lock: int) -> int:
    """Do work that leaves its last word in the folder's status, whatever happens.

    Args:
        folder: was made by who started the work.
        lock: descriptor that holds the folder's lock; let go of after the last word.
    """
    try:
        work(folder)
    except FractureError as error:
        run_folders.write_status(folder, Status(state=State.FAILED, message=str(error)))
        return 1
    except OSError as error:
        _print_trace()
        run_folders.write_status(folder, Status(state=State.FAILED, message=refusal(error)))
        return 1
    except Exception as error:
        traceback.print_exc()
        message = _unexpected(error, noun)
        run_folders.write_status(folder, Status(state=State.FAILED, message=message))
        return 1
    finally:
        os.close(lock)
    return 0
