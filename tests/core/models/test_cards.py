"""Cards and models: no prediction with weights that do not belong to the card."""

import json
import shlex
import shutil
from pathlib import Path

import pytest

from fracture_core.cli import command_line, setting_options
from fracture_core.config.film_settings import Augmentation, PixelRecipe
from fracture_core.config.network_options import NetworkOptions
from fracture_core.config.presets import preset
from fracture_core.config.train_config import TrainConfig
from fracture_core.epochs import predictions
from fracture_core.errors import ModelError, RunError
from fracture_core.models import cards, model_names
from fracture_core.models.cards import Card
from fracture_core.releases import release
from fracture_core.runs import journal, run_folders


@pytest.fixture
def model(run_copy: Path) -> Path:
    """The finished run, released."""
    return release.release("finished", "first-model")


def test_a_card_survives_json(run_copy) -> None:
    card = cards.find("finished").card
    assert Card.from_json(card.to_json()) == card


def test_a_runs_card_is_of_its_best_dev_epoch(run_copy) -> None:
    lines = journal.lines(run_copy / "metrics.jsonl")
    lines[1]["dev"]["loss"] = 0.0
    journal.replace_lines(run_copy / "metrics.jsonl", lines)
    model = cards.find("finished")
    assert (model.card.name, model.card.epoch) == ("finished@2", 2)
    assert model.weights == run_copy / "checkpoints" / "epoch_0002.weights.h5"
    films = predictions.predicted_films(journal.films(run_copy))
    table = predictions.load(run_copy, 2, len(films))
    assert model.judged["probability"].tolist() == table[films["role"] == "dev"].tolist()


def test_any_kept_epoch_can_be_named(run_copy) -> None:
    assert cards.find("finished@1").weights.name == "epoch_0001.weights.h5"
    for epoch in ("9", "0"):
        with pytest.raises(RunError, match=rf"no weights of epoch {epoch}\. Kept: 1, 2, 3\."):
            cards.find(f"finished@{epoch}")
    with pytest.raises(ModelError, match="finished@17; received 'last'"):
        cards.find("finished@last")


def test_a_card_says_what_must_be_known(run_copy, phantom_root) -> None:
    card = cards.find("finished@3").card
    assert (card.architecture, card.threshold, card.recipe) == ("three_conv", 0.5, PixelRecipe())
    assert card.synthetic
    assert card.label_meaning == cards.LABEL_MEANING_PHANTOM
    assert card.training["root"] == phantom_root.name  # without its folder on the disk
    assert set(card.metrics) == {"dev", "valid"}
    films = predictions.predicted_films(journal.films(run_copy))
    valid = card.metrics["valid"]["images"]
    assert valid["n"] == (films["role"] == "valid").sum()
    assert {"accuracy", "sensitivity", "specificity", "kappa"} <= set(valid)
    assert {"value", "low", "high", "count", "n"} <= set(valid["sensitivity"])


def test_figures_follow_the_threshold(run_copy) -> None:
    model = cards.find("finished")
    everything, nothing = model.at_threshold(0.0), model.at_threshold(1.0)
    assert everything["images"].confusion.fn == everything["images"].confusion.tn == 0
    assert nothing["images"].confusion.tp == nothing["images"].confusion.fp == 0


def test_a_run_without_an_epoch_is_no_model_yet(folders) -> None:
    run_folders.create(TrainConfig(data="x"), "young")
    with pytest.raises(ModelError, match="young has completed no epoch yet"):
        cards.find("young")


def test_unknown_models_are_refused_with_those_that_exist(model) -> None:
    for name in ("missing", "", "../runs/finished", "a\x00b", "finished@1@2"):
        with pytest.raises(ModelError):
            cards.find(name)
    with pytest.raises(ModelError, match=r"'missing'\. Released models: first-model\."):
        cards.find("missing")


def test_a_released_model_is_found_by_name_and_by_folder(model, tmp_path) -> None:
    elsewhere = Path(shutil.copytree(model, tmp_path / "elsewhere"))
    assert model_names.released() == ["first-model"]
    assert cards.find("first-model").weights == model / cards.WEIGHTS
    assert cards.find(str(elsewhere)).card == cards.find("first-model").card


@pytest.mark.parametrize("name", [cards.WEIGHTS, cards.PREDICTIONS])
def test_a_model_with_a_missing_file_is_refused_by_its_name(model, name) -> None:
    (model / name).unlink()
    with pytest.raises(ModelError, match=f"first-model is no whole model: {name} is missing"):
        cards.find("first-model")


