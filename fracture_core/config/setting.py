"""A setting: what the command line, the form and the tables present of a field."""

from dataclasses import dataclass, field
from typing import Any, Literal

Group = Literal[
    "data",
    "network and pixels",
    "learning",
    "learning-rate schedule",
    "regularization",
    "augmentation",
    "machine",
]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A field of a settings record, as the command line, the form and the tables present it.

    Its field's metadata hold it; `setting_table.settings` adds path, kind, choices and default.

    Args:
        group: the settings that it is listed with.
        label: its name in the form and in tables.
        help: a clause; range, choices and default are added to it.
        unit: follows the label; a "share" (0 to 1) is shown in percent by the form.
        limits: the least and the greatest value.
        unset: the meaning of `None` or of an empty list.
        option: its name on the command line if that is not the field's.
        fixed: whether a fork must keep its parent's value.
        path: of the field from `TrainConfig`, as in "schedule.kind".
        kind: `int`, `float`, `bool`, `str` or `tuple`.
        choices: all values, if there are only some.
        default: the value of a config that names only its data.
    """

    group: Group
    label: str
    help: str
    unit: str = ""
    limits: tuple[float, float] | None = None
    unset: str = ""
    option: str = ""
    fixed: bool = False
    path: str = ""
    kind: type = str
    choices: tuple[str, ...] = ()
    default: Any = None

    @property
    def title(self) -> str:
        """The label with its unit: "Input side (px)"."""
        return self.label if self.unit in ("", "share") else f"{self.label} ({self.unit})"

    @property
    def clause(self) -> str:
        """The help with the choices or the range: "input side in px, 24 to 512"."""
        if self.choices:
            return f"{self.help}: {', '.join(self.choices[:-1])} or {self.choices[-1]}"
        if self.limits:
            return f"{self.help}, {_plain(self.limits[0])} to {_plain(self.limits[1])}"
        return self.help

    @property
    def sentence(self) -> str:
        """The help as a sentence."""
        return f"{self.help[0].upper()}{self.help[1:]}."

    def words(self, value: Any) -> str:
        """A value in words: "0.001", "on", "never"."""
        if value is None or value == ():
            return self.unset
        if isinstance(value, bool):
            return "on" if value else "off"
        if isinstance(value, tuple):
            return ",".join(map(str, value))
        return f"{value:g}" if isinstance(value, float) else str(value)


def _plain(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:,.7g}"


def setting_field(default: Any, label: str, help: str, **more: Any) -> Any:
    """A field of a record with its `Setting`: `more` are that record's other values."""
    setting = Setting(label=label, help=help, **more)
    return field(default=default, metadata={"setting": setting})
