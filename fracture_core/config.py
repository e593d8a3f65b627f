"""Settings: frozen records, every default with its unit and reason, and where folders lie.

A config is data. It round-trips through JSON, refuses keys that it does not know and names those
that it does. Widgets and the command line take their defaults and bounds from here.
"""

import dataclasses
import json
import os
import sys
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from fracture_core import file_reader
from fracture_core.errors import ConfigError
from fracture_core.words import short

NAMED = 5  # unknown keys that a sentence names
PROJECT = Path(__file__).resolve().parent.parent


def runs_folder() -> Path:
    """The folder of run folders: `FRACTURE_RUNS`, else `runs/` beside the package."""
    return Path(os.environ.get("FRACTURE_RUNS") or PROJECT / "runs")


def cache_folder() -> Path:
    """The folder of what can be made again: `FRACTURE_CACHE`, else `.cache/` beside the package."""
    return Path(os.environ.get("FRACTURE_CACHE") or PROJECT / ".cache")


def phantom_folder() -> Path:
    """Where the embedded default data set is made when no other data is chosen."""
    return PROJECT / "data" / "phantom"


def data_folder() -> Path:
    """The data set in use: `FRACTURE_DATA`, else the phantom's folder."""
    return Path(os.environ.get("FRACTURE_DATA") or phantom_folder())


def models_folder() -> Path:
    """The folder of released models that ship with the project."""
    return Path(os.environ.get("FRACTURE_MODELS") or PROJECT / "models")


def slots() -> int:
    """How many queued runs train at once: `FRACTURE_SLOTS`, else one a core.

    Small networks run best with one thread each, several side by side.
    """
    return max(1, int(os.environ.get("FRACTURE_SLOTS") or os.cpu_count() or 1))


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds that a file or a setting may not pass; the refusing sentence names them."""

    file_bytes: int = 64 * 2**20  # a 16-bit film of 4,000 x 4,000 px takes 32 MB uncompressed
    film_pixels: int = 64_000_000  # long-bone panoramas reach about 45 million; more is a bomb
    film_side_px: int = 16  # each side; less than the smallest network's input shows no bone
    dicom_frames: int = 2_000  # of a file; the first is read, and none is unpacked before it
    upload_files: int = 200  # films in one upload; MURA's largest study holds 11
    upload_bytes: int = 400 * 2**20  # in all, unpacked: they stay in memory for the session
    zip_entries: int = 2_000  # listed in one zip: folders and notes among the films
    zip_ratio: int = 200  # unpacked bytes for each packed one; films reach about 20, bombs 1,000
    size: tuple[int, int] = (24, 512)  # network input in px; smaller shows no bone
    epochs: tuple[int, int] = (1, 10_000)
    batch_size: tuple[int, int] = (1, 4_096)
    learning_rate: tuple[float, float] = (1e-7, 10.0)
    degrees: tuple[float, float] = (0.0, 180.0)
    percent: tuple[float, float] = (0.0, 90.0)  # of zoom, shift, brightness, contrast
    momentum: tuple[float, float] = (0.0, 0.9999)
    weight_decay: tuple[float, float] = (0.0, 1.0)
    warmup_epochs: tuple[float, float] = (0.0, 1_000.0)
    floor_percent: tuple[float, float] = (0.0, 100.0)
    factor: tuple[float, float] = (0.01, 1.0)
    checkpoint_seconds: tuple[float, float] = (0.1, 86_400.0)
    seed: tuple[int, int] = (0, 2**31 - 1)
    share: tuple[float, float] = (0.0, 0.5)
    threads: tuple[int, int] = (1, 256)
    dense_layers: int = 16  # of a network, before its output; the report's deepest has two
    parameters: int = 300_000_000  # of a network: 1.2 GB; one_conv at 512 px has 266 million
    card_text: int = 2_000  # characters of a text in a card; its command may have ten times more


LIMITS = Limits()


@dataclass(frozen=True, kw_only=True)
class Record:
    """Base of the settings records: JSON out and in, unknown keys refused by name."""

    def to_dict(self) -> dict[str, Any]:
        """The record as plain dicts, lists, strings and numbers."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """The record as indented JSON text that `from_json` reads back to an equal record."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The record that `to_dict` gave; keys left out keep their default.

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
        """The record in this JSON text; see `from_dict`."""
        try:
            values = file_reader.parsed(text)
        except ValueError as error:
            raise ConfigError(f"{cls.__name__} must be valid JSON: {error}.") from error
        return cls.from_dict(values)


