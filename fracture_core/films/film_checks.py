"""Plain checks, without any network, of whether a file looks like an x-ray film.

Each check has a value and a limit, and, where the film fails, a sentence that names both. Limits
are wide: a failed check raises a doubt, which a person may overrule, and never a refusal.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fracture_core.films import images, measures

COLOURED = 24  # grey levels of 255 between a pixel's channels; JPEG's noise stays below
LOOKED_AT = 128  # px of the longer side of the copy whose colours are counted
INVERT = "invert"  # the only remedy

MOST_COLOUR = 0.05  # share of the pixels; a coloured arrow or stamp is less
SMALLEST = 64  # px of the longer side; on less a bone cannot be seen
LONGEST = 4.0  # longer over shorter side; a whole leg on one film has about 3
BLANK = 0.01  # standard deviation of the grey, 0 to 0.5; as in `audit`
LEAST_CONTRAST = 0.2  # of the full range; underexposed films have twice as much
BRIGHTEST_BORDER = 0.6  # median grey of the rim, 0 to 1: the air around a bone is dark


@dataclass(frozen=True, kw_only=True)
class Check:
    """Result of one check of a film.

    Args:
        name: "colour", "size", "aspect", "blank", "contrast", "inverted" or "distance".
        value: the measurement, in the unit of the limit.
        limit: the last value that passes; "size", "blank" and "contrast" must not be less, the
            others not more.
        doubt: one sentence with value and limit; empty where the film passes.
        remedy: `INVERT` where inverting the film may help; else empty.
    """

    name: str
    value: float
    limit: float
    doubt: str = ""
    remedy: str = ""

    @property
    def passed(self) -> bool:
        """True where the film is within the limit."""
        return not self.doubt


def colour(source: Path | bytes) -> float:
    """Return the share of an image file's pixels that are coloured, 0 to 1; 0 for grey modes.

    0 also for DICOM, and for files of which Pillow cannot decode all.

    Args:
        source: a path or content that `images.decode` has read.
    """
    data = source if isinstance(source, bytes) else images.content(source)
    try:
        film = images.in_colour(data)
        if film.mode in ("1", "L", "LA") or film.mode.startswith(("I", "F")):
            return 0.0
        film.draft("RGB", (LOOKED_AT, LOOKED_AT))  # decodes a JPEG at a fraction of its size
        # Nearest pixels: averaging would turn a fine mixture of colours grey.
        film = film.convert("RGB")
        film.thumbnail((LOOKED_AT, LOOKED_AT), Image.Resampling.NEAREST)
    except Exception:  # a damaged or odd file; reading it has reported the fault
        return 0.0
    pixels = np.asarray(film, np.int16)
    return float((pixels.max(axis=-1) - pixels.min(axis=-1) > COLOURED).mean())


def check(film: Image.Image, coloured: float, size: int) -> tuple[Check, ...]:
    """Run the checks colour, size, aspect, blank, contrast and inverted, in this order.

    Args:
        film: decoded, mode "L".
        coloured: the value of `colour`.
        size: side of the network's input in px, the least longer side of a film.
    """
    grey = np.arange(256) / 255
    counts = np.array(film.histogram(), np.float64)
    shares = counts / counts.sum()
    spread = float(np.sqrt(shares @ (grey - shares @ grey) ** 2))
    low, high = np.searchsorted(np.cumsum(shares), (0.01, 0.99)) / 255
    blank = _blank(spread)
    # A blank film is neither flat nor inverted, as in the audit.
    contrast = Check(name="contrast", value=float(high - low), limit=LEAST_CONTRAST)
    inverted = Check(name="inverted", value=_border(film), limit=BRIGHTEST_BORDER)
    if blank.passed:
        contrast, inverted = _contrast(contrast.value), _inverted(inverted.value)
    return (
        _colour(coloured),
        _size(max(film.size), max(SMALLEST, size)),
        _aspect(max(film.size) / min(film.size)),
        blank,
        contrast,
        inverted,
    )


def _border(film: Image.Image) -> float:
    small = film.reduce(max(1, max(film.size) // measures.SMALL))  # quicker than a thumbnail
    return float(np.median(measures.rim(np.asarray(small, np.float64) / 255)))


def _colour(value: float) -> Check:
    words = f"{value:.0%} of it is coloured, limit {MOST_COLOUR:.0%}: an x-ray film is grey."
    return _check("colour", value, MOST_COLOUR, value > MOST_COLOUR, words)


def _size(value: int, limit: int) -> Check:
    words = f"Its longer side has {value} px, at least {limit} are needed: too small to see a bone."
    return _check("size", value, limit, value < limit, words)


def _aspect(value: float) -> Check:
    words = f"It is {value:.1f} times as long as wide, limit {LONGEST:g}: no film has this shape."
    return _check("aspect", value, LONGEST, value > LONGEST, words)


def _blank(value: float) -> Check:
    words = f"It is uniformly grey: its spread is {value:.3f}, minimum {BLANK:g}."
    return _check("blank", value, BLANK, value < BLANK, words)


def _contrast(value: float) -> Check:
    minimum = f"minimum {LEAST_CONTRAST:.0%}"
    words = f"Its contrast is {value:.0%} of the full range, {minimum}: almost nothing is visible."
    return _check("contrast", value, LEAST_CONTRAST, value < LEAST_CONTRAST, words)


def _inverted(value: float) -> Check:
    words = (
        f"Its border is bright, {value:.0%} of white, limit {BRIGHTEST_BORDER:.0%}: it looks "
        "inverted. Invert it for a reliable score."
    )
    failed = value > BRIGHTEST_BORDER
    return _check("inverted", value, BRIGHTEST_BORDER, failed, words, INVERT if failed else "")


def _check(
    name: str, value: float, limit: float, failed: bool, words: str, remedy: str = ""
) -> Check:
    doubt = words if failed else ""
    return Check(name=name, value=float(value), limit=float(limit), doubt=doubt, remedy=remedy)
