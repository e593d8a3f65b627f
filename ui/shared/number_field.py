"""A number field that reports a value out of range at once, and never changes it."""

import re
from typing import Any

import streamlit as st

from fracture_core.config.record import check_range
from fracture_core.errors import ConfigError

Bounds = tuple[float, float]


def number(
    label: str, key: str, value: float, bounds: Bounds, wrong: list[str], **more: Any
) -> int | float:
    """Draw a field for an integer or a float, like `value`; return its content.

    The bounds are not passed to Streamlit: its field would show a value out of range but return the
    previous one, so that a run would start with a number other than the one shown. The label turns
    red instead, and names the range.

    Args:
        label: with its unit.
        key: of the widget.
        value: the default.
        bounds: lowest and highest value, in the field's own unit.
        wrong: receives a sentence if the number is out of range.
        more: options of `st.number_input`.
    """
    kind = type(value)
    if kind is float:
        more = {"step": 1.0, "format": "%.7g"} | more
    content = st.number_input(_label(label, key, value, bounds), value=value, key=key, **more)
    _check(label, content, bounds, wrong)
    return kind(content)


def optional_number(
    label: str, key: str, value: int | None, bounds: Bounds, wrong: list[str], **more: Any
) -> int | None:
    """Draw an optional integer field, as `number`; return `None` if it is empty."""
    shown = _label(label, key, value, bounds)
    content = st.number_input(shown, value=value, step=1, key=key, **more)
    _check(label, content, bounds, wrong)
    return content


def _label(label: str, key: str, value: float | None, bounds: Bounds) -> str:
    """The label, red and with the bounds while the number is out of them."""
    content = st.session_state.get(key, value)
    if content is None or bounds[0] <= content <= bounds[1]:
        return label
    return f":red[{_bare(label)}: {bounds[0]:,.7g} to {bounds[1]:,.7g}]"


def _check(label: str, content: float | None, bounds: Bounds, wrong: list[str]) -> None:
    try:
        if content is not None:
            check_range(_bare(label), content, bounds)
    except ConfigError as error:
        wrong.append(str(error))


def _bare(label: str) -> str:
    """A label without its range: "Momentum" of "Momentum (0 to 0.9999)"."""
    return re.sub(r" \([\d.,]+ to [\d.,]+\)", "", label)
