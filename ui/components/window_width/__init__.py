"""Width of the browser's window, as far as a layout depends on it: narrow or not.

Nothing of it is seen. `width.js` is beside this file; it asks for a rerun only where what Python
knows is wrong, so never in a wide window.
"""

import streamlit as st

from ui.components import register

_component = register("window_width", '<div class="width"></div>', "width", ["width"])


def is_narrow(below: int, key: str) -> bool:
    """Return whether the window is narrower than `below` px; False until the browser says so.

    Args:
        below: px.
        key: of the place.
    """
    narrow = bool((st.session_state.get(key) or {}).get("narrow"))
    data = {"below": below, "narrow": narrow}
    _component(data=data, key=key, on_narrow_change=lambda: None, width="content")
    return narrow
