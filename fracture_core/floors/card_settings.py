"""Settings that a released model was trained with, read back from the command in its card."""

import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fracture_core.config import network_options, setting_table
from fracture_core.config.setting import Setting
from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import ConfigError
from fracture_core.models.model_card import Card
from fracture_core.runs import run_config

TRAIN = ["python", "-m", "fracture_core", "train"]
# The card's own facts name the films; the files and lists are of the machine that trained it.
ELSEWHERE = frozenset(
    {"positive", "table", "selection", "corrections", "parts", "fold", "fold_list", "options.own"}
) | {"weights", "start_from", "exclude", "families"}


def of_card(card: Card, data: str) -> tuple[TrainConfig, bool]:
    """Return the settings of a card's training on these data, and whether the card names them.

    Network, pixels and parts are always the card's; a setting that its command leaves out has its
    default, or is as it was before there was a choice, see `_facts`. Without a readable command,
    all others have their defaults.

    Args:
        card: of one network.
        data: folder of the training data.
    """
    base, is_named = TrainConfig(data=data), True
    try:
        base = setting_table.with_values(base, _facts(card) | dict(_values(_words(card.command))))
    except (ConfigError, ValueError):
        is_named = False
    own = replace(
        base,
        architecture=card.architecture,
        options=card.options,
        recipe=card.recipe,
        parts=card.parts,
    )
    return own, is_named


def _facts(card: Card) -> dict[str, Any]:
    """Return settings that a card names beside its command, whose defaults have changed since.

    One that it lacks is as it was before there was a choice.
    """
    before: dict[str, Any] = dict(run_config.BEFORE)
    if card.recipe.size > run_config.SMALL:
        before["normalization_films"] = run_config.FILMS_BEFORE
    names = ("normalization", "normalization_films")
    return before | {name: card.training[name] for name in names if name in card.training}


def _words(command: str) -> list[str]:
    """Return the options of the command `train DATA OPTIONS` among some, without the run's name.

    Others make the data before it, or average weights after it.

    Raises:
        ValueError: none of them trains.
    """
    words = shlex.split(command)
    while words[: len(TRAIN)] != TRAIN:
        if "&&" not in words:
            raise ValueError("no command that trains")
        words = words[words.index("&&") + 1 :]
    options = words[len(TRAIN) : words.index("&&") if "&&" in words else None]
    if not options:
        raise ValueError("a command that trains without data")
    if "--name" in options:
        at = options.index("--name")
        del options[at : at + 2]
    return options[1:]


def _values(words: list[str]) -> Iterator[tuple[str, Any]]:
    """Give the settings in these options by path, see `training_command.of_config`.

    Raises:
        ConfigError, ValueError: an option is unknown, or its value is of another kind.
    """
    settings = {f"--{each.option}": each for each in setting_table.settings().values()}
    rest = iter(words)
    for word in rest:
        flag, _, text = word.partition("=")
        is_on = flag in settings
        setting = settings.get(flag if is_on else flag.replace("--no-", "--", 1))
        if setting is None or not (is_on or setting.kind is bool):
            raise ValueError(f"no setting: {flag}")
        if setting.kind is bool:
            value: Any = is_on
        else:
            value = _read(setting, text or next(rest, ""))
        if setting.path not in ELSEWHERE:
            yield setting.path, value


def _read(setting: Setting, text: str) -> Any:
    """Return the value of a setting in a command's word."""
    if setting.path == "options.dense":
        return network_options.parse_units(text)
    is_text = setting.kind in (tuple, network_options.OwnNetwork)
    return text if is_text else setting.kind(text)
