"""Pinned studies: what a run has thought of a few studies, epoch by epoch, film by film."""

import base64
import contextlib
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from fracture_core.analysis import trajectories
from fracture_core.analysis.trajectories import Trajectories
from fracture_core.errors import FilmError
from fracture_core.models.training_patients import TrainingOverlap
from fracture_core.runs.run_folders import Run
from fracture_core.verdicts import aggregation
from ui.cache import film_cache, run_cache, shared_cache
from ui.live import projector, sparks
from ui.shared import theme
from ui.shell import state, tab_data

MOST = 6  # studies, that a room can watch at once
CHOSEN = 2  # of each label, where nobody has chosen yet
THUMB_PX, THUMBS = 76, 4  # width of a film, and how many of a study show
WIDTH = 340  # px at least, of a study
_SIDE_BY_SIDE = "display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: flex-start"
_THUMB = f"width: {THUMB_PX}px; border-radius: 0.5rem"
# The browser makes the picture anew when it changes: it must have its place before it is read.
_CURVE = f"display: block; width: 100%; aspect-ratio: {sparks.WIDTH} / {sparks.HEIGHT}"


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """A pinned study as a run judged it after an epoch.

    Args:
        key: the study's.
        title: verdict, and whether it is right, as Markdown.
        paths: of the files of the films that show.
        curve: its films' probabilities by epoch, as HTML.
        words: what is known of it, as Markdown.
    """

    key: str
    title: str
    paths: tuple[Path, ...]
    curve: str
    words: str


def show(run: Run, epoch: int, last: int) -> None:
    """A card a study, and a way to choose others.

    Args:
        run: whose.
        epoch: that is looked at; one that has a table.
        last: where the axis of epochs ends.
    """
    keys = run_cache.of_tables(run.folder, ("keys",), lambda whole: whole.studies["key"].tolist())
    asked = _asked() or run_cache.of_tables(run.folder, ("usual",), usual)
    picked = tuple(key for key in asked if key in keys)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Pinned studies", anchor=False, width="content")
        roles = run_cache.of_tables(run.folder, ("roles",), _roles)
        _choose(run, keys, list(picked), roles)
        st.caption(f"What the network thinks of them, up to epoch {epoch}.", width="content")
    colours = theme.colour("fracture"), theme.colour("none"), theme.ink().text
    threshold = run.config.threshold
    root = run.data_root
    cards = run_cache.of_tables(
        run.folder, ("pinned", root, picked, epoch, last, threshold, colours),
        lambda whole: _pinned(
            trajectories.up_to(whole, epoch), root, picked, last, threshold, colours
        ),
    )  # fmt: skip
    grid = st.grid(min(3, max(1, len(picked))), min_column_width=WIDTH, border=True)
    for card in cards:
        with grid.cell():
            _card(run, card)


def _asked() -> list[str]:
    """The pinned studies of the address."""
    return [key for key in st.query_params.get(state.PINS, "").split(",") if key][:MOST]


def usual(found: Trajectories) -> list[str]:
    """The studies that are pinned where nobody has chosen: of both labels, dev before valid."""
    chosen: list[str] = []
    for label in (1, 0):
        alike = found.studies[found.studies["label"] == label]
        chosen += alike.sort_values("role", kind="stable")["key"].head(CHOSEN).tolist()
    return chosen


def _pinned(
    found: Trajectories,
    root: Path,
    picked: tuple[str, ...],
    last: int,
    threshold: float,
    colours: tuple[str, str, str],
) -> list[Pinned]:
    keys = found.studies["key"].tolist()
    return [_judged(found, root, keys.index(key), last, threshold, colours) for key in picked]


def _judged(
    found: Trajectories,
    root: Path,
    study: int,
    last: int,
    threshold: float,
    colours: tuple[str, str, str],
) -> Pinned:
    row, films = found.studies.iloc[study], found.films_of(study)
    values = found.probabilities[:, films]
    verdict = bool(aggregation.is_positive(values[-1], threshold).any())
    label = bool(row["label"])
    right = "right" if verdict == label else "wrong"
    known = f", {TrainingOverlap.TRAINED.mark}" if row["trained_on"] else ""
    numbers = ", ".join(f"{value:.2f}" for value in values[-1])
    changed = int(trajectories.changes(values, threshold))
    drawing = sparks.probabilities(found.epochs, values, threshold, last, *colours)
    address = f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"
    return Pinned(
        key=row["key"],
        title=f"{theme.mark(verdict)} **{right}{known}**",
        paths=tuple(root / path for path in found.films["path"].iloc[films[:THUMBS]]),
        curve=f'<img alt="probabilities of its films by epoch, last {numbers}" style="{_CURVE}" '
        f'decoding="sync" src="{address}">',
        words=f"{theme.plain(row['role'])}, label {theme.mark(label)}; films now {numbers}; "
        f"verdict changed {theme.plural(changed, 'time')}",
    )


def _choose(run: Run, keys: list[str], picked: list[str], roles: str) -> None:
    """Its list is made only while it is open: a live page is drawn every two seconds."""
    box = st.popover(
        "Choose", icon=":material/push_pin:", key=f"choose-pins-{run.name}", on_change="rerun"
    )
    if box.open:
        key = f"pins-of-{run.name}"
        box.multiselect(
            f"Up to {MOST} {roles} studies", keys, picked, key=key, max_selections=MOST,
            format_func=named, on_change=_keep, args=(key,), width=420,
        )  # fmt: skip


def _roles(found: Trajectories) -> str:
    """Whose studies can be pinned, in words: "dev or valid"."""
    here = set(found.studies["role"])
    return " or ".join(role for role in ("dev", "valid") if role in here)


def _keep(key: str) -> None:
    chosen = st.session_state[key]
    if chosen:
        st.query_params[state.PINS] = ",".join(chosen)
    else:
        st.query_params.pop(state.PINS, None)


def named(key: str) -> str:
    """A study's key in words: part, patient, study."""
    _, part, patient, study = key.split("/")
    return f"{part} {patient} {study}".strip()


def _card(run: Run, card: Pinned) -> None:
    big = "#### " if projector.panels() else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"{big}{card.title}")
        st.page_link(
            "pages/studies.py", label=theme.plain(named(card.key)),
            query_params=tab_data.of_run(run, card.key), help="Open it in Studies.",
        )  # fmt: skip
    # No `st.image`: at every look it opens each picture, and Python keeps the last 128 drawings,
    # which it asks whether they are addresses.
    st.html(shared_cache.of_files("thumbs", card.paths, (), lambda: _thumbs(card.paths)))
    st.html(card.curve)
    if big:
        st.markdown(card.words)
    else:
        st.caption(card.words)


def _thumbs(paths: tuple[Path, ...]) -> str:
    """Films as HTML; one that cannot be read is left out."""
    found = []
    for path in paths:
        with contextlib.suppress(FilmError):
            address = film_cache.small_address(path, THUMB_PX)
            found.append(f'<img alt="" style="{_THUMB}" src="{address}">')
    return f'<div style="{_SIDE_BY_SIDE}">{"".join(found)}</div>'
