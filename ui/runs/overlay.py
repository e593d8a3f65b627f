"""Chosen runs over each other: their curves, and below them whether one is better."""

from functools import partial
from itertools import cycle

import pandas as pd
import streamlit as st

from fracture_core.analysis import curves
from fracture_core.runs import predictions
from fracture_core.runs.run_folders import Run, State
from ui.cache import run_cache
from ui.runs import run_charts, run_comparison
from ui.shared import epoch_slider, theme
from ui.shell import state

POLL_SECONDS = 5.0  # between two looks at chosen runs that are on
DRAWN = 12  # runs; more curves than that cannot be told apart
AXES = {"epoch": "epoch", "step": "step", "time": "wall time", "images": "images seen"}
LEVELS = {"studies": "study_accuracy", "images": "accuracy"}
SMOOTHINGS = (0.0, 0.95)


def show(found: list[Run], names: list[str]) -> None:
    """The curves and the comparison of the chosen runs; looks for news while one of them is on."""
    if not names:
        return
    picked = [run for run in found if run.name in names]
    alive = any(run.status.state.alive for run in picked)
    poll = POLL_SECONDS if alive else None
    st.fragment(_panel, run_every=poll, key="runs-overlay")(tuple(names), alive)


def _panel(names: tuple[str, ...], was_alive: bool) -> None:
    here = {run.name: run for run in run_cache.runs_now()}
    picked = [here[name] for name in names if name in here]
    if len(picked) < len(names) or was_alive != any(run.status.state.alive for run in picked):
        st.rerun()
    st.subheader("Curves", anchor=False)
    for run in picked:
        if run.status.state in (State.FAILED, State.INTERRUPTED):
            ended = f"**{theme.plain(run.name)}** {run.status.state}"
            st.markdown(f":material/error: {ended}: {theme.plain(run.status.message)}")
    options = _options(list(here.values()), picked)
    asked = st.query_params.get(state.AGAINST, "")
    against = options.get(asked) or next(iter(options.values()), None)
    drawn = _drawn(picked, against)
    tables = {run.name: run_cache.curves(run) for run in drawn}
    if not any(len(table) for table in tables.values()):
        st.markdown("There is nothing to draw before a first epoch is completed.")
        return
    here = _epoch(drawn)
    _curves(pd.concat([t for t in tables.values() if len(t)]), drawn, against, here)
    if against and len(drawn) > 1:
        others = [run for run in picked if run.name != against.name]
        run_comparison.show(others, against, list(options), here)
    elif against:
        st.caption("Choose a second run, or pin a baseline, to see whether one is better.")


def _epoch(drawn: list[Run]) -> int | None:
    """The one epoch that all of them are looked at; `None` for each at its best.

    Of those that every run keeps a table of, so that all can be rewound together.
    """
    kept = {run.name: predictions.epochs(run.folder) for run in drawn}
    shared = set.intersection(*map(set, kept.values()))
    short = [theme.plain(name) for name, epochs in kept.items() if len(epochs) < 2]
    why = "" if len(shared) > 1 else "Needs two epochs that all of these runs have kept"
    if why and short:
        why += f"; {', '.join(short[:3])} {'has' if len(short) == 1 else 'have'} fewer"
    in_address = st.query_params.get(state.EPOCH) is not None
    with st.container(horizontal=True, vertical_alignment="center"):
        on = st.toggle("All at one epoch", in_address, key=state.TOGETHER, disabled=bool(why))
        if why:
            st.caption(f"{why}.", width="content")
    if why or not on:
        return None
    epochs = tuple(sorted(shared))
    names = " ".join(run.name for run in drawn)
    return epoch_slider.ask(names, epochs)


def _drawn(picked: list[Run], against: Run | None) -> list[Run]:
    """The runs whose curves are drawn: the chosen ones, and the one that they are held against."""
    others = [run for run in picked if against is None or run.name != against.name]
    whole = [*([against] if against else []), *others]
    if len(whole) > DRAWN:
        st.caption(f"The curves of the first {DRAWN} of {len(whole)} runs are drawn.")
    return whole[:DRAWN]


def _options(found: list[Run], picked: list[Run]) -> dict[str, Run]:
    """The runs that the others can be compared with: the baseline, where there is one, first."""
    labels = run_cache.labels(found)
    base = [run for run in found if labels[run.name].baseline]
    return {run.name: run for run in [*base, *picked]}


# --- curves -------------------------------------------------------------------------------------


