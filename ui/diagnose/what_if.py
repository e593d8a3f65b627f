"""What the verdict hangs on: what would change it, and what other rules say."""

import streamlit as st

from fracture_core.models.cards import Model
from fracture_core.models.study_prediction import StudyPrediction
from fracture_core.verdicts import breakdown
from fracture_core.verdicts.breakdown import FEW
from ui.cache import prediction_cache
from ui.diagnose import verdict_charts
from ui.shared import figures, theme

WIDTH = 340  # px at least, of the chart and of the rules; below each other where it is too much


def show(judged: StudyPrediction, reference: str, model: Model, threshold: float) -> None:
    """Chart and words at the left, the other rules at the right."""
    films = [film for film in judged.films if film.counted]
    names, values = [film.name for film in films], [film.probability for film in films]
    found = breakdown.break_down(values, threshold)
    if found is None:
        return
    st.subheader("What the verdict hangs on", anchor=False)
    grid = st.grid(2, min_column_width=WIDTH)
    with grid.cell():
        colours = (theme.colour("fracture"), theme.colour("none"), theme.ink())
        spreads = [prediction_cache.spread(reference, film.pixels) for film in films]
        figure = verdict_charts.films_on_scale(names, values, threshold, *colours, spreads)
        st.plotly_chart(figure, key="films-on-scale", config={"displayModeBar": False})
        plain = [theme.plain(name) for name in names]
        lines = [*breakdown.sentences(found, plain, theme.mark), _shaken(spreads, threshold)]
        st.markdown("\n".join(f"- {line}" for line in lines))
    with grid.cell():
        st.markdown(_rules(values, threshold))
        st.caption("The verdict is OR; the others are comparisons. All use the same threshold.")
        st.markdown(_record(model, threshold, len(films), found.fracture))


def _shaken(spreads: list[tuple[float, float]], threshold: float) -> str:
    """Whether mirroring and small turns would have changed a film's side."""
    unsure = sum(low <= threshold < high for low, high in spreads)
    words = "Bars: each film mirrored and turned by up to 6 degrees"
    if not unsure:
        return f"{words}; none of them changes sides."
    return f"{words}; {unsure} of {theme.plural(len(spreads), 'film')} would change sides."


def _rules(values: list[float], threshold: float) -> str:
    """The rules' words as a Markdown table, numbers to the right."""
    rows = ["| Rule | Says | Its score |", "|:--|:--|--:|"]
    for name, verdict in breakdown.other_rules(values, threshold).items():
        words = f"**{name}**" if len(rows) == 2 else name
        rows.append(f"| {words} | {theme.mark(bool(verdict.fracture))} | {verdict.score:.3f} |")
    return "\n".join(rows)


def _record(model: Model, threshold: float, views: int, fracture: bool) -> str:
    """How often OR was right on dev studies with as many films and the same verdict."""
    right = breakdown.track_record(model.judged, threshold, views, fracture)
    alike = f"dev {_studies(right.n)} of {theme.plural(views, 'film')} and this verdict"
    if right.n < FEW:
        return f"How often is that right? Only {right.n} {alike}: too few to say."
    return (
        f"How often is that right? Of {right.n} {alike}, **{right.count} were right** "
        f"({figures.LEVEL} interval {figures.interval(right)})."
    )


def _studies(n: int) -> str:
    return "study" if n == 1 else "studies"
