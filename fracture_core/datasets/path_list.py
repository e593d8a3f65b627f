"""CSV lists of a data set's films, which spreadsheets may open and save again."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from fracture_core import file_reader
from fracture_core.errors import DataError, FileRefused
from fracture_core.files import replace_file, writing
from fracture_core.words import FORMULA, cell

_HERE = "./"  # before a path, it names the same file


def text(columns: Sequence[str], rows: Iterable[tuple[str, str]]) -> str:
    """Return a list's text: a header, then one line per film, in the order of their paths.

    A path that a spreadsheet would read as a formula begins with "./", which `read` removes.

    Args:
        columns: "path" and another.
        rows: path in the data set, and its value in the other column.
    """
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(columns)
    for path, value in sorted(rows):
        writer.writerow([escaped(path), cell(value)])
    return content.getvalue()


def escaped(path: str) -> str:
    """Return a path as a list names it: "./" is before one that would be read as a formula."""
    return _HERE + path if path.startswith(FORMULA) else path


def read(path: Path, what: str, next_step: str) -> list[dict[str, str]]:
    """Return the lines of a list by column; the path of a line without one is "".

    Args:
        path: of the file.
        what: the list in a sentence about it: "list of families".
        next_step: what to do if it cannot be read, a sentence.

    Raises:
        DataError: the file is missing or unreadable.
    """
    try:
        content = file_reader.read_text(path, file_reader.LIST_BYTES)
        rows = list(
            csv.DictReader(io.StringIO(content, newline=""))
        )  # a name may hold a line's end
    except (FileRefused, csv.Error) as error:
        reason = error.reason if isinstance(error, FileRefused) else f"is no list ({error})"
        raise DataError(f"The {what}, {path}, cannot be read: it {reason}. {next_step}") from error
    return [{**row, "path": (row.get("path") or "").removeprefix(_HERE)} for row in rows]


def write(path: Path, content: str) -> None:
    """Replace a list; empty content removes the file.

    Raises:
        WriteFailed: no space or no permission.
    """
    with writing(path):
        if not content:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content.encode())
