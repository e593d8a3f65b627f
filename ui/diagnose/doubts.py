"""Doubted films: the reasons in a clinician's words, remedies, and the numbers on request."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from fracture_core.datasets import catalog
from fracture_core.errors import DataError
from fracture_core.models.model import Model
from fracture_core.prediction.study_prediction import FilmPrediction, NearestFilm, StudyPrediction
from fracture_core.verdicts import verdict_words
from fracture_core.words import plural
from ui.cache import data_cache, film_cache
from ui.diagnose.reading import Reading
from ui.shared import file_reasons, theme
from ui.shell import state, tab_data

NAMED = 6  # doubted films shown beside their nearest training films
SEVERAL = 12  # films to tick without opening a list; more would push the films off the screen
THUMB_PX = 110  # width of a training film
_WORDS = {  # of a failed check -> in a clinician's words, after the name of a film or of several
    "distance": "{looks} unlike the films the model was trained on",
    "colour": "{is_} coloured, unlike an x-ray film",
    "size": "{is_} too small to show a bone",
    "aspect": "{is_} too long and narrow for a film",
    "blank": "{is_} uniformly grey",
    "contrast": "{has} almost no contrast",
    "inverted": "{looks} inverted, black for white",
}
_ONE = {"looks": "looks", "is_": "is", "has": "has"}
_SEVERAL = {"looks": "look", "is_": "are", "has": "have"}


def words(film: FilmPrediction, several: bool = False) -> str:
    """Say in a clinician's words why a film is doubted; "" if it is not.

    Args:
        film: the film.
        several: whether several films of the same doubts are meant.
    """
    verbs = _SEVERAL if several else _ONE
    failed = [check for check in film.checks if check.doubt]
    return " and ".join(_WORDS.get(check.name, check.doubt).format(**verbs) for check in failed)


def uncounted(prediction: StudyPrediction) -> str:
    """Count the files that have no part in a verdict, in a sentence; "" if all have."""
    counts = []
    if refused := len(prediction.refused):
        counts.append(f"{plural(refused, 'file')} could not be read")
    if doubted := len(prediction.doubted):
        counts.append(f"{plural(doubted, 'film')} {_are(doubted)} set aside")
    return f"{', '.join(counts)}." if counts else ""


def no_verdict(prediction: StudyPrediction) -> str:
    """Say in a few words why there is no verdict."""
    films, files = prediction.films, len(prediction.refused)
    if not films:
        none = "the file could not" if files == 1 else f"none of {files:,} files could"
        return f"No verdict: {none} be read"
    which = "the film" if len(films) == 1 else f"all {len(films):,} films"
    if all(_is_unlike(film) for film in films):
        looks = "looks" if len(films) == 1 else "look"
        return f"No verdict: {which} {looks} unlike the training films"
    return f"No verdict: {which} {_are(len(films))} set aside"


def _is_unlike(film: FilmPrediction) -> bool:
    return any(check.name == "distance" and check.doubt for check in film.checks)


def warnings(reading: Reading) -> tuple[str, ...]:
    """Return a sentence for each kind of doubt about the films, for the box above the verdict."""
    films = reading.prediction.films
    sentences = []
    for group in _alike(films):
        which = f"{len(group):,} of {plural(len(films), 'film')}"
        if len(films) == 1:
            which = "This film"
        counted = sum(film.counted for film in group)
        ends = f"{counted:,} included by you" if counted else "not counted"
        sentences.append(f"{which} {words(group[0], len(group) > 1)} ({ends}).")
    return tuple(sentences)


def _alike(films: Sequence[FilmPrediction]) -> list[list[FilmPrediction]]:
    """Doubted films by what is said of them, in the order of the films."""
    groups: dict[str, list[FilmPrediction]] = {}
    for film in films:
        if film.doubts:
            groups.setdefault(words(film), []).append(film)
    return list(groups.values())


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def show(reading: Reading) -> None:
    """Show remarks on the films, and the doubted ones with reasons and remedies."""
    _remarks(reading.prediction.remarks)
    films, key = reading.prediction.films, reading.study.viewer_key
    doubted = [film for film in films if film.doubts]
    turned = reading.inverted  # an inverted film can be changed back
    offered = [film.name for film in films if film.remedies or film.name in turned]
    if not doubted and not offered:
        return
    st.header("Films set aside", anchor=False)
    for group in _alike(films):
        names = verdict_words.first([f"**{theme.plain(film.name)}**" for film in group])
        st.markdown(f"{verdict_words.listed(names)} {words(group[0], len(group) > 1)}.")
    _choose("Include anyway", "Include", [f.name for f in doubted], f"{state.COUNTED}-{key}")
    _choose("Predict with inverted greys", "Invert", offered, f"{state.INVERTED}-{key}")
    _measurements(doubted)
    _nearest([film for film in doubted if film.nearest][:NAMED], reading.model)


def _measurements(doubted: Sequence[FilmPrediction]) -> None:
    """The numbers behind the doubts, on request."""
    reasons = [(film.name, " ".join(film.doubts)) for film in doubted]
    file_reasons.show(reasons, f"Measurements of {plural(len(doubted), 'film')}")


def _remarks(remarks: Sequence[str]) -> None:
    """Remarks on frames left out, and on identical films."""
    lines = [theme.plain(remark) for remark in remarks[:NAMED]]
    if len(remarks) > NAMED:
        lines.append(f"and {plural(len(remarks) - NAMED, 'other remark')}")
    if lines:
        st.info("\n\n".join(lines), icon=":material/info:")


def _choose(label: str, verb: str, names: list[str], key: str) -> None:
    """A choice of films, one by one or all at once, kept while another study is open."""
    if not names:
        return
    many = len(names) > SEVERAL
    with st.expander(f"{label}: choose among {len(names):,}") if many else st.container():
        st.pills(
            label,
            names,
            selection_mode="multi",
            format_func=theme.plain,
            key=key,
            wrap=True,
            persist_state="session",
            label_visibility="collapsed" if many else "visible",
        )
    if len(names) > 1:
        with st.container(horizontal=True, gap="small"):
            for word, ticked in (("all", names), ("none", [])):
                st.button(
                    f"{verb} {word}",
                    key=f"{key}-{word}",
                    type="tertiary",
                    on_click=state.tick,
                    args=(key, ticked),
                )


def _nearest(doubted: list[FilmPrediction], model: Model) -> None:
    """The training films nearest to doubted ones, as pictures if their data are in use."""
    if not doubted:
        return
    rows = _training_rows(doubted, model)
    with st.expander("Most similar training films"):
        st.caption(
            "Distances between films in the network's features; the limit above is for the "
            "distance to a mean."
        )
        if rows is None:
            _names(doubted, model)
            return
        for film in doubted:
            with st.container(horizontal=True, gap="small"):
                for near in film.nearest:
                    with st.container(width=THUMB_PX + 40, gap=None):
                        _near(film, near, rows[near.path])


def _names(doubted: list[FilmPrediction], model: Model) -> None:
    """Nearest training films by name, if the model's data are not in use."""
    learned = theme.plain(model.card.data.root or "other data")
    lines = [
        f"- {theme.plain(near.path)}: {_away(film, near)}"
        for film in doubted
        for near in film.nearest
    ]
    st.caption(
        f"The model was trained on {learned}, which is not in use: only the films' names are "
        "known here.\n\n" + "\n".join(lines)
    )


