"""Real DICOM files for tests."""

import io
import struct

import imagecodecs
import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    generate_uid,
)

PATIENT = "Doe^Jane"


def make(values: np.ndarray, **elements: object) -> bytes:
    """Return a film with these stored values, uint8 or (u)int16 (rows, columns), or (frames, ...).

    Args:
        values: the stored values.
        elements: others by keyword, set last; `syntax` compresses.
    """
    syntax = elements.pop("syntax", ExplicitVRLittleEndian)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.1")  # computed radiography
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film = FileDataset("film", {}, file_meta=meta, preamble=b"\0" * 128)
    film.SOPClassUID, film.SOPInstanceUID = meta.MediaStorageSOPClassUID, generate_uid()
    film.PatientName, film.PatientID = PATIENT, "4711"
    film.StudyInstanceUID = elements.pop("study", generate_uid())
    film.Rows, film.Columns = values.shape[-2:]
    film.SamplesPerPixel, film.PhotometricInterpretation = 1, "MONOCHROME2"
    film.BitsAllocated = film.BitsStored = 8 * values.dtype.itemsize
    film.HighBit, film.PixelRepresentation = film.BitsStored - 1, int(values.dtype.kind == "i")
    if values.ndim == 3:
        film.NumberOfFrames = len(values)
    film.PixelData = values.tobytes()
    film["PixelData"].VR = "OB" if values.dtype.itemsize == 1 else "OW"
    for name, value in elements.items():
        setattr(film, name, value)
    if syntax == JPEGBaseline8Bit:
        stream = io.BytesIO()
        Image.fromarray(values).save(stream, "JPEG", quality=95)
        film.PixelData = encapsulate([stream.getvalue()])
        meta.TransferSyntaxUID = syntax
        film["PixelData"].VR = "OB"
    elif syntax == JPEG2000Lossless:  # pydicom writes it by a library that is not needed here
        frames = values if values.ndim == 3 else values[np.newaxis]
        coded = [imagecodecs.jpeg2k_encode(each, 0, codecformat="j2k") for each in frames]
        film.PixelData = encapsulate(coded)
        meta.TransferSyntaxUID = syntax
        film["PixelData"].VR = "OB"
    elif syntax != ExplicitVRLittleEndian:
        film.compress(syntax)
    return written(film)


def written(film: pydicom.Dataset) -> bytes:
    """Return the file's content."""
    stream = io.BytesIO()
    film.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def odd(data: bytes, **elements: tuple[str, bytes] | None) -> bytes:
    """Return a file with elements that pydicom would not write.

    Args:
        data: a file of `make`, explicit VR little endian.
        elements: keyword to representation and bytes as they shall stand; `None` leaves it out.
    """
    film = pydicom.dcmread(io.BytesIO(data))
    raw = [film.get_item(tag) for tag in list(film.keys())]  # as they stand, not converted
    parts = {each.tag: (each.VR, each.value or b"") for each in raw}
    for keyword, element in elements.items():
        parts.pop(Tag(keyword), None)
        if element is not None:
            parts[Tag(keyword)] = element
    whole = b"".join(element_bytes(tag, *parts[tag]) for tag in sorted(parts))
    return data[: data.index(b"\x08\x00\x16\x00")] + whole


def element_bytes(tag: int, representation: str, value: bytes) -> bytes:
    """Return an element in explicit VR little endian."""
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, representation.encode())
    if representation in ("OB", "OW", "SQ", "UN", "UT", "OF", "OD"):
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value
