"""The gate: fitted on the training films, stored as plain arrays, refused if damaged."""

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
from fracture_core.models import cards, gate, gate_job
from fracture_core.models.gate import Gate
from fracture_core.models.inference import Predictor
from fracture_core.models.study_prediction import FilmInput
from fracture_core.releases import release
from fracture_core.runs import journal, run_config, run_folders, run_lock, run_status
from tests.core import made_runs


def cloud(count: int, seed: int = 0, middle: float = 0.0) -> np.ndarray:
    """Features of one kind of film: correlated, of different scales, float32 (count, 6)."""
    random = np.random.default_rng(seed)
    mix = np.random.default_rng(99).normal(size=(6, 6)) * [1, 10, 0.1, 1, 1, 1]
    return (random.normal(size=(count, 6)) @ mix + middle).astype(np.float32)


def fitted(count: int = 300, dev: int = 200) -> Gate:
    """A gate of one part."""
    parts = np.full(count, "forearm")
    paths = np.array([f"film{n}.png" for n in range(count)])
    patients = np.array([f"p{n // 2}" for n in range(count)])
    return gate.fit(cloud(count), parts, patients, paths, cloud(dev, seed=1))


def test_distances_are_mahalanobis_and_the_limit_leaves_the_stated_share() -> None:
    own_gate = fitted(4000, 500)
    fresh = cloud(4000, seed=2)
    distances = own_gate.distances(fresh)
    about = fresh - cloud(4000).mean(axis=0)
    exact = np.sqrt(np.einsum("ij,jk,ik->i", about, np.linalg.inv(np.cov(cloud(4000).T)), about))
    assert np.abs(distances / exact - 1).max() < 0.1  # but for the shrinkage
    assert (distances > own_gate.limit).mean() == pytest.approx(gate.FALSE_REFUSAL, abs=0.015)
    assert own_gate.distances(fresh + 1000).min() > own_gate.limit
    assert (own_gate.calibrated_on, own_gate.calibrated_with, own_gate.fitted_on) == (
        500,
        "dev",
        4000,
    )


def test_a_film_is_measured_by_the_part_that_is_nearest() -> None:
    parts = np.repeat(["forearm", "humerus"], 200)
    features = np.concatenate([cloud(200), cloud(200, seed=3, middle=500)])
    names = np.arange(400).astype(str)
    own_gate = gate.fit(features, parts, names, names, cloud(60, seed=4))
    assert own_gate.parts == ("forearm", "humerus")
    for middle, inside in ((0, True), (500, True), (250, False)):
        far = np.median(own_gate.distances(cloud(50, seed=5, middle=middle)))
        assert (far < own_gate.limit) == inside


def test_few_dev_films_are_joined_by_training_films_of_other_patients() -> None:
    for dev, origin, count in ((48, "dev and train", 348), (0, "train", 300), (49, "dev", 49)):
        own_gate = fitted(300, dev)
        assert (own_gate.calibrated_with, own_gate.calibrated_on) == (origin, count)
        distances = own_gate.distances(cloud(2000, seed=6))
        assert (distances > own_gate.limit).mean() < 0.1
    with pytest.raises(DataError, match="fitted on 20 training films or more; received 19"):
        fitted(19)


def test_a_map_that_never_woke_in_training_tells_and_breaks_nothing() -> None:
    features = np.c_[cloud(100), np.zeros(100, np.float32)]
    names = np.arange(100).astype(str)
    own_gate = gate.fit(features, np.full(100, "x"), names, names, features[:60])
    awake = features[:1] + np.array([0, 0, 0, 0, 0, 0, 5], np.float32)
    assert own_gate.limit < own_gate.distances(awake)[0] < np.inf


def test_maps_that_hardly_vary_about_a_large_mean_are_measured_all_the_same() -> None:
    features, fresh = cloud(300), cloud(500, seed=2)
    shift = np.float32(3000)  # about as far as float32 still tells the smallest of them apart
    names = np.arange(300).astype(str)
    parts = np.full(300, "x")
    near = gate.fit(features, parts, names, names, cloud(100, seed=1))
    far = gate.fit(features + shift, parts, names, names, cloud(100, seed=1) + shift)
    assert far.distances(fresh + shift) == pytest.approx(near.distances(fresh), rel=0.01)
    # A map far off and all but still: whitened about 0 it would be beyond float16.
    still = np.c_[features, 1e5 + np.random.default_rng(0).normal(size=300) * 0.1]
    own_gate = gate.fit(
        still.astype(np.float32), parts, names, names, still[:100].astype(np.float32)
    )
    assert np.isfinite(own_gate.films).all()
    assert own_gate.distances(still[:5].astype(np.float32)).max() < 20
    assert gate.read(gate.to_bytes(own_gate), 7).facts() == own_gate.facts()


