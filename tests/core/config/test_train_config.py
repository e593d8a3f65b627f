"""Settings records: JSON out and in, bounds, presets."""

import pytest

from fracture_core.config.film_settings import Augmentation, PixelRecipe
from fracture_core.config.network_options import NetworkOptions
from fracture_core.config.presets import preset
from fracture_core.config.schedule_settings import Schedule
from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import ConfigError


def test_a_config_survives_json() -> None:
    config = preset(
        "report2018",
        "/films",
        options=NetworkOptions(dense=(128, 64), dropout=0.25),
        schedule=Schedule(kind="step", step_epochs=7),
        augmentation=Augmentation(shift_percent=5.0, vertical_flip=True),
        weight_decay=0.01,
    )
    assert TrainConfig.from_json(config.to_json()) == config


def test_unknown_keys_are_refused_and_the_known_ones_named() -> None:
    with pytest.raises(ConfigError, match=r"does not know 'epoch'. It knows: data, .*epochs"):
        TrainConfig.from_dict({"data": "/films", "epoch": 3})


def test_a_setting_without_a_default_must_be_there() -> None:
    with pytest.raises(ConfigError, match="TrainConfig needs 'data'"):
        TrainConfig.from_dict({"epochs": 3})


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("epochs", "many", "must be a whole number"),
        ("epochs", True, "must be a whole number"),
        ("optimizer", "lion", "must be 'adam' or 'adamw' or 'adagrad' or 'sgd' or 'rmsprop'"),
        ("momentum", 1.0, "momentum must be from 0 to 0.9999"),
        ("weight_decay", -0.1, "weight_decay must be from 0 to 1"),
        ("early_stopping", 0, "early_stopping must be from 1 to"),
        ("class_weights", "mine", "must be 'equal' or 'balanced'"),
        ("checkpoint_seconds", 0.0, "checkpoint_seconds must be from 0.1"),
        ("schedule", {"kind": "wave"}, "must be 'constant' or 'cosine' or 'step' or 'plateau'"),
        ("schedule", {"factor": 0.0}, "factor must be from 0.01 to 1"),
        ("schedule", {"patience": 0}, "patience must be from 1 to"),
        ("schedule", {"warmup_epochs": -1}, "warmup_epochs must be from 0"),
        ("schedule", {"floor_percent": 101}, "floor_percent must be from 0 to 100"),
        ("augmentation", {"shift_percent": 91}, "shift_percent must be from 0 to 90"),
        ("augmentation", {"contrast_percent": -1}, "contrast_percent must be from 0 to 90"),
        ("epochs", 0, "must be from 1 to"),
        ("learning_rate", float("nan"), "must be from"),
        ("recipe", {"size": 8}, "size must be from 24 to 512"),
    ],
)
def test_a_value_of_the_wrong_kind_or_out_of_range_is_refused(
    key: str, value: object, rule: str
) -> None:
    with pytest.raises(ConfigError, match=rule):
        TrainConfig.from_dict({"data": "/films", key: value})


@pytest.mark.parametrize(
    "watching", [{"early_stopping": 5}, {"schedule": Schedule(kind="plateau")}]
)
def test_watching_the_dev_loss_needs_a_dev_share(watching: dict) -> None:
    assert TrainConfig(data="/films", **watching)
    with pytest.raises(ConfigError, match="Set aside a dev share"):
        preset("report2018", "/films", **watching)


def test_the_reports_preset_has_the_reports_settings() -> None:
    config = preset("report2018", "/films")
    assert config.recipe == PixelRecipe(size=32, resample="nearest", fit="squash")
    assert (config.steps_per_epoch, config.batch_size, config.epochs) == (282, 10, 75)
    assert (config.augmentation.shear_degrees, config.augmentation.zoom_percent) == (0.2, 20.0)
    assert config.augmentation.rotation_degrees == 0.0
    assert config.dev_share == 0.0


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"Presets: .*recommended, report2018"):
        preset("best", "/films")


@pytest.mark.parametrize(
    ("value", "words"),
    [(99_999_999, "to 10000000; received 99999999."), (-1, "from 1 to 10000000; received -1.")],
)
def test_whole_numbers_are_refused_in_full(value, words) -> None:
    with pytest.raises(ConfigError) as refused:
        TrainConfig(data="", steps_per_epoch=value)
    assert str(refused.value).endswith(words)
