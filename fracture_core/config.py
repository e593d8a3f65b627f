"""Settings: frozen records, every default with its unit and reason, and the project's folders.

A config is data. It round-trips through JSON, refuses unknown keys and names the known ones. A
setting is declared once, at its field: the options of the command line, the range checks, the
printed commands, the form and the tables follow from it.
"""

import dataclasses
import functools
import json
import operator
import os
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

from fracture_core import file_reader
from fracture_core.errors import ConfigError
from fracture_core.words import short

Group = Literal[
    "data", "network and pixels", "learning", "learning-rate schedule", "augmentation", "machine"
]
NAMED = 5  # unknown keys that a sentence names
PROJECT = Path(__file__).resolve().parent.parent


def runs_folder() -> Path:
    """Return the folder of run folders: `FRACTURE_RUNS`, else `runs/` beside the package."""
    return Path(os.environ.get("FRACTURE_RUNS") or PROJECT / "runs")


def cache_folder() -> Path:
    """Return the folder of files that can be made again: `FRACTURE_CACHE`, else `.cache/`."""
    return Path(os.environ.get("FRACTURE_CACHE") or PROJECT / ".cache")


def phantom_folder() -> Path:
    """Return the folder of the built-in data set, used if no other is chosen."""
    return PROJECT / "data" / "phantom"


def data_folder() -> Path:
    """Return the folder of the data set in use: `FRACTURE_DATA`, else the phantom's folder."""
    return Path(os.environ.get("FRACTURE_DATA") or phantom_folder())


def models_folder() -> Path:
    """Return the folder of released models: `FRACTURE_MODELS`, else `models/`."""
    return Path(os.environ.get("FRACTURE_MODELS") or PROJECT / "models")


def slots() -> int:
    """Return the number of queued runs that train at once: `FRACTURE_SLOTS`, else one per core.

    Small networks run best with one thread each, several side by side.
    """
    return max(1, int(os.environ.get("FRACTURE_SLOTS") or os.cpu_count() or 1))


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of files, and of settings that other modules check; a refusal names them."""

    file_bytes: int = 64 * 2**20  # a 16-bit film of 4,000 x 4,000 px takes 32 MB uncompressed
    film_pixels: int = 64_000_000  # long-bone panoramas reach about 45 million; more is a bomb
    film_side_px: int = 16  # each side; less than the smallest network's input shows no bone
    dicom_frames: int = 2_000  # of a file; the first is read, and none is unpacked before it
    upload_files: int = 200  # films in one upload; MURA's largest study holds 11
    upload_bytes: int = 400 * 2**20  # in all, unpacked: they stay in memory for the session
    zip_entries: int = 2_000  # films listed in one zip
    zip_listed: int = 20_000  # files listed in one zip, programs of a CD's viewer among them
    zip_ratio: int = 200  # unpacked bytes for each packed one; films reach about 20, bombs 1,000
    size: tuple[int, int] = (24, 512)  # network input in px; smaller shows no bone
    epochs: tuple[int, int] = (1, 10_000)
    learning_rate: tuple[float, float] = (1e-7, 10.0)
    threads: tuple[int, int] = (1, 256)
    folds: tuple[int, int] = (2, 10)  # of a cross-validation; an ensemble takes up to 16 members
    dense_layers: int = 16  # of a network, before its output; the report's deepest has two
    parameters: int = 300_000_000  # of a network: 1.2 GB; one_conv at 512 px has 266 million
    card_text: int = 2_000  # characters of a text in a card; its command may have ten times more


LIMITS = Limits()


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
    hint = _required(hint)
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


def _required(hint: Any) -> Any:
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


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A field of a settings record, as the command line, the form and the tables present it.

    Its field's metadata hold it; `settings` adds path, kind, choices and default.

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


def _field(default: Any, label: str, help: str, **more: Any) -> Any:
    """A field of a record with its `Setting`: `more` are that record's other values."""
    setting = Setting(label=label, help=help, **more)
    return field(default=default, metadata={"setting": setting})


_data = partial(_field, group="data", fixed=True)
_pixels = partial(_field, group="network and pixels", fixed=True)
_changes = partial(_field, group="augmentation")
_course = partial(_field, group="learning-rate schedule")
_learning = partial(_field, group="learning")
_machine = partial(_field, group="machine")


