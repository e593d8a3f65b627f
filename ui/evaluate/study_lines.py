"""A line a study: what the network thought of its films, what it is, and whether that is right."""

from pathlib import PurePosixPath

import pandas as pd
import streamlit as st

from fracture_core.config import cache_folder
from fracture_core.datasets import catalog
from fracture_core.errors import DataError, FilmError
from fracture_core.films import images
from fracture_core.models.evaluation import Evaluation
from fracture_core.models.training_patients import TrainingOverlap
from fracture_core.reports.markup import cell
from fracture_core.verdicts import aggregation
from ui.cache import data_cache, study_cache
from ui.shared import theme
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


def table(found: Evaluation) -> pd.DataFrame:
    """`aggregation.verdicts` with each study's probabilities, in the order of its views."""
    keys = catalog.study_key(found.films)
    lists = found.films.groupby(keys, sort=False)["probability"].apply(
        lambda values: " ".join(f"{value:.3f}" for value in values)
    )
    studies = found.studies()
    return studies.assign(probabilities=studies["key"].map(lists))


def with_training_overlap(lines: pd.DataFrame, found: Evaluation, reference: str) -> pd.DataFrame:
    """`table` with a column `acquaintance`; of films that are not of the data in use nothing is
    known beyond their role."""
    here = found.data.get("hash") == data_cache.dataset().hash
    known = study_cache.training_overlaps(reference) if here else {}
    column = [known.get(name, TrainingOverlap.NEW) for name in lines["patient"]]
    return lines.assign(acquaintance=pd.Series(column, index=lines.index, dtype=object))


def chosen(lines: pd.DataFrame, which: str) -> pd.DataFrame:
    """The lines that are "all", "right", "wrong", or in a cell of the confusion matrix."""
    if which in CELLS:
        verdict, label = CELLS[which]
        return lines[(lines["verdict"] == verdict) & (lines["label"] == label)]
    return lines if which == "all" else lines[lines["right"] == (which == "right")]


def csv(lines: pd.DataFrame) -> str:
    """The lines as CSV; no text of theirs is a spreadsheet's formula."""
    told = lines.assign(acquaintance=lines["acquaintance"].map(str))
    return told.map(cell).to_csv(index=False)


def show(found: Evaluation, reference: str) -> None:
    """The filter, the table, and the films of the study that is selected in it."""
    lines = with_training_overlap(table(found), found, reference)
    _tell_known(lines)
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
            "Download CSV",
            csv(lines),
            f"{found.model}-{found.split}.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    rows = chosen(lines, which)
    if rows.empty:
        st.write(f"None of the {theme.plural(len(lines), 'study')} is {which}.")
        return
    st.caption(
        f"{len(rows):,} of {theme.plural(len(lines), 'study')}. Select a line for its films."
    )
    # Side by side where there is room for all columns, else one below the other.
    place = st.container(horizontal=True, gap="medium")
    with place.container(width=TABLE_WIDTH):
        selected = _table(rows, which)
    with place.container(width=FILMS_WIDTH):
        _films(found, rows.iloc[selected[0] if selected and selected[0] < len(rows) else 0])


def _tell_known(lines: pd.DataFrame) -> None:
    """How many studies are of patients that the model was trained on."""
    for told, words in (
        (TrainingOverlap.TRAINED, "was trained on"),
        (TrainingOverlap.POSSIBLE, "may have been trained on"),
    ):
        if count := int((lines["acquaintance"] == told).sum()):
            st.warning(
                f"{count:,} of {theme.plural(len(lines), 'study')} are of patients that the model "
                f"{words}: right or wrong on these says nothing about new patients."
            )


def _table(rows: pd.DataFrame, which: str) -> list[int]:
    """The lines; gives the positions of those that are selected."""
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


def _results(rows: pd.DataFrame) -> pd.Series:
    """Right or wrong, and whether the model was trained on the patient."""
    words = rows["right"].astype(bool).map({True: "✓ right", False: "✗ wrong"})
    marks = rows["acquaintance"].map(lambda known: f", {known.mark}" if known.mark else "")
    return words + marks


def _films(found: Evaluation, row: pd.Series) -> None:
    """The films of a study with their probabilities, and the ways on from it."""
    name = f"{theme.plain(row['study'])} of {theme.plain(row['patient'])}"
    verdict, label = theme.mark(bool(row["verdict"])), theme.mark(bool(row["label"]))
    st.markdown(f"**{name}**: judged {verdict}, label {label}")
    try:
        dataset = data_cache.dataset()
        here = dataset.hash == found.data.get("hash")
    except DataError:
        here = False
    if not here:
        st.caption("Its films belong to another data set than the one in use.")
        return
    films = found.films[catalog.study_key(found.films) == row["key"]]
    grid = st.grid(3, min_column_width=120)
    for film in films.itertuples():
        with grid.cell():
            path = dataset.root / film.path
            try:
                st.image(images.thumbnail(path, THUMBNAIL, cache_folder() / "thumbnails"))
            except FilmError as error:
                st.caption(theme.plain(str(error)))
            positive = bool(aggregation.is_positive(film.probability, found.threshold))
            file = theme.plain(PurePosixPath(film.path).name)
            st.caption(f"{file}: {film.probability:.3f} {theme.mark(positive)}")
    with st.container(horizontal=True):
        _link("pages/studies.py", "Open in Studies", row["key"], dataset.hash)
        _link("pages/diagnose.py", "Judge in Diagnose", row["key"], dataset.hash)


def _link(page: str, label: str, key: str, data_hash: str) -> None:
    st.page_link(
        page, label=label, icon=":material/arrow_forward:",
        query_params=tab_data.address(key, data_hash),
    )  # fmt: skip
