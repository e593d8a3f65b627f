"""A table of corrected labels, such as public relabellings of MURA: its rows matched to studies.

A table is CSV or Parquet, with a column that names studies (or their films) and one of labels.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fracture_core.curation import corrections
from fracture_core.curation.corrections import Corrections
from fracture_core.data_folders import folder_names, text_lists
from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import DataError
from fracture_core.readers import own_table
from fracture_core.readers.own_table import Content
from fracture_core.words import plural, short

POSITIVE = "1 positive pos abnormal fracture fractured yes true y broken"
NEGATIVE = "0 negative neg normal no_fracture not_fractured non_fractured none no false n intact"
_WORDS = {folder_names.key(word): 1 for word in POSITIVE.split()}
_WORDS |= {folder_names.key(word): 0 for word in NEGATIVE.split()}
_NAMES = {  # of columns, the likeliest first
    "study": "study study_path path file_path image_path image file filename study_id key name",
    "label": "new_label corrected_label corrected relabel relabelled relabeled label new class "
    "target fracture abnormal",
}
SEVERAL = "several"  # studies have this name: no key of a study, which has four parts
_SAMPLE = 200  # rows by which a column is guessed
_SUFFIX = re.compile(r"_(positive|negative)$")  # of a study's folder in MURA


@dataclass(frozen=True, kw_only=True)
class Relabelling:
    """Labels of a table, compared with those of a data set's studies.

    Args:
        rows: number of rows.
        labels: key of a study -> its label in the table, where that differs from the one in effect.
        returned: how many of those return to the label of the data, which undoes a correction.
        same: how many studies have the table's label already.
        problems: a sentence for each kind of row that cannot be used.
    """

    rows: int
    labels: Mapping[str, int]
    returned: int
    same: int
    problems: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The counts in a sentence."""
        undone = f" ({self.returned:,} of them by undoing a correction)" if self.returned else ""
        return (
            f"{plural(self.rows, 'row')}: {plural(len(self.labels), 'label')} would change{undone}"
            f"; {plural(self.same, 'label')} as before."
        )


def of_file(
    path: Path, dataset: Dataset, value: Corrections, named: Mapping[str, str | None]
) -> Relabelling:
    """Read a table and match it; arguments and errors as those of `columns_of` and `read`."""
    content = with_header(own_table.read(path), dataset)
    places = columns_of(content, dataset, {role: name for role, name in named.items() if name})
    return read(content, places, dataset, value)


def studies_named(dataset: Dataset, texts: Sequence[str]) -> list[str]:
    """Return the keys of the studies that a person names by key, folder or film, each once.

    Raises:
        DataError: the data have none of this name, or several.
    """
    index = _Index(dataset)
    keys = []
    for text in texts:
        key = index.find(text)
        if not key or key == SEVERAL:
            example = catalog.study_key(dataset.manifest.head(1)).iloc[0]
            raise DataError(
                f"The data have {'several studies' if key else 'no study'} of the name "
                f"{short(text)!r}. Give a study's key, as in {example}."
            )
        keys.append(key)
    return list(dict.fromkeys(keys))


def columns_of(content: Content, dataset: Dataset, named: Mapping[str, str]) -> dict[str, int]:
    """Return the places of the columns "study" and "label": the named ones, else the likeliest.

    A column of studies is one whose values name studies of the data; of several, names decide.

    Raises:
        DataError: a column is not there, or none is recognized; the error says how to name it.
    """
    names = [text_lists.column_name(name) for name in content.columns]
    places: dict[str, int] = {}
    for role, name in named.items():
        if text_lists.column_name(name) not in names:
            raise DataError(f"The table has no column {short(name)!r}. {_columns(content)}")
        places[role] = names.index(text_lists.column_name(name))
    index = _Index(dataset)
    tests: dict[str, Callable[[str], bool]] = {
        "study": lambda text: bool(index.find(text)),
        "label": lambda text: label_of(text, dataset.positive) is not None,
    }
    sample = [cells for _, cells in content.rows[:_SAMPLE]]
    for role, test in tests.items():
        if role in places:
            continue
        shares = {
            place: sum(test(row[place]) for row in sample if place < len(row)) / max(1, len(sample))
            for place in range(len(names))
            if place not in places.values()
        }
        likely = [place for place, share in shares.items() if share >= 0.5]
        place = _likeliest(likely, names, _NAMES[role])
        if place is None and role == "study":  # all rows may be of other data
            place = _likeliest([], names, _NAMES[role], every=list(shares))
        if place is None:
            raise DataError(
                f"No column of the table seems to hold the "
                f"{'studies' if role == 'study' else 'labels'}. Name it. {_columns(content)}"
            )
        places[role] = place
    return places


def _likeliest(
    likely: Sequence[int], names: Sequence[str], known: str, every: Sequence[int] = ()
) -> int | None:
    """Return the only likely place; of several, or of `every` one, the first known name's."""
    if len(likely) == 1:
        return likely[0]
    among = likely or every
    return next(
        (names.index(n) for n in known.split() if n in names and names.index(n) in among), None
    )


def _columns(content: Content) -> str:
    return f"It has: {', '.join(map(short, content.columns))}."


def with_header(content: Content, dataset: Dataset) -> Content:
    """Return a table that has no header, as MURA's own lists, with one; another as it is."""
    index = _Index(dataset)
    first = content.columns
    if not any(index.find(cell) for cell in first):
        return content
    columns = tuple(f"column {number}" for number in range(1, len(first) + 1))
    return Content(columns=columns, rows=((1, first), *content.rows))


