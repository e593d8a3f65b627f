"""Patients that a model was trained on, and the overlap with a study's patient.

A run's films name its patients. A released model carries a digest of each in its card (`RECORD`),
salted with the hash of the data: names of patients are not passed on, but any data set can be
compared. For models released before that, the rule that sets dev films aside decides.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import pandas as pd

from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import FractureError
from fracture_core.models.model import Model
from fracture_core.models.model_card import Card
from fracture_core.phantom import phantom_set, study_plan
from fracture_core.runs import journal, run_folders
from fracture_core.words import plural

RECORD = "patients"  # in a card's `training`: hash of the data -> joined digests
DIGITS = 8  # hex digits of a digest; 12,000 patients take 96 kB of a card
MOST_PLANNED = 100_000  # studies; a damaged card may hold any number


class TrainingOverlap(StrEnum):
    """Overlap of a patient with a model's training data."""

    TRAINED = "trained"
    POSSIBLE = "possible"  # unknown
    NEW = "new"

    @property
    def words(self) -> str:
        """Sentence to show beside a "right" or "wrong"; empty for a new patient."""
        return {
            TrainingOverlap.TRAINED: "The model was trained on films of this patient, so being "
            "right on this study shows nothing about new patients.",
            TrainingOverlap.POSSIBLE: "The model may have been trained on films of this patient: "
            "being right on this study may show nothing about new patients.",
            TrainingOverlap.NEW: "",
        }[self]

    @property
    def mark(self) -> str:
        """The same in a word or two, for a table's cell; empty for a new patient."""
        return {
            TrainingOverlap.TRAINED: "trained on",
            TrainingOverlap.POSSIBLE: "may have been trained on",
            TrainingOverlap.NEW: "",
        }[self]


def record(model: Model) -> dict[str, str]:
    """Return digests of the patients that a model was trained on, by the hash of their data.

    Returns:
        The card's value of `RECORD`; empty where unknown.
    """
    if not model.is_run:
        own = model.card.training.get(RECORD)
        return dict(own) if isinstance(own, dict) else {}
    salt = model.card.data.hash or ""
    digests = sorted({digest(salt, name) for name in _of_run(model)})
    return {salt: "".join(digests)} if salt and digests else {}


