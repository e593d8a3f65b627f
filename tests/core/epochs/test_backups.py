"""Backups of a resumed run: files stay until the resume has written them again."""

from pathlib import Path

from fracture_core.epochs import backups, checkpoints, predictions
from fracture_core.epochs.checkpoints import Position
from fracture_core.runs import journal


def names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_later_epochs_move_with_the_table_that_named_them(run_copy) -> None:
    position = checkpoints.position_after(run_copy / "checkpoints", 2)
    weights = (run_copy / "checkpoints" / "epoch_0003.weights.h5").read_bytes()
    assert backups.move(run_copy, position) == [3]
    backup = run_copy / backups.FOLDER
    assert names(backup) == [
        "checkpoints/epoch_0003.npz",
        "checkpoints/epoch_0003.weights.h5",
        "metrics.jsonl",
        "predictions/epoch_0003.npy",
    ]
    assert (backup / "checkpoints" / "epoch_0003.weights.h5").read_bytes() == weights
    assert predictions.epochs(run_copy) == (1, 2)
    assert len(journal.lines(backup / "metrics.jsonl")) == 3


def test_they_leave_when_their_epochs_are_complete_again(run_copy) -> None:
    backups.move(run_copy, Position(step=5, epoch=1))
    backups.clear(run_copy, 2)
    assert "checkpoints/epoch_0003.weights.h5" in names(run_copy / backups.FOLDER)
    assert "checkpoints/epoch_0002.weights.h5" not in names(run_copy / backups.FOLDER)
    backups.clear(run_copy, 3)
    assert not (run_copy / backups.FOLDER).exists()


def test_a_second_fall_back_keeps_what_the_first_one_set_aside(run_copy) -> None:
    weights = run_copy / "checkpoints" / "epoch_0003.weights.h5"
    first = weights.read_bytes()
    backups.move(run_copy, Position(step=10, epoch=2))
    weights.write_bytes(b"half of epoch 3 again")
    backups.move(run_copy, Position(step=10, epoch=2))
    assert (run_copy / backups.FOLDER / "checkpoints" / weights.name).read_bytes() == first
    assert not weights.exists()


def test_drafts_of_a_killed_process_are_swept(run_copy) -> None:
    draft = run_copy / "checkpoints" / ".epoch_0004.npz.0a1b2c3d.tmp"
    draft.touch()
    assert backups.move(run_copy, Position(step=15, epoch=3)) == []
    assert not draft.exists() and not (run_copy / backups.FOLDER).exists()
