"""The child's side of a run folder: what it says, and how it serves requests."""

import contextlib
import os
import signal
import time

import numpy as np
import pytest

from fracture_core.config import TrainConfig
from fracture_core.errors import RunBusy, Stopped
from fracture_core.jobs import worker as reporting
from fracture_core.jobs.worker import Clock, Worker
from fracture_core.runs import journal, run_folders
from fracture_core.runs.run_folders import State
from fracture_core.words import duration


@pytest.fixture
def reporter(folders, monkeypatch) -> Worker:
    """The reporter of a fresh run, which looks at the requests whenever it is asked."""
    monkeypatch.setattr(reporting, "POLL_SECONDS", 0.0)
    return Worker(run_folders.create(TrainConfig(data="x", epochs=5), "first"))


def test_what_is_said_stands_in_the_status(reporter) -> None:
    reporter.say(state=State.RUNNING, message="Epoch 1 of 5.", step=3)
    with run_folders.lock(reporter.folder):
        found = run_folders.status(reporter.folder)
    assert (found.state, found.message, found.step, found.epochs) == (
        State.RUNNING,
        "Epoch 1 of 5.",
        3,
        5,
    )
    assert abs(found.updated - time.time()) < 5


def test_progress_is_written_at_most_twice_a_second(reporter) -> None:
    reporter.say(state=State.STARTING, progress=0.1)
    written = (reporter.folder / "status.json").read_bytes()
    reporter.tick(progress=0.2)
    assert (reporter.folder / "status.json").read_bytes() == written
    reporter._written -= 1
    reporter.tick(progress=0.3)
    assert run_folders.status(reporter.folder).progress == 0.3


def test_a_stop_is_served_once_and_ends_the_next_phase(reporter) -> None:
    run_folders.send_request(reporter.folder, "stop")
    assert reporter.asked_to_stop()
    assert run_folders.requests(reporter.folder) == []
    assert reporter.status.state is State.STOPPING
    with pytest.raises(Stopped, match="before training"):
        reporter.phase("compiling", "Builds the network.")


def test_a_stop_after_the_epoch_does_not_stop_at_once(reporter) -> None:
    run_folders.send_request(reporter.folder, "stop_after_epoch")
    assert not reporter.asked_to_stop()
    assert reporter.stop_after_epoch


def test_more_epochs_add_up_and_are_logged(reporter) -> None:
    run_folders.send_request(reporter.folder, "more_epochs", epochs=2)
    run_folders.send_request(reporter.folder, "more_epochs", epochs=3)
    assert not reporter.asked_to_stop()
    assert reporter.epochs == 10
    assert [e["epochs"] for e in journal.events(reporter.folder)] == [2, 3]


def test_a_request_served_twice_counts_once(reporter) -> None:
    run_folders.send_request(reporter.folder, "more_epochs", epochs=2)
    [(path, _)] = run_folders.requests(reporter.folder)
    kept = path.read_bytes()
    reporter.asked_to_stop()
    path.write_bytes(kept)  # as after a kill between its event and its removal
    reporter.asked_to_stop()
    assert reporter.epochs == 7


def test_a_refused_resume_takes_back_the_epochs_that_were_asked_of_it(reporter) -> None:
    folder = reporter.folder
    run_folders.write_status(folder, run_folders.Status(state=State.FINISHED, step=50, epoch=5))
    run_folders.send_request(folder, "more_epochs", epochs=2)
    first = Worker(folder)
    first.asked_to_stop()
    first.begin()
    first.give_up()  # it has trained: what was asked for stays
    assert journal.epochs_requested(folder, first.config) == 7
    run_folders.send_request(folder, "more_epochs", epochs=3)
    refused = Worker(folder)
    refused.asked_to_stop()
    assert refused.epochs == 10
    refused.give_up()
    assert refused.epochs == 7 == Worker(folder).epochs


def test_a_new_run_that_fails_before_it_trains_keeps_what_was_asked(reporter) -> None:
    run_folders.send_request(reporter.folder, "more_epochs", epochs=2)
    reporter.asked_to_stop()
    reporter.give_up()
    assert Worker(reporter.folder).epochs == 7


