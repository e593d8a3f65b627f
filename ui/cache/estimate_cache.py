"""Figures of an evaluation with their intervals, resampled once for all sessions."""

import pandas as pd
import streamlit as st

from fracture_core.verdicts import estimates
from fracture_core.verdicts.estimates import Levels


@st.cache_data(max_entries=64, show_spinner="Resampling patients…")
def of_films(
    key: tuple[str, ...],
    threshold: float,
    prevalence: float | None,
    cost_ratio: float,
    _films: pd.DataFrame,
) -> Levels:
    """Return `estimates.of_films`; `key` stands for the films and their probabilities."""
    return estimates.of_films(_films, threshold, prevalence, cost_ratio)
