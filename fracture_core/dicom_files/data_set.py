"""The data set of a DICOM file: recognizing it, its elements, and how its pixels are encoded."""

import io
import logging
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fracture_core.config.limits import LIMITS
from fracture_core.errors import FilmError
from fracture_core.film_files import formats

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

SUFFIXES = (".dcm", ".dicom")  # of files that may lack every sign of the format
MARK = slice(128, 132)  # place of the bytes "DICM"
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
GE_BIG_ENDIAN = "1.2.840.113619.5.2"  # GE's own: elements little endian, pixels big endian
_GROUPS = (0x0002, 0x0008)  # of the first element of a file without a mark
_LAST_GROUP = 0x0028  # of the first element of a file whose ending says DICOM
_SHORT = b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()
_LONG = b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split()  # 4 bytes of length after 2 of zeros
_LONGEST = 2**16  # bytes of a first element; more is another format
_UID = re.compile(r"[0-9.]{1,64}")
_COMPRESSED = "1.2.840.10008.1.2.4."
_NEW = {
    f"{_COMPRESSED}110": "JPEG XL Lossless",
    f"{_COMPRESSED}111": "JPEG XL JPEG Recompression",
    f"{_COMPRESSED}112": "JPEG XL",
}
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_UNPACKED = 4 * LIMITS.file_bytes  # bytes of a deflated file; a film of 64 million px has 128 MB
_ITEM = b"\xfe\xff\x00\xe0"
_PIXEL_DATA = b"\xe0\x7f\x10\x00", (b"OB\0\0\xff\xff\xff\xff", b"OW\0\0\xff\xff\xff\xff")


def is_dicom(data: bytes, name: str) -> bool:
    """Return whether a file is DICOM: by its mark, its first elements, or by its ending.

    The first `MARK.stop` bytes decide. The ending counts where the file has no other format's mark.
    """
    if data[MARK] == b"DICM" or data[:4] == b"DICM" or _lacks_mark(data):
        return True
    if formats.kind(data) is not None:
        return False
    return name.lower().endswith(SUFFIXES) or _begins_as_data_set(data, name)


def _lacks_mark(data: bytes) -> bool:
    """Return whether an empty preamble stands directly before the file's meta elements."""
    return data[MARK] == b"\2\0\0\0" and not any(data[: MARK.start])


def _begins_as_data_set(data: bytes, name: str) -> bool:
    """Return whether the content begins with elements of a file without preamble and mark.

    Every element whose head lies in the first `MARK.stop` bytes must have a group and a length
    that can be, in ascending order; at least two heads, or one that states its representation.
    """
    beginning, named = data[: MARK.stop], name.lower().endswith(SUFFIXES)
    orders: tuple[Literal["little", "big"], ...] = ("little", "big")
    for order in orders:
        group = int.from_bytes(beginning[:2], order)
        if group in _GROUPS or (named and 0 < group <= _LAST_GROUP):
            return _heads_fit(beginning, order)
    return False


def _heads_fit(beginning: bytes, order: Literal["little", "big"]) -> bool:
    """Return whether elements in this byte order fit the beginning of a file."""
    place, last, heads, explicit = 0, -1, 0, False
    while place + 12 <= len(beginning):
        group = int.from_bytes(beginning[place : place + 2], order)
        tag = group << 16 | int.from_bytes(beginning[place + 2 : place + 4], order)
        kind = beginning[place + 4 : place + 6]
        if kind in _LONG:
            size, head = int.from_bytes(beginning[place + 8 : place + 12], order), 12
        elif kind in _SHORT:
            size, head = int.from_bytes(beginning[place + 6 : place + 8], order), 8
        else:
            size, head = int.from_bytes(beginning[place + 4 : place + 8], order), 8
        if tag <= last or group > 0x7FE0 or (size > _LONGEST and size != 0xFFFFFFFF):
            return False
        explicit |= kind in _LONG or kind in _SHORT
        place, last, heads = place + head + size, tag, heads + 1
    return explicit or heads >= 2


