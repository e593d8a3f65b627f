"""TensorBoard event files, read back by the tensorboard package."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fracture_core.training import event_files


def line(epoch: int, shift: float = 0.0) -> dict[str, Any]:
    """A line of `metrics.jsonl`; the valid films of odd epochs have no AUROC."""
    study = {"study_accuracy": 0.5 + shift, "studies": 4, "n": 9}
    return {
        "epoch": epoch,
        "step": 100 * epoch,
        "learning_rate": 0.001 / epoch,
        "train": {"loss": 1 / epoch + shift, "accuracy": 0.75, "n": 90},
        "dev": {"loss": 2 / epoch, "accuracy": 0.625, "auroc": 0.7, **study},
        "valid": {"loss": 3 / epoch, "accuracy": 0.5, "auroc": None if epoch % 2 else 0.6, **study},
    }


def read(run: Path, role: str) -> dict[str, list[tuple[int, float]]]:
    """Every scalar that TensorBoard finds: by tag, (step, value) in the order of the files."""
    accumulator = EventAccumulator(
        str(run / "tensorboard" / role), purge_orphaned_data=False
    ).Reload()
    return {
        tag: [(event.step, event.value) for event in accumulator.Scalars(tag)]
        for tag in accumulator.Tags()["scalars"]
    }


def about(*values: tuple[int, float]) -> Any:
    """(step, value) pairs as float32 keeps them."""
    return [(step, pytest.approx(value, rel=1e-6)) for step, value in values]


def test_tensorboard_reads_every_value_of_a_run(tmp_path: Path) -> None:
    event_files.begin(tmp_path, [])
    for epoch in (1, 2, 3):
        event_files.add(tmp_path, line(epoch))
    assert read(tmp_path, "train") == {
        "epoch_loss": about((1, 1), (2, 1 / 2), (3, 1 / 3)),
        "epoch_accuracy": about((1, 0.75), (2, 0.75), (3, 0.75)),
        "epoch_learning_rate": about((1, 0.001), (2, 0.001 / 2), (3, 0.001 / 3)),
    }
    dev = read(tmp_path, "dev")
    assert set(dev) == {"epoch_loss", "epoch_accuracy", "epoch_auroc", "epoch_study_accuracy"}
    assert dev["epoch_loss"] == about((1, 2), (2, 1), (3, 2 / 3))
    assert dev["epoch_study_accuracy"] == about((1, 0.5), (2, 0.5), (3, 0.5))
    assert read(tmp_path, "valid")["epoch_auroc"] == about((2, 0.6))


def test_each_epoch_can_be_read_while_the_run_goes_on(tmp_path: Path) -> None:
    event_files.begin(tmp_path, [])
    for epoch in range(1, 300):  # beyond one byte of the step
        event_files.add(tmp_path, line(epoch))
        if epoch in (1, 127, 128, 299):
            assert read(tmp_path, "train")["epoch_loss"][-1] == about((epoch, 1 / epoch))[0]


def test_a_resume_leaves_each_epoch_once(tmp_path: Path) -> None:
    for epoch in (1, 2, 3):
        event_files.add(tmp_path, line(epoch, shift=0.25))
    event_files.begin(tmp_path, [line(1), line(2)])
    event_files.add(tmp_path, line(3))
    assert read(tmp_path, "train")["epoch_loss"] == about((1, 1), (2, 1 / 2), (3, 1 / 3))
    assert read(tmp_path, "dev")["epoch_study_accuracy"] == about((1, 0.5), (2, 0.5), (3, 0.5))


def test_a_tensorboard_that_watches_follows_a_resume(tmp_path: Path) -> None:
    for epoch in (1, 2, 3):
        event_files.add(tmp_path, line(epoch, shift=0.25))
    watching = EventAccumulator(str(tmp_path / "tensorboard" / "train")).Reload()
    event_files.begin(tmp_path, [line(1)])
    event_files.add(tmp_path, line(2))
    watching.Reload()
    losses = [(event.step, event.value) for event in watching.Scalars("epoch_loss")]
    assert losses == about((1, 1), (2, 1 / 2))


def test_a_role_that_is_gone_leaves_no_file(tmp_path: Path) -> None:
    event_files.begin(tmp_path, [line(1)])
    without = {key: value for key, value in line(1).items() if key != "dev"}
    event_files.begin(tmp_path, [without])
    event_files.add(tmp_path, {**without, "epoch": 2})
    assert read(tmp_path, "dev") == {}
    assert len(read(tmp_path, "valid")["epoch_loss"]) == 2


@pytest.mark.parametrize("torn", [1, 11, 40])
def test_what_a_kill_left_is_healed_by_the_next_begin(tmp_path: Path, torn: int) -> None:
    event_files.begin(tmp_path, [line(1), line(2)])
    (old,) = (tmp_path / "tensorboard" / "train").iterdir()
    old.write_bytes(old.read_bytes()[:-torn])  # killed inside `add`
    (old.parent / "events.out.tfevents.1.0").write_bytes(b"")  # killed inside `begin`
    (old.parent / ".events.out.tfevents.2.0.0badcafe.tmp").write_bytes(b"half")
    event_files.begin(tmp_path, [line(1)])
    assert len(list(old.parent.iterdir())) == 1
    assert read(tmp_path, "train")["epoch_loss"] == about((1, 1))


def test_a_pipe_among_the_files_gets_nothing_and_makes_nobody_wait(tmp_path: Path) -> None:
    event_files.begin(tmp_path, [line(1)])
    pipe = tmp_path / "tensorboard" / "train" / "events.out.tfevents.9999999999.000000"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # whoever writes into it does not wait
    event_files.add(tmp_path, line(2))
    assert os.read(reader, 10) == b""
    os.close(reader)
    pipe.unlink()
    assert [step for step, _ in read(tmp_path, "train")["epoch_loss"]] == [1, 2]


def test_a_clock_that_was_set_back_gives_no_file_an_earlier_name(tmp_path, monkeypatch) -> None:
    event_files.begin(tmp_path, [line(1)])
    first = next((tmp_path / "tensorboard" / "dev").iterdir()).name
    monkeypatch.setattr(time, "time", lambda: 1_000_000_000.0)
    event_files.begin(tmp_path, [line(1), line(2)])
    event_files.add(tmp_path, line(3))
    (second,) = (path.name for path in (tmp_path / "tensorboard" / "dev").iterdir())
    assert second > first
    assert read(tmp_path, "train")["epoch_loss"] == about((1, 1), (2, 1 / 2), (3, 1 / 3))
