"""A switch that is kept in the address."""

from collections.abc import Callable

import streamlit as st

from ui.shell import state


def is_on(parameter: str) -> bool:
    """Return whether the address has this switch on."""
    return st.query_params.get(parameter) == "true"


def show(label: str, key: str, parameter: str, then: Callable[[], None], help: str) -> None:
    """Draw the switch.

    Args:
        label: beside it.
        key: of the widget.
        parameter: of the address, "true" or absent.
        then: called once the address has changed.
        help: in its tooltip.
    """
    st.session_state[key] = is_on(parameter)
    st.toggle(
        label, key=key, on_change=_write, args=(key, parameter, then), width="content", help=help
    )


def _write(key: str, parameter: str, then: Callable[[], None]) -> None:
    """Write the switch into the address.

    Streamlit also reports a change, with the value as it is, of a switch that was drawn a moment
    ago and no longer is: so the value is written, and not turned round.
    """
    value = bool(st.session_state[key])
    if value != is_on(parameter):
        state.put(parameter, "true" if value else "")
        then()
