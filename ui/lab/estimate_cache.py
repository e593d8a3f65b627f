"""Figures of an evaluation with their intervals, resampled once for all sessions."""

import hashlib

import pandas as pd
import streamlit as st

from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.verdicts import estimates
from fracture_core.verdicts.estimates import Levels


def key_of(result: Evaluation) -> tuple[str, ...]:
    """Return a key that stands for an evaluation's films and their probabilities."""
    films = key_of_films(result.model, result.films)
    return result.split, str(result.data.get("hash")), *films


def key_of_films(model: str, films: pd.DataFrame) -> tuple[str, ...]:
    """Return a key that stands for a model's films, their studies, labels and probabilities."""
    digest = hashlib.blake2b(films["probability"].to_numpy().tobytes(), digest_size=12)
    names = pd.util.hash_pandas_object(films[["path", "label"]].astype(str), index=False)
    digest.update(names.to_numpy().tobytes())
    return model, digest.hexdigest()


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
