"""Epochs of runs as models: the epoch that is meant, and its card."""

import pytest

from fracture_core.config.film_settings import PixelRecipe
from fracture_core.config.train_config import TrainConfig
from fracture_core.epochs import predictions
from fracture_core.errors import ModelError
from fracture_core.models import epoch_models, model_card, stored_models
from fracture_core.runs import journal, run_folders


def test_a_runs_card_is_of_its_best_dev_epoch(run_copy) -> None:
    lines = journal.lines(run_copy / "metrics.jsonl")
    lines[1]["dev"]["loss"] = 0.0
    journal.replace_lines(run_copy / "metrics.jsonl", lines)
    model = stored_models.find("finished")
    assert (model.card.name, model.card.epoch) == ("finished@2", 2)
    assert model.weights == run_copy / "checkpoints" / "epoch_0002.weights.h5"
    films = predictions.predicted_films(journal.films(run_copy))
    table = predictions.load(run_copy, 2, len(films))
    assert model.dev_films["probability"].tolist() == table[films["role"] == "dev"].tolist()


def test_a_card_says_what_must_be_known(run_copy, phantom_root) -> None:
    card = stored_models.find("finished@3").card
    assert (card.architecture, card.threshold, card.recipe) == ("three_conv", 0.5, PixelRecipe())
    assert card.synthetic
    assert card.label_meaning == model_card.LABEL_MEANING_PHANTOM
    assert card.training["root"] == phantom_root.name  # without its folder on the disk
    assert set(card.metrics) == {"dev", "valid"}
    films = predictions.predicted_films(journal.films(run_copy))
    valid = card.metrics["valid"]["images"]
    assert valid["n"] == (films["role"] == "valid").sum()
    assert {"accuracy", "sensitivity", "specificity", "kappa"} <= set(valid)
    assert {"value", "low", "high", "count", "n"} <= set(valid["sensitivity"])


def test_a_run_without_an_epoch_is_no_model_yet(folders) -> None:
    run_folders.create(TrainConfig(data="x"), "young")
    with pytest.raises(ModelError, match="young has completed no epoch yet"):
        stored_models.find("young")


def test_the_command_of_a_released_phantom_model_makes_its_films_first(run_copy) -> None:
    card = epoch_models.of_run(run_copy).card
    make_command, _, trained = card.command.partition(" && ")
    assert make_command == "python -m fracture_core phantom films --studies 24 --seed 5"
    assert trained == "python -m fracture_core train films --architecture three_conv --epochs 3"
