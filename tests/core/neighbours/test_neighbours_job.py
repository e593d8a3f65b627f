"""Features of all films: right, kept, resumed after a kill, made again where damaged."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fracture_core.cli import command_line
from fracture_core.curation import corrections
from fracture_core.curation.corrections import Corrections
from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import DataError, Stopped
from fracture_core.jobs import launcher
from fracture_core.models import released_models
from fracture_core.models.model import Model
from fracture_core.neighbours import film_features, film_map, neighbours_job
from fracture_core.runs import run_requests, run_status
from fracture_core.runs.run_status import State

PROJECT = Path(__file__).resolve().parents[3]
STARTER = PROJECT / "models" / "starter-five-conv"


@pytest.fixture
def model(folders: Path) -> Model:
    return released_models.read(Path(shutil.copytree(STARTER, folders / "models" / STARTER.name)))


@pytest.fixture
def dataset(phantom_root: Path) -> Dataset:
    return catalog.read(phantom_root)


def make(model: Model, dataset: Dataset, **options) -> film_features.FilmFeatures:
    return film_features.make(model, dataset, film_features.folder_of(model, dataset), **options)


def pieces(folder: Path) -> dict[str, int]:
    """Name of each piece -> inode of its file, which changes once it is written again."""
    return {path.name: path.stat().st_ino for path in folder.glob("films-*.npz")}


def test_features_are_what_the_last_layer_receives_and_scores_those_of_predict(
    model: Model, dataset: Dataset
) -> None:
    import keras

    from fracture_core.films import images
    from fracture_core.prediction.inference import Predictor

    made = make(model, dataset)
    predictor = Predictor(model)
    recipe = model.card.recipe
    paths = dataset.manifest["path"]
    pixels = np.stack([images.load(dataset.root / path, recipe) for path in paths])
    assert made.probabilities == pytest.approx(predictor.probabilities(pixels), abs=1e-6)
    output = predictor.network.get_layer("probability")
    last = keras.Model(predictor.network.input, output.input)(pixels[..., None]).numpy()
    deviation = last.std(axis=0)
    expected = (last - last.mean(axis=0)) / np.where(deviation > 1e-6, deviation, np.inf)
    assert made.values == pytest.approx(expected, abs=1e-3)
    assert made.readable.all()


def test_an_ensembles_features_are_those_of_its_members(folders: Path) -> None:
    from fracture_core.networks import architectures

    members = [architectures.build(name, 32) for name in ("five_conv", "all_conv")]
    both = architectures.with_penultimate(architectures.ensemble(members))
    films = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 1)).astype(np.float32)
    probability, values = both(films)
    singles = [architectures.with_penultimate(each)(films) for each in members]
    assert np.allclose(values, np.concatenate([each[1] for each in singles], axis=1))
    assert np.allclose(probability, np.mean([each[0] for each in singles], axis=0), atol=1e-6)


def test_a_stopped_job_goes_on_where_it_was(
    model: Model, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_features, "PIECE", 16)
    monkeypatch.setattr(film_features, "BATCH", 8)
    folder = film_features.folder_of(model, dataset)
    counts: list[int] = []
    with pytest.raises(Stopped):
        make(
            model,
            dataset,
            predicting=lambda done, total: counts.append(done),
            should_stop=lambda: bool(counts) and counts[-1] >= 32,
        )
    before = pieces(folder)
    assert len(before) == 2 and film_features.load(folder, dataset) is None
    whole = make(model, dataset)
    after = pieces(folder)
    assert {name: after[name] for name in before} == before and len(after) > len(before)
    assert len(whole.values) == len(dataset.manifest)


KILLED = """
import os, signal, sys
from pathlib import Path
from fracture_core.datasets import catalog
from fracture_core.models import released_models
from fracture_core.neighbours import film_features, neighbours_job
film_features.PIECE = 16
save = film_features._save
def killed(folder, first, *rest):
    if first == 32:
        os.kill(os.getpid(), signal.SIGKILL)
    save(folder, first, *rest)
