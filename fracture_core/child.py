"""What runs inside a child process, from the lock that it was handed to its last word.

TensorFlow is imported here at the last moment: a run that waits for a slot does without it.
"""

import importlib.metadata
import os
import platform
import traceback
from pathlib import Path

from fracture_core import journal, launcher, probe, runs
from fracture_core.errors import FractureError, Stopped
from fracture_core.reporter import Reporter
from fracture_core.runs import State, Status


def run(folder: Path, lock: int, wait_for_slot: bool) -> int:
    """Bring a run to its end; gives the exit status: 0 finished or stopped, 1 failed.

    Args:
        folder: the run folder.
        lock: descriptor that holds the run's lock; let go of after the last word, so that a run
            can be resumed at once, while this process still tidies up.
        wait_for_slot: whether to queue behind the runs that fill the slots.
    """
    try:
        reporter = Reporter(folder)
    except FractureError as error:
        print(error, flush=True)
        runs.write_status(folder, Status(state=State.FAILED, message=str(error)))
        return 1
    reporter.listen()
    try:
        _work(folder, reporter, wait_for_slot)
    except Stopped as error:
        journal.log_event(folder, "stopped", step=reporter.status.step)
        reporter.say(state=State.STOPPED, message=str(error), phase="", seconds_left=None)
    except FractureError as error:
        return _fail(reporter, str(error))
    except Exception as error:
        # The last door: whatever it is, the folder says so, and the log holds the trace.
        traceback.print_exc()
        kind = type(error).__name__
        return _fail(reporter, f"An unexpected {kind} ended the run: {error}. See its log.")
    finally:
        os.close(lock)
    return 0


def _work(folder: Path, reporter: Reporter, wait_for_slot: bool) -> None:
    # The slot is this process's open file: it is free again when the process ends.
    if wait_for_slot:
        reporter.say(state=State.QUEUED, message="Waits for a free slot.", phase="")
        launcher.wait_for_slot(folder, reporter.asked_to_stop)
    else:
        launcher.take_slot()
    if not (folder / "films.parquet").is_file():
        runs.complete_facts(folder, versions=versions())
    from fracture_core import pipeline

    films, pixels = pipeline.prepare(folder, reporter)
    threads = _threads(folder, int((films["role"] == "train").sum()), reporter)
    reporter.phase("importing", "Loads TensorFlow.")
    with reporter.may_leave():
        from fracture_core import training

        training.set_threads(threads)
    training.train(folder, films, pixels, reporter)


def _threads(folder: Path, films: int, reporter: Reporter) -> int:
    """Threads inside TensorFlow: chosen once, and kept, since the last bits depend on them."""
    if chosen := runs.read(folder).facts.get("probe"):
        return chosen["threads"]
    reporter.phase("measuring", "Measures how many threads are quickest here.")
    with reporter.may_leave():
        chosen = probe.choose(folder, films)
    runs.complete_facts(folder, probe=chosen)
    return chosen["threads"]


def versions() -> dict[str, str]:
    """Versions of what decides a run's numbers."""
    names = ("tensorflow", "keras", "numpy", "pillow")
    found = {name: importlib.metadata.version(name) for name in names}
    return {"python": platform.python_version(), **found}


def _fail(reporter: Reporter, message: str) -> int:
    print(message, flush=True)
    journal.log_event(reporter.folder, "failed", message=message)
    reporter.say(state=State.FAILED, message=message, phase="", seconds_left=None)
    return 1


def evaluate(folder: Path, lock: int) -> int:
    """Do the evaluation that the folder asks for; gives the exit status.

    Args:
        folder: see `evaluation.start`.
        lock: descriptor that holds the folder's lock; let go of after the last word.
    """
    from fracture_core import evaluation

    try:
        evaluation.run_child(folder)
    except FractureError as error:
        runs.write_status(folder, Status(state=State.FAILED, message=str(error)))
        return 1
    except Exception as error:
        traceback.print_exc()
        message = f"An unexpected {type(error).__name__} ended the evaluation: {error}."
        runs.write_status(folder, Status(state=State.FAILED, message=message))
        return 1
    finally:
        os.close(lock)
    return 0
