"""Damaged files of every kind: each is read or refused in a sentence, and nothing else happens."""

import io
import random
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from fracture_core import images, uploads
from fracture_core.errors import FilmError
from fracture_core.uploads import File
from tests.core.dicoms import make

GREY = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint8) * 2
WIDE = GREY.astype(np.uint16) * 200


def saved(kind: str, values: np.ndarray = GREY, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, kind, **options)
    return stream.getvalue()


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("study1/image1.png", saved("PNG"))
        archive.writestr("study1/image2.dcm", make(WIDE))
    return stream.getvalue()


KINDS: dict[str, Callable[[], bytes]] = {
    "png": lambda: saved("PNG"),
    "wide.png": lambda: saved("PNG", WIDE),
    "jpg": lambda: saved("JPEG"),
    "webp": lambda: saved("WEBP"),
    "tif": lambda: saved("TIFF", WIDE, compression="tiff_lzw"),
    "dcm": lambda: make(WIDE, WindowCenter=9_000, WindowWidth=9_000, PixelPaddingValue=0),
    "rle.dcm": lambda: make(GREY, syntax=RLELossless),
    "jpeg.dcm": lambda: make(GREY, syntax=JPEGBaseline8Bit),
    "j2k.dcm": lambda: make(GREY, syntax=JPEG2000Lossless),
    "zip": zipped,
}


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Cut, with bytes changed, swapped for others' or doubled."""
    found = bytearray(data)
    match chance.randrange(4):
        case 0:
            del found[chance.randrange(len(found)) :]
        case 1:
            for _ in range(chance.randint(1, 12)):
                found[chance.randrange(len(found))] = chance.randrange(256)
        case 2:
            for _ in range(chance.randint(1, 4)):  # where headers lie
                found[chance.randrange(min(400, len(found)))] = chance.choice((0, 1, 127, 255))
        case 3:
            start, other = chance.randrange(len(found)), chance.randrange(len(found))
            size = chance.randint(1, 64)
            found[start : start + size] = found[other : other + size] * chance.randint(1, 3)
    return bytes(found)


def try_all(kind: str, rounds: int) -> None:
    whole, chance = KINDS[kind](), random.Random(kind)
    assert read(File(name=f"film.{kind}", content=whole)) > 0
    for _ in range(rounds):
        read(File(name=f"film.{kind}", content=damaged(whole, chance)))


def read(file: File) -> int:
    """How many films of what was given could be read; whatever is refused has a sentence."""
    found, count = uploads.sort([file]), 0
    for _, reason in found.refused:
        assert reason.strip().endswith(".")
    for film in (film for study in found.studies for film in study.films):
        try:
            assert images.decode(film.content, film.name).mode == "L"
            count += 1
        except FilmError as error:
            assert error.reason.endswith(".") and "Doe" not in str(error)
    return count


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_read_or_refused(kind: str) -> None:
    try_all(kind, 60)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_damaged_in_thousands_of_ways_is_read_or_refused(kind: str) -> None:
    try_all(kind, 3_000)
