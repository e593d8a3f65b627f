"""Model cards, and finding the model of a name.

A card describes a model: architecture, pixels, label meaning, threshold, training data and its
figures on films that it was not trained on. Released models keep theirs in `card.json`; a run's
card is made from its folder. Nothing here loads TensorFlow.
"""

import hashlib
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from fracture_core import checksums, file_reader
from fracture_core.config.film_settings import PixelRecipe
from fracture_core.config.limits import LIMITS
from fracture_core.config.network_options import NetworkOptions
from fracture_core.config.record import Record, check_range
from fracture_core.config.reference import Reference
from fracture_core.config.setting import Setting
from fracture_core.config.setting_table import settings, value_of
from fracture_core.config.train_config import TrainConfig, with_paths
from fracture_core.datasets import manifest_file
from fracture_core.epochs import epoch_weights, predictions
from fracture_core.errors import ConfigError, DamagedFile, FileRefused, ModelError
from fracture_core.folders import cache_folder
from fracture_core.models import model_names
from fracture_core.models.model_names import CARD
from fracture_core.networks import network_size
from fracture_core.operating_points.choices import Choices
from fracture_core.phantom import phantom_set
from fracture_core.runs import journal, run_facts, run_folders
from fracture_core.verdicts import aggregation, metrics

LABEL_MEANING = (
    "Positive means abnormal: fractures, but also hardware, degenerative disease and more."
)
LABEL_MEANING_CLASSES = "Positive means: the films in the class folder {positive!r}."
LABEL_MEANING_TABLE = "Positive means: the films with the label {positive!r} in their table."
LABEL_MEANING_FRACATLAS = "Positive means: a fracture, as FracAtlas' radiologists marked it."
LABEL_MEANING_GRAZPEDWRI = "Positive means: a fracture is visible, as GRAZPEDWRI-DX marks it."
LABEL_MEANING_PHANTOM = "Positive means: a break was drawn into the synthetic bone."
NEVER_SEEN = "This model has never seen a real film; its answer means nothing here."
WEIGHTS, PREDICTIONS = "weights.weights.h5", "dev_predictions.parquet"
GATE = "gate.npz"
PREVIOUS_GATE = "gate.previous.npz"  # while a new one and its card are written
OUT_OF_FOLD = "out_of_fold.parquet"  # of a model that was cross-validated, see `out_of_fold`
PREVIOUS_OUT_OF_FOLD = "out_of_fold.previous.parquet"  # while a new one and its card are written
FILES = (
    CARD,
    WEIGHTS,
    PREDICTIONS,
    GATE,
    OUT_OF_FOLD,
)  # of a released model; the last two: of some
ENSEMBLE = "ensemble"  # the architecture in the card of several networks
PREDICTION_COLUMNS = {**manifest_file.MANIFEST, "probability": "number"}  # of a prediction table
GATE_BYTES = 64 * file_reader.MB  # of a gate, packed or not; enough for 4,000 features
MOST_MEMBERS = 16  # of an ensemble; each adds its own time to every film
WEIGHTS_BYTES = 2 * MOST_MEMBERS * 4 * LIMITS.parameters  # with room for the file's metadata
GATE_VERSION = 2  # raised whenever the same films give another gate


@dataclass(frozen=True, kw_only=True)
class Member(Record):
    """One network of an ensemble: the model's name and its architecture."""

    name: str
    architecture: str
    options: NetworkOptions = field(default_factory=NetworkOptions)


