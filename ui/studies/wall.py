"""The wall: one card per study, with all its views."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import FractureError
from fracture_core.models import model_card
from fracture_core.prediction.training_patients import TrainingOverlap
from fracture_core.reports import page_receipts
from fracture_core.words import plural, short, whole_number
from ui.cache import film_cache, model_cache, study_cache
from ui.components import announcement
from ui.shared import film_links, receipt, theme
from ui.shell import state, turns
from ui.studies import facets, quiz, selection, selection_bar

CARDS = 27  # per page: with the place of the choices whole rows of two, three or five
CHOICES_ROWS = 3  # of cards, beside which the choices stand; below them the wall goes on
CARD_PX = 205  # least width of a card
POLL_SECONDS = 0.5  # between two checks of the cards that are still being made
PATIENCE_SECONDS = 2.0  # for all cards; after that the finished ones are drawn


def show(
    data: Dataset,
    studies: pd.DataFrame,
    filters: facets.Filters,
    choices: Callable[[], None],
    empty: Callable[[], None],
) -> None:
    """Draw one page of cards of the matching studies, and the way to the other pages.

    Args:
        data: the data set in use.
        studies: the matching ones.
        filters: that they match.
        choices: draws the facets, in the place of the first cards.
        empty: draws what stands in for cards where no study matches.
    """
    pages = max(1, -(-len(studies) // CARDS))
    page = _page(pages)
    shown = studies.iloc[(page - 1) * CARDS : page * CARDS]
    with st.container(horizontal=True, vertical_alignment="center"):
        _count(data, studies, shown, page)
        film_links.follow_clicks()
        selection.offer(studies["key"], "", "wall")
        receipt.offer("counts", lambda: page_receipts.of_data(data))
        selection_bar.saved(data)
        if pages > 1:  # above the films: a turned page is read from its top
            key = f"{state.PAGE} {filters}"  # other filters begin at their first page
            room = 44 * (min(pages, 7) + 4)  # px; at "content" it hides the numbers
            st.pagination(pages, default=page, key=key, width=room, on_change=_turn, args=(key,))
    drawn = film_cache.cards_of(card_requests(data, shown))
    predictions = study_cache.study_predictions()  # once: it reads the state of every model and run
    selected = frozenset(selection.current())
    with st.grid("auto", min_column_width=CARD_PX, key="wall") as grid:
        with grid.cell(row_span=CHOICES_ROWS):
            choices()
        for study, picture in zip(shown.itertuples(), drawn, strict=True):
            with grid.cell():
                show_card(study, picture, predictions, selected)
        if not len(studies):
            with grid.cell(column_span=2):
                empty()
    selection_bar.show(data)
    if not paint_missing(data, shown, drawn) and page < pages:
        after = studies.iloc[page * CARDS : (page + 1) * CARDS]
        film_cache.paint(card_requests(data, after))  # usually opened next


def card_requests(data: Dataset, shown: pd.DataFrame) -> film_cache.CardRequests:
    """Return (films, label's colour) of the studies' cards."""
    colours = [_colour(study) for study in shown.itertuples()]
    paths = [film_paths(data, study) for study in shown.itertuples()]
    return list(zip(paths, colours, strict=True))


def _colour(study: Any) -> str:
    """The label's colour on a card, or that of a hidden one."""
    return theme.HIDDEN if quiz.hides(study.key) else theme.on_film(bool(study.label))


def paint_missing(data: Dataset, shown: pd.DataFrame, drawn: list[bytes | None]) -> bool:
    """Make the missing cards and rerun the page once they are done, or after `PATIENCE_SECONDS`.

    Returns:
        Whether any are missing; only then the page polls.
    """
    requests, missing, began = card_requests(data, shown), drawn.count(None), time.monotonic()

    def look() -> None:
        left = film_cache.cards_of(requests).count(None)
        if not left or (left < missing and time.monotonic() - began > PATIENCE_SECONDS):
            st.rerun()

    if missing:
        st.fragment(turns.in_turn(look), run_every=POLL_SECONDS, key="cards")()
        film_cache.paint(requests)
    return bool(missing)


def film_paths(data: Dataset, study: Any) -> tuple[Path, ...]:
    """Return the files of a study, a row of `study_cache.studies`, in the order of its views."""
    rows = data.manifest["path"].iloc[study.first : study.first + study.views]
    return tuple(data.root / path for path in rows)


def open_study(key: str) -> None:
    """Show this study instead of the wall; an empty key goes back to the wall."""
    st.session_state[state.BREAK] = False  # each study opens without the answer
    state.put(state.COMPARED, "")
    state.put(state.STUDY, key)


def open_patient(name: str) -> None:
    """Show all studies of a patient; an empty name goes back to the wall."""
    state.put(state.PERSON, name)
    state.put(state.STUDY, "")


def verdict(key: str, predictions: study_cache.StudyPredictions | None, long: bool = False) -> str:
    """Format the verdict of the model in use on a study, and whether it is right, as Markdown.

    Args:
        key: the study's.
        predictions: `study_cache.study_predictions`.
        long: as a sentence, which also says that there is no prediction; else "" for none.
    """
    if predictions is None or key not in predictions.verdicts:
        return _no_prediction(key) if long else ""
    right = ":green[✓ right]" if predictions.results[key] else ":red[✗ wrong]"
    overlap = study_cache.training_overlap(predictions.model, _patient(key))
    if not long:
        return f"{right}, {overlap.mark}" if overlap.mark else right
    mark = theme.mark(predictions.verdicts[key])
    words = f"Verdict of {theme.plain(predictions.model)}: {mark}, {right} by the label."
    return f"{words} {overlap.words}" if overlap.words else words


def _no_prediction(key: str) -> str:
    used = model_cache.model_in_use()
    if not used:
        return "No prediction: no model is in use."
    name = theme.plain(short(used))
    if not model_cache.is_model(used):
        return f"No prediction: the model {name} no longer exists."
    words = f"{name} has not scored this study yet."
    try:
        overlap = study_cache.training_overlap(used, _patient(key))
    except FractureError:  # its card or films are incomplete: the pages that pick it report it
        return words
    return f"{words} {overlap.words}" if overlap is TrainingOverlap.TRAINED else words


def _patient(key: str) -> str:
    return key.split("/")[2]


def _count(data: Dataset, studies: pd.DataFrame, shown: pd.DataFrame, page: int) -> None:
    first, last = (page - 1) * CARDS + 1, (page - 1) * CARDS + len(shown)
    section = "" if len(shown) == len(studies) else f", {first:,} to {last:,} shown"
    films = plural(int(studies["views"].sum()), "film")
    count = plural(len(studies), "study")
    with st.container(gap=None):
        spoken = f"Studies found: {len(studies):,}, with {films}{section}"
        announcement.show(spoken, "announcement")
        st.markdown(f"**{count}**, {films}{section}")
        st.caption(theme.plain(model_card.label_meaning(vars(data))))


def show_card(
    study: Any,
    picture: bytes | None,
    predictions: study_cache.StudyPredictions | None,
    selected: frozenset[str],
) -> None:
    """Draw one study: its films, label, prediction and names, and the button that opens it.

    Args:
        study: a row of `study_cache.studies`.
        picture: its card; `None` while it is made.
        predictions: `study_cache.study_predictions`.
        selected: keys of the selected studies.
    """
    with st.container(border=True, gap="xsmall", key=film_links.key(study.key)):
        picture = picture or film_cache.empty_card(_colour(study))
        st.image(picture, width="stretch", alt=f"The films of {describe(study)}")
        result = "" if quiz.hides(study.key) else verdict(study.key, predictions)
        st.markdown(f"{quiz.mark(study)} :small[{result}]")
        # Its label names the study: a screen reader lists the buttons of a page without the cards.
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            selection.tick(study.key, describe(study), selected=selected)
            st.button(
                f"Open :small[{theme.plain(short(_name(study)))}]",
                key=f"open-{study.key}",
                type="tertiary",
                on_click=open_study,
                args=(study.key,),
            )
        st.caption(theme.plain(_place(study)))


def describe(study: Any) -> str:
    """Describe a study in words: "patient00017, study1, humerus, train, 3 views"."""
    return f"{_name(study)}, {_place(study)}"


def _name(study: Any) -> str:
    """Return the names of a study; in class folders only the file's name is known."""
    return f"{study.patient}, {study.study}" if study.names_patient else quiz.name(study)


def _place(study: Any) -> str:
    place = [] if study.part == "unknown" else [study.part]
    return ", ".join([*place, study.split, plural(study.views, "view")])


def _page(pages: int) -> int:
    """The page in the address, or the nearest one that exists."""
    page = whole_number(st.query_params.get(state.PAGE, "1"))
    return 1 if page is None else min(max(page, 1), pages)


def _turn(key: str) -> None:
    page = st.session_state[key]
    state.put(state.PAGE, "" if page == 1 else str(page))
