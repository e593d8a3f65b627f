"""Forks start from their parent's state, and unchanged ones end where their parent ended."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fracture_core.config.film_settings import Augmentation
from fracture_core.config.network_options import NetworkOptions
from fracture_core.config.schedule_settings import Schedule
from fracture_core.config.train_config import DEFAULTS
from fracture_core.epochs import checkpoints, forks, predictions
from fracture_core.errors import ConfigError, RunError
from fracture_core.folders import PROJECT
from fracture_core.jobs import launcher
from fracture_core.jobs.worker import Worker
from fracture_core.runs import journal, run_folders, run_status
from fracture_core.runs.run_status import State
from fracture_core.training import loop
from fracture_core.training_films import preparation
from tests.core.twins import assert_twins


def train(folder: Path) -> run_status.Status:
    """Train in this process, as the child does, and return the final state."""
    worker = Worker(folder)
    films, pixels = preparation.prepare(folder, worker)
    loop.train(folder, films, pixels, worker)
    return run_status.read(folder)


@pytest.mark.slow
def test_an_unchanged_fork_ends_like_its_parent(run_copy) -> None:
    fork = forks.create(run_copy, 2, "fork")
    assert run_folders.read(fork).facts["parent"] == {"name": run_copy.name, "epoch": 2}
    assert [line["epoch"] for line in journal.lines(fork / "metrics.jsonl")] == [1, 2]
    assert predictions.epochs(fork) == (1, 2)
    assert (run_status.read(fork).epoch, run_status.read(fork).step) == (2, 10)
    launcher.start_run(fork, wait_for_slot=False)  # a child, as its parent had: the same threads
    assert launcher.wait(fork).state is State.FINISHED, journal.log_tail(fork)
    assert_twins(fork, run_copy)
    assert [e["kind"] for e in journal.events(fork)] == ["forked", "resumed", "finished"]


@pytest.mark.slow
def test_a_fork_runs_in_a_child_of_its_own_and_leaves_its_parent_alone(run_copy) -> None:
    before = {path: path.stat().st_mtime_ns for path in run_copy.rglob("*") if path.is_file()}
    fork = launcher.fork(run_copy, 3, "longer", queue=False, epochs=4, learning_rate=1e-5)
    status = launcher.wait(fork)
    assert (status.state, status.epoch) == (State.FINISHED, 4), journal.log_tail(fork)
    lines = journal.lines(fork / "metrics.jsonl")
    assert lines[3]["learning_rate"] == pytest.approx(1e-5)
    assert lines[:3] == journal.lines(run_copy / "metrics.jsonl")
    assert before == {p: p.stat().st_mtime_ns for p in run_copy.rglob("*") if p.is_file()}


def test_batches_of_another_size_and_another_optimizer_go_on_from_the_same_weights(
    run_copy,
) -> None:
    fork = forks.create(run_copy, 2, "other", batch_size=25, optimizer="sgd", learning_rate=1e-7)
    assert train(fork).state is State.FINISHED
    last = journal.lines(fork / "metrics.jsonl")[-1]
    steps_an_epoch = -(-last["train"]["n"] // 25)
    assert last["step"] == 3 * steps_an_epoch
    assert last["train"]["n"] == journal.lines(run_copy / "metrics.jsonl")[0]["train"]["n"]


def test_a_fork_takes_the_rate_that_its_parent_had_been_given(run_copy) -> None:
    journal.log_event(run_copy, "learning_rate", rate=0.02, step=4, id="a")
    journal.log_event(run_copy, "learning_rate", rate=0.5, step=12, id="b")  # after epoch 2
    assert run_folders.read(forks.create(run_copy, 2)).config.learning_rate == 0.02


def test_epochs_that_were_added_to_the_parent_are_the_forks_too(run_copy) -> None:
    journal.log_event(run_copy, "more_epochs", epochs=2, epoch=3, id="a")
    fork = forks.create(run_copy, 3)
    assert train(fork).epoch == 5


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"architecture": "one_conv"}, "architecture cannot be changed"),
        ({"options": NetworkOptions(dropout=0.5)}, "options cannot be changed"),
        ({"epochs": 2}, "at epoch 2 must train beyond it; received 2 total epochs"),
        ({"colour": 1}, "no setting 'colour'"),
    ],
)
def test_what_cannot_change_is_refused_and_nothing_is_left(run_copy, changes, sentence) -> None:
    with pytest.raises(ConfigError, match=sentence):
        forks.create(run_copy, 2, "fork", **changes)
    assert run_folders.names() == [run_copy.name]


def test_an_epoch_without_its_state_is_refused_with_those_that_have_one(run_copy) -> None:
    (run_copy / "checkpoints" / "epoch_0001.npz").unlink(missing_ok=True)  # the best one's is kept
    assert checkpoints.forkable(run_copy / "checkpoints") == [2, 3]
    with pytest.raises(RunError, match=r"no whole state of epoch 1\. Kept: 2, 3"):
        forks.create(run_copy, 1)


def test_a_fork_of_an_epoch_whose_line_is_not_written_yet_has_all_of_it(run_copy) -> None:
    # The checkpoint comes first: between the two, or killed there, the line is in the state alone.
    journal.log_event(run_copy, "learning_rate", rate=0.02, step=14, id="a")  # in the last epoch
    whole = journal.lines(run_copy / "metrics.jsonl")
    steps = journal.lines(run_copy / "steps.jsonl")
    journal.replace_lines(run_copy / "metrics.jsonl", whole[:-1])
    fork = forks.create(run_copy, 3, epochs=4)
    assert run_folders.read(fork).config.learning_rate == 0.02
    assert journal.lines(fork / "steps.jsonl") == steps
    train(fork)
    assert journal.lines(fork / "metrics.jsonl")[:3] == whole


def test_a_state_that_cannot_be_read_is_refused_and_nothing_is_left(run_copy) -> None:
    state = run_copy / "checkpoints" / "epoch_0002.npz"
    state.write_bytes(state.read_bytes()[:40])
    with pytest.raises(RunError, match=r"keeps of epoch 2 cannot be read .* Choose another epoch"):
        forks.create(run_copy, 2, "fork")
    assert run_folders.names() == [run_copy.name]


KILLED = """
import os, signal, sys
from pathlib import Path
from fracture_core import checksums
from fracture_core.epochs import forks

