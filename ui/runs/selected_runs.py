"""Actions on the runs that are chosen in the table: open, pin, tag, ensemble, delete."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import streamlit as st

from fracture_core.errors import FractureError
from fracture_core.models import epoch_models
from fracture_core.reports import receipts
from fracture_core.runs import run_folders, run_labels
from fracture_core.runs.run_folders import Run
from fracture_core.words import plural
from ui.cache import model_cache, run_cache
from ui.components import announcement
from ui.run_menu import run_deletion, run_notes
from ui.shared import receipt, theme
from ui.shell import actions, owner, state


def chosen(runs: list[Run]) -> list[str]:
    """List the names of the runs chosen in the address, of those that exist."""
    existing = {run.name for run in runs}
    names = dict.fromkeys(st.query_params.get_all(state.CHOSEN))
    return [name for name in names if name in existing]


def show(runs: list[Run], shown: list[Run]) -> None:
    """Draw the number of chosen runs, and the buttons; the row is there from the start."""
    if ensemble := st.session_state.pop(state.NEW_ENSEMBLE, None):
        dev = {state.FILMS: "dev"} if len(model_cache.model(ensemble).dev_films) else {}
        st.switch_page("pages/evaluate.py", query_params={state.MODEL: ensemble, **dev})
    names = chosen(runs)
    picked = [run for run in runs if run.name in names]
    one = picked[0] if len(picked) == 1 else None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_summary(runs, shown, names), width="content")
        count = f"Runs listed: {len(shown):,} of {len(runs):,}; chosen: {len(names):,}"
        announcement.show(count, "announcement")
        st.space("stretch")
        open_run = st.button("Open", disabled=not one, icon=":material/show_chart:", key="open-run")
        if open_run and one:
            st.switch_page("pages/train.py", query_params={state.RUN: one.name})
        pinned = bool(one and run_cache.labels([one])[one.name].baseline)
        owner.button(
            "Unpin baseline" if pinned else "Pin as baseline",
            disabled=not one,
            key="pin",
            icon=":material/keep:",
            on_click=_pin,
            args=(one.name if one else "", not pinned),
            help="The other runs are compared with it. One run at a time is the baseline.",
        )
        with st.popover("Tags and note", icon=":material/label:", disabled=not picked):
            if one:
                run_notes.show(one)
            elif picked:
                _tag_all(names)
        with st.popover("Ensemble", icon=":material/join:", disabled=len(picked) < 2):
            _ensemble(names)
        _offer_receipt(one)
        _delete(names, picked)
        st.button("Clear choice", disabled=not picked, on_click=_clear, key="clear")


def _offer_receipt(one: Run | None) -> None:
    """Draw the button that opens the receipts of the one chosen run's best epoch."""
    epoch = run_cache.outcomes([one])[one.name].best_epoch if one else None
    known = run_cache.majority(one.folder, "studies") if one and epoch else {}
    roles = [role for role in ("dev", "valid") if role in known]
    receipt.offer(
        "chosen-run",
        *(partial(receipts.of_epoch, one.folder, epoch or 0, role) for role in roles if one),
        disabled=not roles,
    )


def _delete(names: list[str], picked: list[Run]) -> None:
    """Draw the button that asks whether to delete the chosen runs."""
    resting = [run for run in picked if not run.status.state.alive]
    if owner.button(
        "Delete…",
        icon=":material/delete:",
        disabled=not resting,
        key="delete-chosen",
        help="The run is active: stop it first." if picked and not resting else None,
    ):
        run_deletion.confirm(tuple(names))


def _summary(runs: list[Run], shown: list[Run], names: list[str]) -> str:
    """Numbers of all and of chosen runs; their data set, if all have the same."""
    count = plural(len(runs), "run")
    if len(shown) < len(runs):
        count = f"{len(shown):,} of {count}"
    films = {_films(run) for run in runs}
    on = f" on {films.pop()}" if len(films) == 1 else ""
    if not names:
        return f"{count}{on}. Tick runs to compare their curves."
    hidden = len(set(names) - {run.name for run in shown})
    aside = f", {hidden:,} of them not in this list" if hidden else ""
    return f"{count}{on}, **{len(names):,} chosen**{aside}."


def _films(run: Run) -> str:
    badge = theme.synthetic_badge() if run_cache.is_synthetic(run) else ""
    name = Path(run.config.data).name
    return f"{theme.plain(name)} {badge}".strip()


def _pin(name: str, baseline: bool) -> None:
    with actions.errors_shown():
        folder = run_folders.find(name)
        actions.set_labels(folder, replace(run_labels.read(folder), baseline=baseline))


def _tag_all(names: list[str]) -> None:
    """One tag for all that are chosen."""
    st.text_input("A tag for all of them", key="tag-all", max_chars=40)
    if owner.button("Add the tag", key="add-tag", on_click=_add_tag, args=(names,)):
        st.rerun()


def _add_tag(names: list[str]) -> None:
    tag = st.session_state["tag-all"].strip()
    with actions.errors_shown():
        for folder in map(run_folders.find, names if tag else []):
            labels = run_labels.read(folder)
            if tag not in labels.tags:
                actions.set_labels(folder, replace(labels, tags=(*labels.tags, tag)))


def _ensemble(names: list[str]) -> None:
    """The mean of the chosen runs as a model of its own."""
    st.markdown(
        f"A model that gives every film the mean probability of these {len(names)} runs, each at "
        "its best dev epoch, else its last. It keeps copies of their weights, outlives them, and "
        "has no gate."
    )
    with st.form("ensemble", border=False):
        st.text_input(
            "Name of the ensemble", key=state.ENSEMBLE, max_chars=40, placeholder="together"
        )
        owner.submit(
            "Create ensemble",
            key="make-ensemble",
            disabled=len(names) < 2,
            on_click=_make_ensemble,
            args=(names,),
        )
    refused_names, refused = st.session_state.get(state.REFUSED) or ([], "")
    if refused and refused_names == names:  # the error belongs to this choice only
        st.error(theme.plain(refused), icon=":material/error:")


def _make_ensemble(names: list[str]) -> None:
    name = st.session_state[state.ENSEMBLE].strip()
    st.session_state[state.REFUSED] = None
    try:
        # With their epochs: a released model may have the name of a run.
        actions.make_ensemble(
            [epoch_models.of_run(run_folders.find(each)).reference for each in names], name
        )
        st.session_state[state.NEW_ENSEMBLE] = name
    except FractureError as error:
        st.session_state[state.REFUSED] = (names, str(error))


def _clear() -> None:
    state.put(state.CHOSEN, "")
    # The table keeps its own ticks: it is replaced.
    st.session_state[state.CHOICES] = st.session_state.get(state.CHOICES, 0) + 1
