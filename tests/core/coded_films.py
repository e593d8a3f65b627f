"""DICOM films of every coding that can be made here, and those that come with pydicom."""

import importlib.util
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
from pydicom.encaps import encapsulate
from pydicom.uid import UID, RLELossless

from fracture_core.config.limits import LIMITS
from fracture_core.dicom_files import (
    codestreams,
    data_set,
    elements,
    layout,
    stored_values,
)
from fracture_core.film_files import codestream
from tests.core.dicoms import make, written

SIDE = 96  # px
_SIDES = ("Rows", "Columns")
JPEG = "1.2.840.10008.1.2.4."
Coding = tuple[
    str, int, bool, Callable[[np.ndarray], bytes | bytearray]
]  # syntax, bits, signed, encoder


def _lossless(values: np.ndarray) -> bytes:
    size = values.dtype.itemsize
    coded = imagecodecs.jpeg8_encode(values.view(f"u{size}"), lossless=True, bitspersample=8 * size)
    return bytes(coded)


CODINGS: dict[str, Coding] = {
    "JPEG baseline, 8 bits": (f"{JPEG}50", 8, False, lambda v: imagecodecs.jpeg8_encode(v, 95)),
    "JPEG extended, 12 bits": (
        f"{JPEG}51",
        12,
        False,
        lambda v: imagecodecs.jpeg8_encode(v, 95, bitspersample=12),
    ),
    "JPEG lossless, 8 bits": (f"{JPEG}70", 8, False, _lossless),
    "JPEG lossless, 16 bits": (f"{JPEG}70", 16, False, _lossless),
    "JPEG lossless, 16 bits, signed": (f"{JPEG}57", 16, True, _lossless),
    "JPEG-LS lossless, 8 bits": (f"{JPEG}80", 8, False, imagecodecs.jpegls_encode),
    "JPEG-LS lossless, 16 bits": (f"{JPEG}80", 16, False, imagecodecs.jpegls_encode),
    "JPEG-LS near lossless, 16 bits": (
        f"{JPEG}81",
        16,
        False,
        lambda v: imagecodecs.jpegls_encode(v, 3),
    ),
    "JPEG 2000 lossless, 16 bits": (
        f"{JPEG}90",
        16,
        False,
        lambda v: imagecodecs.jpeg2k_encode(v, 0, codecformat="j2k"),
    ),
    "JPEG 2000 lossless, 16 bits, signed": (
        f"{JPEG}90",
        16,
        True,
        lambda v: imagecodecs.jpeg2k_encode(v, 0, codecformat="j2k"),
    ),
    "JPEG 2000 lossy, 8 bits": (
        f"{JPEG}91",
        8,
        False,
        lambda v: imagecodecs.jpeg2k_encode(v, 40, codecformat="j2k"),
    ),
    "JPEG 2000 high throughput, 16 bits": (f"{JPEG}201", 16, False, imagecodecs.htj2k_encode),
}


def bone(bits: int, signed: bool = False) -> np.ndarray:
    """Return stored values of a film of a bright bone, of these bits."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    noise = np.random.default_rng(bits).normal(0, 0.01, (SIDE, SIDE))
    shade = 0.2 + 0.6 * np.exp(-(((x - 0.5 + 0.1 * y) / 0.15) ** 2)) + 0.1 * y + noise
    values = np.round(np.clip(shade, 0, 1) * (2**bits - 1))
    if signed:
        return (values - 2 ** (bits - 1)).astype(np.int16)
    return values.astype(np.uint8 if bits == 8 else np.uint16)


def made() -> Iterator[tuple[str, bytes, np.ndarray, bool]]:
    """Yield coding, file, its values before, and whether the coding keeps them exactly."""
    for name, (uid, bits, signed, encode) in CODINGS.items():
        values = bone(bits, signed)
        film = pydicom.dcmread(io.BytesIO(make(values, BitsStored=bits, HighBit=bits - 1)))
        film.PixelData = encapsulate([bytes(encode(values))])
        film["PixelData"].VR = "OB"
        film.file_meta.TransferSyntaxUID = UID(uid)
        lossy = any(word in name for word in ("baseline", "extended", "lossy", "near"))
        yield name, written(film), values, not lossy
    for bits in (8, 16):
        values = bone(bits)
        yield f"Run lengths, {bits} bits", make(values, syntax=RLELossless), values, True


def packaged() -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the compressed films that come with pydicom.

    Those of the package `pydicom-data` too, where it is installed; none is loaded from elsewhere.
    Films that are smaller than any that the product reads are left out.
    """
    roots = [Path(pydicom.__file__).parent / "data/test_files"]
    more = importlib.util.find_spec("data_store")
    roots += [Path(each) for each in (more.submodule_search_locations if more else ()) or ()]
    for path in sorted(path for root in roots for path in root.rglob("*.dcm")):
        content = path.read_bytes()
        try:
            film = pydicom.dcmread(io.BytesIO(content), specific_tags=[*_SIDES, "PixelData"])
        except Exception:  # some are damaged on purpose
            continue
        sides = [film.get(each) or 0 for each in _SIDES]
        if min(sides) >= LIMITS.film_side_px and data_set.is_encapsulated(film):
            yield path.name, content


def ours(data: bytes) -> np.ndarray:
    """Return a film's first frame as the product decodes it, with its sign."""
    film = pydicom.dcmread(io.BytesIO(data))
    frame = codestreams.first_frame(elements.content(film, "PixelData"), layout.frames(film))
    pixels = layout.read(film, codestream.head(frame), "film", [])
    return stored_values.read(film, pixels, frame, "film", []).values


def theirs(data: bytes, library: str) -> np.ndarray:
    """Return it as a library decodes it through pydicom; raises where it does not."""
    from pydicom.pixels.decoders.base import get_decoder

    film = pydicom.dcmread(io.BytesIO(data))
    options: dict[str, Any] = {"decoding_plugin": library, "raw": True}
    values, _ = get_decoder(film.file_meta.TransferSyntaxUID).as_array(film, index=0, **options)
    return values
