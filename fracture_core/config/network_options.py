"""Variants of an architecture."""

from dataclasses import dataclass
from functools import partial

from fracture_core.config.limits import LIMITS
from fracture_core.config.record import Record, check_range
from fracture_core.config.setting import setting_field
from fracture_core.errors import ConfigError
from fracture_core.words import short, whole_number

_pixels = partial(setting_field, group="network and pixels", fixed=True)


@dataclass(frozen=True, kw_only=True)
class NetworkOptions(Record):
    """Variants of an architecture; `None` keeps the architecture's own value.

    `dense` lists the layers before the output, in order. Dropout without a dense layer comes before
    the output; 0 is none.
    """

    dense: tuple[int, ...] | None = _pixels(
        None,
        "Dense layers",
        "units of the dense layers, as in 128,64",
        unit="units",
        unset="the network's own",
    )
    dropout: float | None = _pixels(
        None,
        "Dropout",
        "share of units dropped after the first dense layer",
        unit="share",
        limits=(0.0, 0.95),
        unset="the network's own",
    )
    dense_normalization: bool | None = _pixels(
        None,
        "Dense normalization",
        "batch normalization after the first dense layer",
        unset="the network's own",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("Number of dense layers", len(self.dense or ()), (0, LIMITS.dense_layers))
        for units in self.dense or ():
            check_range("Units of a dense layer", units, (1, 4096))


def parse_units(text: str) -> tuple[int, ...]:
    """Return the units of dense layers in a text: "128, 64".

    Raises:
        ConfigError: a part of it is not a whole number.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    units = tuple(number for word in words if (number := whole_number(word)) is not None)
    if len(units) < len(words):
        raise ConfigError(
            f"Dense layers are whole numbers, as in 128,64; received {short(text)!r}."
        )
    return units
