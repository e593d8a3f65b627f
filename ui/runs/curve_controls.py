"""The controls above overlaid curves: x axis and its section, films, level and smoothing.

The address holds them, but for the section.
"""

import pandas as pd
import streamlit as st

from fracture_core.analysis import curves
from ui.runs import run_charts
from ui.shell import state

AXES = {"epoch": "epoch", "step": "step", "time": "wall time", "images": "images seen"}
LEVELS = {"studies": "study_accuracy", "images": "accuracy"}
SMOOTHINGS = (0.0, 0.95)


def ask(rows: pd.DataFrame) -> tuple[str, list[str], str, float]:
    """Ask for x axis, films, level and smoothing of the curves; all in the address."""
    have = [role for role in curves.ROLES if (rows["role"] == role).any()]
    # Dev by default, unless a run has none.
    choices = [[role] for role in ("dev", "valid", *have) if role in have]
    usual = next((choice for choice in choices if not without(rows, choice)), choices[0])
    in_address = [role for role in st.query_params.get_all(state.CURVES) if role in have]
    x, roles = _option(state.AXIS, AXES, "epoch"), in_address or usual
    level, weight = _option(state.LEVEL, LEVELS, "studies"), _weight()
    state.fill(state.AXIS, x)
    state.fill(state.CURVES, roles)
    state.fill(state.LEVEL, level)
    state.fill(state.SMOOTHING, weight)
    _segmented("X axis", AXES, state.AXIS, "epoch")
    st.pills(
        "Films",
        have,
        selection_mode="multi",
        format_func=run_charts.ROLES.__getitem__,
        key=state.CURVES,
        on_change=_write,
        args=(state.CURVES, usual),
    )
    _segmented("Accuracy of", {level: level for level in LEVELS}, state.LEVEL, "studies")
    st.slider(
        "Smoothing",
        *SMOOTHINGS,
        step=0.05,
        key=state.SMOOTHING,
        width=220,
        on_change=_write,
        args=(state.SMOOTHING, 0.0),
        help="Weight of earlier values; the thin line stays as measured.",
    )
    return x, roles, level, weight


def ask_section(rows: pd.DataFrame, axis: run_charts.Axis) -> list[float] | None:
    """Ask for the part of the x axis that is drawn: zoom and pan without dragging; `None`: all."""
    last = rows[axis.column].max() / axis.per_unit
    if not last > 1:
        return None  # one epoch, or no times
    whole = axis.column != "seconds"
    end: float = int(last) if whole else round(float(last), 1)
    start = type(end)(0)
    chosen = st.slider(
        f"{axis.title.capitalize()}: section drawn",
        start,
        end,
        (start, end),
        key=f"{state.SECTION}-{axis.column}-{end}",
        width=220,
    )
    room = 0.02 * (chosen[1] - chosen[0])  # for the markers at both ends
    return None if chosen == (start, end) else [chosen[0] - room, chosen[1] + room]


def _segmented(label: str, titles: dict[str, str], name: str, usual: str) -> None:
    """Draw a choice of one, which the address holds under this name unless it is the usual one."""
    st.segmented_control(
        label,
        list(titles),
        format_func=titles.__getitem__,
        required=True,
        key=name,
        on_change=_write,
        args=(name, usual),
    )


def without(rows: pd.DataFrame, roles: list[str]) -> list[str]:
    """List the names of the runs without a curve of these films."""
    drawn = set(rows.loc[rows["role"].isin(roles), "run"])
    return [name for name in dict.fromkeys(rows["run"]) if name not in drawn]


def _option(name: str, options: dict[str, str], usual: str) -> str:
    option = st.query_params.get(name, usual)
    return option if option in options else usual


def _weight() -> float:
    try:
        weight = float(st.query_params.get(state.SMOOTHING, "0"))
    except ValueError:
        return 0.0
    return min(max(weight, SMOOTHINGS[0]), SMOOTHINGS[1]) if weight == weight else 0.0


def _write(name: str, usual: object) -> None:
    """Write a changed widget into the address, which leaves out defaults."""
    value = st.session_state[name]
    if value == usual or not value:
        state.put(name, "")
    else:
        state.put(name, [str(v) for v in value] if isinstance(value, list) else str(value))
