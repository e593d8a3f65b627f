"""Standby: a waiting process is a run's child like any other, and stays behind for nobody."""

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fracture_core.config.presets import preset
from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import RunBusy
from fracture_core.folders import PROJECT
from fracture_core.jobs import launcher, standby
from fracture_core.jobs.worker import Worker
from fracture_core.runs import journal, run_folders, run_lock, run_requests, run_status
from fracture_core.runs.run_status import State
from fracture_core.training_films import preparation

SERVER = """
import sys
from fracture_core.jobs import standby
with standby.permitted():
    standby.prepare()
    print(standby._waiting[0].process.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def waiting(folders):
    """Permission to keep a process on standby, as a server has it."""
    with standby.permitted():
        yield


def make(name: str, **changes: object) -> Path:
    """The folder of the run that `finished_run` is, not started."""
    plain = {"data": os.environ["FRACTURE_DATA"], "architecture": "three_conv", "epochs": 3}
    return run_folders.create(TrainConfig(**plain | changes), name)


def process() -> subprocess.Popen[bytes]:
    """The process on standby."""
    [only] = standby._waiting
    return only.process


def is_over(pid: int, seconds: float = 20) -> bool:
    """Tell whether a process that may be nobody's child ends in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            facts = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return True
        if facts.rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def reaches(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Tell whether something becomes true in time."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def priorities(pid: int) -> set[int]:
    """The nice values of a process' threads."""
    facts = [each.read_text() for each in Path(f"/proc/{pid}/task").glob("*/stat")]
    return {int(text.rpartition(")")[2].split()[16]) for text in facts}


def weights(folder: Path) -> dict[str, bytes]:
    folders = ("checkpoints", "predictions", "features")
    files = [path for name in folders for path in (folder / name).iterdir()]
    return {path.name: path.read_bytes() for path in files}


@pytest.mark.slow
@pytest.mark.parametrize("is_ready", [False, True])
def test_a_run_on_standby_is_the_cold_run_to_the_last_bit(waiting, finished_run, is_ready) -> None:
    standby.prepare()
    held = process()
    if is_ready:
        assert reaches(standby.is_ready)
        assert priorities(held.pid) == {os.getpriority(os.PRIO_PROCESS, 0)}
    folder = make("warm")
    launcher.start_run(folder)
    assert launcher._children[-1] is held
    assert launcher.wait(folder).state is State.FINISHED, journal.log_tail(folder)
    assert held.wait(60) == 0
    assert (folder / "metrics.jsonl").read_bytes() == (finished_run / "metrics.jsonl").read_bytes()
    assert weights(folder) == weights(finished_run) != {}
    cold, warm = (run_folders.read(each).facts for each in (finished_run, folder))
    assert cold["probe"] == warm["probe"]
    kinds = [[e["kind"] for e in journal.events(each)] for each in (finished_run, folder)]
    assert kinds[0] == [kind for kind in kinds[1] if kind != "queued"]
    assert standby._waiting == []
    # TensorFlow prints when it is loaded, before there was a run.
    lines = [(each / "train.log").read_text().count("oneDNN") for each in (finished_run, folder)]
    assert lines[0] == lines[1]


def test_a_run_on_standby_is_locked_without_a_gap_and_like_any_child(waiting) -> None:
    standby.prepare()
    pid, folder = process().pid, make("stopped")
    launcher.start_run(folder)
    with pytest.raises(RunBusy):
        run_lock.take(folder)
    assert os.getsid(pid) == os.getpgid(pid) == pid
    run_requests.send(folder, "stop")
    assert launcher.wait(folder).state is State.STOPPED
    assert "before training" in run_status.read(folder).message
    assert launcher._children[-1].wait(30) == 0
    os.close(run_lock.take(folder))


@pytest.mark.slow
def test_a_run_with_other_threads_than_the_rehearsal_starts_again(waiting, finished_run) -> None:
    standby.prepare()
    held, folder = process(), make("other", threads=2, epochs=1)
    assert reaches(standby.is_ready)
    launcher.start_run(folder)
    run_requests.send(folder, "stop_after_epoch")
    assert reaches(lambda: b"--has-slot" in Path(f"/proc/{held.pid}/cmdline").read_bytes())
    assert run_lock.is_held(folder)
    assert launcher.wait(folder).state is State.FINISHED, journal.log_tail(folder)
    assert held.wait(60) == 0
    assert run_folders.read(folder).facts["probe"]["threads"] == 2
    kinds = [event["kind"] for event in journal.events(folder)]
    assert kinds == ["queued", "started", "finished"]


@pytest.mark.slow
def test_films_are_read_ahead_for_a_demo_run(waiting, phantom_root) -> None:
    standby.prepare(phantom_root)
    folder = Path(os.environ["FRACTURE_CACHE"]) / "pixels"
    assert reaches(lambda: bool(list(folder.glob("[!.]*/pixels.npy"))))
    [before] = folder.glob("[!.]*/pixels.npy")
    demo = run_folders.create(preset("demo", str(phantom_root)), "demo")
    preparation.prepare(demo, Worker(demo))
    assert list(folder.glob("*/pixels.npy")) == [before]


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_a_run_starts_without_the_process_on_standby(waiting, monkeypatch, fault) -> None:
    monkeypatch.setattr(standby, "ANSWER_SECONDS", 0.2)
    standby.prepare()
    held, folder = process(), make("cold")
    os.kill(held.pid, fault)
    launcher.start_run(folder)
    assert launcher._children[-1] is not held
    assert held.returncode == -signal.SIGKILL
    run_requests.send(folder, "stop")
    assert launcher.wait(folder).state is State.STOPPED


def test_a_changed_environment_is_not_that_of_the_process(waiting, monkeypatch) -> None:
    standby.prepare()
    first = process()
    standby.prepare()
    assert process() is first
    monkeypatch.setenv("FRACTURE_CACHE", os.environ["FRACTURE_CACHE"] + "-other")
    assert standby.hand_over(["run", "x"], 0, 1) is None
    assert first.returncode == -signal.SIGKILL
    standby.prepare()
    second = process()
    monkeypatch.setenv("FRACTURE_RUNS", os.environ["FRACTURE_RUNS"] + "-other")
    standby.prepare()
    assert process() is not second
    assert second.returncode == -signal.SIGKILL


def test_newer_code_is_not_that_of_the_process(waiting, monkeypatch, tmp_path) -> None:
    code = tmp_path / "fracture_core" / "loop.py"
    code.parent.mkdir()
    code.write_text("old = 1\n")
    monkeypatch.setattr(standby, "PROJECT", tmp_path)
    standby.prepare()
    first = process()
    code.write_text("newer = 1\n")
    standby.prepare()
    assert process() is not first


def test_a_run_that_has_to_queue_leaves_the_process_alone(waiting, monkeypatch) -> None:
    monkeypatch.setenv("FRACTURE_SLOTS", "1")
    slot, folder = launcher.take_slot(), make("queued")
    standby.prepare()
    held = process()
    launcher.start_run(folder)
    assert process() is held
    run_requests.send(folder, "stop")
    assert launcher.wait(folder).state is State.STOPPED
    os.close(slot)


def test_it_ends_when_nobody_comes(waiting) -> None:
    standby.prepare(idle_seconds=0.1)
    assert process().wait(30) == 0
    assert standby.memory_mb() is None


def test_it_ends_with_the_permission_and_needs_it(folders) -> None:
    standby.prepare()
    assert standby._waiting == []
    with standby.permitted():
        standby.prepare()
        held = process()
        assert standby.memory_mb() >= 0
    assert held.returncode == -signal.SIGKILL


def test_little_free_memory_is_left_to_runs(waiting, monkeypatch) -> None:
    monkeypatch.setattr(standby.memory, "available", lambda: 10**9)
    standby.prepare()
    assert standby._waiting == []


def test_it_ends_with_a_server_that_was_killed(folders) -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with server:
        pid = int(server.stdout.readline())
        server.kill()
    assert is_over(pid)


def test_the_terminal_leaves_none_behind(folders) -> None:
    words = [sys.executable, "-m", "fracture_core", "train", str(folders / "nothing")]
    refused = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert json.dumps(refused.stderr).count("\\n") == 1


def test_a_setting_keeps_none(folders, monkeypatch) -> None:
    monkeypatch.setenv("FRACTURE_STANDBY", "off")
    with standby.permitted():
        standby.prepare()
        assert not standby.is_permitted()
        assert standby._waiting == []


def test_without_room_for_what_it_prints_none_waits(waiting, monkeypatch) -> None:
    def refuse() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    before = len(list(Path("/dev/fd").iterdir()))
    standby.prepare()
    assert standby._waiting == [] and len(list(Path("/dev/fd").iterdir())) == before
    with Path(os.devnull).open("rb") as lock:
        assert standby.hand_over(["run", "x"], lock.fileno(), lock.fileno()) is None


def test_what_was_printed_on_a_full_disk_ends_no_run(tmp_path) -> None:
    code = (
        "import resource, sys; from fracture_core.training import standby_child\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"  # as a disk that takes no more
        "print('before'); standby_child._print_to(int(sys.argv[1])); print('after')"
    )
    reader, log = os.pipe()
    with (tmp_path / "printed").open("w+b") as full:
        command = [sys.executable, "-c", code, str(log)]
        plain = {name: os.environ[name] for name in os.environ if name != "PYTHONUNBUFFERED"}
        ended = subprocess.run(
            command, cwd=PROJECT, env=plain, stdout=full, stderr=full, pass_fds=[log]
        )
    os.close(log)
    with open(reader) as stream:  # noqa: PTH123 - a descriptor
        assert stream.read().endswith("after\n")
    assert ended.returncode == 0
