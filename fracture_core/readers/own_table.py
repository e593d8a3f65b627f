"""A table of the user's own, CSV or Parquet: its text, its cells, the roles of its columns.

A table and its columns are one text, "FILE?path=NAME&label=NAME", as `Table.parse` reads it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from fracture_core import file_reader
from fracture_core.data_folders import folder_names, text_lists
from fracture_core.errors import DataError, FileRefused
from fracture_core.words import short

ROLES: Mapping[str, str] = {  # a column's role -> names that are taken for it, the likeliest first
    "path": "path file_path filepath image_path imagepath file filename file_name image image_id "
    "image_name img img_path film filestem name",
    "label": "label fracture fractured fracture_visible target class y diagnosis positive abnormal "
    "finding category",
    "patient": "patient patient_id patientid subject subject_id person case case_id",
    "study": "study study_id studyid study_number exam exam_id accession accession_number",
    "part": "part body_part bodypart region anatomy anatomical_region site",
    "split": "split subset partition set dataset fold",
}
NEEDED = ("path", "label")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of films.

    Args:
        file: its path.
        columns: by role (a key of `ROLES`), the name of the column; others are guessed.
    """

    file: Path
    columns: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> "Table":
        """Return the table that a text names, see the module."""
        file, mark, query = text.rpartition("?")
        columns = dict(parse_qsl(query, keep_blank_values=True)) if mark else {}
        if not columns or not set(columns) <= set(ROLES):  # a question mark in the file's name
            return cls(file=Path(text), columns={})
        return cls(file=Path(file), columns=columns)

    @property
    def words(self) -> str:
        """The table for a person: "Table films.csv (path: file, label: broken)"."""
        columns = ", ".join(f"{role}: {name}" for role, name in self.columns.items())
        return f"Table {self.file}{f' ({columns})' if columns else ''}"

    def __str__(self) -> str:
        return f"{self.file}?{urlencode(self.columns)}" if self.columns else str(self.file)


@dataclass(frozen=True, kw_only=True)
class Content:
    """A table as texts.

    Args:
        columns: their names, in order.
        rows: (line, cells) of each row, cells in the order of the columns; blank rows are left out.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def read(file: Path) -> Content:
    """Read a CSV file, see `text_lists`, or a Parquet file.

    Raises:
        DataError: it cannot be read, or holds no row.
    """
    try:
        if file.suffix.lower() in (".parquet", ".pq"):
            content = _parquet(file)
        else:
            content = _csv(file)
    except FileRefused as error:
        raise DataError(f"The table {file} cannot be used: it {error.reason}.") from error
    if not content.rows:
        raise DataError(f"The table {file} holds no row. Give a table with a row for each film.")
    return content


def _csv(file: Path) -> Content:
    numbered = [(n, tuple(row)) for n, row in enumerate(text_lists.read(file), 1) if any(row)]
    if not numbered:
        return Content(columns=(), rows=())
    (_, header), *rows = numbered
    return Content(columns=tuple(cell.strip("\ufeff") for cell in header), rows=tuple(rows))


def _parquet(file: Path) -> Content:
    table = file_reader.read_table(file, {}, others=True)
    texts = table.astype(object).where(table.notna(), "")
    rows = tuple(
        (number, tuple(_text(value) for value in row))
        for number, row in enumerate(texts.itertuples(index=False), 1)
    )
    return Content(columns=tuple(map(str, table.columns)), rows=rows)


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def spellings(values: Iterable[str]) -> dict[str, str]:
    """Return the different labels by `folder_names.key`, each as it is spelled first; no blanks."""
    spelled: dict[str, str] = {}
    for value in filter(None, values):
        spelled.setdefault(folder_names.key(value), value)
    return spelled


def _keys(columns: Sequence[str]) -> dict[str, int]:
    """Return the place of each column by its name as `text_lists.column_name` gives it."""
    numbered = reversed(list(enumerate(columns)))  # of two columns of one name the first
    return {text_lists.column_name(name): place for place, name in numbered}


def guesses(columns: Sequence[str], taken: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return the place of the column that each role has by its name; no role for others.

    Args:
        columns: their names.
        taken: roles that have a column already.
    """
    keys, places = _keys(columns), dict(taken or {})
    for role, names in ROLES.items():
        free = (keys[name] for name in names.split() if name in keys)
        place = next((place for place in free if place not in places.values()), None)
        if role not in places and place is not None:
            places[role] = place
    return places


def columns_of(content: Content, table: Table) -> dict[str, int]:
    """Return the place of each role's column: the named ones, and those that names tell.

    Raises:
        DataError: a named column is not there, or a needed one is neither named nor told.
    """
    keys = _keys(content.columns)
    places: dict[str, int] = {}
    for role, name in table.columns.items():
        if text_lists.column_name(name) not in keys:
            raise DataError(
                f"The table {table.file.name} has no column {short(name)!r}. It has: "
                f"{', '.join(map(short, content.columns))}."
            )
        # Two columns may differ in case alone: one of this very name comes first.
        exact = name in content.columns
        places[role] = content.columns.index(name) if exact else keys[text_lists.column_name(name)]
    places = guesses(content.columns, taken=places)
    if missing := [role for role in NEEDED if role not in places]:
        raise DataError(
            f"Which column of {table.file.name} holds the {missing[0]}s? It has: "
            f"{', '.join(map(short, content.columns))}. Name it (--column {missing[0]}=NAME)."
        )
    return places
