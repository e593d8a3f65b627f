"""The verdict on a study: one sentence, its films with their scores, and the model's accuracy."""

import contextlib
from dataclasses import replace

import streamlit as st

from fracture_core.errors import FilmError
from fracture_core.models import caveats
from fracture_core.models.cards import Model
from fracture_core.models.study_prediction import FilmPrediction
from fracture_core.verdicts import aggregation, verdict_words
from fracture_core.verdicts.metrics import Proportion
from fracture_core.words import short
from ui.cache import film_cache, prediction_cache, study_cache
from ui.components import film_viewer
from ui.components.film_viewer import Frame
from ui.diagnose import explanation
from ui.diagnose.intake import StudyInput
from ui.diagnose.reading import Reading
from ui.shared import figures, file_reasons, pictures, theme
from ui.shell import state, tab_data

POLL_SECONDS = 0.5  # while the network is being loaded
PAGE = 6  # films shown at once, side by side


def wait(study: StudyInput) -> None:
    """Show the films until the network is loaded; then the page continues by itself."""

    @st.fragment(run_every=POLL_SECONDS)
    def look() -> None:
        if prediction_cache.warm_up().done():
            st.rerun()
        st.caption("Loading the network: a few seconds, once after a start.")
        st.skeleton(height=48)

    look()
    frames = []
    for (name, key), source in list(zip(study.films, study.sources, strict=True))[:PAGE]:
        with contextlib.suppress(FilmError):  # named with the verdict
            frames.append(Frame(name=name, film=film_cache.picture(key, name, source)))
    film_viewer.show(frames, study.viewer_key)


def threshold_slider(model: Model) -> float:
    """Draw the threshold slider, in the address; by default the card's own threshold."""
    own = float(model.card.threshold)
    in_address = st.query_params.get(state.THRESHOLD)
    if in_address is not None and not _is_share(in_address):
        st.warning(
            f"A threshold is a number from 0 to 1; received {theme.plain(short(in_address))}. "
            f"Using the model's own, {own:.2f}."
        )
    return st.slider(
        "Threshold",
        0.0,
        1.0,
        own,
        0.01,
        key=state.THRESHOLD,
        bind="query-params",
        help=f"A film is positive when its probability is greater. This model's own is {own:.2f}, "
        f"{theme.plain(model.card.threshold_origin)}.",
    )


def _is_share(text: str) -> bool:
    try:
        return 0.0 <= float(text) <= 1.0
    except ValueError:
        return False


def trust(model: Model, threshold: float) -> None:
    """Show sensitivity and specificity at this threshold, and the meaning of positive."""
    if len(model.judged):
        summaries = model.at_threshold(threshold)
        st.markdown(f"**On {summaries['studies'].n:,} dev studies at this threshold**")
        for level in ("studies", "images"):
            with st.container(horizontal=level == "studies"):
                for name in ("sensitivity", "specificity"):
                    _figure(level, name, getattr(summaries[level], name))
        st.caption(theme.plain(model.card.dev_words))
    else:
        st.caption(f"{theme.plain(model.card.no_dev_words)}, so its accuracy is unknown.")
    st.caption(f"{theme.plain(model.card.label_meaning)} Not a medical device.")


def _figure(level: str, name: str, value: Proportion) -> None:
    """A figure; that of studies is large, that of images small below it."""
    words = f"{figures.percent(value.value)} ({figures.with_interval(value)})"
    if level == "images":
        st.caption(f"Images: {name} {words}.")
        return
    with st.container(gap=None, width="content"):
        st.metric(name.capitalize(), figures.percent(value.value), width="content")
        st.caption(figures.with_interval(value))


def show(reading: Reading) -> None:
    """Show caveats, the verdict in one large sentence, and refused files."""
    study, refused = reading.study, reading.prediction.refused
    if sentences := caveats.warnings(reading.model, reading.threshold, study.real):
        lines = "\n\n".join(theme.plain(sentence) for sentence in sentences)
        st.warning(lines, icon=":material/warning:")
    st.title(_sentence(reading), anchor=False)
    st.markdown(_detail(reading))
    file_reasons.show(refused, f"{theme.plural(len(refused), 'file')} refused")
    if study.key:
        st.page_link(
            "pages/studies.py",
            label="Open in Studies",
            query_params=tab_data.address(study.key, study.data_hash),
        )


