"""All runs as a results table: their accuracy, and the settings that differ.

The address holds the chosen runs and the search, and is the only truth.
"""

from functools import partial
from hashlib import blake2b
from pathlib import Path

import streamlit as st

from fracture_core.analysis import comparison
from fracture_core.folders import runs_folder
from fracture_core.runs import run_folders
from fracture_core.runs.run_facts import SHARED_PATIENTS
from fracture_core.runs.run_folders import Run
from fracture_core.words import plural, short
from ui.cache import run_cache
from ui.components import window_width
from ui.home import demo
from ui.run_groups import group_lines
from ui.runs import run_search, selected_runs, table_columns
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
    run_search.show(runs)
    shown = run_search.matching(runs)
    selected_runs.show(runs, shown)
    _name_missing(runs)
    if shown:
        _table(runs, shown)
    else:
        st.markdown("**No run matches.** Each button drops one filter.")
        run_search.drop_buttons()
    actions.show_errors()


def _name_missing(runs: list[Run]) -> None:
    """Name the runs of the address that do not exist: their curves would be missed silently."""
    in_address = [*st.query_params.get_all(state.CHOSEN), st.query_params.get(state.AGAINST, "")]
    names = set(filter(run_folders.NAME.fullmatch, in_address)) - {run.name for run in runs}
    if names:
        listed = ", ".join(theme.plain(short(name)) for name in sorted(names)[:UNREADABLE])
        more = f" and {len(names) - UNREADABLE} more" if len(names) > UNREADABLE else ""
        st.caption(f"Runs of this address that do not exist, maybe deleted: {listed}{more}.")


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
    columns = {key: [values[key] for values in of_runs] for key in keys}
    rows, config = table_columns.table(shown, columns)
    data = table_columns.bold(rows, keys) if 1 < len(rows) <= STYLED and keys else rows
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


def _shared_patients(shown: list[Run]) -> str:
    """A sentence on the runs whose data name no patients; "" without any."""
    count = sum(run.data.without_patients for run in shown)
    return f"In {plural(count, 'run')}: {SHARED_PATIENTS} " if count else ""


def _films(run: Run) -> str:
    name = Path(run.config.data).name
    return f"{name}, synthetic" if run_cache.is_synthetic(run) else name
