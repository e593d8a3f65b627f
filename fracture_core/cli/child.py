"""The entry of child processes: `python -m fracture_core.cli.child KIND FOLDER`.

A child keeps the lock that it was handed until it has written its last status. Packages are
imported when they are needed: a run that waits for a slot has loaded neither pandas nor TensorFlow.
"""

import argparse
import contextlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from fracture_core import memory, versions
from fracture_core.clusters import run_place
from fracture_core.errors import FractureError, RunBusy, Stopped, WriteFailed
from fracture_core.files import refusal, sweep
from fracture_core.jobs import end_command, heavy_imports, launcher
from fracture_core.jobs.worker import Worker
from fracture_core.runs import journal, run_config, run_folders, run_lock, run_status
from fracture_core.runs.run_status import State, Status
from fracture_core.training import network_check, probe, standby_child

LOCK_SECONDS = 15.0  # that a scheduler's job waits for the process that has submitted it


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the work of a child; return its exit status: 0, 1 if it failed, 2 if it is refused."""
    try:
        return _child(_parser().parse_args(arguments))
    except FractureError as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fracture_core.cli.child")
    kinds = parser.add_subparsers(dest="kind", required=True)
    network = kinds.add_parser("network")
    network.add_argument("file", help="name of the file whose text is on standard input")
    network.add_argument("size", type=int, help="input side in px")
    for kind in ("run", *JOBS, "phantom", "probe"):
        kinds.add_parser(kind).add_argument("folder", help="the work's folder, or a run's name")
    kinds.choices["run"].add_argument("--wait", action="store_true", help="queue for a slot")
    kinds.choices["run"].add_argument("--has-slot", action="store_true", help="it holds its slot")
    kinds.choices["run"].add_argument("--elsewhere", action="store_true", help="a scheduler's job")
    for name in ("--threads", "--branches"):
        kinds.choices["probe"].add_argument(name, type=int, required=True)
    standby = kinds.add_parser("standby")
    standby.add_argument("descriptor", type=int, help="socket to the parent")
    standby.add_argument("--idle", type=float, required=True, help="seconds to wait for a run")
    standby.add_argument("--at-once", action="store_true", help="load at normal priority")
    standby.add_argument("--data", help="data set whose films are read ahead for a demo run")
    standby.add_argument("--positive", help="its positive class")
    return parser


def _child(options: argparse.Namespace) -> int:
    if options.kind == "standby":
        return _stand_by(options)
    if options.kind == "network":
        network_check.print_facts(options.file, sys.stdin.read(), options.size)
        return 0
    if options.kind == "phantom":
        return _make_phantom(Path(options.folder))
    if options.kind == "probe":
        return _print_speed(options.folder, options.threads, options.branches)
    inherited = launcher.adopt_lock()  # from the parent, if it handed one down
    is_run = options.kind == "run"
    folder = run_folders.find(options.folder) if is_run else Path(options.folder)
    if is_run and options.elsewhere:
        return run(folder, _begin_elsewhere(folder), None)
    lock = run_lock.take(folder) if inherited is None else inherited
    if is_run:
        return run(folder, lock, None if options.has_slot else options.wait)
    return JOBS[options.kind](folder, lock)


def _begin_elsewhere(folder: Path) -> int | None:
    """Take over a run that a scheduler has started; return its lock, `None` on a disk without them.

    Who has submitted it may hold the lock for a moment longer, and then says which job the run is.

    Raises:
        RunBusy: another process has the run.
    """
    until = time.monotonic() + LOCK_SECONDS
    while not run_place.is_own(folder):
        if time.monotonic() > until:
            raise RunBusy(f"{folder.name} is another job's by now. Nothing was done.")
        time.sleep(0.1)
    run_place.begin_signs(folder)
    while True:
        try:
            return run_lock.take(folder)
        except RunBusy:
            if time.monotonic() > until:
                run_place.end_signs(folder)
                raise
        except WriteFailed:
            return None
        time.sleep(0.1)


def _stand_by(options: argparse.Namespace) -> int:
    """Wait for a run, then be its child."""
    status = main(standby_child.wait_for_run(options))
    if heavy_imports.is_loading():  # stopped before: Python cannot end in the middle of that
        sys.stdout.flush()
        os._exit(status)
    return status


def _make_phantom(folder: Path) -> int:
    """Make, or finish, the phantom in a folder."""
    from fracture_core.phantom import phantom_set

    phantom_set.complete(folder)
    return 0


def _print_speed(name: str, threads: int, branches: int) -> int:
    """Print the training films per second of a run's network."""
    config = run_folders.read(run_folders.find(name)).config
    print(probe.measure(config, threads, branches))
    return 0


