"""The command line of a config: it trains the same, and leaves defaults out."""

import shlex

import pytest

from fracture_core.cli import command_line, setting_options
from fracture_core.config.film_settings import Augmentation, PixelRecipe
from fracture_core.config.network_options import NetworkOptions
from fracture_core.config.presets import preset
from fracture_core.config.train_config import TrainConfig
from fracture_core.runs import training_command

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
    words = shlex.split(training_command.of_config(config))
    assert words[:4] == ["python", "-m", "fracture_core", "train"]
    assert setting_options.config_of(command_line.parse(words[3:])) == config


def test_settings_at_their_default_are_left_out_of_the_command(tmp_path) -> None:
    command = training_command.of_config(TrainConfig(data="/films", epochs=3))
    assert command == ("python -m fracture_core train /films --architecture five_conv --epochs 3")


def test_the_command_makes_a_phantom_with_its_share_of_hairlines() -> None:
    settings = {"studies": 24, "seed": 5, "version": 3, "hairlines": 100}
    command = training_command.portable(TrainConfig(data="/my/films"), settings)
    made = command.partition(" && ")[0]
    assert made.endswith("phantom films --studies 24 --seed 5 --hairlines 100")
