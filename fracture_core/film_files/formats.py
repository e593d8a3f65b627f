"""Rules for films of every format: marks, size limits, values as grey."""

import numpy as np

from fracture_core.config import LIMITS

_MARKS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"GIF8": "GIF",
    b"%PDF": "PDF",
    b"PK\x03\x04": "zip",
}
READ = ("PNG", "JPEG", "WebP", "TIFF")  # formats beside DICOM


def kind(data: bytes) -> str | None:
    """Return a file's format by its first bytes: one of `READ`, "GIF", "PDF", "zip" or `None`."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    return next((kind for mark, kind in _MARKS.items() if data.startswith(mark)), None)


def too_many_bytes(size: int) -> str:
    """Return the refusal of a file of this many bytes, as a clause that follows its name."""
    limit = f"at most {LIMITS.file_bytes / 2**20:g} MB are read"
    return f"has {size / 2**20:.0f} MB; {limit}. Save a smaller copy."


def wrong_size(width: int, height: int) -> str | None:
    """Return the refusal of a film of this size in px, as such a clause; `None` if allowed."""
    if width * height > LIMITS.film_pixels:
        rule = f"at most {LIMITS.film_pixels / 1e6:g} million pixels are read. Save a smaller copy."
    elif min(width, height) < LIMITS.film_side_px:
        rule = f"a film has at least {LIMITS.film_side_px} px per side. Give the whole film."
    else:
        return None
    return f"has {width} x {height} px; {rule}"


def stretched(values: np.ndarray, padding: np.ndarray | None = None) -> np.ndarray:
    """Scale values of more than 8 bits to grey: the lowest becomes 0, the highest 255.

    Args:
        values: of any number type and shape.
        padding: bool, of the same shape: pixels outside the film, which do not count; `None` for
            none.

    Returns:
        uint8, all 0 where there is only one value.

    Raises:
        ValueError: a value is not a finite number.
    """
    values = values.astype(np.float64)
    inside = values if padding is None or padding.all() else values[~padding]
    low, high = inside.min(), inside.max()
    if not np.isfinite(high - low):
        raise ValueError("it holds values that are no numbers")
    scale = 255.0 / (high - low) if high > low else 0.0
    grey: np.ndarray = np.clip(np.rint((values - low) * scale), 0, 255).astype(np.uint8)
    return grey