def _sentence(reading: Reading) -> str:
    study, prediction, verdict = reading.study, reading.prediction, reading.verdict
    deciding = prediction.deciding(reading.threshold)
    names = verdict_words.first([theme.plain(name) for name in deciding])
    patient = theme.plain(study.patient) if study.patient else None
    counts = len(prediction.probabilities), len(prediction.refused), len(prediction.doubted)
    name = theme.plain(study.study)
    words = verdict_words.sentence(verdict, name, patient, names, *counts, len(deciding))
    mark = {True: f":orange[{theme.FRACTURE}] ", False: f":blue[{theme.NO_FRACTURE}] ", None: ""}
    return mark[verdict] + words


def _detail(reading: Reading) -> str:
    """Numbers of films, the highest score, and the label of a study of the data set."""
    study, prediction = reading.study, reading.prediction
    words = []
    if prediction.altered:
        count = len(prediction.altered)
        were = "was" if count == 1 else "were"
        words.append(f"**{theme.plural(count, 'film')} {were} altered by hand.**")
    if counted := reading.counted:
        names = [theme.plain(film.name) for film in counted]
        scores, doubted = prediction.probabilities, bool(prediction.doubted)
        words.append(verdict_words.highest(names, scores, reading.threshold, doubted))
    if study.label is not None and reading.verdict is not None:
        mark, right = theme.mark(bool(study.label)), reading.verdict == bool(study.label)
        words.append(verdict_words.beside_label(mark, right, bool(prediction.altered)))
        if overlap := study_cache.training_overlap(reading.reference, study.patient).words:
            words.append(f"**{overlap}**")
    if study.key and not study.real:
        words.append(theme.synthetic_badge())
    return " ".join(words)


def films(reading: Reading) -> dict[str, dict[str, bytes]]:
    """Draw the films in the viewer, each with its score, the network's input, and heat maps.

    Returns:
        The heat maps shown: name of a film -> name of a map -> PNG bytes.
    """
    study, shown = reading.study, reading.prediction.films
    content = {
        name: (key, source) for (name, key), source in zip(study.films, study.sources, strict=True)
    }
    if len(shown) > PAGE:
        number = st.pagination(-(-len(shown) // PAGE), key=state.FILM_PAGE)
        shown = shown[(number - 1) * PAGE : number * PAGE]
    frames = []
    maps: dict[str, prediction_cache.Maps] = {}
    for film in shown:
        picture = _picture(film.name, content[film.name], reading)
        frame = _frame(film, picture, reading)
        if explanation.is_on(state.WHY):
            size = (picture.width, picture.height)
            maps[film.name] = prediction_cache.maps(reading.reference, film.pixels, size)
            frame = replace(frame, maps=explanation.pictures(maps[film.name]))
        frames.append(frame)
    name = f"{study.study} of {study.patient}" if study.patient else study.study
    film_viewer.show(frames, study.viewer_key, reading.erased, title=name)
    explanation.explain(maps)
    return {frame.name: frame.maps for frame in frames}


def _picture(name: str, content: tuple[str, pictures.Source], reading: Reading) -> pictures.Picture:
    key, source = content
    strokes = tuple(reading.erased.get(name, ()))
    return film_cache.picture(key, name, source, strokes, name in reading.inverted)


def _frame(film: FilmPrediction, picture: pictures.Picture, reading: Reading) -> Frame:
    positive = bool(aggregation.is_positive(film.probability, reading.threshold))
    word = f"{theme.FRACTURE} fracture" if positive else f"{theme.NO_FRACTURE} no fracture"
    note = f"score {film.probability:.3f}: {word}"
    if film.doubts:
        note += " · unreliable" if film.counted else " · unreliable, not counted"
    return Frame(
        name=film.name,
        film=picture,
        note=note,
        tone="fracture" if positive else "none",
        seen={reading.model.card.recipe: pictures.network_picture(film.pixels)},
    )
