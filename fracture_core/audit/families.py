"""Families of films: all films that are one original, however it was saved, turned or cropped.

Candidates come from exact and near copies, from names of augmented files, and from the films whose
landmarks are most alike (vectors of locally aggregated descriptors, "VLAD", Jegou et al. 2010).
A candidate counts only if the two films agree after alignment (`landmarks.agreement`).
"""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, overload

import numpy as np
import pandas as pd

from fracture_core.errors import FilmError, Stopped
from fracture_core.films import images, landmarks, looks
from fracture_core.films.landmarks import Landmarks, Picture
from fracture_core.films.parked_bytes import Parked

if TYPE_CHECKING:
    from scipy.cluster.hierarchy import DisjointSet

Group = list[tuple[int, str]]  # rows of one original, each with its detail

NEAR_BITS = 16  # of 256, in which two looks may differ; copies differ in up to 14
NEAR_LIKENESS = 0.997  # of small copies; among 2,000 phantoms others have up to 0.9943
BLANK = 0.01  # spread of grey, 0 to 0.5
WORDS = 64  # centres that descriptors are compared with
NUMBERS = 128  # of a film's vector
FEW = 50  # films of which every one is compared with every other
NEAREST = 6  # films compared with each film, and as many with its mirror image
SAMPLE = 20_000  # descriptors that the centres are fitted to
PRINCIPAL = 2_000  # films that the axes of vectors are fitted to
_PAIRS = 2**21  # whose vectors are compared at once: 20 bytes each, as plain and as mirrored
_OPEN = 256  # pictures of films kept open
_COPY_MARK = re.compile(
    r"([-_ ]*(rotated|rotation|rot|flipped|flip|mirrored|mirror|aug(mented)?|copy|crop(ped)?)"
    r"[-_ ]?\d*|[-_ ]*\(\d+\))+$",
    re.IGNORECASE,
)
# A file name with the hash of an augmentation tool: "a_png.rf.0123456789abcdef".
_TOOL_MARK = re.compile(r"\.rf\.[0-9a-f]{8,}$", re.IGNORECASE)


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
        films: rows `path`, `pixels`, `landmarks` (`Landmarks.to_bytes`, perhaps parked) and, if
            known, `patient`; index 0 to n - 1.
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
    marks, paths = _Marks(films["landmarks"].tolist()), films["path"].tolist()
    patients = films.get("patient", films["path"]).tolist()
    picture = lru_cache(_OPEN)(lambda place: _picture(root / paths[place]))

    def compared(place: int, other: int, mirror: bool) -> str | None:
        return _change(marks, picture, other, place, mirror, patients[place] == patients[other])

    cores = os.cpu_count() or 1
    # Its matrices are small: threads that share one would mostly wait for each other.
    with threadpool_limits(1), ThreadPoolExecutor(cores) as pool:
        for place, candidates in enumerate(_candidates(paths, marks)):
            if should_stop():
                raise Stopped(f"Stopped after {place:,} of {len(rows):,} films were compared.")
            progress(place + 1, len(rows))
            one, waiting = rows[place], candidates
            while waiting := [each for each in waiting if not family.connected(one, rows[each[0]])]:
                now, waiting = waiting[:cores], waiting[cores:]  # the first often is the copy
                changes = pool.map(lambda each, place=place: compared(place, *each), now)
                for (other, _), change in zip(now, changes, strict=True):
                    two = rows[other]
                    if change and family.merge(one, two):
                        is_later = two in details or one > two
                        late, early = (place, other) if is_later else (other, place)
                        details.setdefault(rows[late], f"{change}, of {paths[early]}")


class _Marks(Sequence[Landmarks]):
    """Landmarks of all films, read when they are needed: those of 40,000 films fill 3 GB."""

    def __init__(self, stored: Sequence[bytes | Parked]) -> None:
        self._count = len(stored)
        self._read = lru_cache(_OPEN)(lambda n: Landmarks.from_bytes(bytes(stored[n])))

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Landmarks: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Landmarks]: ...
    def __getitem__(self, place: int | slice) -> Landmarks | Sequence[Landmarks]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(self._count))]
        if not 0 <= place < self._count:
            raise IndexError(place)
        return self._read(place)


def _change(
    marks: Sequence[Landmarks],
    open_film: Callable[[int], Picture | None],
    one: int,
    other: int,
    mirror: bool,
    same_patient: bool,
) -> str | None:
    """Return in words what makes a film of another; `None` if they are two originals."""
    matrix = landmarks.alignment(marks[one], marks[other], mirror)
    if matrix is None:
        return None
    first, second = open_film(one), open_film(other)
    if first is None or second is None:
        return None
    agreement = landmarks.agreement(first, second, matrix)
    return landmarks.change(agreement) if landmarks.is_copy(agreement, same_patient) else None


