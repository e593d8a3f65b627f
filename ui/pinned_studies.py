"""Pinned studies: what a run has thought of a few studies, epoch by epoch, film by film."""

import base64
import contextlib
from pathlib import Path

import streamlit as st

from fracture_core import aggregation, trajectories
from fracture_core.errors import FilmError
from fracture_core.runs import Run
from fracture_core.training_patients import Acquaintance
from fracture_core.trajectories import Trajectories
from ui import cached, projector, reading, sparks, state, theme

MOST = 6  # studies, that a room can watch at once
CHOSEN = 2  # of each label, where nobody has chosen yet
THUMB_PX, THUMBS = 76, 4  # width of a film, and how many of a study show
WIDTH = 340  # px at least, of a study
_SIDE_BY_SIDE = "display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: flex-start"
_THUMB = f"width: {THUMB_PX}px; border-radius: 0.5rem"
# The browser makes the picture anew when it changes: it must have its place before it is read.
_CURVE = f"display: block; width: 100%; aspect-ratio: {sparks.WIDTH} / {sparks.HEIGHT}"


def show(run: Run, found: Trajectories, last: int) -> None:
    """A card a study, and a way to choose others.

    Args:
        run: whose.
        found: its tables up to the epoch that is looked at.
        last: where the axis of epochs ends.
    """
    keys = found.studies["key"].tolist()
    picked = [key for key in pins(found) if key in keys]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Pinned studies", anchor=False, width="content")
        _choose(run, keys, picked, _roles(found))
        st.caption(
            f"What the network thinks of them, up to epoch {found.epochs[-1]}.", width="content"
        )
    grid = st.grid(min(3, max(1, len(picked))), min_column_width=WIDTH, border=True)
    root = run.data_root
    for key in picked:
        with grid.cell():
            _card(root, run, found, keys.index(key), last)


def pins(found: Trajectories) -> list[str]:
    """The pinned studies: those of the address, else some of both labels, of dev before valid."""
    asked = [key for key in st.query_params.get(state.PINS, "").split(",") if key]
    if asked:
        return asked[:MOST]
    chosen: list[str] = []
    for label in (1, 0):
        alike = found.studies[found.studies["label"] == label]
        chosen += alike.sort_values("role", kind="stable")["key"].head(CHOSEN).tolist()
    return chosen


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


def _card(root: Path, run: Run, found: Trajectories, study: int, last: int) -> None:
    row, films = found.studies.iloc[study], found.films_of(study)
    values, threshold = found.probabilities[:, films], run.config.threshold
    now = values[-1]
    verdict, label = bool(aggregation.is_positive(now, threshold).any()), bool(row["label"])
    big = "#### " if projector.panels() else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        known = f", {Acquaintance.TRAINED.mark}" if row["trained_on"] else ""
        right = "right" if verdict == label else "wrong"
        st.markdown(f"{big}{theme.mark(verdict)} **{right}{known}**")
        st.page_link(
            "pages/studies.py", label=theme.plain(named(row["key"])),
            query_params=reading.of_run(run, row["key"]), help="Open it in Studies.",
        )  # fmt: skip
    paths = found.films["path"].iloc[films[:THUMBS]].tolist()
    numbers = ", ".join(f"{value:.2f}" for value in now)
    changed = int(trajectories.changes(values, threshold))
    drawing = sparks.probabilities(
        found.epochs, values, threshold, last,
        theme.colour("fracture"), theme.colour("none"), theme.ink().text,
    )  # fmt: skip
    address = f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"
    # No `st.image`: at every look it opens each picture, and Python keeps the last 128 drawings,
    # which it asks whether they are addresses.
    st.html(f'<div style="{_SIDE_BY_SIDE}">{_thumbs(root, paths)}</div>')
    st.html(
        f'<img alt="probabilities of its films by epoch, last {numbers}" style="{_CURVE}" '
        f'decoding="sync" src="{address}">'
    )
    words = (
        f"{theme.plain(row['role'])}, label {theme.mark(label)}; films now {numbers}; "
        f"verdict changed {theme.plural(changed, 'time')}"
    )
    if big:
        st.markdown(words)
    else:
        st.caption(words)


def _thumbs(root: Path, paths: list[str]) -> str:
    """Films as HTML; one that cannot be read is left out."""
    found = []
    for path in paths:
        with contextlib.suppress(FilmError):
            address = cached.small_address(root, path, THUMB_PX)
            found.append(f'<img alt="" style="{_THUMB}" src="{address}">')
    return "".join(found)
