"""Odd elements of DICOM films: one never costs the film, and a note names it."""

import io
import struct
import zlib
from collections.abc import Callable

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from fracture_core.dicom_files import dicom, stored_values
from fracture_core.errors import FilmError
from fracture_core.films import images
from tests.core.dicoms import element_bytes, make, odd, written

RAMP = np.round(np.linspace(0, 4095, 32 * 64)).astype(np.uint16).reshape(32, 64)  # 12 bits
EIGHT = np.round(np.linspace(50, 200, 32 * 64)).astype(np.uint8).reshape(32, 64)
SQUARES = np.round(np.arange(4096) ** 2 / 4095).astype(np.uint16)  # a table of 12 bits
Element = tuple[str, bytes] | None


def film(values: np.ndarray = RAMP, **elements: object) -> bytes:
    """Return a film of 12 bits stored in 16, unless it is said otherwise."""
    return make(values, **({"BitsStored": 12, "HighBit": 11} | elements))


def read(data: bytes, name: str = "film.dcm") -> tuple[np.ndarray, str]:
    """Return grey and notes."""
    reading = images.read(data, name)
    return np.asarray(reading.image).astype(int), " ".join(reading.notes)


def stretched(values: np.ndarray) -> np.ndarray:
    values = values.astype(float)
    return np.rint((values - values.min()) * 255 / (values.max() - values.min())).astype(int)


def windowed(low: float, high: float) -> np.ndarray:
    """Return the ramp, clipped."""
    return stretched(np.clip(RAMP.astype(float), low, high))


def same(grey: np.ndarray, expected: np.ndarray) -> bool:
    """Return whether two films are the same but for rounding."""
    return bool(np.abs(grey - expected).max() <= 1)


def test_a_sound_film_has_no_notes() -> None:
    grey, notes = read(film(WindowCenter=2048, WindowWidth=1001, RescaleSlope=1))
    assert notes == ""
    assert same(grey, windowed(1547.5, 2547.5))


@pytest.mark.parametrize("value", [b"", b"N/A ", b"nan ", b"1e99", b"\xff\xfe"])
@pytest.mark.parametrize(
    "keyword", ["RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth"]
)
def test_an_empty_or_unreadable_number_counts_as_absent(keyword: str, value: bytes) -> None:
    elements: dict[str, Element] = {keyword: ("DS", value)}
    if keyword.startswith("Window"):
        other = {"WindowCenter": "WindowWidth", "WindowWidth": "WindowCenter"}[keyword]
        elements[other] = ("DS", b"1000")
    else:
        elements["RescaleIntercept"] = elements.get("RescaleIntercept", ("DS", b"0 "))
    grey, notes = read(odd(film(), **elements))
    assert np.array_equal(grey, stretched(RAMP))
    assert keyword in notes


def test_other_elements_count_beside_an_odd_one() -> None:
    elements: dict[str, Element] = {"RescaleSlope": ("DS", b""), "RescaleIntercept": ("DS", b"")}
    grey, notes = read(odd(film(WindowCenter=2048, WindowWidth=1001), **elements))
    assert same(grey, windowed(1547.5, 2547.5))
    assert "RescaleSlope" in notes and "RescaleIntercept" in notes


def test_a_slope_of_0_is_no_rescale() -> None:
    grey, notes = read(film(RescaleSlope=0, RescaleIntercept=5))
    assert np.array_equal(grey, stretched(RAMP))
    assert "RescaleSlope is 0" in notes


def test_a_negative_slope_turns_values_and_the_window_follows_them() -> None:
    data = film(RescaleSlope=-1, RescaleIntercept=4095, WindowCenter=2048, WindowWidth=1001)
    expected = stretched(np.clip(4095.0 - RAMP, 1547.5, 2547.5))
    assert same(read(data)[0], expected)


def test_a_decimal_comma_is_read_as_a_point() -> None:
    data = odd(film(), WindowCenter=("DS", b"2047,5"), WindowWidth=("DS", b"1000,0"))
    assert same(read(data)[0], windowed(1547.5, 2546.5))


