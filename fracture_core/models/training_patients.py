"""The patients that a model was trained on, and whether a study's patient is one of them.

A run's films say who they are. A released model carries a digest for each of them in its card
(`RECORD`), salted with the hash of the data: names of patients are not passed on, and any data set
can still be asked. Models released before that are told by the rule that sets dev films aside.
"""

import hashlib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import FractureError
from fracture_core.models.cards import Card, Model
from fracture_core.phantom import phantom_set
from fracture_core.runs import journal, run_folders

RECORD = "patients"  # in a card's `training`: hash of the data -> joined digests
DIGITS = 8  # hex digits of a digest; 12,000 patients take 96 kB of a card
MOST_PLANNED = 100_000  # studies; a card may name any number


class TrainingOverlap(StrEnum):
    """Whether a model was trained on films of a patient."""

    TRAINED = "trained"
    POSSIBLE = "possible"  # nothing tells
    NEW = "new"

    @property
    def words(self) -> str:
        """A sentence for beside a "right" or "wrong"; empty for a new patient."""
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
    """The digests of the patients that a model was trained on, by the hash of their data.

    Returns:
        What a card keeps under `RECORD`; empty where nobody knows.
    """
    if not model.is_run:
        kept = model.card.training.get(RECORD)
        return dict(kept) if isinstance(kept, dict) else {}
    salt = str(model.card.training.get("hash") or "")
    digests = sorted({digest(salt, name) for name in _of_run(model)})
    return {salt: "".join(digests)} if salt and digests else {}


def merged(records: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The record of a model of several; empty where one of them has none."""
    known = [dict(each) for each in records]
    if not all(known):
        return {}
    salts = dict.fromkeys(salt for each in known for salt in each)
    return {
        salt: "".join(sorted(set().union(*(_digests(each.get(salt, "")) for each in known))))
        for salt in salts
    }


def digest(salt: str, patient: str) -> str:
    """What stands for a patient of a data set: `DIGITS` hex digits."""
    return hashlib.sha256(f"{salt}/{patient}".encode()).hexdigest()[:DIGITS]


def among(model: Model, dataset: Dataset) -> dict[str, TrainingOverlap]:
    """Which patients of a data set a model was trained on, or may have been.

    Args:
        model: any; see `cards.find`.
        dataset: the one whose studies are judged.

    Returns:
        Name of a patient -> TRAINED or POSSIBLE; those who are new to the model are left out.
    """
    card, names = model.card, dataset.manifest["patient"].unique()
    if not card.members and card.synthetic != dataset.synthetic:
        return {}  # drawn bones are nobody's
    known = record(model)
    if known:
        return _by_record(known, card, dataset, names)
    if card.training.get("hash") == dataset.hash:
        return _by_split(model, dataset)
    if _is_other_phantom(card, dataset):
        return {}
    if dataset.synthetic and not card.members and (taught := _of_plan(model)):
        return {name: TrainingOverlap.TRAINED for name in names if name in taught}
    return dict.fromkeys(names, TrainingOverlap.POSSIBLE)


def of_patient(model: Model, dataset: Dataset, patient: str) -> TrainingOverlap:
    """Whether a model was trained on films of this patient of a data set."""
    return among(model, dataset).get(patient, TrainingOverlap.NEW)


def _by_record(
    known: Mapping[str, str], card: Card, dataset: Dataset, names: Iterable[str]
) -> dict[str, TrainingOverlap]:
    """By their names: in other real data, one name may be another person's."""
    found: dict[str, TrainingOverlap] = {}
    other = _is_other_phantom(card, dataset)
    for salt, joined in known.items():
        same = salt == dataset.hash
        if other and not same:
            continue
        sure = same or dataset.synthetic
        told = TrainingOverlap.TRAINED if sure else TrainingOverlap.POSSIBLE
        digests = _digests(joined)
        for name in names:
            if digest(salt, name) in digests and found.get(name) is not TrainingOverlap.TRAINED:
                found[name] = told
    return found


def _by_split(model: Model, dataset: Dataset) -> dict[str, TrainingOverlap]:
    """By how roles are assigned: the train split, less the patients set aside as dev."""
    rows = dataset.manifest[dataset.manifest["split"] == "train"]
    if model.card.parts:
        rows = rows[rows["part"].isin(model.card.parts)]
    dev = set(model.judged["patient"]) if "patient" in model.judged else set()
    left_out = bool(model.card.training.get("excluded"))
    told = TrainingOverlap.POSSIBLE if left_out else TrainingOverlap.TRAINED
    return {name: told for name in rows["patient"].unique() if name not in dev}


def _is_other_phantom(card: Card, dataset: Dataset) -> bool:
    """Whether both are drawn, with other seeds: then no patient is in both."""
    made: Any = card.training.get("phantom")
    drawn = phantom_set.settings(dataset.root) if dataset.synthetic else None
    if not isinstance(made, dict) or drawn is None:
        return False
    return any(made.get(key) != drawn[key] for key in ("seed", "version"))


def _of_plan(model: Model) -> set[str]:
    """The patients of a phantom that a model was trained on, by the plan of its settings; none
    where these are of another version, or films were left out."""
    made: Any = model.card.training.get("phantom")
    if not isinstance(made, dict) or made.get("version") != phantom_set.VERSION:
        return set()
    studies, seed = made.get("studies"), made.get("seed")
    if not (isinstance(studies, int) and isinstance(seed, int) and 0 < studies <= MOST_PLANNED):
        return set()
    plan = [each for each in phantom_set.plan(studies, seed) if each.split == "train"]
    dev = set(model.judged["patient"]) if "patient" in model.judged else set()
    return {f"patient{each.patient:05d}" for each in plan} - dev


def _of_run(model: Model) -> list[str]:
    """Names of the patients of a run's training films; none where its list cannot be read."""
    try:
        films = journal.films(run_folders.find(model.reference.rpartition("@")[0]))
    except FractureError:
        return []
    return films.loc[films["role"] == "train", "patient"].astype(str).unique().tolist()


def _digests(joined: str) -> set[str]:
    text = str(joined)
    return {text[start : start + DIGITS] for start in range(0, len(text), DIGITS)}
