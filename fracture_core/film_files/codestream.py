"""Films of newer codings by imagecodecs: JPEG 2000, JPEG-LS, JPEG XL, AVIF; HEIF by pi-heif.

Their size is read from the header before anything is unpacked.
"""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from fracture_core.errors import FilmError
from fracture_core.film_files import formats, raster
from fracture_core.film_files.raster import Raster

BEYOND_PILLOW = ("JPEG-LS", "JPEG XL", "HEIF")
JPEG_2000 = b"\xff\x4f\xff\x51"  # first bytes of a codestream
_ORIENTATION = 0x0112
_STREAMS = {b"jp2c": 0, b"jxlc": 0, b"jxlp": 4}  # boxes of a codestream -> bytes before it
_XL_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # width to height
_XL_BITS = (9, 13, 18, 30)


def read(data: bytes, name: str, kind: str) -> Raster:
    """Read a film of one of these formats.

    Args:
        data: the file's content.
        name: of the film, for errors.
        kind: its format, see `formats.kind`.

    Raises:
        FilmError: its size is not supported.
        Exception: it is cut short or damaged.
    """
    return _avif(data, name) if kind == "AVIF" else _raster(_values(data, name, kind))


def in_colour(data: bytes, kind: str) -> Image.Image:
    """Return a film that `read` has read as mode "L" or "RGB", for a look at its colours.

    Args:
        data: the file's content.
        kind: one of `BEYOND_PILLOW`.
    """
    values = _values(data, "The film", kind)
    if values.ndim == 2 or values.shape[2] < 3:
        return Image.new("L", (1, 1))
    colours = values[..., :3]
    colours = colours if colours.dtype == np.uint8 else formats.stretched(colours)
    return Image.fromarray(np.ascontiguousarray(colours))


def _values(data: bytes, name: str, kind: str) -> np.ndarray:
    """Decode a film to values, (rows, columns[, channels])."""
    if kind == "HEIF":
        return _heif(data, name)
    coded = size(data)
    if coded is None:
        raise ValueError("its size is missing")
    if refusal := formats.wrong_size(*coded):
        raise FilmError(name, refusal)
    return _decoder(kind)(data)


def _raster(values: np.ndarray, orientation: int = 1) -> Raster:
    grey, mode = raster.grey_of_channels(values), raster.mode_of(values)
    notes = raster.notes_on_channels(values)
    return Raster(grey=grey, mode=mode, orientation=orientation, notes=notes)


def _decoder(kind: str) -> Callable[[bytes], np.ndarray]:
    """Return the function from a file's content to values, (rows, columns[, channels])."""
    import imagecodecs

    return {
        "JPEG 2000": imagecodecs.jpeg2k_decode,
        "JPEG-LS": imagecodecs.jpegls_decode,
        "JPEG XL": imagecodecs.jpegxl_decode,
    }[kind]


def _avif(data: bytes, name: str) -> Raster:
    """Read an AVIF image: of 8 bits by Pillow, of more by imagecodecs."""
    import imagecodecs

    film = Image.open(io.BytesIO(data), formats=("AVIF",))
    if refusal := formats.wrong_size(*film.size):
        raise FilmError(name, refusal)
    orientation = film.getexif().get(_ORIENTATION, 1)
    values = imagecodecs.avif_decode(data, index=0)
    if values.dtype != np.uint8:
        return _raster(values, orientation)
    film.load()
    return Raster(grey=raster.grey_of(film), mode=film.mode, orientation=orientation)


def _heif(data: bytes, name: str) -> np.ndarray:
    """Decode a HEIF image; its decoder applies the orientation."""
    import pi_heif

    film = pi_heif.open_heif(data, convert_hdr_to_8bit=False)
    if refusal := formats.wrong_size(*film.size):
        raise FilmError(name, refusal)
    return np.array(film)  # a view would outlive its memory


@dataclass(frozen=True, kw_only=True)
class Head:
    """Size that a codestream states: px, samples of a pixel, bits of a sample."""

    width: int
    height: int
    samples: int
    precision: int


def head(data: bytes) -> Head | None:
    """Return what a JPEG of any kind or JPEG 2000 states of itself; `None` for others."""
    stream = beginning(data)
    if stream[:4] == JPEG_2000 and len(stream) >= 43:
        right, bottom, left, top = struct.unpack_from(">4I", stream, 8)
        samples, depth = struct.unpack_from(">HB", stream, 40)
        bits = (depth & 0x7F) + 1
        return Head(width=right - left, height=bottom - top, samples=samples, precision=bits)
    frame = formats.jpeg_frame(data)
    if frame is None or len(frame[1]) < 6:
        return None
    bits, height, width, samples = struct.unpack_from(">BHHB", frame[1])
    return Head(width=width, height=height, samples=samples, precision=bits)


def size(data: bytes) -> tuple[int, int] | None:
    """Return (width, height) in px of a JPEG of any kind, JPEG 2000 or JPEG XL; else `None`."""
    stream = beginning(data)
    if stream[:2] == b"\xff\x0a":
        return _xl_size(stream[2:])
    stated = head(data)
    return None if stated is None else (stated.width, stated.height)


def beginning(data: bytes) -> bytes:
    """Return a codestream's beginning: the file's, or that inside its box (ISO 15444-1, I.4)."""
    if data[:4] != b"\0\0\0\x0c" or data[4:8] not in (b"jP  ", b"JXL "):
        return data[:64]
    place = 0
    while place + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        start = place + 8
        if length == 1:  # the length follows the kind, in 8 bytes
            length, start = int.from_bytes(data[start : start + 8], "big"), start + 8
        if kind in _STREAMS:
            start += _STREAMS[kind]
            return data[start : start + 64]
        if length < 8:  # the last box, or none
            break
        place += length
    return b""


def _xl_size(stream: bytes) -> tuple[int, int] | None:
    """Return (width, height) by the size header of JPEG XL (ISO 18181-1, D.2)."""
    if len(stream) < 12:
        return None
    bits, place = int.from_bytes(stream[:12], "little"), 0

    def take(count: int) -> int:
        nonlocal place
        value = bits >> place & (1 << count) - 1
        place += count
        return value

    small = take(1)

    def side() -> int:
        return 8 * (take(5) + 1) if small else take(_XL_BITS[take(2)]) + 1

    height, ratio = side(), take(3)
    if ratio == 0:
        return side(), height
    across, down = _XL_RATIOS[ratio - 1]
    return height * across // down, height
