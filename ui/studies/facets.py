"""Which studies the wall shows: facets with counts, a search and an order.

The address holds them as plain words and is the only truth; the widgets are filled from it. (A
widget that is bound to the address would put its label there, count included, and would take it
away while a study is open.)
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd
import streamlit as st

from fracture_core.words import short
from ui.shared import theme
from ui.shell import state

FACETS = {
    state.SPLIT: "Split",
    state.PART: "Body part",
    state.LABEL: "Label",
    state.VIEWS: "Views",
    state.HISTORY: "Studies of the patient",
    state.RESULT: "Verdict of the model",
}
LABELS = {1: "fracture", 0: "none"}  # as the address says it
NAMED = 5  # values of a filter that its button names
MANY = 5  # views; so many and more are one value
HISTORIES = {  # as the address says it -> as the page does
    "one": "one only",
    "same": "several, one label",
    "both": "several, both labels",
}
RESULTS = {"right": "✓ right", "wrong": "✗ wrong", "none": "not judged"}
RESULT = f"facet_{state.RESULT}"  # the one column that another model changes
ORDERS = {
    "data": "as in the data",
    "patient": "by patient",
    "most": "most views first",
    "fewest": "fewest views first",
}


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What the address asks for.

    Args:
        facets: facet -> values, any of which will do; a facet that is left out allows all.
        patient: text that the patient's name holds, in any case.
        order: a key of `ORDERS`.
    """

    facets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    patient: str = ""
    order: str = "data"

    @property
    def names(self) -> list[str]:
        """The filters that are on."""
        return [*self.facets, *([state.PATIENT] if self.patient else [])]


def filters() -> Filters:
    """What the address asks for; an order that does not exist is the default one."""
    asked = {name: tuple(st.query_params.get_all(name)) for name in FACETS}
    order = st.query_params.get(state.ORDER, "data")
    return Filters(
        facets={name: values for name, values in asked.items() if values},
        patient=st.query_params.get(state.PATIENT, "").strip(),
        order=order if order in ORDERS else "data",
    )


def with_facets(studies: pd.DataFrame) -> pd.DataFrame:
    """`catalog.studies` with a column `facet_NAME` for each facet: the value as the address says
    it, a category, in the order in which the page lists them."""
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


def results_of(studies: pd.DataFrame, results: dict[str, bool]) -> pd.Categorical:
    """The column `RESULT` of `studies`: key of a study -> whether its verdict was right."""
    words = studies["key"].map(results).map({True: "right", False: "wrong"}).fillna("none")
    present = set(words.unique())
    return pd.Categorical(words, categories=[word for word in RESULTS if word in present])


def matching(studies: pd.DataFrame, asked: Filters, without: str = "") -> pd.DataFrame:
    """The studies that pass all filters but the one called `without`, in the order asked for."""
    passed = pd.Series(True, index=studies.index)
    for name, values in asked.facets.items():
        if name != without:
            passed &= studies[f"facet_{name}"].isin(values)
    if asked.patient and without != state.PATIENT:
        passed &= studies["patient"].str.contains(asked.patient, case=False, regex=False)
    return _ordered(studies[passed], asked.order)


def counts(studies: pd.DataFrame, asked: Filters, facet: str) -> dict[str, int]:
    """Value of a facet -> how many studies it would show, given all other filters."""
    left = matching(studies, asked, without=facet)
    return left[f"facet_{facet}"].value_counts(sort=False).to_dict()


def show(studies: pd.DataFrame, asked: Filters, whose: str) -> None:
    """The search, the facets that leave a choice, and the order.

    Args:
        studies: as `sorted_in` gives them.
        asked: what the address asks for.
        whose: what a study's first name is: "patient", or "film" where the data name no patients.
    """
    state.fill(state.PATIENT, asked.patient)
    st.text_input(
        whose.capitalize(), type="search", key=state.PATIENT, on_change=_write,
        args=(state.PATIENT,),
    )  # fmt: skip
    for facet, title in FACETS.items():
        found = counts(studies, asked, facet)
        if len(found) < 2 and facet not in asked.facets:
            continue  # nothing to choose
        labels = {value: f"{_title(facet, value)} · {count:,}" for value, count in found.items()}
        state.fill(facet, [value for value in asked.facets.get(facet, ()) if value in found])
        st.pills(
            title,
            list(found),
            selection_mode="multi",
            wrap=True,
            format_func=labels.get,
            key=facet,
            on_change=_write,
            args=(facet,),
        )
    state.fill(state.ORDER, asked.order)
    st.selectbox(
        "Order",
        list(ORDERS),
        format_func=(ORDERS | {"patient": f"by {whose}"}).get,
        key=state.ORDER,
        on_change=_write,
        args=(state.ORDER,),
    )


def show_empty(studies: pd.DataFrame, asked: Filters, whose: str) -> None:
    """Which filter leaves nothing, and a button for each that would help to drop.

    Arguments as in `show`.
    """
    st.markdown("**No study fits all of these filters.** Each button drops one of them.")
    fruitful = {name: len(matching(studies, asked, without=name)) for name in asked.names}
    for name, count in fruitful.items():
        if count:
            label = f"Drop {_sentence(asked, name, whose)}: {theme.plural(count, 'study')}"
            st.button(label, icon=":material/filter_alt_off:", on_click=drop, args=([name],))
    if not any(fruitful.values()) or len(fruitful) > 1:
        label = f"Drop all filters: {theme.plural(len(studies), 'study')}"
        st.button(label, icon=":material/clear_all:", on_click=drop, args=(asked.names,))


def drop(names: Iterable[str]) -> None:
    """Take filters out of the address, and go to the first page."""
    for name in names:
        state.put(name, "")
    state.put(state.PAGE, "")


def _write(name: str) -> None:
    """A widget was changed: the address follows, and the wall begins anew."""
    value = st.session_state[name]
    state.put(name, "" if name == state.ORDER and value == "data" else value)
    state.put(state.PAGE, "")


def _ordered(studies: pd.DataFrame, order: str) -> pd.DataFrame:
    if order == "patient":
        return studies.sort_values("patient", kind="stable")
    if order in ("most", "fewest"):
        return studies.sort_values("views", ascending=order == "fewest", kind="stable")
    return studies


def _title(facet: str, value: str) -> str:
    """A facet's value as the page says it."""
    known = {
        state.LABEL: {word: theme.mark(bool(label)) for label, word in LABELS.items()},
        state.HISTORY: HISTORIES,
        state.RESULT: RESULTS,
        state.VIEWS: {str(MANY): f"{MANY} or more"},
    }
    return known.get(facet, {}).get(value, theme.plain(short(value)))


def _sentence(asked: Filters, name: str, whose: str) -> str:
    """A filter in words: "patient 00017", "body part forearm or humerus"."""
    if name == state.PATIENT:
        return f"{whose} {theme.plain(short(asked.patient))}"
    values = asked.facets[name]
    listed = " or ".join(_title(name, value) for value in values[:NAMED])
    more = f" or {len(values) - NAMED:,} others" if len(values) > NAMED else ""
    return f"{FACETS[name].lower()} {listed}{more}"
