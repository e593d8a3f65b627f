"""A status comes back as written, corrected by the lock."""

import dataclasses
import json

import pytest

from fracture_core.runs import (
    run_requests,
    run_status,
)
from fracture_core.runs.run_status import State, Status


def test_a_run_that_never_started_counts_as_interrupted(folder) -> None:
    assert run_status.read(folder).state is State.INTERRUPTED


@pytest.mark.parametrize("state", [State.STOPPED, State.FINISHED, State.FAILED])
def test_a_last_word_stays_after_the_process(folder, state) -> None:
    run_status.write(folder, Status(state=state, message="Done."))
    assert run_status.read(folder).state is state


def test_a_wish_to_stop_shows_before_the_child_has_read_it(folder, holder) -> None:
    run_status.write(folder, Status(state=State.RUNNING))
    run_requests.send(folder, "stop_after_epoch")
    assert run_status.read(folder).state is State.RUNNING
    run_requests.send(folder, "stop")
    assert run_status.read(folder).state is State.STOPPING


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": "dancing"}', '{"state": 3}'])
def test_an_unreadable_status_never_breaks_a_reader(folder, text) -> None:
    (folder / "status.json").write_text(text)
    assert run_status.read(folder).state is State.INTERRUPTED


def test_a_status_with_values_of_other_kinds_keeps_the_sound_ones(folder) -> None:
    odd = {"state": "failed", "step": "7", "epoch": 2, "message": None, "progress": True}
    (folder / "status.json").write_text(json.dumps({**odd, "seconds_left": [], "phase": "x"}))
    assert run_status.read(folder) == Status(state=State.FAILED, epoch=2, phase="x")


def test_a_damaged_status_says_so(folder) -> None:
    (folder / "status.json").write_text('{"state": "fini')
    assert "status.json is damaged" in run_status.read(folder).message
    (folder / "status.json").unlink()
    assert "without a final status" in run_status.read(folder).message


def test_a_status_comes_back_as_it_was_written(folder, holder) -> None:
    written = Status(
        state=State.RUNNING,
        message="Epoch 1 of 2.",
        phase="training",
        step=3,
        steps=9,
        epoch=1,
        epochs=2,
        progress=0.5,
        images_per_second=7.5,
        seconds_left=2.25,
    )
    run_status.write(folder, written)
    status = run_status.read(folder)
    assert status == dataclasses.replace(written, updated=status.updated)
    assert status.updated > 0
