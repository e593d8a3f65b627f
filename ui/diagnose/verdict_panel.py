"""The verdict on a study: one sentence, its films with their scores, and the model's accuracy."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import streamlit as st

from fracture_core.errors import FilmError
from fracture_core.models import caveats
from fracture_core.models.cards import Model
from fracture_core.models.study_prediction import FilmPrediction, StudyPrediction
from fracture_core.verdicts import aggregation
from fracture_core.verdicts.metrics import Proportion
from fracture_core.words import duration, short
from ui.cache import film_cache, prediction_cache, study_cache
from ui.components import film_viewer
from ui.components.film_viewer import Frame, StrokesByFilm
from ui.diagnose import doubts, explanation
from ui.diagnose.intake import StudyInput
from ui.shared import figures, file_reasons, pictures, theme
from ui.shell import state, tab_data

UNNOTICED = 0.4  # s; longer predictions show their progress
POLL_SECONDS = 0.5  # while the network is being loaded
NAMED = 3  # films that the sentence names before it counts the others
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
    film_viewer.show(frames, viewer_key(study))


def viewer_key(study: StudyInput) -> str:
    """Return the viewer's key of these films: others begin whole and with nothing erased."""
    if study.key:  # the same key in other data is another study
        return f"{study.data_hash} {study.key}"
    return " ".join(key for _, key in study.films)


def predict_all(studies: Sequence[StudyInput], reference: str) -> list[StudyPrediction]:
    """Predict some studies, see `prediction`; show progress if that takes long."""
    progress, began = st.empty(), time.monotonic()
    predictions, before, total = [], 0, sum(len(study.films) for study in studies)

    def report(films: int) -> None:
        if (passed := time.monotonic() - began) < UNNOTICED:
            return
        done = before + films
        left = f", {duration(passed / done * (total - done))} left" if done else ""
        words = f"{done:,} of {total:,} films{left}"
        progress.progress(done / max(1, total), f"Predicting {theme.plain(study.study)}: {words}")

    for study in studies:
        predictions.append(prediction(study, reference, report=report))
        before += len(study.films)
    progress.empty()
    return predictions


def prediction(
    study: StudyInput,
    reference: str,
    erased: StrokesByFilm | None = None,
    report: Callable[[int], None] | None = None,
) -> StudyPrediction:
    """Predict a study, with films inverted and doubted films counted as the person has ticked.

    Args:
        study: its films.
        reference: of the model.
        erased: strokes of the eraser; by default the films are whole.
        report: called now and then with the number of films predicted so far.
    """
    key = viewer_key(study)
    turned = doubts.inverted(key)
    result = prediction_cache.predict(reference, study.films, study.sources, erased, turned, report)
    return doubts.counted(result, key)


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


def show(
    study: StudyInput, reference: str, model: Model, judged: StudyPrediction, threshold: float
) -> None:
    """Show caveats, the verdict in one large sentence, and refused files."""
    if sentences := caveats.warnings(model, threshold, study.real):
        lines = "\n\n".join(theme.plain(sentence) for sentence in sentences)
        st.warning(lines, icon=":material/warning:")
    st.title(_sentence(study, judged, threshold), anchor=False)
    st.markdown(_detail(study, reference, judged, threshold))
    count = theme.plural(len(judged.refused), "file")
    file_reasons.show(judged.refused, f"{count} refused")
    if study.key:
        st.page_link(
            "pages/studies.py",
            label="Open in Studies",
            query_params=tab_data.address(study.key, study.data_hash),
        )


def _sentence(study: StudyInput, judged: StudyPrediction, threshold: float) -> str:
    verdict = judged.verdict(threshold)
    names = [theme.plain(name) for name in judged.deciding(threshold)]
    if len(names) > NAMED + 1:
        names = [*names[:NAMED], theme.plural(len(names) - NAMED, "other film")]
    patient = theme.plain(study.patient) if study.patient else None
    counts = len(judged.probabilities), len(judged.refused), len(judged.doubted)
    name = theme.plain(study.study)
    positive = len(judged.deciding(threshold))
    words = aggregation.sentence(verdict, name, patient, names, *counts, positive)
    mark = {True: f":orange[{theme.FRACTURE}] ", False: f":blue[{theme.NO_FRACTURE}] ", None: ""}
    return mark[verdict] + words


