"""TIFF films by tifffile: of 1 to 64 bits, signed, fractions, planar, tiled, big, and cut short.

A coding that tifffile does not decode is left to Pillow.
"""

import io
import logging
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from fracture_core.config.limits import LIMITS
from fracture_core.errors import FilmError
from fracture_core.film_files import codestream, formats, raster
from fracture_core.film_files.raster import Raster

if TYPE_CHECKING:
    from tifffile import TiffFile

_ORIENTATION, _SUBFILE, _OPACITY = 274, 254, 338
_COPY = 1  # bit of NewSubfileType: a smaller copy of another page
_MOST_CHANNELS = 5  # CMYK with opacity
_NONE, _JPEG, _DEFLATE = 1, (7, 34892, 33007), (8, 32946)
# Others may unpack to more than the page holds, or are no image codings.
_READ = (
    *(_NONE, 2, 3, 4, 5, *_DEFLATE, 32773, 34925, 50000, *_JPEG),
    *(33003, 33004, 33005, 34712, 50002, 52546),
)
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _MASK, _CMYK, _YCBCR = range(7)
_CIELAB, _ICCLAB = 8, 9
_MOST_TILES = 500_000  # of a page: of the largest film's smallest tiles, 16 x 16 px, there are half


@dataclass(frozen=True, kw_only=True)
class _Values:
    """Decoded values (rows, columns, channels), how many rows are whole, and whether it is cut."""

    array: np.ndarray
    rows: int
    is_cut: bool


def read(data: bytes, name: str) -> Raster:
    """Read the first page of a TIFF; of one that was cut short, what is there.

    Raises:
        FilmError: its size or coding is not supported.
        NotImplementedError: its values are of a kind that is not read.
        Exception: it is damaged.
    """
    try:
        with _opened(data) as file:
            page: Any = file.pages[0]
            _check(page, name)
            return _raster(page, _values(page, data))
    except (FilmError, MemoryError):
        raise
    except Exception as error:
        if film := _by_pillow(data, name):
            return film
        if "not supported" in str(error):
            raise NotImplementedError(str(error)) from error
        raise


def pages(data: bytes) -> int:
    """Count the pages of a TIFF that are no smaller copies, one by one, to where it ends."""
    count = 1
    with _opened(data) as file:
        for number in range(1, LIMITS.dicom_frames):
            try:
                page: Any = file.pages[number]
                tag = page.tags.get(_SUBFILE)
            except Exception:  # the end, or damage behind the first page
                break
            count += not (tag and int(tag.value) & _COPY)
    return count


def _opened(data: bytes) -> "TiffFile":
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)  # it logs what is odd
    return tifffile.TiffFile(io.BytesIO(data))


def _check(page: Any, name: str) -> None:
    """Refuse a page by its header, before anything is unpacked.

    Raises:
        FilmError: its size, number of channels or coding is not supported.
    """
    if refusal := formats.wrong_size(page.imagewidth, page.imagelength):
        raise FilmError(name, refusal)
    coding = _name_of(page.compression)
    if page.compression not in _READ:
        raise FilmError(name, f"is a TIFF coded as {coding}, which is not read. Save it as PNG.")
    if page.samplesperpixel > _MOST_CHANNELS or page.imagedepth > 1:
        channels = f"has {page.samplesperpixel * page.imagedepth:,} channels or layers"
        raise FilmError(name, f"{channels}, which is no film. Save the film alone.")
    segment = int(np.prod(page.chunks, dtype=np.float64))
    if segment > LIMITS.film_pixels * _MOST_CHANNELS:
        raise FilmError(
            name, f"has tiles of {segment:,} values, which are not read. Save it as PNG."
        )
    if (count := int(np.prod(page.chunked, dtype=np.float64))) > _MOST_TILES:
        raise FilmError(name, f"has {count:,} tiles, which are not read. Save it as PNG.")


def _name_of(compression: Any) -> str:
    return str(getattr(compression, "name", compression))


