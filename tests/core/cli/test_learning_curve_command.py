"""`learning-curve`: from the command to its sentence, and its name in other commands."""

import json
from pathlib import Path

import pytest

from fracture_core.jobs import launcher
from fracture_core.learning_curve import curve
from fracture_core.runs import run_folders
from fracture_core.sweeps import sweep
from tests.core.cli.printed_words import printed

TRAIN = ["--architecture", "three_conv", "--epochs", "1", "--name", "more"]


@pytest.mark.slow
@pytest.mark.usefixtures("runs_here")
def test_the_command_trains_on_every_share_and_ends_in_a_sentence(
    folders: Path, phantom_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["learning-curve", str(phantom_root), "--seeds", "2", *TRAIN]
    record = json.loads(printed(capsys, *words, "--json"))
    points = record["studies"]["points"]
    assert [point["share"] for point in points] == list(curve.SHARES)
    sizes = [point["films"] for point in points]
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1] / 4
    assert record["seeds"] == 2 and record["band_checked"] == "on simulated tables only"
    assert record["studies"]["sentence"] and record["films"]["points"][0]["accuracy"]["n"] > 0
    assert json.loads(printed(capsys, "evaluate", "more", "--json")) == record
    text = printed(capsys, "evaluate", "more", "--split", "valid")
    assert "Studies: " in text and "Films: " in text and "simulated tables only" in text


def test_a_queued_learning_curve_tells_its_cost_and_is_resumed_by_its_name(
    folders: Path,
    phantom_root: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[str] = []
    monkeypatch.setattr(launcher, "start_run", lambda folder, *_, **__: started.append(folder.name))
    words = ["learning-curve", str(phantom_root), *TRAIN, "--shares", "100,10,25,50", "--queue"]
    text = printed(capsys, *words)
    assert "4 shares, 3 seeds each: 12 runs, estimated " in text
    assert "more is queued: 12 runs" in text
    assert started == [f"more-{share}-seed{seed}" for seed in (1, 2, 3) for share in (1, 2, 3, 4)]
    runs = [run_folders.read(run_folders.find(name)) for name in started[:4]]
    assert [run.config.training_share for run in runs] == [0.1, 0.25, 0.5, 1.0]
    started.clear()
    run_folders.delete(runs[1].folder)
    assert "more is queued" in printed(capsys, "resume", "more", "--queue")
    assert "more-2-seed1" in started
    refused = printed(capsys, "evaluate", "more", status=2)
    assert "An answer follows when every" in refused


def test_shares_that_cannot_be_are_refused_before_anything_is_made(
    folders: Path, phantom_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for shares, said in (
        ("10,half,50,100", "percents separated by commas, as in 10,20,40,70,100; received 'half'"),
        ("10,100", "needs 4 shares at least; received 10%, 100%"),
        ("0,10,50,100", "training_share must be from 0.01 to 1; received 0"),
        ("10,10,50,100", "2 to 12 different values"),
    ):
        words = ["learning-curve", str(phantom_root), *TRAIN, "--shares", shares]
        assert said in printed(capsys, *words, status=2)
    assert not sweep.names() and not run_folders.names()
