"""Nearest films by a model's features, one study each, with how near they are in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fracture_core.curation import corrections
from fracture_core.curation.corrections import Corrections
from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import DataError
from fracture_core.neighbours.film_features import FilmFeatures
from fracture_core.words import short

COUNT = 6  # studies shown beside a film
BLOCK = 8_192  # films compared at once
PAIRS = 2_000  # of random films, whose median distance is the yardstick
# Share of that median below which the words hold.
WORDS = (
    (0.02, "nearly identical"),
    (0.25, "very similar"),
    (0.5, "similar"),
    (0.8, "somewhat similar"),
)
FAR = "not very similar"
NO_CORRECTIONS = Corrections()


@dataclass(frozen=True, kw_only=True)
class NearFilm:
    """A film near another one, the nearest of its study.

    Args:
        row: in the manifest.
        path: in the data set.
        study: key of its study.
        split: of its study.
        label: of its study, 1 = positive; the corrected one where there is one.
        corrected: whether its study's label was corrected.
        distance: Euclidean, of standardized features.
        share: of the typical distance between two films of the data set.
        same_patient: whether it is of the film's own patient; false where the data name none.
        is_copy: whether the audit counts both as one original.
    """

    row: int
    path: str
    study: str
    split: str
    label: int
    corrected: bool
    distance: float
    share: float
    same_patient: bool
    is_copy: bool

    @property
    def words(self) -> str:
        """Words for how near it is, and why it may be: "very similar, same patient"."""
        notes = ["a copy of this film"] * self.is_copy + ["same patient"] * self.same_patient
        return ", ".join([closeness(self.share), *notes])

    @property
    def sentence(self) -> str:
        """Label, split and distance: "fracture, train; very similar (12 % of the typical ...)"."""
        label = corrections.LABELS[self.label] + " (corrected)" * self.corrected
        share = f"{100 * self.share:.0f} % of the typical distance between two films"
        return f"{label}, {self.split}; {self.words} ({share})"


def closeness(share: float) -> str:
    """Return the words for a share of the typical distance."""
    return next((words for most, words in WORDS if share <= most), FAR)


def distances(values: np.ndarray, film: np.ndarray) -> np.ndarray:
    """Return the Euclidean distances from a film to all films, a block at a time.

    Args:
        values: float32 (n, d).
        film: float32 (d,).

    Returns:
        float32 (n,).
    """
    away = np.empty(len(values), np.float32)
    for first in range(0, len(values), BLOCK):
        block = slice(first, first + BLOCK)
        away[block] = np.linalg.norm(values[block] - film, axis=1)
    return away


def typical_distance(features: FilmFeatures) -> float:
    """Return the median distance of random pairs of readable films; 0 below two films."""
    rows = np.flatnonzero(features.readable)
    if len(rows) < 2:
        return 0.0
    random = np.random.Generator(np.random.Philox(0))
    one = random.integers(len(rows), size=PAIRS)
    other = (one + random.integers(1, len(rows), size=PAIRS)) % len(rows)  # never the same film
    apart = features.values[rows[one]] - features.values[rows[other]]
    return float(np.median(np.linalg.norm(apart, axis=1)))


def nearest(
    dataset: Dataset,
    features: FilmFeatures,
    row: int,
    typical: float,
    families: Mapping[str, str] | None = None,
    count: int = COUNT,
    corrected: Corrections = NO_CORRECTIONS,
) -> list[NearFilm]:
    """Return the nearest film of each of the nearest studies, nearest first.

    Args:
        dataset: the films.
        features: of the same films.
        row: of the film in the manifest; its own study is left out.
        typical: see `typical_distance`.
        families: path of a film -> its family, as `FamilyList.families`.
        count: of studies.
        corrected: labels that hold in place of the data's own.

    Returns:
        At most `count` films; none for an unreadable film.
    """
    if not features.readable[row]:
        return []
    manifest, family = corrections.relabel(dataset.manifest, corrected), families or {}
    columns = {name: manifest[name].to_numpy() for name in (*catalog.STUDY, "label", "path")}
    away = distances(features.values, features.values[row])
    away[~features.readable] = np.inf
    own = family.get(columns["path"][row])
    films: list[NearFilm] = []
    seen = {_study(columns, row)}
    for other in np.argsort(away, kind="stable"):
        if len(films) == count or not np.isfinite(away[other]):
            break
        study = _study(columns, int(other))
        if study in seen:
            continue
        seen.add(study)
        path = str(columns["path"][other])
        films.append(
            NearFilm(
                row=int(other),
                path=path,
                study=study,
                split=str(columns["split"][other]),
                label=int(columns["label"][other]),
                corrected=study in corrected.items,
                distance=float(away[other]),
                share=float(away[other]) / typical if typical else 0.0,
                same_patient=dataset.patients
                and columns["patient"][other] == columns["patient"][row],
                is_copy=own is not None and family.get(path) == own,
            )
        )
    return films


def rows_of(dataset: Dataset, paths: Sequence[str]) -> list[int]:
    """Return the manifest's rows of these films.

    Args:
        dataset: the films.
        paths: in the data set, or absolute.

    Raises:
        DataError: the data set has no such film.
    """
    rows = {path: row for row, path in enumerate(dataset.manifest["path"])}
    numbers = []
    for path in paths:
        inside = path.removeprefix(f"{dataset.root.as_posix()}/")
        if inside not in rows:
            example = dataset.manifest["path"].iloc[0]
            raise DataError(
                f"{dataset.root.name} has no film {short(path)!r}. Give its path in the data set, "
                f"such as {example}."
            )
        numbers.append(rows[inside])
    return numbers


def _study(columns: Mapping[str, np.ndarray], row: int) -> str:
    """Return the key of a row's study, see `catalog.study_key`."""
    return "/".join(str(columns[name][row]) for name in catalog.STUDY)
