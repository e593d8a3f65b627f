"""Choice of a table of films: its file, its columns, a preview, the label that means a fracture."""

from collections import Counter
from pathlib import Path

import pandas as pd
import streamlit as st

from fracture_core import files
from fracture_core.data_folders import folder_names
from fracture_core.errors import DataError, WriteFailed
from fracture_core.readers import own_table
from fracture_core.readers.own_table import Content, Table
from fracture_core.words import clean, plural, short
from ui.data import data_choice
from ui.shared import theme
from ui.shell import actions, owner, state

ROWS = 5  # of the preview
VALUES = 8  # of a column, named where there are too many
WORDS = {
    "path": "Paths of the films",
    "label": "Labels",
    "patient": "Patients (if known)",
    "study": "Studies (if known)",
    "part": "Body parts (if known)",
    "split": "Splits (if given)",
}
TYPES = ["csv", "tsv", "txt", "parquet"]


def show() -> None:
    """Draw the choice, folded; only the owner names files of this machine."""
    if not owner.is_owner():
        return
    with st.expander("Use a table of films (CSV or Parquet)", key="table-choice"):
        st.caption(
            "For films in any folders: a row for each film, with a column of paths and one of "
            "labels; patients, studies, body parts and splits are used where there are any."
        )
        left, right = st.columns(2)
        typed = left.text_input("Table", placeholder="/path/to/films.csv", key=state.TABLE_FILE)
        dropped = right.file_uploader("Or drop it here", type=TYPES, key="dropped-table")
        file = Path(typed.strip().strip("'\"")) if typed.strip() else None
        try:
            if dropped:
                file = actions.keep_table(dropped.name, dropped.getvalue())
            if file:
                _choose(files.absolute(file), "" if dropped else str(file.parent))
        except (DataError, WriteFailed) as error:
            st.error(theme.plain(str(error)))


def _choose(file: Path, beside: str) -> None:
    """Ask for folder and columns of a table.

    Args:
        file: the table's.
        beside: the folder that it lies in; "" for one that was dropped.
    """
    content = _content(str(file), files.stamp(file))
    folder = st.text_input(
        "Folder that its paths are relative to",
        placeholder=beside or "/path/to/films",
        key=state.TABLE_FOLDER,
        help="If it is left out: the folder of the table." if beside else None,
    )
    _preview(content)
    columns = _columns(content)
    if missing := [WORDS[role] for role in own_table.NEEDED if role not in columns]:
        st.info(f"Choose a column: {', '.join(missing)}.")
        return
    positive = _positive(content, columns["label"])
    if st.button("Use this table", type="primary", disabled=positive is None):
        table = Table(file=file, columns=columns)
        data_choice.use(folder.strip() or beside, positive, str(table))


@st.cache_data(max_entries=2, show_spinner="Reading the table…")
def _content(file: str, stamp: tuple[int, ...]) -> Content:
    return own_table.read(Path(file))


def _preview(content: Content) -> None:
    rows = [row for _, row in content.rows[:ROWS]]
    names = [name or f"column {number}" for number, name in enumerate(content.columns, 1)]
    width = max(len(names), *map(len, rows))
    names += [f"column {number}" for number in range(len(names) + 1, width + 1)]
    padded = [(*row, *[""] * (width - len(row))) for row in rows]
    st.caption(f"{plural(len(content.rows), 'row')}; the first {len(rows)}:")
    # By their places: two columns may have one name.
    table = pd.DataFrame(padded, columns=[str(place) for place in range(width)])
    labels = {str(place): clean(name) for place, name in enumerate(names)}
    st.dataframe(table, hide_index=True, column_config=labels, key="table-preview")


def _columns(content: Content) -> dict[str, str]:
    """Ask for the column of each role, filled with guesses; return their names."""
    guesses, columns = own_table.guesses(content.columns), {}
    names = list(dict.fromkeys(filter(None, content.columns)))
    with st.grid(3) as grid:
        for role, words in WORDS.items():
            guess = content.columns[guesses[role]] if role in guesses else None
            with grid.cell():
                name = st.selectbox(
                    words,
                    names,
                    index=names.index(guess) if guess in names else None,
                    placeholder="none",
                    format_func=clean,  # it reads no Markdown
                    key=f"table-{role}-{hash(content.columns)}",
                )
            if name:
                columns[role] = name
    return columns


def _positive(content: Content, column: str) -> str | None:
    """Ask which label means a fracture; return `None` until it is said, or if there are not two."""
    place = content.columns.index(column)
    values = [row[place] for _, row in content.rows if place < len(row)]
    spelled = own_table.spellings(values)
    if len(spelled) != 2:
        first = ", ".join(short(value) for value in list(spelled.values())[:VALUES])
        words = f"Labels must be two values; this column has {len(spelled):,}"
        st.warning(theme.plain(f"{words} ({first})." if first else f"{words}."))
        return None
    counts = Counter(spelled[folder_names.key(value)] for value in values if value)
    labels = sorted(counts)
    return st.radio(
        "Which label means a fracture?",
        labels,
        index=None,
        format_func=lambda label: theme.plain(f"{label} ({plural(counts[label], 'row')})"),
        horizontal=True,
        key=f"table-positive-{column}",
    )
