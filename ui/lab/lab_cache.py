"""Scores, curves and limits of an evaluation, computed once for all sessions and slider moves."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from fracture_core import files
from fracture_core.answers import study_answers
from fracture_core.models import model_files
from fracture_core.models.model import Model
from fracture_core.operating_points import (
    calibration,
    or_cost,
    promise,
    shortcut_meter,
    study_scores,
    threshold_curves,
)
from fracture_core.operating_points.calibration import Calibration
from fracture_core.operating_points.or_cost import Prices
from fracture_core.operating_points.threshold_curves import Curve
from fracture_core.verdicts import estimates
from fracture_core.verdicts.resampling import Interval

Key = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Scores and curves of an evaluation's studies.

    Args:
        studies: see `study_scores.of_films`.
        curves: by number of views, `study_scores.ALL` first, then by rule.
        prices: of OR at every threshold.
    """

    studies: pd.DataFrame
    curves: dict[str, dict[str, Curve]]
    prices: Prices


@st.cache_resource(max_entries=16, show_spinner=False)
def lab(key: Key, scaling: str, _films: pd.DataFrame, _scaling: Calibration | None) -> Lab:
    """Return the lab of these films; `key` stands for them, `scaling` for the calibration."""
    studies = study_scores.of_films(_films, _scaling.films if _scaling else None)
    groups = study_scores.with_views(studies).items()
    curves = {words: threshold_curves.of_studies(table) for words, table in groups}
    return Lab(studies=studies, curves=curves, prices=or_cost.prices(_films))


@st.cache_data(max_entries=32, show_spinner="Resampling patients…")
def shortcuts(key: Key, _studies: pd.DataFrame) -> dict[str, Interval]:
    """Return `shortcut_meter.measure`; `key` stands for the studies."""
    return shortcut_meter.measure(_studies)


@st.cache_data(max_entries=32, show_spinner=False)
def fit(key: Key, method: str, _films: pd.DataFrame) -> Calibration:
    """Return `calibration.fit`; `key` stands for the films."""
    return calibration.fit(_films, method)


@st.cache_data(max_entries=64, show_spinner="Resampling patients…")
def calibration_error(key: Key, _table: pd.DataFrame) -> Interval:
    """Return the calibration error of label, score and patient; `key` stands for the table."""
    return estimates.calibration_error(_table["label"], _table["score"], _table["patient"])


def unseen_films(model: Model) -> tuple[str, pd.DataFrame]:
    """Return `study_answers.unseen_films`; a table out of fold is read once for all sessions."""
    if not model.card.out_of_fold:
        return "dev", model.dev_films
    table = model.weights.parent / model_files.OUT_OF_FOLD
    kept = (files.stamp(table), model.card.out_of_fold["sha256"], model.corrected.hash)
    return _unseen_films(table, *kept, model)


@st.cache_resource(max_entries=8, show_spinner=False)
def _unseen_films(
    table: Path,
    stamp: tuple[int, ...] | None,
    sha256: str,
    corrections_hash: str,
    _model: Model,
) -> tuple[str, pd.DataFrame]:
    return study_answers.unseen_films(_model)


@st.cache_data(max_entries=64, show_spinner=False)
def limits(key: Key, chosen: promise.Promise, _table: pd.DataFrame) -> promise.Limits:
    """Return `promise.limits`; `key` stands for the studies."""
    return promise.limits(_table, chosen)
