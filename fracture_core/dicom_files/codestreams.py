"""Compressed frames of a DICOM film: finding the first, its size, and its values.

The codestream itself says what it is: a wrong transfer syntax costs nothing. `imagecodecs` decodes
JPEG (8 and 12 bits, lossless), JPEG-LS, JPEG 2000 (high throughput too) and run lengths.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fracture_core.dicom_files.layout import Layout
from fracture_core.film_files import codestream, formats, jpeg

_ITEM = b"\xfe\xff\x00\xe0"
_JP2 = b"\0\0\0\x0cjP  \r\n\x87\n"
_RLE_HEAD = 64  # bytes
_JPEG_LS = 0xF7
_LOSSLESS = (0xC3, 0xC7, 0xCB, 0xCF)
_END = b"\xff\xd9"  # of a JPEG, JPEG-LS or JPEG 2000 codestream
_TAILS = (bytes(256), b"\1" * 256)  # two ways in which run lengths may go on
_ADOBE, _JFIF = b"Adobe", b"JFIF"
_RGB_IDS = (b"RGB", b"rgb")


def first_frame(content: bytes, frames: int) -> bytes:
    """Return the first frame of compressed pixels.

    Args:
        content: of the element, a list of items: the offsets of the frames, then fragments.
        frames: of the film.
    """
    items = list(_items(content))
    if begins(content):  # no list of items at all
        return content
    if begins(items[0]) or (len(items[0]) > _RLE_HEAD and _is_rle(items[0])):  # no offsets
        items.insert(0, b"")
    offsets, fragments = items[0], items[1:]
    if frames == 1 or len(fragments) < 2:
        return b"".join(fragments)
    if len(fragments) == frames:
        return fragments[0]
    if len(offsets) >= 8:
        (end,) = struct.unpack_from("<I", offsets, 4)  # of the second frame, from the first item
        length, count = 0, 0
        while count < len(fragments) and length < end:
            length, count = length + 8 + len(fragments[count]), count + 1
        if length == end:
            return b"".join(fragments[:count])
    starts = [i for i, each in enumerate(fragments) if i and begins(each)]
    return b"".join(fragments[: starts[0]] if starts else fragments)


def _items(content: bytes) -> Iterator[bytes]:
    """Yield the values of the items; the last one may be cut short."""
    place = 0
    while content[place : place + 4] == _ITEM:
        (length,) = struct.unpack_from("<I", content.ljust(place + 8, b"\0"), place + 4)
        yield content[place + 8 : place + 8 + length]
        place += 8 + length


def begins(fragment: bytes) -> bool:
    """Return whether bytes begin as a JPEG of any kind or JPEG 2000."""
    return (
        fragment[:2] == b"\xff\xd8" or fragment[:4] == codestream.JPEG_2000 or fragment[:12] == _JP2
    )


def _segments(frame: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of a JPEG's segments up to its first scan (ISO 10918-1, B.2)."""
    place = 2 if frame[:2] == b"\xff\xd8" else len(frame)
    while place + 4 <= len(frame) and frame[place] == 0xFF:
        marker, length = frame[place + 1], int.from_bytes(frame[place + 2 : place + 4], "big")
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        yield marker, frame[place + 4 : place + 2 + length]
        if marker == 0xDA:
            return
        place += 2 + length


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """A decoded frame.

    Args:
        values: as they are stored, (rows, columns) or (rows, columns, 3).
        colour: their photometric interpretation.
        missing: rows at the end that the frame does not hold; their values mean nothing.
    """

    values: np.ndarray
    colour: str
    missing: int = 0


