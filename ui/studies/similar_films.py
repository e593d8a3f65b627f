"""Films like those of the open study, by the model in use: a study each, nearest first."""

from typing import Any

import pandas as pd
import streamlit as st

from fracture_core.datasets.catalog import Dataset
from fracture_core.neighbours import nearest_films
from fracture_core.neighbours.nearest_films import NearFilm
from fracture_core.neighbours.neighbours_job import Neighbours
from ui.cache import curation_cache, data_cache, film_cache, model_cache
from ui.shared import film_links, theme
from ui.shell import state, tab_data
from ui.studies import neighbours_start, quiz

WIDTH = 190  # px of a card


def show(data: Dataset, study: Any, studies: pd.DataFrame) -> None:
    """Draw the nearest studies of a film, closed at first.

    Args:
        data: the data set in use.
        study: the open one, a row of `study_cache.studies`.
        studies: all studies.
    """
    place = st.expander("Films like this one", key=state.SIMILAR, on_change="rerun")
    if not place.open:
        return
    with place:
        made = neighbours_start.ready(data)
        if made:
            _films(data, study, studies, made)


def _films(data: Dataset, study: Any, studies: pd.DataFrame, made: Neighbours) -> None:
    views = range(study.first, study.first + study.views)
    row = study.first
    with st.container(horizontal=True, vertical_alignment="center"):
        if study.views > 1:
            names = {n: data.manifest["path"].iloc[n].rsplit("/", 1)[-1] for n in views}
            row = st.segmented_control(
                "Film",
                list(views),
                format_func=lambda n: theme.plain(names[n]),
                default=study.first,
                required=True,
                key=f"{state.SIMILAR}-{study.key}",
                label_visibility="collapsed",
            )
        words = (
            f"By the last layer of {model_cache.model_in_use()}: what looks alike to this model, "
        )
        st.caption(theme.plain(f"{words}which may go by other things than a person would."))
        film_links.follow_clicks()
    families = data_cache.families(data.hash).families
    corrected = curation_cache.corrected(data.hash)
    near = nearest_films.nearest(
        data, made.features, row, made.typical, families, corrected=corrected
    )
    if not near:
        st.caption("This film could not be read, or there is no other study.")
        return
    by_key = {each.key: each for each in studies.itertuples()}
    with st.container(horizontal=True, gap="small", key="similar-films"):
        for number, film in enumerate(near):
            with st.container(width=WIDTH, gap="xsmall", key=film_links.key(f"similar-{number}")):
                _card(data, film, by_key[film.study])


def _card(data: Dataset, film: NearFilm, study: Any) -> None:
    """A film with its study's label and split, how near it is, and the way to its study."""
    name = film.path.rsplit("/", 1)[-1]
    if picture := film_cache.small(data.root / film.path):
        st.image(picture, width="stretch", alt=f"{name} of {quiz.name(study)}")
    st.markdown(quiz.mark(study))
    st.page_link(
        "pages/studies.py",
        label=theme.plain(quiz.name(study)),
        query_params=tab_data.address(film.study, data.hash),
    )
    place = film.split if study.part == "unknown" else f"{study.part}, {film.split}"
    st.caption(
        theme.plain(f"{film.words}; {place}"),
        help=f"At {100 * film.share:.0f} % of the typical distance between two films of these data "
        "(the median of random pairs, in the model's standardized features).",
    )