@dataclass(frozen=True, kw_only=True)
class Card(Record):
    """Description of a model, without which its predictions cannot be interpreted.

    Args:
        name: of the model, or `RUN@EPOCH`.
        architecture: a name of the registry, or `ENSEMBLE`.
        options: the architecture's variants.
        recipe: conversion of a film to the network's pixels.
        label_meaning: meaning of a positive label in the training data.
        threshold: a film is positive when its probability is greater.
        threshold_origin: origin of the threshold, a clause.
        epoch: of the run that the weights are from.
        parts: body parts that it was trained on; empty for all of the data's.
        training: the data: root name, kind, hash, synthetic, images and studies by role.
        metrics: by role ("dev", "valid"), then by level ("images", "studies"): a `metrics.Summary`.
        command: the command line that trains the same model.
        versions: of Python and the packages that influence the results.
        weights_sha256: of the weights file; empty for a run, whose `SHA256SUMS` has it.
        predictions_sha256: of the dev predictions; empty for a run, or if an older version wrote
            them.
        created: start of the run, ISO 8601 UTC.
        gate: the gate's data, limit and file's sha256; empty without a gate.
        members: of an ensemble, in the order of their groups in the weights file; else empty.
        out_of_fold: of a model that was cross-validated: folds, films, the table's sha256, and the
            figures by level with n and interval; else empty.
        choices: operating point, calibration and promise that its owner has saved.
    """

    name: str
    architecture: str
    options: NetworkOptions = field(default_factory=NetworkOptions)
    recipe: PixelRecipe = field(default_factory=PixelRecipe)
    label_meaning: str = LABEL_MEANING
    threshold: float = 0.5
    threshold_origin: str = ""
    epoch: int = 0
    parts: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    command: str = ""
    versions: dict[str, Any] = field(default_factory=dict)
    weights_sha256: str = ""
    predictions_sha256: str = ""
    created: str = ""
    gate: dict[str, Any] = field(default_factory=dict)
    members: tuple[Member, ...] = ()
    out_of_fold: dict[str, Any] = field(default_factory=dict)
    choices: Choices = field(default_factory=Choices)

    def __post_init__(self) -> None:
        check_range("threshold", self.threshold, (0.0, 1.0))
        check_range("epoch", self.epoch, (0, run_facts.MOST))
        texts = (self.name, self.architecture, self.label_meaning, self.threshold_origin)
        for text in (*texts, *self.parts, *(member.name for member in self.members)):
            check_range("Number of characters in a card's text", len(text), (0, LIMITS.card_text))
        most = 10 * LIMITS.card_text
        check_range("Number of characters in a card's command", len(self.command), (0, most))
        run_facts.data(self.training)
        run_facts.gate(self.gate)
        run_facts.out_of_fold(self.out_of_fold)
        for level in (level for levels in self.metrics.values() for level in _levels(levels)):
            metrics.Summary.from_dict(level)
        for each in self._sized():
            network_size.check(*each)

    @property
    def networks(self) -> list[tuple[str, NetworkOptions]]:
        """Architecture and options of the network, or of every member of an ensemble."""
        own = [(self.architecture, self.options)] if not self.members else []
        return own + [(member.architecture, member.options) for member in self.members]

    @property
    def weights_bytes(self) -> int:
        """Largest allowed weights file: twice the parameters, and room for their names."""
        parameters = sum(network_size.of(*each).parameters for each in self._sized())
        return 2 * network_size.FLOAT * parameters + 2**20 * len(self.networks)

    def _sized(self) -> list[tuple[str, int, NetworkOptions]]:
        return [(name, self.recipe.size, options) for name, options in self.networks]

    def without_choices(self) -> "Card":
        """Return the card as it was before its owner saved choices, with its own threshold."""
        point = self.choices.operating_point
        if point is None:
            return replace(self, choices=Choices())
        return replace(
            self,
            threshold=point.card_threshold,
            threshold_origin=point.card_threshold_origin,
            choices=Choices(),
        )

    @property
    def synthetic(self) -> bool:
        """True for a model trained on synthetic films only."""
        return bool(self.data.synthetic)

    @property
    def data(self) -> run_facts.DataFacts:
        """The facts about its training data."""
        return run_facts.DataFacts.from_dict(self.training)

    @property
    def dev_words(self) -> str:
        """Note beside figures on dev films, a sentence."""
        subject = "Its members' epochs were" if self.members else "The model's epoch was"
        return f"{subject} picked on the dev films, so these figures are optimistic."

    @property
    def no_dev_words(self) -> str:
        """Reason for having no dev films, a clause."""
        if self.out_of_fold:
            return "Its accuracy out of fold is on Evaluate; the model itself has no dev films"
        if self.members:
            return "The members of this model share no dev films"
        return "This model set no dev films aside"

    @property
    def network(self) -> str:
        """The network in words: the architecture and its epoch, or an ensemble's members."""
        if not self.members:
            return f"{self.architecture}, epoch {self.epoch}"
        members = ", ".join(f"{each.architecture} {each.name}" for each in self.members)
        return f"mean of {len(self.members)} networks ({members})"