@pytest.mark.parametrize(
    "function", [b"", b"LINEAR2 ", b"linear", b"Linear ", b"LINEAR\0", b"nonsense"]
)
def test_a_function_that_is_empty_unknown_or_in_small_letters_is_linear(function: bytes) -> None:
    data = odd(film(WindowCenter=2048, WindowWidth=1001), VOILUTFunction=("CS", function))
    grey, notes = read(data)
    assert same(grey, windowed(1547.5, 2547.5))
    assert ("VOILUTFunction" in notes) == (
        function[:6].upper().strip() != b"LINEAR" or b"2" in function
    )


@pytest.mark.parametrize("function", ["LINEAR_EXACT", "SIGMOID", "sigmoid "])
def test_widths_below_1_are_windows_where_the_function_allows_them(function: str) -> None:
    data = film(RescaleSlope="0.0002442", RescaleIntercept=0, WindowCenter="0.5", WindowWidth="0.5")
    grey, notes = read(odd(data, VOILUTFunction=("CS", function.encode())))
    share = RAMP * 0.0002442
    if function == "LINEAR_EXACT":
        expected = stretched(np.clip(share, 0.25, 0.75))
    else:
        expected = stretched(1 / (1 + np.exp(-4 * (share - 0.5) / 0.5)))
    assert same(grey, expected) and notes == ""


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("width", ["0", "-5"])
def test_a_width_that_its_function_does_not_allow_is_no_window(function: str, width: str) -> None:
    grey, notes = read(film(WindowCenter=2048, WindowWidth=width, VOILUTFunction=function))
    assert np.array_equal(grey, stretched(RAMP))
    assert "WindowWidth" in notes


def test_a_window_that_leaves_one_grey_is_no_window() -> None:
    for center, width in ((0, 1), (9000, 100), (-5000, 1000)):
        data = film(RAMP + 1, WindowCenter=center, WindowWidth=width, BitsStored=13, HighBit=12)
        grey, notes = read(data)
        assert np.array_equal(grey, stretched(RAMP)), (center, width)
        assert "leaves one grey" in notes


def test_the_first_window_that_can_be_used_counts() -> None:
    data = odd(film(), WindowCenter=("DS", b"x\\2048"), WindowWidth=("DS", b"10\\1001"))
    grey, notes = read(data)
    assert same(grey, windowed(1547.5, 2547.5))
    assert "WindowCenter" in notes
    several = film(WindowCenter=[9000, 2048], WindowWidth=[1, 1001])
    assert same(read(several)[0], windowed(1547.5, 2547.5))


def test_a_window_of_which_one_half_is_absent_is_no_window() -> None:
    for keyword in ("WindowCenter", "WindowWidth"):
        grey, notes = read(film(**{keyword: 500}))
        assert np.array_equal(grey, stretched(RAMP))
        assert "Window" in notes


def table(
    entries: bytes, descriptor: tuple[int, ...], representation: str = "OW", first: str = "US"
) -> bytes:
    """Return a sequence of one table, as an element's value."""
    words = b"".join(struct.pack("<H", each & 0xFFFF) for each in descriptor)
    item = element_bytes(Tag("LUTDescriptor"), first, words)
    if len(entries) < 2**16 or representation == "OW":
        item += element_bytes(Tag("LUTData"), representation, entries)
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item


@pytest.mark.parametrize(
    ("entries", "descriptor", "representation", "noted"),
    [
        (SQUARES.tobytes(), (4096, 0, 12), "OW", False),
        (SQUARES.tobytes(), (4096, 0, 16), "US", False),
        ((SQUARES >> 4).astype(np.uint8).tobytes(), (4096, 0, 8), "OW", False),
        ((SQUARES >> 4).astype(np.uint16).tobytes(), (4096, 0, 8), "US", False),
        ((SQUARES >> 4).astype(np.uint16).tobytes(), (4096, 0, 8), "OW", False),
        (SQUARES.tobytes(), (4096, 0, 0), "OW", True),
        (SQUARES.tobytes(), (4096, 0, 255), "OW", True),
        (SQUARES[:-1].tobytes(), (4096, 0, 12), "OW", True),
        ((SQUARES >> 4).astype(np.uint8)[:-2].tobytes(), (4096, 0, 8), "OW", True),
        (SQUARES.tobytes() + b"\0\0", (4096, 0, 12), "OW", False),
    ],
)
@pytest.mark.parametrize("sequence", ["ModalityLUTSequence", "VOILUTSequence"])
def test_tables_are_followed_however_their_entries_are_packed(
    entries: bytes, descriptor: tuple[int, ...], representation: str, noted: bool, sequence: str
) -> None:
    data = odd(film(), **{sequence: ("SQ", table(entries, descriptor, representation))})
    grey, notes = read(data)
    expected = stretched(SQUARES[RAMP])
    assert np.abs(grey - expected).max() <= 1
    assert ("LUT" in notes) == noted


