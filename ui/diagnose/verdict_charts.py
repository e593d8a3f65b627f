"""Charts of a verdict: its films on the scale of probability, and over the epochs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from fracture_core.verdicts import aggregation
from ui.shared.charts import CLEAR, Ink, literal

ROW_PX, FRAME_PX = 34, 92  # of a film's row, and of the axis with its words
NUMBER_PX = 60  # right of the scale, where the numbers stand
SPOKEN = 12  # films in the words of a chart; the others are counted
EPOCHS_PX = 360  # height of the chart over the epochs
DASHES = ("solid", "dash", "dot", "dashdot")  # each with all colours before the next


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Films with their scores, as charts and their text alternatives show them.

    Args:
        names: of the films, in their order.
        scores: theirs, 0 to 1.
        spreads: lowest and highest score of each film when it is mirrored and rotated, or none.
    """

    names: Sequence[str]
    scores: Sequence[float]
    spreads: Sequence[tuple[float, float]] = ()


def films_on_scale(
    films: Scored, threshold: float, fracture: str, no_fracture: str, ink: Ink
) -> go.Figure:
    """Draw one row per film, marked at its score; right of the line a film is positive.

    Args:
        films: the counted films.
        threshold: position of the line.
        fracture: hex colour of the area right of it.
        no_fracture: of the rest.
        ink: the colours of text and grid.
    """
    figure = go.Figure()
    for x0, x1, colour in ((0, threshold, no_fracture), (threshold, 1, fracture)):
        figure.add_vrect(x0=x0, x1=x1, fillcolor=colour, opacity=0.1, line_width=0, layer="below")
    figure.add_vline(x=threshold, line={"color": ink.text, "width": 2})
    words = f"threshold {threshold:.2f}"
    figure.add_annotation(
        x=threshold, y=1, yref="paper", yanchor="bottom", showarrow=False, text=words
    )
    _add_spreads(figure, films.spreads, ink)
    _add_scores(figure, films.scores, threshold, fracture, no_fracture)
    _lay_out(figure, FRAME_PX + ROW_PX * max(1, len(films.names)), ink, "scale")
    figure.update_layout(
        margin={"l": 10, "r": NUMBER_PX, "t": 30, "b": 48}, showlegend=False, dragmode=False
    )
    figure.update_xaxes(range=[-0.02, 1.02], title={"text": "score", "standoff": 6}, **_fixed(ink))
    figure.update_yaxes(
        tickvals=list(range(len(films.names))),
        ticktext=[_short(name) for name in films.names],
        range=[len(films.names) - 0.5, -0.5],
        automargin=True,
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    return figure


def _add_spreads(figure: go.Figure, spreads: Sequence[tuple[float, float]], ink: Ink) -> None:
    """A bar per film from its lowest to its highest score."""
    for row, (low, high) in enumerate(spreads):
        figure.add_scatter(
            x=[low, high],
            y=[row, row],
            mode="lines",
            opacity=0.6,
            line={"color": ink.text, "width": 5},
            hovertemplate=f"{low:.3f} to {high:.3f} when mirrored and rotated<extra></extra>",
        )


def _add_scores(
    figure: go.Figure, scores: Sequence[float], threshold: float, fracture: str, no_fracture: str
) -> None:
    """A mark per film, and its number beside the scale, clear of the bars."""
    for row, value in enumerate(scores):
        figure.add_annotation(
            x=1, xref="paper", xanchor="left", xshift=8, y=row, text=f"{value:.3f}", showarrow=False
        )
    positive = [bool(p) for p in np.asarray(aggregation.is_positive(np.array(scores), threshold))]
    figure.add_scatter(
        x=list(scores),
        y=list(range(len(scores))),
        mode="markers",
        text=[f"{value:.3f}" for value in scores],
        cliponaxis=False,
        marker={
            "size": 15,
            "color": [fracture if each else no_fracture for each in positive],
            "symbol": ["triangle-up" if each else "circle" for each in positive],
        },
        hovertemplate="%{text}<extra></extra>",
    )


def scale_in_words(films: Scored, threshold: float) -> str:
    """Return the text alternative of `films_on_scale`: the scores of the first films."""
    ends = " mirrored or rotated" if films.spreads else ""
    rows = scale_as_table(films, threshold).to_numpy().tolist()
    words = [f"{name} {', '.join(values)}{ends}" for name, *values in rows]
    return f"Scores of the films, threshold {threshold:.2f}: {_listed(words)}."


def scale_as_table(films: Scored, threshold: float) -> pd.DataFrame:
    """Return the values of `films_on_scale` in words, a row per film."""
    results = [aggregation.is_positive(score, threshold) for score in films.scores]
    columns = {
        "Film": list(films.names),
        "Score": [f"{score:.3f}" for score in films.scores],
        "Result": ["fracture" if positive else "no fracture" for positive in results],
    }
    if films.spreads:
        columns["Mirrored or rotated"] = [f"{low:.3f} to {high:.3f}" for low, high in films.spreads]
    return pd.DataFrame(columns)


def _listed(words: list[str]) -> str:
    """The first of the words, and a count of the others."""
    more = [f"and {len(words) - SPOKEN} more"] if len(words) > SPOKEN else []
    return "; ".join([*words[:SPOKEN], *more])


@dataclass(frozen=True, kw_only=True)
class Course:
    """Scores of films at every kept epoch of a run.

    Args:
        epochs: of the rows of `scores`.
        scores: (epochs, films), 0 to 1.
        names: of the films.
        current: the epoch of the verdict on the page.
    """

    epochs: Sequence[int]
    scores: np.ndarray
    names: Sequence[str]
    current: int


def through_epochs(
    course: Course,
    threshold: float,
    fracture: str,
    no_fracture: str,
    ink: Ink,
    looks: Sequence[str],
) -> go.Figure:
    """Draw a line per film over the epochs; above the threshold a film is positive.

    Args:
        course: the films' scores; the current epoch is marked.
        threshold: position of the horizontal line.
        fracture: hex colour of the area above the threshold.
        no_fracture: of the rest.
        ink: the colours of text and grid.
        looks: hex colours of the films, in turn; dashes distinguish those of the same colour.
    """
    figure, epochs = go.Figure(), course.epochs
    for y0, y1, colour in ((0, threshold, no_fracture), (threshold, 1, fracture)):
        figure.add_hrect(y0=y0, y1=y1, fillcolor=colour, opacity=0.1, line_width=0, layer="below")
    figure.add_hline(y=threshold, line={"color": ink.text, "width": 2})
    figure.add_vline(x=course.current, line={"color": ink.text, "width": 1, "dash": "dot"})
    words = f"verdict above: epoch {course.current}"
    figure.add_annotation(
        x=course.current, y=1, yref="paper", yanchor="bottom", showarrow=False, text=words
    )
    for number, (name, scores) in enumerate(zip(course.names, course.scores.T, strict=True)):
        dash = DASHES[number // len(looks) % len(DASHES)]
        look = {"color": looks[number % len(looks)], "dash": dash}
        _add_line(figure, name, epochs, scores, aggregation.is_positive(scores, threshold), look)
    _lay_out(figure, EPOCHS_PX, ink, "epochs")
    figure.update_layout(margin={"l": 10, "r": 10, "t": 28, "b": 10}, showlegend=True)
    whole = {"dtick": 1} if epochs[-1] - epochs[0] < 12 else {"tickformat": "d"}
    figure.update_xaxes(title="epoch", showgrid=False, zeroline=False, **whole)
    title = f"score, threshold {threshold:.2f}"
    figure.update_yaxes(title=title, range=[-0.03, 1.03], **_fixed(ink))
    return figure


def _add_line(
    figure: go.Figure,
    name: str,
    epochs: Sequence[int],
    scores: np.ndarray,
    positive: Any,
    look: dict[str, str],
) -> None:
    """A film's line, marked by the shape of its result at every epoch."""
    figure.add_scatter(
        x=list(epochs),
        y=scores,
        name=_short(name, 20),
        mode="lines+markers",
        cliponaxis=False,
        line=look,
        marker={"size": 8, "symbol": ["triangle-up" if p else "circle" for p in positive]},
        hovertemplate=f"{_short(name)}<br>epoch %{{x}}: %{{y:.3f}}<extra></extra>",
    )


def course_in_words(course: Course, threshold: float) -> str:
    """Return the text alternative of `through_epochs`: the first, last and extreme scores."""
    first, last = course.epochs[0], course.epochs[-1]
    rows = [
        f"{name} {scores[0]:.3f} to {scores[-1]:.3f}, lowest {scores.min():.3f}, "
        f"highest {scores.max():.3f}"
        for name, scores in zip(course.names, course.scores.T, strict=True)
    ]
    return (
        f"Scores of the films from epoch {first} to {last}, threshold {threshold:.2f}: "
        f"{_listed(rows)}."
    )


def course_as_table(course: Course) -> pd.DataFrame:
    """Return the values of `through_epochs` in words, a row per epoch, the last first."""
    names = [name if name != "Epoch" else "Epoch (film)" for name in course.names]
    scores = pd.DataFrame([[f"{score:.3f}" for score in row] for row in course.scores])
    table = scores.set_axis(names, axis=1)
    table.insert(0, "Epoch", [str(epoch) for epoch in course.epochs])
    return table.iloc[::-1].reset_index(drop=True)


def _lay_out(figure: go.Figure, height: int, ink: Ink, revision: str) -> None:
    figure.update_layout(
        height=height,
        **CLEAR,
        font={"color": ink.text, "size": 13},
        uirevision=revision,
    )


def _fixed(ink: Ink) -> dict[str, Any]:
    """An axis of scores, which neither zooms nor moves."""
    return {"gridcolor": ink.grid, "zeroline": False, "fixedrange": True}


def _short(name: str, most: int = 28) -> str:
    """A file's name, shortened to the room in a chart and escaped."""
    half = most // 2 - 1
    shown = name if len(name) <= most else f"{name[:half]}…{name[-half:]}"
    return literal(shown)
