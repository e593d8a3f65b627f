"""A network that starts with another run's weights, in the layers that fit."""

import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from fracture_core.cli import command_line
from fracture_core.config.film_settings import PixelRecipe
from fracture_core.config.network_options import NetworkOptions
from fracture_core.config.train_config import TrainConfig
from fracture_core.epochs import epoch_weights, forks
from fracture_core.errors import ConfigError, ModelError, RunError
from fracture_core.floors import card_settings
from fracture_core.learners import learner
from fracture_core.models import stored_models
from fracture_core.networks import architectures, network_weights
from fracture_core.prediction import training_patients
from fracture_core.pretrained import run_start
from fracture_core.reports import claim_answers
from fracture_core.runs import journal, run_facts, run_folders
from fracture_core.runs.run_folders import Run
from tests.core import made_networks
from tests.core.training.test_loop import make, train

NONE = pd.DataFrame({"role": [], "patient": []})


def of(source: Path, **settings: object) -> Run:
    """A run with these settings that is to start from the finished one."""
    run = run_folders.read(source)
    config = replace(run.config, **({"start_from": f"{source.name}@3"} | settings))
    return replace(run, name="next", config=config)


def weights(path: Path, name: str, size: int = 32) -> dict[str, np.ndarray]:
    network = architectures.build(name, size)
    network_weights.load_weights(network, path)
    return {each.path: np.array(each) for each in network.weights}


def test_a_larger_input_keeps_the_layers_that_fit_and_draws_the_others(run_copy: Path) -> None:
    run = of(run_copy, recipe=PixelRecipe(size=40))
    network = learner.make_network(run.config)
    before = {each.path: np.array(each) for each in network.weights}
    facts = run_start.load(network, run, NONE)
    path = run_copy / "checkpoints" / epoch_weights.name(3)
    source = weights(path, "three_conv")
    assert facts["fresh"] == ["dense_1"] and set(facts["loaded"]) >= {"conv_1", "norm_3"}
    for each in network.weights:
        layer = each.path.split("/")[-2]
        expected = before if layer == "dense_1" else source
        assert np.array_equal(np.array(each), expected[each.path]), each.path


def test_another_network_takes_what_it_shares(run_copy: Path) -> None:
    run = of(run_copy, architecture="all_conv", options=NetworkOptions())
    facts = run_start.load(learner.make_network(run.config), run, NONE)
    assert {"conv_1", "norm_1"} <= set(facts["loaded"]) and "conv_3" in facts["fresh"]


def test_without_a_layer_that_fits_it_is_refused(run_copy: Path) -> None:
    run = of(run_copy)
    films = keras.Input((32, 32, 1))
    network = keras.Model(films, keras.layers.Conv2D(4, 3, name="conv_1")(films), name="other")
    with pytest.raises(
        ModelError, match=r"No layer of other that learns .* Start from another run"
    ):
        run_start.load(network, run, NONE)


def test_an_epoch_that_is_not_kept_is_refused_before_a_run_is_made(
    folders: Path, run_copy: Path, phantom_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for start, sentence in (("finished@9", "keeps no weights of epoch 9"), ("no@1", "No run is")):
        words = ["train", str(phantom_root), "--start-from", start, "--name", "next", "--queue"]
        assert command_line.main(words) == 2
        error = capsys.readouterr().err
        assert sentence in error and error.count("\n") == 1
    assert run_folders.names() == ["finished"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"start_from": "finished"}, "as in all-parts@12"),
        ({"start_from": "a@1", "weights": "w.h5"}, "one set of weights"),
        ({"start_from": "a@1", "fold": 1}, "Cross-validate without a start"),
        ({"start_from": "a@1", "pretraining": "imagenet"}, "pretraining on imagenet"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    settings: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        TrainConfig(data="x", **settings)


def test_networks_of_ones_own_start_from_the_same_file_only(run_copy: Path) -> None:
    own = NetworkOptions(own=made_networks.of(made_networks.PLAIN))
    with pytest.raises(ModelError, match="the same file only"):
        run_start.check(of(run_copy, architecture="own", options=own).config)
    with pytest.raises(RunError):
        run_start.check(of(run_copy, start_from="finished@9").config)
    run_start.check(of(run_copy).config)


FEW = {
    "start_from": "finished@3",
    "architecture": "three_conv",
    "seed": 2,
    "threads": 1,
    "steps_per_epoch": 3,
}


def test_run_and_card_say_what_it_started_from(
    folders: Path, run_copy: Path, phantom_root: Path
) -> None:
    folder = make(phantom_root, epochs=1, **FEW)
    train(folder)
    start = run_folders.read(folder).data.start
    assert (start["run"], start["epoch"], start["fresh"]) == ("finished", 3, [])
    others, own = journal.films(run_copy), journal.films(folder)
    known = set(others.loc[others["role"] == "train", "patient"])
    dev = set(own.loc[own["role"] == "dev", "patient"])
    assert start["seen"] == {"dev": len(dev & known), "valid": 0} and dev & known
    model = stored_models.find(folder.name)
    assert model.card.data.start == start and "--start-from finished@3" in model.card.command
    assert f"trained on {len(dev & known)} dev patient" in model.card.data.split_words
    assert claim_answers.initialization(model.card).startswith("Weights of finished@3 in ")
    assert card_settings.of_card(model.card, "films")[1]
    (digests,) = training_patients.record(model).values()
    trained = known | set(own.loc[own["role"] == "train", "patient"])
    assert len(digests) == training_patients.DIGITS * len(trained)
    fork = forks.create(folder, 1, "fork", epochs=3)
    assert run_folders.read(fork).data.start == start


@pytest.mark.slow
def test_a_resumed_run_needs_its_source_no_more(
    folders: Path, run_copy: Path, phantom_root: Path
) -> None:
    twin = make(phantom_root, epochs=2, **FEW)
    train(twin)
    folder = make(phantom_root, epochs=1, **FEW)
    train(folder)
    shutil.rmtree(run_copy)
    journal.log_event(folder, "more_epochs", epochs=1, id="a")
    assert train(folder).epoch == 2
    one, other = (
        weights(each / "checkpoints" / epoch_weights.name(2), "three_conv")
        for each in (folder, twin)
    )
    for path, values in one.items():
        assert np.array_equal(values, other[path]), path


def test_the_words_of_a_start() -> None:
    facts = {"run": "a", "epoch": 2, "sha256": "0", "loaded": ["conv_1"], "fresh": ["output"]}
    assert run_facts.start_words(facts) == (
        "Started from a@2: 1 layer had its weights, 1 began new."
    )
    with pytest.raises(ConfigError, match=r"data.start has the wrong type"):
        run_facts.data({"start": facts | {"loaded": "conv_1"}})
