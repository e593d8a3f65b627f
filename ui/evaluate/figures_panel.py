"""Every figure of an evaluation with its interval, of all films or a slice; published results."""

from typing import Any

import pandas as pd
import streamlit as st

from fracture_core.analysis import published_results
from fracture_core.datasets.catalog import STUDY
from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.models.model import Model
from fracture_core.reports import receipts
from fracture_core.reports.receipts import Scope
from fracture_core.verdicts import estimates, figure_words, resampling
from fracture_core.verdicts.figure_words import NOTES, TITLES
from fracture_core.words import plural
from ui.cache import data_cache
from ui.lab import estimate_cache
from ui.shared import figures, receipt, theme
from ui.shared.number_field import number
from ui.shell import state

WHOLE = "all films"
HINT = "Select a figure to see its receipt: what it rests on, and the command that prints it again."
TABLE_PX, NOTES_PX = 668, 480  # of the table 34 for the boxes that select
PREVALENCE, COST = (0.0, 100.0), (0.0, 10_000.0)  # percent; false alarms


def show(result: Evaluation, model: Model) -> None:
    """Draw the table of figures behind a fold, with its slice, prevalence and cost."""
    fold = st.expander(
        "All figures, with intervals over patients", key=state.ALL_FIGURES, on_change="rerun"
    )
    if not fold.open:
        return
    with fold:
        _content(result, model)


def _content(result: Evaluation, model: Model) -> None:
    slices = {WHOLE: result.films, **estimates.slices(result.films)}
    wrong: list[str] = []
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Films", list(slices), key=state.SLICE, width=200)
        films = slices[name]
        prevalence = _ask_prevalence(f"{result.model}-{result.split}-{name}", films, wrong)
        ratio = number(
            "Cost of a miss (false alarms)",
            state.COST_RATIO,
            1.0,
            COST,
            wrong,
            width=230,
            help="How many false alarms weigh as much as one missed fracture.",
        )
    if wrong:
        for sentence in wrong:
            st.error(theme.plain(sentence))
        return
    key = (*estimate_cache.key_of(result), name)
    levels = estimate_cache.of_films(key, result.threshold, prevalence, float(ratio), films)
    chosen = _draw(levels, films, prevalence)
    if chosen:
        part = "" if name == WHOLE else name
        scope = Scope(films=part, prevalence=prevalence, cost_ratio=float(ratio))
        _receipts(result, model, chosen, levels, scope)
    _published(result)


def _receipts(
    result: Evaluation, model: Model, name: str, levels: estimates.Levels, scope: Scope
) -> None:
    """The receipts of a figure by study and by image, side by side."""
    grid = st.grid(2, min_column_width=420, gap="medium")
    for level in receipts.LEVELS:
        figure = levels[level][name]
        with grid.cell(), st.container(border=True):
            made = receipts.of_figure(result, model, level, name, figure, scope)
            receipt.draw(made, f"figure-{level}")


def _ask_prevalence(of: str, films: pd.DataFrame, wrong: list[str]) -> float | None:
    """Ask for the prevalence, 0 to 1; `None` where it is left at that of the films.

    Args:
        of: names the films, since others have a prevalence that an older value must not replace.
        films: manifest columns.
        wrong: receives a sentence if the number is out of range.
    """
    own = 100 * float(films.groupby(list(STUDY))["label"].first().mean())
    percent = number(
        "Prevalence (%)",
        f"{state.PREVALENCE}-{of}",
        round(own, 1),
        PREVALENCE,
        wrong,
        width=150,
        help="Share of positive studies where the model would be used; PPV, NPV and cost depend "
        f"on it. These films: {own:.1f} %.",
    )
    return None if percent == round(own, 1) else percent / 100


def _draw(levels: estimates.Levels, films: pd.DataFrame, prevalence: float | None) -> str:
    """Draw the table, the notes on its figures, and what they rest on.

    Returns:
        The name of the figure that is selected; "" without one.
    """
    with st.container(horizontal=True, gap="medium"):
        event = st.dataframe(
            table(levels, films),
            width=TABLE_PX,
            height="content",
            hide_index=True,
            key="figures",
            column_config=_columns(),
            on_select="rerun",
            selection_mode="single-row",
        )
        with st.container(width=NOTES_PX):  # beside the table, or below it in a narrow window
            st.markdown(":small[What the figures say, and when they mislead]")
            notes = (f"- :small[**{TITLES[name]}**: {NOTES[name]}]" for name in estimates.NAMES)
            st.markdown("\n".join(notes))
    patients = levels["studies"]["accuracy"].groups
    own = "the films' own prevalence"
    at = own if prevalence is None else f"a prevalence of {100 * prevalence:.1f} %"
    within = " within their folds" if "fold" in films else ""
    st.caption(
        f"{plural(len(films), 'film')} of {plural(patients, 'patient')}. Intervals: "
        f"{figures.LEVEL}, bootstrap over patients{within}, {resampling.RESAMPLES:,} resamples. "
        f"PPV, NPV and cost at {at}. {HINT}"
    )
    rows = event["selection"]["rows"]
    return estimates.NAMES[rows[0] - 1] if rows and rows[0] else ""


def table(levels: estimates.Levels, films: pd.DataFrame) -> pd.DataFrame:
    """Return one row per figure: its value, interval and n, of studies and of images."""
    label = films.groupby(list(STUDY))["label"].first()
    majority = {"Studies": _majority(label), "Images": _majority(films["label"])}
    rows = [{"Figure": "Baseline", **majority}]  # exact, no estimate: without an interval
    for name in estimates.NAMES:
        studies, images = levels["studies"][name], levels["images"][name]
        rows.append(
            {
                "Figure": TITLES[name],
                "Studies": figure_words.value(name, studies) or figures.MISSING,
                "95 % interval": figure_words.interval(name, studies) or figures.MISSING,
                "n": f"{studies.n:,}",
                "Images": figure_words.value(name, images) or figures.MISSING,
                "95 % interval ": figure_words.interval(name, images) or figures.MISSING,
                "n ": f"{images.n:,}",
            }
        )
    columns = ["Figure", "Studies", "95 % interval", "n", "Images", "95 % interval ", "n "]
    return pd.DataFrame(rows, columns=columns).fillna("")


def _majority(labels: "pd.Series[int]") -> str:
    share = float(labels.mean())
    return figures.percent(max(share, 1 - share))


def _columns() -> dict[str, Any]:
    """Return the columns' widths in px, `TABLE_PX` in all with the boxes."""
    text = st.column_config.TextColumn
    widths = {"Studies": 75, "95 % interval": 115, "n": 60}
    doubled = {**widths, "Images": 75, "95 % interval ": 115, "n ": 60}
    numbers = {
        name: text(name.strip(), width=width, alignment="right") for name, width in doubled.items()
    }
    return {"Figure": text(width=130, pinned=True), **numbers}


def _published(result: Evaluation) -> None:
    """Others' results, where these films are MURA's."""
    dataset = data_cache.dataset()
    if dataset.hash != result.data.get("hash") or dataset.kind != "mura" or dataset.synthetic:
        return
    st.markdown("**Published results on MURA**, each on its own films: not to be ranked.")
    rows = [
        (each.what, each.test_set, each.figure, each.shoulder, each.source)
        for each in published_results.RESULTS
    ]
    columns = ["Network or reader", "Films", "All parts", "Shoulder", "Source"]
    st.dataframe(pd.DataFrame(rows, columns=columns), hide_index=True, key="published")
    st.caption(published_results.NONE_SMALL)