@dataclass(frozen=True, kw_only=True)
class Model:
    """A card with the files that belong to it.

    Args:
        reference: its name on the command line.
        card: its description.
        weights: path of its `.weights.h5`.
        judged: predictions on the dev films, one row each: manifest columns and `probability`,
            float32.
        gate: path of its `gate.npz`; `None` where none was fitted.
        guarded: whether its weights, predictions and card (of a run: films and config) have
            checksums; files that an older version wrote have none.
        lost: one of those files whose checksum was written and is gone; empty if none is.
    """

    reference: str
    card: Card
    weights: Path
    judged: pd.DataFrame
    gate: Path | None = None
    guarded: bool = True
    lost: str = ""

    @property
    def run(self) -> str:
        """The name of its run, if it is an epoch of one; "" for a released model."""
        return self.reference.rpartition("@")[0]

    @property
    def is_run(self) -> bool:
        """True for an epoch of a run, False for a released model."""
        return bool(self.run)

    def at_threshold(self, threshold: float) -> dict[str, metrics.Summary]:
        """Return its figures on dev films at this threshold: "images" and "studies"."""
        return summaries(self.judged, threshold)


def _levels(levels: Any) -> list[Any]:
    """Return the figures of a role, one per level, and refuse others than images and studies."""
    if not (isinstance(levels, dict) and levels.keys() <= {"images", "studies"}):
        raise ConfigError("A card's metrics are of images and studies, by role.")
    return list(levels.values())


def summaries(films: pd.DataFrame, threshold: float) -> dict[str, metrics.Summary]:
    """Return the figures of predictions, by image and by study (OR rule).

    Args:
        films: manifest columns and `probability`, 0 to 1.
        threshold: a film is positive when its probability is greater.
    """
    scores = films["probability"].to_numpy()
    verdicts = aggregation.verdicts(films, scores, threshold)
    positive = aggregation.is_positive(scores, threshold)
    return {
        "images": metrics.summarise(films["label"], positive, scores),
        "studies": metrics.summarise(
            verdicts["label"], verdicts["verdict"].astype(bool), verdicts["score"]
        ),
    }


def group(number: int) -> str:
    """Return the name of a member's group in an ensemble's weights file, counted from 1."""
    return f"member_{number}"


def find(reference: str) -> Model:
    """Return the model of this name.

    Args:
        reference: a name in `models/`, a run (its best dev epoch, else its last), `RUN@EPOCH`, or
            the path of a folder with a card.

    Raises:
        ModelError: there is none, or its card or files are not whole.
        RunError: the run has no such epoch.
    """
    place = model_names.place(reference)
    return of_run(place.folder, place.epoch) if place.run else read(place.folder)


def read(folder: Path) -> Model:
    """Return the released model in this folder.

    Raises:
        ModelError: a file is missing or damaged, or does not belong to the card.
    """
    if missing := [n for n in (CARD, WEIGHTS, PREDICTIONS) if not (folder / n).is_file()]:
        raise ModelError(
            f"{folder.name} is no whole model: {', '.join(missing)} is missing, or no file."
        )
    card, has_checksum = _card(folder)
    _check_weights(folder.name, card, sha256(folder / WEIGHTS, card.weights_bytes))
    gate = _gate_of(folder, card)
    if card.gate and gate is None:
        raise ModelError(
            f"The {GATE} of {folder.name} is missing, or not the one that its card was written "
            "for. Release the model again."
        )
    return Model(
        reference=folder.name,
        card=card,
        weights=folder / WEIGHTS,
        judged=_dev_predictions(folder, card),
        gate=gate,
        guarded=bool(card.predictions_sha256 and has_checksum),
    )