@pytest.mark.parametrize(
    "value",
    [
        b"",
        struct.pack("<HHI", 0xFFFE, 0xE000, 0),
        table(SQUARES.tobytes(), (4096, 0)),
        table(SQUARES.tobytes(), ()),
        table(SQUARES[:100].tobytes(), (4096, 0, 16)),
        table(b"", (4096, 0, 16)),
        table(np.full(4096, 7, np.uint16).tobytes(), (4096, 0, 16)),
    ],
)
@pytest.mark.parametrize("sequence", ["ModalityLUTSequence", "VOILUTSequence"])
def test_a_table_that_cannot_be_used_counts_as_absent(value: bytes, sequence: str) -> None:
    grey, notes = read(odd(film(), **{sequence: ("SQ", value)}))
    assert np.array_equal(grey, stretched(RAMP))
    assert "LUT" in notes
    window = film(WindowCenter=2048, WindowWidth=1001)
    assert same(read(odd(window, **{sequence: ("SQ", value)}))[0], windowed(1547.5, 2547.5))


def test_a_table_of_an_eight_bit_film_and_one_that_begins_below_0() -> None:
    turned = np.arange(255, -1, -1, dtype=np.uint8).tobytes()
    data = odd(make(EIGHT), VOILUTSequence=("SQ", table(turned, (256, 0, 8))))
    assert np.array_equal(read(data)[0], stretched(255 - EIGHT.astype(int)))
    signed = make((RAMP.astype(np.int16) - 2000).astype(np.int16))
    for representation in ("SS", "US"):
        value = table(SQUARES.tobytes(), (4096, -2000, 12), first=representation)
        assert same(read(odd(signed, VOILUTSequence=("SQ", value)))[0], stretched(SQUARES[RAMP]))


@pytest.mark.parametrize(
    "keyword",
    [
        *("PhotometricInterpretation", "PixelRepresentation", "BitsStored", "HighBit"),
        *("SamplesPerPixel", "BitsAllocated", "Rows", "Columns"),
    ],
)
@pytest.mark.parametrize("empty", [False, True])
def test_a_missing_element_is_taken_as_what_it_obviously_is(keyword: str, empty: bool) -> None:
    representation = "CS" if keyword == "PhotometricInterpretation" else "US"
    grey, notes = read(odd(film(), **{keyword: (representation, b"") if empty else None}))
    assert np.array_equal(grey, stretched(RAMP))
    assert keyword in notes


def test_several_missing_elements_and_wrong_ones() -> None:
    bare = odd(film(), BitsStored=None, HighBit=None, PixelRepresentation=None)
    assert np.array_equal(read(bare)[0], stretched(RAMP))
    for elements in (
        {"BitsStored": ("US", b"\0\0")},
        {"BitsStored": ("US", b"\x40\0")},
        {"HighBit": ("US", b"\x40\0")},
        {"BitsAllocated": ("US", b"\x08\0")},
        {"BitsAllocated": ("US", b"\x0c\0")},
        {"PixelRepresentation": ("US", b"\x07\0")},
        {"SamplesPerPixel": ("US", b"\x03\0")},
        {"NumberOfFrames": ("IS", b"")},
        {"NumberOfFrames": ("IS", b"0 ")},
        {"NumberOfFrames": ("IS", b"one ")},
        {"PhotometricInterpretation": ("CS", b"GREY")},
        {"PlanarConfiguration": ("US", b"\x09\0")},
        {"Rows": ("UL", struct.pack("<I", 32))},
        {"BitsAllocated": ("IS", b"16")},
    ):
        grey, _ = read(odd(film(), **elements))
        assert np.array_equal(grey, stretched(RAMP)), elements


