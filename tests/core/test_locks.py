"""Locks on files: one holder, seen by others, freed by the kernel."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fracture_core import locks
from fracture_core.errors import WriteFailed

HOLDER = """
import pathlib, sys
from fracture_core import locks
assert locks.take(pathlib.Path(sys.argv[1])) is not None
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_has_one_holder_and_is_free_after_it(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    assert not locks.is_held(lock) and not lock.exists()
    descriptor = locks.take(lock)
    assert descriptor is not None and not os.get_inheritable(descriptor)
    assert locks.is_held(lock) and locks.take(lock) is None
    os.close(descriptor)
    assert not locks.is_held(lock)
    with locks.held(lock):
        assert locks.is_held(lock)
    assert not locks.is_held(lock)


def test_the_kernel_frees_the_lock_of_a_killed_process(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        assert locks.is_held(lock) and locks.take(lock) is None
        holder.kill()
    assert not locks.is_held(lock)


def test_whoever_waits_for_a_lock_may_give_up(tmp_path: Path) -> None:
    lock = tmp_path / "lock"

    def give_up() -> None:
        raise TimeoutError

    with locks.held(lock), pytest.raises(TimeoutError), locks.held(lock, give_up):
        raise AssertionError("both hold it")


def test_odd_files_in_place_of_a_lock_neither_block_nor_pass(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert not locks.is_held(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    assert not locks.is_held(tmp_path / "folder")
    with pytest.raises(WriteFailed, match="folder"):
        locks.take(tmp_path / "folder")
