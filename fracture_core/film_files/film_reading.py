"""Record of a film that was read from a file: its picture, and what was odd about the file."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from fracture_core.film_files.film_depth import FilmDepth

NO_NUMBERS = "Pixels that are no finite numbers were read as black."


@dataclass(frozen=True, kw_only=True)
class FilmReading:
    """A film as it was read.

    Args:
        image: at full size in grey, a Pillow image of mode "L", 0 to 255.
        notes: what was done about oddities of the file, one sentence each, such as "Its last 12
            rows are missing." or "Its window (WindowWidth) is no number and was ignored."; none
            for a sound file.
        missing_rows: rows, or columns, that the file lacks since it was cut short; they are black.
        mode: of the file, as Pillow names it: "L", "RGB", "I;16"...; "DICOM" for DICOM.
        depth: of a DICOM film of more than 8 bits: its values, and how its file shows them.
        values: of another film of more than 8 bits, (rows, columns); `film_depth.of` makes
            codes of them for the viewer.
        inverted: whether the lowest of these is white.
    """

    image: Image.Image
    notes: tuple[str, ...] = ()
    missing_rows: int = 0
    mode: str = "DICOM"
    depth: FilmDepth | None = None
    values: np.ndarray | None = None
    inverted: bool = False