_DEGREES, _PERCENT = (0.0, 180.0), (0.0, 90.0)


@dataclass(frozen=True, kw_only=True)
class PixelRecipe(Record):
    """The way from a film to a network's pixels: uint8 `(size, size)`, 0 to 255."""

    size: int = _pixels(
        32, "Input side", "side of the network's square input", unit="px", limits=LIMITS.size
    )  # the report's input
    resample: Literal["area", "nearest"] = _pixels(
        "area", "Resampling", "pixels averaged over their area, or the nearest one kept"
    )  # nearest keeps 1 px in about 256 of a MURA film
    fit: Literal["pad", "squash"] = _pixels(
        "pad", "Fit", "films padded with black to a square, or squashed into one"
    )  # angles of bones stay what they are
    missing_rows_percent: float = _pixels(
        5.0,
        "Missing rows",
        "most rows that a film cut short may lack, percent of its rows; 0 refuses such films",
        unit="%",
        limits=_PERCENT,
    )  # viewers show such films; what is missing is a strip at one side


# The 2018 report's loader: its Keras resized by nearest neighbour, to 32 x 32.
REPORT_RECIPE = PixelRecipe(size=32, resample="nearest", fit="squash")


@dataclass(frozen=True, kw_only=True)
class Augmentation(Record):
    """Random changes of a training film, drawn again each time that it is shown.

    Of a setting x, an angle, a shift or a brightness is drawn from -x to +x, and the factor of a
    zoom or a contrast from 1 - x/100 to 1 + x/100.
    """

    shear_degrees: float = _changes(
        0.0, "Shear", "largest shear angle", unit="± degrees", limits=_DEGREES
    )  # shear bends bones, which is what a fracture does
    zoom_percent: float = _changes(
        20.0, "Zoom", "largest zoom in or out of each axis", unit="± %", limits=_PERCENT
    )  # the report's 0.2
    rotation_degrees: float = _changes(
        10.0, "Rotation", "largest rotation", unit="± degrees", limits=_DEGREES
    )  # the report speaks of rotations; films lie about this askew
    shift_percent: float = _changes(
        0.0,
        "Shift",
        "largest shift along each axis, percent of the side",
        unit="± % of the side",
        limits=_PERCENT,
    )  # zoom about the middle moves the rim enough
    horizontal_flip: bool = _changes(
        True, "Mirror left and right", "mirror every second film left and right, on average"
    )  # left and right limbs are mirror images
    vertical_flip: bool = _changes(
        False, "Mirror top and bottom", "mirror every second film top and bottom, on average"
    )  # films do not hang upside down
    brightness_percent: float = _changes(
        0.0,
        "Brightness",
        "most that is added to every pixel, percent of the full range",
        unit="± % of white",
        limits=_PERCENT,
    )  # the report changed no grey values
    contrast_percent: float = _changes(
        0.0, "Contrast", "largest change of contrast about middle grey", unit="± %", limits=_PERCENT
    )


# The report's generator: shear_range = 0.2 is 0.2 degrees there, and its code has no rotation.
REPORT_AUGMENTATION = Augmentation(shear_degrees=0.2, rotation_degrees=0.0)


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