def _values(page: Any, data: bytes) -> _Values:
    """Decode a page strip by strip, or tile by tile.

    Raises:
        Exception: a strip is damaged, or of an unsupported kind.
    """
    image = np.zeros(page.shaped, page.dtype)
    rows, is_cut = page.imagelength, False
    tables = {}
    if page.compression in _JPEG:
        tables = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
    for index in range(int(np.prod(page.chunked))):
        start, size = page.dataoffsets[index], page.databytecounts[index]
        content = data[start : start + size]
        (plane, _, top, left, _), shape = _place(page, index)
        height = min(shape[0], page.imagelength - top)
        if len(content) < size:
            is_cut = True
            content, whole = _filled(page, content, shape)
            rows = min(rows, top + min(whole, height))
            if not whole:
                continue
        _check_coded(page, content)
        segment, _, _ = page.decode(content, index, **tables) if size else (None, None, None)
        if segment is not None:
            segment = _ordered(page, segment)
            room = image[plane, 0, top : top + height, left : left + shape[1]]
            room[...] = segment[0, : room.shape[0], : room.shape[1]]
    planes = image[:, 0]
    array = np.moveaxis(planes[..., 0], 0, 2) if len(planes) > 1 else planes[0]
    return _Values(array=array, rows=rows, is_cut=is_cut)


def _ordered(page: Any, segment: np.ndarray) -> np.ndarray:
    """Return values of 24 bits, whose bytes tifffile takes in another order."""
    if page.bitspersample != 24 or segment.dtype != np.uint32:
        return segment
    swapped: np.ndarray = segment.byteswap()
    if page.parent.byteorder == "<":
        swapped >>= 8
    return swapped


def _place(page: Any, index: int) -> tuple[tuple[int, ...], tuple[int, int]]:
    """Return a segment's place (plane, layer, row, column, channel) and its height and width."""
    _, place, shape = page.decode(None, index)
    return place, (shape[1], shape[2])