@pytest.mark.parametrize("coded", [b"monochrome1 ", b" MONOCHROME1", b"MONOCHROME1\0"])
def test_coded_strings_are_known_in_small_letters_and_with_blanks(coded: bytes) -> None:
    grey, _ = read(odd(film(), PhotometricInterpretation=("CS", coded)))
    assert np.array_equal(grey, 255 - stretched(RAMP))


def test_films_of_8_bits_stay_as_they_are_where_nothing_rescales_them() -> None:
    for data in (
        make(EIGHT),
        make(EIGHT, RescaleSlope=1, RescaleIntercept=0),
        make(EIGHT.astype(np.uint16), BitsStored=8, HighBit=7),
        odd(make(EIGHT), RescaleSlope=("DS", b"")),
        odd(make(EIGHT), WindowCenter=("DS", b"0 "), WindowWidth=("DS", b"0 ")),
        make(EIGHT, VOILUTSequence=[]),
    ):
        assert np.array_equal(read(data)[0], EIGHT)
    assert np.array_equal(read(make(EIGHT, RescaleSlope=2))[0], stretched(EIGHT))


def test_values_are_found_wherever_their_bits_lie() -> None:
    left = film(RAMP << 4, HighBit=15)
    assert np.array_equal(read(left)[0], stretched(RAMP))
    middle = film(RAMP << 2, HighBit=13)
    assert np.array_equal(read(middle)[0], stretched(RAMP))
    overlay = film(RAMP | 0xF000)  # bits above the value hold something else
    assert np.array_equal(read(overlay)[0], stretched(RAMP))
    noise = np.random.default_rng(0).integers(0, 16, RAMP.shape).astype(np.uint16) << 12
    assert np.array_equal(read(film(RAMP | noise))[0], stretched(RAMP))
    grey, notes = read(film(RAMP + 30))  # up to 4125, which 12 bits do not hold
    assert np.array_equal(grey, stretched(RAMP)) and "BitsStored" in notes
    signed = (RAMP.astype(np.int16) - 2048).astype(np.int16)
    plain = film(signed.view(np.uint16) & 0x0FFF, PixelRepresentation=1)  # its sign is bit 11
    assert np.array_equal(read(plain)[0], stretched(signed))
    moved = film(signed << 4, HighBit=15)
    assert np.array_equal(read(moved)[0], stretched(signed))


