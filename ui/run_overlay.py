"""Chosen runs over each other: their curves, and whether one is better than another."""

from functools import partial
from itertools import cycle

import pandas as pd
import streamlit as st

from fracture_core import comparison
from fracture_core.errors import RunError
from fracture_core.metrics import Difference
from fracture_core.runs import Run, State
from ui import cached, run_charts, state, theme

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
    here = {run.name: run for run in cached.runs_now()}
    picked = [here[name] for name in names if name in here]
    if len(picked) < len(names) or was_alive != any(run.status.state.alive for run in picked):
        st.rerun()
    st.subheader("Curves", anchor=False)
    for run in picked:
        if run.status.state in (State.FAILED, State.INTERRUPTED):
            st.caption(f"{theme.plain(run.name)}: {theme.plain(run.status.message)}")
    against = _against(list(here.values()), picked)
    drawn = _drawn(picked, against)
    tables = {run.name: cached.curves(run) for run in drawn}
    if not any(len(table) for table in tables.values()):
        st.markdown("There is nothing to draw before a first epoch is completed.")
        return
    _curves(pd.concat([t for t in tables.values() if len(t)]), drawn, against)
    if against and len(drawn) > 1:
        _compare([run for run in picked if run.name != against.name], against)
    elif against:
        st.caption("Choose a second run, or pin a baseline, to see whether one is better.")


def _drawn(picked: list[Run], against: Run | None) -> list[Run]:
    """The runs whose curves are drawn: the chosen ones, and the one that they are held against."""
    others = [run for run in picked if against is None or run.name != against.name]
    whole = [*([against] if against else []), *others]
    if len(whole) > DRAWN:
        st.caption(f"The curves of the first {DRAWN} of {len(whole)} runs are drawn.")
    return whole[:DRAWN]


def _against(found: list[Run], picked: list[Run]) -> Run | None:
    """The run that the others are compared with: the one asked for, the baseline, or the first."""
    labels = cached.labels(found)
    base = [run for run in found if labels[run.name].baseline]
    options = {run.name: run for run in [*base, *picked]}
    asked = st.query_params.get(state.AGAINST, "")
    name = asked if asked in options else next(iter(options), None)
    return options.get(name) if name else None


# --- curves -------------------------------------------------------------------------------------


def _curves(rows: pd.DataFrame, drawn: list[Run], against: Run | None) -> None:
    """What is drawn, the figures for accuracy and loss, and the way to a file."""
    x, roles, level, weight = _controls(rows)
    axis = run_charts.axis(x, float(rows["seconds"].max()))
    if x == "time" and rows["seconds"].isna().all():
        st.caption("These runs kept no clock, so their curves cannot be drawn over time.")
    rows_shown = rows[rows["role"].isin(roles)]
    looks = _looks(drawn, against)
    grid = st.grid(2, min_column_width=480)
    for title, quantity in ((f"Accuracy of {level}", LEVELS[level]), ("Loss", "loss")):
        part = rows_shown[rows_shown["quantity"] == quantity]
        words = "Loss (nats a film)" if quantity == "loss" else title
        figure = run_charts.overlay(part, axis, weight, words, looks, theme.ink(), theme.ground())
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
    have = [role for role in comparison.ROLES if (rows["role"] == role).any()]
    usual = ["dev"] if "dev" in have else ["valid"] if "valid" in have else have[:1]
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


# --- which is better ----------------------------------------------------------------------------


def _compare(others: list[Run], against: Run) -> None:
    """Each run against one, on the studies that both were judged on, at their best epochs."""
    st.subheader("Which is better?", anchor=False)
    options = list(dict.fromkeys([against.name, *(run.name for run in others)]))
    lines, refused = _lines(others, against)
    state.fill(state.AGAINST, against.name)
    st.selectbox(
        "Compared with", options, key=state.AGAINST, width=340,
        on_change=_write, args=(state.AGAINST, ""),
        help="The pinned baseline, unless another is picked.",
    )  # fmt: skip
    if lines:
        st.markdown(_sentence(lines, against))
        _table(lines, against)
        st.caption(
            "Points: the share of studies judged right at the run's best epoch (lowest dev loss), "
            "less the other run's, on the same studies; with the 95 % interval of a paired "
            "difference (Newcombe 1998). A tie: the interval holds 0. Dev studies chose the "
            "epochs, valid ones chose nothing. Of twenty runs that are equal in truth, one will "
            "look better or worse."
        )
    for sentence in refused:
        st.caption(sentence)


