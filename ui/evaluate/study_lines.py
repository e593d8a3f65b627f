"""A line per study: the probabilities of its films, verdict, label, and whether it is right."""

from pathlib import PurePosixPath
from typing import Any

import pandas as pd
import streamlit as st

from fracture_core.config import cache_folder
from fracture_core.datasets import catalog
from fracture_core.errors import DataError, FilmError
from fracture_core.films import images
from fracture_core.models.evaluation import Evaluation
from fracture_core.models.training_patients import TrainingOverlap
from fracture_core.verdicts import aggregation
from fracture_core.words import cell
from ui.cache import data_cache, study_cache
from ui.shared import film_links, theme
from ui.shell import state, tab_data

CELLS = {  # of the confusion matrix: (verdict, label)
    "false negative": (False, 1),
    "false positive": (True, 0),
    "true positive": (True, 1),
    "true negative": (False, 0),
}
THUMBNAIL = 384  # px
TABLE_WIDTH, FILMS_WIDTH = 740, 480  # px; together they fill a 1440 px window
HEIGHT = 460  # px of the table; a screen holds it with the films beside it


def table(result: Evaluation) -> pd.DataFrame:
    """Return `aggregation.verdicts` with each study's probabilities, in the order of its views."""
    keys = catalog.study_key(result.films)
    lists = result.films.groupby(keys, sort=False)["probability"].apply(
        lambda values: " ".join(f"{value:.3f}" for value in values)
    )
    studies = result.studies()
    return studies.assign(probabilities=studies["key"].map(lists))


def with_training_overlap(lines: pd.DataFrame, result: Evaluation, reference: str) -> pd.DataFrame:
    """Add the column `acquaintance`, the training overlap; NEW for films of other data sets."""
    in_use = result.data.get("hash") == data_cache.dataset().hash
    overlaps = study_cache.training_overlaps(reference) if in_use else {}
    column = [overlaps.get(name, TrainingOverlap.NEW) for name in lines["patient"]]
    return lines.assign(acquaintance=pd.Series(column, index=lines.index, dtype=object))


def chosen(lines: pd.DataFrame, which: str) -> pd.DataFrame:
    """Return the lines that are "all", "right", "wrong", or in a cell of the confusion matrix."""
    if which in CELLS:
        verdict, label = CELLS[which]
        return lines[(lines["verdict"] == verdict) & (lines["label"] == label)]
    return lines if which == "all" else lines[lines["right"] == (which == "right")]


def csv(lines: pd.DataFrame) -> str:
    """Format the lines as CSV, with no text that a spreadsheet reads as a formula."""
    texts = lines.assign(acquaintance=lines["acquaintance"].map(str))
    return texts.map(cell).to_csv(index=False)


def show(result: Evaluation, reference: str) -> None:
    """Draw the filter, the table, and the films of the selected study."""
    lines = with_training_overlap(table(result), result, reference)
    _warn_of_overlap(lines)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = st.segmented_control(
            "Studies",
            ["all", "wrong", "right", *CELLS],
            default="all",
            required=True,
            key=state.LINES,
            bind="query-params",
        )
        st.download_button(
            "Export CSV",
            csv(lines),
            f"{result.model}-{result.split}.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        film_links.follow_clicks()
    rows = chosen(lines, which)
    if rows.empty:
        st.write(f"None of {theme.plural(len(lines), 'study')}: {which}.")
        return
    st.caption(
        f"{len(rows):,} of {theme.plural(len(lines), 'study')}. Select a line for its films."
    )
    # Side by side if there is room for all columns, else one below the other.
    place = st.container(horizontal=True, gap="medium")
    with place.container(width=TABLE_WIDTH):
        selected = _table(rows, which)
    with place.container(width=FILMS_WIDTH, key=film_links.key("films")):
        _films(result, rows.iloc[selected[0] if selected and selected[0] < len(rows) else 0])


def _warn_of_overlap(lines: pd.DataFrame) -> None:
    """Count the studies of patients that the model was trained on, in a warning."""
    for overlap, words in (
        (TrainingOverlap.TRAINED, "was trained on"),
        (TrainingOverlap.POSSIBLE, "may have been trained on"),
    ):
        if count := int((lines["acquaintance"] == overlap).sum()):
            st.warning(
                f"{count:,} of {theme.plural(len(lines), 'study')} are of patients that the model "
                f"{words}: their results say nothing about new patients."
            )


def _table(rows: pd.DataFrame, which: str) -> list[int]:
    """The table; returns the positions of the selected lines."""
    words = {True: f"{theme.FRACTURE} fracture", False: f"{theme.NO_FRACTURE} no fracture"}
    shown = pd.DataFrame(
        {
            "Patient": rows["patient"],
            "Study": rows["study"],
            "Part": rows["part"],
            "Probabilities": rows["probabilities"],
            "Verdict": rows["verdict"].astype(bool).map(words),
            "Label": rows["label"].astype(bool).map(words),
            "Result": _results(rows),
        }
    ).reset_index(drop=True)
    ink = {words[True]: theme.colour("fracture"), words[False]: theme.colour("none")}
    event = st.dataframe(
        shown.style.map(lambda word: f"color: {ink[word]}", subset=["Verdict", "Label"]),
        height=HEIGHT,
        hide_index=True,
        key=f"{state.TABLE}-{which}",  # another list begins with nothing selected
        on_select="rerun",
        selection_mode="single-row",
    )
    return event["selection"]["rows"]


def _results(rows: pd.DataFrame) -> "pd.Series[Any]":
    """Right or wrong, with the training overlap of the patient."""
    words = rows["right"].astype(bool).map({True: "✓ right", False: "✗ wrong"})
    marks = rows["acquaintance"].map(lambda overlap: f", {overlap.mark}" if overlap.mark else "")
    return words + marks


def _films(result: Evaluation, row: "pd.Series[Any]") -> None:
    """The films of a study with their probabilities, and links to other pages."""
    name = f"{theme.plain(row['study'])} of {theme.plain(row['patient'])}"
    verdict, label = theme.mark(bool(row["verdict"])), theme.mark(bool(row["label"]))
    st.markdown(f"**{name}**: predicted {verdict}, label {label}")
    try:
        dataset = data_cache.dataset()
        in_use = dataset.hash == result.data.get("hash")
    except DataError:
        in_use = False
    if not in_use:
        st.caption("Its films belong to a data set that is not in use.")
        return
    films = result.films[catalog.study_key(result.films) == row["key"]]
    grid = st.grid(3, min_column_width=120)
    for film in films.itertuples():
        with grid.cell():
            path = dataset.root / film.path
            try:
                content = images.thumbnail(path, THUMBNAIL, cache_folder() / "thumbnails")
                st.image(content, width="stretch", alt=path.name)
            except FilmError as error:
                st.caption(theme.plain(str(error)))
            positive = bool(aggregation.is_positive(film.probability, result.threshold))
            file = theme.plain(PurePosixPath(film.path).name)
            st.caption(f"{file}: {film.probability:.3f} {theme.mark(positive)}")
    with st.container(horizontal=True):
        _link("pages/studies.py", "Open in Studies", row["key"], dataset.hash)
        _link("pages/diagnose.py", "Open in Diagnose", row["key"], dataset.hash)


def _link(page: str, label: str, key: str, data_hash: str) -> None:
    st.page_link(
        page,
        label=label,
        icon=":material/arrow_forward:",
        query_params=tab_data.address(key, data_hash),
    )
