"""Gates of runs and of released models: fitted on their training films, used by the Predictor."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fracture_core.cli import child, command_line
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog
from fracture_core.errors import DataError, ModelError
from fracture_core.folders import models_folder
from fracture_core.jobs import launcher
from fracture_core.models import model_files, released_models, stored_models
from fracture_core.models.model import Model
from fracture_core.prediction import gate_file, gate_fit, gate_job
from fracture_core.prediction.inference import Predictor
from fracture_core.prediction.study_prediction import FilmInput
from fracture_core.releases import release
from fracture_core.runs import journal, run_config, run_folders, run_lock, run_status
from tests.core import made_runs


@pytest.fixture
def model(run_copy) -> Model:
    """The finished run, released with its gate."""
    release.release("finished", "gated")
    return stored_models.find("gated")


def noise(seed: int = 0) -> Image.Image:
    """A film without content that passes the plain checks."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 128, (64, 64)).astype(np.uint8))


def test_a_released_model_doubts_noise_and_counts_its_own_films(
    model, phantom_root, run_copy, tmp_path
) -> None:
    noise().save(tmp_path / "noise.png")
    rows = journal.films(run_copy)
    own = phantom_root / rows.loc[rows["role"] == "train", "path"].iloc[0]
    predictor = Predictor(model)
    films = [
        FilmInput(name="own", source=own),
        FilmInput(name="noise", source=tmp_path / "noise.png"),
    ]
    prediction = predictor.predict_study("s", films)
    first, second = prediction.films
    assert (first.counted, first.doubts) == (True, ())
    assert [each.name for each in first.checks][-1] == "distance"
    assert first.nearest == () and len(second.nearest) == 3  # shown beside a doubt alone
    _, features = predictor.predict(first.pixels[None])
    assert phantom_root / predictor.gate.nearest(features[0])[0].path == own
    assert second.counted is False
    assert "from the mean of the nearest body part's training films" in second.doubts[0]
    assert prediction.doubted == (second,)
    assert prediction.probabilities == [first.probability]
    ticked = prediction.counting(["noise"])
    assert ticked.probabilities == [first.probability, second.probability]
    assert ticked.doubted == ()
    everything = predictor.predict_study("s", films, count_doubted=True)
    assert everything.probabilities == ticked.probabilities
    plain = Predictor(replace(model, gate=None)).predict_study("s", films)
    assert [film.probability for film in plain.films] == ticked.probabilities
    assert plain.films[0].nearest == ()


def test_an_inverted_film_is_offered_to_be_inverted_and_then_judged_as_the_film(
    model, phantom_root, run_copy, tmp_path
) -> None:
    own = phantom_root / journal.films(run_copy)["path"].iloc[0]
    with Image.open(own) as image:
        Image.fromarray(255 - np.asarray(image.convert("L"))).save(tmp_path / "negative.png")
    predictor = Predictor(model)
    film = FilmInput(name="x", source=tmp_path / "negative.png")
    as_given, turned, whole = predictor.predict_study(
        "s", [film, replace(film, inverted=True), FilmInput(name="y", source=own)]
    ).films
    assert as_given.remedies == ("invert",)
    assert turned.probability == whole.probability
    assert turned.checks == whole.checks
    assert turned.remedies == ()


def test_a_card_vouches_for_its_gate(model) -> None:
    folder = model.weights.parent
    facts = model.card.gate
    assert facts["sha256"] == model_files.sha256(folder / "gate.npz")
    assert facts["false_refusal"] == gate_fit.FALSE_REFUSAL
    assert facts["fitted_on"] > 20
    content = (folder / "gate.npz").read_bytes()
    (folder / "gate.npz").write_bytes(content + b"x")
    with pytest.raises(ModelError, match=r"gate\.npz of gated is missing, or not the one"):
        stored_models.find("gated")
    (folder / "gate.npz").unlink()
    with pytest.raises(ModelError, match=r"gate\.npz of gated is missing"):
        stored_models.find("gated")
    assert sum(path.stat().st_size for path in folder.iterdir()) + len(content) < 5_000_000