left, write = int(sys.argv[2]), checksums.write

def write_some(*arguments):
    global left
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    write(*arguments)

checksums.write = write_some
forks.create(Path(sys.argv[1]), 2, "fork", optimizer="sgd")
"""


@pytest.mark.parametrize("writes", [0, 1, 3, 8, 9])
def test_a_kill_while_a_fork_is_made_leaves_no_run_that_begins_anew(run_copy, writes) -> None:
    process = subprocess.run(
        [sys.executable, "-c", KILLED, str(run_copy), str(writes)],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        check=False,
    )
    assert process.returncode == -signal.SIGKILL
    assert run_folders.names() == [run_copy.name]
    fork = forks.create(run_copy, 2, "fork")  # its name is free
    assert run_status.read(fork).epoch == 2


def test_all_that_need_not_be_fixed_may_change(run_copy) -> None:
    changes = {
        "seed": 9,
        "schedule": Schedule(kind="cosine"),
        "augmentation": Augmentation(shift_percent=5.0),
        "class_weights": "balanced",
        "early_stopping": 3,
        "threads": 2,
    }
    fork = forks.create(run_copy, 2, **changes)
    config = run_folders.read(fork).config
    assert all(getattr(config, key) == value for key, value in changes.items())
    assert all(getattr(DEFAULTS, key) != value for key, value in changes.items())
    assert "probe" not in run_folders.read(fork).facts  # the threads are another number
