"""A cross-validation of two folds, trained once for the tests of this folder."""

import os
import shutil
from pathlib import Path

import pytest

from fracture_core.cli import child
from fracture_core.config.train_config import TrainConfig
from fracture_core.cross_validation import group, group_runs
from fracture_core.cross_validation.group import Group
from fracture_core.datasets import catalog
from fracture_core.jobs import launcher
from fracture_core.jobs.worker import Worker
from fracture_core.runs import run_folders
from fracture_core.training import loop


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, phantom_root: Path) -> Path:
    """The folder of runs of the finished group "pair"; read it, never change it."""
    home = tmp_path_factory.mktemp("folds")

    def play(arguments: list[str], descriptor: int, _log: Path) -> None:
        child.run(run_folders.find(arguments[1]), os.dup(descriptor), wait_for_slot=False)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRACTURE_RUNS", str(home / "runs"))
        patch.setenv("FRACTURE_CACHE", str(home / "cache"))
        patch.setattr(Worker, "listen", lambda self: None)  # signals are pytest's
        patch.setattr(loop, "set_threads", lambda *counts: None)  # only once in a process
        patch.setattr(launcher, "spawn", play)
        config = TrainConfig(data=str(phantom_root), architecture="three_conv", epochs=2, seed=3)
        group_runs.begin(config, 2, "pair", catalog.read(phantom_root))
    return home / "runs"


@pytest.fixture
def pair(folders: Path, trained: Path) -> Group:
    """A copy of the finished group in the test's own folder of runs."""
    shutil.copytree(trained, folders / "runs", dirs_exist_ok=True)
    return group.find("pair")
