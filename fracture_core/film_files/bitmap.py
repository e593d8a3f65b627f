"""GIF, BMP and WebP films by Pillow, and GIF and BMP files that were cut short."""

import io
import struct
from dataclasses import dataclass

from PIL import Image

from fracture_core.errors import FilmError
from fracture_core.film_files import formats, raster
from fracture_core.film_files.raster import Raster

_ORIENTATION = 0x0112
_FILE_HEADER = 14  # bytes of a BMP before its image header
_UNPACKED = (0, 3, 6)  # codings of a BMP whose rows have one length
_INTERLACED = ((0, 8), (4, 8), (2, 4), (1, 2))  # first row and step of a GIF's passes
_GIF_END = b";"
_MOST_CODES = 4096  # of a GIF


def read(data: bytes, name: str, kind: str) -> Raster:
    """Read a film of one of these formats; of one that was cut short, what is there.

    Args:
        data: the file's content.
        name: of the film, for errors.
        kind: its format, see `formats.kind`.

    Raises:
        FilmError: its size is not supported, or it is a WebP file that was cut short.
        Exception: it is damaged.
    """
    if kind == "WebP" and (whole := _riff_size(data)) > len(data):
        words = f"is cut short: {len(data):,} of {whole:,} bytes, of which no row can be read"
        raise FilmError(name, f"{words}. Copy it again from where it came from.")
    film = Image.open(io.BytesIO(data), formats=(kind.upper(),))
    if refusal := formats.wrong_size(*film.size):
        raise FilmError(name, refusal)
    mode, height = film.mode, film.height
    if kind == "BMP" and (missing := _missing_of_bmp(data)):
        return _cut_bmp(data, film, *missing)
    try:
        film.load()
    except MemoryError:
        raise
    except Exception:
        if kind == "GIF" and (rows := _rows_of_gif(data, film)):
            return raster.from_rows(raster.grey_of(rows), height, mode=mode)
        raise
    orientation = film.getexif().get(_ORIENTATION, 1)
    is_cut = kind == "GIF" and not data.rstrip(b"\0").endswith(_GIF_END)
    return Raster(grey=raster.grey_of(film), mode=mode, is_cut=is_cut, orientation=orientation)


def _riff_size(data: bytes) -> int:
    """Return how many bytes a WebP file should have."""
    return int.from_bytes(data[4:8], "little") + 8


# --- BMP ----------------------------------------------------------------------------------------


def _missing_of_bmp(data: bytes) -> tuple[int, int, bool] | None:
    """Return the rows that a BMP lacks, its size in bytes, and whether they are the first.

    `None` where none is missing, or where its rows are packed.
    """
    start, header = struct.unpack("<II", data[10:18])
    if header == 12:
        width, height, _, bits = struct.unpack("<HHHH", data[18:26])
        coding = 0
    else:
        width, height, _, bits, coding = struct.unpack("<iiHHI", data[18:34])
    if coding not in _UNPACKED:
        return None
    row = (width * bits + 31) // 32 * 4
    missing = abs(height) - max(0, len(data) - start) // row
    return (missing, start + row * abs(height), height > 0) if missing > 0 else None


def _cut_bmp(data: bytes, film: Image.Image, missing: int, size: int, at_top: bool) -> Raster:
    top = missing if at_top else 0
    there = film.height - missing
    rows = Image.new("L", (film.width, 0))
    if there:  # else a damaged header may place the rows 2 GB away
        whole = Image.open(io.BytesIO(data.ljust(size, b"\0")), formats=("BMP",))
        rows = raster.grey_of(whole.crop((0, top, film.width, top + there)))
    return raster.from_rows(rows, film.height, mode=film.mode, at_top=at_top)


# --- GIF ----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """The first frame of a GIF: its box in px, palette, and packed data as far as they go."""

    box: tuple[int, int, int, int]  # left, top, width, height
    interlaced: bool
    palette: bytes
    code_bits: int
    packed: bytes


def _rows_of_gif(data: bytes, film: Image.Image) -> Image.Image | None:
    """Return the first rows of a GIF that are whole; `None` if its frame does not fill it."""
    frame = _first_frame(data)
    left, top, width, height = frame.box
    if (left, top, width, height) != (0, 0, *film.size):
        return None
    pixels = _unpacked(frame.packed, frame.code_bits, width * height)
    order = list(range(height))
    if frame.interlaced:
        order = [row for first, step in _INTERLACED for row in range(first, height, step)]
    lines = {order[n]: pixels[n * width : (n + 1) * width] for n in range(len(pixels) // width)}
    count = next(row for row in range(height + 1) if row not in lines)
    rows = Image.frombytes("P", (width, count), b"".join(lines[row] for row in range(count)))
    rows.putpalette(frame.palette)
    if "transparency" in film.info:
        rows.info["transparency"] = film.info["transparency"]
    return rows


def _first_frame(data: bytes) -> _Frame:
    """Find the first frame (GIF89a, 18 to 25).

    Raises:
        Exception: there is none.
    """
    palette, place = b"", 13
    if data[10] & 0x80:
        size = 3 * 2 ** ((data[10] & 7) + 1)
        palette, place = data[place : place + size], place + size
    while data[place] == 0x21:  # extensions
        place += 2
        while data[place]:
            place += data[place] + 1
        place += 1
    left, top, width, height, flags = struct.unpack("<HHHHB", data[place + 1 : place + 10])
    place += 10
    if flags & 0x80:
        size = 3 * 2 ** ((flags & 7) + 1)
        palette, place = data[place : place + size], place + size
    code_bits, place, packed = data[place], place + 1, bytearray()
    while place < len(data) and data[place]:
        packed += data[place + 1 : place + 1 + data[place]]
        place += data[place] + 1
    return _Frame(
        box=(left, top, width, height),
        interlaced=bool(flags & 0x40),
        palette=palette,
        code_bits=code_bits,
        packed=bytes(packed),
    )


def _unpacked(packed: bytes, code_bits: int, size: int) -> bytes:
    """Return the pixels of a frame's packed data, as far as they go, at most `size` (LZW).

    Raises:
        ValueError: the data are damaged.
    """
    if not 1 <= code_bits <= 8:
        raise ValueError("its packed pixels are damaged")
    clear, end = 1 << code_bits, (1 << code_bits) + 1
    first = [bytes([n]) for n in range(clear)] + [b"", b""]
    table, width, last = list(first), code_bits + 1, b""
    pixels, buffer, held = bytearray(), 0, 0
    for byte in packed:
        buffer |= byte << held
        held += 8
        while held >= width:
            code, buffer, held = buffer & (1 << width) - 1, buffer >> width, held - width
            if code == clear:
                table, width, last = list(first), code_bits + 1, b""
                continue
            if code == end or len(pixels) >= size:
                return bytes(pixels[:size])
            if code > len(table) or (code == len(table) and not last):
                raise ValueError("its packed pixels are damaged")
            word = table[code] if code < len(table) else last + last[:1]
            pixels += word
            if last and len(table) < _MOST_CODES:
                table.append(last + word[:1])
            last = word
            if len(table) == 1 << width and width < 12:
                width += 1
    return bytes(pixels[:size])
