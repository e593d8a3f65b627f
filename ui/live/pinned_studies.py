"""Pinned studies: a run's predictions of a few studies, epoch by epoch, film by film."""

import base64
import contextlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from fracture_core.analysis import trajectories
from fracture_core.analysis.trajectories import Trajectories
from fracture_core.errors import FilmError
from fracture_core.prediction.training_patients import TrainingOverlap
from fracture_core.runs.run_folders import Run
from fracture_core.verdicts import aggregation
from fracture_core.words import plural
from ui.cache import film_cache, run_cache, shared_cache
from ui.live import projector, sparks
from ui.shared import chart_words, plots, theme
from ui.shell import state, tab_data

MOST = 6  # studies, that a room can watch at once
CHOSEN = 2  # of each label, by default
THUMB_PX, THUMBS = 76, 4  # width of a film, and number of films shown per study
BIG_THUMB_PX, BIG_THUMBS = 240, 2  # the same in a lecture hall
WIDTH, BIG_WIDTH = 340, 540  # px at least, of a study
TABLE_PX = 340  # height of the scores as a table
_SIDE_BY_SIDE = "display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: flex-start"
# The browser replaces the picture when it changes: its place must be known before it is loaded.
_CURVE = f"display: block; width: 100%; aspect-ratio: {sparks.WIDTH} / {sparks.HEIGHT}"


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """A pinned study with a run's predictions up to an epoch.

    Args:
        key: the study's.
        verdict: whether it is fracture.
        result: "right" or "wrong", and what stands against that.
        paths: files of the films shown.
        films: their scores in words, in the same order.
        curve: its films' probabilities by epoch, as HTML.
        words: role, label and scores, as Markdown.
    """

    key: str
    verdict: bool
    result: str
    paths: tuple[Path, ...]
    films: tuple[str, ...]
    curve: str
    words: str


def show(run: Run, epoch: int, last: int) -> None:
    """Draw a card per study, and a way to choose others.

    Args:
        run: the run shown.
        epoch: the epoch shown; one with a table.
        last: end of the axis of epochs.
    """
    keys = run_cache.of_tables(run.folder, ("keys",), lambda whole: whole.studies["key"].tolist())
    pinned = _in_address() or run_cache.of_tables(run.folder, ("usual",), usual)
    picked = tuple(key for key in pinned if key in keys)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Pinned studies", anchor=False, width="content")
        roles = run_cache.of_tables(run.folder, ("roles",), _roles)
        _choose(run, keys, list(picked), roles)
        is_table = not projector.panels() and st.toggle("As a table", key=state.PINS_TABLE)
        st.caption(f"The network's predictions up to epoch {epoch}.", width="content")
    colours = theme.colour("fracture"), theme.colour("none"), theme.ink().text
    threshold = run.config.threshold
    root = run.data_root
    cards = run_cache.of_tables(
        run.folder,
        ("pinned", root, picked, epoch, last, threshold, colours),
        lambda whole: _pinned(
            trajectories.up_to(whole, epoch), root, picked, last, threshold, colours
        ),
    )
    if is_table:
        _table(run, epoch, picked)
        return
    columns, width = (2, BIG_WIDTH) if projector.panels() else (3, WIDTH)
    grid = st.grid(min(columns, max(1, len(picked))), min_column_width=width, border=True)
    for card in cards:
        with grid.cell():
            _card(run, card)


def _in_address() -> list[str]:
    """The pinned studies of the address."""
    return [key for key in st.query_params.get(state.PINS, "").split(",") if key][:MOST]


def usual(tables: Trajectories) -> list[str]:
    """List the studies pinned by default: of both labels, dev before valid."""
    chosen: list[str] = []
    for label in (1, 0):
        alike = tables.studies[tables.studies["label"] == label]
        chosen += alike.sort_values("role", kind="stable")["key"].head(CHOSEN).tolist()
    return chosen


def _pinned(
    tables: Trajectories,
    root: Path,
    picked: tuple[str, ...],
    last: int,
    threshold: float,
    colours: tuple[str, str, str],
) -> list[Pinned]:
    keys = tables.studies["key"].tolist()
    return [_pin(tables, root, keys.index(key), last, threshold, colours) for key in picked]


