"""Colours, shapes and words with the same meaning on every page.

Fracture and no fracture have one colour and one shape each, never colour alone. The colours are
those of `.streamlit/config.toml`, by theme.
"""

import re

import streamlit as st

from fracture_core.words import clean
from ui.shared.charts import Ink
from ui.shell import owner

_MARKUP = re.compile(r"[\\`*_{}\[\]()<>#+\-.!|:~$&=]")
_SPECIAL = re.compile(  # in escaped text: the beginning of a link, an emoji, an icon or an arrow
    r"\\:(?=[\w\\/])|@(?=[\w\\])|(?i:www)(?=\\\.)|\\[-<>=~](?=\\[-=>])"
)
_NOTHING = ":color[]"  # Streamlit's directive for coloured text, with neither colour nor text
FRACTURE, NO_FRACTURE = "▲", "●"
HIDDEN = "#59626D"  # of a label that is hidden, on a film's black
_COLOURS = {
    "dark": {
        "fracture": "#F2913D",
        "none": "#4FA3E0",
        "accent": "#A79BFF",
        "grey": "#8C96A3",
        "error": "#E5484D",
    },
    "light": {
        "fracture": "#B8520A",
        "none": "#1767A8",
        "accent": "#5B45D6",
        "grey": "#6B7480",
        "error": "#C62A2F",
    },
}
# Of overlaid runs: neither fracture's nor no fracture's, and as distinct to colour-blind people as
# eight colours can be; each has a marker of its own too.
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
_GROUND = {"dark": "#030405", "light": "#FFFFFF"}


def colour(name: str) -> str:
    """Return the hex colour of a key of `_COLOURS` in the viewer's theme."""
    return _COLOURS["light" if st.context.theme.type == "light" else "dark"][name]


def run_colours() -> tuple[str, ...]:
    """Return the hex colours of overlaid runs in the viewer's theme."""
    return _RUNS["light" if st.context.theme.type == "light" else "dark"]


def ground() -> str:
    """Return the page's background as a hex colour in the viewer's theme."""
    return _GROUND["light" if st.context.theme.type == "light" else "dark"]


def on_film(positive: bool) -> str:
    """Return the hex colour of a label on a film's black, the same in every theme."""
    return _COLOURS["dark"]["fracture" if positive else "none"]


def mark(positive: bool) -> str:
    """Format a label or verdict as coloured shape and word, in Markdown."""
    if positive:
        return f":orange[{FRACTURE} fracture]"
    return f":blue[{NO_FRACTURE} no fracture]"


def synthetic_badge() -> str:
    """Return the badge of synthetic films and of models trained on them, as Markdown."""
    return ":violet-badge[:material/science: synthetic]"


def plain(text: str) -> str:
    """Escape foreign text (a name, a card's words, an error) so that Markdown shows it verbatim.

    Every foreign text goes through it before Streamlit reads it as Markdown: bodies, labels, help,
    captions. Backslashes are not enough: Streamlit looks for links, emoji, icons and arrows after
    the escapes are resolved, so an empty directive splits what would be taken for one. White space
    of every kind becomes spaces, non-breaking ones where Markdown would drop them; invisible
    characters and those that change the direction of text become a mark. For a visitor of a room
    this machine's folders are removed.
    """
    text = re.sub(r"^ | $|(?<= ) ", "\u00a0", re.sub(r"\s", " ", owner.discreet(text)))
    escaped = _MARKUP.sub(r"\\\g<0>", clean(text))
    return _SPECIAL.sub(rf"\g<0>{_NOTHING}", escaped)


def ink() -> Ink:
    """Return the colours of charts in the viewer's theme."""
    if st.context.theme.type == "light":
        return Ink(text="#171B21", grid="#E3E7EC", train="#6B7480", dev="#5B45D6", valid="#0E7C66")
    return Ink(text="#E4E7EB", grid="#232930", train="#8C96A3", dev="#A79BFF", valid="#5CD6B6")