def run(folder: Path, lock: int | None, wait_for_slot: bool | None) -> int:
    """Bring a run to its end; return the exit status: 0 finished or stopped, 1 failed.

    Args:
        folder: the run folder.
        lock: descriptor that holds the run's lock; closed after the last status, so that a run
            can be resumed at once, while this process still fits the gate of its best epoch. `None`
            for a scheduler's job on a disk without locks.
        wait_for_slot: whether to queue behind the runs that fill the slots; `None` for a process
            that has its slot, or needs none.
    """
    worker = None
    try:
        for part in (folder, folder / "requests"):
            sweep(part)
        worker = Worker(folder, lock)
        status = _to_its_end(worker, wait_for_slot)
    except (FractureError, OSError) as error:
        message = str(error) if isinstance(error, FractureError) else refusal(error)
        return _fail(lambda **last: run_status.write(folder, Status(**last)), folder, message)
    finally:
        if worker:
            worker.let_go()
        if lock is not None:
            os.close(lock)
        run_place.end_signs(folder)
        end_command.run(folder)
    if not status and worker.has_begun:
        if worker.config.fold is not None:
            _keep_out_of_fold(folder)
        _fit_gate(folder)
    return status


def _keep_out_of_fold(folder: Path) -> None:
    """Keep the out-of-fold predictions of a group whose last fold has ended with this run.

    Pages would otherwise make them; a failure costs the run nothing.
    """
    from fracture_core.cross_validation import out_of_fold

    try:
        out_of_fold.save_after(run_folders.read(folder))
    except (FractureError, OSError) as error:
        with contextlib.suppress(OSError):
            print(f"Out-of-fold predictions were not kept: {error}", flush=True)
    except Exception:
        _print_trace()


def _fit_gate(folder: Path) -> None:
    """Fit the gate of an ended run's best epoch, so that it doubts films as a release does.

    This comes after the last status, without the run's lock and open to every signal: a failure
    costs the run nothing. This process has TensorFlow loaded already.
    """
    from fracture_core.prediction import gate_job

    try:
        if job := gate_job.of_best(folder):
            gate(*job)
    except (FractureError, OSError) as error:
        with contextlib.suppress(OSError):
            print(f"The run's gate was not fitted: {error}", flush=True)
    except Exception:
        _print_trace()


def _to_its_end(worker: Worker, wait_for_slot: bool | None) -> int:
    try:
        worker.listen()
        try:
            _work(worker.folder, worker, wait_for_slot)
        except Stopped as error:
            journal.log_event(worker.folder, "stopped", step=worker.status.step)
            worker.say(state=State.STOPPED, message=str(error), phase="", seconds_left=None)
    except Exception as error:  # any error must leave a status
        message = _reason(error, "run")
    else:
        worker.stop_listening()
        return 0
    worker.give_up()
    return _fail(worker.say, worker.folder, message)


def _work(folder: Path, worker: Worker, wait_for_slot: bool | None) -> None:
    slot = _take_slot(folder, worker, wait_for_slot)
    if not (folder / "films.parquet").is_file():
        run_config.complete(folder, versions=versions.installed())
    from fracture_core.training_films import preparation

    films, pixels = preparation.prepare(folder, worker)
    threads = _threads(folder, int((films["role"] == "train").sum()), worker)
    worker.phase("importing", "Loading TensorFlow.")
    with worker.may_leave():
        heavy_imports.finish()
        with heavy_imports.lean():
            from fracture_core.training import loop

        try:
            loop.set_threads(*threads)
        except RuntimeError:  # it has rehearsed with others, and they are taken once
            _start_again(folder, worker, slot)
    loop.train(folder, films, pixels, worker)


def _take_slot(folder: Path, worker: Worker, wait_for_slot: bool | None) -> int | None:
    """Return this process's open file that holds a slot: free again when the process ends."""
    if wait_for_slot:
        worker.say(state=State.QUEUED, message="Waiting for a free slot.", phase="")
        return launcher.wait_for_slot(folder, worker.asked_to_stop)
    return None if wait_for_slot is None else launcher.take_slot()


def _start_again(folder: Path, worker: Worker, slot: int | None) -> NoReturn:
    """Replace this program by that of a new child: the same process with its lock and slot."""
    lock = worker.leave_to_next()
    for descriptor in (lock, *([] if slot is None else [slot])):
        os.set_inheritable(descriptor, True)
    words = [sys.executable, "-m", "fracture_core.cli.child", "run", folder.name, "--has-slot"]
    os.execve(sys.executable, words, os.environ | {launcher.LOCK_VARIABLE: str(lock)})