def _curves(rows: pd.DataFrame, drawn: list[Run], against: Run | None, here: int | None) -> None:
    """What is drawn, the figures for accuracy and loss, and the way to a file."""
    x, roles, level, weight = _controls(rows)
    axis = run_charts.axis(x, float(rows["seconds"].max()))
    if x == "time" and rows["seconds"].isna().all():
        st.caption("These runs kept no clock, so their curves cannot be drawn over time.")
    rows_shown = rows[rows["role"].isin(roles)]
    if without := [theme.plain(name) for name in _without(rows, roles)]:
        asked = " or ".join(run_charts.ROLES[role] for role in roles)
        st.caption(f"Not drawn, since they have no {asked} films: {', '.join(without)}.")
    looks = _looks(drawn, against)
    grid = st.grid(2, min_column_width=480)
    for title, quantity in ((f"Accuracy of {level}", LEVELS[level]), ("Loss", "loss")):
        part = rows_shown[rows_shown["quantity"] == quantity]
        words = "Loss (nats a film)" if quantity == "loss" else title
        figure = run_charts.overlay(part, axis, weight, words, looks, theme.ink(), theme.ground())
        if here is not None and x == "epoch":
            figure.add_vline(x=here, line={"color": theme.ink().text, "width": 2})
        file = f"runs-{quantity.replace('_', '-')}-by-{x}"
        with grid.cell():
            st.plotly_chart(figure, key=f"overlay-{quantity}", config=_toolbar(file))
    notes = ["The camera on a figure saves it as a picture."]
    if weight:
        notes.insert(0, "Smoothed; the thin line is what was measured.")
    if level == "studies" and "train" in roles:
        notes.insert(0, "Training films are counted one by one, never as studies.")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Export CSV", partial(_csv, rows), "runs.csv", "text/csv", key="export-runs",
            icon=":material/download:", on_click="ignore",
            help="Every epoch of these runs, one row for each number, as measured.",
        )  # fmt: skip
        st.caption(" ".join(notes))


def _csv(rows: pd.DataFrame) -> str:
    return rows.to_csv(index=False, lineterminator="\n")


def _toolbar(file: str) -> dict:
    picture = {"format": "png", "filename": file, "scale": 2}
    return {"displaylogo": False, "displayModeBar": True, "toImageButtonOptions": picture}


def _looks(drawn: list[Run], against: Run | None) -> dict[str, tuple[str, str]]:
    """A colour and a marker for each; the text's own colour for the one held against."""
    marks = cycle(zip(theme.run_colours(), run_charts.MARKERS, strict=True))
    mine = (theme.ink().text, "circle")
    is_reference = len(drawn) > 1 and against is not None
    return {
        run.name: mine if is_reference and run.name == against.name else next(marks)
        for run in drawn
    }


def _controls(rows: pd.DataFrame) -> tuple[str, list[str], str, float]:
    """What the curves run over, whose films, which accuracy, how smooth; all in the address."""
    have = [role for role in curves.ROLES if (rows["role"] == role).any()]
    # Dev, unless a run would be missing for it.
    choices = [[role] for role in ("dev", "valid", *have) if role in have]
    usual = next((choice for choice in choices if not _without(rows, choice)), choices[0])
    asked = [role for role in st.query_params.get_all(state.CURVES) if role in have]
    values = {
        state.AXIS: _known(state.AXIS, AXES, "epoch"),
        state.CURVES: asked or usual,
        state.LEVEL: _known(state.LEVEL, LEVELS, "studies"),
        state.SMOOTHING: _weight(),
    }
    for name, value in values.items():
        state.fill(name, value)
    with st.container(horizontal=True, gap="medium"):
        st.segmented_control(
            "Over", list(AXES), format_func=AXES.get, required=True, key=state.AXIS,
            on_change=_write, args=(state.AXIS, "epoch"),
        )  # fmt: skip
        st.pills(
            "Films", have, selection_mode="multi", format_func=run_charts.ROLES.get,
            key=state.CURVES, on_change=_write, args=(state.CURVES, usual),
        )  # fmt: skip
        st.segmented_control(
            "Accuracy of", list(LEVELS), required=True, key=state.LEVEL,
            on_change=_write, args=(state.LEVEL, "studies"),
        )  # fmt: skip
        st.slider(
            "Smoothing", *SMOOTHINGS, step=0.05, key=state.SMOOTHING, width=220,
            on_change=_write, args=(state.SMOOTHING, 0.0),
            help="Weight of what came before; the thin line stays what was measured.",
        )  # fmt: skip
    return tuple(values.values())


def _without(rows: pd.DataFrame, roles: list[str]) -> list[str]:
    """The runs that have no curve of these films."""
    drawn = set(rows.loc[rows["role"].isin(roles), "run"])
    return [name for name in dict.fromkeys(rows["run"]) if name not in drawn]


def _known(name: str, options: dict[str, str], usual: str) -> str:
    asked = st.query_params.get(name, usual)
    return asked if asked in options else usual


def _weight() -> float:
    try:
        asked = float(st.query_params.get(state.SMOOTHING, "0"))
    except ValueError:
        return 0.0
    return min(max(asked, SMOOTHINGS[0]), SMOOTHINGS[1]) if asked == asked else 0.0


def _write(name: str, usual: object) -> None:
    """A widget was changed: the address follows, and does without what is usual."""
    value = st.session_state[name]
    if value == usual or not value:
        state.put(name, "")
    else:
        state.put(name, [str(v) for v in value] if isinstance(value, list) else str(value))
