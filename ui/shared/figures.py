"""Figures in words and tables: every number with its n, estimates with their interval."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from fracture_core.verdicts import figure_words
from fracture_core.verdicts.closed_intervals import Proportion
from fracture_core.verdicts.metrics import Summary
from fracture_core.verdicts.resampling import Interval

MISSING = "–"
_PERCENT = "\N{NO-BREAK SPACE}%"  # never separated from its number
LEVEL = f"95{_PERCENT}"  # of every interval
LETTER, WIDEST = 7.2, 320  # px, at most: of a letter in a table, and of a column of words
HARD_TO = "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}"  # between the ends of an interval in a cell
_ROWS = ("Accuracy", "Baseline (always the majority class)", "Sensitivity", "Specificity")


def percent(share: float | None) -> str:
    """Format a share: "67.5 %", a dash for `None`."""
    return MISSING if share is None else f"{100 * share:.1f}{_PERCENT}"


def interval(p: Proportion) -> str:
    """Format an interval: "60.6 to 73.7 %", a dash if n is 0."""
    if p.low is None or p.high is None:
        return MISSING
    return f"{100 * p.low:.1f} to {100 * p.high:.1f}{_PERCENT}"


def with_interval(p: Proportion) -> str:
    """Format counts and interval: "2 of 3, 95 % interval 20.8 to 93.9 %"."""
    if p.value is None:
        return "no such study or film"
    return f"{p.count:,} of {p.n:,}, {LEVEL} interval {interval(p)}"


def cell(p: Proportion) -> str:
    """Format a share with its interval and n: "81.0 % (70.1 to 88.5 %, n = 63)"."""
    if p.value is None:
        return f"{MISSING} (n = 0)"
    return f"{percent(p.value)} ({interval(p)}, n = {p.n:,})"


def right_aligned(columns: Iterable[str]) -> dict[str, Any]:
    """Return the `column_config` of columns that hold numbers as text."""
    return {name: st.column_config.TextColumn(alignment="right") for name in columns}


def estimates_table(
    named: Mapping[str, Interval], what: str, name: str, title: str, counted: str
) -> pd.DataFrame:
    """Return one row per estimate of one figure: its value, interval, n, and patients.

    Args:
        named: the estimates, by the name of their row.
        what: heading of these names.
        name: of the figure, see `estimates.NAMES`.
        title: heading of its values.
        counted: heading of n.
    """
    return pd.DataFrame(
        {
            what: row,
            title: figure_words.value(name, each) or MISSING,
            "95 % interval": figure_words.interval(name, each) or MISSING,
            counted: f"{each.n:,}",
            "Patients": f"{each.groups:,}",
        }
        for row, each in named.items()
    )


def headline(summary: Summary) -> str:
    """Summarize the study level in a sentence, the title of Evaluate."""
    a = summary.accuracy
    return (
        f"{a.count:,} of {a.n:,} studies predicted correctly ({percent(a.value)}, {LEVEL} interval "
        f"{interval(a)}; baseline {percent(summary.majority.value)})"
    )


def against_baseline(summary: Summary) -> str:
    """Compare the accuracy's interval with the baseline, in a sentence."""
    a, baseline = summary.accuracy, summary.majority.value
    if a.low is None or a.high is None or baseline is None:
        return ""
    if a.low > baseline:
        return f"Better than the baseline (whole {LEVEL} interval above it)."
    if a.high < baseline:
        return f"Worse than the baseline (whole {LEVEL} interval below it)."
    return f"No measurable difference from the baseline, which lies inside the {LEVEL} interval."


def single_table(films: Summary) -> str:
    """Format one level as a Markdown table, where each film is a study."""
    rows = [f"| {name} | {cells} |" for name, cells in _column(films).items()]
    return "\n".join(["| Measure | Value | 95 % interval | n |\n|:--|--:|--:|--:|", *rows])


def side_by_side(summaries: Iterable[tuple[str, Summary]]) -> str:
    """Format several models on the same studies as a Markdown table.

    Its columns are accuracy, interval, AUROC, interval and n.
    """
    rows = [
        f"| {name} | {percent(s.accuracy.value)} | {interval(s.accuracy)} | {_number(s.auroc)} | "
        f"{_range(s.auroc_low, s.auroc_high)} | {s.n:,} |"
        for name, s in summaries
    ]
    head = "| Model | Accuracy | 95 % interval | AUROC | 95 % interval | Studies |"
    return "\n".join([head, "|:--|--:|--:|--:|--:|--:|", *rows])


def _column(s: Summary) -> dict[str, str]:
    """One level's cells by row: value, interval and n, separated by bars."""
    proportions = (s.accuracy, s.majority, s.sensitivity, s.specificity)
    cells = {
        name: f"{percent(p.value)} | {interval(p)} | {p.n:,}"
        for name, p in zip(_ROWS, proportions, strict=True)
    }
    # Not an estimate but the exact baseline on these films: no interval.
    cells[_ROWS[1]] = f"{percent(s.majority.value)} | | {s.majority.n:,}"
    cells["Cohen's kappa"] = f"{_number(s.kappa)} | {_range(s.kappa_low, s.kappa_high)} | {s.n:,}"
    bounds = (s.auroc_low, s.auroc_high)
    cells["AUROC"] = f"{_number(s.auroc)} | {_range(*bounds)} | {s.n:,}"
    return cells


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{value:.2f}"


def _range(low: float | None, high: float | None) -> str:
    return MISSING if low is None or high is None else f"{low:.2f} to {high:.2f}"


def column_width(name: str, values: Iterable[object]) -> int:
    """Return the width in px of a table's column, enough for its name and values.

    In steps, so that one more letter (epoch 10 after 9) moves nothing.
    """
    longest = max(map(len, [name, *map(str, values)]))
    return min(WIDEST, 40 * math.ceil((LETTER * longest + 20) / 40))
