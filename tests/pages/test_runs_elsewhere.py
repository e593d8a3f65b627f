"""Runs on a cluster: chosen on Train, named on Train and Runs."""

import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fracture_core.clusters import run_place
from fracture_core.runs import run_folders
from fracture_core.runs.run_status import State
from tests.core.clusters import fake_slurm

APP = str(Path(__file__).parents[2] / "app.py")


@pytest.fixture
def full_cluster(folders: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a fake Slurm on PATH, whose machines are all busy."""
    folder = folders / "slurm"
    monkeypatch.setenv("PATH", f"{fake_slurm.install(folder)}{os.pathsep}{os.environ['PATH']}")
    (folder / "full").touch()
    return folder


def train() -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60).switch_page("pages/train.py").run()
    assert not app.exception
    return app


def test_the_form_offers_slurm_where_it_is_installed_and_starts_a_job_of_it(
    full_cluster: Path,
) -> None:
    app = train()
    (place,) = [each for each in app.segmented_control if each.label == "Runs on"]
    assert place.value == "local"
    app = place.set_value("slurm").run()
    assert any("--launcher slurm" in block.value for block in app.code)
    app.button(key="start-training").click().run()
    (run,) = run_folders.list_runs()
    assert run_place.words(run.folder) == "Slurm job 1"
    assert run.status.state is State.QUEUED
    assert any("Slurm job 1." in caption.value for caption in app.caption)
    app = AppTest.from_file(APP, default_timeout=60).switch_page("pages/runs.py").run()
    assert app.dataframe[0].value["Runs on"].tolist() == ["Slurm job 1"]


def test_without_slurm_nothing_is_asked(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert not [each for each in train().segmented_control if each.label == "Runs on"]