def whole_number(text: str) -> int | None:
    """Return the whole number in a text of at most nine digits; `None` for any other text.

    No number of this project is longer, and Python refuses texts of some thousand digits.
    """
    return int(text) if text.isdecimal() and len(text) <= 9 else None


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An epoch of a run; as text RUN@EPOCH."""

    run: str
    epoch: int

    @classmethod
    def parse(cls, text: str) -> "Reference | None":
        """Return the reference that a text is; `None` if it is not a name, "@" and an epoch."""
        run, _, number = text.rpartition("@")
        epoch = whole_number(number)
        return cls(run=run, epoch=epoch) if run and epoch is not None else None

    def __str__(self) -> str:
        return f"{self.run}@{self.epoch}"


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


@dataclass(frozen=True, kw_only=True)
class Schedule(Record):
    """Course of the learning rate from its first value; see `schedules.factor`.

    A schedule keeps its first length (`TrainConfig.epochs`): epochs added later run at its last
    rate. "cosine" falls in a half wave to `floor_percent` at the last epoch; "step" multiplies by
    `factor` every `step_epochs`; "plateau" does after `patience` epochs without a lower dev loss.
    """

    kind: Literal["constant", "cosine", "step", "plateau"] = _course(
        "constant", "Schedule", "course of the learning rate", option="schedule"
    )  # the report's
    warmup_epochs: float = _course(
        0.0,
        "Warm-up",
        "epochs at the start in which the rate grows from 0 in a straight line",
        unit="epochs",
        limits=(0.0, 1000.0),
    )  # batch normalization makes these networks start well without
    floor_percent: float = _course(
        1.0,
        "Lowest rate",
        "lowest rate of cosine and plateau, percent of the learning rate",
        unit="%",
        limits=(0.0, 100.0),
    )  # the last epochs still move
    step_epochs: int = _course(
        25,
        "Length of a step",
        "epochs from one step to the next",
        unit="epochs",
        limits=LIMITS.epochs,
    )  # three steps in the report's 75 epochs
    factor: float = _course(
        0.3, "Factor", "multiplies the rate at a step or on a plateau", limits=(0.01, 1.0)
    )  # about half a power of ten
    patience: int = _course(
        5,
        "Patience",
        "epochs without a lower dev loss that make a plateau",
        unit="epochs",
        limits=LIMITS.epochs,
    )  # dev losses on a few dozen studies jump about for less


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Record):
    """All that decides what a training run computes; frozen into its run folder.

    Each field's help says what it is. `data` is an absolute path. The last bits of sums depend on
    `threads`; the run's facts hold the number that the speed probe chose.
    """

    data: str = _data(
        dataclasses.MISSING, "Films", "root folder of MURA, of FracAtlas, or of class folders"
    )
    positive: str | None = _data(
        None, "Positive class", "class folders, a table: the class or label that is positive"
    )
    table: str | None = _data(
        None, "Table", "CSV or Parquet file with a row for each film", unset="none"
    )
    selection: str | None = _data(
        None, "Selection", "name of a saved selection of studies to train on", unset="all"
    )
    corrections: bool = _data(
        False, "Corrections", "use the labels that were corrected for these data"
    )
    parts: tuple[str, ...] = _data((), "Parts", "body part; repeats", unset="all", option="part")
    architecture: str = _pixels(
        "five_conv", "Architecture", "network"
    )  # of the report's verdicts on studies
    options: NetworkOptions = field(default_factory=NetworkOptions)
    recipe: PixelRecipe = field(default_factory=PixelRecipe)
    augmentation: Augmentation = field(default_factory=Augmentation)
    epochs: int = _learning(
        75, "Epochs", "passes over the training films", limits=LIMITS.epochs
    )  # the report's
    steps_per_epoch: int | None = _learning(
        None,
        "Steps per epoch",
        "steps that make an epoch",
        limits=(1, 10**7),
        unset="every film once",
    )  # the report's 2821 // 10 showed a third of its films
    batch_size: int = _learning(
        10,
        "Batch size",
        "films per step; on average where a step takes whole studies",
        unit="films per step",
        limits=(1, 4096),
    )  # the report's
    optimizer: Literal["adam", "adamw", "adagrad", "sgd", "rmsprop"] = _learning(
        "adam", "Optimizer", "optimizer"
    )  # the report's best
    learning_rate: float = _learning(
        0.001, "Learning rate", "step size of the optimizer", limits=LIMITS.learning_rate
    )  # Keras' default for Adam, which the report used
    momentum: float = _learning(
        0.9, "Momentum", "momentum of sgd", limits=(0.0, 0.9999)
    )  # the usual value if a text says only "with momentum"
    weight_decay: float | None = _learning(
        None,
        "Weight decay",
        "share of itself, times the learning rate, that each kernel loses per step",
        limits=(0.0, 1.0),
        unset="adamw 0.004, others 0",
    )
    schedule: Schedule = field(default_factory=Schedule)
    early_stopping: int | None = _learning(
        None,
        "Early stopping",
        "epochs without a lower dev loss that end the run",
        unit="epochs",
        limits=LIMITS.epochs,
        unset="never",
    )
    class_weights: Literal["equal", "balanced"] = _learning(
        "equal",
        "Class weights",
        "weight of a film's or study's loss, equal or by the inverse of its label's frequency",
    )  # the report's
    learn_from: Literal["films", "studies"] = _learning(
        "films",
        "Learn from",
        "loss of each film, as if it showed what its study's label says, or of each study as a "
        "whole, since a positive study's films may show nothing",
        fixed=True,
    )  # the report's
    pooling: Literal["maximum", "noisy_or", "mean", "attention"] = _learning(
        "maximum",
        "Pooling",
        "how a study's probability is made of its films' in a loss per study",
        fixed=True,
    )  # the verdict's own rule: any film
    normalization: Literal["recomputed", "running"] = _learning(
        "recomputed",
        "Batch-norm averages",
        "averages of batch normalization in predictions, recomputed over training films after "
        "each epoch or Keras' running ones, which lag behind",
    )  # running ones lag behind
    seed: int = _learning(
        1, "Seed", "seed of weights, order, augmentation and dropout", limits=(0, 2**31 - 1)
    )  # the report's
    dev_share: float = _learning(
        0.15,
        "Dev share",
        "share of the training patients set aside to choose the epoch by",
        unit="share",
        limits=(0.0, 0.5),
        fixed=True,
    )  # of the patients; enough of them to choose an epoch by
    threshold: float = _learning(
        0.5, "Threshold", "a film is positive above this probability", limits=(0.0, 1.0)
    )  # the report's
    weights: str | None = _pixels(
        None, "Initial weights", "file of Keras with weights of the same network", unset="none"
    )  # the report continued from saved weights
    exclude: str | None = _learning(
        None, "Exclude", "CSV file of films to leave out of training", unset="none"
    )
    families: str | None = _learning(
        None,
        "Families",
        "CSV file of films that are copies of one original, which stay on one side of a split",
        unset="none",
    )
    fold: int | None = _data(
        None,
        "Fold",
        "fold of the list that is held out, as valid films",
        limits=(1, LIMITS.folds[1]),
        unset="none",
    )
    fold_list: str | None = _data(
        None, "Fold list", "CSV file with the fold of each training film", unset="none"
    )
    threads: int | None = _machine(
        None,
        "Threads",
        "threads inside TensorFlow",
        limits=LIMITS.threads,
        unset="quickest, by probe",
    )
    checkpoint_seconds: float = _machine(
        30.0,
        "Checkpoint interval",
        "seconds from one checkpoint to the next inside an epoch",
        unit="seconds",
        limits=(0.1, 86400.0),
    )  # what a killed run must do again at most

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in PATHS:
            path = getattr(self, name) or ""
            if any(
                "\ud800" <= character <= "\udfff" for character in path
            ):  # bytes of another text
                raise ConfigError(
                    f"{name} must be a path of UTF-8 text; received {short(ascii(path))}. Rename "
                    "its folders or the file."
                )
        watches = self.early_stopping is not None or self.schedule.kind == "plateau"
        if watches and not self.dev_share:
            raise ConfigError(
                "Early stopping and the plateau schedule watch the dev loss, and a dev share of 0 "
                "gives none. Set aside a dev share, or choose another schedule."
            )

    @property
    def study_pooling(self) -> str | None:
        """The pooling of a loss per study; `None` where each film has its own loss."""
        return self.pooling if self.learn_from == "studies" else None


# Settings that name a file or a folder.
PATHS = ("data", "table", "weights", "exclude", "families", "fold_list")


def with_paths(config: TrainConfig, change: Callable[[Path], str]) -> TrainConfig:
    """Return a config whose files and folders are named by what `change` returns for each."""
    named = {name: getattr(config, name) for name in PATHS}
    changed: dict[str, Any] = {name: change(Path(path)) for name, path in named.items() if path}
    return dataclasses.replace(config, **changed)


DEFAULTS = TrainConfig(data="")  # for forms and `--help`; it names no data


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
        hint = _required(hints[entry.name])
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
