"""Twins that could not learn: against scikit-learn, by chance, and the job that makes them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from fracture_core import checksums
from fracture_core.cli import command_line
from fracture_core.config.film_settings import PixelRecipe
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog
from fracture_core.errors import ModelError, Stopped
from fracture_core.evaluations import evaluation
from fracture_core.films import pixel_cache
from fracture_core.floors import evaluation_floors, floors_job, twins
from fracture_core.jobs import launcher
from fracture_core.learners.learner import make_network
from fracture_core.models import epoch_models, stored_models
from fracture_core.models.model import Model
from fracture_core.models.model_card import Member
from fracture_core.runs import journal, run_folders
from fracture_core.runs.run_status import State
from fracture_core.verdicts import estimates
from tests.core.floors.twins_of_films import small_twins

CONFIG = TrainConfig(data="films", architecture="one_conv", recipe=PixelRecipe(size=24))


def never() -> bool:
    return False


def noise_films(
    studies: int, views: int, seed: int, brighter: int = 0
) -> tuple[pd.DataFrame, np.ndarray]:
    """Studies of films of noise; every second study is positive, its films so much brighter."""
    draw = np.random.default_rng(seed)
    rows = [
        {
            "split": "train",
            "part": "hand",
            "patient": f"p{number}",
            "study": "study1",
            "view": view,
            "label": number % 2,
            "path": f"{number}-{view}.png",
        }
        for number in range(studies)
        for view in range(views)
    ]
    films = pd.DataFrame(rows)
    pixels = draw.integers(0, 200, (len(films), 24, 24))
    return films, (pixels + brighter * films["label"].to_numpy()[:, None, None]).astype(np.uint8)


def test_the_untrained_twin_is_scikit_learns_regression_on_the_same_features() -> None:
    films, pixels = noise_films(40, 2, 1, brighter=4)
    _, unseen = noise_films(15, 1, 2, brighter=4)
    labels = films["label"].to_numpy()
    got = twins.untrained(CONFIG, pixels, labels, unseen)
    network = twins.network_of(CONFIG, pixels, never)
    known, own = (twins.features(network, each, never) for each in (pixels, unseen))
    mean, spread = known.mean(axis=0, dtype=np.float64), known.std(axis=0, dtype=np.float64)
    model = LogisticRegression(max_iter=1_000).fit((known - mean) / spread, labels)
    assert got == pytest.approx(model.predict_proba((own - mean) / spread)[:, 1], abs=1e-4)


def test_the_untrained_twins_convolutions_are_the_networks_own_first_ones() -> None:
    _, pixels = noise_films(10, 1, 1)
    twin, network = twins.network_of(CONFIG, pixels, never), make_network(CONFIG)
    pairs = zip(twin.trainable_variables, network.trainable_variables, strict=True)
    assert all(np.array_equal(one.numpy(), other.numpy()) for one, other in pairs)


def test_shuffling_exchanges_the_labels_of_whole_studies() -> None:
    films, _ = noise_films(50, 3, 1)
    labels = twins.shuffled_labels(films, seed=1)
    by_study = pd.Series(labels).groupby(films["patient"])
    assert (by_study.nunique() == 1).all()
    assert labels.sum() == films["label"].sum()
    assert 0.2 < (labels == films["label"]).mean() < 0.8
    assert not np.array_equal(labels, twins.shuffled_labels(films, seed=2))


@pytest.mark.slow
def test_a_twin_on_shuffled_labels_has_chances_auroc() -> None:
    """The small version of `benchmarks/floors.py`: of 4 seeds at most one interval misses .5."""
    _, pixels = noise_films(30, 1, 1)
    films, _ = noise_films(30, 1, 1)
    own, unseen = noise_films(40, 1, 7)
    missed = 0
    for seed in range(4):
        config = replace(CONFIG, seed=seed)
        scores = twins.trained_on_shuffled(config, pixels, films, unseen, steps=12)
        area = estimates.estimate(own["label"], scores, scores > 0.5, own["patient"])["auroc"]
        assert area.low is not None and area.high is not None
        missed += not area.low <= 0.5 <= area.high
    assert missed <= 1


def test_a_stop_ends_the_twins() -> None:
    films, pixels = noise_films(10, 1, 1)
    with pytest.raises(Stopped):
        twins.trained_on_shuffled(CONFIG, pixels, films, pixels, 5, should_stop=lambda: True)
    with pytest.raises(Stopped):
        twins.untrained(CONFIG, pixels, films["label"].to_numpy(), pixels, lambda: True)


# --- the job ------------------------------------------------------------------------------------


@pytest.fixture
def model(run_copy: Path) -> Model:
    return stored_models.find(run_copy.name)


@pytest.mark.slow
def test_a_child_makes_the_twins_of_a_run_once(model: Model) -> None:
    folder = floors_job.start(model.reference)
    status = launcher.wait(folder)
    assert status.state is State.FINISHED, journal.log_tail(folder, name="floors.log")
    made = floors_job.load(folder)
    assert made is not None
    films = journal.films(run_folders.find(model.run))
    assert set(made.films["path"]) == set(films["path"])
    own_steps = model.card.epoch * -(-int((films["role"] == "train").sum()) // 10)
    assert made.steps == made.own_steps == own_steps
    before = (folder / floors_job.RESULT).stat().st_mtime_ns
    floors_job.start(model.reference)
    assert (folder / floors_job.RESULT).stat().st_mtime_ns == before
    result = evaluation.of_run(run_folders.find(model.run), model.card.epoch, "valid")
    floors = evaluation_floors.of_films(
        result.films, result.threshold, evaluation_floors.sources(model, None)
    )
    expected = {"majority", "views", "brightness", "untrained", "shuffled"}
    assert set(floors["studies"].floors) == expected
    _damaged_twins_are_none(folder)


def _damaged_twins_are_none(folder: Path) -> None:
    table = next(folder.glob(f"*-{floors_job.TABLE}"))
    content = table.read_bytes()
    table.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert floors_job.load(folder) is None
    table.write_bytes(content)
    facts = json.loads((folder / floors_job.RESULT).read_text())
    checksums.write(folder, folder / floors_job.RESULT, json.dumps(facts | {"steps": -1}).encode())
    assert floors_job.load(folder) is None


def test_twins_belong_to_the_weights_and_films_that_they_were_made_for(
    model: Model, run_copy: Path
) -> None:
    folder = floors_job.folder_of(model)
    other = epoch_models.of_run(run_copy, 1 if model.card.epoch != 1 else 2)
    assert floors_job.folder_of(other) != folder
    made = small_twins(journal.films(run_copy))
    floors_job.save(folder, made)
    loaded = floors_job.load(folder)
    assert loaded is not None
    pd.testing.assert_frame_equal(loaded.films, made.films)
    assert "for 3 of its 9 steps" in loaded.sentence
    films = journal.films(run_copy)
    assert loaded.of(films[films["role"] == "valid"])["untrained"].tolist()[0] == 0.25
    assert loaded.of(films[films["role"] == "train"]) == {}


def test_cheap_floors_need_no_request(model: Model) -> None:
    kept = evaluation_floors.sources(model, None)
    assert kept.twins is None and kept.training is not None
    assert "The twins were not made yet." in kept.missing


def test_films_of_other_data_have_no_twins_even_under_the_same_paths(model: Model) -> None:
    films = floors_job.sources(model, None).films
    floors_job.save(floors_job.folder_of(model), small_twins(films))
    kept = evaluation_floors.sources(model, None)
    own, other = kept.on(model.card.data.hash), kept.on("of other data")
    assert own.twins is not None and own.brightness is not None
    assert other.twins is None and other.brightness is None
    valid = films[films["role"] == "valid"].assign(probability=0.5)
    assert set(evaluation_floors.of_films(valid, 0.5, other)["studies"].floors) <= {
        "majority",
        "views",
    }


def test_brightness_comes_from_the_pixels_that_the_run_has_cached(
    model: Model, folders: Path
) -> None:
    assert evaluation_floors.sources(model, None).brightness is None
    own = floors_job.sources(model, None)
    paths = own.films["path"].tolist()
    cache = pixel_cache.of_films(own.root, paths, own.config.recipe, folders / "cache" / "pixels")
    brightness = evaluation_floors.sources(model, None).brightness
    assert brightness is not None and set(brightness) == set(paths)
    assert brightness[paths[3]] == pytest.approx(cache.pixels[3].mean() / 255)


def test_an_ensemble_and_a_model_without_its_data_have_no_twins(
    model: Model,
) -> None:
    card = replace(
        model.card,
        members=tuple(Member(name=name, architecture="one_conv") for name in ("one", "two")),
    )
    with pytest.raises(ModelError, match="Make those of a member instead: one, two"):
        floors_job.sources(replace(model, card=card), None)
    released = replace(model, reference="starter")
    with pytest.raises(ModelError, match="Name the data set"):
        floors_job.sources(released, None)


def test_a_released_models_twins_are_made_from_the_data_that_its_card_names(
    model: Model, phantom_root: Path
) -> None:
    dataset, released = catalog.read(phantom_root), replace(model, reference="starter")
    films = floors_job.sources(released, dataset).films
    own = journal.films(run_folders.find(model.run))
    for role in ("train", "dev", "valid"):
        paths = set(films.loc[films["role"] == role, "path"])
        assert paths == set(own.loc[own["role"] == role, "path"])
    with pytest.raises(ModelError, match="Give the data that its card names"):
        floors_job.sources(released, replace(dataset, hash="other"))


def test_the_command_prints_floors_of_what_the_model_keeps(
    model: Model, run_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    floors_job.save(floors_job.folder_of(model), small_twins(journal.films(run_copy)))
    assert command_line.main(["floors", model.reference, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["twins"] == {"steps": 3, "own_steps": 9, "seed": 1}
    studies = record["films"]["valid"]["studies"]
    assert studies["floors"]["untrained"]["auroc"]["value"] == 0.5
    assert studies["sentence"].startswith("AUROC") or "one label" in studies["sentence"]
    assert command_line.main(["floors", model.reference]) == 0
    printed = capsys.readouterr().out
    assert "untrained twin" in printed and "number of views alone" in printed


@pytest.mark.slow
def test_a_released_models_twins_have_the_settings_and_steps_of_its_card(
    model: Model, phantom_root: Path
) -> None:
    dataset = catalog.read(phantom_root)
    command = "python -m fracture_core train films --batch-size 4 --learning-rate 0.01 --seed 9"
    for own, named in ((command, True), ("", False)):
        card = replace(model.card, command=own, epoch=3)
        released = replace(model, reference="starter", card=card)
        source = floors_job.sources(released, dataset)
        given = (source.config.batch_size, source.config.learning_rate, source.config.seed)
        assert given == ((4, 0.01, 9) if named else (10, 0.001, 1))
        made = floors_job.make(released, dataset)
        count = int((made.films["role"] == "train").sum())
        assert made.own_steps == 3 * -(-count // given[0]) and made.seed == given[2]
        assert made.default_settings is not named
        assert ("card names no settings that can be read" in made.sentence) is not named
        floors_job.save(folder := floors_job.folder_of(released), made)
        assert floors_job.load(folder).sentence == made.sentence
