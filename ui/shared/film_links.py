"""Films that open their study: a click on the picture follows the link or button beside it.

Streamlit's own pictures can only link to an address, in another tab and so another session.
"""

import streamlit as st

_KEY = "card-"  # begins the key of a container, and so its class in the browser
_STYLE = f"""<style>
[class*='st-key-{_KEY}'] img {{ cursor: pointer }}
/* A long name is cut at the end of its line; it does not go below the tick beside it. */
[class*='st-key-{_KEY}'] [data-testid='stHorizontalBlock'] {{ flex-wrap: nowrap }}
[class*='st-key-{_KEY}'] [class*='st-key-open-'] {{ min-width: 0; flex-shrink: 1 }}
</style>"""
_CLICKS = """
if (!document.filmsAreLinks) {
    document.filmsAreLinks = true;
    document.addEventListener("click", (event) => {
        const place = event.target.closest("img")?.closest("[class*='st-key-card-']");
        place?.querySelector("a[href], [class*='st-key-open-'] button")?.click();
    });
}
"""


def key(name: str) -> str:
    """Return the key of a container whose pictures open what its first link or button opens."""
    return f"{_KEY}{name}"


def follow_clicks() -> None:
    """Let a click on a picture act; called once per page, in a row with something else."""
    st.html(_STYLE)
    st.html(f"<script>{_CLICKS}</script>", unsafe_allow_javascript=True, width="content")
