"""The rows of the results table, its columns, and what of a setting is bold."""

from collections import Counter
from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from fracture_core.clusters import run_place
from fracture_core.config.setting_table import settings
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State
from fracture_core.verdicts.closed_intervals import Proportion
from ui.cache import run_cache
from ui.runs import run_charts
from ui.shared import figures, theme


def table(shown: list[Run], columns: dict[str, list[Any]]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return one row per run, and the configuration of the columns.

    Args:
        shown: the runs, in the table's order.
        columns: path of each setting that gets a column -> the runs' values.
    """
    outcomes, labels = (
        list(run_cache.outcomes(shown).values()),
        list(run_cache.labels(shown).values()),
    )
    parents = [run.parent for run in shown]
    best = [o.best.get("dev") for o in outcomes]
    span, ink = run_charts.scale([p for p in best if p]), theme.ink()
    pinned = [p.value for p, label in zip(best, labels, strict=True) if p and label.baseline]
    mark = pinned[0] if pinned else None
    cells: dict[str, Any] = {
        "Run": [run.name for run in shown],
        "Baseline": ["baseline" if label.baseline else "" for label in labels],
        "State": [state_words(run) for run in shown],
        "Runs on": [run_place.words(run.folder) for run in shown],
        "Dev accuracy": [100 * p.value if p and p.value is not None else None for p in best],
        "Interval": [run_charts.interval(p, span, mark, ink) if p else "" for p in best],
        "95 % interval": [_bounds(p) for p in best],
        "n": pd.array([p.n if p else None for p in best], "Int64"),
        "Curve": [list(o.curve) for o in outcomes],
        **{_name(key): _values(key, values) for key, values in columns.items()},
        "Best epoch": pd.array([o.best_epoch for o in outcomes], "Int64"),
        "Dev, last epoch": [_in_words(o.last.get("dev")) for o in outcomes],
        "Valid, best epoch": [_in_words(o.best.get("valid")) for o in outcomes],
        "Valid, last epoch": [_in_words(o.last.get("valid")) for o in outcomes],
        "Forked from": [f"{p.run} @ {p.epoch}" if p else "" for p in parents],
        "Tags": [list(label.tags) for label in labels],
        "Note": [label.note for label in labels],
        "Created": [_created(run) for run in shown],
    }
    rows = pd.DataFrame(cells)
    noted = ("Baseline", "Runs on", "Forked from", "Tags", "Note")
    unused = [name for name in noted if not any(len(value) for value in rows[name])]
    config = _columns(span, any(label.baseline for label in labels))
    config |= _widths(rows, [_name(key) for key in columns], config)
    return rows.drop(columns=unused), config


def _widths(rows: pd.DataFrame, settings: Sequence[str], config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of columns that their texts are as wide as.

    Args:
        rows: of the table.
        settings: names of its columns of settings.
        config: of the other columns.
    """
    own = {}
    for name in ("Run", "State"):  # wide enough to distinguish them
        own[name] = config[name] | {"width": figures.column_width(name, rows[name])}
    for name in settings:
        if pd.api.types.is_numeric_dtype(rows[name]):  # as written, 0.0003 and not 0.000300
            own[name] = st.column_config.NumberColumn(format="%.6g")
        else:
            width = figures.column_width(name, rows[name])
            own[name] = st.column_config.TextColumn(width=width)
    return own


def _columns(span: tuple[float, float], pinned: bool) -> dict[str, Any]:
    """Configuration of all columns but settings."""
    ends = "From {} at the left to {} at the right.".format(*map(figures.percent, span))
    line = " The dashed line: the baseline." if pinned else ""
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    return {
        "Run": text(pinned=True),
        "State": text(),
        "Dev accuracy": number(
            format="%.1f %%",
            width=105,
            help="Dev studies predicted correctly after the best epoch (lowest dev loss).",
        ),
        "Interval": st.column_config.ImageColumn(
            width=run_charts.WIDTH + 20, help=f"The 95 % Wilson interval. {ends}{line}"
        ),
        "95 % interval": text(width=110, alignment="right"),
        "n": number(format="%d", width=50, help="Dev studies."),
        "Best epoch": number(format="%d", width=85),
        "Curve": st.column_config.LineChartColumn(
            width=110,
            y_min=span[0],
            y_max=1.0,
            color="violet",
            help="Accuracy on dev studies after each epoch; all on one scale. Valid studies if a "
            "run has no dev studies.",
        ),
        "Dev, last epoch": text(width=180, alignment="right"),
        "Valid, best epoch": text(
            width=180, alignment="right", help="Valid studies are never used to pick an epoch."
        ),
        "Valid, last epoch": text(width=180, alignment="right"),
        "Created": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
    }


def bold(rows: pd.DataFrame, keys: list[str]) -> Any:
    """Show settings that differ from the baseline's, else from the most frequent ones, in bold."""
    names, weights = [_name(key) for key in keys], {}
    base = list(rows.index[rows["Baseline"] == "baseline"]) if "Baseline" in rows else []
    for name in names:
        values = rows[name].astype(str)
        usual = values[base[0]] if base else _most_frequent(values)
        bold = (values != usual) if usual is not None else np.zeros(len(values), bool)
        weights[name] = np.where(bold, "font-weight: bold", "")
    styles = pd.DataFrame(weights, index=rows.index)
    return rows.style.apply(lambda _: styles, axis=None, subset=list[Hashable](names))


def _most_frequent(values: "pd.Series[str]") -> str | None:
    """The value of more runs than any other; `None` for a tie."""
    (value, count), *others = Counter(values).most_common(2)
    return None if others and others[0][1] == count else value


def _name(path: str) -> str:
    """Return a setting's column title."""
    return settings()[path].title


def _values(path: str, values: list[Any]) -> list[Any]:
    """Return a setting of every run: as numbers if all are, else in words."""
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return values
    return [settings()[path].words(value) for value in values]


def state_words(run: Run) -> str:
    """Return a run's activity or end; without the time left, so that the table does not flicker."""
    status = run.status
    if status.state is State.RUNNING:
        return f"epoch {min(status.epoch + 1, status.epochs)} of {status.epochs}"
    if status.state in (State.STOPPED, State.INTERRUPTED) and status.epoch:
        return f"{status.state}, {status.epoch} of {status.epochs}"
    return str(status.state)


def _bounds(p: Proportion | None) -> str:
    return "" if p is None else figures.interval(p)


def _in_words(p: Proportion | None) -> str:
    """A proportion in words: "67.5 % (60.6 to 73.7), n = 194"."""
    if p is None or p.low is None or p.high is None:
        return ""
    return f"{figures.percent(p.value)} ({100 * p.low:.0f} to {100 * p.high:.0f}), n = {p.n:,}"


def _created(run: Run) -> datetime | None:
    """Creation time of a run, by this machine's clock; `None` for one that it cannot show."""
    try:
        moment = datetime.fromisoformat(str(run.facts.get("created")))
        return moment.astimezone().replace(tzinfo=None)
    except (ValueError, OverflowError):  # no time, or one at an end of the calendar
        return None
