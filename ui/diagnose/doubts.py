"""Films that the gate doubts: which check says so, and counting them all the same; a run's gate."""

from collections.abc import Sequence

import streamlit as st

from fracture_core.datasets import catalog
from fracture_core.errors import DataError
from fracture_core.models.cards import Model
from fracture_core.models.study_prediction import FilmPrediction, NearestFilm, StudyPrediction
from fracture_core.runs import run_folders
from ui.cache import data_cache, film_cache, model_cache
from ui.shared import file_reasons, theme
from ui.shell import actions, owner, state, tab_data

NAMED = 6  # doubted films that are held against their nearest training films
SEVERAL = 12  # films to tick at sight; more would push the films off the screen
THUMB_PX = 110  # width of a training film
POLL_SECONDS = 1.0  # between two looks at a gate that is being fitted


def counted(judged: StudyPrediction, key: str) -> StudyPrediction:
    """The study with the doubted films counted that were ticked; `key` stands for its films."""
    return judged.counting(st.session_state.get(f"{state.COUNTED}-{key}") or ())


def inverted(key: str) -> tuple[str, ...]:
    """Names of the films whose black and white are to be exchanged; `key` stands for the films."""
    return tuple(st.session_state.get(f"{state.INVERTED}-{key}") or ())


def show(judged: StudyPrediction, model: Model, key: str) -> None:
    """Remarks on the films; the doubted ones with the reasons, and what may be done about them."""
    _remarks(judged)
    doubted = [film for film in judged.films if film.doubts]
    file_reasons.show(
        [(film.name, " ".join(film.doubts)) for film in doubted],
        f"{theme.plural(len(doubted), 'film')} may be nothing that this model can judge: "
        "unreliable numbers, which count in the verdict only where you say so",
        icon=":material/help:",
    )
    turned = inverted(key)  # a film that was exchanged can be changed back
    offered = [film.name for film in judged.films if film.remedies or film.name in turned]
    _choose("Judge with black and white exchanged", "Exchange", offered, f"{state.INVERTED}-{key}")
    _choose("Count all the same", "Count", [f.name for f in doubted], f"{state.COUNTED}-{key}")
    _nearest([film for film in doubted if film.nearest][:NAMED], model)


def _remarks(judged: StudyPrediction) -> None:
    """Frames that were not judged, and films that are the same."""
    lines = [theme.plain(remark) for remark in judged.remarks[:NAMED]]
    if len(judged.remarks) > NAMED:
        lines.append(f"and {theme.plural(len(judged.remarks) - NAMED, 'other remark')}")
    if lines:
        st.info("\n\n".join(lines), icon=":material/info:")


def _choose(label: str, verb: str, names: list[str], key: str) -> None:
    """Films that are ticked, each or all at once; they stay ticked while another study is open."""
    if not names:
        return
    many = len(names) > SEVERAL
    with st.expander(f"{label}: choose among {len(names):,}") if many else st.container():
        st.pills(
            label, names, selection_mode="multi", format_func=theme.plain, key=key, wrap=True,
            persist_state="session", label_visibility="collapsed" if many else "visible",
        )  # fmt: skip
    if len(names) > 1:
        with st.container(horizontal=True, gap="small"):
            for word, ticked in (("all", names), ("none", [])):
                st.button(
                    f"{verb} {word}", key=f"{key}-{word}", on_click=state.tick, args=(key, ticked)
                )


def _nearest(doubted: list[FilmPrediction], model: Model) -> None:
    """The training films that a doubted one comes nearest to; why not, where they are not here."""
    if not doubted:
        return
    rows = _training_rows(doubted, model)
    with st.expander("The training films that they come nearest to"):
        st.caption(
            "Distances from film to film, in the network's own features; the limit above is for "
            "the distance to a mean."
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
    """Near training films by their names, where the model's data are not those in use."""
    learned = theme.plain(model.card.training.get("root") or "other data")
    lines = [
        f"- {theme.plain(near.path)}: {_away(film, near)}"
        for film in doubted
        for near in film.nearest
    ]
    st.caption(
        f"The model has learned from {learned}, which is not the data in use: only the films' "
        "names are known here.\n\n" + "\n".join(lines)
    )


def _training_rows(doubted: list[FilmPrediction], model: Model) -> dict[str, dict] | None:
    """Path -> what the data in use say of a near film; `None` if it has learned from others."""
    try:
        data = data_cache.dataset()
    except DataError:
        return None
    if model.card.training.get("hash") != data.hash:
        return None
    paths = {near.path for film in doubted for near in film.nearest}
    rows = data.manifest[data.manifest["path"].isin(paths)]
    rows = rows.assign(file=[data.root / path for path in rows["path"]])
    return (
        rows.assign(key=catalog.study_key(rows), data=data.hash).set_index("path").to_dict("index")
    )


def training_films(films: Sequence[FilmPrediction], model: Model) -> dict[str, bytes]:
    """Pictures of the training films that these come nearest to: path -> an image's bytes.

    None where the model's training data are not those in use.
    """
    doubted = [film for film in films if film.nearest]
    rows = (_training_rows(doubted, model) if doubted else None) or {}
    pictures = {path: film_cache.small(row["file"]) for path, row in rows.items()}
    return {path: content for path, content in pictures.items() if content}


def _near(film: FilmPrediction, near: NearestFilm, row: dict) -> None:
    """One training film: picture, study, label, and how far away it is."""
    if content := film_cache.small(row["file"]):
        st.image(content, width=THUMB_PX)
    st.page_link(
        "pages/studies.py", label=theme.plain(f"{row['patient']} {row['study']}"),
        query_params=tab_data.address(row["key"], row["data"]),
    )  # fmt: skip
    st.caption(f"{theme.mark(bool(row['label']))}, {_away(film, near)}")


def _away(film: FilmPrediction, near: NearestFilm) -> str:
    return f"{near.distance:.1f} from {theme.plain(film.name)}"


def of_model(reference: str, model: Model, is_judged: bool) -> None:
    """What the gate of a model can tell; a run's is fitted at the press of a button.

    Args:
        reference: of the model.
        model: itself.
        is_judged: whether a verdict stands beside it, above which a missing gate is told.
    """
    if model.gate:
        st.caption(
            "Films unlike those that it has learned from are doubted: they do not count in the "
            "verdict unless you tick them."
        )
        return
    if "@" not in model.reference:
        if not is_judged:
            st.caption("This model has no gate: it cannot tell films unlike those it learned from.")
        return
    status = model_cache.gate_status(reference)
    if status is not None and status.state.alive:
        _wait(reference)
        return
    if not is_judged:
        st.caption("This run has no gate yet: it cannot tell films unlike those it learned from.")
    if status is not None and status.state is run_folders.State.FAILED:
        st.warning(theme.plain(status.message))
    owner.button(
        "Fit its gate",
        on_click=actions.pressed,
        args=(actions.fit_gate, reference),
        help="Measures its training films once, in the background: some seconds.",
    )


def _wait(reference: str) -> None:
    """Say that a gate is being fitted, until it is."""

    @st.fragment(run_every=POLL_SECONDS)
    def look() -> None:
        status = model_cache.gate_status(reference)
        if status is None or not status.state.alive:
            st.rerun()
        st.caption("Fits the run's gate on its training films.")

    look()
