"""Command line that trains the same network as a run, with its settings as options."""

import shlex
from pathlib import Path
from typing import Any

from fracture_core.config.network_options import OwnNetwork
from fracture_core.config.setting import Setting
from fracture_core.config.setting_table import settings, value_of
from fracture_core.config.train_config import TrainConfig, with_paths
from fracture_core.phantom import phantom_set


def of_config(config: TrainConfig) -> str:
    """Return the command line that trains the same as a config; defaults are left out."""
    words = ["python", "-m", "fracture_core", "train", config.data]
    words += ["--architecture", config.architecture]
    for setting in settings().values():
        value = value_of(config, setting.path)
        if setting.path not in ("data", "architecture") and value != setting.default:
            words += _as_words(setting, value)
    return shlex.join(words)


def portable(config: TrainConfig, made_with: dict[str, int] | None) -> str:
    """Return the command line that trains the same anywhere, without paths of this machine.

    Args:
        config: the run's.
        made_with: `phantom_set.settings` of the data, which is then made first; `None` for others.
    """
    name = Path(config.data).name
    train = of_config(with_paths(config, lambda path: path.name))
    if not isinstance(made_with, dict) or not {"studies", "seed"} <= made_with.keys():
        return train  # other data; or its note is damaged
    make = ["python", "-m", "fracture_core", "phantom", name]
    for key in phantom_set.OWN:
        make += [f"--{key}", str(made_with[key])] if key in made_with else []
    return f"{shlex.join(make)} && {train}"


def _as_words(setting: Setting, value: Any) -> list[str]:
    """Return an option with its value, as the parser in `cli.setting_options` reads it."""
    flag = f"--{setting.option}"
    if isinstance(value, bool):
        return [flag if value else f"--no-{setting.option}"]
    if isinstance(value, OwnNetwork):
        return [flag, value.file]
    if setting.path == "parts":
        return [word for part in value for word in (flag, part)]
    if isinstance(value, tuple):
        return [flag, ",".join(map(str, value))]
    short = f"{value:g}" if isinstance(value, float) else str(value)
    text = short if type(value)(short) == value else repr(value)
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]