def decoded(frame: bytes, layout: Layout) -> Decoded | None:
    """Decode a compressed frame.

    Args:
        frame: compressed.
        layout: of the film's pixels.

    Returns:
        `None` if it is compressed in a way that is not read.

    Raises:
        Exception: it is damaged; of any kind.
    """
    import imagecodecs

    if _is_rle(frame):
        return _run_lengths(frame, layout)
    body = frame.rstrip(b"\0")
    is_cut = not body.endswith(_END)
    if codestream.beginning(frame)[:4] == codestream.JPEG_2000:
        transformed = layout.colour in ("YBR_ICT", "YBR_RCT", "RGB")
        values = imagecodecs.jpeg2k_decode(body + _END * is_cut)
        return Decoded(values=values, colour="RGB" if transformed else layout.colour)
    if frame[:2] != b"\xff\xd8":
        return None
    marker, _ = formats.jpeg_frame(frame) or (0, b"")
    if marker == _JPEG_LS:
        return Decoded(values=imagecodecs.jpegls_decode(body + _END * is_cut), colour=layout.colour)
    lossless = marker in _LOSSLESS
    colour = layout.colour if lossless or layout.samples == 1 else _jpeg_colour(frame, layout)
    values = _jpeg(body + _END * is_cut, layout.colour, colour)
    if not is_cut:
        return Decoded(values=values, colour=colour)
    # A decoder fills in what is missing: what depends on how the frame goes on is not there.
    unit = 1 if lossless else 8 if layout.samples == 1 else 16  # rows that are coded together
    rest = body.rstrip(b"\xff")
    others = [_jpeg(rest + tail + _END, layout.colour, colour) for tail in jpeg.TAILS]
    missing = max(_missing(values, other, unit) for other in others)
    return Decoded(values=values, colour=colour, missing=missing)


def _missing(values: np.ndarray, other: np.ndarray, unit: int) -> int:
    """Return how many rows of two ways to go on are not the same, in whole units."""
    differ = (values != other).reshape(len(values), -1).any(axis=1)
    return len(values) - int(differ.argmax()) // unit * unit if differ.any() else 0


def _jpeg(frame: bytes, stated: str, colour: str) -> np.ndarray:
    """Return the values of a JPEG, not converted to another colour than its own."""
    import imagecodecs

    if colour == stated and not colour.startswith(("RGB", "YBR")):
        return imagecodecs.jpeg8_decode(frame)
    space = "RGB" if colour == "RGB" else "YCBCR"
    return imagecodecs.jpeg8_decode(frame, colorspace=space, outcolorspace=space)


def _jpeg_colour(frame: bytes, layout: Layout) -> str:
    return "RGB" if _holds_rgb(frame, layout) else "YBR_FULL"


def _holds_rgb(frame: bytes, layout: Layout) -> bool:
    """Return whether a JPEG's samples are red, green and blue: as it says, else as the film says.

    Its own signs are the names of its components, Adobe's segment, and JFIF's, which means YCbCr.
    """
    _, header = formats.jpeg_frame(frame) or (0, b"")
    if header[6::3][:3] in _RGB_IDS:
        return True
    for _, part in _segments(frame):
        if part[:5] == _ADOBE and len(part) >= 12:
            return part[11] == 0
        if part[:4] == _JFIF:
            return False
    return layout.colour == "RGB"


def _is_rle(frame: bytes) -> bool:
    """Return whether a frame begins as run lengths: up to 15 segments, the first after the head."""
    count, first = struct.unpack_from("<2I", frame.ljust(8, b"\0"))
    return bool(1 <= count <= 15 and first == 64)


def _run_lengths(frame: bytes, layout: Layout) -> Decoded:
    """Decode run lengths: a segment for each byte of each sample, the highest first (PS3.5 G)."""
    count, *starts = struct.unpack_from("<16I", frame)
    size = layout.allocated // 8
    if count != size * layout.samples:
        raise ValueError("it has another number of segments than its pixels have bytes")
    ends = [*starts[1:count], len(frame)]
    segments = [frame[start:end] for start, end in zip(starts, ends, strict=False)]
    shape, pixels = (layout.rows, layout.columns), layout.rows * layout.columns
    planes, missing = [], 0
    for segment in segments:
        plane, other = (_unpacked(segment, tail, pixels) for tail in _TAILS)
        missing = max(missing, _missing(plane.reshape(shape), other.reshape(shape), 1))
        planes.append(plane)
    cells = np.stack(planes, axis=-1).reshape(*shape, layout.samples, size)
    values = cells[..., ::-1].copy().view(f"<u{size}")[..., 0]
    values = values[..., 0] if layout.samples == 1 else values
    return Decoded(values=values, colour=layout.colour, missing=missing)


def _unpacked(segment: bytes, tail: bytes, pixels: int) -> np.ndarray:
    """Return a plane of bytes, (pixels,); behind a segment that is cut short, the tail's byte."""
    import imagecodecs

    try:
        plane = imagecodecs.packbits_decode(segment)
    except imagecodecs.ImcdError:  # it ends within a run
        plane = imagecodecs.packbits_decode(segment + tail)
    return np.frombuffer(plane[:pixels].ljust(pixels, tail[:1]), np.uint8)