def _threads(folder: Path, films: int, worker: Worker) -> tuple[int, int]:
    """Return the arguments of `loop.set_threads`; kept, as the last bits of sums depend on them."""
    if saved := run_folders.read(folder).facts.get("probe"):
        return saved["threads"], saved.get("branches", 1)
    worker.phase("measuring", "Measuring the quickest number of threads.")
    with worker.may_leave():
        choice = probe.choose(folder, films)
    run_config.complete(folder, probe=choice)
    return choice["threads"], choice["branches"]


def _reason(error: Exception, noun: str) -> str:
    """Return the message for an error that ended a child's work; log the trace of an unforeseen."""
    if isinstance(error, FractureError):
        return str(error)
    _print_trace()
    return refusal(error) if isinstance(error, OSError) else _unexpected(error, noun)


def _unexpected(error: Exception, noun: str) -> str:
    """Return the message for an unforeseen error; many kinds of them say that memory ran out."""
    kind = type(error).__name__
    if memory.mentions_memory(f"{kind} {error}"):
        return f"The {noun} ran out of memory. {memory.NEXT}"
    text = f"An unexpected {kind} ended the {noun}: {error}"
    return f"{text.rstrip('.')[:2_000]}. See its log."


def _print_trace() -> None:
    with contextlib.suppress(OSError):
        traceback.print_exc()


def _fail(write: Callable[..., None], folder: Path, message: str) -> int:
    """Print, log and write a failure; return 1. A full disk may refuse some of them."""
    with contextlib.suppress(OSError):
        print(message, flush=True)
    with contextlib.suppress(OSError):
        journal.log_event(folder, "failed", message=message)
    with contextlib.suppress(OSError):
        write(state=State.FAILED, message=message, phase="", seconds_left=None)
    return 1


def evaluate(folder: Path, lock: int) -> int:
    """Do the evaluation that a folder requests; return the exit status. See `_job`."""
    from fracture_core.evaluations import evaluation_job

    return _job(evaluation_job.run_child, "evaluation", folder, lock)


def gate(folder: Path, lock: int) -> int:
    """Fit the gate that a folder requests; return the exit status. See `_job`."""
    from fracture_core.prediction import gate_job

    return _job(gate_job.run_child, "gate", folder, lock)


def audit(folder: Path, lock: int) -> int:
    """Do the audit that a folder requests; return the exit status. See `_job`."""
    from fracture_core.audit import audit_job

    return _job(audit_job.run_child, "audit", folder, lock)


def averages(folder: Path, lock: int) -> int:
    """Evaluate runs with recomputed averages as a folder requests; return the exit status."""
    from fracture_core.training import averages_job

    return _job(averages_job.run_child, "work on the averages", folder, lock)


def floors(folder: Path, lock: int) -> int:
    """Make the twins of a model as a folder requests; return the exit status. See `_job`."""
    from fracture_core.floors import floors_job

    return _job(floors_job.run_child, "work on the twins", folder, lock)


def neighbours(folder: Path, lock: int) -> int:
    """Make features and map of all films as a folder requests; return the exit status."""
    from fracture_core.neighbours import neighbours_job

    return _job(neighbours_job.run_child, "work on the map of films", folder, lock)


def fetch(folder: Path, lock: int) -> int:
    """Fetch the open set of films as a folder requests; return the exit status. See `_job`."""
    from fracture_core.jobs import fetch_job

    return _job(fetch_job.run_child, "fetching", folder, lock)


def _job(work: Callable[[Path], None], noun: str, folder: Path, lock: int) -> int:
    """Do work that leaves its last status in its folder, even if it fails.

    Args:
        work: the work, given the folder.
        noun: what the work is, for its error.
        folder: the work's folder, which the parent has made.
        lock: descriptor that holds the folder's lock; closed after the last status.
    """
    try:
        work(folder)
    except Exception as error:
        status = Status(state=State.FAILED, message=_reason(error, noun))
        run_status.write(folder, status)
        return 1
    finally:
        os.close(lock)
    return 0


JOBS = {
    "audit": audit,
    "averages": averages,
    "evaluate": evaluate,
    "fetch": fetch,
    "floors": floors,
    "gate": gate,
    "neighbours": neighbours,
}

if __name__ == "__main__":
    sys.exit(main())
