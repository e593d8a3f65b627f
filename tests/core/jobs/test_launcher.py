"""Launcher: of several starts one wins, the others queue, and no browser is needed."""

import contextlib
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import ConfigError, RunBusy, Stopped
from fracture_core.jobs import launcher
from fracture_core.runs import journal, run_folders, run_lock, run_requests, run_status
from fracture_core.runs.run_status import State


def make(name: str, **changes: object) -> Path:
    """The folder of a short run on the small phantom, not started."""
    plain = {"data": os.environ["FRACTURE_DATA"], "architecture": "three_conv", "epochs": 1}
    return run_folders.create(TrainConfig(**plain | changes), name)


def reaches(folder: Path, state: State, seconds: float = 60) -> bool:
    """Tell whether a run reaches this state in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if run_status.read(folder).state is state:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def slot(folders, monkeypatch):
    """The only slot, taken; closing the descriptor frees it."""
    monkeypatch.setenv("FRACTURE_SLOTS", "1")
    descriptor = launcher.take_slot()
    assert descriptor is not None
    yield descriptor
    with contextlib.suppress(OSError):  # the test may have freed it
        os.close(descriptor)


@pytest.fixture
def queued(slot):
    """A run whose child waits for the slot; stopped at the end."""
    folder = make("waits")
    launcher.start_run(folder)
    yield folder
    run_requests.send(folder, "stop")
    launcher.wait(folder)


def test_a_run_waits_for_a_slot_without_tensorflow_and_can_be_stopped(queued) -> None:
    assert run_status.read(queued).state is State.QUEUED
    time.sleep(1.5)
    assert run_status.read(queued).state is State.QUEUED
    run_requests.send(queued, "stop")
    assert reaches(queued, State.STOPPED, 10)
    assert "while waiting" in run_status.read(queued).message
    assert [e["kind"] for e in journal.events(queued)] == ["queued", "stopped"]
    assert (queued / "train.log").read_text() == ""  # TensorFlow would have written something


def test_no_moment_passes_between_start_and_liveness(queued) -> None:
    assert run_lock.is_held(queued)
    with pytest.raises(RunBusy):
        launcher.start_run(queued)
    with pytest.raises(RunBusy):
        launcher.resume(queued, 5)
    assert run_requests.waiting(queued) == []  # the refused one has left no request


def test_a_killed_child_is_interrupted_although_nobody_has_waited_for_it(queued) -> None:
    os.kill(launcher._children[-1].pid, signal.SIGKILL)
    assert reaches(queued, State.INTERRUPTED, 5)
    assert launcher._children[-1].returncode is None  # a zombie still
    launcher.start_run(queued)
    assert run_status.read(queued).state is State.QUEUED


def test_of_two_starts_at_once_one_wins(slot) -> None:
    folder = make("wanted")

    def start(_: int) -> str:
        together.wait()
        try:
            launcher.start_run(folder)
        except RunBusy as error:
            return str(error)
        return "started"

    together = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:  # as the threads of a web server
        answers = list(pool.map(start, range(4)))
    refusal = "wanted is running already. Stop it first, or watch it."
    assert sorted(answers) == sorted(["started", refusal, refusal, refusal])
    assert [e["kind"] for e in journal.events(folder)].count("queued") == 1
    run_requests.send(folder, "stop")
    assert reaches(folder, State.STOPPED, 10)


def test_slots_are_as_many_as_the_setting_says_and_free_when_their_holder_ends(
    folders, monkeypatch
) -> None:
    monkeypatch.setenv("FRACTURE_SLOTS", "2")
    held = [launcher.take_slot() for _ in range(3)]
    assert held[0] is not None
    assert held[1] is not None
    assert held[2] is None
    os.close(held[0])
    again = launcher.take_slot()
    assert again is not None
    os.close(again)
    os.close(held[1])


def test_a_free_slot_is_seen_without_being_taken(folders, monkeypatch) -> None:
    monkeypatch.setenv("FRACTURE_SLOTS", "2")
    assert launcher._slot_is_free()
    first = launcher.take_slot()
    assert launcher._slot_is_free()
    second = launcher.take_slot()
    assert not launcher._slot_is_free()
    os.close(first)
    assert launcher._slot_is_free()
    third = launcher.take_slot()
    assert third is not None
    for descriptor in (second, third):
        os.close(descriptor)


def test_who_is_next_is_not_asked_while_no_slot_is_free(slot, monkeypatch) -> None:
    monkeypatch.setattr(launcher, "QUEUE_SECONDS", 0.0)
    monkeypatch.setattr(launcher, "is_next", None)  # would fail if it were called
    looks = iter([False, False, True])
    with pytest.raises(Stopped):
        launcher.wait_for_slot(make("waits"), lambda: next(looks))


def test_the_longest_waiting_run_is_next(slot) -> None:
    first, second = make("second-by-name"), make("a-first-by-name")
    for folder in (first, second):
        launcher.start_run(folder)
    assert launcher.is_next(first)
    assert not launcher.is_next(second)
    run_requests.send(first, "stop")
    assert reaches(first, State.STOPPED, 10)
    assert launcher.is_next(second)
    run_requests.send(second, "stop")
    assert reaches(second, State.STOPPED, 10)


def test_a_clock_that_was_set_back_brings_no_run_before_those_that_wait(slot, monkeypatch) -> None:
    first, second = make("first"), make("a-second")
    launcher.start_run(first)
    monkeypatch.setattr(time, "time", lambda: 1_000_000_000.0)
    launcher.start_run(second)
    assert launcher.is_next(first)
    assert not launcher.is_next(second)
    for folder in (first, second):
        run_requests.send(folder, "stop")
        assert reaches(folder, State.STOPPED, 10)


@pytest.mark.slow
def test_a_waiting_run_starts_by_itself_when_the_slot_is_free(slot) -> None:
    folder = make("patient")
    launcher.start_run(folder)
    assert reaches(folder, State.QUEUED)
    os.close(slot)
    assert launcher.wait(folder).state is State.FINISHED
    kinds = [e["kind"] for e in journal.events(folder)]
    assert kinds == ["queued", "started", "finished"]


def test_an_old_wish_to_stop_does_not_stop_a_new_start(slot) -> None:
    folder = make("again")
    run_requests.send(folder, "stop")
    run_requests.send(folder, "stop_after_epoch")
    launcher.resume(folder, 3)
    time.sleep(1)
    assert run_status.read(folder).state is State.QUEUED
    run_requests.send(folder, "stop")
    assert reaches(folder, State.STOPPED, 10)
    assert [e["kind"] for e in journal.events(folder)] == ["queued", "more_epochs", "stopped"]


@pytest.mark.parametrize("count", [-5, 10_001])
def test_more_epochs_than_a_run_may_have_or_fewer_are_refused(run_copy, count) -> None:
    with pytest.raises(ConfigError, match=f"more epochs must be from 0 to 10000; received {count}"):
        launcher.resume(run_copy, count)
    assert run_status.read(run_copy).state is State.FINISHED


def test_children_that_ended_are_let_go(queued) -> None:
    run_requests.send(queued, "stop")
    assert reaches(queued, State.STOPPED, 10)
    child = launcher._children[-1]
    child.wait()
    launcher.reap()
    assert child not in launcher._children


def test_a_lock_that_was_handed_down_stays_from_the_childs_own_children(monkeypatch) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    monkeypatch.setenv(launcher.LOCK_VARIABLE, str(reading))
    assert launcher.adopt_lock() == reading
    assert not os.get_inheritable(reading)
    assert launcher.LOCK_VARIABLE not in os.environ
    assert launcher.adopt_lock() is None
    os.close(reading)
    os.close(writing)


def test_a_removed_lock_lets_no_second_child_into_a_live_run(slot) -> None:
    folder = make("waiting")
    launcher.start_run(folder)
    assert reaches(folder, State.QUEUED)
    (folder / "lock").unlink()
    assert reaches(folder, State.QUEUED)  # a state only of runs whose lock is held
    with pytest.raises(RunBusy):
        launcher.resume(folder)
    run_requests.send(folder, "stop")
    assert reaches(folder, State.STOPPED, 10)
