"""Landmarks of a film: points that stay recognizable when it is turned, mirrored or cropped.

SIFT keypoints (Lowe 2004) with Hellinger-normalized descriptors ("RootSIFT", Arandjelovic and
Zisserman 2012), from OpenCV. Two films whose landmarks agree on one affine map are aligned by it,
and what they show is then compared pixel by pixel.
"""

from dataclasses import dataclass, replace
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
ROUGH = 0.75  # likeness below which no refinement is tried; 99 of 100 copies have more
# Of two copies, measured by benchmarks/copies.py: texture may suffer where the tone is the same.
# Among 2,000 phantoms the most alike of two patients have 0.916 and 0.9984, or 0.971 and 0.9976.
LIKENESS, TONE = 0.87, 0.9987
SURE_LIKENESS, SURE_TONE = 0.975, 0.998  # where the tone was changed; always within one patient
TONE_WIDTH = 2.0  # px of the blur under which tones are compared
TONES = 64  # levels that they are compared in
OVERLAP = 0.25  # share of the smaller film that two copies have in common


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


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Likeness of two films where they overlap.

    Args:
        likeness: correlation of their texture, -1 to 1.
        tone: how much of one's grey follows from the other's, 0 to 1, see `_tone`; 0 where their
            likeness is less than that of copies.
        overlap: share of the smaller film, 0 to 1.
        matrix: refined affine map, float64 (2, 3).
    """

    likeness: float
    tone: float
    overlap: float
    matrix: np.ndarray


def agreement(one: Picture, other: Picture, matrix: np.ndarray) -> Agreement:
    """Compare two films through an affine map between their px, which is refined first.

    They are compared at the finer one's scale: made coarser, two hands look alike. The refinement
    maximizes the enhanced correlation coefficient (Evangelidis and Psarakis 2008).
    """
    if abs(np.linalg.det(matrix[:, :2])) > 1:
        turned = _refined(other, one, cv2.invertAffineTransform(matrix))
        return replace(turned, matrix=cv2.invertAffineTransform(turned.matrix))
    return _refined(one, other, matrix)


def _refined(one: Picture, other: Picture, matrix: np.ndarray) -> Agreement:
    rough = _agreement(one, other, matrix)
    if rough.likeness < ROUGH or rough.overlap < OVERLAP or is_copy(rough, of_one_patient=True):
        return rough
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 1e-3)
    try:
        _, finer = cv2.findTransformECC(
            one.shape,
            other.shape,
            matrix.astype(np.float32),
            cv2.MOTION_AFFINE,
            until,
            other.film,
            5,
        )
    except cv2.error:  # it did not converge
        return rough
    refined = _agreement(one, other, finer.astype(np.float64))
    return max(rough, refined, key=lambda each: each.likeness)


def _agreement(one: Picture, other: Picture, matrix: np.ndarray) -> Agreement:
    height, width = one.grey.shape
    back = cv2.WARP_INVERSE_MAP
    grey = cv2.warpAffine(
        other.grey,
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR | back,
        borderMode=cv2.BORDER_REPLICATE,
    )
    film = cv2.warpAffine(other.film, matrix, (width, height), flags=cv2.INTER_NEAREST | back)
    moved = Picture(grey=grey, film=film)  # of one resolution only after the move
    common = cv2.erode(cv2.min(film, one.film), np.ones((RIM, RIM), np.uint8)) > 0
    other_area = np.count_nonzero(other.film) / abs(np.linalg.det(matrix[:, :2]))  # in this scale
    smaller = min(np.count_nonzero(one.film), other_area)
    overlap = float(common.sum() / max(1, smaller))
    first, second = one.texture[common], moved.texture[common]
    if len(first) < SIDE:
        return Agreement(likeness=0.0, tone=0.0, overlap=overlap, matrix=matrix)
    likeness = correlation(first, second)
    tone = _tone(one.tone[common], moved.tone[common]) if likeness >= LIKENESS else 0.0
    return Agreement(likeness=likeness, tone=tone, overlap=overlap, matrix=matrix)


def _tone(one: np.ndarray, other: np.ndarray) -> float:
    """Return the correlation ratio of two rows of greys, 0 to 1, the greater of both ways.

    It is 1 wherever one is a function of the other, as after a change of brightness or contrast,
    and less where two bones differ in shape or density.
    """
    return max(_explained(one, other), _explained(other, one))


def _explained(one: np.ndarray, other: np.ndarray) -> float:
    """Return how far the mean of `other` at each level of `one` explains it, 0 to 1."""
    low, reach = float(one.min()), float(np.ptp(one))
    levels = ((one - low) * ((TONES - 1) / max(reach, 1e-6))).astype(np.int32)
    means = np.bincount(levels, other, TONES) / np.maximum(np.bincount(levels, None, TONES), 1)
    rest, variance = float(np.mean((other - means[levels]) ** 2)), float(other.var())
    return max(0.0, 1 - rest / variance) ** 0.5 if variance else 0.0


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return the correlation of two rows of numbers, -1 to 1; 0 if one is all the same."""
    first, second = one - one.mean(), other - other.mean()
    length = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / length if length else 0.0


def is_copy(of: Agreement, of_one_patient: bool = False) -> bool:
    """Return whether two films are one original; two exposures of one hand look much alike, too."""
    if of.overlap < OVERLAP:
        return False
    sure = of.likeness >= SURE_LIKENESS and of.tone >= SURE_TONE
    return sure or (not of_one_patient and of.likeness >= LIKENESS and of.tone >= TONE)


def change(of: Agreement) -> str:
    """Describe an affine map in words, as "mirrored and turned by 34°"."""
    matrix = of.matrix[:, :2]
    is_mirrored = bool(np.linalg.det(matrix) < 0)
    proper = matrix @ np.diag([-1.0, 1.0]) if is_mirrored else matrix
    left, _, right = np.linalg.svd(proper)
    turn = left @ right
    degrees = round(float(np.degrees(np.arctan2(turn[1, 0], turn[0, 0])))) % 360
    degrees = min(degrees, 360 - degrees)
    words = ["mirrored"] * is_mirrored
    words += [f"turned by {degrees}°"] * (degrees >= 2)
    return " and ".join(words) or "cropped, moved or changed a little"
