"""The film viewer: all films of a study side by side, on every page that shows films.

Zoom and pan are linked across the views; contrast, brightness, inversion, one view at a time, heat
maps and the network's own pixels are handled in the browser, so that none of them runs a script.
Films are whole at the start and never cropped. Only the eraser's strokes are sent to Python.
`viewer.js` and `viewer.css` are beside this file and need no build step.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd
import streamlit as st

from fracture_core.config import PixelRecipe
from fracture_core.films.eraser import Stroke
from ui.shared.pictures import Picture
from ui.shell import state

LONGEST_PX = 2048  # of a film's longer side; more does not show on a screen
_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "film_viewer",
    html='<div class="viewer"></div>',
    css=(_HERE / "viewer.css").read_text(encoding="utf-8"),
    js=(_HERE / "viewer.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One film's place in the viewer.

    Args:
        name: of the film's file.
        film: `None` if it cannot be read.
        note: a line under the film, or the sentence in its place.
        tone: colour and shape of the note: of a fracture, of none, or neither.
        seen: inputs of networks: recipe -> image file of the recipe's size.
        maps: heat maps to overlay: name -> image file with transparency, stretched over the whole
            film in squares, so that a map's cells show.
    """

    name: str
    film: Picture | None
    note: str = ""
    tone: Literal["fracture", "none", ""] = ""
    seen: dict[PixelRecipe, bytes] = field(default_factory=dict)
    maps: dict[str, bytes] = field(default_factory=dict)


StrokesByFilm = dict[str, list[Stroke]]  # name of a film -> strokes of the eraser


def show(frames: Sequence[Frame], key: str, erased: StrokesByFilm | None = None) -> None:
    """Draw the films, in the order of the views.

    Args:
        frames: the films.
        key: of the study: another study begins with whole films, while other notes or boxes on
            the same films keep zoom and contrast.
        erased: see `strokes_of`; `None` to hide the eraser.
    """
    films = pd.DataFrame(
        {
            "name": [frame.name for frame in frames],
            "note": [frame.note for frame in frames],
            "tone": [frame.tone for frame in frames],
            "image": [frame.film.content if frame.film else b"" for frame in frames],
            "width": [frame.film.width if frame.film else 0 for frame in frames],
            "height": [frame.film.height if frame.film else 0 for frame in frames],
        }
    )
    seen = pd.DataFrame(
        [
            (number, recipe.size, recipe.resample, content)
            for number, frame in enumerate(frames)
            for recipe, content in frame.seen.items()
        ],
        columns=["film", "size", "resample", "image"],
    )
    maps = pd.DataFrame(
        [(number, *each) for number, frame in enumerate(frames) for each in frame.maps.items()],
        columns=["film", "name", "image"],
    )
    strokes = [
        {"film": name, "radius": each.radius, "points": each.points}
        for name, own in (erased or {}).items()
        for each in own
    ]
    data = {
        "study": key,
        "films": films,
        "seen": seen,
        "maps": maps,
        "erasable": erased is not None,
        "strokes": strokes,
    }
    _component(data=data, key=state.VIEWER, on_erased_change=lambda: None)


def strokes_of(key: str) -> StrokesByFilm:
    """Return the eraser's strokes on the films of a study in this browser session.

    Args:
        key: as passed to `show`.
    """
    erased = (st.session_state.get(state.VIEWER) or {}).get("erased") or {}
    strokes: StrokesByFilm = {}
    if erased.get("study") == key:
        for stroke in erased["strokes"]:
            points = tuple((float(x), float(y)) for x, y in stroke["points"])
            strokes.setdefault(stroke["film"], []).append(
                Stroke(points=points, radius=float(stroke["radius"]))
            )
    return strokes