def _training_rows(doubted: list[FilmPrediction], model: Model) -> dict[str, dict[str, Any]] | None:
    """Path -> manifest row of a nearest film; `None` if the model was trained on other data."""
    try:
        data = data_cache.dataset()
    except DataError:
        return None
    if model.card.data.hash != data.hash:
        return None
    paths = {near.path for film in doubted for near in film.nearest}
    rows = data.manifest[data.manifest["path"].isin(paths)]
    rows = rows.assign(file=[data.root / path for path in rows["path"]])
    rows = rows.assign(key=catalog.study_key(rows), data=data.hash)
    records: list[dict[str, Any]] = [
        {str(name): value for name, value in row.items()} for row in rows.to_dict("records")
    ]
    return {row["path"]: row for row in records}


def training_films(films: Sequence[FilmPrediction], model: Model) -> dict[str, bytes]:
    """Return pictures of the training films nearest to these: path -> an image's bytes.

    Empty if the model's training data are not in use.
    """
    doubted = [film for film in films if film.nearest]
    rows = (_training_rows(doubted, model) if doubted else None) or {}
    pictures = {path: film_cache.small(row["file"]) for path, row in rows.items()}
    return {path: content for path, content in pictures.items() if content}


def _near(film: FilmPrediction, near: NearestFilm, row: dict[str, Any]) -> None:
    """One training film: picture, study, label, and distance."""
    if content := film_cache.small(row["file"]):
        st.image(content, width=THUMB_PX)
    st.page_link(
        "pages/studies.py",
        label=theme.plain(f"{row['patient']} {row['study']}"),
        query_params=tab_data.address(row["key"], row["data"]),
    )
    st.caption(f"{theme.mark(bool(row['label']))}, {_away(film, near)}")


def _away(film: FilmPrediction, near: NearestFilm) -> str:
    return f"{near.distance:.1f} from {theme.plain(film.name)}"
