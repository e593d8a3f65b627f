"""Settings to begin with, by name."""

from collections.abc import Callable
from typing import Any

from fracture_core.config.film_settings import REPORT_AUGMENTATION, REPORT_RECIPE
from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import ConfigError
from fracture_core.words import short


def report_2018(data: str, **changes: Any) -> TrainConfig:
    """Return the 2018 report's settings: its pixels, augmentation, averages, no dev share."""
    values: dict[str, Any] = {
        "recipe": REPORT_RECIPE,
        "augmentation": REPORT_AUGMENTATION,
        "steps_per_epoch": 282,  # 2821 // 10
        "dev_share": 0.0,
        "normalization": "running",  # Keras' own
    }
    return TrainConfig(data=data, **(values | changes))


def demo(data: str, **changes: Any) -> TrainConfig:
    """Return a short run to watch: the network that trains fastest, for few epochs."""
    values: dict[str, Any] = {"architecture": "three_conv", "epochs": 30}
    return TrainConfig(data=data, **(values | changes))


PRESETS: dict[str, Callable[..., TrainConfig]] = {
    "demo": demo,
    "recommended": TrainConfig,
    "report2018": report_2018,
}


def preset(name: str, data: str, **changes: Any) -> TrainConfig:
    """Return a preset's config, with some settings changed.

    Raises:
        ConfigError: the preset is unknown.
    """
    if name not in PRESETS:
        raise ConfigError(f"No preset is called {short(name)!r}. Presets: {', '.join(PRESETS)}.")
    return PRESETS[name](data=data, **changes)
