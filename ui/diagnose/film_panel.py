"""The films of a study in the viewer, each with its score, and before it is known without."""

import contextlib
from dataclasses import replace

import streamlit as st

from fracture_core.config.film_settings import PixelRecipe
from fracture_core.errors import FilmError
from fracture_core.films import images
from fracture_core.models.model import Model
from fracture_core.prediction.study_prediction import FilmPrediction
from fracture_core.verdicts import aggregation
from ui.cache import film_cache
from ui.components import film_viewer
from ui.components.film_viewer import Frame, Neighbours
from ui.diagnose import doubts, explanation, next_study, prediction_cache, second_model
from ui.diagnose.intake import StudyInput
from ui.diagnose.reading import Reading
from ui.diagnose.verdict_panel import Head
from ui.shared import pictures, theme
from ui.shell import state, tab_data

POLL_SECONDS = 0.5  # while the network is being loaded
PAGE = 8  # films shown at once, in one screen


def wait(head: Head, model: Model, study: StudyInput) -> None:
    """Show the films, where they stay, until the network is loaded and the page continues."""
    head.write("Loading the network", "A few seconds, once after a start of the server.")

    @st.fragment(run_every=POLL_SECONDS)
    def look() -> None:
        if prediction_cache.warm_up().done():
            st.rerun()

    frames = []
    for name, key, source in study.views[:PAGE]:
        with contextlib.suppress(FilmError):  # named with the verdict
            frames.append(_unread(name, key, source, model.card.recipe))
    with head.films:
        film_viewer.show(frames, study.viewer_key, {}, title=study.title)
    look()


def _unread(name: str, key: str, source: pictures.Source, recipe: PixelRecipe) -> Frame:
    """A film without a score, as large as it stands with one."""
    seen = pictures.network_picture(images.load(source, recipe, name))
    return Frame(name=name, film=film_cache.picture(key, name, source), seen={recipe: seen})


def show(
    reading: Reading, head: Head, neighbours: Neighbours | None, second: Reading | None = None
) -> dict[str, "prediction_cache.Maps"]:
    """Draw the films in the viewer, each with its score, the network's input, and heat maps.

    Args:
        reading: of the study.
        head: the viewer's place.
        neighbours: the way to other studies.
        second: of the study with a second model, whose scores stand beside.

    Returns:
        The heat maps shown, by the film's name.
    """
    study = reading.study
    content = {name: (key, source) for name, key, source in study.views}
    shown = _page(reading.prediction.films)
    _below(reading, neighbours)
    frames = []
    maps: dict[str, prediction_cache.Maps] = {}
    for film in shown:
        picture = _picture(film.name, content[film.name], reading)
        frame = _frame(film, picture, reading, second)
        if explanation.is_on(state.WHY):
            size = (picture.width, picture.height)
            maps[film.name] = prediction_cache.maps(reading.reference, film.pixels, size)
            frame = replace(frame, maps=explanation.pictures(maps[film.name]))
        frames.append(frame)
    with head.films:
        film_viewer.show(
            frames, study.viewer_key, reading.erased, title=study.title, neighbours=neighbours
        )
    return maps


def _below(reading: Reading, neighbours: Neighbours | None) -> None:
    """The row below the films: the switches, and the way to other studies."""
    study = reading.study
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        explanation.ask(reading.model)
        if study.key:
            st.space("stretch")
            if neighbours:
                next_study.buttons(neighbours)
            st.page_link(
                "pages/studies.py",
                label="Open in Studies",
                query_params=tab_data.address(study.key, study.data_hash),
            )


def _page(films: tuple[FilmPrediction, ...]) -> tuple[FilmPrediction, ...]:
    """The films of the page that is open, of many; the pages are chosen below the films."""
    if len(films) <= PAGE:
        return films
    number = st.pagination(-(-len(films) // PAGE), key=state.FILM_PAGE)
    return films[(number - 1) * PAGE : number * PAGE]


def _picture(name: str, content: tuple[str, pictures.Source], reading: Reading) -> pictures.Picture:
    key, source = content
    strokes = tuple(reading.erased.get(name, ()))
    return film_cache.picture(key, name, source, strokes, name in reading.inverted)


def _frame(
    film: FilmPrediction, picture: pictures.Picture, reading: Reading, second: Reading | None
) -> Frame:
    positive = bool(aggregation.is_positive(film.probability, reading.threshold))
    shape = theme.FRACTURE if positive else theme.NO_FRACTURE
    note = f"score {film.probability:.3f}: {shape} {'fracture' if positive else 'no fracture'}"
    note += second_model.note(film.name, second)
    if film.notes:
        note += f" · {pictures.brief(film.notes)}"
    spoken = ""
    if film.doubts:
        note += " · included by you" if film.counted else " · set aside"
        spoken = f"{note}: it {doubts.words(film)}"
    return Frame(
        name=film.name,
        film=picture,
        note=note,
        spoken=spoken,
        brief=f"{shape} {film.probability:.3f}",
        tone="fracture" if positive else "none",
        seen={reading.model.card.recipe: pictures.network_picture(film.pixels)},
    )
