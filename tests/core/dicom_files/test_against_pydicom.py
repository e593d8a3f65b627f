"""Sound films: our grey is what pydicom's own modality and VOI steps give, stretched."""

import io
import itertools

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut, pixel_array

from fracture_core.film_files import formats
from fracture_core.films import images
from tests.core.coded_films import bone
from tests.core.dicoms import make

RESCALES = ({}, {"RescaleSlope": "2.5", "RescaleIntercept": "-1024"}, {"RescaleSlope": "-1"})
FUNCTIONS = (None, "", "LINEAR_EXACT", "SIGMOID")  # None: no window


def theirs(data: bytes) -> np.ndarray:
    film = pydicom.dcmread(io.BytesIO(data))
    values = apply_modality_lut(pixel_array(film), film)
    grey = formats.stretched(apply_voi_lut(values, film))
    return 255 - grey if film.PhotometricInterpretation == "MONOCHROME1" else grey


def table(count: int, first: int, bits: int) -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [count, first, bits]
    entries = np.round(np.linspace(0, 1, count) ** 2 * (2**bits - 1))
    item.LUTData = entries.astype(np.uint16).tobytes()
    return item


@pytest.mark.parametrize(("bits", "signed"), [(12, False), (12, True), (16, False), (16, True)])
@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_grey_is_that_of_another_reader(bits: int, signed: bool, polarity: str) -> None:
    stored = {"BitsStored": bits, "HighBit": bits - 1, "PhotometricInterpretation": polarity}
    values = bone(bits, signed)
    for rescale, function in itertools.product(RESCALES, FUNCTIONS):
        if function is not None and rescale.get("RescaleSlope") == "-1":
            continue  # its window turns such a film, against PS3.3 C.11.2.1.2
        elements: dict[str, object] = {"RescaleIntercept": "0"} | rescale if rescale else {}
        units = values * float(rescale.get("RescaleSlope", 1))
        units = units + float(rescale.get("RescaleIntercept", 0))
        if function is not None:
            elements["WindowCenter"] = float(np.median(units))
            elements["WindowWidth"] = float(np.ptp(units) / 4)
        if function:
            elements["VOILUTFunction"] = function
        data = make(values, **stored | elements)
        mine = np.asarray(images.decode(data, "film.dcm")).astype(int)
        assert np.abs(mine - theirs(data)).max() <= 1, (rescale, function)


@pytest.mark.parametrize(
    ("sequence", "entries"),
    [
        ("ModalityLUTSequence", (4096, 0, 16)),  # of other depths it reads none
        *(("VOILUTSequence", each) for each in ((4096, 0, 12), (3000, 500, 16), (1000, 0, 10))),
    ],
)
def test_tables_are_those_of_another_reader(sequence: str, entries: tuple[int, int, int]) -> None:
    data = make(bone(12), BitsStored=12, HighBit=11, **{sequence: [table(*entries)]})
    mine = np.asarray(images.decode(data, "film.dcm")).astype(int)
    assert np.abs(mine - theirs(data)).max() <= 1
