"""Fields for a promise: the shares of mistakes, and the confidence."""

from dataclasses import replace

import streamlit as st

from fracture_core.errors import ConfigError
from fracture_core.models.model import Model
from fracture_core.operating_points.promise import CONFIDENCE, SHARE, Promise
from ui.shared import theme
from ui.shared.number_field import number
from ui.shell import state

NAMES = ("missed", "false", "confidence")


def ask(model: Model) -> Promise | None:
    """Draw three fields, filled from the card; return the promise, `None` if one is wrong."""
    own = chosen(model)
    wrong: list[str] = []
    with st.container(horizontal=True, vertical_alignment="bottom"):
        missed, false, confidence = (
            float(number(label, _key(model, name), value, bounds, wrong, width=270))
            for name, label, value, bounds in (
                ("missed", "Fractures among the cleared, at most %", own.missed_percent, SHARE),
                ("false", "False alarms among the called, at most %", own.false_percent, SHARE),
                ("confidence", "Confidence in %", own.confidence_percent, CONFIDENCE),
            )
        )
    for sentence in wrong:
        st.error(theme.plain(sentence))
    if wrong:
        return None
    promise = Promise(missed_percent=missed, false_percent=false, confidence_percent=confidence)
    # Kept beside the fields, which Streamlit forgets where they are not drawn.
    st.session_state[state.PROMISED] = [model.reference, promise.to_dict()]
    return promise


def chosen(model: Model) -> Promise:
    """Return the promise that this tab has set for a model, else the card's, else the default."""
    own = model.card.choices.promise or Promise()
    reference, numbers = st.session_state.get(state.PROMISED, ["", {}])
    if reference == model.reference:
        own = Promise(**numbers)
    fields = {f"{name}_percent": st.session_state.get(_key(model, name)) for name in NAMES}
    try:  # the fields are drawn below what they change
        return replace(own, **{name: float(v) for name, v in fields.items() if v is not None})
    except ConfigError:  # shown beside the fields
        return own


def _key(model: Model, name: str) -> str:
    return f"{state.PROMISE_FIELDS}-{name}-{model.reference}"


def words(promise: Promise) -> str:
    """Format a promise: "of the cleared at most 5 % have a fracture, ..."."""
    return (
        f"of the cleared at most {promise.missed_percent:g} % have a fracture, of the called at "
        f"most {promise.false_percent:g} % have none, {promise.confidence_percent:g} % confident"
    )