def _detail(study: StudyInput, reference: str, judged: StudyPrediction, threshold: float) -> str:
    """Numbers of films, the highest score, and the label of a study of the data set."""
    words = []
    if judged.altered:
        count = len(judged.altered)
        were = "was" if count == 1 else "were"
        words.append(f"**{theme.plural(count, 'film')} {were} altered by hand.**")
    counted = [film for film in judged.films if film.counted]
    if counted:
        top = max(counted, key=lambda film: film.probability)
        count = len(judged.deciding(threshold))
        that = "film that counts" if len(counted) == 1 else "films that count"
        those = f"{len(counted)} {that}" if judged.doubted else theme.plural(len(counted), "film")
        words.append(
            f"{count} of {those} above the threshold of "
            f"{threshold:.2f}; the highest is {theme.plain(top.name)} with {top.probability:.3f}."
        )
    verdict = judged.verdict(threshold)
    if study.label is not None and verdict is not None:
        result = f"so the verdict is {'right' if verdict == bool(study.label) else 'wrong'}"
        if judged.altered:
            result = "of the unaltered films: this verdict is neither right nor wrong by it"
        words.append(f"Its label in the data: {theme.mark(bool(study.label))}, {result}.")
        if overlap := study_cache.training_overlap(reference, study.patient).words:
            words.append(f"**{overlap}**")
    if study.key and not study.real:
        words.append(theme.synthetic_badge())
    return " ".join(words)


def films(
    study: StudyInput, reference: str, model: Model, judged: StudyPrediction, threshold: float
) -> dict[str, dict[str, bytes]]:
    """Draw the films in the viewer, each with its score, the network's input, and heat maps.

    Returns:
        The heat maps shown: name of a film -> name of a map -> PNG bytes.
    """
    content = {
        name: (key, source) for (name, key), source in zip(study.films, study.sources, strict=True)
    }
    shown = judged.films
    if len(shown) > PAGE:
        number = st.pagination(-(-len(shown) // PAGE), key=state.FILM_PAGE)
        shown = shown[(number - 1) * PAGE : number * PAGE]
    erased = film_viewer.strokes_of(viewer_key(study))
    turned = doubts.inverted(viewer_key(study))
    frames = []
    maps: dict[str, prediction_cache.Maps] = {}
    for film in shown:
        picture = _picture(film.name, content[film.name], erased, turned)
        frame = _frame(film, model, picture, threshold)
        if explanation.is_on(state.WHY):
            size = (picture.width, picture.height)
            maps[film.name] = prediction_cache.maps(reference, film.pixels, size)
            frame = replace(frame, maps=explanation.pictures(maps[film.name]))
        frames.append(frame)
    film_viewer.show(frames, viewer_key(study), erased)
    explanation.explain(maps)
    return {frame.name: frame.maps for frame in frames}


def _picture(
    name: str, content: tuple[str, pictures.Source], erased: StrokesByFilm, turned: tuple[str, ...]
) -> pictures.Picture:
    key, source = content
    return film_cache.picture(key, name, source, tuple(erased.get(name, ())), name in turned)


def _frame(
    film: FilmPrediction, model: Model, picture: pictures.Picture, threshold: float
) -> Frame:
    positive = bool(aggregation.is_positive(film.probability, threshold))
    word = f"{theme.FRACTURE} fracture" if positive else f"{theme.NO_FRACTURE} no fracture"
    note = f"score {film.probability:.3f}: {word}"
    if film.doubts:
        note += " · unreliable" if film.counted else " · unreliable, not counted"
    return Frame(
        name=film.name,
        film=picture,
        note=note,
        tone="fracture" if positive else "none",
        seen={model.card.recipe: pictures.network_picture(film.pixels)},
    )
