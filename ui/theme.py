"""The colours, shapes and words that mean the same thing on every page.

Fracture and no fracture have one colour and one shape each, never colour alone. The colours are
those of `.streamlit/config.toml`, by theme.
"""

import re

import streamlit as st

from ui import owner
from ui.charts import Ink

LONGEST = 60  # characters of what an address held that are said again
FRACTURE, NO_FRACTURE = "▲", "●"
_COLOURS = {
    "dark": {"fracture": "#F2913D", "none": "#4FA3E0", "accent": "#A79BFF", "grey": "#8C96A3"},
    "light": {"fracture": "#B8520A", "none": "#1767A8", "accent": "#5B45D6", "grey": "#6B7480"},
}
# Of runs beside each other: neither fracture's nor no fracture's, and told apart by colour-blind
# people as far as eight can be; each has a marker of its own too.
_RUNS = {
    "dark": (
        "#A79BFF",
        "#5CD6B6",
        "#E879B0",
        "#D8CF5A",
        "#F2B8B5",
        "#C79A6B",
        "#9BD65C",
        "#C4CAD2",
    ),
    "light": (
        "#5B45D6",
        "#0E7C66",
        "#B3266E",
        "#857800",
        "#9E3D3D",
        "#7A4F22",
        "#4B7A12",
        "#525B66",
    ),
}
_GROUND = {"dark": "#0A0C0F", "light": "#FFFFFF"}


def colour(name: str) -> str:
    """The hex colour of "fracture", "none", "accent" or "grey" in the viewer's theme."""
    return _COLOURS["light" if st.context.theme.type == "light" else "dark"][name]


def run_colours() -> tuple[str, ...]:
    """Hex colours of runs whose curves lie over each other, in the viewer's theme."""
    return _RUNS["light" if st.context.theme.type == "light" else "dark"]


def ground() -> str:
    """The page's own hex colour in the viewer's theme."""
    return _GROUND["light" if st.context.theme.type == "light" else "dark"]


def on_film(positive: bool) -> str:
    """The hex colour of a label on a film's black, which no theme changes."""
    return _COLOURS["dark"]["fracture" if positive else "none"]


def mark(positive: bool) -> str:
    """The shape and word of a label or verdict, coloured, as Markdown."""
    if positive:
        return f":orange[{FRACTURE} fracture]"
    return f":blue[{NO_FRACTURE} no fracture]"


def synthetic_badge() -> str:
    """The badge of synthetic films and of models trained on them, as Markdown."""
    return ":violet-badge[:material/science: synthetic]"


def plural(count: int, noun: str) -> str:
    """ "1 study", "400 studies": the count with its noun."""
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else many}"


def plain(text: str) -> str:
    """A file's or patient's name as Markdown that shows it to the letter; to a visitor of a room,
    without the folders of this machine."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|:~$&])", r"\\\1", owner.discreet(text))


def short(text: str) -> str:
    """What was received, at a length that a sentence bears."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def ink() -> Ink:
    """The colours of charts in the viewer's theme: training, dev and valid differ in dash too."""
    if st.context.theme.type == "light":
        return Ink(text="#171B21", grid="#E3E7EC", train="#6B7480", dev="#5B45D6", valid="#0E7C66")
    return Ink(text="#E4E7EB", grid="#232930", train="#8C96A3", dev="#A79BFF", valid="#5CD6B6")
