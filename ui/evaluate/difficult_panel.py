"""Difficult studies as walls of films: errors, disputes, forgotten studies, labels in doubt.

Below them the model's figures by difficulty, which other runs on the same data have measured.
"""

from typing import Any

import pandas as pd
import streamlit as st

from fracture_core.datasets.catalog import Dataset
from fracture_core.difficult_studies import error_lists, label_doubts, training_dynamics
from fracture_core.difficult_studies.error_lists import TITLES
from fracture_core.errors import RunError
from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.models.model import Model
from fracture_core.verdicts import estimates, figure_words
from fracture_core.words import plural
from ui.cache import film_cache, run_cache, study_cache
from ui.evaluate import curation, difficulty_cache, study_lines
from ui.shared import figures, film_links, theme
from ui.shell import state
from ui.studies import wall

CARDS, CARD_PX = 12, 205  # of a page of a wall
FIGURES = ("accuracy", "sensitivity", "specificity", "auroc")  # by difficulty
HELP = {
    "missed": "Missed fractures, those that the model is most certain of first.",
    "alarms": "False alarms, those that the model is most certain of first.",
    "disputed": "Studies whose films are on both sides of the threshold, widest apart first.",
    "forgotten": "Studies that the run got right and later wrong again, most often first.",
    "labels": "The runs on these data, which were not trained on the study, agree on the other "
    "label (confident learning). A person must look: models share their mistakes.",
}
BY_LABELS = ("missed", "alarms", "forgotten", "labels")  # lists that another label would change
NOT_KEPT = (
    "A run keeps the scores of its dev and valid studies only, and no run here has any of these. "
    "Pick a run, and its dev or valid films, at the top of the page."
)


def show(result: Evaluation, model: Model) -> None:
    """Draw the lists behind a fold."""
    fold = st.expander(
        "Difficult studies, and labels in doubt", key=state.DIFFICULT, on_change="rerun"
    )
    if not fold.open:
        return
    with fold:
        kind = st.segmented_control(
            "Difficult studies",
            list(TITLES),
            default="missed",
            required=True,
            format_func=TITLES.__getitem__,
            key=state.DIFFICULT_KIND,
            label_visibility="collapsed",
        )
        labels = _labels(result) if kind in BY_LABELS else ""
        st.caption(f"{HELP[kind]}{labels}")
        listed = _listed(kind, result, model)
        if listed is not None:
            corrected = set(curation.corrected_for(result).items)
            _wall(listed, kind, study_lines.dataset_of(result), corrected)
        _by_difficulty(result, model)


def _listed(kind: str, result: Evaluation, model: Model) -> pd.DataFrame | None:
    """The studies of a list, the most striking first; `None` and a sentence where it has none."""
    n = len(result.studies())
    if kind in ("missed", "alarms"):
        table = error_lists.wrong(result.films, result.threshold, kind)
    elif kind == "disputed":
        table = error_lists.disputed(result.films, result.threshold)
    else:
        n, told = _forgotten(result, model) if kind == "forgotten" else _doubted(result)
        if told is None:
            return None
        table = told
    if table.empty:
        st.write(f"None of {plural(n, 'study')}: {TITLES[kind]}.")
        return None
    return table


def _forgotten(result: Evaluation, model: Model) -> tuple[int, pd.DataFrame | None]:
    """The forgotten among the evaluated studies that the model's run predicted, and their number;
    `None` and a sentence where the run cannot tell."""
    if not model.is_run:
        st.write("A released model keeps one epoch; pick a run to see what it has forgotten.")
        return 0, None
    try:
        run = run_cache.run_now(model.run)
        is_own = run.data.hash == result.data.get("hash")  # equal names elsewhere: other studies
        known, table = difficulty_cache.forgotten(run, _by_study(result) if is_own else {})
    except RunError as error:
        st.write(theme.plain(str(error)))
        return 0, None
    if not known:
        st.write(NOT_KEPT)
        return 0, None
    return known, table


def _doubted(result: Evaluation) -> tuple[int, pd.DataFrame | None]:
    """The evaluated studies whose label is in doubt, and of how many runs have a score."""
    runs = difficulty_cache.runs_on(str(result.data.get("hash")))
    tables = difficulty_cache.verdicts(runs, _by_study(result))
    if not tables:
        st.write(NOT_KEPT)
        return 0, None
    more = " Train other seeds for a firmer list." if len(tables) < 3 else ""
    st.caption(f"By {plural(len(tables), 'run')} on these data.{more}")
    return pd.concat(tables)["key"].nunique(), label_doubts.find(tables)


