"""A run's accuracy as one small picture: SVG text, drawn from numbers alone.

Its proportions are those of a card of films, so that the three doors of Home stand alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ui.shared import chart_words, figures
from ui.shared.charts import Ink
from ui.shared.film_cards import CARD

WIDTH, HEIGHT = CARD
LEFT, RIGHT, TOP, BOTTOM = 92, 14, 156, 58  # px around the curves; words stand above them
WORDS_PX, TICKS_PX, LINE_PX = 38, 30, 46  # type that can be read in a third of a 900 px window
LOWEST = 0.4  # of the accuracy's axis, unless a curve lies below
FAMILY = "Source Sans, sans-serif"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A curve of shares.

    Args:
        name: "training", "dev" or "valid".
        colour: hex.
        values: 0 to 1, by epoch, which may be a fraction.
        n: number of films behind the last value; 0 where it is not known yet.
    """

    name: str
    colour: str
    values: "pd.Series[float]"
    n: int

    @property
    def last(self) -> str:
        """Return the last value in words: "84.2 %"."""
        return figures.percent(float(self.values.iloc[-1]))


def lines(epochs: pd.DataFrame, steps: pd.DataFrame, ink: Ink) -> list[Line]:
    """Return the accuracy of a run's roles over epochs; before the first epoch, that over steps.

    Args:
        epochs: `journal.metrics`.
        steps: `journal.steps`.
        ink: the colours.
    """
    drawn = []
    for role, name, colour in (
        ("train", "training", ink.train),
        ("dev", "dev", ink.dev),
        ("valid", "valid", ink.valid),
    ):
        if f"{role}.accuracy" not in epochs:
            continue
        values = epochs.set_index("epoch")[f"{role}.accuracy"].dropna()
        if len(values):
            n = int(epochs[f"{role}.n"].iloc[-1])
            drawn.append(Line(name=name, colour=colour, values=values, n=n))
    if not drawn and "accuracy" in steps and len(steps):
        values = steps.set_index("epoch")["accuracy"].dropna()
        drawn.append(Line(name="training so far,", colour=ink.train, values=values, n=0))
    return drawn


def alt(title: str, drawn: list[Line]) -> str:
    """Describe the picture: each line's last value, and its trend."""
    spoken = []
    for line in drawn:
        trend = chart_words.trend(line.values, is_share=True)
        of = f" of {line.n:,} films" if line.n else ""
        at = f"at epoch {line.values.index[-1]:.3g}"
        spoken.append(f"{line.name} {line.last}{of} {at}{f', {trend}' if trend else ''}")
    return f"{title}: {'; '.join(spoken) or 'no values yet'}."


def svg(drawn: list[Line], ink: Ink, empty: Sequence[str] = ()) -> str:
    """Draw lines in a frame, with their names and last values above.

    Args:
        drawn: see `lines`.
        ink: the colours.
        empty: words in the place of the lines, one below the other.
    """
    ends = [at for line in drawn for at in (line.values.index[0], line.values.index[-1])]
    first, last = (min(ends), max(ends)) if ends else (0.0, 1.0)
    if first == last:
        first = last - 1
    lowest = min([LOWEST, *(line.values.min() for line in drawn)])

    def x(epoch: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (epoch - first) / (last - first)

    def y(share: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share) / (1 - lowest)

    parts = []
    for share in (0.5, 0.75, 1.0):
        at = y(share)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="{ink.grid}"/>')
        words = f"{100 * share:.0f} %"
        parts.append(_text(LEFT - 10, at + TICKS_PX / 3, words, ink.text, TICKS_PX, "end"))
    for number, line in enumerate(drawn):
        parts.append(
            _curve(
                [(x(e), y(v)) for e, v in zip(line.values.index, line.values, strict=True)],
                line.colour,
            )
        )
        words = f"{line.name} {line.last}"
        parts.append(_text(LEFT, 36 + number * LINE_PX, words, line.colour, WORDS_PX))
    if drawn:
        at = HEIGHT - BOTTOM + TICKS_PX + 12
        parts.append(_text(LEFT, at, f"epoch {round(max(0, first), 1):g}", ink.text, TICKS_PX))
        parts.append(_text(WIDTH - RIGHT, at, f"{round(last, 1):g}", ink.text, TICKS_PX, "end"))
    for number, words in enumerate(empty):
        parts.append(_text(LEFT, 36 + number * LINE_PX, words, ink.text, WORDS_PX))
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" font-family="{FAMILY}">{"".join(parts)}</svg>'


def blank() -> str:
    """Draw nothing, as large as `svg`: what stands below keeps its place."""
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}"></svg>'


def _curve(points: list[tuple[float, float]], colour: str) -> str:
    """A line through points, with a dot at its end."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    line = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="3.5"/>'
    x, y = points[-1]
    return f'{line}<circle cx="{x:.1f}" cy="{y:.1f}" r="7" fill="{colour}"/>'


def _text(x: float, y: float, words: str, colour: str, size: int, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" '
        f'text-anchor="{anchor}">{words}</text>'
    )
