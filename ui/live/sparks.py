"""Small curves as SVG: a study's films over the epochs, with the threshold through them."""

from collections.abc import Sequence

import numpy as np

from fracture_core.verdicts import aggregation

WIDTH, HEIGHT, EDGE = 340, 96, 6  # px of the drawing, and of its margin
POINTS = 120  # per line at most: one every 3 px


def probabilities(
    epochs: Sequence[int],
    values: np.ndarray,
    threshold: float,
    last: int,
    fracture: str,
    no_fracture: str,
    text: str,
) -> str:
    """Draw a line per film; above the threshold it is a fracture, below it none.

    Args:
        epochs: of the rows of `values`.
        values: (epochs, films), 0 to 1; one row at least.
        threshold: a film is positive when its probability is greater.
        last: epoch at which the axis ends.
        fracture: hex colour of the area above the threshold.
        no_fracture: of the area below it.
        text: hex colour of lines and words.
    """
    kept = _thinned(len(epochs))

    def x(epoch: float) -> float:
        return EDGE + (WIDTH - 2 * EDGE) * epoch / max(1, last)

    def y(value: float) -> float:
        return EDGE + (HEIGHT - 2 * EDGE) * (1 - value)

    cut = y(threshold)
    parts = [
        f'<rect x="{EDGE}" y="{EDGE}" width="{WIDTH - 2 * EDGE}" height="{cut - EDGE:.1f}" '
        f'fill="{fracture}" opacity="0.13"/>',
        f'<rect x="{EDGE}" y="{cut:.1f}" width="{WIDTH - 2 * EDGE}" '
        f'height="{HEIGHT - EDGE - cut:.1f}" fill="{no_fracture}" opacity="0.13"/>',
        f'<line x1="{EDGE}" x2="{WIDTH - EDGE}" y1="{cut:.1f}" y2="{cut:.1f}" stroke="{text}" '
        'stroke-dasharray="3 3" opacity="0.7"/>',
    ]
    for film in values.T:
        points = " ".join(f"{x(epochs[row]):.0f},{y(float(film[row])):.0f}" for row in kept)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{text}" stroke-width="1.6" '
            'stroke-linejoin="round" opacity="0.75"/>'
        )
        positive = bool(aggregation.is_positive(film[-1], threshold))
        parts.append(_end(x(epochs[-1]), y(float(film[-1])), positive, fracture, no_fracture))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}">{"".join(parts)}</svg>'
    )


def _thinned(count: int) -> list[int]:
    """Rows to draw: a growing line keeps its points until every other one is dropped."""
    step = 1
    while count / step > POINTS:
        step *= 2
    return sorted({*range(0, count, step), count - 1})


def _end(x: float, y: float, positive: bool, fracture: str, no_fracture: str) -> str:
    """The mark of the last value, in the shape of its verdict."""
    if positive:
        return f'<path d="M{x:.1f} {y - 6:.1f} l5.5 10 h-11 z" fill="{fracture}"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{no_fracture}"/>'