def _has_no_default(entry: dataclasses.Field) -> bool:
    return entry.default is entry.default_factory is dataclasses.MISSING


def _restore(cls: type, key: str, hint: Any, value: Any) -> Any:
    """`value` from JSON as the annotated type `hint`: records, tuples, numbers, strings."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and type(None) in options:
        return None
    hint = next(option for option in options if option is not type(None))
    origin = typing.get_origin(hint)
    if dataclasses.is_dataclass(hint):
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
    """Refuse a setting out of its bounds, both ends allowed.

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
class PixelRecipe(Record):
    """How any film becomes a network's pixels: uint8 `(size, size)`, 0 to 255.

    Args:
        size: side of the square in px.
        resample: "area" averages all the pixels that fall into one; "nearest" keeps one of them.
        fit: "pad" keeps the film's proportions and fills up with black; "squash" stretches it.
    """

    size: int = 32  # px; the report's input
    resample: Literal["area", "nearest"] = "area"  # nearest keeps 1 px in about 256 of a MURA film
    fit: Literal["pad", "squash"] = "pad"  # angles of bones stay what they are

    def __post_init__(self) -> None:
        check_range("size", self.size, LIMITS.size)


# What the 2018 report's loader did: its Keras resized by nearest neighbour, to 32 x 32.
REPORT_RECIPE = PixelRecipe(size=32, resample="nearest", fit="squash")


@dataclass(frozen=True, kw_only=True)
class Augmentation(Record):
    """Random changes of a training film, drawn anew each time that it is shown.

    Args:
        shear_degrees: shear angle, drawn from -x to +x degrees.
        zoom_percent: each axis is scaled by a factor drawn from 1 - x/100 to 1 + x/100.
        rotation_degrees: turn, drawn from -x to +x degrees.
        shift_percent: moved along each axis, drawn from -x to +x percent of the side.
        horizontal_flip: mirror left and right, every second time on average.
        vertical_flip: mirror top and bottom, every second time on average.
        brightness_percent: added to every pixel, drawn from -x to +x percent of the full range.
        contrast_percent: distances from middle grey are scaled by a factor drawn from 1 - x/100
            to 1 + x/100.
    """

    shear_degrees: float = 0.0  # shear bends bones, which is what a fracture does
    zoom_percent: float = 20.0  # the report's 0.2
    rotation_degrees: float = 10.0  # the report speaks of rotations; films lie about this askew
    shift_percent: float = 0.0  # zoom about the middle moves the rim enough
    horizontal_flip: bool = True  # left and right limbs are mirror images
    vertical_flip: bool = False  # nobody hangs a film upside down
    brightness_percent: float = 0.0  # the report changed no grey values
    contrast_percent: float = 0.0

    def __post_init__(self) -> None:
        for name in ("shear_degrees", "rotation_degrees"):
            check_range(name, getattr(self, name), LIMITS.degrees)
        for name in ("zoom_percent", "shift_percent", "brightness_percent", "contrast_percent"):
            check_range(name, getattr(self, name), LIMITS.percent)


# The report's generator: shear_range = 0.2 is 0.2 degrees there, and its code has no rotation.
REPORT_AUGMENTATION = Augmentation(shear_degrees=0.2, rotation_degrees=0.0)


@dataclass(frozen=True, kw_only=True)
class NetworkOptions(Record):
    """What may vary inside an architecture; `None` keeps the architecture's own value.

    Args:
        dense: units of the dense layers before the output, in order.
        dropout: share of units dropped after the first dense layer, or before the output where
            there is none; 0 for none.
        dense_normalization: batch normalization after the first dense layer.
    """

    dense: tuple[int, ...] | None = None
    dropout: float | None = None
    dense_normalization: bool | None = None

    def __post_init__(self) -> None:
        check_range("Number of dense layers", len(self.dense or ()), (0, LIMITS.dense_layers))
        for units in self.dense or ():
            check_range("Units of a dense layer", units, (1, 4096))
        if self.dropout is not None:
            check_range("dropout", self.dropout, (0.0, 0.95))


