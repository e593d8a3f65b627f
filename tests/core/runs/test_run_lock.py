"""Liveness by the lock alone."""

import fcntl
import os
import signal
import time
from pathlib import Path

import pytest

from fracture_core.errors import (
    RunBusy,
)
from fracture_core.runs import (
    run_folders,
    run_lock,
    run_status,
)
from fracture_core.runs.run_status import State, Status


def test_the_lock_decides_who_is_alive(folder, holder) -> None:
    run_status.write(folder, Status(state=State.RUNNING, step=7))
    assert run_status.read(folder).state is State.RUNNING
    with pytest.raises(RunBusy, match="first is running already"):
        run_lock.take(folder)
    holder.kill()
    holder.wait()
    status = run_status.read(folder)
    assert (status.state, status.step) == (State.INTERRUPTED, 7)
    assert "killed" in status.message


def test_a_zombie_is_not_taken_for_a_living_child(folder, holder) -> None:
    run_status.write(folder, Status(state=State.RUNNING))
    os.kill(holder.pid, signal.SIGKILL)
    while Path(f"/proc/{holder.pid}/stat").read_text().split(") ")[1][0] != "Z":
        time.sleep(0.01)  # dead, but not yet reaped
    assert run_status.read(folder).state is State.INTERRUPTED


def test_those_who_ask_at_once_do_not_take_each_other_for_the_child(folder) -> None:
    os.close(run_lock.take(folder))
    with (folder / "lock").open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        assert not run_lock.is_held(folder)


def test_a_lock_file_that_nobody_holds_stops_no_one(folder, holder) -> None:
    holder.kill()
    holder.wait()
    assert (folder / "lock").exists()
    os.close(run_lock.take(folder))


def test_the_lock_is_asked_each_time(folder: Path) -> None:
    cache: dict = {}
    run_status.write(folder, Status(state=State.RUNNING))
    with run_lock.hold(folder):
        assert run_folders.list_runs(cache)[0].status.state is State.RUNNING
    assert run_folders.list_runs(cache)[0].status.state is State.INTERRUPTED
