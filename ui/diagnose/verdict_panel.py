"""The verdict on a study: one sentence, its films with their numbers, and how far to trust it."""

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
from fracture_core.words import duration, short
from ui.cache import film_cache, prediction_cache, study_cache
from ui.components import film_viewer
from ui.components.film_viewer import Frame, StrokesByFilm
from ui.diagnose import doubts, explanation
from ui.diagnose.intake import StudyInput
from ui.shared import figures, file_reasons, pictures, theme
from ui.shell import state, tab_data

UNNOTICED = 0.4  # s; what takes longer shows how far it is
POLL_SECONDS = 0.5  # between two looks at whether the network is there
NAMED = 3  # films that the sentence names before it counts the others
PAGE = 6  # films shown at once, side by side


def wait(asked: StudyInput) -> None:
    """Show the films until the network is there; the page goes on by itself."""

    @st.fragment(run_every=POLL_SECONDS)
    def look() -> None:
        if prediction_cache.warm_up().done():
            st.rerun()
        st.caption("Loads the network: a few seconds, once after a start.")
        st.skeleton(height=48)

    look()
    frames = []
    for (name, key), source in list(zip(asked.films, asked.sources, strict=True))[:PAGE]:
        with contextlib.suppress(FilmError):  # refused by name with the verdict
            frames.append(Frame(name=name, film=film_cache.picture(key, name, source)))
    film_viewer.show(frames, viewer_key(asked))


def viewer_key(asked: StudyInput) -> str:
    """What stands for these films in the viewer: others begin whole and with nothing erased."""
    if asked.key:  # the same key in other data is another study
        return f"{asked.data_hash} {asked.key}"
    return " ".join(key for _, key in asked.films)


def predict_all(studies: Sequence[StudyInput], reference: str) -> list[StudyPrediction]:
    """What a model says of some studies, see `judged`; how far it is shows if that takes long."""
    progress, began = st.empty(), time.monotonic()
    found, before, total = [], 0, sum(len(asked.films) for asked in studies)

    def tell(films: int) -> None:
        if (passed := time.monotonic() - began) < UNNOTICED:
            return
        done = before + films
        left = duration(passed / done * (total - done)) if done else "some time"
        words = f"{done:,} of {total:,} films are done, {left} left."
        progress.progress(done / max(1, total), f"Judges {theme.plain(asked.study)}: {words}")

    for asked in studies:
        found.append(prediction(asked, reference, tell=tell))
        before += len(asked.films)
    progress.empty()
    return found


def prediction(
    asked: StudyInput,
    reference: str,
    erased: StrokesByFilm | None = None,
    tell: Callable[[int], None] | None = None,
) -> StudyPrediction:
    """What a model says of a study, with black and white exchanged and doubted films counted as a
    person has asked for it.

    Args:
        asked: the study.
        reference: of the model.
        erased: what was brushed over; the films are whole if left out.
        tell: called now and then with how many films are judged.
    """
    key = viewer_key(asked)
    turned = doubts.inverted(key)
    found = prediction_cache.predict(reference, asked.films, asked.sources, erased, turned, tell)
    return doubts.counted(found, key)


