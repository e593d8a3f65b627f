"""Fixtures of the tests of runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fracture_core.config.train_config import TrainConfig
from fracture_core.runs import (
    run_folders,
)

HOLDER = "import fcntl, sys, time; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.LOCK_EX); \
print('held', flush=True); time.sleep(60)"


@pytest.fixture
def folder(folders: Path) -> Path:
    """A run that was created and never started."""
    return run_folders.create(TrainConfig(data=os.environ["FRACTURE_DATA"]), "first")


@pytest.fixture
def holder(folder: Path):
    """A process that holds the run's lock, as its child would."""
    command = [sys.executable, "-c", HOLDER, str(folder / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()
