"""Locks on disks that have none."""

import errno
import fcntl
from pathlib import Path

import pytest

from fracture_core import locks
from fracture_core.errors import WriteFailed


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_disk_without_locks_is_one_sentence_and_no_endless_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refused(*_: int) -> None:
        raise OSError(number, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(WriteFailed, match=r"without file locks .*FRACTURE_RUNS"):
        locks.take(tmp_path / "lock")
    with pytest.raises(WriteFailed), locks.held(tmp_path / "lock"):
        pass
    assert not locks.is_held(tmp_path / "lock")


def test_a_lock_that_is_held_is_not_taken_twice(tmp_path: Path) -> None:
    assert not locks.is_held(tmp_path / "lock")
    with locks.held(tmp_path / "lock"):
        assert locks.is_held(tmp_path / "lock")
        assert locks.take(tmp_path / "lock") is None
    assert not locks.is_held(tmp_path / "lock")
