"""The wall: one card a study, with all its views."""

import time

import pandas as pd
import streamlit as st

from fracture_core import cards
from fracture_core.config import whole_number
from fracture_core.datasets import Dataset
from ui import cached, facets, state, theme, turns

CARDS = 24  # a page: whole rows of two, three or four
POLL_SECONDS = 0.5  # between two looks at the cards that are still being made
PATIENCE_SECONDS = 2.0  # for all of them; then those that are there are drawn


def show(data: Dataset, found: pd.DataFrame, asked: facets.Wanted) -> None:
    """One page of cards of the studies found, and the way to the other pages."""
    pages = max(1, -(-len(found) // CARDS))
    page = _page(pages)
    shown = found.iloc[(page - 1) * CARDS : page * CARDS]
    with st.container(horizontal=True, vertical_alignment="center"):
        _count(data, found, shown, page)
        if pages > 1:  # above the films: a turned page is read from its top
            key = f"{state.PAGE} {asked}"  # other filters begin at their first page
            room = 44 * (min(pages, 7) + 4)  # px; at "content" it hides the numbers
            st.pagination(pages, default=page, key=key, width=room, on_change=_turn, args=(key,))
    drawn = cached.cards_of(cards_wanted(data, shown))
    judged = cached.judgements()  # once: it asks every model and run how it stands
    with st.grid("auto", min_column_width=205, key="wall") as grid:
        for study, picture in zip(shown.itertuples(), drawn, strict=True):
            with grid.cell():
                show_card(study, picture, judged)
    if not paint_missing(data, shown, drawn) and page < pages:
        after = found.iloc[page * CARDS : (page + 1) * CARDS]
        cached.paint(cards_wanted(data, after))  # turned to next, as a rule


def cards_wanted(data: Dataset, shown: pd.DataFrame) -> cached.Wanted:
    """What the studies' cards are made of."""
    colours = [theme.on_film(bool(label)) for label in shown["label"]]
    paths = [film_paths(data, study) for study in shown.itertuples()]
    return list(zip(paths, colours, strict=True))


def paint_missing(data: Dataset, shown: pd.DataFrame, drawn: list[bytes | None]) -> bool:
    """Have the missing cards made, and draw the page anew once they are, or after a while with
    those that are by then; gives whether any are missing. Where none is, nothing looks."""
    wanted, missing, began = cards_wanted(data, shown), drawn.count(None), time.monotonic()

    def look() -> None:
        left = cached.cards_of(wanted).count(None)
        if not left or (left < missing and time.monotonic() - began > PATIENCE_SECONDS):
            st.rerun()

    if missing:
        st.fragment(turns.in_turn(look), run_every=POLL_SECONDS, key="cards")()
        cached.paint(wanted)
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


def verdict(key: str, judged: cached.Judgements | None, long: bool = False) -> str:
    """What the model in use said of a study, right or wrong, as Markdown; "" where it did not and
    that need not be said.

    Args:
        key: the study's.
        judged: `cached.judgements`.
        long: as a sentence, which also says that there is none.
    """
    if judged is None or key not in judged.verdicts:
        if not long:
            return ""
        name = theme.plain(cached.model_in_use())
        return f"Not judged: {name} has no number on these films yet."
    right = ":green[✓ right]" if judged.results[key] else ":red[✗ wrong]"
    if not long:
        return right
    said = theme.mark(judged.verdicts[key])
    return f"Verdict of {theme.plain(judged.model)}: {said}, {right} by the label."


def _count(data: Dataset, found: pd.DataFrame, shown: pd.DataFrame, page: int) -> None:
    first = (page - 1) * CARDS + 1
    which = "" if len(shown) == len(found) else f", {first:,} to {first + len(shown) - 1:,} shown"
    films = theme.plural(int(found["views"].sum()), "film")
    with st.container(gap=None):
        st.markdown(f"**{theme.plural(len(found), 'study')}**, {films}{which}")
        st.caption(cards.label_meaning(vars(data)))


def show_card(study: tuple, picture: bytes | None, judged: cached.Judgements | None) -> None:
    """One study: its films, its label, whose it is, and the button that opens it.

    Args:
        study: a row of `cached.studies`.
        picture: its card; `None` while it is made.
        judged: `cached.judgements`.
    """
    with st.container(border=True, gap="xsmall"):
        picture = picture or cached.empty_card(theme.on_film(bool(study.label)))
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
