"""Runs on Slurm, against commands that run the scripts and are a fake otherwise."""

import json
import os
import time
from pathlib import Path

import pytest

from fracture_core.clusters import launcher_choice, run_place, slurm
from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import ConfigError, RunBusy, RunError
from fracture_core.jobs import launcher
from fracture_core.runs import journal, run_folders, run_lock, run_requests, run_status
from fracture_core.runs.run_status import State
from tests.core.clusters import fake_slurm
from tests.core.twins import assert_twins


@pytest.fixture
def cluster(folders: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a fake Slurm on PATH, which starts the runs; its answers are not kept."""
    folder = folders / "slurm"
    monkeypatch.setenv("PATH", f"{fake_slurm.install(folder)}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv(launcher_choice.VARIABLE, "slurm")
    monkeypatch.setattr(slurm, "ASK_SECONDS", 0.0)
    monkeypatch.setattr(run_place, "NEW_SECONDS", 0.0)
    monkeypatch.setattr(run_place, "FRESH_SECONDS", 0.5)
    monkeypatch.setattr(slurm, "_queue", {})
    monkeypatch.setattr(slurm, "_ends", {})
    return folder


@pytest.fixture
def full(cluster: Path) -> Path:
    """That cluster, all of whose machines are busy for good."""
    (cluster / "full").touch()
    return cluster


@pytest.fixture
def config(phantom_root: Path) -> TrainConfig:
    """The settings of `finished_run`."""
    return TrainConfig(data=str(phantom_root), architecture="three_conv", epochs=3)


@pytest.mark.slow
def test_a_run_whose_machine_died_is_interrupted_and_ends_like_its_local_twin(
    cluster: Path, config: TrainConfig, finished_run: Path
) -> None:
    folder = launcher.create_and_start(config, "remote")
    while not (folder / "predictions" / "epoch_0001.npy").exists():
        assert run_status.read(folder).state.alive, journal.log_tail(folder)
        time.sleep(0.005)
    with pytest.raises(RunBusy, match="remote is running already"):
        launcher.resume(folder)
    fake_slurm.kill_machine(cluster, "1")
    status = launcher.wait(folder)
    place = run_place.read(folder)
    assert status.state is State.INTERRUPTED and place and place.machine
    assert status.message.startswith(f"Slurm job 1 on {place.machine} is gone: it ended as NODE_FA")
    launcher.resume(folder)
    assert launcher.wait(folder).state is State.FINISHED, journal.log_tail(folder)
    assert_twins(folder, finished_run)
    events = [event["kind"] for event in journal.events(folder)]
    assert events.count("submitted") == 2
    while run_lock.is_held(folder):  # the process still fits its gate
        time.sleep(0.05)
    assert (run_place.read(folder) or place).ended


def test_a_run_that_waits_in_the_queue_is_alive_and_stopped_at_once(
    full: Path, config: TrainConfig
) -> None:
    folder = launcher.create_and_start(config, "waiting")
    status = run_status.read(folder)
    assert (status.state, status.message) == (State.QUEUED, "Waiting in Slurm's queue.")
    assert launcher.is_next(run_folders.create(config, "local"))  # no slot of this machine
    with pytest.raises(RunBusy, match="elsewhere"):
        run_folders.delete(folder)
    run_requests.send(folder, "stop")
    status = run_status.read(folder)
    assert (status.state, status.message) == (State.STOPPED, "Stopped before it began.")
    assert (full / "jobs" / "1" / "state").read_text() == "CANCELLED by 0"
    run_folders.delete(folder)


def test_a_job_takes_its_machine_folder_log_and_the_options_that_a_person_names(
    full: Path, config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(slurm.OPTIONS, "--partition=gpu '--comment=a b'")
    folder = launcher.create_and_start(config, "named")
    options = (full / "jobs" / "1" / "options").read_text().splitlines()
    assert {"--job-name=fracture-named", "--partition=gpu", "--comment=a b"} < set(options)
    assert f"--output={folder / 'train.log'}" in options and "--no-requeue" in options
    assert "--signal=B:TERM@60" in options
    assert "cli.child run named --elsewhere" in (full / "jobs" / "1" / "script").read_text()
    monkeypatch.setenv(slurm.OPTIONS, "'")
    with pytest.raises(ConfigError, match="FRACTURE_SBATCH must be options as in a shell"):
        launcher.create_and_start(config, "other")


def test_a_job_that_is_refused_costs_one_sentence_and_no_earlier_work(
    cluster: Path, config: TrainConfig, run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(slurm.OPTIONS, "--partition=none")
    refusal = "Slurm's sbatch refused: sbatch: error: invalid partition specified: none"
    with pytest.raises(RunError, match=refusal):
        launcher.create_and_start(config, "refused")
    status = run_status.read(run_folders.find("refused"))
    assert (status.state, status.message) == (State.FAILED, refusal)
    before = run_status.read(run_copy)
    with pytest.raises(RunError, match=refusal):
        launcher.resume(run_copy, more_epochs=1)
    assert run_status.read(run_copy).state is before.state is State.FINISHED
    assert not run_requests.waiting(run_copy)


def test_while_slurm_does_not_answer_a_run_counts_as_alive(
    full: Path, config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = launcher.create_and_start(config, "unknown")
    (full / "broken").touch()
    assert run_status.read(folder).state is State.QUEUED
    with pytest.raises(RunError, match="Unable to contact slurm controller"):
        launcher.create_and_start(config, "another")
    (full / "broken").unlink()
    monkeypatch.setenv("PATH", "/nowhere")  # a laptop that sees the cluster's disk
    assert run_status.read(folder).state is State.INTERRUPTED
    with pytest.raises(ConfigError, match="sbatch, which is not on PATH"):
        launcher.resume(folder)
    monkeypatch.setenv(launcher_choice.VARIABLE, "ray9")
    with pytest.raises(ConfigError, match="must be one of local, slurm; received 'ray9'"):
        launcher.create_and_start(config, "third")


def test_signs_of_life_say_where_a_run_is_and_outweigh_the_queue(
    run_copy: Path, cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_place, "FRESH_SECONDS", 60.0)
    run_place.write(run_copy, "slurm", "77")
    assert not run_place.is_alive(run_copy)  # Slurm knows no such job
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    run_place.begin_signs(run_copy)
    place = run_place.read(run_copy)
    assert place and place.words == f"Slurm job 77 on {place.machine}"
    assert run_place.is_alive(run_copy) and run_place.is_own(run_copy)
    os.close(run_lock.take(run_copy))  # its own process may
    monkeypatch.setenv("SLURM_JOB_ID", "78")
    run_place.end_signs(run_copy)  # of another job: nothing
    assert run_place.is_alive(run_copy)
    with pytest.raises(RunBusy):
        run_lock.take(run_copy)
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    run_place.end_signs(run_copy)
    assert not run_place.is_alive(run_copy)
    run_place.clear(run_copy)
    assert run_place.read(run_copy) is None


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"launcher": "slurm"}', '{"launcher": "pbs", "job": "1", "submitted": 0}']
    + [json.dumps({"launcher": "slurm", "job": job, "submitted": 0}) for job in (1, "", "9" * 999)],
)
def test_a_damaged_place_is_none(run_copy: Path, content: str) -> None:
    (run_copy / run_place.FILE).write_text(content)
    assert run_place.read(run_copy) is None
    assert run_status.read(run_copy).state is State.FINISHED