def _filled(page: Any, content: bytes, shape: tuple[int, int]) -> tuple[bytes, int]:
    """Return a segment that was cut short, filled with zeros, and how many of its rows are there.

    Only of unpacked and deflated ones are rows known; of others it is none.
    """
    channels = page.samplesperpixel if page.planarconfig == 1 else 1
    row = -(-shape[1] * channels * page.bitspersample // 8)
    size = row * shape[0]
    if page.compression in _DEFLATE and content:
        unpacked = zlib.decompressobj().decompress(content, size)
        return zlib.compress(unpacked.ljust(size, b"\0"), 1), len(unpacked) // row
    if page.compression == _NONE:
        return content.ljust(size, b"\0"), len(content) // row
    return b"", 0


def _check_coded(page: Any, content: bytes) -> None:
    """Refuse a segment whose own header says a larger size than the page: it would be unpacked.

    Raises:
        ValueError: it does.
    """
    size = codestream.size(content)
    if size and size[0] * size[1] > max(LIMITS.film_pixels, int(np.prod(page.chunks))):
        raise ValueError(f"a part of it has {size[0]} x {size[1]} px")


def _raster(page: Any, values: _Values) -> Raster:
    """Return decoded values in grey, by the page's photometric interpretation."""
    tag = page.tags.get(_ORIENTATION)
    orientation = int(tag.value) if tag and tag.value in range(1, 9) else 1
    mode = _mode(page, values.array)
    rows = raster.first_rows(values.array, values.rows, lambda array: _grey(page, array))
    notes = _notes(page, values.array[: values.rows])
    if not values.is_cut:
        return Raster(
            grey=rows,
            mode=mode,
            orientation=orientation,
            values=values.array[..., 0] if _is_deep(page, values.array) else None,
            inverted=page.photometric == _WHITE_IS_ZERO,
            notes=notes,
        )
    return raster.from_rows(rows, page.imagelength, mode=mode, orientation=orientation, notes=notes)


def _is_deep(page: Any, array: np.ndarray) -> bool:
    """Return whether values (rows, columns, channels) are grey alone and have more than 8 bits."""
    is_grey = int(page.photometric) in (_WHITE_IS_ZERO, _BLACK_IS_ZERO) and array.shape[2] == 1
    return is_grey and array.dtype.itemsize > 1 and int(page.bitspersample) > 8


def _mode(page: Any, array: np.ndarray) -> str:
    """Return Pillow's name of the mode, or one like it."""
    names = {_RGB: "RGB", _PALETTE: "P", _CMYK: "CMYK", _YCBCR: "YCbCr"}
    name = names.get(
        int(page.photometric), "LAB" if page.photometric in (_CIELAB, _ICCLAB) else "L"
    )
    if array.dtype == bool and name == "L":
        return "1"
    if array.dtype == np.uint8 or name != "L":
        return name if array.dtype == np.uint8 else f"{name};{page.bitspersample}"
    if array.dtype.kind == "f":
        return "F"
    return "I;16" if array.dtype == np.uint16 else "I"


def _grey(page: Any, array: np.ndarray) -> Image.Image:
    """Return values (rows, columns, channels) as mode "L".

    Raises:
        NotImplementedError: the interpretation is not supported.
    """
    kind, bits = int(page.photometric), int(page.bitspersample)
    colours, opacity = _channels(page, array)
    if kind in (_WHITE_IS_ZERO, _BLACK_IS_ZERO):
        inverted = kind == _WHITE_IS_ZERO
        return raster.grey_of_values(colours, bits, inverted=inverted, opacity=opacity)
    if kind == _PALETTE:
        table = np.asarray(page.colormap)
        return raster.grey_of_values(
            (table[:, colours[..., 0]] >> 8).astype(np.uint8).transpose(1, 2, 0)
        )
    if kind == _CMYK:
        return raster.grey_of_values(_light(colours), opacity=opacity)
    if kind == _YCBCR and page.compression not in _JPEG:
        if colours.dtype != np.uint8:
            raise NotImplementedError("it is YCbCr of more than 8 bits")
        return Image.fromarray(np.ascontiguousarray(colours), "YCbCr").convert("RGB").convert("L")
    if kind in (_RGB, _YCBCR):
        return raster.grey_of_values(colours, bits, opacity=opacity)
    if kind in (_CIELAB, _ICCLAB):
        return _lab(colours, signed=kind == _CIELAB)
    raise NotImplementedError(f"its colours ({page.photometric!r}) are not read")


def _notes(page: Any, array: np.ndarray) -> tuple[str, ...]:
    """Return what is odd about values (rows, columns, channels) of grey or of red, green, blue."""
    if int(page.photometric) not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
        return ()
    colours, opacity = _channels(page, array)
    return raster.notes_on(colours, int(page.bitspersample), opacity)


def _channels(page: Any, array: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the colours of values (rows, columns, channels), and their opacity."""
    kind = int(page.photometric)
    count = {_RGB: 3, _CMYK: 4, _YCBCR: 3, _CIELAB: 3, _ICCLAB: 3}.get(kind, 1)
    if array.shape[2] < count:
        raise ValueError(f"it has {array.shape[2]} of {count} channels")
    return array[..., :count], _opacity(page, array, count)


def _opacity(page: Any, array: np.ndarray, count: int) -> np.ndarray | None:
    """Return the opacity beside colours that are not multiplied by it yet."""
    kinds = tuple(int(kind) for kind in page.extrasamples or ())
    if kinds[:1] != (2,) or array.shape[2] <= count or array.dtype.kind != "u":
        return None
    return array[..., count]


def _light(inks: np.ndarray) -> np.ndarray:
    """Return the light that inks (rows, columns, 4) leave, (rows, columns, 3)."""
    if inks.dtype == np.uint8:
        return np.asarray(Image.fromarray(np.ascontiguousarray(inks), "CMYK").convert("RGB"))
    if inks.dtype.kind != "u":
        raise NotImplementedError("its inks are no whole numbers")
    light = 1 - inks.astype(np.float32) / np.iinfo(inks.dtype).max
    mixed: np.ndarray = light[..., :3] * light[..., 3:]
    return mixed


def _lab(values: np.ndarray, signed: bool) -> Image.Image:
    """Return L*a*b* of 8 or 16 bits; a and b are signed, or have their zero in the middle."""
    if values.dtype not in (np.uint8, np.uint16):
        raise NotImplementedError("it is L*a*b* of another type than 8 or 16 bits")
    unit = 256 ** (values.dtype.itemsize - 1)  # of a and b
    lightness = values[..., 0] * np.float32(100 / np.iinfo(values.dtype).max)
    offset = 0 if signed else 128 * unit
    whole = (
        values[..., 1:].view(np.dtype(f"i{values.dtype.itemsize}")) if signed else values[..., 1:]
    )
    a, b = ((whole[..., n].astype(np.float32) - offset) / unit for n in (0, 1))
    return raster.lab_grey(lightness, a, b)


def _by_pillow(data: bytes, name: str) -> Raster | None:
    """Read a TIFF with Pillow; `None` where it cannot.

    Raises:
        FilmError: its size is not supported.
    """
    try:
        film = Image.open(io.BytesIO(data), formats=("TIFF",))
        refusal = formats.wrong_size(*film.size)
        if refusal is None:
            film.load()  # applies and removes the orientation
            return Raster(grey=raster.grey_of(film), mode=film.mode)
    except Exception:  # the reason of tifffile is given
        return None
    raise FilmError(name, refusal)