def test_the_check_names_distance_and_limit() -> None:
    own_gate = replace(fitted(), limit=5.0)
    assert own_gate.check(5.0).passed
    check = own_gate.check(7.25)
    assert (check.name, check.value, check.limit) == ("distance", 7.25, 5.0)
    assert "lies 7.2 from the mean of the training films in the network's" in check.doubt
    several = replace(own_gate, parts=("forearm", "humerus")).check(7.25)
    assert "lies 7.2 from the mean of the nearest body part's training films" in several.doubt
    assert "limit 5.0" in check.doubt


def test_the_nearest_training_films_come_in_order() -> None:
    own_gate = fitted()
    near = own_gate.nearest(cloud(300)[17])
    assert near[0].path == "film17.png"
    assert near[0].distance < 0.05  # kept as float16
    assert [each.distance for each in near] == sorted(each.distance for each in near)
    assert len(near) == gate.NEAREST


def test_more_films_than_fit_are_sampled_the_same_each_time(monkeypatch) -> None:
    monkeypatch.setattr(gate, "KEPT_BYTES", 50 * 2 * 6)
    one, other = fitted(), fitted()
    assert len(one.paths) == len(one.films) == 50
    assert gate.to_bytes(one) == gate.to_bytes(other)
    for path, film in zip(one.paths, one.films, strict=True):
        row = cloud(300)[int(path.removeprefix("film").removesuffix(".png"))]
        assert np.allclose(one.whitened(row), film, rtol=1e-2, atol=1e-2)


# --- on disk ------------------------------------------------------------------------------------


def test_a_gate_survives_its_file(tmp_path) -> None:
    own_gate, path = fitted(), tmp_path / "gate.npz"
    path.write_bytes(gate.to_bytes(own_gate))
    read = gate.read(path, 6)
    assert read.facts() == own_gate.facts()
    assert (read.parts, read.paths) == (own_gate.parts, own_gate.paths)
    assert np.array_equal(read.distances(cloud(9)), own_gate.distances(cloud(9)))
    with np.load(path, allow_pickle=False) as arrays:  # no pickle in it
        assert {arrays[name].dtype.hasobject for name in arrays.files} == {False}


