"""The film viewer: a reading room for the films of a study, on every page that shows films.

Zoom, window and level, rotation, ruler, magnifier, heat maps and the network's own pixels are
handled in the browser, so that none of them runs a script. Films are whole at the start and never
cropped. Only the eraser's strokes, the way to another study and the quiz are sent to Python. The
scripts beside this file are joined to one module and need no build step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd
import streamlit as st

from fracture_core.config.film_settings import PixelRecipe
from fracture_core.films.eraser import Stroke
from ui.components import register
from ui.shared.pictures import Picture
from ui.shell import state

_SCRIPTS = ("pixels", "stage", "marks", "toolbar", "bar", "panes", "gestures", "viewer")
_component = register("film_viewer", '<div class="viewer"></div>', "viewer", _SCRIPTS)
_NAME = 32  # characters of a window's name, on a button
MOST_WINDOWS = 8  # of a film's file that are offered
Box = tuple[float, float, float, float]  # left, top, right, bottom in shares of the film's size


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One film's place in the viewer.

    Args:
        name: of the film's file.
        film: `None` if it cannot be read.
        note: a line under the film, or the sentence in its place.
        spoken: the note as it is read aloud; by default the note itself.
        brief: the score alone, under a small picture of the film; by default its mark.
        tone: colour and shape of the note: of a fracture, of none, or neither.
        seen: inputs of networks: recipe -> image file of the recipe's size.
        maps: heat maps to overlay: name -> image file with transparency, stretched over the whole
            film in squares, so that a map's cells show.
        boxes: drawn on the film, such as known breaks.
    """

    name: str
    film: Picture | None
    note: str = ""
    spoken: str = ""
    brief: str = ""
    tone: Literal["fracture", "none", ""] = ""
    seen: dict[PixelRecipe, bytes] = field(default_factory=dict)
    maps: dict[str, bytes] = field(default_factory=dict)
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OtherStudy:
    """A study beside the one that is open.

    Args:
        names: of the open study and of this one, each above its films.
        frames: its films.
    """

    names: tuple[str, str]
    frames: Sequence[Frame]


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The way to the studies before and after, in full screen too.

    Args:
        previous: whether there is a study before this one.
        next: whether there is one after it.
        on_step: called with -1 or 1.
    """

    previous: bool
    next: bool
    on_step: Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Quiz:
    """Hidden labels: read the study first, then reveal its label and predictions.

    Args:
        hidden: whether labels are hidden.
        revealed: whether those of this study are shown all the same.
        on_press: called with "switch" to hide or show labels, with "reveal" for this study.
    """

    hidden: bool
    revealed: bool
    on_press: Callable[[str], None]


StrokesByFilm = dict[str, list[Stroke]]  # name of a film -> strokes of the eraser


def show(
    frames: Sequence[Frame],
    key: str,
    erased: StrokesByFilm | None = None,
    title: str = "",
    other: OtherStudy | None = None,
    neighbours: Neighbours | None = None,
    quiz: Quiz | None = None,
) -> None:
    """Draw the films, in the order of the views.

    Args:
        frames: the films.
        key: of the study: another study begins with whole films, while other notes or boxes on
            the same films keep zoom and window.
        erased: see `strokes_of`; `None` to hide the eraser.
        title: the study's name, shown in full screen.
        other: a study to compare it with, on the right half.
        neighbours: `None` if there is no way to other studies.
        quiz: `None` to offer none.
    """
    every = [*frames, *(other.frames if other else ())]
    data = {
        "study": key,
        "title": title,
        "films": _films(every, len(frames)),
        "windows": _table(every, _WINDOW_COLUMNS, _windows),
        "seen": _table(every, _SEEN_COLUMNS, _seen),
        "maps": _table(every, ("film", "name", "image"), lambda frame: frame.maps.items()),
        "boxes": _table(every, ("film", "x0", "y0", "x1", "y1"), lambda frame: frame.boxes),
        "groups": list(other.names) if other else [],
        "steps": neighbours and {"previous": neighbours.previous, "next": neighbours.next},
        "quiz": quiz and {"hidden": quiz.hidden, "revealed": quiz.revealed},
        "erasable": erased is not None,
        "strokes": [
            {"film": name, "radius": each.radius, "points": each.points}
            for name, own in (erased or {}).items()
            for each in own
        ],
    }
    _component(
        data=data,
        key=state.VIEWER,
        on_erased_change=lambda: None,
        on_step_change=lambda: _tell("step", neighbours.on_step if neighbours else None),
        on_quiz_change=lambda: _tell("quiz", quiz.on_press if quiz else None),
    )


_WINDOW_COLUMNS = ("film", "name", "center", "width", "function")


def _windows(frame: Frame) -> list[tuple[str, float, float, str]]:
    """Return the windows of a film's file; each has a name of its own."""
    depth = frame.film and frame.film.depth
    windows = depth.windows[:MOST_WINDOWS] if depth else ()
    names = [window.explanation[:_NAME] or "File's window" for window in windows]
    lines = []
    for number, window in enumerate(windows, 1):
        words = names[number - 1]
        if names.count(words) > 1:
            words += f" {number}"
        lines.append((words, window.center, window.width, window.function))
    return lines


_SEEN_COLUMNS = ("film", "size", "resample", "image")


def _seen(frame: Frame) -> list[tuple[Any, ...]]:
    return [(recipe.size, recipe.resample, image) for recipe, image in frame.seen.items()]


def _table(
    frames: Sequence[Frame], columns: Sequence[str], rows: Callable[[Frame], Any]
) -> pd.DataFrame:
    """Return the rows of all films, each with the number of its film before it."""
    lines = [(number, *row) for number, frame in enumerate(frames) for row in rows(frame)]
    return pd.DataFrame(lines, columns=list(columns))


def _films(frames: Sequence[Frame], own: int) -> pd.DataFrame:
    """Return a line per film; the first `own` are of the open study, the others of another one."""
    lines = []
    for number, frame in enumerate(frames):
        film, spacing = frame.film, frame.film and frame.film.spacing
        depth = film.depth if film else None
        wide, high = film.file_size if film else (0, 0)
        lines.append(
            {
                "name": frame.name,
                "note": frame.note,
                "spoken": frame.spoken,
                "brief": frame.brief,
                "tone": frame.tone,
                "group": int(number >= own),
                "image": film.content if film else b"",
                "deep": depth is not None,
                "first": depth.first if depth else 0.0,
                "step": depth.step if depth else 1.0,
                "shades": depth.shades if depth else b"",
                "turned": bool(depth and depth.inverted),
                "width": film.width if film else 0,
                "height": film.height if film else 0,
                "fileWidth": wide,
                "fileHeight": high,
                "mmWidth": wide * spacing.column if spacing else 0.0,
                "mmHeight": high * spacing.row if spacing else 0.0,
                "detector": bool(spacing and spacing.at_detector),
            }
        )
    return pd.DataFrame(lines)


def _tell(name: str, action: Callable[[Any], None] | None) -> None:
    """Call the action with what the browser has just sent under this name."""
    sent = (st.session_state.get(state.VIEWER) or {}).get(name)
    if action and sent is not None:
        action(sent)


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