def _by_study(result: Evaluation) -> difficulty_cache.Labels:
    """The labels on the page, by which every list goes, whatever label a run was trained with."""
    studies = result.studies()
    return dict(zip(studies["key"], studies["label"].astype(int), strict=True))


def _labels(result: Evaluation) -> str:
    corrected = curation.corrected_for(result)
    return f" By the corrected labels (list {corrected.hash})." if corrected.items else ""


def _wall(listed: pd.DataFrame, kind: str, data: Dataset | None, corrected: set[str]) -> None:
    """A page of cards with films, each one click from its study; without films, a table."""
    if data is None:
        st.caption("These films are of a data set that is not in use.")
        table = listed[["key", "reason"]].rename(columns=str.capitalize)
        st.dataframe(table.rename(columns={"Key": "Study"}), hide_index=True, key="difficult-table")
        return
    rows = study_cache.studies().set_index("key", drop=False)
    listed = listed[listed["key"].isin(rows.index)]
    pages = max(1, -(-len(listed) // CARDS))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plural(len(listed), 'study')}**", width="content")
        page = 1
        if pages > 1:
            page = st.pagination(pages, key=f"{state.DIFFICULT_PAGE}-{kind}")
        film_links.follow_clicks()
    listed = listed.iloc[(page - 1) * CARDS : page * CARDS]
    # The wall of Studies always has the corrected labels; this page may go by those of the data.
    shown = rows.loc[listed["key"]].assign(label=listed["label"].to_numpy())
    drawn = film_cache.cards_of(wall.card_requests(data, shown))
    with st.grid("auto", min_column_width=CARD_PX, key="difficult-wall") as grid:
        cards = zip(shown.itertuples(), drawn, listed["reason"], strict=True)
        for study, picture, reason in cards:
            by_hand = " (corrected)" if study.key in corrected else ""
            with grid.cell():
                _card(study, picture, f"{by_hand}, {reason}", data)
    wall.paint_missing(data, shown, drawn)


def _card(study: Any, picture: bytes | None, words: str, data: Dataset) -> None:
    name = study_lines.short_name(study.patient, study.study, study.part)
    with st.container(border=True, gap="xsmall", key=film_links.key(f"difficult-{study.key}")):
        content = picture or film_cache.empty_card(theme.on_film(bool(study.label)))
        st.image(content, width="stretch", alt=f"The films of {name}{words}")
        st.markdown(f":small[label {theme.mark(bool(study.label))}{theme.plain(words)}]")
        study_lines.link("pages/studies.py", theme.plain(name), study.key, data.hash)


def _by_difficulty(result: Evaluation, model: Model) -> None:
    """The figures of easy, medium and hard studies beside those of all."""
    st.markdown("**Figures by difficulty**")
    run = model.run or str(model.card.training.get("run") or "").partition("@")[0]
    runs = difficulty_cache.runs_on(str(result.data.get("hash")), without=run)
    others = difficulty_cache.learned(runs, _by_study(result))
    table = training_dynamics.difficulty(others)
    levels = training_dynamics.by_level(result.films, result.threshold, table)
    if not levels:
        st.caption(
            "A study is hard if other runs on the same data fail on it, not this one alone. No "
            "other run has a score of these studies: train another seed."
        )
        return
    shown = _table(levels)
    numbers = figures.right_aligned(shown.columns[1:])
    st.dataframe(
        shown, hide_index=True, key="by-difficulty", height="content", column_config=numbers
    )
    words = "; ".join(f"{name}: {text}" for name, text in training_dynamics.LEVELS.items())
    epoch = table["epoch"].mean()
    when = "" if pd.isna(epoch) else f" They learn a study at epoch {epoch:.1f} on average."
    st.caption(
        f"By {plural(len(others), 'other run')} on these data ({plural(len(table), 'study')})."
        f"{_labels(result)} {words[0].upper()}{words[1:]}.{when} Intervals: {figures.LEVEL}, "
        "over patients."
    )


def _table(levels: dict[str, estimates.Levels]) -> pd.DataFrame:
    rows = []
    for name, figure in levels.items():
        studies = figure["studies"]
        row = {"Studies": name, "n": f"{studies['accuracy'].n:,}"}
        for each in FIGURES:
            value = figure_words.value(each, studies[each]) or figures.MISSING
            bounds = figure_words.interval(each, studies[each])
            row[figure_words.TITLES[each]] = f"{value} ({bounds})" if bounds else value
        rows.append(row)
    return pd.DataFrame(rows)