def test_what_is_no_gate_is_refused_in_a_sentence(tmp_path) -> None:
    own_gate, path = fitted(), tmp_path / "gate.npz"
    content = gate.to_bytes(own_gate)
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, version=np.array([{"x": 1}], dtype=object))
    some = tmp_path / "some.npz"
    np.savez(some, version=1)
    later = tmp_path / "later.npz"
    np.savez(later, version=99)
    holed = replace(own_gate, means=np.full_like(own_gate.means, np.nan))
    for source in (
        content[: len(content) // 2],
        b"no zip",
        b"",
        pickled,
        some,
        later,
        gate.to_bytes(holed),
        tmp_path / "nowhere.npz",
    ):
        with pytest.raises(ModelError, match=r"gate cannot be used .* Release the model again"):
            gate.read(source, 6)
    bomb = tmp_path / "bomb.npz"
    np.savez_compressed(bomb, version=np.zeros(2**27, np.uint8))
    with pytest.raises(ModelError, match="unpacks to 128 MB"):
        gate.read(bomb)
    path.write_bytes(content)
    with pytest.raises(ModelError, match="the network has 7 maps"):
        gate.read(path, 7)


def test_damage_anywhere_is_refused_or_harmless() -> None:
    content = gate.to_bytes(fitted(60, 60))
    random = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(content)
        damaged[random.integers(len(content))] ^= 1 << int(random.integers(8))
        try:
            read = gate.read(bytes(damaged), 6)
        except ModelError as error:
            assert "Release the model again" in str(error)
        else:  # a date or another field of the zip without a reader
            assert np.isfinite(read.distances(cloud(3))).all()


# --- of a run and of a model --------------------------------------------------------------------


@pytest.fixture
def model(run_copy) -> cards.Model:
    """The finished run, released with its gate."""
    release.release("finished", "gated")
    return cards.find("gated")


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
    assert facts["sha256"] == cards.sha256(folder / "gate.npz")
    assert facts["false_refusal"] == gate.FALSE_REFUSAL
    assert facts["fitted_on"] > 20
    content = (folder / "gate.npz").read_bytes()
    (folder / "gate.npz").write_bytes(content + b"x")
    with pytest.raises(ModelError, match=r"gate\.npz of gated is missing, or not the one"):
        cards.find("gated")
    (folder / "gate.npz").unlink()
    with pytest.raises(ModelError, match=r"gate\.npz of gated is missing"):
        cards.find("gated")
    assert sum(path.stat().st_size for path in folder.iterdir()) + len(content) < 5_000_000


def test_a_release_of_a_run_whose_films_are_gone_has_no_gate(run_copy, tmp_path, capsys) -> None:
    data = run_folders.read(run_copy).facts["data"]
    run_config.complete(run_copy, data=data | {"root": str(tmp_path / "moved")})
    assert command_line.main(["release", "finished", "bare"]) == 0
    assert "no gate: its training films could not be read" in capsys.readouterr().err
    model = cards.find("bare")
    assert (model.gate, model.card.gate) == (None, {})


def test_a_gate_is_fitted_on_the_films_that_the_run_has_seen(run_copy, tmp_path) -> None:
    films, data = journal.films(run_copy), run_folders.read(run_copy).facts["data"]
    shutil.copytree(data["root"], tmp_path / "films")
    run_config.complete(run_copy, data=data | {"root": str(tmp_path / "films")})
    train = films[films["role"] == "train"]["path"].tolist()
    whole = gate.read(gate_job.of_run(cards.find("finished"))).fitted_on
    assert whole == len(train)
    for path in train[:3]:  # other pictures under the same names
        Image.new("L", (300, 200), 90).save(tmp_path / "films" / path)
    assert gate.read(gate_job.of_run(cards.find("finished"))).fitted_on == whole - 3
    for path in films["path"]:
        Image.new("L", (300, 200), 90).save(tmp_path / "films" / path)
    with pytest.raises(DataError, match="or hold other pictures than before"):
        gate_job.of_run(cards.find("finished"))


def test_a_child_fits_a_runs_gate_once(run_copy) -> None:
    assert cards.find("finished").gate is None
    folder = gate_job.start("finished")
    assert launcher.wait(folder).state is run_status.State.FINISHED
    model = cards.find("finished")
    written_at = model.gate.stat().st_mtime_ns
    assert gate.read(model.gate).fitted_on > 20
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
    assert cards.find("gated").gate is None
    assert command_line.main(["gate", "gated", str(phantom_root)]) == 0
    assert "Its gate doubts films further than" in capsys.readouterr().out
    assert (folder / "gate.npz").read_bytes() == content
    assert cards.find("gated").card == model.card
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
    model = cards.read(models_folder() / "starter-five-conv")
    assert model.card.training["phantom"] == {"studies": 400, "seed": 0, "version": 3}
    predictor = Predictor(model)
    assert predictor.gate.fitted_on == model.card.training["images"]["train"]
    assert predictor.gate.calibrated_on == model.card.training["images"]["dev"]
    assert not any(path.startswith(("/", "valid")) for path in predictor.gate.paths)
    folder = model.weights.parent
    assert sum(path.stat().st_size for path in folder.iterdir()) < 5_000_000


# --- at a run's end -----------------------------------------------------------------------------


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


def test_a_run_has_the_gate_of_its_best_epoch_at_its_end_and_of_another_one_after_a_resume(
    short_run,
) -> None:
    model = cards.find("short")
    assert gate.read(model.gate).fitted_on > 20
    place = cards.gate_folder(model.weights)
    assert run_status.read(place).state is run_status.State.FINISHED and not run_lock.is_held(place)
    assert [e["kind"] for e in journal.events(short_run)][-1] == "finished"
    released = release.release("short", "from-run")
    assert (released / "gate.npz").read_bytes() == model.gate.read_bytes()
    fitted_at = model.gate.stat().st_mtime_ns
    launcher.resume(short_run, 2, wait_for_slot=False)
    again = cards.find("short")
    assert run_status.read(short_run).state is run_status.State.FINISHED
    assert again.gate is not None
    assert (again.card.epoch == model.card.epoch) == (again.gate.stat().st_mtime_ns == fitted_at)


def test_a_gate_that_fails_costs_nothing_of_the_run(folders, phantom_root) -> None:
    (folders / "cache" / "gates").write_text("no folder")
    config = TrainConfig(data=str(phantom_root), architecture="three_conv", epochs=1)
    folder = launcher.create_and_start(config, "bare", queue=False)
    ended(folder)
    assert run_status.read(folder).state is run_status.State.FINISHED
    assert launcher._children[-1].returncode == 0
    assert "The run's gate was not fitted" in journal.log_tail(folder)
    assert cards.find("bare").gate is None


def test_a_run_that_goes_on_or_is_deleted_while_its_gate_is_fitted_is_not_held(
    run_copy,
) -> None:
    place, lock = gate_job.of_best(run_copy)
    assert not run_lock.is_held(run_copy) and run_lock.is_held(place)
    assert run_status.read(place).state is run_status.State.RUNNING
    run_folders.delete(run_copy)
    assert child.gate(place, lock) == 1
    assert run_status.read(place).state is run_status.State.FAILED


def test_films_that_a_network_does_not_tell_apart_give_no_gate() -> None:
    names = np.array([str(n) for n in range(40)])
    with pytest.raises(DataError, match="can tell apart"):
        gate.fit(np.ones((40, 6), np.float32), np.full(40, "hand"), names, names, np.ones((9, 6)))
