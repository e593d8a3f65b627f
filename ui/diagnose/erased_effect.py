"""The effect of erased regions: each film's score, and the verdict, before and after."""

import streamlit as st

from ui.diagnose.reading import Reading
from ui.shared import theme


def show(reading: Reading) -> None:
    """Show the changed scores in one line; nothing if nothing was erased."""
    before, after = reading.whole, reading.prediction
    if after is before:
        return
    moved = [
        f"**{theme.plain(new.name)}** {old.probability:.3f} → {new.probability:.3f}"
        for old, new in zip(before.films, after.films, strict=True)
        if (old.pixels != new.pixels).any()
    ]
    if not moved:
        words = "The erased area is too small for the network: none of its pixels changed."
    else:
        was, now = _mark(before.verdict(reading.threshold)), _mark(reading.verdict)
        turned = f"the verdict stays {now}"
        if was != now:
            turned = f"the verdict changes from {was} to {now}"
        words = f"With the erased area removed: {', '.join(moved)}; {turned}."
    st.info(f"{words} *Restore* in the viewer restores the films.", icon=":material/ink_eraser:")


def _mark(verdict: bool | None) -> str:
    return "no verdict" if verdict is None else theme.mark(verdict)