def read(
    content: Content,
    places: Mapping[str, int],
    dataset: Dataset,
    value: Corrections,
) -> Relabelling:
    """Match a table's rows to studies.

    Args:
        content: the table.
        places: of its columns, see `columns_of`.
        dataset: the data as they are, without corrections.
        value: corrections made before, which are in effect.
    """
    index, problems = _Index(dataset), _Problems()
    labels: dict[str, int] = {}
    contradictory: set[str] = set()
    for line, cells in content.rows:
        texts = {role: cells[at] if at < len(cells) else "" for role, at in places.items()}
        key, label = index.find(texts["study"]), label_of(texts["label"], dataset.positive)
        if not texts["study"].strip():
            problems.add("empty", line, "")
        elif not key:
            problems.add("unknown", line, texts["study"])
        elif key == SEVERAL:
            problems.add("several", line, texts["study"])
        elif label is None:
            problems.add("unlabelled" if texts["label"].strip() else "blank", line, texts["label"])
        elif labels.setdefault(key, label) != label:
            problems.add("contradictory", line, texts["study"])
            contradictory.add(key)
    labels = {key: label for key, label in labels.items() if key not in contradictory}
    return _compared(len(content.rows), labels, dataset, value, problems.sentences())


def _compared(
    rows: int,
    labels: Mapping[str, int],
    dataset: Dataset,
    value: Corrections,
    problems: tuple[str, ...],
) -> Relabelling:
    studies = catalog.studies(dataset.manifest)
    own = dict(zip(studies["key"], studies["label"].astype(int), strict=True))
    in_effect = own | {key: label for key, label in value.labels.items() if key in own}
    changed = {key: label for key, label in labels.items() if label != in_effect[key]}
    return Relabelling(
        rows=rows,
        labels=changed,
        returned=sum(label == own[key] for key, label in changed.items()),
        same=len(labels) - len(changed),
        problems=problems,
    )


def merged(
    value: Corrections, table: Relabelling, dataset: Dataset, by: str, why: str
) -> Corrections:
    """Return corrections with those of a table; arguments and errors as `corrections.corrected`."""
    studies = catalog.studies(dataset.manifest)
    return corrections.corrected(value, studies, table.labels, by, why)


def label_of(text: str, positive: str | None = None) -> int | None:
    """Return the label that a text is, 0 or 1; `None` for none.

    Args:
        text: "1", "1.0", "positive", "abnormal", "no fracture" ...
        positive: the data's own name of a fracture, if they have one.
    """
    key = folder_names.key(text.strip())
    if positive is not None and key == folder_names.key(positive):
        return 1
    return _WORDS.get(key)


_KINDS = {  # of rows that cannot be used
    "empty": "without a study",
    "unknown": "with a study that is not in these data",
    "several": "with a name that more than one study has",
    "blank": "without a label",
    "unlabelled": "with a label that is neither positive nor negative",
    "contradictory": "with another label for its study than a row above, so that neither counts",
}


class _Problems:
    """Rows that cannot be used: how many of each kind, and the first of them."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(_KINDS, 0)
        self._first: dict[str, tuple[int, str]] = {}

    def add(self, kind: str, line: int, text: str) -> None:
        self._counts[kind] += 1
        self._first.setdefault(kind, (line, text))

    def sentences(self) -> tuple[str, ...]:
        """Return a sentence for each kind that there is."""
        return tuple(self._sentence(kind) for kind, count in self._counts.items() if count)

    def _sentence(self, kind: str) -> str:
        line, text = self._first[kind]
        example = f" ({short(text)})" if text else ""
        rows = plural(self._counts[kind], "row")
        return f"Not used: {rows} {_KINDS[kind]}; first, line {line}{example}."


class _Index:
    """Studies by what a table may call them: key, folder, or a film's path, whole or its end."""

    def __init__(self, dataset: Dataset) -> None:
        self._whole: dict[str, str] = {}
        self._ends: dict[str, str] = {}
        known: set[str] = set()
        keys = catalog.study_key(dataset.manifest)
        for path, key in zip(dataset.manifest["path"], keys, strict=True):
            *folder, film = _parts(path)
            self._add([*folder, film], 1, key)
            self._enter(self._ends, film.rpartition(".")[0] or film, key)
            if key not in known:
                self._add(folder, 2, key)
                self._add(_parts(key), 2, key)
            known.add(key)

    def _add(self, parts: Sequence[str], least: int, key: str) -> None:
        """Enter a path and its ends of at least so many names."""
        self._enter(self._whole, "/".join(parts), key)
        for start in range(len(parts) - least + 1):
            self._enter(self._ends, "/".join(parts[start:]), key)

    def _enter(self, index: dict[str, str], name: str, key: str) -> None:
        index[name] = key if index.get(name, key) == key else SEVERAL

    def find(self, text: str) -> str | None:
        """Return the study that a text names, `SEVERAL`, or `None`.

        The text ends in a study's or film's whole path, or is the end of one.
        """
        parts = _parts(text)
        for start in range(len(parts)):
            if key := self._whole.get("/".join(parts[start:])):
                return key
        return self._ends.get("/".join(parts))


def _parts(text: str) -> list[str]:
    """Return the names in a path, in a spelling that does not tell a label."""
    names = [name for name in text_lists.posix(text).lower().split("/") if name not in ("", ".")]
    return [_SUFFIX.sub("", name) for name in names]


def preview(table: Relabelling, dataset: Dataset, rows: int) -> pd.DataFrame:
    """Return the first changes of a table: study, label in the data, label in the table."""
    studies = catalog.studies(dataset.manifest)
    own = dict(zip(studies["key"], studies["label"].astype(int), strict=True))
    words = corrections.LABELS
    lines = [(key, words[own[key]], words[label]) for key, label in table.labels.items()]
    return pd.DataFrame(lines[:rows], columns=["Study", "In the data", "In the table"])
