"""Mean of a run's weights over kept epochs: to the bit, with averages of its own, and refusals."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fracture_core import checksums
from fracture_core.cli import child, command_line
from fracture_core.config.network_options import NetworkOptions
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog
from fracture_core.epochs import epoch_weights
from fracture_core.errors import DataError, FractureError, ModelError, RunError, Stopped
from fracture_core.evaluations import evaluation_job
from fracture_core.floors import card_settings
from fracture_core.folders import models_folder
from fracture_core.jobs import launcher
from fracture_core.learners import learner
from fracture_core.models import model_files, stored_models
from fracture_core.networks import architectures, network_weights
from fracture_core.prediction.inference import Predictor
from fracture_core.releases import averaged_epochs, ensemble, epoch_average, epoch_average_job
from fracture_core.runs import run_folders, run_status
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State, Status
from fracture_core.training import averages, averages_job
from tests.core import made_networks

NORMS = ("moving_mean", "moving_variance")


@pytest.fixture
def run(run_copy: Path) -> Run:
    """A run of three epochs."""
    return run_folders.read(run_copy)


def weights_of(run: Run, epoch: int) -> dict[str, np.ndarray]:
    network = learner.make_network(run.config)
    network_weights.load_weights(network, run.folder / "checkpoints" / epoch_weights.name(epoch))
    return {each.path: np.array(each) for each in network.weights}


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


def change(run: Run, **settings: object) -> Run:
    """The run with other settings in its config."""
    path = run.folder / "config.json"
    content = json.loads(path.read_text())
    content["config"] |= settings
    checksums.write(run.folder, path, json.dumps(content).encode())
    return run_folders.read(run.folder)


# --- the weights --------------------------------------------------------------------------------


def test_its_weights_are_the_mean_to_the_bit_and_its_averages_those_of_one_pass(run: Run) -> None:
    before = files(run.folder)
    said: list[str] = []
    folder = epoch_average.make(run, "mean", (1, 3), said.append)
    assert files(run.folder) == before
    assert len(said) == 2 + epoch_average.STEPS
    network = Predictor(stored_models.find("mean")).network
    one, other = weights_of(run, 1), weights_of(run, 3)
    means = {
        path: ((one[path].astype(np.float64) + other[path]) / 2).astype(np.float32) for path in one
    }
    for each in network.weights:
        if not each.path.endswith(NORMS):
            assert np.array_equal(np.array(each), means[each.path]), each.path
    by_hand = learner.make_network(run.config)
    by_hand.set_weights([means[each.path] for each in by_hand.weights])
    films, pixels = averages_job.films_of(run)
    training = pixels[films["role"].to_numpy() == "train"]
    rows = averages.sample(run.config, len(training), 3)
    averages.make_recompute(by_hand)(training[rows], lambda: False)
    expected = {each.path: np.array(each) for each in by_hand.weights}
    for each in network.weights:
        assert np.array_equal(np.array(each), expected[each.path]), each.path
    moved = [path for path in means if not np.array_equal(means[path], expected[path])]
    assert moved and all(path.endswith(NORMS) for path in moved)
    card = stored_models.find("mean").card
    assert card.training["averaged"]["films"] == len(rows)
    assert card.weights_sha256 == model_files.sha256(folder / model_files.WEIGHTS)


def test_it_is_a_model_like_the_others(run: Run, phantom_root: Path) -> None:
    epoch_average.make(run, "mean")
    model = stored_models.find("mean")
    card = model.card
    assert card.averaged == (2, 3) == averaged_epochs.usual(run)
    assert card.network == "three_conv, mean weights of epochs 2 to 3"
    assert card.synthetic and card.training["run"] == "finished"
    assert card.training["normalization"] == "recomputed"
    assert set(card.metrics) == {"dev", "valid"} and "may have been picked" in card.dev_words
    figures = {key: value.to_dict() for key, value in model.at_threshold(0.5).items()}
    assert card.metrics["dev"] == figures
    assert card.gate["fitted_on"] > 0 and model.gate
    evaluated = evaluation_job.evaluate("mean", catalog.read(phantom_root), "valid")
    table = {
        key: value.to_dict()
        for key, value in replace(model, dev_films=evaluated.films).at_threshold(0.5).items()
    }
    assert card.metrics["valid"] == table
    names = [name for name, _ in epoch_average.beside(run, model)]
    assert names[-1] == "mean" and "finished@3" in names


def test_it_outlives_its_run_and_its_card_names_the_commands(run: Run) -> None:
    epoch_average.make(run, "mean", (1, 2, 3))
    ensemble.make(["mean", "finished@1"], "both")
    *_, before, last = stored_models.find("both").card.command.split(" && ")
    assert before.startswith("python -m fracture_core average-weights finished mean")
    assert last == "python -m fracture_core ensemble both mean finished@1"
    shutil.rmtree(run.folder)
    card = stored_models.find("mean").card
    *_, train, average = card.command.split(" && ")
    assert train.endswith("--name finished")
    words = average.split()[3:]
    assert words == ["average-weights", "finished", "mean", "--epochs", "1,2,3"]
    assert command_line.parse(words).epochs == "1,2,3"
    own, is_named = card_settings.of_card(card, "films")
    assert is_named and own.architecture == "three_conv" and own.epochs == run.config.epochs


def test_a_network_without_normalization_needs_no_films(run: Run) -> None:
    own = made_networks.of(made_networks.PLAIN)
    options = NetworkOptions(own=own)
    config = TrainConfig(data="gone", architecture="own", options=options)
    run = change(
        run, **{k: v for k, v in config.to_dict().items() if k in ("architecture", "options")}
    )
    network = architectures.build("own", 32, **options.to_dict())
    for epoch, value in ((2, 0.25), (3, 0.5)):
        network.set_weights([np.full_like(each, value) for each in network.get_weights()])
        path = run.folder / "checkpoints" / epoch_weights.name(epoch)
        checksums.write(run.folder, path, epoch_weights.content(network))
    facts = json.loads((run.folder / "config.json").read_text())
    facts["data"]["root"] = "/no/such/place"
    checksums.write(run.folder, run.folder / "config.json", json.dumps(facts).encode())
    run = run_folders.read(run.folder)
    epoch_average.make(run, "mean")
    model = stored_models.find("mean")
    assert all((values == 0.375).all() for values in Predictor(model).network.get_weights())
    assert model.card.averaged == (2, 3) and model.card.training["averaged"]["films"] == 0
    assert model.dev_films.empty and model.gate is None and model.card.metrics == {}
    assert epoch_average.beside(run, model) == []


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("epochs", "sentence"),
    [
        ((2,), "takes 2 epochs or more; finished keeps 3, and 1 is named"),
        ((2, 2), "Each epoch counts once"),
        ((1, 7, 8), "keeps no weights of epoch 7 to 8. Kept: 1 to 3"),
    ],
)
def test_other_epochs_are_refused(run: Run, epochs: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        epoch_average.make(run, "mean", epochs)
    assert not (models_folder() / "mean").exists()


def test_a_run_that_keeps_one_epoch_is_refused(run: Run) -> None:
    for epoch in (1, 2):
        (run.folder / "checkpoints" / epoch_weights.name(epoch)).unlink()
    with pytest.raises(ModelError, match="takes 2 epochs or more; finished keeps 1"):
        epoch_average.check(run, "mean")


def test_frozen_and_unlocked_epochs_are_not_mixed(run: Run) -> None:
    config = replace(run.config, pretraining="imagenet", frozen_epochs=1)
    frozen = replace(run, config=config)
    assert averaged_epochs.usual(frozen) == (2, 3)
    assert averaged_epochs.chosen(frozen, (3, 2)) == (2, 3)
    with pytest.raises(ModelError, match="Name epochs of one kind"):
        averaged_epochs.chosen(frozen, (1, 2))


def test_a_run_that_trains_is_refused(run: Run) -> None:
    alive = replace(run, status=Status(state=State.RUNNING))
    with pytest.raises(ModelError, match="still training"):
        epoch_average.check(alive, "mean")


def test_weights_of_another_network_are_refused(run: Run) -> None:
    other = architectures.build("one_conv", 32)
    path = run.folder / "checkpoints" / epoch_weights.name(2)
    checksums.write(run.folder, path, epoch_weights.content(other))
    with pytest.raises(ModelError, match="must hold the weights of three_conv"):
        epoch_average.make(run, "mean")


def test_weights_that_are_no_numbers_are_refused(run: Run) -> None:
    network = learner.make_network(run.config)
    network.set_weights([np.full_like(each, np.nan) for each in network.get_weights()])
    path = run.folder / "checkpoints" / epoch_weights.name(2)
    checksums.write(run.folder, path, epoch_weights.content(network))
    with pytest.raises(ModelError, match="finite numbers; some of epoch_0002"):
        epoch_average.make(run, "mean")


def test_missing_films_are_refused(run: Run) -> None:
    facts = json.loads((run.folder / "config.json").read_text())
    facts["data"]["root"] = "/no/such/place"
    checksums.write(run.folder, run.folder / "config.json", json.dumps(facts).encode())
    with pytest.raises(DataError, match="Put them back"):
        epoch_average.make(run_folders.read(run.folder), "mean")
    assert not (models_folder() / "mean").exists()


@pytest.mark.parametrize(("name", "sentence"), [("finished", "hide the run"), ("a/b", "takes let")])
def test_other_names_are_refused(run: Run, name: str, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        epoch_average.check(run, name)


@pytest.mark.parametrize("text", ["a", "3-", "5-3", "1,x", "1-99999999"])
def test_epochs_are_numbers_or_ranges(text: str) -> None:
    with pytest.raises(ModelError, match="as in 3-5,8"):
        averaged_epochs.parse(text)


def test_ranges_of_epochs() -> None:
    assert averaged_epochs.parse(" 3-5, 8 ") == (3, 4, 5, 8)
    assert averaged_epochs.parse("") == ()


# --- command and job ----------------------------------------------------------------------------


def test_the_command_prints_the_mean_beside_its_epochs(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["average-weights", "finished", "mean", "--epochs", "2-3"]) == 0
    words = capsys.readouterr().out
    assert "three_conv, mean weights of epochs 2 to 3" in words and epoch_average.WHEN in words
    assert "dev studies" in words and "  finished@3" in words and "  mean " in words
    assert command_line.main(["average-weights", "finished", "mean"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def started_here(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Let this process, which has TensorFlow, be the child; returns the last message."""

    def spawn(arguments: list[str], descriptor: int, _: Path) -> None:
        kind, folder = arguments
        child.JOBS[kind](Path(folder), os.dup(descriptor))

    monkeypatch.setattr(launcher, "spawn", spawn)
    return lambda run: run_status.read(epoch_average_job.folder_of(run)).message


def test_the_job_makes_the_model(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    message = started_here(monkeypatch)
    assert epoch_average_job.model_of("finished") == ""
    epoch_average_job.start("finished", "mean")
    assert message("finished") == "Done." and epoch_average_job.model_of("finished") == "mean"
    assert stored_models.find("mean").card.averaged == (2, 3)
    with pytest.raises(ModelError, match="exists"):
        epoch_average_job.start("finished", "mean")
    with pytest.raises(RunError):
        epoch_average_job.start("none", "other")


def test_a_stop_makes_no_model(run: Run) -> None:
    asked = iter([False, False, False, True, True])
    with pytest.raises(Stopped, match="no model was made"):
        epoch_average.make(run, "mean", (), lambda _: None, lambda: next(asked))
    assert not (models_folder() / "mean").exists()


def test_a_job_that_fails_says_why(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    message = started_here(monkeypatch)

    def refused(*_: object) -> None:
        raise FractureError("No room.")

    monkeypatch.setattr(epoch_average, "make", refused)
    epoch_average_job.start("finished", "mean")
    assert message("finished") == "No room."
