"""Landmarks of a film: points that stay recognizable when it is turned, mirrored or cropped.

SIFT keypoints (Lowe 2004) with Hellinger-normalized descriptors ("RootSIFT", Arandjelovic and
Zisserman 2012), from OpenCV. Two films whose landmarks agree on one affine map are aligned by it,
and what they show is then compared pixel by pixel.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import cv2
import numpy as np
from PIL import Image

LANDMARKS = 120  # per film, the clearest
BRIEF = 256  # px of the longer side of the copy that the air around a film is found on
SIDE = 200  # px: square root of the area without that air, so that scale hardly matters
MOST_ZOOM = 1.25  # of a small film; more would compare what was never there
AIR = 3  # of 255 grey levels that the flat rim of a turned or padded film may vary by
LOCAL = 4.0  # px around, in which detail gets equal strength
LEAST_FILM = 0.15  # share of a film that is not rim; below, all of it counts as film
RIM = 7  # px at the rim that hold no landmark: the edge of a fill is no anatomy
_SCALE = 512.0  # of a descriptor's root to a byte
_WIDTH = 128  # numbers of a descriptor
_BYTES = 2 * 2 + _WIDTH  # of one landmark: x and y in half precision, then the descriptor
# Of a descriptor of 4 x 4 cells with 8 directions: the places that mirroring moves them to.
_MIRRORED = np.arange(_WIDTH).reshape(4, 4, 8)[::-1][:, :, -np.arange(8) % 8].ravel()
RATIO = 0.8  # distance to the nearest landmark over that to the second nearest (Lowe 2004)
LEAST = 6  # landmarks that must agree on a map, and at least `SHARE` of the fewer ones
SHARE = 0.1
ERROR = 3.0  # px by which an agreeing landmark may lie off
TONE_WIDTH = 2.0  # px of the blur under which tones are compared


@dataclass(frozen=True, kw_only=True)
class Landmarks:
    """The landmarks of one film.

    Args:
        points: float32 (n, 2), x and y in px of `Picture.grey`.
        descriptors: uint8 (n, 128).
    """

    points: np.ndarray
    descriptors: np.ndarray

    def to_bytes(self) -> bytes:
        """Return the landmarks as bytes, for a table's cell."""
        halves = self.points.astype("<f2").view(np.uint8).reshape(-1, 4)
        return np.hstack([halves, self.descriptors]).tobytes()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Landmarks":
        """Return the landmarks that `to_bytes` wrote.

        Raises:
            ValueError: these bytes are not landmarks.
        """
        rows = np.frombuffer(content, np.uint8).reshape(-1, _BYTES)
        points = np.ascontiguousarray(rows[:, :4]).view("<f2").astype(np.float32)
        return cls(points=points.reshape(-1, 2), descriptors=np.ascontiguousarray(rows[:, 4:]))

    @cached_property
    def directions(self) -> np.ndarray:
        """Descriptors as unit vectors, float32 (n, 128)."""
        return unit(self.descriptors.astype(np.float32))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors, (..., n), scaled to the length 1; those of length 0 stay so."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: np.ndarray = vectors / np.maximum(length, 1e-9)
    return scaled


