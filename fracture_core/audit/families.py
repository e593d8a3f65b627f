"""Families of films: all films that are one original, however it was saved, turned or cropped.

Exact and near copies are found by pixels and looks, others among the likely ones (`candidates`):
two films are copies only if they agree once their landmarks are aligned (`films.agreement`).
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fracture_core.audit import candidates
from fracture_core.audit.candidates import StoredLandmarks
from fracture_core.errors import FilmError, Stopped
from fracture_core.films import agreement, images, landmarks, looks
from fracture_core.films.landmarks import Picture

if TYPE_CHECKING:
    from scipy.cluster.hierarchy import DisjointSet

Group = list[tuple[int, str]]  # rows of one original, each with its detail

NEAR_BITS = 16  # of 256, in which two looks may differ; copies differ in up to 14
NEAR_LIKENESS = 0.997  # of small copies; among 2,000 phantoms others have up to 0.9943
BLANK = 0.01  # spread of grey, 0 to 0.5
_OPEN = 256  # pictures of films kept in memory


def same(read: pd.DataFrame) -> list[Group]:
    """Return groups of two or more rows with the same pixels."""
    several = read[read.duplicated("pixels", keep=False)]
    groups = []
    for _, rows in several.groupby("pixels", sort=False):
        first = rows["path"].iloc[0]
        others = [(int(row), f"same pixels as {first}") for row in rows.index[1:]]
        groups.append([(int(rows.index[0]), f"{len(rows)} files hold this image"), *others])
    return groups


def near(read: pd.DataFrame) -> list[Group]:
    """Return groups of rows that look almost the same, of different pixels."""
    distinct = read.drop_duplicates("pixels")
    distinct = distinct[distinct["spread"] > BLANK]  # uniformly grey films all look alike
    rows, small = distinct.index.to_numpy(), distinct["small"].tolist()
    words = looks.as_words(distinct["look"].tolist())
    groups: dict[int, Group] = {}
    first_of: dict[int, int] = {}  # place of a row in a group -> that of the group's first
    for one, others in looks.alike(words, NEAR_BITS):
        for other in others:
            if other in first_of:
                continue
            alike = looks.likeness(small[one], small[other])
            if alike >= NEAR_LIKENESS:
                first = first_of.setdefault(int(other), first_of.get(one, one))
                name = read.loc[rows[first], "path"]
                start_of = [(int(rows[first]), "others look almost the same")]
                group = groups.setdefault(first, start_of)
                group.append((int(rows[other]), f"{alike:.1%} like {name}"))
    return list(groups.values())


def find(
    root: Path,
    films: pd.DataFrame,
    copies: Iterable[Group],
    progress: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
    search: bool = True,
) -> list[Group]:
    """Return all families of two or more films.

    Args:
        root: folder of the data set.
        films: rows `path`, `pixels`, `landmarks` (`Landmarks.to_bytes`, perhaps parked), `coarse`
            (`agreement.coarse`) and, if known, `patient`; index 0 to n - 1.
        copies: groups of rows already known as copies, with details.
        progress: called with (films compared, all films).
        should_stop: called for every film.
        search: whether to look for more than `copies`.

    Raises:
        Stopped: `should_stop` returned true.
    """
    from scipy.cluster.hierarchy import DisjointSet  # slow to load, as scikit-learn below

    family = DisjointSet(range(len(films)))
    details: dict[int, str] = {}
    for (first, _), *others in copies:
        for row, detail in others:
            family.merge(first, row)
            details.setdefault(row, detail)
    if search:
        _search(root, films.drop_duplicates("pixels"), family, details, progress, should_stop)
    groups = [sorted(members) for members in family.subsets() if len(members) > 1]
    return [
        [(row, details.get(row, "others are copies of it")) for row in members]
        for members in sorted(groups)
    ]


def _search(
    root: Path,
    films: pd.DataFrame,
    family: "DisjointSet",
    details: dict[int, str],
    progress: Callable[[int, int], None],
    should_stop: Callable[[], bool],
) -> None:
    """Merge the families of films that are copies; `films` have different pixels each."""
    from threadpoolctl import threadpool_limits

    rows = [int(row) for row in films.index]
    marks, paths = StoredLandmarks(films["landmarks"].tolist()), films["path"].tolist()
    patients = films.get("patient", films["path"]).tolist()
    picture = lru_cache(_OPEN)(lambda place: _picture(root / paths[place]))

    tones = films["coarse"].tolist()

    def compared(place: int, other: int, mirror: bool) -> str | None:
        matrix = landmarks.alignment(marks[other], marks[place], mirror)
        if matrix is None or not agreement.may_be_copies(
            bytes(tones[other]), bytes(tones[place]), matrix
        ):
            return None
        return _change(picture(other), picture(place), matrix, patients[place] == patients[other])

    cores = os.cpu_count() or 1
    # Its matrices are small: threads that share one would mostly wait for each other.
    with threadpool_limits(1), ThreadPoolExecutor(cores) as pool:
        for place, likely in enumerate(candidates.find(paths, marks)):
            if should_stop():
                raise Stopped(f"Stopped after {place:,} of {len(rows):,} films were compared.")
            progress(place + 1, len(rows))
            one, waiting = rows[place], likely
            while waiting := [each for each in waiting if not family.connected(one, rows[each[0]])]:
                now, waiting = waiting[:cores], waiting[cores:]  # the first often is the copy
                changes = pool.map(lambda each, place=place: compared(place, *each), now)
                for (other, _), change in zip(now, changes, strict=True):
                    two = rows[other]
                    if change and family.merge(one, two):
                        is_later = two in details or one > two
                        late, early = (place, other) if is_later else (other, place)
                        details.setdefault(rows[late], f"{change}, of {paths[early]}")


def _change(
    one: Picture | None, other: Picture | None, matrix: np.ndarray, same_patient: bool
) -> str | None:
    """Return in words what makes a film of another; `None` if they are two originals."""
    if one is None or other is None:
        return None
    compared = agreement.compare(one, other, matrix)
    return agreement.change(compared) if agreement.is_copy(compared, same_patient) else None


def _picture(path: Path) -> Picture | None:
    try:
        return landmarks.picture(images.decode(images.content(path), path.name))
    except FilmError:  # changed since it was measured
        return None
