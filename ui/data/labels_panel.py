"""Corrected labels on the Data page: the list, undo, export, and the import of a table."""

from pathlib import Path

import pandas as pd
import streamlit as st

from fracture_core.curation import corrections, relabelling
from fracture_core.curation.corrections import Corrections
from fracture_core.curation.relabelling import Relabelling
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import DataError, WriteFailed
from fracture_core.readers import own_table
from fracture_core.readers.own_table import Content
from fracture_core.words import plural
from ui.cache import curation_cache
from ui.data.table_choice import TYPES
from ui.shared import theme
from ui.shell import actions, owner, state
from ui.studies import selection_bar

HEIGHT = 320  # px of the list
ROWS = 8  # of the preview


def show(data: Dataset) -> None:
    """Draw the corrected labels of the data set, and the import, folded."""
    st.header("Corrected labels", anchor=False)
    if not data.complete:
        st.caption("Labels can be corrected once all films are generated.")
        return
    value = curation_cache.corrected(data.hash)
    if reason := curation_cache.damage(data.hash):
        st.warning(theme.plain(owner.discreet(reason)))
    if value.items:
        _list(data, value)
    else:
        st.caption(
            "None. Correct a label on its study's page, or import a table of labels, such as a "
            "public relabelling. The data themselves are never written."
        )
    if owner.is_owner():
        with st.expander("Import labels (CSV or Parquet)", key="label-import"):
            _import(data, value)


def _list(data: Dataset, value: Corrections) -> None:
    st.markdown(
        f"**{plural(len(value.items), 'label')} corrected** (list {value.hash}). The wall shows "
        "them; a run uses them if Train says so."
    )
    items = [value.items[key] for key in sorted(value.items)]
    rows = [
        (e.study, corrections.LABELS[e.was], corrections.LABELS[e.label], e.by, e.when[:10], e.why)
        for e in items
    ]
    columns = ["Study", "In the data", "Corrected", "By", "On", "Why"]
    event = st.dataframe(
        pd.DataFrame(rows, columns=columns),
        hide_index=True,
        height=min(HEIGHT, 38 + 35 * len(rows)),
        key=f"{state.CORRECTIONS_TABLE}-{value.hash}",
        on_select="rerun",
        selection_mode="multi-row",
    )
    picked = [items[row].study for row in event["selection"]["rows"] if row < len(items)]
    with st.container(horizontal=True):
        st.download_button(
            "Export CSV",
            value.to_csv,
            "corrected-labels.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            key="save-corrections",
        )
        owner.button(
            f"Undo {plural(len(picked), 'correction')}" if picked else "Undo the ticked ones",
            icon=":material/undo:",
            disabled=not picked,
            key="undo-corrections",
            on_click=actions.pressed,
            args=(actions.undo_corrections, data.hash, picked),
        )


def _import(data: Dataset, value: Corrections) -> None:
    """Ask for a table and its columns, show what it would change, and take it."""
    st.caption(
        "A row for each study or film, with a column of paths and one of labels (1 and 0, "
        "positive and negative, abnormal and normal, ...)."
    )
    dropped = st.file_uploader("Table of labels", type=TYPES, key="dropped-labels")
    if not dropped:
        return
    try:
        file = actions.keep_table(dropped.name, dropped.getvalue())
        content = relabelling.with_header(own_table.read(file), data)
        places = _columns(content, data)
        if places is None:
            return
        table = relabelling.read(content, places, data, value)
    except (DataError, WriteFailed) as error:
        st.error(theme.plain(owner.discreet(str(error))))
        return
    _offer(data, table, dropped.name)


def _columns(content: Content, data: Dataset) -> dict[str, int] | None:
    """Let the owner choose both columns, the likeliest first; `None` until both are chosen."""
    try:
        guessed = relabelling.columns_of(content, data, {})
    except DataError:  # none can be told
        guessed = {}
    numbers = list(range(len(content.columns)))
    chosen = {}
    for place, (role, title) in zip(
        st.columns(2), {"study": "Studies", "label": "Labels"}.items(), strict=True
    ):
        chosen[role] = place.selectbox(
            title,
            numbers,
            index=guessed.get(role),
            format_func=lambda number: theme.plain(content.columns[number]),
            placeholder="Choose a column",
            key=f"{state.LABEL_COLUMN}-{role}-{hash(content.columns)}",
        )
    if None in chosen.values():
        st.info("Choose the column of studies and that of labels.")
        return None
    return {role: int(number) for role, number in chosen.items() if number is not None}


def _offer(data: Dataset, table: Relabelling, name: str) -> None:
    """Show the counts and the first changes, and the button that takes them."""
    st.markdown(theme.plain(table.sentence))
    for sentence in table.problems:
        st.caption(theme.plain(sentence))
    if not table.labels:
        return
    st.dataframe(relabelling.preview(table, data, ROWS), hide_index=True, key="label-preview")
    selection_bar.ask_person("import")
    st.text_input(
        "Why",
        f"table {Path(name).name}"[: corrections.LONGEST_REASON],
        key=state.IMPORT_WHY,
        max_chars=corrections.LONGEST_REASON,
    )
    owner.button(
        f"Change {plural(len(table.labels), 'label')}",
        type="primary",
        key="import-labels",
        on_click=actions.pressed,
        args=(_take, data, table),
    )


def _take(data: Dataset, table: Relabelling) -> None:
    by, why = selection_bar.person("import"), st.session_state[state.IMPORT_WHY]
    actions.correct_labels(data, dict(table.labels), by, why)