def _card(folder: Path) -> tuple[Card, bool]:
    """Return a released model's card, and whether it carries its own checksum.

    Raises:
        ModelError: it cannot be read, or was changed since it was written.
    """
    try:
        fields, is_intact = checksums.split_own(file_reader.read_json(folder / CARD))
        card = Card.from_dict(fields)
    except (ConfigError, FileRefused) as error:
        raise ModelError(f"The card of {folder.name} cannot be read: {error}") from error
    if is_intact is False:
        raise ModelError(
            f"The {CARD} of {folder.name} is damaged (its own checksum differs). Put it back, "
            "or release the model again."
        )
    if len(card.members) == 1 or len(card.members) > MOST_MEMBERS:
        raise ModelError(
            f"An ensemble has 2 to {MOST_MEMBERS} members; the card of {folder.name} names "
            f"{len(card.members)}. Make it again."
        )
    return card, is_intact is not None


def _dev_predictions(folder: Path, card: Card) -> pd.DataFrame:
    """Return a released model's predictions on its dev films.

    Raises:
        ModelError: they cannot be read, or are not those that the card was written for.
    """
    try:
        table = prediction_table(folder / PREDICTIONS)
    except FileRefused as error:
        raise ModelError(f"The {PREDICTIONS} of {folder.name} cannot be read: {error}") from error
    expected = card.predictions_sha256
    if expected and sha256(folder / PREDICTIONS, file_reader.TABLE_BYTES) != expected:
        raise ModelError(
            f"The {PREDICTIONS} of {folder.name} is not the one that its card was written for. "
            "Release the model again."
        )
    return table


def prediction_table(source: Path | bytes) -> pd.DataFrame:
    """Read a table of predicted films: manifest columns and `probability`.

    The table of an ensemble has the columns `member_1`, `member_2`... as well.

    Args:
        source: the parquet file's path, or its content.

    Raises:
        FileRefused: it is missing, damaged, or has a label or probability out of range.
    """
    films = file_reader.read_table(source, PREDICTION_COLUMNS, others=True)
    file = source.name if isinstance(source, Path) else "the table"
    scores = [name for name in films if name == "probability" or str(name).startswith("member_")]
    for name in scores:
        if films[name].dtype.kind != "f" or not films[name].between(0, 1).all():
            raise FileRefused(file, f"holds a {name} that is not from 0 to 1")
    if not films["label"].isin([0, 1]).all():
        raise FileRefused(file, "holds a label that is neither 0 nor 1")
    return films


def _gate_of(folder: Path, card: Card) -> Path | None:
    """Return the card's gate; the previous one if a kill came between writing gate and card."""
    expected = card.gate.get("sha256")
    paths = (folder / name for name in (GATE, PREVIOUS_GATE))
    whole = (path for path in paths if path.is_file() and sha256(path, GATE_BYTES) == expected)
    return next(whole, None) if card.gate else None


def is_whole_gate(path: Path) -> bool:
    """Tell whether a run's gate is stored here undamaged; a damaged one is fitted again."""
    try:
        checksums.read(path.parent, path)
    except (OSError, FileRefused, DamagedFile):
        return False
    return True


def gate_folder(weights: Path, limit: int = WEIGHTS_BYTES) -> Path:
    """Return the folder for the gate of a run's weights, which need not exist.

    Args:
        weights: the file.
        limit: maximum size of the file in bytes.
    """
    return cache_folder() / "gates" / f"{sha256(weights, limit)[:16]}-{GATE_VERSION}"


