"""A second model on the same study: scores of every film, verdicts, what they disagree on.

Nothing of it is on the page until a second model is picked.
"""

import pandas as pd
import streamlit as st

from fracture_core.errors import FractureError
from fracture_core.models.model import Model
from fracture_core.verdicts import aggregation, verdict_words
from fracture_core.words import plural, short
from ui.cache import model_cache
from ui.diagnose import network_code, reading
from ui.diagnose.reading import Reading
from ui.diagnose.verdict_panel import Head
from ui.shared import model_choice, theme

FILM_PX, SCORE_PX = 220, 190


def ask(reference: str) -> tuple[str, Model] | None:
    """Let the viewer pick a second model; return its reference and the model, if there is one."""
    second = model_choice.second(reference)
    if second is None:
        return None
    try:
        model = model_cache.model(second)
    except FractureError as error:  # incomplete, or its epoch is not kept
        st.error(theme.plain(str(error)), icon=":material/error:")
        return None
    return (second, model) if network_code.usable(model) else None


def read(first: Reading, second: tuple[str, Model] | None) -> Reading | None:
    """Return the study of a reading, read with the second model at its own threshold."""
    if second is None:
        return None
    reference, model = second
    return reading.read([first.study], reference, model, float(model.card.threshold))[0]


def note(name: str, second: Reading | None) -> str:
    """Return the second model's score of a film, as part of its note; "" without one."""
    film = next((f for f in second.prediction.films if f.name == name), None) if second else None
    if film is None or second is None:
        return ""
    positive = bool(aggregation.is_positive(film.probability, second.threshold))
    shape = theme.FRACTURE if positive else theme.NO_FRACTURE
    return f" · second model {film.probability:.3f} {shape}"


def show_verdict(first: Reading, second: Reading | None, head: Head) -> None:
    """Write the second model's verdict below the first's, and whether they disagree."""
    if second is None or not first.prediction.films:
        return
    with head.headline:
        name = theme.plain(second.model.card.name)
        st.markdown(f"Second model, {name}: {_words(second)} **{_agreement(first, second)}**")


def _words(second: Reading) -> str:
    """The second verdict in words: "▲ The model finds a fracture (2 of 3 films), ..."."""
    prediction = second.prediction
    if second.verdict is None:
        return "no verdict, as none of its films counts."
    mark = theme.FRACTURE if second.verdict else theme.NO_FRACTURE
    positive = len(prediction.deciding(second.threshold))
    headline = verdict_words.headline(second.verdict, positive, len(prediction.probabilities))
    return f"{mark} {headline}, threshold {second.threshold:.2f}."


def _agreement(first: Reading, second: Reading) -> str:
    """Say whether they agree: "The models disagree on the study, and on 1 of 3 films."."""
    differing, films = disagreements(first, second)
    on_films = f"{differing} of {plural(films, 'film')}"
    if None in (first.verdict, second.verdict):
        return f"The verdicts cannot be compared; the models disagree on {on_films}."
    if first.verdict != second.verdict:
        return f"The models disagree on the study, and on {on_films}."
    if differing:
        return f"The models agree on the study and disagree on {on_films}."
    return f"The models agree on the study and on each of {plural(films, 'film')}."


def disagreements(first: Reading, second: Reading) -> tuple[int, int]:
    """Count the films on which the models disagree, and those that both have scored."""
    others = {film.name: film.probability for film in second.prediction.films}
    pairs = [
        (film.probability, others[film.name])
        for film in first.prediction.films
        if film.name in others
    ]
    differing = sum(
        bool(aggregation.is_positive(one, first.threshold))
        != bool(aggregation.is_positive(other, second.threshold))
        for one, other in pairs
    )
    return differing, len(pairs)


def show_scores(first: Reading, second: Reading | None) -> None:
    """Draw both scores of every film as a table."""
    if second is None or not first.prediction.films:
        return
    others = {film.name: film.probability for film in second.prediction.films}
    rows = [
        {
            "Film": film.name,
            "first": _score(film.probability, first.threshold),
            "second": _score(others.get(film.name), second.threshold),
        }
        for film in first.prediction.films
    ]
    text = st.column_config.TextColumn
    names = [short(each.model.card.name) for each in (first, second)]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height="content" if len(rows) <= 8 else 320,
        width=FILM_PX + 2 * SCORE_PX + 4,
        key="second-scores",
        column_config={
            "Film": text(width=FILM_PX, pinned=True),
            "first": text(names[0], width=SCORE_PX),
            "second": text(names[1], width=SCORE_PX),
        },
    )


def _score(probability: float | None, threshold: float) -> str:
    if probability is None:
        return "–"
    positive = bool(aggregation.is_positive(probability, threshold))
    mark, word = (theme.FRACTURE, "fracture") if positive else (theme.NO_FRACTURE, "no fracture")
    return f"{probability:.3f} {mark} {word}"
