"""The table of all settings by path, and values of a config by path."""

import dataclasses
import functools
import operator
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from fracture_core.config.record import Record, required
from fracture_core.config.setting import Group, Setting
from fracture_core.config.train_config import DEFAULTS, TrainConfig


@functools.cache
def settings() -> Mapping[str, Setting]:
    """Return every setting by its path: "epochs", "schedule.kind"."""
    return {setting.path: setting for setting in _settings_of(DEFAULTS, "")}


def _settings_of(record: Record, prefix: str) -> Iterator[Setting]:
    hints = typing.get_type_hints(type(record))
    for entry in dataclasses.fields(record):
        path, default = f"{prefix}{entry.name}", getattr(record, entry.name)
        if isinstance(default, Record):
            yield from _settings_of(default, f"{path}.")
            continue
        hint = required(hints[entry.name])
        choices = typing.get_args(hint) if typing.get_origin(hint) is Literal else ()
        kind = str if choices else typing.get_origin(hint) or hint
        declared: Setting = entry.metadata["setting"]
        yield dataclasses.replace(
            declared,
            path=path,
            kind=kind,
            choices=choices,
            default=default,
            option=declared.option or entry.name.replace("_", "-"),
        )


def value_of(config: TrainConfig, path: str) -> Any:
    """Return the value of the setting at this path."""
    return operator.attrgetter(path)(config)


def changed(config: TrainConfig, group: Group) -> list[tuple[Setting, Any]]:
    """Return the settings of a group that are not at their default, with their values."""
    values = [(each, value_of(config, each.path)) for each in settings().values()]
    return [(each, v) for each, v in values if each.group == group and v != each.default]


def with_values(config: TrainConfig, values: Mapping[str, Any]) -> TrainConfig:
    """Return the config with these settings changed, by their paths.

    Raises:
        ConfigError: a value has the wrong kind or is out of range.
    """
    changed = config.to_dict()
    for path, value in values.items():
        record, _, name = path.rpartition(".")
        (changed[record] if record else changed)[name] = value
    return TrainConfig.from_dict(changed)