def bordered(value: int, dtype: type = np.uint16) -> np.ndarray:
    values = (RAMP // 2 + 100).astype(dtype)
    values[:5] = value
    return values


@pytest.mark.parametrize(
    ("values", "padding", "limit"),
    [
        (bordered(65535), ("SS", struct.pack("<h", -1)), None),
        (bordered(60000), ("US", struct.pack("<H", 60000)), None),
        (bordered(-1, np.int16), ("US", struct.pack("<H", 65535)), None),
        (bordered(-2000, np.int16), ("SS", struct.pack("<h", -2000)), None),
        (bordered(0), ("US", struct.pack("<2H", 0, 0)), None),
        (bordered(60000), ("US", struct.pack("<2H", 60000, 4)), None),
        (bordered(60000), ("US", struct.pack("<H", 65535)), ("US", struct.pack("<H", 59000))),
        (bordered(60000), ("IS", b"60000 "), None),
    ],
)
def test_padding_is_black_whatever_its_sign_and_number_of_values(
    values: np.ndarray, padding: tuple[str, bytes], limit: Element
) -> None:
    data = odd(make(values), PixelPaddingValue=padding, PixelPaddingRangeLimit=limit)
    grey, _ = read(data)
    assert (grey[:5] == 0).all()
    assert np.array_equal(grey[5:], stretched(values[5:]))


def test_padding_beyond_the_stored_bits() -> None:
    values = bordered(0xFFFF)
    grey, _ = read(odd(film(values), PixelPaddingValue=("US", b"\xff\xff")))
    assert (grey[:5] == 0).all()
    assert np.array_equal(grey[5:], stretched(values[5:]))


@pytest.mark.parametrize("value", [b"", b"\1"])
def test_padding_that_cannot_be_read_or_covers_everything_is_none(value: bytes) -> None:
    grey, notes = read(odd(film(), PixelPaddingValue=("US", value)))
    assert np.array_equal(grey, stretched(RAMP)) and "PixelPaddingValue" in notes
    everything: dict[str, Element] = {
        "PixelPaddingValue": ("US", b"\0\0"),
        "PixelPaddingRangeLimit": ("US", b"\xff\xff"),
    }
    grey, notes = read(odd(film(), **everything))
    assert np.array_equal(grey, stretched(RAMP)) and "PixelPaddingValue" in notes


def bare(data: bytes, order: str) -> bytes:
    return data[data.index(b"\0\x08\0\x16" if order == "big" else b"\x08\0\x16\0") :]


def with_length(data: bytes, order: str) -> bytes:
    """Return a data set that begins with the length of its first group."""
    length = {
        "little": element_bytes(0x00080000, "UL", bytes(4)),
        "implicit": b"\x08\0\0\0\4\0\0\0\0\0\0\0",
        "big": b"\0\x08\0\0UL\0\4\0\0\0\0",
    }
    return length[order] + bare(data, order)


CONTAINERS: dict[str, Callable[[bytes, str], bytes]] = {
    "neither preamble nor meta": bare,
    "meta first": lambda data, _: data[132:],
    "preamble without mark": lambda data, _: data[:128] + data[132:],
    "mark first": lambda data, _: data[128:],
    "mark without meta": lambda data, order: data[:132] + bare(data, order),
    "group length first": with_length,
}


def encoded(data: bytes, order: str) -> bytes:
    """Return a film in another transfer syntax."""
    source, copy = pydicom.dcmread(io.BytesIO(data)), Dataset()
    for element in source:
        copy[element.tag] = element
    copy.file_meta = source.file_meta
    syntaxes = {"implicit": ImplicitVRLittleEndian, "big": ExplicitVRBigEndian}
    copy.file_meta.TransferSyntaxUID = syntaxes.get(order, ExplicitVRLittleEndian)
    if order == "big":
        copy.PixelData = RAMP.byteswap().tobytes()
    return written(copy)


@pytest.mark.parametrize("name", ["film.dcm", "IM000001", "film"])
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("order", ["little", "implicit", "big"])
def test_a_film_is_read_on_every_road_without_preamble_or_meta(
    container: str, name: str, order: str
) -> None:
    data = encoded(film(study="1.2.3", ImagerPixelSpacing=[0.2, 0.2]), order)
    data = CONTAINERS[container](data, order)
    grey, _ = read(data, name)
    assert np.array_equal(grey, stretched(RAMP))
    assert images.frames(data, name) == 1
    assert dicom.study_uid(data, name) == "1.2.3"
    assert dicom.spacing(data, name) is not None


@pytest.mark.parametrize(
    "data",
    [b"", b"\x08\0", b"\x02\0\0\0", b"\x08\0\0\0" + b"\xff" * 400, b"\x08\0hello" * 99],
)
def test_other_files_are_not_taken_for_dicom(data: bytes) -> None:
    assert not dicom.is_dicom(data, "notes")


def group(sequence: str, **elements: object) -> Dataset:
    item, whole = Dataset(), Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    setattr(whole, sequence, [item])
    return whole


def test_windows_rescale_and_spacing_of_functional_groups() -> None:
    shared = group("FrameVOILUTSequence", WindowCenter=2048, WindowWidth=1001)
    assert same(read(film(SharedFunctionalGroupsSequence=[shared]))[0], windowed(1547.5, 2547.5))
    own = group("FrameVOILUTSequence", WindowCenter=1048, WindowWidth=1001)
    both = film(SharedFunctionalGroupsSequence=[shared], PerFrameFunctionalGroupsSequence=[own])
    assert same(read(both)[0], windowed(547.5, 1547.5))
    rescale = group("PixelValueTransformationSequence", RescaleSlope=2, RescaleIntercept=-100)
    data = film(WindowCenter=3996, WindowWidth=2001, SharedFunctionalGroupsSequence=[rescale])
    assert same(read(data)[0], windowed(1547.75, 2547.75))
    spaced = group("PixelMeasuresSequence", PixelSpacing=[0.3, 0.3])
    spacing = dicom.spacing(film(SharedFunctionalGroupsSequence=[spaced]), "film.dcm")
    assert spacing is not None and spacing.row == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("elements", "shape"),
    [
        ({"PixelAspectRatio": [2, 1]}, (64, 64)),
        ({"PixelAspectRatio": [1, 2]}, (32, 128)),
        ({"PixelSpacing": [0.2, 0.1]}, (64, 64)),
        ({"ImagerPixelSpacing": [0.1, 0.15]}, (32, 96)),
        ({"ImagerPixelSpacing": [0.1, 0.1], "PixelAspectRatio": [2, 1]}, (32, 64)),
    ],
)
def test_pixels_that_are_not_square_become_so(
    elements: dict[str, object], shape: tuple[int, int]
) -> None:
    grey, notes = read(film(**elements))
    assert grey.shape == shape
    assert ("not square" in notes) == (shape != RAMP.shape)
    spacing = dicom.spacing(film(**elements), "film.dcm")
    if spacing is not None:
        assert spacing.row == pytest.approx(spacing.column)
        stored = elements.get("PixelSpacing") or elements["ImagerPixelSpacing"]
        assert spacing.row * shape[0] == pytest.approx(stored[0] * 32)  # its height in mm
        assert spacing.column * shape[1] == pytest.approx(stored[1] * 64)


