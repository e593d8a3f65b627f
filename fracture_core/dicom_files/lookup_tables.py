"""Lookup tables of a DICOM film: modality, VOI and palette (PS3.3 C.11.1.1, C.11.2.1.1)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fracture_core.dicom_files import elements

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_MISSING = 0.05  # share of its entries that a table may lack; the last one stands in for them


@dataclass(frozen=True, kw_only=True)
class LookupTable:
    """A table from values to others.

    Args:
        first: the value that the first entry is for; lower ones get it too.
        entries: float64; the last one is for higher values too.
    """

    first: int
    entries: np.ndarray

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return the entries for these values, of any shape and number type."""
        places = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1)
        entries: np.ndarray = self.entries[places.astype(np.intp)]
        return entries


def read(
    dataset: "Dataset",
    lowest: float,
    notes: list[str],
    descriptor: str = "LUTDescriptor",
    data: str = "LUTData",
) -> LookupTable | None:
    """Return a lookup table; `None` where it cannot be used, with a note that says why.

    Args:
        dataset: the item that holds it.
        lowest: of the values that it is for: where negative, its first value may be so.
        notes: takes a sentence on what is odd.
        descriptor: keyword of its number of entries, first value and bits.
        data: keyword of its entries.
    """
    content = elements.content(dataset, descriptor)
    words = _words(dataset, descriptor, content)
    if len(words) != 3:
        oddity = "has not three values" if len(content) else "is empty or absent"
        elements.ignore(data, f"has a {descriptor} that {oddity}", notes)
        return None
    count, first, bits = int(words[0]) or 2**16, int(words[1]), int(words[2])
    if first >= 2**15 and (elements.vr(dataset, descriptor) == "SS" or lowest < 0):
        first -= 2**16
    entries = _entries(dataset, data, count, bits)
    if len(entries) < (1 - _MISSING) * count:
        elements.ignore(data, f"holds {len(entries):,} of {count:,} entries", notes)
        return None
    if not 8 <= bits <= 16:
        notes.append(f"Its DICOM element {descriptor} has odd bits, which were ignored.")
    if len(entries) < count:
        notes.append(
            f"Its DICOM element {data} lacks {count - len(entries):,} of {count:,} entries; "
            "the last one stands in for them."
        )
    return LookupTable(first=first, entries=entries[:count].astype(np.float64))


def _words(dataset: "Dataset", keyword: str, content: bytes) -> np.ndarray:
    """Return an element's values as unsigned words of 16 bits."""
    order = "<" if elements.is_little_endian(dataset, keyword) else ">"
    return np.frombuffer(content, f"{order}u2", len(content) // 2)


def _entries(dataset: "Dataset", keyword: str, count: int, bits: int) -> np.ndarray:
    """Return a table's entries: bytes where their number says so, else words."""
    content = elements.content(dataset, keyword)
    least = (1 - _MISSING) * count if bits <= 8 else count
    if not least <= len(content) <= count + count % 2:
        return _words(dataset, keyword, content)
    packed = np.frombuffer(content, np.uint8)
    if not elements.is_little_endian(dataset, keyword):  # words of two entries
        packed = packed[: len(packed) // 2 * 2].reshape(-1, 2)[:, ::-1].reshape(-1)
    return packed