def _picture(path: Path) -> Picture | None:
    try:
        return landmarks.picture(images.decode(images.content(path), path.name))
    except FilmError:  # changed since it was measured
        return None


# --- candidates ---------------------------------------------------------------------------------


def stem(path: str) -> str:
    """Return a file's name without folder, ending and marks of copying tools, in small letters."""
    name = PurePosixPath(path).stem
    while (shorter := _TOOL_MARK.sub("", _COPY_MARK.sub("", name))) != name and shorter:
        name = shorter
    return name.casefold()


def _candidates(paths: list[str], marks: Sequence[Landmarks]) -> Iterator[list[tuple[int, bool]]]:
    """Yield for each film those to compare it with, and whether as mirrored, likeliest first.

    Of two films that lead to each other, only the first one yields the pair.
    """
    earlier: dict[str, list[int]] = {}  # the first films of a name
    compared: defaultdict[int, set[tuple[int, bool]]] = defaultdict(set)  # with an earlier film
    for place, neighbours in enumerate(_neighbours(marks)):
        named = earlier.setdefault(stem(paths[place]), [])
        by_name = [(other, mirror) for other in named for mirror in (False, True)]
        done = compared.pop(place, set())
        candidates = [each for each in dict.fromkeys(neighbours + by_name) if each not in done]
        for other, mirror in candidates:
            if other > place:
                compared[other].add((place, mirror))
        yield candidates
        if len(named) < NEAREST:
            named.append(place)


def _neighbours(marks: Sequence[Landmarks]) -> Iterator[list[tuple[int, bool]]]:
    """Yield for each film the `NEAREST` by their vectors, as they are and mirrored."""
    if len(marks) <= FEW:
        for place in range(len(marks)):
            yield [(other, mirror) for other in range(place) for mirror in (False, True)]
        return
    centres = _centres(marks)
    some = marks[:: -(-len(marks) // PRINCIPAL)]
    mean, axes = _principal(np.stack([_vector(each.directions, centres) for each in some]))

    def vectors(of: Callable[[Landmarks], np.ndarray]) -> np.ndarray:
        return np.stack(
            [landmarks.unit((_vector(of(each), centres) - mean) @ axes) for each in marks]
        )

    plain = vectors(lambda each: each.directions)
    turned = vectors(lambda each: landmarks.mirrored(each.directions))
    block = max(1, _PAIRS // len(marks))
    for first in range(0, len(marks), block):
        own = plain[first : first + block]
        likeness = np.stack([own @ plain.T, own @ turned.T])
        places = np.arange(len(own))
        likeness[:, places, first + places] = -2  # itself
        nearest = np.argpartition(-likeness, NEAREST, axis=2)[:, :, :NEAREST]
        for place in range(len(own)):
            both = [(int(o), bool(m)) for m in (0, 1) for o in nearest[m, place]]
            yield sorted(both, key=lambda each: -likeness[int(each[1]), place, each[0]])


def _centres(marks: Sequence[Landmarks]) -> np.ndarray:
    """Return `WORDS` typical descriptors, float32 (k, 128), or as many as there are."""
    from sklearn.cluster import MiniBatchKMeans

    step, start = max(1, sum(len(each.points) for each in marks) // SAMPLE), 0
    taken = []
    for each in marks:
        taken.append(each.descriptors[-start % step :: step])
        start += len(each.points)
    some = landmarks.unit(np.concatenate(taken).astype(np.float32))
    if len(some) <= WORDS:
        return some if len(some) else np.zeros((1, 128), np.float32)
    fitted = MiniBatchKMeans(WORDS, random_state=0, n_init=1, max_iter=10, batch_size=4096).fit(
        some
    )
    centres: np.ndarray = fitted.cluster_centers_.astype(np.float32)
    return centres


def _vector(directions: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return the summed differences of descriptors from their nearest centres, float32 (k 128,)."""
    nearest = (directions @ centres.T - 0.5 * (centres * centres).sum(axis=1)).argmax(axis=1)
    sums = np.zeros_like(centres)
    np.add.at(sums, nearest, directions - centres[nearest])
    return landmarks.unit(landmarks.unit(sums).ravel())


def _principal(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean, and the axes of the largest variance scaled by its fourth root."""
    from sklearn.utils.extmath import randomized_svd

    mean = vectors.mean(axis=0)
    count = min(NUMBERS, len(vectors) - 1)
    _, values, axes = randomized_svd(vectors - mean, count, random_state=0)
    return mean, (axes / np.sqrt(np.maximum(values[:, None], 1e-6))).T