Line = tuple[str, str, Difference]  # the run, the role of the studies, and how far it is apart


def _lines(others: list[Run], against: Run) -> tuple[list[Line], list[str]]:
    """A line for each run and role, and a sentence for each run that cannot be compared."""
    lines, refused = [], []
    for run in others:
        name, other = theme.plain(run.name), theme.plain(against.name)
        epochs = [outcome.best_epoch for outcome in cached.outcomes([run, against]).values()]
        if None in epochs:
            early = name if epochs[0] is None else other
            refused.append(f"{name} cannot be compared with {other}: {early} has no epoch yet.")
            continue
        if not comparison.same_data(run, against):
            refused.append(f"{name} cannot be compared with {other}: it learned from other films.")
            continue
        try:
            tables = [
                cached.run_verdicts(r, e) for r, e in zip((run, against), epochs, strict=True)
            ]
        except RunError as error:
            refused.append(f"{name} cannot be compared with {other}: {theme.plain(str(error))}")
            continue
        apart = [(run.name, role, comparison.compare(*tables, role)) for role in ("dev", "valid")]
        lines += [line for line in apart if line[2].n]
        if not any(line[2].n for line in apart):
            refused.append(f"{name} and {other} were judged on no study in common.")
    return lines, refused


def _sentence(lines: list[Line], against: Run) -> str:
    """What the comparison comes to, by the valid studies where there are some."""
    role = "valid" if any(line[1] == "valid" for line in lines) else "dev"
    judged = [line for line in lines if line[1] == role]
    other = theme.plain(against.name)
    clear = [
        f"**{theme.plain(name)}** is **{d.verdict}** than {other} by {_points(abs(d.value))} points"
        for name, _, d in judged
        if d.verdict != "a tie"
    ]
    n = theme.plural(judged[0][2].n, "study").replace(" ", f" {role} ", 1)
    if len(judged) == 1 and not clear:
        name = theme.plain(judged[0][0])
        return f"**A tie**: {n} cannot tell **{name}** from **{other}**."
    if not clear:
        return f"**All ties**: {n} cannot tell any of these runs from **{other}**."
    rest = len(judged) - len(clear)
    ties = f" {theme.plural(rest, 'other run')} {'is' if rest == 1 else 'are'} tied with it."
    return f"On {n}, " + "; ".join(clear) + "." + (ties if rest else "")


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def _table(lines: list[Line], against: Run) -> None:
    found = [d for _, _, d in lines]
    reach = max(0.05, *(max(abs(d.low), abs(d.high)) for d in found))
    ink = theme.ink()
    rows = pd.DataFrame(
        {
            "Run": [name for name, _, _ in lines],
            "Studies": [role for _, role, _ in lines],
            "Verdict": [d.verdict for d in found],
            "Points": [f"{100 * d.value:+.1f}" for d in found],
            "Interval": [run_charts.interval(d, (-reach, reach), 0.0, ink) for d in found],
            "95 % interval": [f"{100 * d.low:+.1f} to {100 * d.high:+.1f}" for d in found],
            "Only this one right": [d.only_first for d in found],
            "Only the other right": [d.only_second for d in found],
            "n": [d.n for d in found],
        }
    )
    text = st.column_config.TextColumn
    name = against.name
    st.dataframe(
        rows,
        hide_index=True,
        height=min(430, 38 + 35 * len(rows)),
        column_config={
            "Run": text(pinned=True, width=170),
            "Points": text(alignment="right", width=80, help=f"Above 0: better than {name}."),
            "Interval": st.column_config.ImageColumn(
                width=run_charts.WIDTH + 20,
                help=f"From {-100 * reach:.0f} to {100 * reach:.0f} points; the dashed line is 0.",
            ),
            "95 % interval": text(alignment="right"),
            "Only the other right": st.column_config.NumberColumn(help=f"{name} alone was right."),
            "n": st.column_config.NumberColumn(help="Studies that both were judged on.", width=60),
        },
        key="comparison",
    )
