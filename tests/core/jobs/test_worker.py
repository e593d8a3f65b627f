"""Worker: the child writes its status and serves requests."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import RunBusy, Stopped
from fracture_core.jobs import worker as worker_module
from fracture_core.jobs.worker import Clock, Worker
from fracture_core.runs import journal, run_folders, run_lock, run_requests, run_status
from fracture_core.runs.run_status import State
from fracture_core.words import duration


@pytest.fixture
def worker(folders, monkeypatch) -> Worker:
    """The worker of a new run, which checks the requests at every call."""
    monkeypatch.setattr(worker_module, "POLL_SECONDS", 0.0)
    return Worker(run_folders.create(TrainConfig(data="x", epochs=5), "first"))


def test_what_is_said_stands_in_the_status(worker) -> None:
    worker.say(state=State.RUNNING, message="Epoch 1 of 5.", step=3)
    with run_lock.hold(worker.folder):
        status = run_status.read(worker.folder)
    assert (status.state, status.message, status.step, status.epochs) == (
        State.RUNNING,
        "Epoch 1 of 5.",
        3,
        5,
    )
    assert abs(status.updated - time.time()) < 5


def test_progress_is_written_at_most_twice_a_second(worker) -> None:
    worker.say(state=State.STARTING, progress=0.1)
    written = (worker.folder / "status.json").read_bytes()
    worker.tick(progress=0.2)
    assert (worker.folder / "status.json").read_bytes() == written
    worker._written -= 1
    worker.tick(progress=0.3)
    assert run_status.read(worker.folder).progress == 0.3


def test_a_stop_is_served_once_and_ends_the_next_phase(worker) -> None:
    run_requests.send(worker.folder, "stop")
    assert worker.asked_to_stop()
    assert run_requests.waiting(worker.folder) == []
    assert worker.status.state is State.STOPPING
    with pytest.raises(Stopped, match="before training"):
        worker.phase("compiling", "Building the network.")


def test_a_stop_after_the_epoch_does_not_stop_at_once(worker) -> None:
    run_requests.send(worker.folder, "stop_after_epoch")
    assert not worker.asked_to_stop()
    assert worker.stop_after_epoch


def test_more_epochs_add_up_and_are_logged(worker) -> None:
    run_requests.send(worker.folder, "more_epochs", epochs=2)
    run_requests.send(worker.folder, "more_epochs", epochs=3)
    assert not worker.asked_to_stop()
    assert worker.epochs == 10
    assert [e["epochs"] for e in journal.events(worker.folder)] == [2, 3]


def test_a_request_served_twice_counts_once(worker) -> None:
    run_requests.send(worker.folder, "more_epochs", epochs=2)
    [(path, _)] = run_requests.waiting(worker.folder)
    content = path.read_bytes()
    worker.asked_to_stop()
    path.write_bytes(content)  # as after a kill between its event and its removal
    worker.asked_to_stop()
    assert worker.epochs == 7


def test_a_refused_resume_takes_back_the_epochs_that_were_asked_of_it(worker) -> None:
    folder = worker.folder
    run_status.write(folder, run_status.Status(state=State.FINISHED, step=50, epoch=5))
    run_requests.send(folder, "more_epochs", epochs=2)
    first = Worker(folder)
    first.asked_to_stop()
    first.begin()
    first.give_up()  # it has trained: the added epochs stay
    assert journal.epochs_requested(folder, first.config) == 7
    run_requests.send(folder, "more_epochs", epochs=3)
    refused = Worker(folder)
    refused.asked_to_stop()
    assert refused.epochs == 10
    refused.give_up()
    assert refused.epochs == 7 == Worker(folder).epochs


def test_a_new_run_that_fails_before_it_trains_keeps_what_was_asked(worker) -> None:
    run_requests.send(worker.folder, "more_epochs", epochs=2)
    worker.asked_to_stop()
    worker.give_up()
    assert Worker(worker.folder).epochs == 7


def test_a_request_of_an_unknown_kind_is_taken_away(worker) -> None:
    run_requests.send(worker.folder, "dance")
    assert not worker.asked_to_stop()
    assert run_requests.waiting(worker.folder) == []


def test_a_learning_rate_waits_for_its_step_and_is_logged_with_it(worker) -> None:
    run_requests.send(worker.folder, "learning_rate", rate=0.01)
    worker.asked_to_stop()
    assert len(run_requests.waiting(worker.folder)) == 1
    worker.asked_to_stop(step=7)
    assert run_requests.waiting(worker.folder) == []
    [event] = journal.events(worker.folder)
    assert (event["kind"], event["rate"], event["step"]) == ("learning_rate", 0.01, 7)
    assert worker.rate_changes == Worker(worker.folder).rate_changes == [(7, 0.01)]


def test_requests_are_looked_at_four_times_a_second_at_most(worker, monkeypatch) -> None:
    monkeypatch.setattr(worker_module, "POLL_SECONDS", 60.0)
    assert not worker.asked_to_stop()
    run_requests.send(worker.folder, "stop")
    assert not worker.asked_to_stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_a_request_to_stop(worker, number) -> None:
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        worker.listen()
        os.kill(os.getpid(), number)
        assert worker.asked_to_stop()
    finally:
        for n, handler in before.items():
            signal.signal(n, handler)


def test_the_clock_leaves_out_the_step_that_compiles(monkeypatch) -> None:
    now = 0.0
    monkeypatch.setattr(worker_module.time, "monotonic", lambda: now)
    clock = Clock()
    now = 9.0
    clock.add(loss=50.0, right=0, shown=10)
    assert clock.seconds_a_step() == 0.0  # unknown yet
    now = 9.125
    clock.add(loss=4.0, right=6, shown=10)
    assert clock.point() is None
    now = 9.25  # the first point comes early
    clock.add(loss=8.0, right=9, shown=10)
    point = clock.point()
    assert (point["loss"], point["accuracy"], point["rate"]) == (0.6, 0.75, 80.0)
    assert clock.seconds_a_step() == 0.125
    now = 9.5
    clock.add(loss=4.0, right=6, shown=10)
    assert clock.point() is None
    assert clock.rate == 80.0
    now = 9.75
    assert clock.point()["rate"] == 20.0


def test_a_day_of_training_leaves_a_few_thousand_points(monkeypatch) -> None:
    now = 0.0
    monkeypatch.setattr(worker_module.time, "monotonic", lambda: now)
    clock, at = Clock(), []
    for now in np.arange(0.25, 86_400, 0.25):
        clock.add(loss=4.0, right=6, shown=10)
        if clock.point():
            at.append(now)
    assert np.diff(at)[:500].tolist() == [0.5] * 500  # at first, twice a second
    assert 86_400 - at[-1] < 150 and len(at) < 5_000
    assert np.diff(at).max() < 86_400 / 500


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (41, "41 s"), (200, "3 min 20 s"), (7_500, "2 h 5 min"), (59.7, "1 min 0 s")],
)
def test_lengths_of_time_are_spoken(seconds, words) -> None:
    assert duration(seconds) == words


def test_the_memory_that_was_held_stands_in_the_status(worker) -> None:
    worker.say(message="before")
    before = run_status.read(worker.folder).memory_mb
    assert before > 20
    block = bytearray(80_000_000)
    block[::4096] = bytes(len(block[::4096]))  # touched, or the kernel gives no memory
    worker.say(message="now")
    assert run_status.read(worker.folder).memory_mb >= before - 5
    del block
    held = run_status.read(worker.folder).memory_mb
    worker.say(message="after")
    # The most, not what is held by now; the kernel counts a CPU's last pages late.
    assert run_status.read(worker.folder).memory_mb >= held - 5


def test_after_the_last_word_the_signals_are_given_back(worker) -> None:
    before = signal.getsignal(signal.SIGTERM)
    worker.listen()
    assert signal.getsignal(signal.SIGTERM) is not before
    worker.stop_listening()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_lock_whose_file_was_removed_is_taken_anew(worker) -> None:
    with run_lock.hold(worker.folder) as descriptor:
        child = Worker(worker.folder, descriptor)
        child._keep_lock()
        (worker.folder / "lock").unlink()
        child._keep_lock()
        with pytest.raises(RunBusy):
            run_lock.take(worker.folder)
    os.close(run_lock.take(worker.folder))


def test_who_finds_the_removed_lock_taken_by_another_leaves_the_run_to_it(
    worker, monkeypatch
) -> None:
    left = []
    monkeypatch.setattr(os, "_exit", left.append)
    with run_lock.hold(worker.folder) as descriptor:
        child = Worker(worker.folder, descriptor)
        (worker.folder / "lock").unlink()
        with run_lock.hold(worker.folder), contextlib.suppress(UnboundLocalError):
            child._keep_lock()
    assert left == [1]


EXCHANGED = """import os, signal, sys; from pathlib import Path
from fracture_core.jobs.worker import Worker
from fracture_core.runs import run_lock
folder = Path(sys.argv[1])
lock = Worker(folder, run_lock.take(folder)).leave_to_next()
os.kill(os.getpid(), signal.SIGTERM)  # as while Python starts again
second = Worker(folder, lock)
before = second.stopping
second.listen()
print(before, second.stopping)
"""


def test_a_signal_between_two_programs_of_a_process_stops_the_second(worker) -> None:
    command = [sys.executable, "-c", EXCHANGED, str(worker.folder)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "False True\n"), ended.stderr


LEAVING = """import sys, time; from pathlib import Path
from fracture_core.jobs.worker import Worker
from fracture_core.runs import run_lock
folder = Path(sys.argv[1])
worker = Worker(folder, run_lock.take(folder))
worker.listen()
with worker.may_leave():
    print("loading", flush=True)
    time.sleep(60)
"""


def test_a_stop_while_tensorflow_loads_runs_the_command_of_an_end(worker, tmp_path) -> None:
    script, file = tmp_path / "write.py", tmp_path / "sentence"
    script.write_text("import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.argv[-1])")
    command = [sys.executable, "-c", LEAVING, str(worker.folder)]
    notify = {"FRACTURE_NOTIFY": f"{sys.executable} {script} {file}"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | notify) as process:
        assert process.stdout.readline() == b"loading\n"
        process.terminate()
        assert process.wait(timeout=60) == 0
    assert run_status.read(worker.folder).state is State.STOPPED
    assert file.read_text() == "first: Stopped before training."