def opened(data: bytes, name: str, tags: list[str], pixels: bool = True) -> "FileDataset":
    """Read these elements of a DICOM file.

    Args:
        data: the file's content.
        name: of the film, for errors.
        tags: keywords.
        pixels: whether to read to the end; else what stands before the pixels.

    Raises:
        FilmError: it is not DICOM, or damaged.
    """
    import pydicom
    from pydicom import config

    config.settings.reading_validation_mode = config.IGNORE
    # It logs odd values, and a value may be a name; its import sets a level.
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
    if data[:4] == b"DICM":
        data = data[4:]
    elif _lacks_mark(data):
        data = data[MARK.start :]
    marked = data[MARK] == b"DICM"
    if not marked and not _begins_as_data_set(data, name):
        reason = "is no DICOM file, whatever its ending says. Export the film again."
        raise FilmError(name, reason)
    if _unpacks_too_large(data):
        rule = f"at most {_UNPACKED / 2**20:.0f} MB are unpacked. Export it uncompressed"
        raise FilmError(name, f"is deflated and very large; {rule}.")
    try:
        dataset = pydicom.dcmread(
            io.BytesIO(data), specific_tags=tags, stop_before_pixels=not pixels, force=not marked
        )
        if pixels and not any(keyword in dataset for keyword in PIXELS):
            return _with_cut_pixels(data, tags, dataset)
        return dataset
    except MemoryError as error:
        raise FilmError(name, formats.NO_MEMORY) from error
    except Exception as error:  # its reader of damaged files raises many kinds
        reason = "is cut short or damaged. Copy it again from where it came from."
        raise FilmError(name, reason) from error


def _unpacks_too_large(data: bytes) -> bool:
    """Return whether a deflated file (PS3.5 A.5) unpacks to more bytes than any film has."""
    if data[MARK] != b"DICM" or _DEFLATED not in data[: MARK.stop + 1024]:
        return False
    start = MARK.stop + 12  # behind the length of the file's own notes
    start += int.from_bytes(data[start - 4 : start], "little")
    try:
        unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
        unpacking.decompress(data[start:], _UNPACKED)
    except zlib.error:  # reading the film reports the fault
        return False
    return bool(unpacking.unconsumed_tail)


def _with_cut_pixels(data: bytes, tags: list[str], dataset: "FileDataset") -> "FileDataset":
    """Return a data set with compressed pixels whose end is missing: pydicom leaves these out."""
    import pydicom
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    tag, representations = _PIXEL_DATA
    head = next((tag + each for each in representations if tag + each in data), None)
    if head is None:
        return dataset
    start = data.rfind(head) + len(head)
    dataset = pydicom.dcmread(
        io.BytesIO(data), specific_tags=tags, stop_before_pixels=True, force=True
    )
    key = Tag("PixelData")
    dataset[key] = RawDataElement(key, "OB", 0xFFFFFFFF, data[start:], start, False, True)
    return dataset


@dataclass(frozen=True, kw_only=True)
class Syntax:
    """Encoding of its pixels that a file states: its transfer syntax (PS3.5 10).

    Args:
        uid: its identifier.
        name: what the standard calls it; the identifier where that is unknown.
        known: whether it is one of the standard's.
        encapsulated: whether it is one of the standard's for compressed frames.
    """

    uid: str
    name: str
    known: bool
    encapsulated: bool


def syntax(dataset: "FileDataset") -> Syntax:
    """Return the transfer syntax that a file states; an uncompressed one where it does not."""
    from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    stated = str(dataset.file_meta.get("TransferSyntaxUID") or "").strip(" \0")
    uid = UID(stated if _UID.fullmatch(stated) else "")  # anything else might be a name
    if not uid:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        uid = ImplicitVRLittleEndian if implicit else explicit
    compressed = uid.startswith(_COMPRESSED)  # those that pydicom has not heard of yet, too
    known = compressed or (not uid.is_private and uid.is_transfer_syntax)
    return Syntax(
        uid=str(uid),
        name=_NEW.get(str(uid), uid.name),
        known=known,
        encapsulated=compressed or (known and uid.is_encapsulated),
    )


def is_encapsulated(dataset: "FileDataset") -> bool:
    """Return whether the pixels are compressed: a list of items (PS3.5 A.4), whatever is stated."""
    if "PixelData" not in dataset:
        return False
    element = dataset.get_item("PixelData")
    if not isinstance(element.value, bytes) or element.value[:4] != _ITEM:
        return False
    stated = syntax(dataset)
    native = stated.known and not stated.encapsulated
    return getattr(element, "length", 0) == 0xFFFFFFFF if native else True


def is_big_endian(dataset: "FileDataset") -> bool:
    """Return whether a file's numbers begin with their highest byte."""
    _, little = dataset.original_encoding
    return not little