def sha256(source: Path | bytes, limit: int = WEIGHTS_BYTES) -> str:
    """Return the hex digest of a file, or of its content.

    Args:
        source: the file's path, or its content.
        limit: maximum size of the file in bytes.

    Raises:
        FileRefused: the file cannot be read, or is larger.
    """
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    digest = hashlib.sha256()
    with file_reader.opened(source, limit) as stream:
        while block := stream.read(file_reader.MB):
            digest.update(block)
    return digest.hexdigest()


def of_run(folder: Path, epoch: int | None = None) -> Model:
    """Return an epoch of a run as a model; by default its best dev epoch, else its last.

    Raises:
        ModelError: no epoch is complete, or its weights are cut short.
        RunError: the epoch is not kept.
    """
    run = run_folders.read(folder)
    chosen = _best_epoch(folder) if epoch is None else epoch
    weights = epoch_weights.find(folder / "checkpoints", chosen)
    if not _is_whole(weights):
        raise ModelError(
            f"The weights of {run.name} after epoch {chosen} are cut short or damaged. Pick "
            "another of its epochs."
        )
    films = run_predictions(folder, chosen)
    card = _card_of_run(run, chosen, films)
    gate = gate_folder(weights, card.weights_bytes) / GATE
    sources = [weights, predictions.path(folder, chosen)]
    sources += [folder / "films.parquet", folder / "config.json"]
    named = [path.relative_to(folder).as_posix() for path in sources]
    unlisted = [file for file in journal.lost_checksums(folder) if file in named]
    return Model(
        reference=card.name,
        card=card,
        weights=weights,
        judged=films[films["role"] == "dev"],
        gate=gate if is_whole_gate(gate) else None,
        guarded=all(checksums.is_guarded(folder, path) for path in sources),
        lost=next(iter(unlisted), ""),
    )


def _best_epoch(folder: Path) -> int:
    """Return a run's best dev epoch, else its last.

    Raises:
        ModelError: no epoch is complete, or lines of the metrics are lost.
    """
    best = journal.best_epoch(folder)
    if lost := predictions.lost_lines(folder):
        raise ModelError(
            f"The best epoch of {folder.name} is not known: its metrics.jsonl lost "
            f"{predictions.named(lost)}. Put the file back, or name an epoch, as in "
            f"{Reference(run=folder.name, epoch=best or lost[-1])}."
        )
    if best is None:
        raise ModelError(f"{folder.name} has completed no epoch yet. Wait for its first one.")
    return best


def _card_of_run(run: run_folders.Run, epoch: int, films: pd.DataFrame) -> Card:
    """Return the card of a run's epoch, given its predicted films."""
    by_role = {role: films[films["role"] == role] for role in ("dev", "valid")}
    figures = {
        role: {k: v.to_dict() for k, v in summaries(rows, run.config.threshold).items()}
        for role, rows in by_role.items()
        if len(rows)
    }
    data = run.facts.get("data", {})
    return Card(
        name=str(Reference(run=run.name, epoch=epoch)),
        architecture=run.config.architecture,
        options=run.config.options,
        recipe=run.config.recipe,
        label_meaning=label_meaning(data),
        threshold=run.config.threshold,
        threshold_origin="set before training, as in the 2018 report",
        epoch=epoch,
        parts=run.config.parts,
        training={
            **data,
            "root": Path(str(data.get("root", ""))).name,
            "normalization": run.config.normalization,
            **({"pooling": pooling} if (pooling := run.config.study_pooling) else {}),
        },
        metrics=figures,
        command=full_command(run.config, data.get("phantom")),
        versions=run.facts.get("versions", {}),
        created=str(run.facts.get("created", "")),
    )


def last_whole_epoch(run: str) -> int | None:
    """Return the last epoch of a run whose weights are whole; `None` without one, or no run."""
    if not run_folders.exists(run):
        return None
    folder = run_folders.find(run) / "checkpoints"
    whole = reversed(epoch_weights.whole(folder))
    return next((n for n in whole if _is_whole(folder / epoch_weights.name(n))), None)


def _is_whole(weights: Path) -> bool:
    """Check that a weights file is not cut short; the weights are not read."""
    import h5py

    try:
        with file_reader.opened(weights, WEIGHTS_BYTES) as stream:
            h5py.File(stream).close()
    except (OSError, FileRefused):
        return False
    return True


