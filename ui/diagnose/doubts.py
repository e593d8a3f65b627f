"""Doubted films: the gate's reasons, including them anyway, and fitting a run's gate."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from fracture_core.datasets import catalog
from fracture_core.errors import DataError
from fracture_core.models.cards import Model
from fracture_core.models.study_prediction import FilmPrediction, NearestFilm
from fracture_core.runs import run_folders
from ui.cache import data_cache, film_cache, model_cache
from ui.diagnose.reading import Reading
from ui.shared import file_reasons, theme
from ui.shell import actions, owner, state, tab_data

NAMED = 6  # doubted films shown beside their nearest training films
SEVERAL = 12  # films to tick without opening a list; more would push the films off the screen
THUMB_PX = 110  # width of a training film
POLL_SECONDS = 1.0  # while a gate is being fitted


def show(reading: Reading) -> None:
    """Show remarks on the films, and the doubted ones with reasons and remedies."""
    _remarks(reading.prediction.remarks)
    films, key = reading.prediction.films, reading.study.viewer_key
    doubted = [film for film in films if film.doubts]
    file_reasons.show(
        [(film.name, " ".join(film.doubts)) for film in doubted],
        f"This model may not be able to predict {theme.plural(len(doubted), 'film')}. Doubted "
        "films do not count unless you include them",
        icon=":material/help:",
    )
    turned = reading.inverted  # an inverted film can be changed back
    offered = [film.name for film in films if film.remedies or film.name in turned]
    _choose("Predict with inverted greys", "Invert", offered, f"{state.INVERTED}-{key}")
    _choose("Include anyway", "Include", [f.name for f in doubted], f"{state.COUNTED}-{key}")
    _nearest([film for film in doubted if film.nearest][:NAMED], reading.model)


def _remarks(remarks: Sequence[str]) -> None:
    """Remarks on frames left out, and on identical films."""
    lines = [theme.plain(remark) for remark in remarks[:NAMED]]
    if len(remarks) > NAMED:
        lines.append(f"and {theme.plural(len(remarks) - NAMED, 'other remark')}")
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
                    f"{verb} {word}", key=f"{key}-{word}", on_click=state.tick, args=(key, ticked)
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


def of_model(reference: str, model: Model, has_verdict: bool) -> None:
    """Describe a model's gate; offer to fit a run's gate.

    Args:
        reference: of the model.
        model: the model.
        has_verdict: whether a verdict is shown beside it, which reports a missing gate itself.
    """
    if model.gate:
        st.caption(
            "Films that look unlike the training films are set aside and do not count unless you "
            "tick them."
        )
        return
    if not model.is_run:
        if not has_verdict:
            st.caption("This model has no gate: it cannot detect films unlike its training films.")
        return
    status = model_cache.gate_status(reference)
    if status is not None and status.state.alive:
        _wait(reference)
        return
    if not has_verdict:
        st.caption("This run has no gate yet: it cannot detect films unlike its training films.")
    if status is not None and status.state is run_folders.State.FAILED:
        st.warning(theme.plain(status.message))
    owner.button(
        "Fit its gate",
        on_click=actions.pressed,
        args=(actions.fit_gate, reference),
        help="Measures its training films once, in the background; takes seconds.",
    )


def _wait(reference: str) -> None:
    """Show that a gate is being fitted; rerun the page once it is."""

    @st.fragment(run_every=POLL_SECONDS)
    def look() -> None:
        status = model_cache.gate_status(reference)
        if status is None or not status.state.alive:
            st.rerun()
        st.caption("Fitting the run's gate on its training films…")

    look()