film_features._save = killed
dataset, model = catalog.read(Path(sys.argv[1])), released_models.read(Path(sys.argv[2]))
folder = film_features.folder_of(model, dataset)
silent = [lambda done, total: None] * 3
neighbours_job.make(model, dataset, folder, silent)
"""


@pytest.mark.slow
def test_a_killed_job_goes_on_where_it_was(
    model: Model, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [sys.executable, "-c", KILLED, str(dataset.root), str(model.weights.parent)]
    ended = subprocess.run(words, cwd=PROJECT, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    monkeypatch.setattr(film_features, "PIECE", 16)
    folder = film_features.folder_of(model, dataset)
    before = pieces(folder)
    assert len(before) == 2
    steps: list[tuple[int, int]] = []
    progress = [lambda *step: steps.append(step), lambda *step: None, lambda *step: None]
    made = neighbours_job.make(model, dataset, folder, progress)
    assert steps == []  # no film was opened again
    after = pieces(folder)
    assert {name: after[name] for name in before} == before
    assert neighbours_job.load(folder, dataset) is not None
    assert np.isfinite(made.places).all()


def test_damage_costs_what_is_damaged_and_is_made_again(
    model: Model, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_features, "PIECE", 16)
    monkeypatch.setattr(film_map, "LATER", 10)
    folder = film_features.folder_of(model, dataset)
    silent = [lambda done, total: None] * 3
    first = neighbours_job.make(model, dataset, folder, silent)
    whole = pieces(folder)
    victim = sorted(whole)[1]
    for damage in (lambda file: file.write_bytes(file.read_bytes()[:-7]), Path.unlink):
        damage(folder / victim)
        assert neighbours_job.load(folder, dataset) is None
        again = neighbours_job.make(model, dataset, folder, silent)
        assert np.array_equal(again.features.values, first.features.values)
        after = pieces(folder)
        assert {name for name in whole if after[name] != whole[name]} <= {victim}
    (folder / film_map.FILE).write_bytes(b"nothing")
    assert neighbours_job.load(folder, dataset) is None
    neighbours_job.make(model, dataset, folder, silent)
    assert pieces(folder) == after
    assert np.array_equal(neighbours_job.load(folder, dataset).places, first.places)


def test_other_weights_data_or_recipes_have_another_folder_and_changed_films_are_read_again(
    model: Model, phantom_root: Path, tmp_path: Path
) -> None:
    root = tmp_path / "films"
    shutil.copytree(phantom_root, root)
    dataset = catalog.read(root)
    folder = film_features.folder_of(model, dataset)
    assert film_features.folder_of(model, catalog.read(phantom_root)) != folder
    make(model, dataset)
    film = root / dataset.manifest["path"].iloc[0]
    film.write_bytes(film.read_bytes()[:20])  # the same list of films
    assert film_features.folder_of(model, catalog.read(root)) == folder
    assert film_features.load(folder, dataset) is None
    made = make(model, dataset)
    assert np.flatnonzero(~made.readable).tolist() == [0] and not made.values[0].any()
    with model.weights.open("ab") as stream:
        stream.write(b"more")
    assert film_features.folder_of(model, dataset) != folder


def test_without_a_readable_film_there_is_a_sentence(model: Model, tmp_path: Path) -> None:
    for name in ("broken", "whole"):
        (tmp_path / "films" / "train" / name).mkdir(parents=True)
        (tmp_path / "films" / "train" / name / "a.png").write_bytes(b"no film")
    dataset = catalog.read(tmp_path / "films", "broken")
    with pytest.raises(DataError, match="None of the 2 films can be read"):
        make(model, dataset)


@pytest.mark.slow
def test_a_child_makes_features_and_map_and_the_command_lists_the_nearest(
    model: Model, dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = neighbours_job.start(model.reference, dataset)
    status = launcher.wait(folder)
    log = (folder / "neighbours.log").read_text()
    assert status.state is State.FINISHED, log
    assert neighbours_job.load(folder, dataset) is not None
    film = dataset.manifest["path"].iloc[0]
    words = ["similar", model.reference, str(dataset.root), film, "--count", "2", "--json"]
    assert command_line.main(words) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["films"] == record["readable"] == len(dataset.manifest)
    (listed,) = record["similar"]
    assert listed["film"] == film and len(listed["nearest"]) == 2
    keys = set(catalog.study_key(dataset.manifest))
    assert all(each["study"] in keys and each["words"] for each in listed["nearest"])
    first = listed["nearest"][0]
    studies = catalog.studies(dataset.manifest)
    other = {first["study"]: 1 - first["label"]}
    value = corrections.corrected(Corrections(), studies, other, "AB", "a cast")
    corrections.write(dataset.hash, value)
    assert command_line.main(words) == 0
    (listed,) = json.loads(capsys.readouterr().out)["similar"]
    again = listed["nearest"][0]
    assert (again["label"], again["corrected"]) == (1 - first["label"], True)
    assert command_line.main(words[:-1]) == 0
    assert f"{corrections.LABELS[again['label']]} (corrected), " in capsys.readouterr().out
    assert command_line.main([*words[:3], "nothing"]) == 2
    assert "has no film 'nothing'" in capsys.readouterr().err


def test_a_job_that_is_asked_to_stop_says_that_its_work_is_kept(
    model: Model, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = film_features.folder_of(model, dataset)
    monkeypatch.setattr(launcher, "spawn", lambda *arguments: None)
    neighbours_job.start(model.reference, dataset)
    run_requests.send(folder, "stop")
    neighbours_job.run_child(folder)
    status = run_status.read(folder)
    assert status.state is State.STOPPED and status.message.endswith("What is finished is kept.")
