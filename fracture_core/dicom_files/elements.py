"""Elements of a DICOM data set, read leniently: an odd value counts as none, and a note names it.

Values are read from their bytes as the file holds them, since pydicom refuses some that are odd and
guesses at others. A note never holds a value: it might be a name.
"""

import struct
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.dataset import Dataset

_BINARY = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}
_UNSAID = (None, "UN", "OB", "OW", "OB or OW", "US or SS", "US or OW", "US or SS or OW")
_LARGEST = 1e12  # of a number that means something for a film; more is damage


def _element(dataset: "Dataset", keyword: str) -> "RawDataElement | DataElement | None":
    return dataset.get_item(keyword) if keyword in dataset else None


def vr(dataset: "Dataset", keyword: str) -> str | None:
    """Return the value representation that the file states; `None` where it states none."""
    element = _element(dataset, keyword)
    return None if element is None else element.VR


def content(dataset: "Dataset", keyword: str) -> bytes:
    """Return an element's bytes as the file holds them; none where it is absent or no bytes."""
    element = _element(dataset, keyword)
    value = None if element is None else element.value
    return value if isinstance(value, bytes) else b""


def is_little_endian(dataset: "Dataset", keyword: str) -> bool:
    """Return whether an element's binary values begin with their lowest byte."""
    element = _element(dataset, keyword)
    return bool(getattr(element, "is_little_endian", True))


def numbers(dataset: "Dataset", keyword: str) -> list[float | None] | None:
    """Return an element's numbers.

    A decimal comma counts as a point.

    Returns:
        `None` where the element is absent; in the list `None` in place of what is no number.
    """
    from pydicom.datadict import dictionary_VR

    element = _element(dataset, keyword)
    if element is None:
        return None
    value = element.value
    if not isinstance(value, bytes):  # pydicom has converted it
        parts = [] if value is None else value if isinstance(value, (list, tuple)) else [value]
        return [_number(str(each)) for each in parts]
    representation = element.VR
    if representation in _UNSAID:
        representation = dictionary_VR(keyword).replace("US or SS", "US")
    if code := _BINARY.get(representation):
        count = len(value) // struct.calcsize(code)
        order = "<" if is_little_endian(dataset, keyword) else ">"
        values = struct.unpack_from(f"{order}{count}{code}", value)
        return [each if abs(each) <= _LARGEST else None for each in map(float, values)]
    text = value.decode("latin-1").strip(" \0")
    return [_number(part) for part in text.split("\\")] if text else []


def _number(text: str) -> float | None:
    try:
        number = float(text.replace(",", ".").strip(" \0"))
    except ValueError:
        return None
    return number if abs(number) <= _LARGEST else None


def number(dataset: "Dataset", keyword: str, notes: list[str]) -> float | None:
    """Return an element's first number; `None` where it is absent or, with a note, where odd."""
    values = numbers(dataset, keyword)
    if values is None:
        return None
    if not values or values[0] is None:
        ignore(keyword, "is no number" if values else "is empty", notes)
        return None
    return values[0]


def whole(dataset: "Dataset", keyword: str, allowed: Collection[int]) -> int | None:
    """Return an element's first number where it is a whole one that is allowed, else `None`."""
    first = next(iter(numbers(dataset, keyword) or ()), None)
    return int(first) if first is not None and first in allowed else None


def words(dataset: "Dataset", keyword: str) -> list[str]:
    """Return an element's texts, without blanks around them; none where it is absent or empty."""
    element = _element(dataset, keyword)
    value = None if element is None else element.value
    if not value:
        return []
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return [each.strip(" \0\t\r\n") for each in text.split("\\")]


def text(dataset: "Dataset", keyword: str) -> str:
    """Return an element's coded string in capital letters; "" where it is absent or empty."""
    return next(iter(words(dataset, keyword)), "").upper()


def items(dataset: "Dataset", keyword: str) -> list["Dataset"]:
    """Return a sequence's items; none where it is absent or cannot be read."""
    if keyword not in dataset:
        return []
    try:
        return [each for each in dataset[keyword].value if hasattr(each, "get_item")]
    except Exception:  # pydicom has many for a damaged sequence
        return []


def tables(dataset: "Dataset", keyword: str, notes: list[str]) -> list["Dataset"]:
    """Return a sequence's items, with a note where it is there and holds none."""
    each = items(dataset, keyword)
    if keyword in dataset and not each:
        ignore(keyword, "holds no item", notes)
    return each


def ignore(keyword: str, why: str, notes: list[str]) -> None:
    """Note that an element counts as absent."""
    notes.append(f"Its DICOM element {keyword} {why} and was ignored.")


def assume(dataset: "Dataset", keyword: str, value: object, notes: list[str]) -> None:
    """Note the value that stands in for an element that is absent or odd."""
    oddity = "has an odd" if keyword in dataset else "lacks the"
    notes.append(f"It {oddity} DICOM element {keyword}, taken as {value}.")
