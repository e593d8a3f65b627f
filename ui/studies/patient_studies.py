"""All studies of one patient side by side, across parts and labels, each a link to the study."""

import pandas as pd
import streamlit as st

from fracture_core.datasets.catalog import Dataset
from fracture_core.words import plural, short
from ui.cache import film_cache, study_cache
from ui.shared import film_links, theme
from ui.studies import quiz, selection, selection_bar, wall

WIDTH = 250  # px of a card


def show(data: Dataset, studies: pd.DataFrame, name: str) -> None:
    """Draw the patient's studies in the data's order: by split, part and number.

    Args:
        data: the data set in use.
        studies: all its studies, see `study_cache.studies`.
        name: of the patient in the data.
    """
    st.button("All studies", icon=":material/grid_view:", shortcut="Esc", on_click=_back)
    own = studies[studies["patient"] == name]
    if own.empty:
        st.warning(
            f"The data in use ({theme.plain(data.root.name)}) has no patient "
            f"{theme.plain(short(name))}. "
            "Go back to all studies, or choose this patient's data set on the Data page."
        )
        return
    st.title(theme.plain(quiz.name(next(own.itertuples()))), anchor=False)
    parts, labels = own["part"].nunique(), own["label"].nunique()
    facts = [plural(len(own), "study"), plural(int(own["views"].sum()), "film")]
    if parts > 1:
        facts.append(plural(parts, "body part"))
    if not any(quiz.hides(key) for key in own["key"]):
        facts.append("mixed labels" if labels > 1 else theme.mark(bool(own["label"].iloc[0])))
    st.markdown(", ".join(facts))
    st.caption("A label belongs to a study, never to a patient.")
    predictions = study_cache.study_predictions()
    pictures = film_cache.cards_of(wall.card_requests(data, own))
    selected = frozenset(selection.current())
    with st.container(horizontal=True, gap="small", key="patient"):
        for study, picture in zip(own.itertuples(), pictures, strict=True):
            with st.container(width=WIDTH):
                wall.show_card(study, picture, predictions, selected)
        film_links.follow_clicks()
    selection_bar.show(data)
    wall.paint_missing(data, own, pictures)


def _back() -> None:
    wall.open_patient("")