def test_a_request_of_an_unknown_kind_is_taken_away(reporter) -> None:
    run_folders.send_request(reporter.folder, "dance")
    assert not reporter.asked_to_stop()
    assert run_folders.requests(reporter.folder) == []


def test_a_learning_rate_waits_for_its_step_and_is_logged_with_it(reporter) -> None:
    run_folders.send_request(reporter.folder, "learning_rate", rate=0.01)
    reporter.asked_to_stop()
    assert len(run_folders.requests(reporter.folder)) == 1
    reporter.asked_to_stop(step=7)
    assert run_folders.requests(reporter.folder) == []
    [event] = journal.events(reporter.folder)
    assert (event["kind"], event["rate"], event["step"]) == ("learning_rate", 0.01, 7)
    assert reporter.rate_changes == Worker(reporter.folder).rate_changes == [(7, 0.01)]


def test_requests_are_looked_at_four_times_a_second_at_most(reporter, monkeypatch) -> None:
    monkeypatch.setattr(reporting, "POLL_SECONDS", 60.0)
    assert not reporter.asked_to_stop()
    run_folders.send_request(reporter.folder, "stop")
    assert not reporter.asked_to_stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_a_request_to_stop(reporter, number) -> None:
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        reporter.listen()
        os.kill(os.getpid(), number)
        assert reporter.asked_to_stop()
    finally:
        for n, handler in before.items():
            signal.signal(n, handler)


def test_the_clock_leaves_out_the_step_that_compiles(monkeypatch) -> None:
    now = 0.0
    monkeypatch.setattr(reporting.time, "monotonic", lambda: now)
    clock = Clock()
    now = 9.0
    clock.add(loss=50.0, right=0, shown=10)
    assert clock.seconds_a_step() == 0.0  # unknown yet, and no time left is told
    now = 9.4
    clock.add(loss=4.0, right=6, shown=10)
    assert clock.point() is None
    now = 10.0
    clock.add(loss=8.0, right=9, shown=10)
    point = clock.point()
    assert (point["loss"], point["accuracy"], point["rate"]) == (0.6, 0.75, 20.0)
    assert clock.seconds_a_step() == 0.5
    assert clock.point() is None
    assert clock.rate == 20.0


def test_a_day_of_training_leaves_a_few_thousand_points(monkeypatch) -> None:
    now = 0.0
    monkeypatch.setattr(reporting.time, "monotonic", lambda: now)
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


def test_the_memory_that_was_held_stands_in_the_status(reporter) -> None:
    reporter.say(message="before")
    before = run_folders.status(reporter.folder).memory_mb
    assert before > 20
    block = bytearray(80_000_000)
    block[::4096] = bytes(len(block[::4096]))  # touched, or the kernel gives no memory
    reporter.say(message="now")
    assert run_folders.status(reporter.folder).memory_mb >= before - 5
    del block
    held = run_folders.status(reporter.folder).memory_mb
    reporter.say(message="after")
    # The most, not what is held by now; the kernel counts a CPU's last pages late.
    assert run_folders.status(reporter.folder).memory_mb >= held - 5


def test_after_the_last_word_the_signals_are_given_back(reporter) -> None:
    before = signal.getsignal(signal.SIGTERM)
    reporter.listen()
    assert signal.getsignal(signal.SIGTERM) is not before
    reporter.stop_listening()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_lock_whose_file_was_removed_is_taken_anew(reporter) -> None:
    with run_folders.lock(reporter.folder) as descriptor:
        child = Worker(reporter.folder, descriptor)
        child._keep_lock()
        (reporter.folder / "lock").unlink()
        child._keep_lock()
        with pytest.raises(RunBusy):
            run_folders.take_lock(reporter.folder)
    os.close(run_folders.take_lock(reporter.folder))


def test_who_finds_the_removed_lock_taken_by_another_leaves_the_run_to_it(
    reporter, monkeypatch
) -> None:
    left = []
    monkeypatch.setattr(os, "_exit", left.append)
    with run_folders.lock(reporter.folder) as descriptor:
        child = Worker(reporter.folder, descriptor)
        (reporter.folder / "lock").unlink()
        with run_folders.lock(reporter.folder), contextlib.suppress(UnboundLocalError):
            child._keep_lock()
    assert left == [1]
