"""A map of films: a point each, a small picture under the pointer, an area drawn by hand.

Zooming, panning and hiding classes are handled in the browser, so that none of them runs a script.
Points are painted by the processor, without WebGL: 40,000 take some milliseconds on any machine.
They are sent once; the picture of a film is sent when the pointer rests on it. `map.js` and
`map.css` are beside this file.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from ui.components import register

_component = register("film_map", '<div class="map"></div>', "map", ["map"])
_KEY = "film-map"
SHAPES = ("circle", "triangle", "square", "diamond")
CLASSES = 16  # at most: more cannot be told apart
FAINT = 128  # added to the class of a point in the background
CORNERS = 64  # of an area, at most
SCALE = 1000  # an area's corners are whole thousandths of the map

Area = tuple[tuple[int, int], ...]  # corners in thousandths of the map


@dataclass(frozen=True, kw_only=True)
class Group:
    """A class of points.

    Args:
        name: in the legend.
        colour: hex.
        shape: one of `SHAPES`.
        count: of its films.
    """

    name: str
    colour: str
    shape: str
    count: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """The points of a map.

    Args:
        version: changes whenever anything of them does.
        places: float32 (n, 2), 0 to 1, without NaN.
        classes: uint8 (n,), number of its group, plus `FAINT` in the background.
        groups: at most `CLASSES`.
    """

    version: str
    places: np.ndarray
    classes: np.ndarray
    groups: Sequence[Group]


@dataclass(frozen=True, kw_only=True)
class Hovered:
    """The film under the pointer.

    Args:
        point: its number.
        picture: JPEG; empty for a film that cannot be read.
        lines: what is known about it, plain text.
    """

    point: int
    picture: bytes
    lines: tuple[str, ...]


@dataclass(kw_only=True)
class Sent:
    """Version of the points that one browser has, since its page was drawn as a whole."""

    version: str = ""

    def forget(self) -> None:
        """Send the points again with the next message."""
        self.version = ""


def show(
    points: Points,
    sent: Sent,
    title: str,
    area: Area,
    hovered: Hovered | None,
    on_area: Callable[[Area], None],
    on_open: Callable[[int], None],
) -> None:
    """Draw the map.

    Args:
        points: of all films.
        sent: what the browser has, a fresh record whenever the whole page is drawn; changed here.
        title: of the figure, for screen readers.
        area: drawn on it; () for none.
        hovered: the film under the pointer, see `hovered_point`.
        on_area: called with a new area, () for none.
        on_open: called with the number of a point that was clicked.
    """
    news = None
    if sent.version != points.version:
        sent.version = points.version
        columns = {"x": points.places[:, 0], "y": points.places[:, 1], "class": points.classes}
        news = pd.DataFrame(columns)
    data: dict[str, Any] = {
        "version": points.version,
        "points": news,
        "groups": [asdict(each) for each in points.groups],
        "title": title,
        "area": [list(corner) for corner in area],
        "hovered": hovered and {"point": hovered.point, "lines": list(hovered.lines)},
        "picture": pd.DataFrame({"image": [hovered.picture]}) if hovered else None,
    }
    count = len(points.places)
    _component(
        data=data,
        key=_KEY,
        on_whole_change=sent.forget,
        on_point_change=lambda: None,
        on_area_change=lambda: on_area(_area(_sent("area"))),
        on_open_change=lambda: _opened(count, on_open),
    )


def hovered_point(count: int) -> int | None:
    """Return the number of the point under the pointer, of so many; `None` without one."""
    point = _sent("point")
    return point if type(point) is int and 0 <= point < count else None


def _sent(name: str) -> Any:
    """Return what the browser has sent under this name; of any kind."""
    return (st.session_state.get(_KEY) or {}).get(name)


def _opened(count: int, on_open: Callable[[int], None]) -> None:
    point = _sent("open")
    if type(point) is int and 0 <= point < count:
        on_open(point)


def _area(corners: Any) -> Area:
    """Return an area that a browser has sent; () for anything else."""
    if not isinstance(corners, list) or not 3 <= len(corners) <= CORNERS:
        return ()
    whole = [c for c in corners if isinstance(c, list) and len(c) == 2]
    if len(whole) != len(corners) or not all(is_place(value) for c in whole for value in c):
        return ()
    return tuple((x, y) for x, y in whole)


def is_place(value: object) -> bool:
    """Return whether this is a coordinate of an area's corner, which may lie a little outside."""
    return type(value) is int and -SCALE <= value <= 2 * SCALE
