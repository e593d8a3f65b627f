"""A disk that refuses, at every place where a run writes: it says so and loses nothing."""

import errno
import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fracture_core.cli import child, command_line
from fracture_core.config.film_settings import PixelRecipe
from fracture_core.config.network_options import NetworkOptions
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog
from fracture_core.errors import WriteFailed
from fracture_core.evaluations import evaluation_job
from fracture_core.films import pixel_cache
from fracture_core.jobs import launcher
from fracture_core.jobs.worker import Worker
from fracture_core.releases import release
from fracture_core.runs import journal, run_folders, run_lock, run_status
from fracture_core.runs.run_status import State
from fracture_core.training import loop
from tests.core.refusing_disk import Disk
from tests.core.twins import assert_twins


@pytest.fixture
def disk(folders, monkeypatch) -> Disk:
    """The disk under the test's runs and cache; the child is played by this process."""
    monkeypatch.setattr(Worker, "listen", lambda self: None)
    monkeypatch.setattr(loop, "set_threads", lambda *counts: None)  # only once in a process
    monkeypatch.setattr(launcher, "take_slot", lambda: None)
    monkeypatch.setattr(child, "_fit_gate", lambda folder: None)  # comes after the run's last word
    return Disk(folders, monkeypatch)


def make(name: str) -> Path:
    """The folder of a run that is short and keeps states inside its epochs."""
    return run_folders.create(
        TrainConfig(
            data=os.environ["FRACTURE_DATA"],
            architecture="three_conv",
            epochs=2,
            batch_size=20,
            threads=1,
            checkpoint_seconds=0.1,
            options=NetworkOptions(dense=(4,), dropout=0.5),
        ),
        name,
    )


def work(folder: Path, refuse: Callable[[], None] = lambda: None) -> run_status.Status:
    """Do the work of a child, from its lock to its last status; `refuse` sets the fault."""
    lock = run_lock.take(folder)
    refuse()
    child.run(folder, lock, wait_for_slot=False)
    assert not run_lock.is_held(folder)
    return run_status.read(folder)


def names_file_and_next_step(message: str) -> bool:
    """Return whether a message names a file and the next step."""
    steps = ("Free some space,", "Give yourself permission")
    return "could not be" in message and any(step in message for step in steps)


def fails_and_goes_on(disk: Disk, twin: Path, at: int, number: int, for_good: bool) -> bool:
    """Refuse one write of a fresh run, then resume it; return whether there was one to refuse."""
    folder = make(f"{number}-{for_good:d}-{at}")
    status = work(folder, lambda: disk.refuse(at, number, for_good))
    refused = disk.refused
    disk.refuse(-1)
    if status.state is State.FAILED:
        assert names_file_and_next_step(status.message), (refused, status.message)
        assert refused, status.message
    elif status.state is not State.FINISHED:
        # Not even the last word could be written.
        assert status.state is State.INTERRUPTED, (refused, status)
        assert for_good, refused
    if status.state is not State.FINISHED:
        assert work(folder).state is State.FINISHED, refused
    assert_twins(folder, twin)
    return bool(refused)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("at", "number", "for_good"),
    [(0, errno.EACCES, False), (30, errno.ENOSPC, False), (45, errno.ENOSPC, True)],
)
def test_a_run_whose_disk_refuses_a_write_says_so_and_loses_nothing(
    disk, at, number, for_good
) -> None:
    twin = make("twin")
    assert work(twin).state is State.FINISHED
    assert fails_and_goes_on(disk, twin, at, number, for_good)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "for_good", "stride"),  # every 28th write; of a disk that stays full every 40th
    [(errno.ENOSPC, False, 28), (errno.ENOSPC, True, 40)],
)
def test_a_run_whose_disk_refuses_any_of_its_writes_loses_nothing(
    disk, number, for_good, stride
) -> None:
    twin = make("twin")
    assert work(twin).state is State.FINISHED
    at = 0
    while fails_and_goes_on(disk, twin, at, number, for_good) or at < disk.count:
        at += stride
    assert at > 40  # a run writes more than that; less would prove that the fault is not where


@pytest.mark.slow
def test_a_real_child_whose_disk_takes_no_more_says_so_and_goes_on(folders, finished_run) -> None:
    config = run_folders.read(finished_run).config
    folder = run_folders.create(config, "full")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    weights = (finished_run / "checkpoints" / "epoch_0001.weights.h5").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (weights // 2, before[1]))  # children inherit it
    try:
        launcher.start_run(folder, wait_for_slot=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    status = launcher.wait(folder)
    assert status.state is State.FAILED, journal.log_tail(folder)
    assert "File too large: " in status.message
    assert status.message.endswith(
        "checkpoints/epoch_0001.weights.h5 could not be written. Free some space, then try again."
    )
    launcher.resume(folder, wait_for_slot=False)
    assert launcher.wait(folder).state is State.FINISHED
    assert_twins(folder, finished_run)


# --- commands, jobs and releases ----------------------------------------------------------------


@pytest.fixture
def no_cache(folders, monkeypatch) -> Path:
    """Return a cache folder that cannot be created: a file is in its parent's place."""
    (folders / "file").write_text("not a folder")
    monkeypatch.setenv("FRACTURE_CACHE", str(folders / "file" / "cache"))
    return folders / "file"


@pytest.mark.parametrize("words", ["evaluate finished {data}", "release finished mine"])
def test_a_command_whose_cache_takes_nothing_says_so_in_a_sentence(
    run_copy, folders, no_cache, phantom_root, capsys, words
) -> None:
    assert command_line.main(words.format(data=phantom_root).split()) == 2
    printed = capsys.readouterr().err
    assert "cache/pixels could not be written. " in printed
    assert "Traceback" not in printed
    assert list((folders / "models").iterdir()) == []


def test_any_error_of_the_disk_is_a_sentence_of_the_command_line(monkeypatch, capsys) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "/media/x/note.json")

    monkeypatch.setattr(catalog, "read", refuse)
    assert command_line.main(["inspect", "somewhere"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("Read-only file system: /media/x/note.json could not be read or")


def test_a_job_whose_disk_refuses_says_so_in_its_last_word(folders, monkeypatch) -> None:
    def refuse(_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/media/x/films")

    monkeypatch.setattr(evaluation_job, "run_child", refuse)
    assert child.evaluate(folders, run_lock.take(folders)) == 1
    status = run_status.read(folders)
    assert status.state is State.FAILED
    assert status.message.startswith("No space left on device: /media/x/films could not be read")


def test_a_release_without_room_for_its_gate_is_refused_and_not_made_without(
    run_copy, folders, monkeypatch
) -> None:
    usage = shutil.disk_usage(folders)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
    with pytest.raises(WriteFailed, match="Free some space"):
        release.release("finished", "mine")
    assert list((folders / "models").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system cannot reserve room")
def test_pixels_take_their_room_before_they_are_filled(phantom_root, tmp_path) -> None:
    # What another process takes meanwhile would kill this one, in the middle of its memory map.
    paths = [str(path.relative_to(phantom_root)) for path in sorted(phantom_root.rglob("*.png"))]
    taken = []

    def look(*_: int) -> None:
        taken.extend(path.stat().st_blocks * 512 for path in tmp_path.glob(".*/pixels.npy"))

    cache = pixel_cache.of_films(phantom_root, paths, PixelRecipe(size=64), tmp_path, look)
    assert taken[0] >= cache.pixels.nbytes
