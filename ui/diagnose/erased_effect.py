"""What brushing over a region has done: each film's number before and after, and the verdict's."""

import streamlit as st

from fracture_core.models.study_prediction import StudyPrediction
from ui.shared import theme


def show(before: StudyPrediction, after: StudyPrediction, threshold: float) -> None:
    """One line on what has moved; nothing where nothing was brushed over.

    Args:
        before: the films as they were given.
        after: the same ones without what was brushed over; `before` itself if nothing was.
        threshold: of the verdicts.
    """
    if after is before:
        return
    moved = [
        f"**{theme.plain(new.name)}** {old.probability:.3f} → {new.probability:.3f}"
        for old, new in zip(before.films, after.films, strict=True)
        if (old.pixels != new.pixels).any()
    ]
    if not moved:
        words = "What was brushed over is too small for the network: none of its pixels changed."
    else:
        was, now = before.verdict(threshold), after.verdict(threshold)
        turned = f"the verdict stays {theme.mark(now)}"
        if was != now:
            turned = f"the verdict turns from {theme.mark(was)} to {theme.mark(now)}"
        words = f"Without what was brushed over: {', '.join(moved)}; {turned}."
    st.info(f"{words} *Restore* in the viewer brings the films back.", icon=":material/ink_eraser:")