def _pin(
    tables: Trajectories,
    root: Path,
    study: int,
    last: int,
    threshold: float,
    colours: tuple[str, str, str],
) -> Pinned:
    row, films = tables.studies.iloc[study], tables.films_of(study)
    values = tables.probabilities[:, films]
    verdict = bool(aggregation.is_positive(values[-1], threshold).any())
    label = bool(row["label"])
    right = "right" if verdict == label else "wrong"
    overlap = f", {TrainingOverlap.TRAINED.mark}" if row["trained_on"] else ""
    scores = [f"{value:.2f}" for value in values[-1]]
    spoken = [f"{score}{_way(of_film)}" for score, of_film in zip(scores, values.T, strict=True)]
    changes = int(trajectories.changes(values, threshold))
    drawing = sparks.probabilities(tables.epochs, values, threshold, last, *colours)
    address = f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"
    return Pinned(
        key=row["key"],
        verdict=verdict,
        result=f"{right}{overlap}",
        paths=tuple(root / path for path in tables.films["path"].iloc[films[:THUMBS]]),
        films=tuple(f"film {n}, score {score}" for n, score in enumerate(scores[:THUMBS], 1)),
        curve=f'<img alt="Scores of its films by epoch; last {", ".join(spoken)}" style="{_CURVE}" '
        f'decoding="sync" src="{address}">',
        words=f"{theme.plain(row['role'])}, label {theme.mark(label)}; current scores "
        f"{', '.join(scores)}; verdict changed {plural(changes, 'time')}",
    )


def _way(values: np.ndarray) -> str:
    """Trend of a film's scores: " and rising", " and falling", " and level"."""
    way = chart_words.trend(pd.Series(values), is_share=True)
    return f" and {way}" if way else ""


def _table(run: Run, epoch: int, picked: tuple[str, ...]) -> None:
    """Every film's scores by epoch, the last one first, in the place of the cards."""
    tables = trajectories.up_to(run_cache.trajectories(run.folder), epoch)
    keys = tables.studies["key"].tolist()
    columns = {
        f"{named(key)}, film {number}": tables.probabilities[:, film]
        for key in picked
        for number, film in enumerate(tables.films_of(keys.index(key)), 1)
    }
    words = pd.DataFrame(columns).map("{:.2f}".format)
    words.insert(0, "Epoch", [str(each) for each in tables.epochs])
    plots.show_table(words.iloc[::-1], "Scores of the films of the pinned studies", TABLE_PX)


def _choose(run: Run, keys: list[str], picked: list[str], roles: str) -> None:
    """The box to choose studies; its list is built only while open: a live page polls often."""
    box = st.popover(
        "Choose", icon=":material/push_pin:", key=f"choose-pins-{run.name}", on_change="rerun"
    )
    if box.open:
        key = f"pins-of-{run.name}"
        box.multiselect(
            f"Up to {MOST} {roles} studies",
            keys,
            picked,
            key=key,
            max_selections=MOST,
            format_func=named,
            on_change=_keep,
            args=(key,),
            width=420,
        )


def _roles(tables: Trajectories) -> str:
    """Roles of the studies that can be pinned, in words: "dev or valid"."""
    roles = set(tables.studies["role"])
    return " or ".join(role for role in ("dev", "valid") if role in roles)


def _keep(key: str) -> None:
    chosen = st.session_state[key]
    if chosen:
        st.query_params[state.PINS] = ",".join(chosen)
    else:
        st.query_params.pop(state.PINS, None)


def named(key: str) -> str:
    """Format a study's key in words: part, patient, study."""
    _, part, patient, study = key.split("/")
    return f"{part} {patient} {study}".strip()


def _card(run: Run, card: Pinned) -> None:
    # No `st.image`: it would open each picture at every poll, and keep the last 128 drawings in a
    # cache that tests whether they are addresses.
    if projector.panels():
        projector.line(f"{card.result}: {named(card.key)}", card.verdict)
        paths, width = card.paths[:BIG_THUMBS], BIG_THUMB_PX
    else:
        paths, width = card.paths, THUMB_PX
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"{theme.mark(card.verdict)} **{card.result}**")
            st.page_link(
                "pages/studies.py",
                label=theme.plain(named(card.key)),
                query_params=tab_data.of_run(run, card.key),
                help="Open it in Studies.",
            )
    words = card.films[: len(paths)]
    films = shared_cache.of_files(
        "thumbs", paths, (width, words), lambda: _thumbs(paths, width, words)
    )
    st.html(films)
    st.html(card.curve)
    if not projector.panels():
        st.caption(card.words)


def _thumbs(paths: tuple[Path, ...], width: int, words: tuple[str, ...]) -> str:
    """Films as HTML, `width` px each, read aloud in words; one that cannot be read is left out."""
    films = []
    for path, spoken in zip(paths, words, strict=True):
        with contextlib.suppress(FilmError):
            address = film_cache.small_address(path, width)
            style = f"width: {width}px; border-radius: 0.5rem"
            films.append(f'<img alt="{spoken}" style="{style}" src="{address}">')
    return f'<div style="{_SIDE_BY_SIDE}">{"".join(films)}</div>'