def test_weights_that_the_card_was_not_written_for_are_refused(model, run_copy) -> None:
    others = {1, 2, 3} - {cards.find("first-model").card.epoch}
    weights = run_copy / "checkpoints" / f"epoch_{others.pop():04d}.weights.h5"
    shutil.copy(weights, model / cards.WEIGHTS)
    with pytest.raises(ModelError, match="weights of first-model are not those"):
        cards.find("first-model")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"name": "x"}', '{"name": "x", "architecture": 3}', "\xff"]
)
def test_a_card_that_cannot_be_read_is_refused(model, text) -> None:
    (model / model_names.CARD).write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelError, match="The card of first-model cannot be read"):
        cards.find("first-model")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"text"])
def test_predictions_that_cannot_be_read_are_refused(model, content) -> None:
    (model / cards.PREDICTIONS).write_bytes(content)
    with pytest.raises(ModelError, match=r"dev_predictions\.parquet of first-model cannot be read"):
        cards.find("first-model")


def test_an_unknown_card_key_is_refused(model) -> None:
    card = json.loads((model / model_names.CARD).read_text())
    (model / model_names.CARD).write_text(json.dumps({**card, "code": "print()"}))
    with pytest.raises(ModelError, match="does not know 'code'"):
        cards.find("first-model")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"synthetic": True, "kind": "mura"}, "drawn into the synthetic bone"),
        ({"kind": "class_folders", "positive": "Fractured"}, "class folder 'Fractured'"),
        ({"kind": "fracatlas", "positive": None}, "as FracAtlas' radiologists marked it"),
        ({"kind": "mura"}, "Positive means abnormal"),
    ],
)
def test_the_meaning_of_a_label_is_that_of_its_data(data, words) -> None:
    assert words in cards.label_meaning(data)


CONFIGS = [
    {},
    {"learning_rate": 0.000123456789, "threshold": 1 / 3, "dev_share": 0.123456789},
    {"epochs": 7, "batch_size": 64, "optimizer": "adagrad", "seed": 0, "threads": 2},
    {"parts": ("shoulder", "elbow"), "positive": "Fractured bones"},
    {"positive": "-odd"},
    {"options": NetworkOptions(dense=(128, 64), dropout=0.25, dense_normalization=False)},
    {"options": NetworkOptions(dense=(), dense_normalization=True)},
    {"recipe": PixelRecipe(size=96, resample="nearest", fit="squash")},
    {"augmentation": Augmentation(shear_degrees=1.5, zoom_percent=0, horizontal_flip=False)},
    {"architecture": "one_conv", "steps_per_epoch": 282, "weights": "/my films/w.weights.h5"},
    {"optimizer": "adamw", "weight_decay": 0.0, "class_weights": "balanced"},
]


# Every setting at a value that is not its default. Who adds a field adds it here, and an option.
@pytest.mark.parametrize("changes", CONFIGS)
@pytest.mark.parametrize("name", ["recommended", "report2018", "demo"])
def test_the_command_of_a_card_makes_the_same_config(tmp_path, name, changes) -> None:
    config = preset(name, str(tmp_path / "my films"), **changes)
    words = shlex.split(cards.command(config))
    assert words[:4] == ["python", "-m", "fracture_core", "train"]
    assert setting_options.config_of(command_line.parse(words[3:])) == config


def test_settings_at_their_default_are_left_out_of_the_command(tmp_path) -> None:
    command = cards.command(TrainConfig(data="/films", epochs=3))
    assert command == ("python -m fracture_core train /films --architecture five_conv --epochs 3")


def test_the_command_of_a_released_phantom_model_makes_its_films_first(run_copy) -> None:
    card = cards.of_run(run_copy).card
    make_command, _, trained = card.command.partition(" && ")
    assert make_command == "python -m fracture_core phantom films --studies 24 --seed 5"
    assert trained == "python -m fracture_core train films --architecture three_conv --epochs 3"


def test_the_command_makes_a_phantom_with_its_share_of_hairlines() -> None:
    settings = {"studies": 24, "seed": 5, "version": 3, "hairlines": 100}
    command = cards.full_command(TrainConfig(data="/my/films"), settings)
    made = command.partition(" && ")[0]
    assert made.endswith("phantom films --studies 24 --seed 5 --hairlines 100")
