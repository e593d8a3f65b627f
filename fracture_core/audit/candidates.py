"""Films that may be copies of each other: by name, or by landmarks that are most alike.

Landmarks are compared by one vector per film, of locally aggregated descriptors ("VLAD", Jegou et
al. 2010), as the film is and mirrored.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import PurePosixPath
from typing import overload

import numpy as np

from fracture_core.films import landmarks
from fracture_core.films.landmarks import Landmarks
from fracture_core.films.parked_bytes import Parked

WORDS = 64  # centres that descriptors are compared with
NUMBERS = 128  # of a film's vector
FEW = 50  # films of which every one is compared with every other
NEAREST = 6  # films compared with each film, and as many with its mirror image
SAMPLE = 20_000  # descriptors that the centres are fitted to
PRINCIPAL = 2_000  # films that the axes of vectors are fitted to
_OPEN = 256  # films of which landmarks are kept in memory
_PAIRS = 2**21  # whose vectors are compared at once: 20 bytes each, as plain and as mirrored
_COPY_MARK = re.compile(
    r"([-_ ]*(rotated|rotation|rot|flipped|flip|mirrored|mirror|aug(mented)?|copy|crop(ped)?)"
    r"[-_ ]?\d*|[-_ ]*\(\d+\))+$",
    re.IGNORECASE,
)
# A file name with the hash of an augmentation tool: "a_png.rf.0123456789abcdef".
_TOOL_MARK = re.compile(r"\.rf\.[0-9a-f]{8,}$", re.IGNORECASE)


class StoredLandmarks(Sequence[Landmarks]):
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


def stem(path: str) -> str:
    """Return a file's name without folder, ending and marks of copying tools, in small letters."""
    name = PurePosixPath(path).stem
    while (shorter := _TOOL_MARK.sub("", _COPY_MARK.sub("", name))) != name and shorter:
        name = shorter
    return name.casefold()


def find(paths: list[str], marks: Sequence[Landmarks]) -> Iterator[list[tuple[int, bool]]]:
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
    chosen = (np.arange(len(centres))[:, None] == nearest).astype(np.float32)
    sums = chosen @ directions - chosen.sum(axis=1, keepdims=True) * centres
    return landmarks.unit(landmarks.unit(sums).ravel())


def _principal(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean, and the axes of the largest variance scaled by its fourth root."""
    from sklearn.utils.extmath import randomized_svd

    mean = vectors.mean(axis=0)
    count = min(NUMBERS, len(vectors) - 1)
    _, values, axes = randomized_svd(vectors - mean, count, random_state=0)
    return mean, (axes / np.sqrt(np.maximum(values[:, None], 1e-6))).T
