"""DICOM films: values become grey by the standard, and the patient is never looked at."""

import io
import logging
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import (
    MPEG2MPML,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from fracture_core.config.limits import LIMITS
from fracture_core.dicom_files import dicom
from fracture_core.errors import FilmError
from fracture_core.film_files import codestream
from fracture_core.films import images
from tests.core.dicoms import PATIENT, make, written

RAMP = np.arange(400, dtype=np.uint16).reshape(20, 20) * 10  # 0 to 3990


def read(data: bytes, name: str = "film.dcm") -> np.ndarray:
    return np.asarray(images.decode(data, name)).astype(int)


def stretched(values: np.ndarray) -> np.ndarray:
    values = values.astype(float)
    return np.rint((values - values.min()) * 255 / (values.max() - values.min())).astype(int)


def refusal(data: bytes, name: str = "film.dcm") -> str:
    with pytest.raises(FilmError) as error:
        images.decode(data, name)
    return str(error.value)


def test_sixteen_bits_are_stretched_and_eight_stay_as_they_are() -> None:
    assert np.array_equal(read(make(RAMP)), stretched(RAMP))
    eight = (RAMP // 40).astype(np.uint8)
    assert np.array_equal(read(make(eight)), eight)


def test_twelve_of_sixteen_bits_and_signed_values() -> None:
    assert np.array_equal(read(make(RAMP, BitsStored=12, HighBit=11)), stretched(RAMP))
    signed = (RAMP.astype(np.int16) - 2000).astype(np.int16)
    assert np.array_equal(read(make(signed)), stretched(signed))


def test_monochrome1_is_turned_so_that_bone_is_bright() -> None:
    grey = read(make(RAMP, PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(grey, 255 - stretched(RAMP))


def test_a_window_cuts_off_what_lies_outside() -> None:
    grey = read(make(RAMP, WindowCenter=2000, WindowWidth=1000))
    inside = (RAMP > 1500) & (RAMP < 2499)
    assert (grey[RAMP <= 1500] == 0).all() and (grey[RAMP >= 2500] == 255).all()
    assert np.abs(grey[inside] - (RAMP[inside] - 1500.0) / 999 * 255).max() < 2


def test_the_window_holds_for_rescaled_values() -> None:
    plain = read(make(RAMP, WindowCenter=2000, WindowWidth=1000))
    moved = read(
        make(RAMP, WindowCenter=3000, WindowWidth=2000, RescaleSlope=2, RescaleIntercept=-1000)
    )
    assert np.abs(plain - moved).max() <= 1


def test_a_voi_lut_is_followed() -> None:
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 16]
    table.LUTData = (4095 - np.arange(4096)).astype(np.uint16).tobytes()  # turns the film
    grey = read(make(RAMP, VOILUTSequence=[table]))
    assert np.array_equal(grey, 255 - stretched(RAMP))


def test_padding_is_black_and_does_not_count_in_the_stretch() -> None:
    padded = RAMP.copy() + 100
    padded[:5] = 60_000
    for kind in ("MONOCHROME1", "MONOCHROME2"):
        grey = read(make(padded, PixelPaddingValue=60_000, PhotometricInterpretation=kind))
        assert (grey[:5] == 0).all()
        assert grey[5:].max() == 255 and grey[5:].min() == 0


def test_colour_and_palettes_become_luma() -> None:
    rgb = np.zeros((20, 20, 3), np.uint8)
    rgb[..., 1] = 200
    film = make(
        np.zeros((20, 20), np.uint8),
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=0,
        PixelData=rgb.tobytes(),
    )
    expected = np.asarray(Image.fromarray(rgb).convert("L"))
    assert np.array_equal(read(film), expected)


def test_of_several_frames_the_first_is_read() -> None:
    frames = np.stack([RAMP, RAMP[::-1]])
    assert np.array_equal(read(make(frames)), stretched(RAMP))
    assert images.frames(make(frames), "film.dcm") == 2
    assert images.frames(make(RAMP), "film.dcm") == 1


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_lossless_compression_changes_nothing(syntax: str) -> None:
    values = np.arange(4096, dtype=np.uint16).reshape(64, 64)  # its encoder refuses smaller ones
    assert np.array_equal(read(make(values, syntax=syntax)), stretched(values))


def test_bytes_that_look_like_a_codestream_are_no_matter_in_other_codings() -> None:
    values = np.zeros((64, 64), np.uint8)
    values[:, ::2] = np.resize([0xFF, 0x4F, 0xFF, 0x51, 1, 200], (64, 32))
    values[5, 8:12] = 0xFF, 0x4F, 0xFF, 0x51
    data = make(values, syntax=RLELossless)
    assert b"\xff\x4f\xff\x51" in data
    assert np.array_equal(read(data), values)


def test_only_the_beginning_of_a_codestream_says_its_size() -> None:
    siz = b"\xff\x4f\xff\x51" + struct.pack(">HH4I", 41, 0, 30, 20, 10, 5) + bytes(16)
    siz += struct.pack(">HB", 1, 11)
    coded = codestream.head(siz)
    assert coded is not None
    assert (coded.width, coded.height, coded.samples, coded.precision) == (20, 15, 1, 12)
    assert codestream.head(b"\x00" + siz) is None
    assert codestream.head(siz[:20]) is None
    head = b"\0\0\0\x0cjP  \r\n\x87\n" + struct.pack(">I4s", 28, b"jp2h") + siz[:20]
    for box in (struct.pack(">I4s", 0, b"jp2c"), struct.pack(">I4sQ", 1, b"jp2c", 64)):
        assert codestream.head(head + box + siz) == coded
    assert codestream.head(head) is None
    assert codestream.head(head + bytes(40)) is None


def test_jpeg_inside_is_read() -> None:
    eight = (RAMP // 40).astype(np.uint8)
    assert np.abs(read(make(eight, syntax=JPEGBaseline8Bit)) - eight).max() <= 4


def test_a_compression_that_cannot_be_read_is_named() -> None:
    film = pydicom.dcmread(io.BytesIO(make((RAMP // 40).astype(np.uint8), syntax=JPEGBaseline8Bit)))
    film.file_meta.TransferSyntaxUID = MPEG2MPML
    reason = refusal(written(film))
    assert reason.startswith("film.dcm is compressed as MPEG2 Main Profile")
    assert reason.endswith("which cannot be read here. Export it uncompressed.")


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGBaseline8Bit])
def test_a_frame_that_claims_another_size_than_the_film_is_never_unpacked(syntax: str) -> None:
    values = np.arange(4096).reshape(64, 64).astype(np.uint8)
    data = bytearray(make(values, syntax=syntax))
    if syntax == JPEG2000Lossless:  # its height, far beyond any memory
        place = data.index(b"\xff\x4f\xff\x51") + 12
        data[place : place + 4] = (2**31).to_bytes(4, "big")
    else:
        place = data.index(b"\xff\xc0") + 5
        data[place : place + 4] = b"\xff" * 4
    assert "is damaged: it says 64 x 64 px and holds" in refusal(bytes(data))


def test_files_without_a_mark_are_read_by_their_ending() -> None:
    film = pydicom.dcmread(io.BytesIO(make(RAMP)))
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        film.file_meta.TransferSyntaxUID = syntax
        whole = written(film)
        bare = whole[whole.index(b"\x08\x00\x16\x00") :]
        assert np.array_equal(read(bare), stretched(RAMP))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_film_of_another_format_that_is_called_dcm_is_read_as_what_it_is(kind: str) -> None:
    values = np.tile(np.arange(0, 160, 4, dtype=np.uint8), (40, 1))
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, kind, **({"lossless": True} if kind == "WEBP" else {}))
    assert np.abs(read(stream.getvalue(), "film.dcm") - values).max() <= 4
    assert dicom.study_uid(stream.getvalue(), "film.dcm") is None


def test_what_holds_no_film_is_refused_in_a_sentence() -> None:
    assert "is cut short: its last 3 rows of 20 are missing (15%" in refusal(make(RAMP)[:-100])
    assert refusal(b"no film at all, whatever it is called " * 9)
    empty = pydicom.dcmread(io.BytesIO(make(RAMP)))
    del empty.PixelData
    assert "holds no image" in refusal(written(empty))
    assert f"at least {LIMITS.film_side_px} px per side" in refusal(make(RAMP[:4]))
    assert "million pixels" in refusal(make(RAMP, Rows=60_000, Columns=60_000))
    assert "frames" in refusal(make(RAMP, NumberOfFrames=1_000_000))


def test_the_study_is_known_and_the_patient_is_not(caplog: pytest.LogCaptureFixture) -> None:
    data = make(RAMP, study="1.2.3", WindowWidth="0", WindowCenter="5")
    with caplog.at_level(logging.DEBUG):
        assert dicom.study_uid(data, "film.dcm") == "1.2.3"
        images.decode(data, "film.dcm")
        for cut in range(150, len(data), 97):
            try:
                images.decode(data[:cut], "film.dcm")
            except FilmError as error:
                assert "Doe" not in str(error) and "4711" not in str(error)
    assert PATIENT not in caplog.text and "4711" not in caplog.text
    assert dicom.study_uid(b"nothing", "x.dcm") is None


def test_films_read_side_by_side_warn_of_nothing_and_leave_the_filters_as_they_were() -> None:
    values = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    odd = make(values, WindowCenter="100", WindowWidth="0.5")
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda _: images.read(odd, "odd.dcm").image.tobytes(), range(40)))
    assert len(set(read)) == 1
    assert warnings.filters == before
    with pytest.raises(UserWarning):
        warnings.warn("as loud as before", UserWarning, stacklevel=1)


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({}, None),
        ({"PixelSpacing": [0.2, 0.2]}, (0.2, 0.2, False)),
        ({"PixelSpacing": [0.2, 0.1]}, (0.1, 0.1, False)),  # of pixels that were made square
        ({"ImagerPixelSpacing": [0.2, 0.2]}, (0.2, 0.2, True)),
        ({"NominalScannedPixelSpacing": [0.2, 0.2]}, (0.2, 0.2, True)),
        ({"PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [0.2, 0.2]}, (0.2, 0.2, True)),
        ({"PixelSpacing": [0.18, 0.18], "ImagerPixelSpacing": [0.2, 0.2]}, (0.18, 0.18, False)),
        ({"PixelSpacing": [0, 0.1]}, None),
        ({"PixelSpacing": [-1, 0.1], "ImagerPixelSpacing": [0.2, 0.2]}, (0.2, 0.2, True)),
        ({"PixelSpacing": 0.2}, None),
    ],
)
def test_spacing_says_whether_it_is_of_the_detector(
    elements: dict[str, object], expected: tuple[float, float, bool] | None
) -> None:
    data = make(np.zeros((40, 40), np.uint8), **elements)
    spacing = dicom.spacing(data, "film.dcm")
    assert (spacing and (spacing.row, spacing.column, spacing.at_detector)) == expected
    assert dicom.spacing(b"no film", "film.png") is None
