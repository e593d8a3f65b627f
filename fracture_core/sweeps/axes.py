"""Settings that a sweep varies, with their values."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fracture_core.config import network_options, setting_table
from fracture_core.config.setting import Setting
from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import ConfigError
from fracture_core.words import short

MOST = 3  # settings at once; more make no sentence
MOST_VALUES = 12  # of a setting
MOST_RUNS = 400
GROUPS = (
    "network and pixels",
    "learning",
    "learning-rate schedule",
    "regularization",
    "augmentation",
)
NOT_VARIED = (
    "seed",  # repeats each combination
    "dev_share",  # other dev studies: nothing to pair
    "exclude",
    "families",
    "options.own",  # each file is checked before a run
    "threshold",  # chosen afterwards
    "weights",
)


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A setting and its values.

    Args:
        path: of the setting, as in "recipe.size".
        values: at least two, each once.
    """

    path: str
    values: tuple[Any, ...]

    @property
    def setting(self) -> Setting:
        """The setting."""
        return setting_table.settings()[self.path]

    def words(self, value: Any) -> str:
        """Return a value in words with its unit: "64 px"."""
        setting = self.setting
        unit = f" {setting.unit}" if setting.unit == "px" else ""
        return f"{setting.words(value)}{unit}"


def offered() -> dict[str, Setting]:
    """Return the settings that can be varied, by path."""
    return {
        path: setting
        for path, setting in setting_table.settings().items()
        if setting.group in GROUPS and path not in NOT_VARIED
    }


def parse(text: str) -> Axis:
    """Return the setting and values of a text: "learning-rate=0.001,0.0003".

    Values are separated by commas; lists, such as dense layers, by semicolons. "none" is the
    setting without a value.

    Args:
        text: NAME=VALUE,VALUE; the name is that of the option or of the settings file.

    Raises:
        ConfigError: the setting is unknown or cannot be varied, or a value cannot be used.
    """
    name, _, rest = text.partition("=")
    by_name = {setting.option: path for path, setting in offered().items()}
    path = by_name.get(name.removeprefix("--"), name)
    if path not in offered():
        known = ", ".join(sorted(by_name))
        raise ConfigError(f"A sweep cannot vary {short(name)!r}. It can vary: {known}.")
    setting = offered()[path]
    separator = ";" if setting.kind is tuple else ","
    words = [word.strip() for word in rest.split(separator) if word.strip()]
    return checked(Axis(path=path, values=tuple(_value(setting, word) for word in words)))


def checked(axis: Axis) -> Axis:
    """Return the axis if it can be swept.

    Raises:
        ConfigError: there are fewer than two values or too many, or one twice.
    """
    name, values = axis.setting.label, axis.values
    if not 2 <= len(set(values)) == len(values) <= MOST_VALUES:
        received = ", ".join(map(axis.words, values)) or "none"
        raise ConfigError(
            f"{name} needs 2 to {MOST_VALUES} different values in a sweep; received {received}. "
            "Give each value once."
        )
    return axis


def _value(setting: Setting, word: str) -> Any:
    """Return a value of a setting.

    Raises:
        ConfigError: the word is no such value.
    """
    if word == "none" and setting.default is None:
        return None
    if setting.path == "options.dense":
        return network_options.parse_units(word)
    switches = {"on": True, "off": False}
    if setting.kind is bool and word in switches:
        return switches[word]
    if setting.choices and word in setting.choices:
        return word
    try:
        if setting.kind in (int, float):
            number: float = setting.kind(word)
            return number
    except ValueError:
        pass
    if setting.kind is str and not setting.choices:
        return word
    kinds = {int: "a whole number", float: "a number", bool: "on or off"}
    needed = " or ".join(setting.choices) or kinds[setting.kind]
    raise ConfigError(f"{setting.label} must be {needed}; received {short(word)!r}.")


def combinations(base: TrainConfig, axes: Sequence[Axis]) -> list[Mapping[str, Any]]:
    """Return every combination of the axes' values, by path; each makes settings that can be used.

    Raises:
        ConfigError: there is no axis, or too many or one twice; or a combination cannot be used.
    """
    paths = [axis.path for axis in axes]
    if not 1 <= len(set(paths)) == len(paths) <= MOST:
        received = ", ".join(axis.setting.label for axis in axes) or "none"
        raise ConfigError(
            f"A sweep varies 1 to {MOST} different settings; received {received}. "
            "Name each setting once."
        )
    made: list[Mapping[str, Any]] = [
        dict(zip(paths, values, strict=True))
        for values in itertools.product(*(axis.values for axis in axes))
    ]
    for values in made:
        setting_table.with_values(base, values)
    return made