def threshold_slider(model: Model) -> float:
    """The operating point, in the address; the card's own unless it was moved."""
    own = float(model.card.threshold)
    given = st.query_params.get(state.THRESHOLD)
    if given is not None and not _is_share(given):
        st.warning(
            f"A threshold is a number from 0 to 1; received {theme.plain(short(given))}. "
            f"The model's own, {own:.2f}, is used."
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
    """Sensitivity and specificity at this threshold, and what positive means."""
    if len(model.judged):
        found = model.at_threshold(threshold)
        st.markdown(f"**On {found['studies'].n:,} dev studies at this threshold**")
        for level in ("studies", "images"):
            with st.container(horizontal=level == "studies"):
                for name in ("sensitivity", "specificity"):
                    _figure(level, name, getattr(found[level], name))
        st.caption(theme.plain(model.card.dev_words))
    else:
        st.caption(f"{theme.plain(model.card.no_dev_words)}, so nobody knows how far to trust it.")
    st.caption(f"{theme.plain(model.card.label_meaning)} Not a medical device.")


def _figure(level: str, name: str, value: figures.Proportion) -> None:
    """Studies lead; images stand below them in small type."""
    words = f"{figures.percent(value.value)} ({figures.with_interval(value)})"
    if level == "images":
        st.caption(f"Images: {name} {words}.")
        return
    with st.container(gap=None, width="content"):
        st.metric(name.capitalize(), figures.percent(value.value), width="content")
        st.caption(figures.with_interval(value))


def show(
    asked: StudyInput, reference: str, model: Model, judged: StudyPrediction, threshold: float
) -> None:
    """What the model may say, the verdict in one large sentence, and what was refused."""
    if told := caveats.warnings(model, threshold, asked.real):
        lines = "\n\n".join(theme.plain(sentence) for sentence in told)
        st.warning(lines, icon=":material/warning:")
    st.title(_sentence(asked, judged, threshold), anchor=False)
    st.markdown(_detail(asked, reference, judged, threshold))
    count = theme.plural(len(judged.refused), "file")
    file_reasons.show(judged.refused, f"{count} refused, and not judged")
    if asked.key:
        st.page_link(
            "pages/studies.py", label="Open it in Studies",
            query_params=tab_data.address(asked.key, asked.data_hash),
        )  # fmt: skip


def _sentence(asked: StudyInput, judged: StudyPrediction, threshold: float) -> str:
    verdict = judged.verdict(threshold)
    names = [theme.plain(name) for name in judged.deciding(threshold)]
    if len(names) > NAMED + 1:
        names = [*names[:NAMED], theme.plural(len(names) - NAMED, "other film")]
    patient = theme.plain(asked.patient) if asked.patient else None
    counts = len(judged.probabilities), len(judged.refused), len(judged.doubted)
    study = theme.plain(asked.study)
    positive = len(judged.deciding(threshold))
    words = aggregation.sentence(verdict, study, patient, names, *counts, positive)
    mark = {True: f":orange[{theme.FRACTURE}] ", False: f":blue[{theme.NO_FRACTURE}] ", None: ""}
    return mark[verdict] + words


def _detail(asked: StudyInput, reference: str, judged: StudyPrediction, threshold: float) -> str:
    """How many films, how close, and what the data set says of a study of its own."""
    words = []
    if judged.altered:
        count = len(judged.altered)
        were = (
            "was altered by hand before it was"
            if count == 1
            else "were altered by hand before they were"
        )
        words.append(f"**{theme.plural(count, 'film')} {were} judged.**")
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
    if asked.label is not None and verdict is not None:
        told = f"so the verdict is {'right' if verdict == bool(asked.label) else 'wrong'}"
        if judged.altered:
            told = "of the films as they were given: this verdict is neither right nor wrong by it"
        words.append(f"Its label in the data: {theme.mark(bool(asked.label))}, {told}.")
        if known := study_cache.training_overlap(reference, asked.patient).words:
            words.append(f"**{known}**")
    if asked.key and not asked.real:
        words.append(theme.synthetic_badge())
    return " ".join(words)


def films(
    asked: StudyInput, reference: str, model: Model, judged: StudyPrediction, threshold: float
) -> dict[str, dict[str, bytes]]:
    """The films in the viewer, each with its number, what the network saw of it, and heat maps.

    Returns:
        The heat maps that are shown: name of a film -> name of a map -> PNG bytes.
    """
    content = {
        name: (key, source) for (name, key), source in zip(asked.films, asked.sources, strict=True)
    }
    shown = judged.films
    if len(shown) > PAGE:
        number = st.pagination(-(-len(shown) // PAGE), key=state.FILM_PAGE)
        shown = shown[(number - 1) * PAGE : number * PAGE]
    erased = film_viewer.strokes_of(viewer_key(asked))
    turned = doubts.inverted(viewer_key(asked))
    frames = [
        _frame(film, model, _picture(film.name, content[film.name], erased, turned), threshold)
        for film in shown
    ]
    maps: dict[str, prediction_cache.Maps] = {}
    if explanation.is_on(state.WHY):
        for number, (film, frame) in enumerate(zip(shown, frames, strict=True)):
            size = (frame.film.width, frame.film.height)
            maps[film.name] = prediction_cache.maps(reference, film.pixels, size)
            frames[number] = replace(frame, maps=explanation.pictures(maps[film.name]))
    film_viewer.show(frames, viewer_key(asked), erased)
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
    note = f"{film.probability:.3f} → {int(positive)} {word}"
    if film.doubts:
        note += " · unreliable" if film.counted else " · unreliable, not counted"
    return Frame(
        name=film.name,
        film=picture,
        note=note,
        tone="fracture" if positive else "none",
        seen={model.card.recipe: pictures.network_picture(film.pixels)},
    )
