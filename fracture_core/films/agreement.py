"""Agreement of two films that landmarks have aligned: are they one original?

What they show is compared pixel by pixel, where they overlap.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from fracture_core.films import landmarks
from fracture_core.films.landmarks import Picture

ROUGH = 0.75  # likeness below which no refinement is tried; 99 of 100 copies have more
# Of two copies, measured by benchmarks/copies.py: texture may suffer where the tone is the same.
# Among 2,000 phantoms the most alike of two patients have 0.916 and 0.9984, or 0.971 and 0.9976.
LIKENESS, TONE = 0.87, 0.9987
SURE_LIKENESS, SURE_TONE = 0.975, 0.998  # where the tone was changed; always within one patient
TONES = 64  # levels that they are compared in
OVERLAP = 0.25  # share of the smaller film that two copies have in common
COARSE = 3  # px of a picture, along either side, that a coarse one averages
COARSE_TONE = 0.96  # of coarse pictures; copies have 0.97 and more before any refinement
_LEAST_COARSE = 50  # px in common, below which coarse pictures decide nothing


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


def coarse(film: Picture) -> bytes:
    """Return a film's tones, averaged `COARSE` x `COARSE`, for `may_be_copies`: some 4 kB.

    They begin with height and width, two bytes each; of the pixels 0 is the film's flat rim.
    """
    height, width = (side // COARSE for side in film.grey.shape)
    blurred = cv2.GaussianBlur(film.grey, (0, 0), landmarks.TONE_WIDTH)
    grey, is_film = (
        cv2.resize(
            each[: height * COARSE, : width * COARSE],
            (width, height),
            interpolation=cv2.INTER_AREA,
        )
        for each in (blurred, film.film)
    )
    tones = np.where(is_film == 255, np.maximum(grey, 1), 0).astype(np.uint8)
    return np.array([height, width], "<u2").tobytes() + tones.tobytes()


def may_be_copies(one: bytes, other: bytes, matrix: np.ndarray) -> bool:
    """Return whether the tones of two films are so alike that a closer look is worth its time.

    Most films that share landmarks are told apart by it, without opening either.

    Args:
        one: `coarse` of a film.
        other: that of the other.
        matrix: affine map from px of the one's picture to the other's.
    """
    if abs(np.linalg.det(matrix[:, :2])) > 1:
        one, other, matrix = other, one, cv2.invertAffineTransform(matrix)
    first, second = _tones(one), _tones(other)
    middle = (COARSE - 1) / 2  # of the first coarse px
    move = (matrix[:, :2] @ [middle, middle] + matrix[:, 2] - middle) / COARSE
    size, way = first.shape[::-1], cv2.WARP_INVERSE_MAP
    smaller = np.column_stack([matrix[:, :2], move])
    grey = cv2.warpAffine(second, smaller, size, flags=cv2.INTER_LINEAR | way)
    film = cv2.warpAffine(np.minimum(second, 1), smaller, size, flags=cv2.INTER_NEAREST | way)
    common = cv2.erode(cv2.min(film, first), np.ones((3, 3), np.uint8)) > 0
    if np.count_nonzero(common) < _LEAST_COARSE:
        return True
    return _tone(*(each[common].astype(np.float32) for each in (first, grey))) >= COARSE_TONE


def _tones(content: bytes) -> np.ndarray:
    height, width = np.frombuffer(content, "<u2", 2)
    return np.frombuffer(content, np.uint8, offset=4).reshape(height, width)


def compare(one: Picture, other: Picture, matrix: np.ndarray) -> Agreement:
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
    common = (
        cv2.erode(cv2.min(film, one.film), np.ones((landmarks.RIM, landmarks.RIM), np.uint8)) > 0
    )
    other_area = np.count_nonzero(other.film) / abs(np.linalg.det(matrix[:, :2]))  # in this scale
    smaller = min(np.count_nonzero(one.film), other_area)
    overlap = float(common.sum() / max(1, smaller))
    first, second = one.texture[common], moved.texture[common]
    if len(first) < landmarks.SIDE:
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
