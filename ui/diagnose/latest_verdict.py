"""The latest verdict of a browser session, which Home shows with its films.

It lies in the session's memory like the upload itself, and goes with it ("Remove all").
"""

from contextlib import suppress
from dataclasses import asdict, dataclass

import streamlit as st

from fracture_core.errors import FilmError
from fracture_core.verdicts import verdict_words
from ui.cache import film_cache
from ui.diagnose.reading import Reading
from ui.shared import film_cards, pictures, theme
from ui.shell import state

FILMS = 4  # of a study, in the picture


@dataclass(frozen=True, kw_only=True)
class LatestVerdict:
    """A verdict, its films, and where its study is.

    Args:
        of: identifies the reading; another one is another verdict.
        study: its name, and its patient's, in plain text.
        sentence: what the model finds.
        fracture: the verdict; `None` where no film counts.
        picture: its first films, as JPEG.
        key: the study's in the data set; `None` for an upload.
        data_hash: the data set's.
    """

    of: str
    study: str
    sentence: str
    fracture: bool | None
    picture: bytes
    key: str | None
    data_hash: str | None


def keep(reading: Reading) -> None:
    """Keep a verdict for Home."""
    shown = [(film.name, film.probability, film.counted) for film in reading.prediction.films]
    of = f"{reading.study.viewer_key} {reading.reference} {reading.threshold} {shown}"
    before = of_session()
    if not shown or (before and before.of == of):
        return
    study, prediction = reading.study, reading.prediction
    positive = len(prediction.deciding(reading.threshold))
    latest = LatestVerdict(
        of=of,
        study=study.title,
        sentence=verdict_words.brief(reading.verdict, positive, len(prediction.probabilities)),
        fracture=reading.verdict,
        picture=_picture(reading),
        key=study.key,
        data_hash=study.data_hash,
    )
    st.session_state[state.LATEST] = asdict(latest)


def of_session() -> LatestVerdict | None:
    """Return the latest verdict of this session; `None` before the first one."""
    kept = st.session_state.get(state.LATEST)
    return LatestVerdict(**kept) if kept else None


def _picture(reading: Reading) -> bytes:
    study, views = reading.study, []
    for name, key, source in study.views[:FILMS]:
        with suppress(FilmError):
            views.append(pictures.still(film_cache.picture(key, name, source)))
    colour = theme.HIDDEN if reading.verdict is None else theme.on_film(reading.verdict)
    return film_cards.card(views, colour)