def mirrored(directions: np.ndarray) -> np.ndarray:
    """Return the descriptors, (n, 128), that the mirrored film would have."""
    return directions[:, _MIRRORED]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A film at the scale that landmarks are found on.

    Args:
        grey: uint8 (h, w).
        film: uint8 (h, w), 255 where there is film, 0 in its flat rim.
    """

    grey: np.ndarray
    film: np.ndarray

    @cached_property
    def shape(self) -> np.ndarray:
        """Detail of some 3 to 10 px, to align by, float32 (h, w)."""
        return self._detail(1.5, 5.0)

    @cached_property
    def tone(self) -> np.ndarray:
        """Grey without detail below some 5 px, float32 (h, w)."""
        return cv2.GaussianBlur(self.grey.astype(np.float32), (0, 0), TONE_WIDTH)

    @cached_property
    def texture(self) -> np.ndarray:
        """Detail of some 2 to 4 px, to decide by, float32 (h, w).

        Two hands have one shape; the texture of bone, and the grain, tell them apart.
        """
        return self._detail(1.0, 2.0)

    def _detail(self, least: float, most: float) -> np.ndarray:
        """Return detail between two widths in px, of equal strength everywhere.

        Outlines of bones would otherwise outweigh everything else.
        """
        grey = self.grey.astype(np.float32)
        fine = cv2.GaussianBlur(grey, (0, 0), least) - cv2.GaussianBlur(grey, (0, 0), most)
        strength: np.ndarray = np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), LOCAL))
        local: np.ndarray = fine / (strength + 0.5)
        return local


def picture(film: Image.Image) -> Picture:
    """Scale a grey film so that its area without flat rim is `SIDE` x `SIDE` px."""
    small = film.copy()
    small.thumbnail((BRIEF, BRIEF), Image.Resampling.BOX)
    grey = np.array(small)
    rim = _rim(grey)
    if (area := int((~rim).sum())) < LEAST_FILM * rim.size:
        rim, area = np.zeros_like(rim), rim.size
    scale = min(SIDE / area**0.5, MOST_ZOOM)
    size = tuple(max(2 * RIM, round(side * scale)) for side in grey.shape[::-1])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    mask = cv2.resize((~rim).astype(np.uint8) * 255, size, interpolation=cv2.INTER_NEAREST)
    return Picture(
        grey=cv2.resize(grey, size, interpolation=way),
        film=cv2.erode(mask, np.ones((RIM, RIM), np.uint8)),
    )


def _rim(grey: np.ndarray) -> np.ndarray:
    """Return which pixels are flat and join a corner; bool (h, w)."""
    height, width = grey.shape
    mask = np.zeros((height + 2, width + 2), np.uint8)
    flags = cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (255 << 8) | 4
    for corner in ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)):
        if not mask[corner[1] + 1, corner[0] + 1]:
            cv2.floodFill(grey, mask, corner, 0, AIR, AIR, flags)
    rim: np.ndarray = mask[1:-1, 1:-1] > 0
    return rim


@cache
def _detector() -> Any:
    cv2.setNumThreads(1)  # films are read on all cores already
    return cv2.SIFT.create(nfeatures=LANDMARKS, contrastThreshold=0.005, edgeThreshold=20)


def find(film: Picture) -> Landmarks:
    """Return the clearest landmarks of a film; none of a uniformly grey one."""
    keypoints, values = _detector().detectAndCompute(film.grey, film.film)
    if values is None:
        nothing = np.zeros((0, 2), np.float32)
        return Landmarks(points=nothing, descriptors=np.zeros((0, _WIDTH), np.uint8))
    keypoints, values = keypoints[:LANDMARKS], values[:LANDMARKS]  # ties may exceed the limit
    shares = values / np.maximum(values.sum(axis=1, keepdims=True), 1e-9)
    return Landmarks(
        points=np.array([each.pt for each in keypoints], np.float32),
        descriptors=np.clip(_SCALE * np.sqrt(shares), 0, 255).astype(np.uint8),
    )


def alignment(one: Landmarks, other: Landmarks, mirror: bool) -> np.ndarray | None:
    """Return the affine map from a film to another on which enough landmarks agree.

    Args:
        one: landmarks of a film.
        other: those of the other.
        mirror: whether the other is compared as if mirrored.

    Returns:
        float64 (2, 3); `None` if there is none, or it stretches beyond what a copy would.
    """
    least = max(LEAST, SHARE * min(len(one.points), len(other.points)))
    if min(len(one.points), len(other.points)) < LEAST:
        return None
    others = mirrored(other.directions) if mirror else other.directions
    likeness = one.directions @ others.T
    rows, nearest = np.arange(len(likeness)), likeness.argmax(axis=1)
    best = likeness[rows, nearest]
    both = likeness.argmax(axis=0)[nearest] == rows
    likeness[rows, nearest] = -1
    clear = both & (1 - best < RATIO * (1 - likeness.max(axis=1)))
    if clear.sum() < least:
        return None
    start, end = one.points[clear], other.points[nearest[clear]]
    found, agreeing = cv2.estimateAffine2D(
        start, end, method=cv2.RANSAC, ransacReprojThreshold=ERROR, maxIters=300
    )
    if found is None or int(agreeing.sum()) < least or not _is_plausible(found):
        return None
    result: np.ndarray = found
    return result


def _is_plausible(matrix: np.ndarray) -> bool:
    """Return whether a map neither scales nor shears more than augmentation does."""
    longest, shortest = np.linalg.svd(matrix[:, :2], compute_uv=False)
    return bool(shortest > 0.4 and longest < 2.5 and longest / shortest < 1.5)
