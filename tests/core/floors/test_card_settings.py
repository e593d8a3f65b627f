"""Settings that a card's command names, and what is done without one."""

from dataclasses import replace

import pytest

from fracture_core.config.film_settings import Augmentation, PixelRecipe
from fracture_core.config.network_options import NetworkOptions
from fracture_core.config.schedule_settings import Schedule
from fracture_core.config.train_config import TrainConfig
from fracture_core.floors import card_settings
from fracture_core.folders import PROJECT
from fracture_core.models import released_models
from fracture_core.models.model_card import Card
from fracture_core.runs import training_command

CONFIG = TrainConfig(
    data="films",
    parts=("hand", "wrist"),
    options=NetworkOptions(dense=(64, 32), dropout=0.25),
    recipe=PixelRecipe(size=96),
    augmentation=Augmentation(horizontal_flip=False, vertical_flip=True, zoom_percent=0.0),
    schedule=Schedule(kind="cosine", warmup_epochs=2.0),
    epochs=12,
    steps_per_epoch=50,
    batch_size=64,
    learning_rate=0.003,
    weight_decay=1e-05,
    class_weights="balanced",
    label_smoothing=0.1,
    learn_from="studies",
    pooling="mean",
    seed=7,
)


def made_card(config: TrainConfig, command: str | None = None) -> Card:
    return Card(
        name="made",
        architecture=config.architecture,
        options=config.options,
        recipe=config.recipe,
        parts=config.parts,
        command=training_command.portable(config, None) if command is None else command,
        training={
            "normalization": config.normalization,
            "normalization_films": config.normalization_films,
        },
    )


@pytest.mark.parametrize("normalization", ["recomputed", "running"])
def test_every_setting_comes_back_from_the_command_in_the_card(normalization: str) -> None:
    config = replace(CONFIG, normalization=normalization)
    assert card_settings.of_card(made_card(config), "films") == (config, True)


@pytest.mark.parametrize(("size", "films"), [(96, 256), (36, 768)])
def test_a_card_from_before_a_choice_has_what_was_done_then(size: int, films: int) -> None:
    config = replace(CONFIG, recipe=PixelRecipe(size=size))
    expected = replace(config, normalization="running", normalization_films=films)
    before = replace(made_card(config), training={})
    assert card_settings.of_card(before, "films") == (expected, True)
    named = replace(before, training={"normalization": "recomputed"})
    expected = replace(expected, normalization="recomputed")
    assert card_settings.of_card(named, "films") == (expected, True)


def test_data_lists_and_files_of_another_machine_are_left_out() -> None:
    config = replace(CONFIG, selection="odd hands", corrections=True, families="families.csv")
    assert card_settings.of_card(made_card(config), "films") == (CONFIG, True)


def test_the_shipped_models_have_the_settings_of_their_commands() -> None:
    for name, settings in (
        ("starter-five-conv", (20, 10, 3)),
        ("hairline-five-conv-96", (12, 64, 1)),
    ):
        own, is_named = card_settings.of_card(
            released_models.read(PROJECT / "models" / name).card, "films"
        )
        assert is_named and (own.epochs, own.batch_size, own.seed) == settings
        assert own.normalization_films == (256 if own.recipe.size > 36 else 768)


@pytest.mark.parametrize(
    "command",
    [
        "",
        "python -m fracture_core ensemble a b",
        "python -m fracture_core train",
        "unclosed '",
        *(
            f"python -m fracture_core train films {words}"
            for words in (
                "--epochs many",
                "--epochs 0",
                "--epochs",
                "--unknown 3",
                "--no-epochs",
                "stray",
            )
        ),
    ],
)
def test_without_a_readable_command_the_others_are_defaults(command: str) -> None:
    own, is_named = card_settings.of_card(made_card(CONFIG, command), "films")
    assert not is_named
    assert own == replace(
        TrainConfig(data="films"),
        options=CONFIG.options,
        recipe=CONFIG.recipe,
        parts=CONFIG.parts,
    )
