"""The wall: one card a study, with all its views."""

import time

import pandas as pd
import streamlit as st

from fracture_core.config import whole_number
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import FractureError
from fracture_core.models import cards
from fracture_core.models.training_patients import TrainingOverlap
from fracture_core.words import short
from ui.cache import film_cache, model_cache, study_cache
from ui.shared import theme
from ui.shell import state, turns
from ui.studies import facets

CARDS = 24  # a page: whole rows of two, three or four
CARD = "card-"  # begins the key of a card, and so a class that the browser knows it by
_CLICKS = """
if (!document.cardsAreOpened) {
    document.cardsAreOpened = true;
    document.addEventListener("click", (event) => {
        const card = event.target.closest("img") && event.target.closest("[class*='st-key-card-']");
        card?.querySelector("[class*='st-key-open-'] button")?.click();
    });
}
"""
POLL_SECONDS = 0.5  # between two looks at the cards that are still being made
PATIENCE_SECONDS = 2.0  # for all of them; then those that are there are drawn


def show(data: Dataset, found: pd.DataFrame, asked: facets.Filters) -> None:
    """One page of cards of the studies found, and the way to the other pages."""
    pages = max(1, -(-len(found) // CARDS))
    page = _page(pages)
    shown = found.iloc[(page - 1) * CARDS : page * CARDS]
    with st.container(horizontal=True, vertical_alignment="center"):
        _count(data, found, shown, page)
        open_by_click()
        if pages > 1:  # above the films: a turned page is read from its top
            key = f"{state.PAGE} {asked}"  # other filters begin at their first page
            room = 44 * (min(pages, 7) + 4)  # px; at "content" it hides the numbers
            st.pagination(pages, default=page, key=key, width=room, on_change=_turn, args=(key,))
    drawn = film_cache.cards_of(card_requests(data, shown))
    judged = study_cache.study_predictions()  # once: it asks every model and run how it stands
    with st.grid("auto", min_column_width=205, key="wall") as grid:
        for study, picture in zip(shown.itertuples(), drawn, strict=True):
            with grid.cell():
                show_card(study, picture, judged)
    if not paint_missing(data, shown, drawn) and page < pages:
        after = found.iloc[page * CARDS : (page + 1) * CARDS]
        film_cache.paint(card_requests(data, after))  # turned to next, as a rule


def card_requests(data: Dataset, shown: pd.DataFrame) -> film_cache.CardRequests:
    """What the studies' cards are made of."""
    colours = [theme.on_film(bool(label)) for label in shown["label"]]
    paths = [film_paths(data, study) for study in shown.itertuples()]
    return list(zip(paths, colours, strict=True))


def paint_missing(data: Dataset, shown: pd.DataFrame, drawn: list[bytes | None]) -> bool:
    """Have the missing cards made, and draw the page anew once they are, or after a while with
    those that are by then; gives whether any are missing. Where none is, nothing looks."""
    wanted, missing, began = card_requests(data, shown), drawn.count(None), time.monotonic()

    def look() -> None:
        left = film_cache.cards_of(wanted).count(None)
        if not left or (left < missing and time.monotonic() - began > PATIENCE_SECONDS):
            st.rerun()

    if missing:
        st.fragment(turns.in_turn(look), run_every=POLL_SECONDS, key="cards")()
        film_cache.paint(wanted)
    return bool(missing)


def film_paths(data: Dataset, study: tuple) -> tuple:
    """The files of a study's films, in the order of its views."""
    rows = data.manifest["path"].iloc[study.first : study.first + study.views]
    return tuple(data.root / path for path in rows)


def open_study(key: str) -> None:
    """Show this study instead of the wall; an empty key goes back to it."""
    st.session_state[state.BREAK] = False  # every study first without the answer
    state.put(state.STUDY, key)


def open_patient(name: str) -> None:
    """Show all studies of a patient; an empty name goes back to the wall."""
    state.put(state.PERSON, name)
    state.put(state.STUDY, "")


def verdict(key: str, judged: study_cache.StudyPredictions | None, long: bool = False) -> str:
    """What the model in use said of a study, right or wrong, as Markdown; "" where it did not and
    that need not be said.

    Args:
        key: the study's.
        judged: `study_cache.study_predictions`.
        long: as a sentence, which also says that there is none.
    """
    if judged is None or key not in judged.verdicts:
        return _not_judged(key) if long else ""
    right = ":green[✓ right]" if judged.results[key] else ":red[✗ wrong]"
    known = study_cache.training_overlap(judged.model, _patient(key))
    if not long:
        return f"{right}, {known.mark}" if known.mark else right
    said = theme.mark(judged.verdicts[key])
    words = f"Verdict of {theme.plain(judged.model)}: {said}, {right} by the label."
    return f"{words} {known.words}" if known.words else words


def _not_judged(key: str) -> str:
    used = model_cache.model_in_use()
    if not used:
        return "Not judged: no model is in use."
    name = theme.plain(short(used))
    if not model_cache.is_model(used):
        return f"Not judged: no model is called {name} any more."
    words = f"Not judged: {name} has no number on these films yet."
    try:
        known = study_cache.training_overlap(used, _patient(key))
    except FractureError:  # its card or films are not whole: where it is picked that is said
        return words
    return f"{words} {known.words}" if known is TrainingOverlap.TRAINED else words


def _patient(key: str) -> str:
    return key.split("/")[2]


def _count(data: Dataset, found: pd.DataFrame, shown: pd.DataFrame, page: int) -> None:
    first = (page - 1) * CARDS + 1
    which = "" if len(shown) == len(found) else f", {first:,} to {first + len(shown) - 1:,} shown"
    films = theme.plural(int(found["views"].sum()), "film")
    with st.container(gap=None):
        st.markdown(f"**{theme.plural(len(found), 'study')}**, {films}{which}")
        st.caption(theme.plain(cards.label_meaning(vars(data))))


def show_card(
    study: tuple, picture: bytes | None, judged: study_cache.StudyPredictions | None
) -> None:
    """One study: its films, its label, whose it is, and the button that opens it.

    Args:
        study: a row of `study_cache.studies`.
        picture: its card; `None` while it is made.
        judged: `study_cache.study_predictions`.
    """
    with st.container(border=True, gap="xsmall", key=f"{CARD}{study.key}"):
        picture = picture or film_cache.empty_card(theme.on_film(bool(study.label)))
        st.image(picture, width="stretch", alt=f"The films of {study.key}")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            words = f"{theme.mark(bool(study.label))} :small[{verdict(study.key, judged)}]"
            st.markdown(words, width="stretch")
            st.button(
                "Open",
                key=f"open-{study.key}",
                icon=":material/open_in_full:",
                type="tertiary",
                on_click=open_study,
                args=(study.key,),
            )
        st.caption(theme.plain(describe(study)))


def open_by_click() -> None:
    """A click on a card's films presses its button; once a page, in a row, where it takes no room.

    Streamlit's own pictures can only lead to an address, in another tab and so another session.
    """
    st.html(f"<style>[class*='st-key-{CARD}'] img {{ cursor: pointer }}</style>")
    st.html(f"<script>{_CLICKS}</script>", unsafe_allow_javascript=True, width="content")


def describe(study: tuple) -> str:
    """Whose study it is: "patient00017, study1, humerus, train, 3 views"."""
    names = [study.patient, study.study, study.part, study.split]
    if study.part == "unknown":  # class folders: the file's name is all that is known
        names = [study.patient, study.split]
    return ", ".join([*names, theme.plural(study.views, "view")])


def _page(pages: int) -> int:
    """The page that the address asks for; the nearest one if there is none such."""
    asked = whole_number(st.query_params.get(state.PAGE, "1"))
    return 1 if asked is None else min(max(asked, 1), pages)


def _turn(key: str) -> None:
    page = st.session_state[key]
    state.put(state.PAGE, "" if page == 1 else str(page))
