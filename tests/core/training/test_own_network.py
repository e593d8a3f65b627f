"""The docs' example of a network of one's own, from its file to a model that travels."""

import json
from pathlib import Path

import pytest

from fracture_core.cli import command_line
from fracture_core.config.network_options import digest
from fracture_core.folders import cache_folder, models_folder
from fracture_core.models import stored_models
from fracture_core.own_networks import source
from fracture_core.prediction.inference import Predictor
from fracture_core.runs import run_folders
from fracture_core.training import network_check
from tests.core import made_networks


@pytest.fixture
def checked_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process check networks: it has loaded TensorFlow."""

    def checked(file: str, text: str, size: int):
        own = made_networks.of(text, file=file, size=size)
        return made_networks.of(text, file=file, size=size, **network_check.measures(own))

    monkeypatch.setattr(network_check, "checked", checked)


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Run a command; return its exit status and what it prints."""
    status = command_line.main(list(words))
    outcome = capsys.readouterr()
    return status, outcome.out + outcome.err


@pytest.mark.slow
@pytest.mark.usefixtures("runs_here", "checked_here")
def test_the_example_of_the_docs_trains_and_travels_as_a_model(
    folders: Path,
    phantom_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file, data = tmp_path / "mine.py", str(phantom_root)
    text = source.read(made_networks.EXAMPLE)
    file.write_text(text)
    few = ["--epochs", "1", "--steps-per-epoch", "2", "--queue"]
    status, words = said(capsys, "train", data, "--network-file", str(file), "--name", "mine", *few)
    assert status == 0, words
    file.unlink()  # the run has its own copy
    run = run_folders.read(run_folders.find("mine"))
    assert run.config.options.own.source == text
    assert f"mine.py ({digest(text)[:8]})" in said(capsys, "runs")[1]
    study = str(next(phantom_root.glob("valid/*/*/*")))
    assert "mine@1" in said(capsys, "predict", "mine", study, "--json")[1]
    assert said(capsys, "release", "mine", "released")[0] == 0
    card = json.loads((models_folder() / "released" / "card.json").read_text())
    own = card["options"]["own"]
    assert (own["source"], own["sha256"]) == (text, digest(text))
    assert "--network-file mine.py" in card["command"]
    assert said(capsys, "export", "released", str(tmp_path / "k"), "--to", "keras")[0] == 2
    assert said(capsys, "export", "released", str(tmp_path / "s"), "--to", "saved-model")[0] == 0

    monkeypatch.setenv("FRACTURE_CACHE", str(tmp_path / "another machine"))
    for command in (["predict", "released", study], ["resume", "mine", "--more-epochs", "1"]):
        status, refusal = said(capsys, *command)
        assert (status, refusal.count("\n")) == (2, 1)
        assert "is code that is not allowed on this machine" in refusal
    assert "is not run here" in said(capsys, "network", "released")[1]
    assert "may be run here" in said(capsys, "network", "mine", "--allow")[1]
    assert cache_folder().name == "another machine"
    assert Predictor(stored_models.find("released")).network.name == "own"


def test_a_file_and_an_architecture_are_one_too_many(
    folders: Path, phantom_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", str(phantom_root), "--architecture", "five_conv", "--network-file"]
    status, refusal = said(capsys, *words, str(made_networks.EXAMPLE))
    assert status == 2 and "cannot stand beside five_conv" in refusal
    assert not (cache_folder() / "allowed_networks").exists()
    status, refusal = said(capsys, "train", str(phantom_root), "--architecture", "own")
    assert status == 2 and "--network-file FILE" in refusal
    assert run_folders.names() == []


def test_a_fork_runs_no_other_file(run_copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, refusal = said(
        capsys, "fork", f"{run_copy.name}@2", "--network-file", str(made_networks.EXAMPLE)
    )
    assert status == 2 and "--network-file cannot be changed" in refusal
    assert not (cache_folder() / "allowed_networks").exists()