def test_a_release_of_a_run_whose_films_are_gone_has_no_gate(run_copy, tmp_path, capsys) -> None:
    data = run_folders.read(run_copy).facts["data"]
    run_config.complete(run_copy, data=data | {"root": str(tmp_path / "moved")})
    assert command_line.main(["release", "finished", "bare"]) == 0
    assert "no gate: its training films could not be read" in capsys.readouterr().err
    model = stored_models.find("bare")
    assert (model.gate, model.card.gate) == (None, {})


def test_a_gate_is_fitted_on_the_films_that_the_run_has_seen(run_copy, tmp_path) -> None:
    films, data = journal.films(run_copy), run_folders.read(run_copy).facts["data"]
    shutil.copytree(data["root"], tmp_path / "films")
    run_config.complete(run_copy, data=data | {"root": str(tmp_path / "films")})
    train = films[films["role"] == "train"]["path"].tolist()
    whole = gate_file.read(gate_job.of_run(stored_models.find("finished"))).fitted_on
    assert whole == len(train)
    for path in train[:3]:  # other pictures under the same names
        Image.new("L", (300, 200), 90).save(tmp_path / "films" / path)
    assert gate_file.read(gate_job.of_run(stored_models.find("finished"))).fitted_on == whole - 3
    for path in films["path"]:
        Image.new("L", (300, 200), 90).save(tmp_path / "films" / path)
    with pytest.raises(DataError, match="or hold other pictures than before"):
        gate_job.of_run(stored_models.find("finished"))


@pytest.mark.slow
def test_a_child_fits_a_runs_gate_once(run_copy) -> None:
    assert stored_models.find("finished").gate is None
    folder = gate_job.start("finished")
    assert launcher.wait(folder).state is run_status.State.FINISHED
    model = stored_models.find("finished")
    written_at = model.gate.stat().st_mtime_ns
    assert gate_file.read(model.gate).fitted_on > 20
    assert gate_job.start("finished") == folder
    assert model.gate.stat().st_mtime_ns == written_at
    path = release.release("finished", "from-kept")
    assert (path / "gate.npz").read_bytes() == model.gate.read_bytes()
    assert release.release("from-kept", "again").joinpath("gate.npz").is_file()


def test_the_gate_command_gives_an_old_model_a_gate_from_the_data_it_names(
    model, phantom_root, tmp_path, capsys
) -> None:
    folder = model.weights.parent
    content = (folder / "gate.npz").read_bytes()
    made_runs.change_card(folder / "card.json", gate={})  # as before there were gates
    (folder / "gate.npz").unlink()
    assert stored_models.find("gated").gate is None
    assert command_line.main(["gate", "gated", str(phantom_root)]) == 0
    assert "Its gate doubts films further than" in capsys.readouterr().out
    assert (folder / "gate.npz").read_bytes() == content
    assert stored_models.find("gated").card == model.card
    other = tmp_path / "other" / "train" / "XR_WRIST" / "patient00001" / "study1_positive"
    other.mkdir(parents=True)
    noise().save(other / "image1.png")
    for words, sentence in (
        (("gated", str(tmp_path / "other")), "was trained on data with the hash"),
        (("finished", str(phantom_root)), "is a run: its gate is fitted when it is released"),
    ):
        assert command_line.main(["gate", *words]) == 2
        assert sentence in capsys.readouterr().err
    assert (folder / "gate.npz").read_bytes() == content


def test_a_model_trained_without_some_films_gets_no_gate_with_them(model, phantom_root) -> None:
    training = {**model.card.training, "excluded": {"films": 1, "hash": "x"}}
    left_out = replace(model, card=replace(model.card, training=training))
    with pytest.raises(ModelError, match="its card does not say which"):
        gate_job.of_data(left_out, catalog.read(phantom_root))