@pytest.mark.parametrize(
    "value", [b"0\\1 ", b"", b"2 ", b"1\\2\\3 ", b"-1\\1", b"a\\b ", b"1\\1000"]
)
def test_a_ratio_that_cannot_be_is_none(value: bytes) -> None:
    grey, notes = read(odd(film(), PixelAspectRatio=("IS", value)))
    assert np.array_equal(grey, stretched(RAMP))
    assert "PixelAspectRatio" in notes


@pytest.mark.parametrize(
    ("kind", "shape", "turned"),
    [
        *(("MONOCHROME1", b"INVERSE ", True), ("MONOCHROME2", b"INVERSE ", True)),
        *(("MONOCHROME1", b"IDENTITY", True), ("MONOCHROME2", b"IDENTITY", False)),
        *(("MONOCHROME2", b"inverse ", True), ("MONOCHROME2", b"", False)),
        ("MONOCHROME2", b"ODD ", False),
    ],
)
def test_a_presentation_table_turns_a_film_once(kind: str, shape: bytes, turned: bool) -> None:
    data = odd(film(PhotometricInterpretation=kind), PresentationLUTShape=("CS", shape))
    grey, _ = read(data)
    expected = stretched(RAMP)
    assert np.array_equal(grey, 255 - expected if turned else expected)


def renamed(data: bytes, uid: str) -> bytes:
    """Return a file that states another transfer syntax, otherwise the same."""
    old = element_bytes(0x00020010, "UI", b"1.2.840.10008.1.2.1\0")
    new = element_bytes(0x00020010, "UI", uid.encode() + b"\0" * (len(uid) % 2))
    (length,) = struct.unpack_from("<I", data, 140)  # of the file's meta elements
    length += len(new) - len(old)
    return data[:140] + struct.pack("<I", length) + data[144:].replace(old, new)


def test_private_and_unknown_transfer_syntaxes_are_read_uncompressed() -> None:
    for uid in ("1.2.3.4.5", "1.2.840.113619.5.2"):
        for values in (RAMP, RAMP.byteswap()):
            data = renamed(film(RAMP, PixelData=values.tobytes()), uid)
            if uid == "1.2.3.4.5" or values is not RAMP:
                grey, notes = read(data)
                assert np.array_equal(grey, stretched(RAMP)), uid
                assert "TransferSyntaxUID" in notes
    full = np.arange(2048, dtype=np.uint16).reshape(32, 64) * 31
    ge = renamed(make(full, PixelData=full.byteswap().tobytes()), "1.2.840.113619.5.2")
    assert np.array_equal(read(ge)[0], stretched(full))


