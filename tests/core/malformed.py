"""Malformed uploads in any number: real files of every kind, damaged and forged, by a seed."""

import io
import random
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import imagecodecs
import numpy as np
import pillow_heif
import tifffile
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from fracture_core.errors import FilmError
from fracture_core.films import film_checks, images
from fracture_core.study_sorting import uploads
from fracture_core.study_sorting.upload_files import File
from tests.core import coded_films
from tests.core.dicoms import PATIENT, make

GREY = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint8) * 2
WIDE = GREY.astype(np.uint16) * 200
NAMES = (  # odd names of files
    "film.{}",
    "../../{}",
    "/etc/passwd.{}",
    "a\x00b.{}",
    "line\nbreak.{}",
    "<script>.{}",
    "\u202egnp.{}",
    "x" * 300 + ".{}",
    "..\\..\\{}",
    "film.png",
    "film.dcm",
    "film.zip",
    "",
)


def saved(kind: str, values: np.ndarray = GREY, **options: object) -> bytes:
    """Return these values as a file of this Pillow format."""
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, kind, **options)
    return stream.getvalue()


def zipped(*entries: tuple[str, bytes], mode: int = 0) -> bytes:
    """Return a zip of (name, content); `mode` makes links of them."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return stream.getvalue()


def _tiff(values: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, photometric="minisblack", metadata=None, **options)
    return stream.getvalue()


def _heif() -> bytes:
    stream = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(GREY)).save(stream)
    return stream.getvalue()


def _study() -> bytes:
    return zipped(("study1/image1.png", saved("PNG")), ("study1/image2.dcm", make(WIDE)))


def _coded() -> dict[str, Callable[[], bytes | bytearray]]:
    films = {f"{name}.dcm": data for name, data, _, _ in coded_films.made()}
    return {name: lambda data=data: data for name, data in films.items()}


def _table() -> Dataset:
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 8]
    table.LUTData = bytes(4000) + b"\xff" * 96
    return table


WHOLE: dict[str, Callable[[], bytes | bytearray]] = {
    "png": lambda: saved("PNG"),
    "wide.png": lambda: saved("PNG", WIDE),
    "jpg": lambda: saved("JPEG"),
    "webp": lambda: saved("WEBP"),
    "tif": lambda: saved("TIFF", WIDE, compression="tiff_lzw"),
    "plain.tif": lambda: saved("TIFF", WIDE),
    "tile.tif": lambda: _tiff(WIDE, tile=(16, 16), compression="zlib", bigtiff=True),
    "float.tif": lambda: _tiff(WIDE.astype(np.float32), byteorder=">"),
    "jpeg.tif": lambda: _tiff(GREY, compression="jpeg", rowsperstrip=16),
    "scans.jpg": lambda: saved("JPEG", progressive=True),
    "12.jpg": lambda: imagecodecs.jpeg8_encode(WIDE >> 4, bitspersample=12),
    "sof3.jpg": lambda: imagecodecs.jpeg8_encode(WIDE, bitspersample=16, lossless=True),
    "rgb.png": lambda: imagecodecs.png_encode(np.dstack([WIDE] * 3)),
    "gif": lambda: saved("GIF"),
    "bmp": lambda: saved("BMP"),
    "jls": lambda: imagecodecs.jpegls_encode(WIDE),
    "jp2": lambda: imagecodecs.jpeg2k_encode(WIDE),
    "jxl": lambda: imagecodecs.jpegxl_encode(WIDE),
    "avif": lambda: imagecodecs.avif_encode(np.dstack([GREY] * 3)),
    "heic": _heif,
    "dcm": lambda: make(WIDE, WindowCenter=9_000, WindowWidth=9_000, PixelPaddingValue=0),
    "rle.dcm": lambda: make(GREY, syntax=RLELossless),
    "jpeg.dcm": lambda: make(GREY, syntax=JPEGBaseline8Bit),
    "j2k.dcm": lambda: make(GREY, syntax=JPEG2000Lossless),
    "bare.dcm": lambda: make(WIDE)[132:],
    "table.dcm": lambda: make(WIDE, VOILUTSequence=[_table()], PixelAspectRatio=[2, 1]),
    **_coded(),
    "zip": _study,
}


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Cut the data, change bytes, or replace a piece by another."""
    content = bytearray(data)
    match chance.randrange(4):
        case 0:
            del content[chance.randrange(len(content)) :]
        case 1:
            for _ in range(chance.randint(1, 12)):
                content[chance.randrange(len(content))] = chance.randrange(256)
        case 2:
            for _ in range(chance.randint(1, 4)):  # where headers lie
                content[chance.randrange(min(400, len(content)))] = chance.choice((0, 1, 127, 255))
        case 3:
            start, other = chance.randrange(len(content)), chance.randrange(len(content))
            size = chance.randint(1, 64)
            content[start : start + size] = content[other : other + size] * chance.randint(1, 3)
    return bytes(content)


def forged(chance: random.Random) -> bytes:
    """Return a file with a false header, a bomb, or a malicious zip."""
    side = chance.choice((0, 1, 15, 40_000, 2**31 - 1))
    kinds = (
        lambda: _png_of(side, side),
        lambda: _png_of(20_000, 20_000, zlib.compress(bytes(200_000))),
        lambda: make(GREY, Rows=min(side, 65_535), Columns=min(side, 65_535)),
        lambda: make(GREY, NumberOfFrames=side),
        lambda: make(GREY, BitsAllocated=chance.choice((0, 1, 12, 64)), BitsStored=99),
        lambda: zipped(("bomb.png", bytes(30_000_000))),
        lambda: zipped(("in.zip", zipped(("in.zip", zipped(("a.png", saved("PNG")))))), ("b", b"")),
        lambda: zipped(("../../../tmp/evil.png", saved("PNG")), ("/abs.png", saved("PNG"))),
        lambda: zipped(("link.png", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777),
        lambda: _locked(zipped(("a.png", saved("PNG")))),
        lambda: zipped(*((f"{n}.png", b"x") for n in range(2_500))),
        lambda: saved("PNG") + _study(),  # two kinds at once
        lambda: b"",
        lambda: chance.randbytes(chance.randrange(1, 4_000)),
    )
    return chance.choice(kinds)()


def _png_of(width: int, height: int, content: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", content) + chunk(b"IEND", b"")
    )


def _locked(data: bytes) -> bytes:
    content = bytearray(data)
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def files(seed: int) -> Iterator[File]:
    """Yield malformed files, the same ones for a seed."""
    chance = random.Random(seed)
    whole = {kind: make_one() for kind, make_one in WHOLE.items()}
    while True:
        kind = chance.choice(list(whole))
        content = forged(chance) if chance.random() < 0.15 else damaged(whole[kind], chance)
        yield File(name=chance.choice(NAMES).format(kind), content=content)


def read(file: File) -> int:
    """Sort and decode a file like an upload; return the number of readable films.

    Raises:
        AssertionError: something was refused without a sentence, or with a patient's name.
        Exception: any other exception: a bug.
    """
    upload, count = uploads.sort([file]), 0
    for _, reason in upload.refused:
        assert reason.strip().endswith(".")
    for film in (film for study in upload.studies for film in study.films):
        try:
            assert images.decode(film.content, film.name).mode == "L"
            assert images.frames(film.content, film.name) >= 1
            assert 0 <= film_checks.colour(film.content) <= 1
            count += 1
        except FilmError as error:
            assert error.reason.endswith(".") and PATIENT not in str(error)
    return count