def whole_number(text: str) -> int | None:
    """A whole number as a person or an address writes it; `None` for anything else.

    Of more than nine digits nothing here is one, and of some thousand Python reads none.
    """
    return int(text) if text.isdecimal() and len(text) <= 9 else None


def parse_units(text: str) -> tuple[int, ...]:
    """Units of dense layers as a person writes them: "128, 64".

    Raises:
        ConfigError: something in it is no whole number.
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
    """How the learning rate goes on from the one that was asked for; see `schedules.factor`.

    A schedule keeps the length that it was made with (`TrainConfig.epochs`): epochs that are added
    later go on at its last rate.

    Args:
        kind: "constant"; "cosine", a half wave down to `floor_percent` at the last epoch; "step",
            times `factor` every `step_epochs`; "plateau", times `factor` after `patience` epochs
            without a lower dev loss.
        warmup_epochs: before that, the rate grows in a straight line from nothing.
        floor_percent: where "cosine" ends and "plateau" stops falling, of the rate asked for.
        step_epochs: length of a step in epochs.
        factor: what the rate is multiplied by at a step or on a plateau.
        patience: epochs without a lower dev loss that make a plateau.
    """

    kind: Literal["constant", "cosine", "step", "plateau"] = "constant"  # the report's
    warmup_epochs: float = 0.0  # batch normalization makes these networks start well without
    floor_percent: float = 1.0  # the last epochs still move
    step_epochs: int = 25  # three steps in the report's 75 epochs
    factor: float = 0.3  # about half a power of ten
    patience: int = 5  # dev losses on a few dozen studies jump about for less

    def __post_init__(self) -> None:
        check_range("warmup_epochs", self.warmup_epochs, LIMITS.warmup_epochs)
        check_range("floor_percent", self.floor_percent, LIMITS.floor_percent)
        check_range("step_epochs", self.step_epochs, LIMITS.epochs)
        check_range("factor", self.factor, LIMITS.factor)
        check_range("patience", self.patience, LIMITS.epochs)


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Record):
    """All that decides what a training run computes; frozen into its run folder.

    Args:
        data: absolute path of the data set's root folder.
        positive: for class folders, the class that means a fracture; else `None`.
        parts: body parts to use; empty for all that are present.
        architecture: a name of the registry.
        options: the architecture's variants.
        recipe: how films become pixels.
        augmentation: random changes of the training films.
        epochs: passes over the training films that were asked for at the start.
        steps_per_epoch: steps that are called an epoch; `None` for every training film once.
        batch_size: films a step.
        optimizer: "adam", "adamw", "adagrad", "sgd" or "rmsprop".
        learning_rate: step size of the optimizer.
        momentum: of "sgd".
        weight_decay: share of itself, times the learning rate, that each kernel loses a step;
            `None` for the optimizer's own: 0.004 for "adamw", none for the others.
        schedule: how the learning rate goes on.
        early_stopping: epochs without a lower dev loss after which the run ends; `None` for never.
        class_weights: "balanced" weighs a film's loss by the inverse of its label's frequency
            among the training films; "equal" does not.
        normalization: the averages that batch normalization judges with: "recomputed" over training
            films before every judging (see `averages`), or "running", as Keras keeps them.
        seed: of the initial weights, order, augmentation and dropout.
        dev_share: share of the training patients that is set aside to choose epoch and threshold.
        threshold: a film is positive when its probability is greater.
        weights: `.weights.h5` file of the same network to begin with; `None` for fresh ones.
        exclude: CSV file of films to leave out of training, see `exclusions`; `None` for none.
        threads: threads inside TensorFlow, on which the last bits of sums depend; `None` for
            what the speed probe finds quickest. What it chose is kept with the run.
        checkpoint_seconds: inside a long epoch, the state is kept this often.
    """

    data: str
    positive: str | None = None
    parts: tuple[str, ...] = ()
    architecture: str = "five_conv"  # the network that the report judged its studies with
    options: NetworkOptions = field(default_factory=NetworkOptions)
    recipe: PixelRecipe = field(default_factory=PixelRecipe)
    augmentation: Augmentation = field(default_factory=Augmentation)
    epochs: int = 75  # the report's
    steps_per_epoch: int | None = None  # the report's 2821 // 10 showed a third of its films
    batch_size: int = 10  # the report's
    optimizer: Literal["adam", "adamw", "adagrad", "sgd", "rmsprop"] = "adam"  # the report's best
    learning_rate: float = 0.001  # Keras' default for Adam, which the report used
    momentum: float = 0.9  # what is meant where "with momentum" is all that is said
    weight_decay: float | None = None
    schedule: Schedule = field(default_factory=Schedule)
    early_stopping: int | None = None
    class_weights: Literal["equal", "balanced"] = "equal"  # the report's
    normalization: Literal["recomputed", "running"] = "recomputed"  # running ones lag behind
    seed: int = 1  # the report's
    dev_share: float = 0.15  # of the patients; enough of them to choose an epoch by
    threshold: float = 0.5  # the report's
    weights: str | None = None  # the report went on from saved weights
    exclude: str | None = None
    threads: int | None = None
    checkpoint_seconds: float = 30.0  # what a killed run must do again at most

    def __post_init__(self) -> None:
        check_range("epochs", self.epochs, LIMITS.epochs)
        check_range("batch_size", self.batch_size, LIMITS.batch_size)
        check_range("learning_rate", self.learning_rate, LIMITS.learning_rate)
        check_range("seed", self.seed, LIMITS.seed)
        check_range("dev_share", self.dev_share, LIMITS.share)
        check_range("threshold", self.threshold, (0.0, 1.0))
        check_range("momentum", self.momentum, LIMITS.momentum)
        check_range("checkpoint_seconds", self.checkpoint_seconds, LIMITS.checkpoint_seconds)
        if self.weight_decay is not None:
            check_range("weight_decay", self.weight_decay, LIMITS.weight_decay)
        if self.early_stopping is not None:
            check_range("early_stopping", self.early_stopping, LIMITS.epochs)
        waits = self.early_stopping is not None or self.schedule.kind == "plateau"
        if waits and not self.dev_share:
            raise ConfigError(
                "Early stopping and the plateau schedule watch the dev loss, and a dev share of 0 "
                "gives none. Set aside a dev share, or choose another schedule."
            )
        if self.threads is not None:
            check_range("threads", self.threads, LIMITS.threads)
        if self.steps_per_epoch is not None:
            check_range("steps_per_epoch", self.steps_per_epoch, (1, 10**7))


DEFAULTS = TrainConfig(data="")  # for who shows or offers the defaults; it names no data


def report_2018(data: str, **changes: Any) -> TrainConfig:
    """The report's own settings: pixels, generator, averages, 282 steps an epoch, no dev share."""
    settings: dict[str, Any] = {
        "recipe": REPORT_RECIPE,
        "augmentation": REPORT_AUGMENTATION,
        "steps_per_epoch": 282,  # 2821 // 10
        "dev_share": 0.0,
        "normalization": "running",  # Keras' own
    }
    return TrainConfig(data=data, **(settings | changes))


def demo(data: str, **changes: Any) -> TrainConfig:
    """A run that a room can watch: the network that learns quickest, for few epochs."""
    return TrainConfig(data=data, **({"architecture": "three_conv", "epochs": 30} | changes))


PRESETS = {"demo": demo, "recommended": TrainConfig, "report2018": report_2018}


def preset(name: str, data: str, **changes: Any) -> TrainConfig:
    """A config by its preset's name, with some settings changed.

    Raises:
        ConfigError: the preset is unknown.
    """
    if name not in PRESETS:
        raise ConfigError(f"No preset is called {short(name)!r}. Presets: {', '.join(PRESETS)}.")
    return PRESETS[name](data=data, **changes)
