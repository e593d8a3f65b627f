"""JPEG films: 8 bits by Pillow, 12 bits and lossless ones by imagecodecs, and those cut short.

How many rows a cut file lacks is found by letting it go on in two ways, as nothing and as noise:
rows that come out the same are whole.
"""

import io
import re
import struct
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from fracture_core.errors import FilmError
from fracture_core.film_files import formats, raster
from fracture_core.film_files.raster import Raster

END = b"\xff\xd9"
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # in coded data: neither stuffed nor a restart
_FRAMES = {  # kind of frame -> its name (ISO 10918-1, table B.1)
    **{0xC0: "baseline", 0xC1: "extended", 0xC2: "progressive", 0xC3: "lossless"},
    **{0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "hierarchical"},
    **{0xC9: "arithmetic", 0xCA: "arithmetic", 0xCB: "lossless arithmetic"},
    **dict.fromkeys((0xCD, 0xCE, 0xCF), "hierarchical"),
}
_BARE = (0x00, 0x01, *range(0xD0, 0xD9))  # markers without a length
_UNREAD = ("hierarchical", "lossless arithmetic")
_FLAT = 128  # grey of blocks that a decoder fills in
_BLOCK = 8  # px
_ORIENTATION = 0x0112
# Neither a marker nor a repetition; enough for a row of blocks of the widest film.
_NOISE = bytes(np.random.default_rng(0).integers(0, 255, 2**17, np.uint8))

# Behind a restart a decoder waits for the mark of the next one.
_RESTARTED = b"".join(b"\xff" + bytes([0xD0 + n]) + _NOISE[:4096] for n in range(8))
TAILS = (_NOISE, _RESTARTED)  # ways in which a file may go on behind its cut


@dataclass(frozen=True, kw_only=True)
class _Scan:
    """A scan's header: its components, and which bits of which coefficients it brings."""

    components: tuple[int, ...]
    first: int
    last: int
    lowest_bit: int


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """A file's segments.

    Args:
        kind: of the frame, see `_FRAMES`.
        bits: of a value.
        width: in px, like `height`.
        height: of the frame.
        components: their identifiers.
        tallest: the greatest number of blocks that one component has in a unit's height.
        scans: those whose header is whole.
        restarts: whether the coded data have marks at which decoding can restart.
        cut: place where whole segments end, if the end mark is missing.
        end: place behind the end mark; `None` where it is missing.
    """

    kind: str
    bits: int
    width: int
    height: int
    components: tuple[int, ...]
    tallest: int
    scans: tuple[_Scan, ...] = ()
    restarts: bool = False
    cut: int = 0
    end: int | None = None


@dataclass(frozen=True, kw_only=True)
class _Gap:
    """Missing part of a film: its last rows, and of those above what is right of `start`, in px."""

    missing: int
    partial: int
    start: int


_NO_GAP = _Gap(missing=0, partial=0, start=0)


def read(data: bytes, name: str) -> Raster:
    """Read a JPEG film; of one that was cut short, what is there.

    Raises:
        FilmError: its size or coding is not supported.
        Exception: it is damaged.
    """
    layout = _layout(data)
    if refusal := formats.wrong_size(layout.width, layout.height):
        raise FilmError(name, refusal)
    if layout.kind in _UNREAD:
        reason = f"is a JPEG image coded as {layout.kind}, which is not read. Save it as PNG."
        raise FilmError(name, reason)
    if not layout.scans:
        raise ValueError("it ends before its first pixel")
    decode = _values if layout.bits != 8 or layout.kind == "lossless" else _opened
    is_cut = layout.end is None
    body = data[: layout.cut].rstrip(b"\0").rstrip(b"\xff") if is_cut else data[: layout.end]
    film = decode(body + END * is_cut)
    gap = _NO_GAP
    if is_cut or _ends_flat(film):
        gap = _gap(body.removesuffix(END), layout, film)
    if isinstance(film, Image.Image):
        mode, orientation = film.mode, film.getexif().get(_ORIENTATION, 1)
    else:
        mode, orientation = raster.mode_of(film), 1
    count = layout.height - gap.missing
    rows = _grey_rows(film, count, layout.bits)
    notes: tuple[str, ...] = ()
    if isinstance(film, np.ndarray):
        notes = raster.notes_on_channels(film[:count], layout.bits)
    if not is_cut and gap == _NO_GAP:
        return Raster(grey=rows, mode=mode, orientation=orientation, notes=notes)
    rows.paste(0, (gap.start, rows.height - gap.partial, rows.width, rows.height))
    return raster.from_rows(
        rows,
        layout.height,
        mode=mode,
        partial=gap.partial,
        orientation=orientation,
        notes=notes,
    )


def _opened(data: bytes) -> Image.Image:
    """Decode an image of 8 bits."""
    film = Image.open(io.BytesIO(data), formats=("JPEG",))
    film.load()
    return film


def _values(data: bytes) -> np.ndarray:
    """Decode an image of more bits, or one that is lossless."""
    import imagecodecs

    return imagecodecs.jpeg8_decode(data)


