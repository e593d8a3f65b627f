"""All runs as a results table: their accuracy, and the settings that differ.

The address holds the chosen runs and the search, and is the only truth.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from datetime import datetime
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from fracture_core.analysis import comparison
from fracture_core.config.setting_table import settings
from fracture_core.folders import runs_folder
from fracture_core.runs import run_folders
from fracture_core.runs.run_facts import SHARED_PATIENTS
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_labels import Labels
from fracture_core.runs.run_status import State
from fracture_core.verdicts.metrics import Proportion
from fracture_core.words import plural, short
from ui.cache import run_cache
from ui.components import window_width
from ui.home import demo
from ui.runs import group_lines, run_charts, selected_runs
from ui.shared import figures, theme
from ui.shell import actions, state

POLL_SECONDS = 2.0  # while a run is active
HEIGHT = 430  # px of the table; ten runs, and room for their curves below
UNREADABLE = 10  # unreadable runs that are named; the others are counted
WIDE_PX = 1100  # width of a window from which all columns are shown unasked
FEW = ("Run", "State", "Dev accuracy", "95 % interval", "n", "Curve", "Best epoch")  # fit in 900 px
STYLED = 150  # rows; Streamlit takes 0.3 ms for each that has bold cells


def show_unreadable(runs: list[Run]) -> None:
    """List the unreadable runs, by name, each with the next step."""
    sentences = run_folders.unreadable(runs)
    if sentences:
        with st.expander(f"{plural(len(sentences), 'run')} cannot be read", expanded=True):
            for sentence in sentences[:UNREADABLE]:
                st.text(sentence)
            if len(sentences) > UNREADABLE:
                st.text(f"and {len(sentences) - UNREADABLE} more in {runs_folder()}")


def show_empty() -> None:
    """Offer ways to get a first run."""
    st.markdown(
        "**There is no run yet.** A run is one network trained on the data in use. Each one "
        "becomes a line of a table here, with its accuracy, and the curves of any of them can be "
        "compared."
    )
    demo.button()
    st.page_link(
        "pages/train.py", label="Choose the settings yourself", icon=":material/show_chart:"
    )


def show(runs: list[Run]) -> None:
    """Draw search, table and buttons; polls while a run is active."""
    drawn_for = _names(runs)
    poll = POLL_SECONDS if drawn_for[0] else None
    st.fragment(_panel, run_every=poll, key="runs-table")(drawn_for)


def _names(runs: list[Run]) -> tuple[tuple[str, ...], ...]:
    """Names of the active and of the chosen runs, which the whole page depends on."""
    alive = tuple(run.name for run in runs if run.status.state.alive)
    return alive, tuple(selected_runs.chosen(runs))


def _panel(drawn_for: tuple[tuple[str, ...], ...]) -> None:
    runs = group_lines.without_members(run_cache.runs_now())
    if not runs or _names(runs) != drawn_for:
        st.rerun()  # the whole page: curves depend on the choice, polling on active runs
    _search(runs)
    shown = _matching(runs)
    selected_runs.show(runs, shown)
    _name_missing(runs)
    if shown:
        _table(runs, shown)
    else:
        st.markdown("**No run matches.** Each button drops one filter.")
        _drop_buttons()
    actions.show_errors()


def _name_missing(runs: list[Run]) -> None:
    """Name the runs of the address that do not exist: their curves would be missed silently."""
    in_address = [*st.query_params.get_all(state.CHOSEN), st.query_params.get(state.AGAINST, "")]
    names = set(filter(run_folders.NAME.fullmatch, in_address)) - {run.name for run in runs}
    if names:
        listed = ", ".join(theme.plain(short(name)) for name in sorted(names)[:UNREADABLE])
        more = f" and {len(names) - UNREADABLE} more" if len(names) > UNREADABLE else ""
        st.caption(f"Runs of this address that do not exist, maybe deleted: {listed}{more}.")


# --- search -------------------------------------------------------------------------------------


def _search(runs: list[Run]) -> None:
    tags = sorted({tag for labels in run_cache.labels(runs).values() for tag in labels.tags})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        state.fill(state.SEARCH, st.query_params.get(state.SEARCH, ""))
        st.text_input(
            "Search",
            type="search",
            key=state.SEARCH,
            on_change=_write,
            args=(state.SEARCH,),
            placeholder="name, setting, state, tag or note",
            width=340,
        )
        if tags or st.query_params.get_all(state.TAG):
            in_address = [tag for tag in st.query_params.get_all(state.TAG) if tag in tags]
            state.fill(state.TAG, in_address)
            st.pills(
                "Tags",
                tags,
                selection_mode="multi",
                key=state.TAG,
                on_change=_write,
                args=(state.TAG,),
                format_func=theme.plain,
            )


def _write(name: str) -> None:
    state.put(name, st.session_state[name])


def _matching(runs: list[Run]) -> list[Run]:
    """The runs with every word of the search and every tag."""
    words = st.query_params.get(state.SEARCH, "").casefold().split()
    tags = set(st.query_params.get_all(state.TAG))
    labels = run_cache.labels(runs)
    return [
        run
        for run in runs
        if tags <= set(labels[run.name].tags)
        and (not words or _contains(_text(run, labels[run.name]), words))
    ]


def _contains(text: str, words: list[str]) -> bool:
    return all(word in text for word in words)


def _text(run: Run, labels: Labels) -> str:
    """The searchable text of a run."""
    values = [str(value) for value in comparison.settings(run.config).values()]
    mine = [run.name, _state(run), labels.note, *labels.tags, run.parent.run if run.parent else ""]
    return "\n".join([*mine, *values, "baseline" if labels.baseline else ""]).casefold()


def _drop_buttons() -> None:
    for name, words in ((state.SEARCH, "search for"), (state.TAG, "tags")):
        if values := st.query_params.get_all(name):
            st.button(
                f"Drop the {words} {theme.plain(short(', '.join(values)))}",
                key=f"drop-{name}",
                icon=":material/filter_alt_off:",
                on_click=state.put,
                args=(name, ""),
            )


# --- the table ----------------------------------------------------------------------------------


def _table(runs: list[Run], shown: list[Run]) -> None:
    """The table; ticked runs go into the address."""
    names, picked = [run.name for run in shown], selected_runs.chosen(runs)
    digest = blake2b("\n".join(names).encode(), digest_size=6).hexdigest()
    # Ticks belong to positions: another list, or a choice made elsewhere, needs another table.
    key = f"{state.RESULTS_TABLE}-{st.session_state.get(state.CHOICES, 0)}-{digest}"
    outcomes = run_cache.outcomes(shown)
    of_runs = [
        comparison.current_settings(run, outcomes[run.name].learning_rate) | {"data": _films(run)}
        for run in shown
    ]
    keys = comparison.differing(of_runs)
    rows, config = table(shown, {key: [values[key] for values in of_runs] for key in keys})
    data = _bold(rows, keys) if 1 < len(rows) <= STYLED and keys else rows
    like = "the baseline" if "Baseline" in rows else "most of them"
    bold = "" if data is rows else f" **Bold**: a setting that differs from {like}."
    # It also keeps the table's own toolbar off the buttons above.
    st.caption(
        f"Dev accuracy: share of dev studies predicted correctly after the best epoch, with its "
        f"interval and n. Settings that are the same in all runs have no column.{bold} "
        f"{_shared_patients(shown)}"
        "By keys: arrows choose a line, Shift + Space ticks it."
    )
    order = None if _shows_all() else [name for name in FEW if name in rows]
    st.dataframe(
        data,
        height=min(HEIGHT, 38 + 35 * len(rows)),
        hide_index=True,
        column_config=config,
        column_order=order,
        key=key,
        on_select=partial(_tick, key, names),
        selection_mode="multi-row",
        selection_default={
            "selection": {"rows": [i for i, name in enumerate(names) if name in picked]}
        },
        placeholder=figures.MISSING,
        alt="Runs, with their accuracy and the settings that differ",
    )


def _shows_all() -> bool:
    """Return whether all columns are shown; in a narrow window they would scroll sideways."""
    if not window_width.is_narrow(WIDE_PX, "runs-width"):
        return True
    return st.toggle("All columns", key=state.ALL_COLUMNS)


def _tick(key: str, names: list[str]) -> None:
    """Write changed ticks into the address; chosen runs outside the list stay chosen."""
    ticked = [names[i] for i in st.session_state[key]["selection"]["rows"] if i < len(names)]
    before = st.query_params.get_all(state.CHOSEN)
    remaining = [name for name in before if name not in names or name in ticked]
    state.put(state.CHOSEN, list(dict.fromkeys([*remaining, *ticked])))


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
        "State": [_state(run) for run in shown],
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
    noted = ("Baseline", "Forked from", "Tags", "Note")
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


def _shared_patients(shown: list[Run]) -> str:
    """A sentence on the runs whose data name no patients; "" without any."""
    count = sum(run.data.without_patients for run in shown)
    return f"In {plural(count, 'run')}: {SHARED_PATIENTS} " if count else ""


def _bold(rows: pd.DataFrame, keys: list[str]) -> Any:
    """Settings that differ from the baseline's, else from the most frequent ones, in bold."""
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


def _films(run: Run) -> str:
    name = Path(run.config.data).name
    return f"{name}, synthetic" if run_cache.is_synthetic(run) else name


def _name(path: str) -> str:
    """Return a setting's column title."""
    return settings()[path].title


def _values(path: str, values: list[Any]) -> list[Any]:
    """Return a setting of every run: as numbers if all are, else in words."""
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return values
    return [settings()[path].words(value) for value in values]


def _state(run: Run) -> str:
    """A run's activity or end; without the time left, so that the table does not flicker."""
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
