"""Fixtures that every test may use: real folders, a small phantom, a run trained on it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fracture_core.config.train_config import TrainConfig
from fracture_core.jobs import launcher
from fracture_core.phantom import phantom_set
from fracture_core.runs import journal, run_folders, run_status

STUDIES = 24  # enough for both labels in train and valid
SEED = 5  # of the phantom; dev gets two positive studies then


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Share whole folders of tests out among two processes, a file to one of them.

    Single files stay in this process, as does everything with `-n 0`, `--pdb` or `-p no:xdist`.
    """
    option = config.option
    inside = hasattr(config, "workerinput") or option.usepdb or option.collectonly
    if inside or getattr(option, "numprocesses", 0) is not None:
        return
    if all(Path(name.split("::")[0]).is_dir() for name in config.args):
        option.numprocesses, option.dist = 2, "loadfile"
        option.loadscopereorder = False  # the browser's files, the longest, come first


@pytest.fixture(scope="session", autouse=True)
def no_child_outlives_the_tests() -> Iterator[None]:
    """Stop processes that a failed test left running, and wait for every child."""
    yield
    for child in launcher._children:
        child.terminate()
        child.wait(timeout=60)


@pytest.fixture(scope="session")
def phantom_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom of 24 studies; read it, never change it."""
    root = tmp_path_factory.mktemp("phantom") / "films"
    phantom_set.make(root, studies=STUDIES, seed=SEED)
    return root


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phantom_root: Path) -> Path:
    """Runs, cache and models in a folder of the test's own, the small phantom as data."""
    for name in ("RUNS", "CACHE", "MODELS"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setenv(f"FRACTURE_{name}", str(folder))
    monkeypatch.setenv("FRACTURE_DATA", str(phantom_root))
    return tmp_path


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, phantom_root: Path) -> Path:
    """A three_conv run of 3 epochs, trained in a real child; read it, never change it."""
    home = tmp_path_factory.mktemp("finished")
    config = TrainConfig(data=str(phantom_root), architecture="three_conv", epochs=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRACTURE_RUNS", str(home / "runs"))
        patch.setenv("FRACTURE_CACHE", str(home / "cache"))
        folder = launcher.create_and_start(config, "finished", queue=False)
        status = launcher.wait(folder)
    assert status.state is run_status.State.FINISHED, journal.log_tail(folder)
    return folder


@pytest.fixture
def run_copy(folders: Path, finished_run: Path) -> Path:
    """A copy of `finished_run` in the test's own runs folder, free to be changed."""
    return Path(shutil.copytree(finished_run, folders / "runs" / finished_run.name))


@pytest.fixture
def runs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process, which has TensorFlow, do the work of a run's child until it ends.

    For tests where the process itself does not matter: one of its own loads TensorFlow again.
    """
    from fracture_core.cli import child
    from fracture_core.jobs.worker import Worker
    from fracture_core.training import loop

    def play(arguments: list[str], descriptor: int, _log: Path) -> None:
        child.run(run_folders.find(arguments[1]), os.dup(descriptor), wait_for_slot=False)

    monkeypatch.setattr(Worker, "listen", lambda self: None)  # signals are pytest's
    monkeypatch.setattr(loop, "set_threads", lambda *counts: None)  # only once in a process
    monkeypatch.setattr(launcher, "spawn", play)
