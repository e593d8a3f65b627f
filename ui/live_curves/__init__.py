"""The live curves: loss and accuracy of a run while it goes on, in one view that stays in place.

The browser keeps zoom and choice of lines while data arrive; nothing is mounted anew. `curves.js`
and `curves.css` lie beside this file and need no build step.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

POINTS = 1_500  # of a line at most: more do not show on a screen, and cost on every update
_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "live_curves",
    html='<div class="curves"></div>',
    css=(_HERE / "curves.css").read_text(encoding="utf-8"),
    js=(_HERE / "curves.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One plot.

    Args:
        name: what lines and guides call it.
        title: above it, with its unit.
        percent: whether its values are shares, shown in percent with the whole scale up to 1;
            otherwise it reaches from 0 or the lowest value to the highest.
    """

    name: str
    title: str
    percent: bool = False


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a panel.

    Args:
        panel: the name of its panel.
        name: in the legend; lines of one name are shown and hidden together.
        colour: hex.
        x: epochs, fractions inside them.
        y: values; what is not a number is left out.
        width: px.
        dash: "" solid, or an SVG dash pattern.
        dots: whether each value has a dot.
        over: what each value is over, in words: "18 films".
    """

    panel: str
    name: str
    colour: str
    x: Sequence[float]
    y: Sequence[float]
    width: float = 2.5
    dash: str = ""
    dots: bool = True
    over: str = ""


@dataclass(frozen=True, kw_only=True)
class Guide:
    """A level line through a panel, with words: what guessing would reach."""

    panel: str
    y: float
    words: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """An upright line through all panels: what happened at an epoch.

    Args:
        x: epoch, a fraction inside one.
        words: what happened.
        kind: "event", "best" (of the dev loss) or "here" (the epoch that is looked at).
    """

    x: float
    words: str
    kind: str = "event"


def show(
    panels: Sequence[Panel],
    lines: Sequence[Line],
    last_epoch: int,
    guides: Sequence[Guide] = (),
    marks: Sequence[Mark] = (),
    big: bool = False,
) -> None:
    """Draw the panels side by side, or one below the other where there is no room.

    Args:
        panels: in their order.
        lines: of any panel.
        last_epoch: where the axis ends.
        guides: of any panel.
        marks: through all of them.
        big: type and lines for the back row of a lecture hall.
    """
    points = pd.concat(
        [
            pd.DataFrame({"line": number, "x": line.x, "y": line.y}).astype("float32")
            for number, line in enumerate(map(_thinned, lines))
        ]
        or [pd.DataFrame(columns=["line", "x", "y"], dtype="float32")]
    ).dropna()
    described = [
        {key: value for key, value in asdict(line).items() if key not in ("x", "y")}
        for line in lines
    ]
    data = {
        "panels": [asdict(panel) for panel in panels],
        "lines": described,
        "points": points,
        "last": max(1, last_epoch),
        "guides": [asdict(guide) for guide in guides],
        "marks": [asdict(mark) for mark in marks],
        "big": big,
    }
    _component(data=data, key="live-curves")


def _thinned(line: Line) -> Line:
    """Every so-manieth point, and the last one."""
    step = -(-len(line.x) // POINTS)
    if step <= 1:
        return line
    x, y = list(line.x), list(line.y)
    kept = [*range(0, len(x) - 1, step), len(x) - 1]
    fields = asdict(line) | {"x": [x[i] for i in kept], "y": [y[i] for i in kept]}
    return Line(**fields)
