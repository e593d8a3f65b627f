"""Lists that other programs write: CSV of any encoding and delimiter, as rows of texts."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from fracture_core import file_reader
from fracture_core.errors import FileRefused

DELIMITERS = ",;\t|"
HEADER_BYTES = 64 * 1024  # of a file whose first line is read; another file may be one long line
_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


def read(path: Path) -> list[list[str]]:
    """Return a row per line of a list, blank ones too, their cells without surrounding blanks.

    Reads UTF-8, UTF-16 and Windows-1252, separated by commas, semicolons, tabs or bars, as the
    first line has most of them; a first line of Excel's such as "sep=;" says it, and is blank.
    The cells of a row over several lines are in its first line.

    Raises:
        FileRefused: it is missing, no regular file, too large, or no text.
    """
    return rows(path.name, file_reader.read_bytes(path, file_reader.LIST_BYTES))


def header(path: Path) -> list[str]:
    """Return the first row of a list as names of columns, see `column_name`.

    Raises:
        FileRefused: see `read`.
    """
    with file_reader.opened(path, file_reader.LIST_BYTES) as stream:
        beginning = stream.read(HEADER_BYTES)
    if beginning[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        beginning = beginning.rpartition(b"\n")[0] or beginning  # not in the middle of a character
    first = next(filter(any, rows(path.name, beginning)), [])
    return [column_name(cell) for cell in first]


def rows(name: str, content: bytes) -> list[list[str]]:
    """Return the rows of a list's content, see `read`.

    Args:
        name: of the list, for errors.
        content: its bytes.
    """
    lines = _text(name, content).splitlines()
    first = lines[0].strip().strip('"').lower() if lines else ""
    if first.startswith("sep=") and len(first) == 5:
        delimiter, lines = first[-1], ["", *lines[1:]]
    else:
        named = next((line for line in lines if line.strip()), "")
        delimiter = max(DELIMITERS, key=lambda each: (named.count(each), each == ","))
    try:
        read = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter, skipinitialspace=True)
        result: list[list[str]] = []
        for row in read:
            result.append([cell.strip().strip('"') for cell in row])
            result += [[] for _ in range(read.line_num - len(result))]
        return result
    except csv.Error as error:
        raise FileRefused(name, f"is not the list that it must be ({error})") from error


def _text(name: str, content: bytes) -> str:
    encoding = next((each for mark, each in _MARKS if content.startswith(mark)), "")
    if not encoding and b"\0" in content[:200]:  # UTF-16 without its mark
        encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    try:
        return content.decode(encoding or "utf-8", "replace" if encoding else "strict")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def column_name(cell: str) -> str:
    """Return a column's name as programs change it: "Image ID" is "image_id"."""
    return "_".join(cell.strip().strip('"\ufeff').casefold().replace("-", " ").split())


def table(read: Sequence[Sequence[str]]) -> list[tuple[int, dict[str, str]]]:
    """Return (line, values by column) of each row under the first one, which names the columns.

    Blank rows are left out; lines count from 1.
    """
    numbered = [(number, row) for number, row in enumerate(read, 1) if any(row)]
    if not numbered:
        return []
    columns = [column_name(cell) for cell in numbered[0][1]]
    return [(number, dict(zip(columns, row, strict=False))) for number, row in numbered[1:]]


def posix(path: str) -> str:
    """Return a listed path with slashes, whatever program wrote it."""
    return path.strip().replace("\\", "/")


def whole(text: str) -> str:
    """Return a number without the fraction that a program gave it: "12" for "12.0"."""
    return re.sub(r"^([0-9]+)\.0+$", r"\1", text.strip())


def flag(value: str) -> int | None:
    """Return 0 or 1 for what programs make of them ("1.0", "TRUE", "yes"); else `None`."""
    text = value.strip().casefold()
    if text in ("1", "1.0", "1,0", "true", "yes", "y"):
        return 1
    return 0 if text in ("0", "0.0", "0,0", "false", "no", "n") else None
