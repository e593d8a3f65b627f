"""What runs inside a child: it always leaves a last word."""

import os

import pytest

from fracture_core import versions
from fracture_core.cli import child
from fracture_core.config import TrainConfig
from fracture_core.jobs import launcher
from fracture_core.jobs.worker import Worker
from fracture_core.runs import journal, run_folders
from fracture_core.runs.run_folders import State


@pytest.fixture
def folder(folders, monkeypatch):
    """A run, whose child is played by this process without taking its signals."""
    monkeypatch.setattr(Worker, "listen", lambda self: None)
    return run_folders.create(TrainConfig(data="x"), "first")


def test_an_unexpected_error_is_named_and_its_trace_logged(folder, monkeypatch, capsys) -> None:
    def breaks(*_: object) -> None:
        raise ZeroDivisionError("what nobody thought of")

    monkeypatch.setattr(child, "_work", breaks)
    assert child.run(folder, run_folders.take_lock(folder), wait_for_slot=False) == 1
    status = run_folders.status(folder)
    assert status.state is State.FAILED
    assert "unexpected ZeroDivisionError ended the run: what nobody thought of" in status.message
    assert [e["kind"] for e in journal.events(folder)] == ["failed"]
    assert "Traceback" in capsys.readouterr().err


def test_a_stop_before_training_is_a_last_word_too(folder, monkeypatch) -> None:
    monkeypatch.setenv("FRACTURE_SLOTS", "1")
    slot = launcher.take_slot()
    run_folders.send_request(folder, "stop")
    assert child.run(folder, run_folders.take_lock(folder), wait_for_slot=True) == 0
    os.close(slot)
    assert run_folders.status(folder).state is State.STOPPED


def test_the_lock_is_let_go_after_the_last_word(folder, monkeypatch) -> None:
    said = []
    monkeypatch.setattr(child, "_work", lambda *_: said.append(run_folders.is_alive(folder)))
    child.run(folder, run_folders.take_lock(folder), wait_for_slot=False)
    assert said == [True]
    assert not run_folders.is_alive(folder)


def test_versions_are_those_of_what_decides_the_numbers() -> None:
    import numpy

    found = versions.installed()
    assert found["numpy"] == numpy.__version__
    assert set(found) == {"python", "tensorflow", "keras", "numpy", "pillow"}
