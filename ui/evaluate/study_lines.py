"""A line per study, worst errors first, with score, verdict and label; and films of the worst."""

from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

import pandas as pd
import streamlit as st

from fracture_core.cross_validation import out_of_fold
from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import DataError, FilmError
from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.films import images
from fracture_core.folders import cache_folder
from fracture_core.prediction import training_patients
from fracture_core.prediction.training_patients import TrainingOverlap
from fracture_core.verdicts import aggregation
from fracture_core.words import cell, plural
from ui.cache import data_cache, film_cache, study_cache
from ui.evaluate import curation
from ui.shared import film_links, theme
from ui.shell import state, tab_data
from ui.studies import selection, selection_bar

CELLS = {  # of the confusion matrix: (verdict, label), missed fractures first
    "false negative": (False, 1),
    "false positive": (True, 0),
    "true positive": (True, 1),
    "true negative": (False, 0),
}
TITLES = {  # of the lists
    "all": "all",
    "wrong": "wrong",
    "right": "right",
    "false negative": "missed fractures",
    "false positive": "false alarms",
    "true positive": "found",
    "true negative": "cleared",
}
CORRECTED = "✎"  # beside a label that a person corrected
THUMBNAIL = 384  # px
TABLE_WIDTH, FILMS_WIDTH = 664, 424  # px; side by side in a window of 1280 px
HEIGHT = 460  # px of the table; a screen holds it with the films beside it
WORST, WORST_PX = 4, 160  # films of the worst errors, and their least width in px
HELP = {
    "Score": "The highest score of the study's films.",
    "Patient": "Whether the model was trained on this patient.",
    "Label": f"{theme.FRACTURE} fracture, {theme.NO_FRACTURE} no fracture; {CORRECTED} corrected",
}
NAME = 22  # letters of a study's name; a long one loses its middle
WIDTHS = {  # px of the columns; without those of one value they fit the table
    "Result": 118,
    "Study": 176,
    "Part": 72,
    "Films": 48,
    "Score": 56,
    "Verdict": 100,
    "Label": 48,
    "Patient": 92,
}


def table(result: Evaluation) -> pd.DataFrame:
    """Return `aggregation.verdicts` with each study's probabilities, worst errors first.

    The column `probabilities` is in the order of the views. Missed fractures come first, then false
    alarms, each with the one farthest from the threshold first; then the studies that are right.
    """
    keys = catalog.study_key(result.films)
    lists = result.films.groupby(keys, sort=False)["probability"].apply(
        lambda values: " ".join(f"{value:.3f}" for value in values)
    )
    studies = result.studies()
    studies = studies.assign(probabilities=studies["key"].map(lists))
    wrong = ~studies["right"].fillna(True).astype(bool)
    missed = wrong & (studies["label"] == 1)
    order = pd.DataFrame(
        {"kind": 2 - wrong.astype(int) - missed.astype(int), "far": 0.0}, index=studies.index
    )
    order["far"] = -(studies["score"] - result.threshold).abs().where(wrong, 0.0)
    return studies.loc[order.sort_values(["kind", "far"], kind="stable").index]


def with_training_overlap(lines: pd.DataFrame, result: Evaluation, reference: str) -> pd.DataFrame:
    """Add the column `acquaintance`, the training overlap; NEW for films of other data sets."""
    in_use = result.data.get("hash") == data_cache.dataset().hash
    # Out of fold, none was predicted by a network that was trained on its patient.
    in_use = in_use and result.split != out_of_fold.SPLIT
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
    """Draw the filter, the films of the first studies, the table, and the selected study."""
    lines = with_training_overlap(table(result), result, reference)
    for sentence in training_patients.warnings(lines["acquaintance"].tolist()):
        st.warning(sentence)
    counts = {name: len(chosen(lines, name)) for name in TITLES}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = _filter(counts)
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
    dataset = dataset_of(result)
    if dataset:
        selection.offer(rows["key"], "", which)
    if rows.empty:
        st.write(f"None of {plural(len(lines), 'study')}: {TITLES[which]}.")
        return
    if dataset:
        _first_films(result, dataset, rows)
    # Side by side if there is room for all columns, else one below the other.
    place = st.container(horizontal=True, gap="medium")
    corrected = set(curation.corrected_for(result).items)
    with place.container(width=TABLE_WIDTH):
        selected = _table(rows, which, corrected)
    with place.container(width=FILMS_WIDTH, key=film_links.key("films")):
        row = rows.iloc[selected[0] if selected and selected[0] < len(rows) else 0]
        _films(result, dataset, row, row["key"] in corrected)
    if dataset:
        selection_bar.show(dataset)


def _filter(counts: dict[str, int]) -> str:
    """Draw the choice of studies, a key of `TITLES` each with its number; return the chosen one."""
    # Not bound to the address, which would then hold the words on the buttons.
    in_address = st.query_params.get(state.LINES, "all")
    state.fill(state.LINES, in_address if in_address in TITLES else "all")
    which: str = st.segmented_control(  # type: ignore[assignment]  # required: never `None`
        "Studies, worst errors first",
        list(TITLES),
        required=True,
        format_func=lambda name: f"{TITLES[name]} ({counts[name]:,})",
        key=state.LINES,
        on_change=lambda: choose(st.session_state[state.LINES]),
    )
    return which


