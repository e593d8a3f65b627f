"""The colours, shapes and words that mean the same thing on every page.

Fracture and no fracture have one colour and one shape each, never colour alone. The colours are
those of `.streamlit/config.toml`, by theme.
"""

import re

import streamlit as st

from fracture_core.reports.markup import clean
from ui.shared.charts import Ink
from ui.shell import owner

_MARKUP = re.compile(r"[\\`*_{}\[\]()<>#+\-.!|:~$&=]")
_TAKEN_FOR_MORE = re.compile(  # in escaped text: where a link, an emoji, an icon or an arrow begins
    r"\\:(?=[\w\\/])|@(?=[\w\\])|(?i:www)(?=\\\.)|\\[-<>=~](?=\\[-=>])"
)
_NOTHING = ":color[]"  # Streamlit's directive for coloured text, with neither colour nor text
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
    """Foreign text as Markdown that shows it to the letter: a name, a card's words, an error.

    The one way into any text of Streamlit that knows Markdown: bodies, labels, help, captions.
    Backslashes alone do not do: links, emoji, icons and arrows are sought in what is left of a text
    after its escapes are read, so a piece without content parts what would be taken for one.
    White space of every kind becomes spaces, and where Markdown would drop them, hard ones;
    characters that show nothing or turn the direction of what follows become a mark. A visitor of
    a room does not see the folders of this machine.
    """
    text = re.sub(r"^ | $|(?<= ) ", "\u00a0", re.sub(r"\s", " ", owner.discreet(text)))
    escaped = _MARKUP.sub(r"\\\g<0>", clean(text))
    return _TAKEN_FOR_MORE.sub(rf"\g<0>{_NOTHING}", escaped)


def ink() -> Ink:
    """The colours of charts in the viewer's theme: training, dev and valid differ in dash too."""
    if st.context.theme.type == "light":
        return Ink(text="#171B21", grid="#E3E7EC", train="#6B7480", dev="#5B45D6", valid="#0E7C66")
    return Ink(text="#E4E7EB", grid="#232930", train="#8C96A3", dev="#A79BFF", valid="#5CD6B6")
