"""Robustness of the verdict: changes that would flip it, and other rules."""

import streamlit as st

from fracture_core.verdicts import breakdown, verdict_words
from fracture_core.words import plural
from ui.diagnose import prediction_cache, verdict_charts
from ui.diagnose.reading import Reading
from ui.shared import figures, plots, theme

WIDTH = 340  # px at least, of the chart and of the rules; else one below the other


def show(reading: Reading) -> None:
    """Draw chart and sentences at the left, the other rules at the right."""
    films, threshold = reading.counted, reading.threshold
    names, values = [film.name for film in films], [film.probability for film in films]
    parts = breakdown.break_down(values, threshold)
    if parts is None:
        return
    st.header("What the verdict depends on", anchor=False)
    grid = st.grid(2, min_column_width=WIDTH)
    with grid.cell():
        spreads = [prediction_cache.spread(reading.reference, film.pixels) for film in films]
        _chart(verdict_charts.Scored(names=names, scores=values, spreads=spreads), threshold)
        plain = [theme.plain(name) for name in names]
        lines = [*breakdown.sentences(parts, plain, theme.mark), _tta_sentence(spreads, threshold)]
        st.markdown("\n".join(f"- {line}" for line in lines))
    with grid.cell():
        st.markdown(_rules(values, threshold))
        st.caption("The verdict is OR; the others are comparisons. All use the same threshold.")
        views, dev = len(films), reading.model.dev_films
        right = breakdown.track_record(dev, threshold, views, parts.fracture)
        st.markdown(verdict_words.track_record(right, views, figures.interval(right)))


def _chart(films: verdict_charts.Scored, threshold: float) -> None:
    """The films on the scale, in words for a screen reader, and as a table on request."""
    plots.show(
        verdict_charts.films_on_scale(
            films, threshold, theme.colour("fracture"), theme.colour("none"), theme.ink()
        ),
        "films-on-scale",
        "Scores of the films",
        words=verdict_charts.scale_in_words(films, threshold),
        table=verdict_charts.scale_as_table(films, threshold),
        config={"displayModeBar": False},
    )


def _tta_sentence(spreads: list[tuple[float, float]], threshold: float) -> str:
    """Number of films that cross the threshold under test-time augmentation, in a sentence."""
    crossing = sum(low <= threshold < high for low, high in spreads)
    words = "Bars: range of scores when the film is mirrored or rotated by up to 6 degrees"
    if not crossing:
        return f"{words}; no film crosses the threshold."
    films = plural(len(spreads), "film")
    return (
        f"{words}; {crossing} of {films} {'crosses' if crossing == 1 else 'cross'} the threshold."
    )


def _rules(values: list[float], threshold: float) -> str:
    """The rules' results as a Markdown table, numbers to the right."""
    rows = ["| Rule | Result | Score |", "|:--|:--|--:|"]
    for name, verdict in breakdown.other_rules(values, threshold).items():
        words = f"**{name}**" if len(rows) == 2 else name
        rows.append(f"| {words} | {theme.mark(bool(verdict.fracture))} | {verdict.score:.3f} |")
    return "\n".join(rows)
