"""Child processes: their entry, what a waiting one has loaded, and the status that they leave."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fracture_core import versions
from fracture_core.cli import child, command_line
from fracture_core.config.train_config import TrainConfig
from fracture_core.folders import PROJECT
from fracture_core.jobs import launcher
from fracture_core.jobs.worker import Worker
from fracture_core.runs import journal, run_folders, run_lock, run_requests, run_status
from fracture_core.runs.run_status import State


@pytest.fixture
def folder(folders, monkeypatch):
    """A run; this process plays its child, without taking its signals."""
    monkeypatch.setattr(Worker, "listen", lambda self: None)
    return run_folders.create(TrainConfig(data="x"), "first")


def test_an_unexpected_error_is_named_and_its_trace_logged(folder, monkeypatch, capsys) -> None:
    def breaks(*_: object) -> None:
        raise ZeroDivisionError("an unforeseen division")

    monkeypatch.setattr(child, "_work", breaks)
    assert child.run(folder, run_lock.take(folder), wait_for_slot=False) == 1
    status = run_status.read(folder)
    assert status.state is State.FAILED
    assert "unexpected ZeroDivisionError ended the run: an unforeseen division" in status.message
    assert [e["kind"] for e in journal.events(folder)] == ["failed"]
    assert "Traceback" in capsys.readouterr().err


def test_a_stop_before_training_leaves_a_status_too(folder, monkeypatch) -> None:
    monkeypatch.setenv("FRACTURE_SLOTS", "1")
    slot = launcher.take_slot()
    run_requests.send(folder, "stop")
    assert child.run(folder, run_lock.take(folder), wait_for_slot=True) == 0
    os.close(slot)
    assert run_status.read(folder).state is State.STOPPED


def test_the_lock_is_let_go_after_the_last_status(folder, monkeypatch) -> None:
    alive = []
    monkeypatch.setattr(child, "_work", lambda *_: alive.append(run_lock.is_held(folder)))
    child.run(folder, run_lock.take(folder), wait_for_slot=False)
    assert alive == [True]
    assert not run_lock.is_held(folder)


def test_a_child_that_waits_for_a_slot_is_small(folders, monkeypatch) -> None:
    monkeypatch.setenv("FRACTURE_SLOTS", "1")
    folder = run_folders.create(TrainConfig(data="x"), "later")
    slot = launcher.take_slot()
    # The pause between two looks at the slots is where a waiting run is; it is stopped there.
    code = """
import sys, time
from fracture_core.cli import child
from fracture_core.jobs import launcher
from fracture_core.runs import run_folders, run_requests
def pause(seconds):
    run_requests.send(run_folders.find("later"), "stop")
launcher.time = type("Time", (), {"sleep": pause})
assert launcher.is_next(run_folders.find("later"))
print(child.main(["run", "later", "--wait"]), *sys.modules)
"""
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    os.close(slot)
    status, *loaded = printed.stdout.split()
    assert (status, run_status.read(folder).state) == ("0", State.STOPPED), printed.stderr
    assert not {"tensorflow", "numpy", "pandas", "PIL"} & set(loaded)


def test_a_child_that_cannot_begin_says_why_in_its_log(folders, tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    launcher.spawn(["run", "missing"], None, log)
    assert launcher._children[-1].wait() == 2
    assert log.read_text().startswith("No run is called 'missing'")


def test_children_have_an_entry_of_their_own(capsys) -> None:
    for kind in child.JOBS:
        assert child._parser().parse_args([kind, "x"]).kind == kind
    with pytest.raises(SystemExit):
        command_line.main(["run", "x"])
    assert "invalid choice" in capsys.readouterr().err


def test_versions_are_those_of_what_decides_the_numbers() -> None:
    import numpy

    installed = versions.installed()
    assert installed["numpy"] == numpy.__version__
    assert set(installed) == {"python", "tensorflow", "keras", "numpy", "pillow"}