def choose(which: str) -> None:
    """List these studies: a key of `TITLES`, in the address."""
    state.put(state.LINES, "" if which == "all" else which)


def dataset_of(result: Evaluation) -> Dataset | None:
    """Return the data set of the result, if it is the one in use; else `None`."""
    with suppress(DataError):
        dataset = data_cache.dataset()
        return dataset if dataset.hash == result.data.get("hash") else None
    return None


def _first_films(result: Evaluation, dataset: Dataset, rows: pd.DataFrame) -> None:
    """The deciding film of each of the first studies, which a click opens."""
    keys = catalog.study_key(result.films)
    with st.grid(WORST, min_column_width=WORST_PX, key="worst") as grid:
        for row in rows.head(WORST).to_dict("records"):
            films = result.films[keys == row["key"]].sort_values("probability")
            path = dataset.root / films["path"].iloc[-1]
            content, _ = film_cache.picture_of([path], theme.on_film(bool(row["label"])))
            words = _result(row["right"], row["label"])
            name = short_name(row["patient"], row["study"], row["part"])
            key = film_links.key(f"worst-{row['key']}")
            with grid.cell(), st.container(key=key, gap="xxsmall"):
                alt = f"{words.partition(' ')[2]}: {name}, score {row['score']:.3f}"
                st.image(content, width="stretch", alt=alt)
                colour = "red" if words.startswith("✗") else "green"
                st.markdown(f":{colour}[**{words}**] {row['score']:.3f}")
                link("pages/studies.py", theme.plain(name), row["key"], dataset.hash)
                selection.tick(row["key"], name, "worst")


def _result(right: Any, label: int) -> str:
    if pd.isna(right):
        return "– no verdict"
    if right:
        return "✓ right"
    return "✗ missed" if label else "✗ false alarm"


def short_name(patient: str, study: str, part: str) -> str:
    """Return a study's short name: of single films that of the file, else patient and study."""
    name = study if part == "unknown" else f"{patient}, {study}"
    half = NAME // 2
    return name if len(name) <= NAME else f"{name[:half]}…{name[-half:]}"


def _table(rows: pd.DataFrame, which: str, corrected: set[str]) -> list[int]:
    """The table; returns the positions of the selected lines."""
    labels = zip(rows["key"], rows["label"].astype(bool), strict=True)
    words = {True: f"{theme.FRACTURE} fracture", False: f"{theme.NO_FRACTURE} no fracture"}
    marks = {True: theme.FRACTURE, False: theme.NO_FRACTURE}
    names = zip(rows["patient"], rows["study"], rows["part"], strict=True)
    columns = {
        "Result": [_result(*each) for each in zip(rows["right"], rows["label"], strict=True)],
        "Study": [short_name(*each) for each in names],
        "Part": rows["part"].tolist(),
        "Films": rows["images"].tolist(),
        "Score": [f"{score:.3f}" for score in rows["score"]],
        "Verdict": rows["verdict"].astype(bool).map(words).tolist(),
        "Label": [
            f"{marks[label]} {CORRECTED}" if key in corrected else marks[label]
            for key, label in labels
        ],
        "Patient": [overlap.mark for overlap in rows["acquaintance"]],
    }
    for name, empty in (("Part", "unknown"), ("Films", 1), ("Patient", "")):
        if set(columns[name]) == {empty}:
            del columns[name]
    ink = {True: f"color: {theme.colour('fracture')}", False: f"color: {theme.colour('none')}"}
    shown = pd.DataFrame(columns).style.map(
        lambda word: ink[word.startswith(theme.FRACTURE)], subset=["Verdict", "Label"]
    )
    shown = shown.map(
        lambda word: f"color: {theme.colour('error')}" if word.startswith("✗") else "",
        subset=["Result"],
    )
    event = st.dataframe(
        shown,
        height=min(HEIGHT, 38 + 35 * len(rows)),
        hide_index=True,
        key=f"{state.TABLE}-{which}",  # another list begins with nothing selected
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            name: st.column_config.Column(width=WIDTHS[name], help=HELP.get(name))
            for name in columns
        },
    )
    return event["selection"]["rows"]


def _films(
    result: Evaluation, dataset: Dataset | None, row: "pd.Series[Any]", corrected: bool
) -> None:
    """The films of a study with their probabilities, and links to other pages."""
    name = short_name(row["patient"], row["study"], row["part"])
    verdict, label = theme.mark(bool(row["verdict"])), theme.mark(bool(row["label"]))
    by_hand = " (corrected)" if corrected else ""
    st.markdown(f"**{theme.plain(name)}**: predicted {verdict}, label {label}{by_hand}")
    if dataset is None:
        st.caption("These films are of a data set that is not in use.")
        return
    films = result.films[catalog.study_key(result.films) == row["key"]]
    grid = st.grid(min(3, len(films)), min_column_width=120)
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
            st.markdown(f":small[{file}: {film.probability:.3f} {theme.mark(positive)}]")
    with st.container(horizontal=True):
        link("pages/studies.py", "Open in Studies", row["key"], dataset.hash)
        link("pages/diagnose.py", "Open in Diagnose", row["key"], dataset.hash)
        selection.tick(row["key"], "", "line")


def link(page: str, label: str, key: str, data_hash: str) -> None:
    """Draw a link to a study on another page."""
    st.page_link(
        page,
        label=label,
        icon=":material/arrow_forward:",
        query_params=tab_data.address(key, data_hash),
    )