@pytest.mark.parametrize(
    ("number", "name"),
    [("110", "JPEG XL Lossless"), ("100", "MPEG2"), ("107", "HEVC"), ("112", "JPEG XL")],
)
def test_an_unsupported_compression_is_named(number: str, name: str) -> None:
    data = renamed(film(), f"1.2.840.10008.1.2.4.{number}")
    with pytest.raises(FilmError, match=rf"is compressed as {name}.*cannot be read here"):
        images.read(data, "film.dcm")


def test_a_label_that_says_compressed_of_pixels_that_are_not() -> None:
    grey, notes = read(renamed(film(), RLELossless))
    assert np.array_equal(grey, stretched(RAMP)) and "TransferSyntaxUID" in notes


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_odd_elements_of_compressed_films(syntax: str) -> None:
    data = film(np.tile(RAMP, (2, 1)), syntax=syntax)
    compressed = pydicom.dcmread(io.BytesIO(data))
    for keyword in ("PixelRepresentation", "HighBit", "PhotometricInterpretation"):
        delattr(compressed, keyword)
    grey, notes = read(written(compressed))
    assert np.array_equal(grey, stretched(np.tile(RAMP, (2, 1))))
    assert "PixelRepresentation" in notes


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_compressed_pixels_without_their_offsets_or_items(syntax: str) -> None:
    values = np.tile(RAMP, (2, 1))
    film_ = pydicom.dcmread(io.BytesIO(film(values, syntax=RLELossless)))
    frame = get_frame(film_.PixelData, 0, number_of_frames=1)
    if syntax != RLELossless:
        encode = {
            JPEG2000Lossless: lambda each: imagecodecs.jpeg2k_encode(each, 0, codecformat="j2k"),
            JPEGLSLossless: imagecodecs.jpegls_encode,
        }
        frame = bytes(encode[syntax](values))
        film_.file_meta.TransferSyntaxUID = UID(syntax)
    frame += b"\0" * (len(frame) % 2)
    film_.PixelData = struct.pack("<HHI", 0xFFFE, 0xE000, len(frame)) + frame
    assert np.array_equal(read(written(film_))[0], stretched(values))
    if syntax != RLELossless:  # run lengths have no sign of their own
        plain = renamed(film(values, PixelData=frame), syntax)
        assert np.array_equal(read(plain)[0], stretched(values))


def coloured(values: np.ndarray, **elements: object) -> bytes:
    return make(
        np.zeros(values.shape[:2], np.uint8),
        **(
            {
                "SamplesPerPixel": 3,
                "PhotometricInterpretation": "RGB",
                "PlanarConfiguration": 0,
                "PixelData": values.tobytes(),
            }
            | elements
        ),
    )


