"""Is this a film that a model may judge at all? What can be said of it without any network.

Each check has a number and a limit, and, where the film fails, a sentence that names both. Limits
are wide: a check that fails makes a doubt, which a person may overrule, and never a refusal.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fracture_core.films import images, measures

COLOURED = 24  # grey levels of 255 between a pixel's channels; JPEG's noise stays below
LOOKED_AT = 128  # px of the longer side of the copy whose colours are counted
INVERT = "invert"  # the one remedy there is

MOST_COLOUR = 0.05  # share of the pixels; a coloured arrow or stamp is less
SMALLEST = 64  # px of the longer side; in less nobody sees a bone
LONGEST = 4.0  # longer over shorter side; a whole leg on one film has about 3
BLANK = 0.01  # standard deviation of the grey, 0 to 0.5; as in `audit`
LEAST_CONTRAST = 0.2  # of the full range; underexposed films have twice as much
BRIGHTEST_BORDER = 0.6  # median grey of the rim, 0 to 1: the air around a bone is dark


@dataclass(frozen=True, kw_only=True)
class Check:
    """One question to a film, and the answer.

    Args:
        name: "colour", "size", "aspect", "blank", "contrast", "inverted" or "distance".
        value: what was measured; its unit is the check's own, see the limits.
        limit: the last value that passes; "size", "blank" and "contrast" must not be less, the
            others not more.
        doubt: why the film may not be one that the model can judge, one sentence with value and
            limit; empty where it passes.
        remedy: `INVERT` where turning the greys round may help; else empty.
    """

    name: str
    value: float
    limit: float
    doubt: str = ""
    remedy: str = ""

    @property
    def passed(self) -> bool:
        """Whether the film is within the limit."""
        return not self.doubt


def colour(source: Path | bytes) -> float:
    """The share of an image file's pixels that are coloured, 0 to 1; 0 for a grey mode's.

    The file is one that `images.decode` could read; of other formats 0 is given, since what they
    hold has no colour that would be lost.
    """
    data = source if isinstance(source, bytes) else images.content(source)
    try:
        film = Image.open(io.BytesIO(data), formats=images.FORMATS)
        if film.mode in ("1", "L", "LA") or film.mode.startswith(("I", "F")):
            return 0.0
        film.draft("RGB", (LOOKED_AT, LOOKED_AT))  # a JPEG is unpacked at a fraction of its size
        # Pixels are picked and not averaged, which would turn a fine mixture of colours grey.
        film = film.convert("RGB")
        film.thumbnail((LOOKED_AT, LOOKED_AT), Image.Resampling.NEAREST)
    except OSError:
        return 0.0
    pixels = np.asarray(film, np.int16)
    return float((pixels.max(axis=-1) - pixels.min(axis=-1) > COLOURED).mean())


def check(film: Image.Image, coloured: float, size: int) -> tuple[Check, ...]:
    """Colour, size, aspect, blank, contrast and inverted, in this order.

    Args:
        film: decoded, mode "L".
        coloured: see `colour`.
        size: side of the network's input in px, which a film must not fall short of.
    """
    grey = np.arange(256) / 255
    counts = np.array(film.histogram(), np.float64)
    share = counts / counts.sum()
    spread = float(np.sqrt(share @ (grey - share @ grey) ** 2))
    low, high = np.searchsorted(np.cumsum(share), (0.01, 0.99)) / 255
    blank = _blank(spread)
    # A blank film is nothing else besides, as in the audit.
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
    return _made("colour", value, MOST_COLOUR, value > MOST_COLOUR, words)


def _size(value: int, limit: int) -> Check:
    words = f"Its longer side has {value} px, and {limit} are needed: too small to see a bone."
    return _made("size", value, limit, value < limit, words)


def _aspect(value: float) -> Check:
    words = f"It is {value:.1f} times as long as wide, limit {LONGEST:g}: no film has this shape."
    return _made("aspect", value, LONGEST, value > LONGEST, words)


def _blank(value: float) -> Check:
    words = f"It is all of one grey: its spread is {value:.3f}, and {BLANK:g} is the least."
    return _made("blank", value, BLANK, value < BLANK, words)


def _contrast(value: float) -> Check:
    least = f"{LEAST_CONTRAST:.0%} is the least"
    words = f"Its contrast is {value:.0%} of the full range, and {least}: next to nothing shows."
    return _made("contrast", value, LEAST_CONTRAST, value < LEAST_CONTRAST, words)


def _inverted(value: float) -> Check:
    words = (
        f"Its border is bright, {value:.0%} of white, limit {BRIGHTEST_BORDER:.0%}: it looks "
        "inverted. It is judged as it should be once black and white are exchanged."
    )
    failed = value > BRIGHTEST_BORDER
    return _made("inverted", value, BRIGHTEST_BORDER, failed, words, INVERT if failed else "")


def _made(
    name: str, value: float, limit: float, failed: bool, words: str, remedy: str = ""
) -> Check:
    doubt = words if failed else ""
    return Check(name=name, value=float(value), limit=float(limit), doubt=doubt, remedy=remedy)
