"""Filters of the wall: facets with counts, a search and an order.

The address holds them as plain words and is the only truth; the widgets are filled from it. (A
widget bound to the address would put its label there, count included, and would remove it while
a study is open.)
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import streamlit as st

from fracture_core.curation.selections import TICKED
from fracture_core.words import plural, short
from ui.shared import theme
from ui.shell import state
from ui.studies import quiz, selection

FACETS = {
    state.SPLIT: "Split",
    state.PART: "Body part",
    state.LABEL: "Label",
    state.VIEWS: "Views",
    state.HISTORY: "Studies per patient",
    state.RESULT: "Prediction",
}
_TELLING = (state.LABEL, state.HISTORY, state.RESULT)  # facets that tell a study's label
LABELS = {1: "fracture", 0: "none"}  # in the address
NAMED = 5  # values of a filter named on its button
MANY = 5  # views; this many and more are one value
HISTORIES = {  # in the address -> on the page
    "one": "one only",
    "same": "several, same label",
    "both": "several, mixed labels",
}
RESULTS = {"right": "✓ right", "wrong": "✗ wrong", "none": "no prediction"}
RESULT = f"facet_{state.RESULT}"  # the one column that depends on the model
WRONG = "wrong"  # the order by `CERTAINTY`
CERTAINTY = "certainty_if_wrong"  # column: of the model's wrong verdict, 0 to 1; NaN if not wrong
ORDERS = {
    "data": "as in the data",
    "patient": "by patient",
    "most": "most views first",
    "fewest": "fewest views first",
    WRONG: "most certain and wrong first",
}


@dataclass(frozen=True, kw_only=True)
class Filters:
    """The filters in the address.

    Args:
        facets: facet -> accepted values; a missing facet accepts all.
        patient: text contained in the patient's name, in upper or lower case.
        selection: name of a saved selection, or `selections.TICKED`; "" for none.
        keys: of the selection's studies.
        order: a key of `ORDERS`.
    """

    facets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    patient: str = ""
    selection: str = ""
    keys: frozenset[str] = frozenset()
    order: str = "data"

    @property
    def names(self) -> list[str]:
        """Names of the active filters."""
        others = {state.PATIENT: self.patient, state.SAVED: self.selection}
        return [*self.facets, *(name for name, value in others.items() if value)]


def filters() -> Filters:
    """Read the filters from the address; an unknown order becomes the default.

    In a quiz, those that would tell a label do not act.
    """
    names = [name for name in FACETS if not (quiz.is_on() and name in _TELLING)]
    in_address = {name: tuple(st.query_params.get_all(name)) for name in names}
    order = st.query_params.get(state.ORDER, "data")
    name = st.query_params.get(state.SAVED, "")
    if order == WRONG and quiz.is_on():  # it would tell the labels
        order = "data"
    return Filters(
        facets={name: values for name, values in in_address.items() if values},
        patient=st.query_params.get(state.PATIENT, "").strip(),
        selection=name,
        keys=selection.keys_of(name),
        order=order if order in ORDERS else "data",
    )


def with_facets(studies: pd.DataFrame) -> pd.DataFrame:
    """Add a column `facet_NAME` for each facet to `catalog.studies`.

    Returns:
        The table; the columns hold values as in the address, as categories in the page's order.
    """
    patients = studies.groupby("patient")["label"]
    several, both = patients.transform("size") > 1, patients.transform("nunique") > 1
    values = {
        state.SPLIT: studies["split"],
        state.PART: studies["part"],
        state.LABEL: studies["label"].map(LABELS),
        state.VIEWS: studies["views"].clip(upper=MANY).astype(str),
        state.HISTORY: several.map({False: "one", True: "same"}).mask(both, "both"),
    }
    orders = {
        state.SPLIT: list(studies["split"].unique()),
        state.LABEL: list(LABELS.values()),
        state.HISTORY: list(HISTORIES),
    }
    columns = {}
    for name, column in values.items():
        present = set(column.unique())
        order = [value for value in orders.get(name, sorted(present)) if value in present]
        columns[f"facet_{name}"] = pd.Categorical(column, categories=order)
    return studies.assign(**columns)


def results_of(studies: pd.DataFrame, results: dict[str, bool]) -> "pd.Categorical[Any]":
    """Return the column `RESULT` of `studies`, of a dict: key of a study -> correct verdict?"""
    words = studies["key"].map(results).map({True: "right", False: "wrong"}).fillna("none")
    present = set(words.unique())
    return pd.Categorical(words, categories=[word for word in RESULTS if word in present])


def matching(studies: pd.DataFrame, active: Filters, without: str = "") -> pd.DataFrame:
    """Return the studies that pass all filters but the one called `without`, in their order."""
    passed = pd.Series(True, index=studies.index)
    for name, values in active.facets.items():
        if name != without:
            passed &= studies[f"facet_{name}"].isin(values)
    if active.patient and without != state.PATIENT:
        passed &= studies["patient"].str.contains(active.patient, case=False, regex=False)
    if active.selection and without != state.SAVED:
        passed &= studies["key"].isin(list(active.keys))
    return _ordered(studies[passed], active.order)


def counts(studies: pd.DataFrame, active: Filters, facet: str) -> dict[str, int]:
    """Count the studies of each value of a facet under all other filters."""
    rest = matching(studies, active, without=facet)
    counted = rest[f"facet_{facet}"].value_counts(sort=False)
    return {str(value): int(count) for value, count in counted.items()}


def show(studies: pd.DataFrame, active: Filters, whose: str) -> None:
    """Draw the search, the facets with a choice, and the order.

    Args:
        studies: all studies, see `study_cache.studies`.
        active: the filters in the address.
        whose: noun of a study's first name: "patient", or "film" if the data name no patients.
    """
    state.fill(state.PATIENT, active.patient)
    st.text_input(
        whose.capitalize(),
        type="search",
        key=state.PATIENT,
        on_change=_write,
        args=(state.PATIENT,),
    )
    for facet, title in FACETS.items():
        if quiz.is_on() and facet in _TELLING:
            continue
        values = counts(studies, active, facet)
        if len(values) < 2 and facet not in active.facets:
            continue  # nothing to choose
        labels = {value: f"{_title(facet, value)} · {count:,}" for value, count in values.items()}
        state.fill(facet, [value for value in active.facets.get(facet, ()) if value in values])
        st.pills(
            title,
            list(values),
            selection_mode="multi",
            wrap=True,
            format_func=labels.__getitem__,
            key=facet,
            on_change=_write,
            args=(facet,),
        )
    _ask_selection(active)
    state.fill(state.ORDER, active.order)
    st.selectbox(
        "Order",
        _offered(studies, active),
        format_func=_orders(whose).__getitem__,
        key=state.ORDER,
        on_change=_write,
        args=(state.ORDER,),
    )


def _ask_selection(active: Filters) -> None:
    """Draw the choice of a selection, if there is any."""
    names = selection.choices()
    if active.selection and active.selection not in names:
        names[active.selection] = theme.plain(short(active.selection))
    if not names:
        return
    state.fill(state.SAVED, active.selection or None)
    st.selectbox(
        "Selection",
        list(names),
        index=None,
        format_func=names.__getitem__,
        placeholder="all studies",
        key=state.SAVED,
        on_change=_write,
        args=(state.SAVED,),
    )


def _offered(studies: pd.DataFrame, active: Filters) -> list[str]:
    """The orders to choose from: that by errors needs some, and would tell labels in a quiz."""
    has_errors = bool(studies[CERTAINTY].notna().any()) and not quiz.is_on()
    return [name for name in ORDERS if name != WRONG or has_errors or active.order == WRONG]


def _orders(whose: str) -> dict[str, str]:
    return ORDERS | {"patient": f"by {whose}"} | ({"data": "shuffled"} if quiz.is_on() else {})


def show_empty(studies: pd.DataFrame, active: Filters, whose: str) -> None:
    """Draw a button for each filter that, once dropped, leaves studies; arguments as in `show`."""
    st.markdown("**No study matches all of these filters.** Each button drops one of them.")
    matches = {name: len(matching(studies, active, without=name)) for name in active.names}
    for name, count in matches.items():
        if count:
            label = f"Drop {_sentence(active, name, whose)}: {plural(count, 'study')}"
            st.button(label, icon=":material/filter_alt_off:", on_click=drop, args=([name],))
    if not any(matches.values()) or len(matches) > 1:
        label = f"Drop all filters: {plural(len(studies), 'study')}"
        st.button(label, icon=":material/clear_all:", on_click=drop, args=(active.names,))


def drop(names: Iterable[str]) -> None:
    """Remove filters from the address, and go to the first page."""
    for name in names:
        state.put(name, "")
    state.put(state.PAGE, "")


def _write(name: str) -> None:
    """Write a changed widget into the address, and go to the first page."""
    value = st.session_state[name]
    state.put(name, "" if name == state.ORDER and value == "data" else value or "")
    state.put(state.PAGE, "")


def _ordered(studies: pd.DataFrame, order: str) -> pd.DataFrame:
    if order == "patient":
        return studies.sort_values("patient", kind="stable")
    if order == WRONG:
        return studies.sort_values(CERTAINTY, ascending=False, na_position="last", kind="stable")
    if order in ("most", "fewest"):
        return studies.sort_values("views", ascending=order == "fewest", kind="stable")
    return quiz.shuffled(studies) if quiz.is_on() else studies


def _title(facet: str, value: str) -> str:
    """A facet's value as shown on the page."""
    titles: dict[str, dict[str, str]] = {
        state.LABEL: {word: theme.mark(bool(label)) for label, word in LABELS.items()},
        state.HISTORY: HISTORIES,
        state.RESULT: RESULTS,
        state.VIEWS: {str(MANY): f"{MANY} or more"},
    }
    return titles.get(facet, {}).get(value, theme.plain(short(value)))


def _sentence(active: Filters, name: str, whose: str) -> str:
    """A filter in words: "patient 00017", "body part forearm or humerus"."""
    if name == state.PATIENT:
        return f"{whose} {theme.plain(short(active.patient))}"
    if name == state.SAVED:
        ticked = active.selection == TICKED
        return "selected studies" if ticked else f"selection {theme.plain(short(active.selection))}"
    if name == state.AREA:
        return "the area on the map"
    values = active.facets[name]
    listed = " or ".join(_title(name, value) for value in values[:NAMED])
    more = f" or {len(values) - NAMED:,} others" if len(values) > NAMED else ""
    return f"{FACETS[name].lower()} {listed}{more}"
