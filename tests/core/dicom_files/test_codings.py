"""Compressed films: the values that went in come out, and another library finds the same."""

import io
import re

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import JPEGBaseline8Bit

from fracture_core.errors import FilmError
from fracture_core.films import images
from tests.core import coded_films
from tests.core.dicoms import make, written

MADE = {name: (data, values, exact) for name, data, values, exact in coded_films.made()}
PACKAGED = dict(coded_films.packaged())
GDCM = [name for name in MADE if "12 bits" not in name and "through" not in name]  # what it reads
DAMAGED = "JPEG2000-embedded-sequence-delimiter.dcm"


@pytest.mark.parametrize("name", MADE)
def test_values_come_back_from_every_coding(name: str) -> None:
    data, values, exact = MADE[name]
    decoded = coded_films.ours(data)
    assert decoded.shape == values.shape
    assert np.abs(decoded.astype(int) - values).max() <= (0 if exact else 16)


@pytest.mark.parametrize("name", [name for name in GDCM if not name.startswith("Run")])
def test_another_library_finds_the_same_values(name: str) -> None:
    data, _, _ = MADE[name]
    difference = np.abs(coded_films.ours(data).astype(int) - coded_films.theirs(data, "gdcm"))
    assert difference.max() <= 1  # of a lossy coding a decoder may round otherwise


def test_films_that_come_with_pydicom_are_read_as_another_library_reads_them() -> None:
    compared = 0
    for name, data in PACKAGED.items():
        if name == DAMAGED:
            continue
        mine = coded_films.ours(data)
        try:
            other = coded_films.theirs(data, "gdcm")
        except (ValueError, RuntimeError, NotImplementedError):  # it has no such coding
            continue
        if mine.ndim == 2:  # colours come out of a JPEG in more than one way
            assert np.abs(mine.astype(int) - other).max() <= 1, name
            compared += 1
    assert compared >= 5  # more with the files of pydicom-data


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("cut", [1, 3, 40, 2000])
def test_a_frame_that_is_cut_short_is_noted_or_refused_and_never_filled_in(
    name: str, cut: int
) -> None:
    data, values, _ = MADE[name]
    film = pydicom.dcmread(io.BytesIO(data))
    frame = get_frame(film.PixelData, 0, number_of_frames=1).rstrip(b"\0")
    film.PixelData = encapsulate([frame[: -min(cut, len(frame) // 2)]])
    whole = np.asarray(images.decode(data, "film.dcm")).astype(int)
    try:
        reading = images.read(written(film), "film.dcm")
    except FilmError as error:
        assert "is cut short: its last" in str(error) or "is damaged" in str(error)
        return
    missing = int((re.findall(r"last (\d+) rows", " ".join(reading.notes)) or [0])[0])
    missing = 1 if "last row" in " ".join(reading.notes) else missing
    there = len(values) - missing
    grey = np.asarray(reading.image).astype(int)
    assert np.abs(grey[:there] - whole[:there]).max() <= 3  # the stretch lacks a few values
    assert (grey[there:] == 0).all()
    assert missing or cut <= 3


def test_a_cut_frame_with_restart_marks_lacks_its_rows_too() -> None:
    values = np.tile(coded_films.bone(8), (4, 4))
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "JPEG", quality=95, restart_marker_rows=1)
    film = pydicom.dcmread(io.BytesIO(make(values, syntax=JPEGBaseline8Bit)))
    frame = stream.getvalue()
    film.PixelData = encapsulate([frame[:-200]])
    reading = images.read(written(film), "film.dcm")
    assert 8 <= reading.missing_rows <= 16
    assert (np.asarray(reading.image)[-reading.missing_rows :] == 0).all()
    film.PixelData = encapsulate([frame[: len(frame) // 2]])
    with pytest.raises(FilmError, match="is cut short: its last"):
        images.read(written(film), "film.dcm")
