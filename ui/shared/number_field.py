"""A field for a number that may be out of its range, says so at once, and is never changed."""

import re
from typing import Any

import streamlit as st

from fracture_core.config import check_range
from fracture_core.errors import ConfigError

Bounds = tuple[float, float]


def number(
    label: str, key: str, value: float, bounds: Bounds, wrong: list[str], **more: Any
) -> int | float:
    """A field for a whole number or a fraction, as `value` is; gives what it holds.

    Streamlit is not told of the bounds: a field that knows them shows what is beyond them and gives
    what was there before, so that a run would be started with another number than the one that is
    read. The label turns red instead, and says them.

    Args:
        label: what it is called, with its unit.
        key: of the widget.
        value: what it begins with.
        bounds: the least and the greatest value, in the field's own unit.
        wrong: takes a sentence where the number is out of them.
        more: for `st.number_input`.
    """
    kind = type(value)
    if kind is float:
        more = {"step": 1.0, "format": "%.7g"} | more
    found = st.number_input(_label(label, key, value, bounds), value=value, key=key, **more)
    _check(label, found, bounds, wrong)
    return kind(found)


def optional_number(
    label: str, key: str, value: int | None, bounds: Bounds, wrong: list[str], **more: Any
) -> int | None:
    """As `number`, for a whole number that may be left empty."""
    shown = _label(label, key, value, bounds)
    found = st.number_input(shown, value=value, step=1, key=key, **more)
    _check(label, found, bounds, wrong)
    return found


def _label(label: str, key: str, value: float | None, bounds: Bounds) -> str:
    """The label, red and with the bounds while the number is out of them."""
    held = st.session_state.get(key, value)
    if held is None or bounds[0] <= held <= bounds[1]:
        return label
    return f":red[{_bare(label)}: {bounds[0]:,.7g} to {bounds[1]:,.7g}]"


def _check(label: str, found: float | None, bounds: Bounds, wrong: list[str]) -> None:
    try:
        if found is not None:
            check_range(_bare(label), found, bounds)
    except ConfigError as error:
        wrong.append(str(error))


def _bare(label: str) -> str:
    """A label without the range that it tells: "Momentum (0 to 0.9999)"."""
    return re.sub(r" \([\d.,]+ to [\d.,]+\)", "", label)
