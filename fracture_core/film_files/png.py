"""PNG films: by Pillow, those of 16 bits in several channels by imagecodecs, and those cut short.

Only the chunks that the pixels need are given to a decoder: what is odd about a text or a colour
profile costs no film.
"""

import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from fracture_core.errors import FilmError
from fracture_core.film_files import formats, raster
from fracture_core.film_files.raster import Raster

MARK = b"\x89PNG\r\n\x1a\n"
_END = b"IEND"
_NEEDED = (b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT")  # beside the critical ones
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_EXIF_TEXT = b"Raw profile type exif"  # ImageMagick's place for EXIF
_TEXT_BYTES = 2**16  # of such a text; Pillow refuses files with longer ones
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_PASSES = (  # of Adam7: first column and row, steps
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
_ORIENTATION = 0x0112


@dataclass(frozen=True, kw_only=True)
class _Chunk:
    """A chunk; its bytes end early where the file does."""

    kind: bytes
    body: bytes
    is_whole: bool
    is_sound: bool

    @property
    def bytes(self) -> bytes:
        """The chunk as it stands in a file."""
        checksum = zlib.crc32(self.kind + self.body)
        return (
            struct.pack(">I", len(self.body)) + self.kind + self.body + struct.pack(">I", checksum)
        )


@dataclass(frozen=True, kw_only=True)
class _Header:
    """A film's size in px, and its coding."""

    width: int
    height: int
    bits: int
    colour: int
    interlaced: bool

    def passes(self) -> Iterator[tuple[int, int, range]]:
        """Yield the bytes of a row, and the rows, of each pass over the film that is not empty."""
        grid = _PASSES if self.interlaced else ((0, 0, 1, 1),)
        for left, top, across, down in grid:
            columns, rows = len(range(left, self.width, across)), range(top, self.height, down)
            if columns and rows:
                yield 1 + (columns * self.bits * _CHANNELS[self.colour] + 7) // 8, top, rows


def read(data: bytes, name: str) -> Raster:
    """Read a PNG film; of one that was cut short, what is there.

    Raises:
        FilmError: its size is not supported.
        Exception: it is damaged.
    """
    chunks = _chunks(data)
    is_cut = not (chunks and chunks[-1].kind == _END and chunks[-1].is_sound)
    if is_cut:
        chunks = _chunks(data.rstrip(b"\0"))
    header = _header(chunks)
    if refusal := formats.wrong_size(header.width, header.height):
        raise FilmError(name, refusal)
    if not is_cut:
        try:
            return _decoded(_file(chunks), header, header.height, is_cut=False)
        except MemoryError:
            raise
        except Exception:  # its rows may end early although it has its last chunk
            if _rows_of(chunks, header)[0] == header.height:
                raise
    count, packed = _rows_of(chunks, header)
    pixels = _Chunk(kind=b"IDAT", body=packed, is_whole=True, is_sound=True)
    first = next(n for n, chunk in enumerate(chunks) if chunk.kind == b"IDAT")
    end = _Chunk(kind=_END, body=b"", is_whole=True, is_sound=True)
    return _decoded(_file([*chunks[:first], pixels, end]), header, count, is_cut=True)


def needed(data: bytes) -> bytes:
    """Return a PNG file with only the chunks that the pixels need."""
    return _file(_chunks(data))


def _chunks(data: bytes) -> list[_Chunk]:
    """Return a file's chunks up to its last one, or to where it ends."""
    chunks, place = [], len(MARK)
    while place + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        body = data[place + 8 : place + 8 + length]
        checksum = data[place + 8 + length : place + 12 + length]
        is_sound = kind == b"IDAT" or checksum == struct.pack(">I", zlib.crc32(kind + body))
        chunks.append(_Chunk(kind=kind, body=body, is_whole=len(body) == length, is_sound=is_sound))
        if kind == _END:
            break
        place += 12 + length
    return chunks


def _header(chunks: Sequence[_Chunk]) -> _Header:
    if not chunks or chunks[0].kind != b"IHDR" or not chunks[0].is_sound:
        raise ValueError("its header is damaged")
    width, height, bits, colour, _, _, interlace = struct.unpack(">IIBBBBB", chunks[0].body[:13])
    if colour not in _CHANNELS or bits not in (1, 2, 4, 8, 16):
        raise ValueError("its header is damaged")
    return _Header(width=width, height=height, bits=bits, colour=colour, interlaced=bool(interlace))


def _file(chunks: Sequence[_Chunk]) -> bytes:
    """Return a file of the chunks that the pixels need."""
    return MARK + b"".join(chunk.bytes for chunk in chunks if _is_needed(chunk))


def _is_needed(chunk: _Chunk) -> bool:
    """Return whether a chunk is given to a decoder.

    Raises:
        ValueError: it is critical and damaged.
    """
    if chunk.kind[0:1].isupper():
        if not chunk.is_sound or not chunk.is_whole:
            raise ValueError(f"its {chunk.kind.decode('latin-1')} chunk is damaged")
        return True
    if not chunk.is_sound or not chunk.is_whole:
        return False
    if chunk.kind in _TEXTS:
        return chunk.body.startswith(_EXIF_TEXT) and len(chunk.body) <= _TEXT_BYTES
    return chunk.kind in _NEEDED


def _rows_of(chunks: Sequence[_Chunk], header: _Header) -> tuple[int, bytes]:
    """Return how many rows are whole before the first that is not, and all rows packed again.

    What is missing is filled with zeros.

    Raises:
        Exception: the packed rows are damaged, or there are none.
    """
    size = sum(row_bytes * len(rows) for row_bytes, _, rows in header.passes())
    packed = b"".join(chunk.body for chunk in chunks if chunk.kind == b"IDAT")
    if not packed:
        raise ValueError("it ends before its first pixel")
    rows = zlib.decompressobj().decompress(packed, size)
    left, first = len(rows), header.height
    for row_bytes, _, numbers in header.passes():
        whole = min(left // row_bytes, len(numbers))
        left -= whole * row_bytes
        if whole < len(numbers):
            first = min(first, numbers[whole])
            left = 0
    return first, zlib.compress(rows.ljust(size, b"\0"), 1)


def _decoded(data: bytes, header: _Header, count: int, is_cut: bool) -> Raster:
    """Decode a whole file, of which only the first rows may be the film's."""
    film = Image.open(io.BytesIO(data), formats=("PNG",))
    mode = film.mode
    notes: tuple[str, ...] = ()
    if header.bits == 16 and header.colour != 0:
        import imagecodecs

        film.load()  # Pillow's own checks
        decoded = imagecodecs.png_decode(data)
        rows = raster.first_rows(decoded, count, raster.grey_of_channels)
        notes = raster.notes_on_channels(decoded[:count])
        mode += ";16"
    else:
        film.load()
        whole = film.crop((0, 0, film.width, count)) if is_cut else film
        rows = raster.grey_of(whole)
        if mode == "I;16":
            notes = raster.notes_on(np.asarray(whole))
    orientation = film.getexif().get(_ORIENTATION, 1)
    if not is_cut:
        values = np.asarray(film) if mode == "I;16" else None
        return Raster(grey=rows, mode=mode, orientation=orientation, values=values, notes=notes)
    return raster.from_rows(rows, header.height, mode=mode, orientation=orientation, notes=notes)