def test_colours_without_their_elements_or_with_a_wrong_label() -> None:
    rgb = np.stack([EIGHT, 255 - EIGHT, EIGHT // 2], axis=-1)
    luma = read(coloured(rgb))[0]
    weights = np.array([299, 587, 114]) / 1000
    assert np.abs(luma - rgb @ weights).max() <= 1
    grey, notes = read(odd(coloured(rgb), PlanarConfiguration=None))
    assert np.array_equal(grey, luma) and "PlanarConfiguration" in notes
    grey, notes = read(coloured(rgb, PhotometricInterpretation="YBR_FULL_422"))
    assert np.array_equal(grey, luma) and "PhotometricInterpretation" in notes
    for keyword in ("SamplesPerPixel", "PhotometricInterpretation"):
        grey, notes = read(odd(coloured(rgb), **{keyword: None}))
        assert np.array_equal(grey, luma) and keyword in notes
    planes = coloured(rgb.transpose(2, 0, 1), PlanarConfiguration=1, Rows=32, Columns=64)
    assert np.array_equal(read(planes)[0], luma)


def test_brightness_that_shares_its_colour() -> None:
    pairs = np.full((32, 32, 4), 128, np.uint8)
    pairs[..., :2] = EIGHT.reshape(32, 32, 2)
    data = coloured(EIGHT, PhotometricInterpretation="YBR_FULL_422", PixelData=pairs.tobytes())
    assert np.array_equal(read(data)[0], EIGHT)


def test_pixels_cut_short_by_a_few_rows_are_used_and_by_more_refused() -> None:
    tall = np.round(np.linspace(0, 4095, 100 * 40)).astype(np.uint16).reshape(100, 40)
    whole = film(tall)
    for rows, cut in ((1, 1), (1, 80), (3, 240), (3, 200), (5, 400)):
        grey, notes = read(whole[:-cut])
        there = 100 - rows
        assert same(grey[:there], stretched(tall[:there]))
        assert (grey[there:] == 0).all()
        assert notes == (
            "Its last row is missing." if rows == 1 else f"Its last {rows} rows are missing."
        )
    with pytest.raises(
        FilmError,
        match=r"is cut short: its last 6 rows of 100 are missing \(6%; at most 5 % may be\)",
    ):
        images.read(whole[:-480], "film.dcm")
    odd_length = film(tall[:, :39], PixelData=tall[:, :39].tobytes() + b"\0")
    assert np.array_equal(read(odd_length)[0], stretched(tall[:, :39]))


def test_numbers_that_are_none_are_black() -> None:
    values = RAMP.astype(np.float32) / 100
    values[0, :9] = np.nan
    data = odd(
        film(),
        PixelData=None,
        BitsAllocated=("US", b"\x20\0"),
        FloatPixelData=("OF", values.tobytes()),
    )
    grey, notes = read(data)
    inside = np.isfinite(values)
    assert (grey[~inside] == 0).all() and "no finite numbers" in notes
    assert same(grey[inside], stretched(values[inside]))


def test_a_deflated_film_is_read_and_a_bomb_is_not() -> None:
    source = pydicom.dcmread(io.BytesIO(film()))
    source.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data = written(source)
    assert np.array_equal(read(data)[0], stretched(RAMP))
    packing = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = b"".join(packing.compress(bytes(2**20)) for _ in range(300)) + packing.flush()
    start = 144 + struct.unpack_from("<I", data, 140)[0]
    with pytest.raises(FilmError, match="is deflated and very large"):
        images.read(data[:start] + bomb, "film.dcm")


def test_a_transfer_syntax_that_is_none_is_not_shown() -> None:
    grey, notes = read(renamed(film(), "1.2.840.Doe^Jane"))
    assert np.array_equal(grey, stretched(RAMP)) and "Doe" not in notes
    coded = make(np.tile(RAMP, (2, 1)), syntax=RLELossless)
    broken = coded.replace(b"1.2.840.10008.1.2.5\0", b"1.2.840.10008.1.Doe\0")
    assert np.array_equal(read(broken)[0], stretched(np.tile(RAMP, (2, 1))))


def test_no_note_shows_a_value() -> None:
    numbers = ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept")
    coded = ("VOILUTFunction", "PresentationLUTShape", "PhotometricInterpretation")
    name = b"Doe^Jane"
    grey, notes = read(
        odd(
            film(),
            **dict.fromkeys(numbers, ("DS", name)),
            **dict.fromkeys(coded, ("CS", name)),
        )
    )
    assert np.array_equal(grey, stretched(RAMP))
    assert "DOE" not in notes.upper() and notes.count("DICOM element") >= 4


@pytest.mark.parametrize("rows", [1, 20, 100])
def test_rows_behind_the_last_one_are_named(rows: int) -> None:
    more = np.concatenate([RAMP] * 5)[: len(RAMP) + rows]
    grey, notes = read(film(PixelData=more.tobytes()))
    assert np.array_equal(grey, stretched(RAMP))
    assert f"Its pixels are {rows} row{'s' if rows > 1 else ''} more than its DICOM" in notes
    assert "more than" not in read(film(PixelData=RAMP.tobytes() + b"\0\0"))[1]


def test_too_little_memory_is_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(stored_values, "read", refuse)
    with pytest.raises(FilmError, match="needs more memory than is free"):
        images.read(film(), "film.dcm")