def _grey_rows(film: Image.Image | np.ndarray, count: int, bits: int) -> Image.Image:
    """Return the first rows of a decoded film in grey."""
    if isinstance(film, np.ndarray):
        return raster.first_rows(film, count, lambda rows: raster.grey_of_channels(rows, bits))
    if count == film.height:
        return raster.grey_of(film)
    return raster.grey_of(film.crop((0, 0, film.width, count)))


def _ends_flat(film: Image.Image | np.ndarray) -> bool:
    """Return whether the last block is one that a decoder may have filled in."""
    if isinstance(film, np.ndarray):
        return False
    box = (max(0, film.width - _BLOCK), film.height - 1, film.width, film.height)
    return set(film.crop(box).tobytes()) == {_FLAT}


def _gap(body: bytes, layout: _Layout, film: Image.Image | np.ndarray) -> _Gap:
    """Return what is missing of a film.

    Args:
        body: the file's content without its end mark.
        layout: of the file.
        film: as it was decoded.
    """
    if not all(_is_complete(layout, component) for component in layout.components):
        return _Gap(missing=layout.height, partial=0, start=0)
    decode = _pixels if isinstance(film, Image.Image) else _values
    plain = decode(body + END)
    differ = np.zeros((layout.height, layout.width), bool)
    for tail in (_NOISE, _RESTARTED) if layout.restarts else (_NOISE,):
        other = decode(body + tail + END)
        differ |= (plain != other).reshape(*differ.shape, -1).any(axis=2)
    if not differ.any():
        return _NO_GAP
    first = int(differ.any(axis=1).argmax())
    if isinstance(film, np.ndarray):  # values of one row count in the stretch, or none
        unit = 1 if layout.kind == "lossless" else _unit(layout)
        return _Gap(missing=layout.height - first // unit * unit, partial=0, start=0)
    # Chroma that is shared by two rows reaches one row into the units above and below.
    shared = int(_unit(layout) > _BLOCK)
    top = (first + shared) // _unit(layout) * _unit(layout)
    end = min(top + _unit(layout), layout.height)
    start = int(differ[top : max(end - shared, top + 1)].any(axis=0).argmax())
    if not start:
        return _Gap(missing=layout.height - top, partial=0, start=0)
    return _Gap(missing=layout.height - end, partial=end - top, start=start)


def _unit(layout: _Layout) -> int:
    """Return the height in px of what is coded together."""
    return _BLOCK * (layout.tallest if len(layout.components) > 1 else 1)


def _pixels(data: bytes) -> np.ndarray:
    """Decode an image of 8 bits as an array."""
    return np.asarray(_opened(data))


def _is_complete(layout: _Layout, component: int) -> bool:
    """Return whether the scans that begin in the file bring all of a component."""
    scans = [scan for scan in layout.scans if component in scan.components]
    if layout.kind != "progressive":
        return bool(scans)
    exact = {n for s in scans if s.lowest_bit == 0 for n in range(s.first, s.last + 1)}
    return len(exact) == _BLOCK * _BLOCK


def _layout(data: bytes) -> _Layout:
    """Read a file's headers.

    Raises:
        ValueError: it has no frame header.
    """
    frame: tuple[int, bytes] | None = None
    scans: list[_Scan] = []
    place, end, restarts = 2, None, False
    while place + 4 <= len(data):
        if data[place] != 0xFF or data[place + 1] == 0xFF:  # padding, which decoders pass over
            place = data.find(b"\xff", place + 1)
            if place < 0:
                place = len(data)
            continue
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker in _BARE:
            place += 2
            continue
        segment = data[place + 4 : place + 2 + length]
        if len(segment) < length - 2 or length < 2:
            break
        place += 2 + length
        restarts |= marker == 0xDD
        if marker in _FRAMES and frame is None:
            frame = marker, segment
        if marker == 0xDA:
            scans.append(_scan(segment))
            found = _MARKER.search(data, place)
            place = found.start() if found else len(data)
        if data[place : place + 2] == END:
            end = place + 2
            break
    if frame is None:
        raise ValueError("it ends before its size")
    if end is None and (ended := data.rstrip(b"\0")).endswith(END):  # behind something damaged
        end = len(ended)
    layout = _framed(*frame)
    return replace(layout, scans=tuple(scans), restarts=restarts, cut=place, end=end)


def _scan(header: bytes) -> _Scan:
    """Return a scan by its header (ISO 10918-1, B.2.3)."""
    count = header[0]
    first, last, bits = header[1 + 2 * count : 4 + 2 * count]
    return _Scan(
        components=tuple(header[1 : 1 + 2 * count : 2]),
        first=first,
        last=last,
        lowest_bit=bits & 15,
    )


def _framed(marker: int, header: bytes) -> _Layout:
    """Return a file's layout by its frame header (ISO 10918-1, B.2.2)."""
    bits, height, width, count = struct.unpack(">BHHB", header[:6])
    entries = [header[6 + 3 * n : 9 + 3 * n] for n in range(count)]
    return _Layout(
        kind=_FRAMES[marker],
        bits=bits,
        width=width,
        height=height,
        components=tuple(entry[0] for entry in entries),
        tallest=max(entry[1] & 15 for entry in entries),
    )
