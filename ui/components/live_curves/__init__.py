"""The live curves: loss and accuracy of an active run, in one view that stays in place.

The browser keeps zoom and choice of lines while data arrive; nothing is remounted. Only new points
are sent: each message names its predecessor, and a browser that missed the predecessor requests all
points. `curves.js` and `curves.css` are beside this file and need no build step.
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ui.components import register

POINTS = 1_500  # per line at most: more do not show on a screen, and cost on every update
DIGITS = 6  # of a point behind the decimal point
_component = register("live_curves", '<div class="curves"></div>', "curves", ["curves"])


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One plot.

    Args:
        name: the panel of lines and guides.
        title: above it, with its unit.
        short: its name on the button that chooses it in a lecture hall.
        percent: whether its values are shares, shown in percent with the whole scale up to 1;
            otherwise it reaches from 0 or the lowest value to the highest.
    """

    name: str
    title: str
    short: str = ""
    percent: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """One line of a panel.

    Args:
        panel: the name of its panel.
        name: in the legend; lines of one name are shown and hidden together.
        colour: hex.
        points: epochs and values, see `drawn`; never changed once shown.
        width: px.
        dash: "" solid, or an SVG dash pattern.
        dots: whether each value has a dot.
        over: n of each value, in words: "18 films".
    """

    panel: str
    name: str
    colour: str
    points: np.ndarray = field(repr=False)
    width: float = 2.5
    dash: str = ""
    dots: bool = True
    over: str = ""


@dataclass(frozen=True, kw_only=True)
class Guide:
    """A horizontal line through a panel of shares, named beside it: the baseline."""

    panel: str
    y: float
    words: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A vertical line through all panels: an event at an epoch.

    Args:
        x: epoch, a fraction inside one.
        words: the event.
        kind: "event", "best" (of the dev loss) or "here" (the epoch shown).
    """

    x: float
    words: str
    kind: str = "event"


@dataclass(kw_only=True)
class Sent:
    """The points sent to one browser since its page was drawn as a whole; continued by `show`.

    Args:
        message: the name of the last message; "" before the first one.
        count: of messages.
        points: panel and name of a line -> its points by now, float64 (n, 2).
    """

    message: str = ""
    count: int = 0
    points: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def forget(self) -> None:
        """Send all points with the next message."""
        self.message = ""
        self.points = {}


def show(
    panels: Sequence[Panel],
    lines: Sequence[Line],
    last_epoch: int,
    sent: Sent,
    guides: Sequence[Guide] = (),
    marks: Sequence[Mark] = (),
    shown: int | None = None,
    explanation: str = "",
    big: bool = False,
) -> None:
    """Draw the panels side by side, or one below the other where there is no room.

    Args:
        panels: in their order.
        lines: of any panel.
        last_epoch: end of the axis.
        sent: the browser's points, a fresh record whenever the whole page is drawn; changed here.
        guides: of any panel.
        marks: through all of them.
        shown: the epoch shown, after which lines are faint; `None` for the last one.
        explanation: of the lines' names, behind a button; "" for none.
        big: type and lines for the back row of a lecture hall.
    """
    data = {
        "panels": [asdict(panel) for panel in panels],
        "lines": [_described(line) for line in lines],
        **_news(lines, sent),
        "last": max(1, last_epoch),
        "guides": [asdict(guide) for guide in guides],
        "marks": [asdict(mark) for mark in marks],
        "shown": shown,
        "help": explanation,
        "big": big,
    }
    _component(data=data, key="live-curves", on_whole_change=sent.forget)


def _described(line: Line) -> dict[str, Any]:
    return {
        "panel": line.panel,
        "name": line.name,
        "colour": line.colour,
        "width": line.width,
        "dash": line.dash,
        "dots": line.dots,
        "over": line.over,
    }


def _news(lines: Sequence[Line], sent: Sent) -> dict[str, Any]:
    """The browser's missing points: of each line the number of kept points, and the new ones."""
    before, sent.points = sent.points, {(line.panel, line.name): line.points for line in lines}
    follows = sent.message
    sent.count += 1
    sent.message = f"{follows.partition(' ')[0] or secrets.token_hex(4)} {sent.count}"
    news = [change(before.get(key), points) for key, points in sent.points.items()]
    return {"follows": follows, "message": sent.message, "points": news}


def change(before: np.ndarray | None, points: np.ndarray) -> list[Any]:
    """Return the change of a line: the number of kept points, then x and y of the new ones.

    Args:
        before: (n, 2); `None` if there are none.
        points: (n, 2).
    """
    if before is points:
        return [len(points)]
    stay = 0
    if before is not None:
        both = min(len(before), len(points))
        differ = np.flatnonzero((before[:both] != points[:both]).any(axis=1))
        stay = int(differ[0]) if len(differ) else both
    return [stay, *points[stay:].T.tolist()]


def drawn(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> np.ndarray:
    """Thin the points of a line to at most `POINTS` + 1, float64 (n, 2).

    NaNs are left out; a growing line keeps its points until every other one is dropped.
    """
    points = np.column_stack([np.asarray(x, np.float64), np.asarray(y, np.float64)])
    points = points[np.isfinite(points).all(axis=1)].round(DIGITS)
    step = 1
    while len(points) > POINTS * step:
        step *= 2
    kept = points[::step]
    return kept if (len(points) - 1) % step == 0 else np.concatenate([kept, points[-1:]])
