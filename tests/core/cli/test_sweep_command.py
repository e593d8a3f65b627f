"""`sweep`: from the command to its sentence, and its name in other commands."""

import json
from pathlib import Path

import pytest

from fracture_core.jobs import launcher
from fracture_core.runs import run_folders, run_lock, run_requests, run_status
from fracture_core.runs.run_status import State, Status
from fracture_core.sweeps import sweep
from tests.core.cli.printed_words import printed

TRAIN = ["--architecture", "three_conv", "--epochs", "1", "--name", "rates"]
VARY = ["--vary", "learning-rate=0.001,0.00001"]


@pytest.mark.slow
@pytest.mark.usefixtures("runs_here")
def test_the_command_trains_every_combination_and_ends_in_a_sentence(
    folders: Path, phantom_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sweep", str(phantom_root), *VARY, "--seeds", "2", *TRAIN]
    record = json.loads(printed(capsys, *words, "--json"))
    assert [each["settings"]["learning_rate"] for each in record["combinations"]] == [0.001, 1e-5]
    assert record["seeds"] == 2 and record["split"] == "dev"
    assert record["sentences"][0].startswith("Learning rate: ")
    assert record["combinations"][0]["accuracy"]["n"] >= record["studies"] > 0
    assert json.loads(printed(capsys, "evaluate", "rates", "--json")) == record
    text = printed(capsys, "evaluate", "rates", "--split", "valid")
    assert "Learning rate: " in text and "valid stud" in text and "Bonferroni" in text
    assert "is a sweep. Release one of its runs" in printed(
        capsys, "release", "rates", "model", status=2
    )
    other = printed(capsys, *words[:-1], "rates", "--epochs", "2", status=2)
    assert "exists, with other settings" in other


def test_a_queued_sweep_tells_its_cost_and_is_stopped_and_resumed_as_one(
    folders: Path,
    phantom_root: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[str] = []
    monkeypatch.setattr(launcher, "start_run", lambda folder, *_, **__: started.append(folder.name))
    text = printed(capsys, "sweep", str(phantom_root), *VARY, *TRAIN, "--queue")
    assert "2 combinations, 3 seeds each: 6 runs, estimated " in text
    assert "rates is queued: 6 runs" in text
    assert started == list(sweep.find("rates").planned)
    folder = run_folders.find(started[0])
    with run_lock.hold(folder):
        run_status.write(folder, Status(state=State.QUEUED))
        assert "Asked 1 run of rates to stop" in printed(capsys, "stop", "rates")
    assert run_requests.has(folder, "stop")
    started.clear()
    assert "rates is queued" in printed(capsys, "resume", "rates", "--queue")
    assert len(started) == 6
    refused = printed(capsys, "resume", "rates", "--more-epochs", "2", status=2)
    assert "the epochs that were planned" in refused
    assert "An answer follows when every combination" in printed(
        capsys, "evaluate", "rates", status=2
    )
    assert "Leave --corrections out; or evaluate its runs" in printed(
        capsys, "evaluate", "rates", "--corrections", status=2
    )


def test_a_value_that_cannot_be_is_refused_before_anything_is_made(
    folders: Path, phantom_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for vary in ("learning-rate=0.1", "size=8,64", "seed=1,2"):
        printed(capsys, "sweep", str(phantom_root), "--vary", vary, *TRAIN, status=2)
    assert not sweep.names() and not run_folders.names()