def test_predict_tells_doubts_and_counts_doubted_films_where_asked(
    model, phantom_root, run_copy, tmp_path, capsys
) -> None:
    noise().save(tmp_path / "noise.png")
    words = ["predict", "gated", str(tmp_path / "noise.png"), "--threshold", "0"]
    assert command_line.main([*words, "--json"]) == 0
    [study] = json.loads(capsys.readouterr().out)["studies"]
    [image] = study["images"]
    assert (study["fracture"], image["counted"]) == (None, False)
    assert image["fracture"] is True
    assert "lies" in image["doubts"][0]
    assert study["rules"]["any"] == {"fracture": None, "score": None}
    assert command_line.main([*words, "--json", "--count-doubted"]) == 0
    [study] = json.loads(capsys.readouterr().out)["studies"]
    assert (study["fracture"], study["images"][0]["counted"]) == (True, True)
    assert study["images"][0]["doubts"] == image["doubts"]
    assert command_line.main(words) == 0
    printed = capsys.readouterr().out
    assert "doubted, not counted: It lies" in printed
    assert "There is no verdict on" in printed
    assert "its only film is doubted and not counted" in printed


def test_the_shipped_models_gate_is_whole_and_small() -> None:
    model = released_models.read(models_folder() / "starter-five-conv")
    assert model.card.training["phantom"] == {"studies": 400, "seed": 0, "version": 3}
    predictor = Predictor(model)
    assert predictor.gate.fitted_on == model.card.training["images"]["train"]
    assert predictor.gate.calibrated_on == model.card.training["images"]["dev"]
    assert not any(path.startswith(("/", "valid")) for path in predictor.gate.paths)
    folder = model.weights.parent
    assert sum(path.stat().st_size for path in folder.iterdir()) < 5_000_000


def ended(folder) -> None:
    """Wait until the run's process is gone, its gate fitted or not."""
    launcher.wait(folder)
    for each in list(launcher._children):
        each.wait(timeout=120)


@pytest.fixture
def short_run(folders, phantom_root, runs_here):
    """A run of two epochs that has ended, with its gate."""
    config = TrainConfig(data=str(phantom_root), architecture="three_conv", epochs=2)
    return launcher.create_and_start(config, "short", queue=False)


@pytest.mark.slow
def test_a_run_has_the_gate_of_its_best_epoch_at_its_end_and_of_another_one_after_a_resume(
    short_run,
) -> None:
    model = stored_models.find("short")
    assert gate_file.read(model.gate).fitted_on > 20
    place = model_files.gate_folder(model.weights)
    assert run_status.read(place).state is run_status.State.FINISHED and not run_lock.is_held(place)
    assert [e["kind"] for e in journal.events(short_run)][-1] == "finished"
    released = release.release("short", "from-run")
    assert (released / "gate.npz").read_bytes() == model.gate.read_bytes()
    fitted_at = model.gate.stat().st_mtime_ns
    launcher.resume(short_run, 2, wait_for_slot=False)
    again = stored_models.find("short")
    assert run_status.read(short_run).state is run_status.State.FINISHED
    assert again.gate is not None
    assert (again.card.epoch == model.card.epoch) == (again.gate.stat().st_mtime_ns == fitted_at)


@pytest.mark.slow
def test_a_gate_that_fails_costs_nothing_of_the_run(folders, phantom_root) -> None:
    (folders / "cache" / "gates").write_text("no folder")
    config = TrainConfig(data=str(phantom_root), architecture="three_conv", epochs=1)
    folder = launcher.create_and_start(config, "bare", queue=False)
    ended(folder)
    assert run_status.read(folder).state is run_status.State.FINISHED
    assert launcher._children[-1].returncode == 0
    assert "The run's gate was not fitted" in journal.log_tail(folder)
    assert stored_models.find("bare").gate is None


def test_a_run_that_goes_on_or_is_deleted_while_its_gate_is_fitted_is_not_held(
    run_copy,
) -> None:
    place, lock = gate_job.of_best(run_copy)
    assert not run_lock.is_held(run_copy) and run_lock.is_held(place)
    assert run_status.read(place).state is run_status.State.RUNNING
    run_folders.delete(run_copy)
    assert child.gate(place, lock) == 1
    assert run_status.read(place).state is run_status.State.FAILED