def weights_content(model: Model) -> bytes:
    """Return the content of a model's weights file, read once and checked.

    Raises:
        ModelError: a released model's file is not the one that its card was written for.
        DamagedFile: a run's file does not match its checksum.
    """
    try:
        content = file_reader.read_bytes(model.weights, WEIGHTS_BYTES)
    except FileRefused as error:
        raise ModelError(f"The weights of {model.card.name} cannot be read: {error}") from error
    if model.is_run:
        checksums.check(model.weights.parent.parent, model.weights, content)
    else:
        _check_weights(model.card.name, model.card, sha256(content))
    return content


def _check_weights(name: str, card: Card, digest: str) -> None:
    """Refuse weights of another hash than the card's."""
    if digest != card.weights_sha256:
        raise ModelError(
            f"The weights of {name} are not those that its card was written for. "
            "Release the model again."
        )


def covered_films(model: Model) -> pd.DataFrame:
    """Return all films of a model's prediction table: its dev films, and a run's valid films.

    Returns:
        Manifest columns and `probability`, one row per film.
    """
    reference = Reference.parse(model.reference)
    if reference is None:
        return model.judged
    return run_predictions(run_folders.find(reference.run), reference.epoch)


def run_predictions(folder: Path, epoch: int) -> pd.DataFrame:
    """Return a run's dev and valid films with their `probability` after an epoch."""
    films = journal.films(folder)
    table = predictions.load(folder, epoch, len(predictions.predicted_films(films)))
    return predictions.join(films, table)


def label_meaning(data: dict[str, Any]) -> str:
    """Return the meaning of a positive label in a data set, one sentence."""
    if data.get("synthetic"):
        return LABEL_MEANING_PHANTOM
    if data.get("kind") == "class_folders":
        return LABEL_MEANING_CLASSES.format(positive=data.get("positive"))
    if data.get("kind") == "table":
        return LABEL_MEANING_TABLE.format(positive=data.get("positive"))
    if data.get("kind") == "fracatlas":
        return LABEL_MEANING_FRACATLAS
    if data.get("kind") == "grazpedwri":
        return LABEL_MEANING_GRAZPEDWRI
    return LABEL_MEANING


def full_command(config: TrainConfig, made_with: dict[str, int] | None) -> str:
    """Return the command line that trains the same anywhere, without paths of this machine.

    Args:
        config: the run's.
        made_with: `phantom_set.settings` of the data, which is then made first; `None` for others.
    """
    name = Path(config.data).name
    train = command(with_paths(config, lambda path: path.name))
    if not isinstance(made_with, dict) or not {"studies", "seed"} <= made_with.keys():
        return train  # other data; or its note is damaged
    make = ["python", "-m", "fracture_core", "phantom", name]
    for key in phantom_set.OWN:
        make += [f"--{key}", str(made_with[key])] if key in made_with else []
    return f"{shlex.join(make)} && {train}"


def command(config: TrainConfig) -> str:
    """Return the command line that trains the same as a config; defaults are left out."""
    words = ["python", "-m", "fracture_core", "train", config.data]
    words += ["--architecture", config.architecture]
    for setting in settings().values():
        value = value_of(config, setting.path)
        if setting.path not in ("data", "architecture") and value != setting.default:
            words += _as_words(setting, value)
    return shlex.join(words)


def _as_words(setting: Setting, value: Any) -> list[str]:
    """Return an option with its value, as the parser in `cli.setting_options` reads it."""
    flag = f"--{setting.option}"
    if isinstance(value, bool):
        return [flag if value else f"--no-{setting.option}"]
    if setting.path == "parts":
        return [word for part in value for word in (flag, part)]
    if isinstance(value, tuple):
        return [flag, ",".join(map(str, value))]
    short = f"{value:g}" if isinstance(value, float) else str(value)
    text = short if type(value)(short) == value else repr(value)
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]