def merged(records: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the record of an ensemble; empty where one of its members has none."""
    members = [dict(each) for each in records]
    if not all(members):
        return {}
    salts = dict.fromkeys(salt for each in members for salt in each)
    return {
        salt: "".join(
            sorted({digest for each in members for digest in _digests(each.get(salt, ""))})
        )
        for salt in salts
    }


def digest(salt: str, patient: str) -> str:
    """Return the digest of a patient of a data set: `DIGITS` hex digits."""
    return hashlib.sha256(f"{salt}/{patient}".encode()).hexdigest()[:DIGITS]


def among(model: Model, dataset: Dataset) -> dict[str, TrainingOverlap]:
    """Return the patients of a data set that a model was trained on, or may have been.

    Args:
        model: any; see `stored_models.find`.
        dataset: the data set of the studies to predict.

    Returns:
        Name of a patient -> TRAINED or POSSIBLE; patients new to the model are left out.
    """
    card, names = model.card, dataset.manifest["patient"].unique()
    if not card.members and card.synthetic != dataset.synthetic:
        return {}  # synthetic and real films share no patients
    digests = record(model)
    if digests:
        return _by_record(digests, card, dataset, names)
    if card.data.hash == dataset.hash:
        return _by_split(model, dataset)
    if _is_other_phantom(card, dataset):
        return {}
    if dataset.synthetic and not card.members and (patients := _of_plan(model)):
        return {name: TrainingOverlap.TRAINED for name in names if name in patients}
    return dict.fromkeys(names, TrainingOverlap.POSSIBLE)


def of_patient(model: Model, dataset: Dataset, patient: str) -> TrainingOverlap:
    """Return the overlap of a model's training data with a patient of a data set."""
    return among(model, dataset).get(patient, TrainingOverlap.NEW)


def warnings(overlaps: Sequence[TrainingOverlap]) -> list[str]:
    """Return a sentence for each kind of overlap among studies, given the overlap of each."""
    sentences = []
    for overlap, words in (
        (TrainingOverlap.TRAINED, "was trained on"),
        (TrainingOverlap.POSSIBLE, "may have been trained on"),
    ):
        if count := sum(each is overlap for each in overlaps):
            sentences.append(
                f"{count:,} of {plural(len(overlaps), 'study')} are of patients that the model "
                f"{words}: their results say nothing about new patients."
            )
    return sentences


def dev_warning(model: Model, films: pd.DataFrame, data_hash: str) -> str:
    """Return how many studies of some films are of dev patients, in a sentence; "" for none."""
    if model.card.data.hash != data_hash or "patient" not in model.dev_films:
        return ""
    studies = catalog.studies(films)
    count = int(studies["patient"].isin(model.dev_films["patient"].unique()).sum())
    if not count:
        return ""
    return (
        f"{count:,} of {plural(len(studies), 'study')} are of dev patients, by whom the model's "
        "epoch was picked: their results are optimistic."
    )


def _by_record(
    patients: Mapping[str, str], card: Card, dataset: Dataset, names: Iterable[str]
) -> dict[str, TrainingOverlap]:
    """Compare patients by name; in other real data the same name may mean another person."""
    overlaps: dict[str, TrainingOverlap] = {}
    other = _is_other_phantom(card, dataset)
    for salt, joined in patients.items():
        same = salt == dataset.hash
        if other and not same:
            continue
        certain = same or dataset.synthetic
        overlap = TrainingOverlap.TRAINED if certain else TrainingOverlap.POSSIBLE
        digests = _digests(joined)
        for name in names:
            if digest(salt, name) in digests and overlaps.get(name) is not TrainingOverlap.TRAINED:
                overlaps[name] = overlap
    return overlaps


def _by_split(model: Model, dataset: Dataset) -> dict[str, TrainingOverlap]:
    """Apply the rule that assigns roles: the train split without the dev patients."""
    rows = dataset.manifest[dataset.manifest["split"] == "train"]
    if model.card.parts:
        rows = rows[rows["part"].isin(model.card.parts)]
    dev = set(model.dev_films["patient"]) if "patient" in model.dev_films else set()
    data = model.card.data
    left_out = data.is_partial
    overlap = TrainingOverlap.POSSIBLE if left_out else TrainingOverlap.TRAINED
    return {name: overlap for name in rows["patient"].unique() if name not in dev}


def _is_other_phantom(card: Card, dataset: Dataset) -> bool:
    """Tell whether both are phantom sets of different seeds, which share no patient."""
    training = card.data.phantom
    own = phantom_set.settings(dataset.root) if dataset.synthetic else None
    if training is None or own is None:
        return False
    return any(training.get(key) != own[key] for key in ("seed", "version"))


def _of_plan(model: Model) -> set[str]:
    """Return the training patients of a model's phantom set, by the plan of its settings.

    Empty where the settings are of another version, or films were left out.
    """
    settings = model.card.data.phantom
    if settings is None or settings.get("version") != phantom_set.VERSION:
        return set()
    studies, seed = settings.get("studies"), settings.get("seed")
    if not (isinstance(studies, int) and isinstance(seed, int) and 0 < studies <= MOST_PLANNED):
        return set()
    plan = [each for each in study_plan.plan(studies, seed) if each.split == "train"]
    dev = set(model.dev_films["patient"]) if "patient" in model.dev_films else set()
    return {f"patient{each.patient:05d}" for each in plan} - dev


def _of_run(model: Model) -> list[str]:
    """Return the patients of a run's training films; none where its list cannot be read."""
    try:
        films = journal.films(run_folders.find(model.run))
    except FractureError:
        return []
    return films.loc[films["role"] == "train", "patient"].astype(str).unique().tolist()


def _digests(joined: str) -> set[str]:
    text = str(joined)
    return {text[start : start + DIGITS] for start in range(0, len(text), DIGITS)}
