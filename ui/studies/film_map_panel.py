"""The map of all films above the wall: a point each, an area of which filters the wall."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from fracture_core.datasets.catalog import Dataset
from fracture_core.neighbours.neighbours_job import Neighbours
from fracture_core.words import plural
from ui.cache import film_cache, model_cache
from ui.components import film_map
from ui.components.film_map import CLASSES, FAINT, SHAPES, Area, Group, Hovered, Points, Sent
from ui.shared import address_switch, theme
from ui.shell import state, turns
from ui.studies import facets, map_area, neighbour_cache, neighbours_start, quiz, wall

COLOURS = {
    "label": "Label",
    "prediction": "Prediction",
    "split": "Split",
    "part": "Body part",
}
_TELLING = ("label", "prediction")  # colours that tell a study's label


def is_open() -> bool:
    """Return whether the address asks for the map."""
    return address_switch.is_on(state.MAP)


def ask() -> None:
    """Draw the switch."""
    address_switch.show(
        "Map of all films",
        state.MAP_SWITCH,
        state.MAP,
        lambda: map_area.put(()),
        "Every film as a point; films that look alike to the model lie side by side.",
    )


def show(data: Dataset, studies: pd.DataFrame, active: facets.Filters) -> None:
    """Draw the map, or the way to it.

    Args:
        data: the data set in use.
        studies: all of them, in the manifest's order; see `study_cache.studies`.
        active: the filters of the wall; films that fail the others are faint.
    """
    made = neighbours_start.ready(data)
    if made is None:
        return
    offered = [name for name in COLOURS if not (quiz.is_on() and name in _TELLING)]
    offered = [name for name in offered if name in _TELLING or studies[name].nunique() > 1]
    with st.container(horizontal=True, vertical_alignment="center"):
        by = "split"
        if offered:
            by = st.segmented_control(
                "Colour by",
                offered,
                format_func=COLOURS.__getitem__,
                default=offered[0],
                required=True,
                key=f"{state.MAP_COLOURS}-{quiz.is_on()}",
                label_visibility="collapsed",
            )
        if data.synthetic:
            st.markdown(theme.synthetic_badge(), width="content")
        st.caption(theme.plain(_words(made, by)))
    rows = np.flatnonzero(made.features.readable)
    points = _points(data, studies, active, made, by, rows)
    draw = st.fragment(turns.in_turn(_map), key="film-map")
    draw(data, studies, made, points, rows, Sent())


def _words(made: Neighbours, by: str) -> str:
    """Say what the map shows, and how to read it."""
    count, films = int(made.features.readable.sum()), len(made.places)
    missing = f" ({plural(films - count, 'film')} could not be read)" if films > count else ""
    own = " Right or wrong is the study's verdict; training films are included."
    own = own if by == "prediction" else ""
    return (
        f"{plural(count, 'film')}{missing} by the last layer of {model_cache.model_in_use()}. Near "
        f"points look alike to it; distances between far groups mean little.{own}"
    )


def _points(
    data: Dataset,
    studies: pd.DataFrame,
    active: facets.Filters,
    made: Neighbours,
    by: str,
    rows: np.ndarray,
) -> Points:
    names, colours, shapes = _look(data, studies, made, by)
    passing = facets.matching(studies, active, without=state.AREA).index
    is_faint = ~np.repeat(studies.index.isin(passing), studies["views"].to_numpy())
    codes = names.codes[rows].astype(np.uint8)
    counts = np.bincount(codes, minlength=len(names.categories))
    groups = [
        Group(name=str(name), colour=colours[n], shape=shapes[n], count=int(counts[n]))
        for n, name in enumerate(names.categories)
    ]
    codes += (FAINT * is_faint[rows]).astype(np.uint8)
    text = f"{neighbour_cache.folder(data)} {by} {colours} {theme.ground()}"
    version = hashlib.blake2b(text.encode() + codes.tobytes(), digest_size=8).hexdigest()
    return Points(version=version, places=made.places[rows], classes=codes, groups=groups)


def _look(
    data: Dataset, studies: pd.DataFrame, made: Neighbours, by: str
) -> tuple["pd.Categorical[Any]", Sequence[str], Sequence[str]]:
    """Return the class of every film of the manifest; colours and shapes of the classes."""
    if by == "label":
        positive = np.repeat(studies["label"].to_numpy() == 1, studies["views"].to_numpy())
        words = _either(positive, "fracture", "no fracture")
        return words, (theme.colour("fracture"), theme.colour("none")), ("triangle", "circle")
    if by == "prediction":
        right = neighbour_cache.right(data, made)
        words = _either(right, "right", "wrong")
        return words, (theme.colour("grey"), theme.colour("error")), ("circle", "triangle")
    column = data.manifest[by].astype(str)
    names = list(column.unique())
    if len(names) > CLASSES:
        column = column.where(column.isin(names[: CLASSES - 1]), "others")
        names = [*names[: CLASSES - 1], "others"]
    palette = theme.run_colours()
    colours = [palette[n % len(palette)] for n in range(len(names))]
    # A colour that comes again has another shape.
    shapes = [SHAPES[(n + n // len(palette)) % len(SHAPES)] for n in range(len(names))]
    return pd.Categorical(column, categories=names), colours, shapes


def _either(holds: np.ndarray, yes: str, no: str) -> "pd.Categorical[Any]":
    return pd.Categorical(np.where(holds, yes, no), categories=[yes, no])


def _map(
    data: Dataset,
    studies: pd.DataFrame,
    made: Neighbours,
    points: Points,
    rows: np.ndarray,
    sent: Sent,
) -> None:
    """Draw the map; redrawn alone while the pointer moves from film to film."""
    if st.session_state.pop(state.MAP_MOVED, False):
        st.rerun()  # the whole page: the address has changed

    def moved(area: Area) -> None:
        map_area.put(area)
        st.session_state[state.MAP_MOVED] = True

    def opened(point: int) -> None:
        wall.open_study(str(_study(studies, int(rows[point])).key))
        st.session_state[state.MAP_MOVED] = True

    point = film_map.hovered_point(len(rows))
    film_map.show(
        points,
        sent,
        f"Map of {plural(len(rows), 'film')}",
        map_area.corners(),
        None if point is None else _hovered(data, studies, made, point, int(rows[point])),
        on_area=moved,
        on_open=opened,
    )


def _study(studies: pd.DataFrame, row: int) -> Any:
    """Return the study of a film, by its row in the manifest."""
    place = int(np.searchsorted(studies["first"].to_numpy(), row, "right")) - 1
    return next(studies.iloc[place : place + 1].itertuples())


def _hovered(
    data: Dataset, studies: pd.DataFrame, made: Neighbours, point: int, row: int
) -> Hovered:
    study = _study(studies, row)
    lines = [quiz.name(study), wall.describe(study).removeprefix(f"{quiz.name(study)}, ")]
    if not quiz.hides(study.key):
        label = f"{theme.FRACTURE} fracture" if study.label else f"{theme.NO_FRACTURE} no fracture"
        verdict = "right" if neighbour_cache.right(data, made)[row] else "wrong"
        score = made.features.probabilities[row]
        lines += [label, f"score {score:.3f}; the study's verdict is {verdict}"]
    path = data.root / data.manifest["path"].iloc[row]
    return Hovered(point=point, picture=film_cache.small(path) or b"", lines=tuple(lines))
