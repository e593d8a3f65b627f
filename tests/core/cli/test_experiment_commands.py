"""`cross-validate`, and what other commands do with a group: figures, release, resume, stop."""

import json
from pathlib import Path

import pytest

from fracture_core.config.limits import LIMITS
from fracture_core.cross_validation import group, out_of_fold
from fracture_core.jobs import launcher
from fracture_core.models import stored_models
from fracture_core.runs import run_folders, run_lock, run_requests, run_status
from fracture_core.runs.run_status import State, Status
from tests.core.cli.printed_words import printed

TRAIN = ["--architecture", "three_conv", "--epochs", "1", "--name", "both"]


@pytest.mark.slow
@pytest.mark.usefixtures("runs_here")
def test_the_command_trains_each_fold_and_every_command_prints_the_same_figures(
    folders: Path, phantom_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["cross-validate", str(phantom_root), "--folds", "2", *TRAIN]
    record = json.loads(printed(capsys, *words, "--json"))
    films = out_of_fold.read("both")
    assert record["split"] == "out-of-fold" and record["images"]["n"] == len(films)
    assert [each["fold"] for each in record["folds"]] == [1, 2]
    accuracy = record["studies"]["by_patient"]["accuracy"]
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    assert set(record["spread"]["studies"]["auroc"]) == {"mean", "least", "greatest"}
    assert "drawn within their folds" in record["interval"]
    again = json.loads(printed(capsys, *words, "--json"))  # finished: nothing is trained again
    assert again == record
    assert json.loads(printed(capsys, "evaluate", "both", "--json")) == record
    text = printed(capsys, "evaluate", "both")
    assert "out of fold: " in text and "fold 2" in text and "greatest" in text
    assert "Released" in printed(capsys, "release", "both", "mean")
    model = stored_models.find("mean")
    assert model.card.out_of_fold["films"] == len(films)
    of_model = json.loads(printed(capsys, "evaluate", "mean", "--out-of-fold", "--json"))
    same = ("studies", "images", "lines", "folds", "spread")
    assert {key: of_model[key] for key in same} == {key: record[key] for key in same}
    other = printed(capsys, *words[:3], "3", *TRAIN, status=2)
    assert "exists, with other settings" in other


@pytest.fixture
def queued(
    folders: Path,
    phantom_root: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """A group that waits in the queue, its children never started; what the command printed."""
    monkeypatch.setattr(launcher, "start_run", lambda folder, *_, **__: None)
    words = ["cross-validate", str(phantom_root), "--folds", "3", *TRAIN, "--queue", "--json"]
    return printed(capsys, *words)


def test_a_queued_group_names_its_runs_and_is_stopped_and_resumed_as_one(
    queued: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = json.loads(queued)
    names = ["both-fold1", "both-fold2", "both-fold3"]
    assert (record["group"], record["runs"]) == ("both", names)
    assert record["hash"] == group.find("both").hash
    folders = [run_folders.find(name) for name in names]
    with run_lock.hold(folders[0]), run_lock.hold(folders[1]):
        for folder in folders:
            run_status.write(folder, Status(state=State.QUEUED))
        assert "Asked 2 folds of both to stop" in printed(capsys, "stop", "both")
    assert all(run_requests.has(folder, "stop") for folder in folders[:2])
    assert "No fold of both is active" in printed(capsys, "stop", "both", status=2)
    resumed: list[str] = []
    monkeypatch.setattr(launcher, "start_run", lambda folder, *_, **__: resumed.append(folder.name))
    assert "both is queued" in printed(capsys, "resume", "both", "--queue")
    assert resumed == names
    refused = printed(capsys, "resume", "both", "--more-epochs", "2", status=2)
    assert "the epochs that were planned" in refused


def test_an_unfinished_group_and_a_model_without_folds_are_refused(
    queued: str, phantom_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "fold 1, 2, 3 is not finished" in printed(capsys, "evaluate", "both", status=2)
    assert "is not finished" in printed(capsys, "release", "both", "mean", status=2)
    assert "need no data set" in printed(capsys, "evaluate", "both", str(phantom_root), status=2)
    assert "evaluate MODEL DATA" in printed(
        capsys, "evaluate", "anything", "--part", "wrist", status=2
    )


@pytest.mark.parametrize("folds", ["1", str(LIMITS.folds[1] + 1), "9"])
def test_a_number_of_folds_that_cannot_be_is_refused_before_anything_is_made(
    folders: Path, phantom_root: Path, capsys: pytest.CaptureFixture[str], folds: str
) -> None:
    words = ["cross-validate", str(phantom_root), "--folds", folds, *TRAIN]
    assert "folds" in printed(capsys, *words, status=2)
    assert not group.names() and not run_folders.names()


def test_a_model_that_was_not_cross_validated_says_so(
    run_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = printed(capsys, "evaluate", run_copy.name, "--out-of-fold", status=2)
    assert "was not cross-validated" in refused
