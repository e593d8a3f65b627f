"""Looks of films: 256 bits and a small copy each, to find films that look almost the same.

The bits find the pairs among many films in seconds; films of one bone lie as near as copies there,
so that the small copies decide.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from fracture_core.films import agreement
from fracture_core.films.parked_bytes import Parked

SIZE = (34, 32)  # px of a small copy, width and height: twice the 17 x 16 cells of a look
STEP = 2  # of 255 grey levels that count as brighter: less is grain, or JPEG's noise on black
ROUGH = 0.95  # correlation below which a finer comparison is not tried; copies have 0.97 and more
_TILE = (64, 1024)  # looks that are compared at once: they stay in a processor's cache


def look(small: np.ndarray) -> str:
    """Return 64 hex digits: for each cell of a 16 x 16 grid, whether its right one is brighter.

    A difference hash (dHash). Scaling, brightness and lossy saving change few of the bits.

    Args:
        small: the film at `SIZE` px, uint8.
    """
    grey = small.astype(np.int16)
    rows = grey[::2] + grey[1::2]
    cells = rows[:, ::2] + rows[:, 1::2]  # sums of 2 x 2 px
    return np.packbits(cells[:, 1:] - cells[:, :-1] > 4 * STEP).tobytes().hex()


def as_words(looks: Sequence[str]) -> np.ndarray:
    """Return looks as uint64 (n, 4): a word has four rows of a film's cells, from its top."""
    joined = b"".join(bytes.fromhex(each) for each in looks)
    return np.frombuffer(joined, np.uint64).reshape(-1, 4)


def alike(words: np.ndarray, most: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each look, by its place, with the later ones that differ in at most so many bits.

    Args:
        words: `as_words`.
        most: bits of 256.
    """
    one, two = words[:, 1].copy(), words[:, 2].copy()  # the middle of a film tells most apart
    rows, columns = _TILE
    for top in range(0, len(words), rows):
        own = slice(top, top + rows)
        near: list[list[int]] = [[] for _ in one[own]]
        for left in range(top, len(words), columns):
            tile = slice(left, left + columns)
            apart = np.bitwise_count(one[own, None] ^ one[None, tile])
            apart += np.bitwise_count(two[own, None] ^ two[None, tile])
            first, second = np.divmod(np.flatnonzero(apart <= most), apart.shape[1])
            first, second = first + top, second + left
            bits = np.bitwise_count(words[first] ^ words[second]).sum(axis=1)
            is_near = (bits <= most) & (second > first)
            for row, other in zip(first[is_near], second[is_near], strict=True):
                near[row - top].append(other)
        for row, places in enumerate(near):
            yield top + row, np.array(places, int)


def likeness(one: bytes | Parked, other: bytes | Parked) -> float:
    """Return how far one small copy follows from the other, 0 to 1, the greater of both ways.

    It is the correlation with the closest of all films that the other becomes by a smooth change
    of its grey and a move by part of a pixel, as scaling brings; 0 if either is uniformly grey.
    """
    first, second = (_grey(each) for each in (one, other))
    rough = agreement.correlation(first.ravel(), second.ravel())
    if rough < ROUGH:
        return max(0.0, rough)
    return max(_explained(first, second), _explained(second, first))


def _grey(small: bytes | Parked) -> np.ndarray:
    return np.frombuffer(bytes(small), np.uint8).reshape(SIZE[::-1]).astype(float)


def _explained(one: np.ndarray, other: np.ndarray) -> float:
    """Fit a film by another one's grey and slopes (one step of Lucas and Kanade 1981)."""
    rows, columns = (np.linspace(-1, 1, side) for side in one.shape)
    unit = (one - one.mean()) / one.std()
    down, right = np.gradient(one)
    slopes = down, right, down * rows[:, None], right * columns
    terms = np.stack([np.ones_like(one), unit, unit**2, unit**3, *slopes]).reshape(8, -1).T
    factors = np.linalg.lstsq(terms, other.ravel(), rcond=None)[0]
    rest = other.ravel() - terms @ factors
    return float(max(0.0, 1 - rest.var() / other.var()) ** 0.5)
