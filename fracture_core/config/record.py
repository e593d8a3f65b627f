"""A settings record: JSON out and in, with kinds and ranges checked."""

import dataclasses
import json
import sys
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal, Self

from fracture_core import file_reader
from fracture_core.errors import ConfigError
from fracture_core.words import short

NAMED = 5  # unknown keys that a sentence names


@dataclass(frozen=True, kw_only=True)
class Record:
    """Base of the settings records: JSON out and in; unknown keys are refused, ranges checked."""

    def __post_init__(self) -> None:
        for entry in dataclasses.fields(self):
            setting, value = entry.metadata.get("setting"), getattr(self, entry.name)
            if setting and setting.limits and value is not None:
                check_range(entry.name, value, setting.limits)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain dicts, lists, strings and numbers."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """Return the record as indented JSON; `from_json` reads an equal record back."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the record of a dict from `to_dict`; missing keys keep their default.

        Raises:
            ConfigError: a key is unknown, or a value has the wrong kind or is out of range.
        """
        if not isinstance(values, dict):
            raise ConfigError(
                f"{cls.__name__} is read from a JSON object; received {short(repr(values))}."
            )
        known = {f.name: f.type for f in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - set(known)):
            named = ", ".join(short(repr(key)) for key in unknown[:NAMED])
            raise ConfigError(
                f"{cls.__name__} does not know {named}. It knows: {', '.join(known)}."
            )
        needed = [f.name for f in dataclasses.fields(cls) if _has_no_default(f)]
        if missing := [key for key in needed if key not in values]:
            raise ConfigError(f"{cls.__name__} needs {', '.join(map(repr, missing))}.")
        hints = typing.get_type_hints(cls)
        return cls(**{key: _restore(cls, key, hints[key], value) for key, value in values.items()})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the record of a JSON text; see `from_dict`."""
        try:
            values = file_reader.parsed(text)
        except ValueError as error:
            raise ConfigError(f"{cls.__name__} must be valid JSON: {error}.") from error
        return cls.from_dict(values)


def _has_no_default(entry: dataclasses.Field[Any]) -> bool:
    return entry.default is entry.default_factory is dataclasses.MISSING


def _restore(cls: type, key: str, hint: Any, value: Any) -> Any:
    """Return a JSON value as the annotated type `hint`: a record, tuple, number or text."""
    if value is None and type(None) in typing.get_args(hint):
        return None
    hint = required(hint)
    origin = typing.get_origin(hint)
    if isinstance(hint, type) and issubclass(hint, Record):
        return hint.from_dict(value)
    if dict in (hint, origin) and isinstance(value, dict):
        return value
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_restore(cls, key, typing.get_args(hint)[0], item) for item in value)
    if origin is Literal and value in typing.get_args(hint):
        return value
    if hint is float and type(value) in (int, float) and abs(value) <= sys.float_info.max:
        return float(value)
    if isinstance(hint, type) and origin is None and type(value) is hint:
        return value
    raise ConfigError(
        f"{cls.__name__}.{key} must be {_spoken(hint)}; received {short(repr(value))}."
    )


def required(hint: Any) -> Any:
    """Return a type without `None`: `int` for `int | None`."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    return next(option for option in options if option is not type(None))


def _spoken(hint: Any) -> str:
    if typing.get_origin(hint) is Literal:
        return " or ".join(map(repr, typing.get_args(hint)))
    words = {
        int: "a whole number",
        float: "a number",
        str: "text",
        bool: "true or false",
        dict: "an object",
    }
    origin = typing.get_origin(hint)
    return words.get(origin or hint, "a list" if origin is tuple else str(hint))


def check_range(name: str, value: float, bounds: tuple[float, float]) -> None:
    """Refuse a value outside its bounds; both ends are allowed.

    Raises:
        ConfigError: `value` is below the first bound, above the second, or not a number.
    """
    low, high = bounds
    if not low <= value <= high:
        spoken = (_in_full(low), _in_full(high), _in_full(value))
        raise ConfigError("{} must be from {} to {}; received {}.".format(name, *spoken))


def _in_full(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.15g}"
