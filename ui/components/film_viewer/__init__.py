"""The film viewer: every film of a study side by side, wherever films show.

Zoom and pan are linked across the views; contrast, brightness, inversion, one view at a time, heat
maps and the network's own pixels are the browser's business, so that none of them runs a script.
Films are whole at the start and never cropped. The eraser's strokes are the one thing that Python
hears of. `viewer.js` and `viewer.css` lie beside this file and need no
build step.
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
        tone: what colour and shape the note has: of a fracture, of none, or neither.
        seen: what networks get of it: recipe -> image file of the recipe's size.
        maps: heat maps that can be laid over it: name -> image file with transparency, stretched
            over the whole film in squares, so that a map's cells show.
    """

    name: str
    film: Picture | None
    note: str = ""
    tone: Literal["fracture", "none", ""] = ""
    seen: dict[PixelRecipe, bytes] = field(default_factory=dict)
    maps: dict[str, bytes] = field(default_factory=dict)


StrokesByFilm = dict[str, list[Stroke]]  # name of a film -> what was brushed over


def show(frames: Sequence[Frame], key: str, erased: StrokesByFilm | None = None) -> None:
    """The films, in the order of the views.

    Args:
        key: of the study: another study begins with its films whole, while other notes or boxes on
            the same films leave zoom and contrast as they are.
        erased: see `erased`; `None` where films cannot be brushed over.
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
        for name, made in (erased or {}).items()
        for each in made
    ]
    data = {
        "study": key, "films": films, "seen": seen, "maps": maps,
        "erasable": erased is not None, "strokes": strokes,
    }  # fmt: skip
    _component(data=data, key=state.VIEWER, on_erased_change=lambda: None)


def strokes_of(key: str) -> StrokesByFilm:
    """What the viewer of this browser session has brushed over on the films of a study.

    Args:
        key: as given to `show`.
    """
    said = (st.session_state.get(state.VIEWER) or {}).get("erased") or {}
    found: StrokesByFilm = {}
    if said.get("study") == key:
        for stroke in said["strokes"]:
            points = tuple((float(x), float(y)) for x, y in stroke["points"])
            found.setdefault(stroke["film"], []).append(
                Stroke(points=points, radius=float(stroke["radius"]))
            )
    return found
