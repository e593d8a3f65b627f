"""Keyboard focus that stays in a row of buttons when the one that has it goes or is disabled.

The browser would hand it to the page, and whoever uses the keyboard would begin at its top.
"""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

_KEEP = """
if (!document.keptFocus) {
    const ROW = "[class*='st-key-keeps-focus-']";
    const keep = document.keptFocus = { button: null, row: "" };
    const note = (target) => {
        const row = target.closest?.(ROW);
        keep.button = row ? target : null;
        keep.row = row ? [...row.classList].find((name) => name.startsWith("st-key-")) : "";
    };
    document.addEventListener("focusin", (event) => note(event.target));
    document.addEventListener("pointerdown", ({ target: t }) => t.closest?.(ROW) ?? note(document));
    new MutationObserver(() => {
        const { button, row } = keep;
        if (!button || (button.isConnected && !button.disabled)) return;
        if (![document.body, button].includes(document.activeElement)) return;
        document.querySelector(`.${row} button:not(:disabled)`)?.focus({ preventScroll: true });
    }).observe(document.body, { subtree: true, childList: true, attributeFilter: ["disabled"] });
}
"""


def row(name: str) -> DeltaGenerator:
    """Return a row for buttons that come and go; see `keep`."""
    return st.container(horizontal=True, vertical_alignment="center", key=f"keeps-focus-{name}")


def keep() -> None:
    """Draw what keeps the focus, of no height; in a row with something else, or it takes a gap."""
    st.html(f"<script>{_KEEP}</script>", unsafe_allow_javascript=True, width="content")
