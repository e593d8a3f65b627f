"""Single studies, as in the report: a patient's positive and negative study."""

from typing import Any

import pandas as pd
import streamlit as st

from fracture_core.analysis import report_2018
from fracture_core.analysis.report_2018 import ExperimentRuns, Length
from fracture_core.config.train_config import DEFAULTS
from fracture_core.datasets.catalog import Dataset
from fracture_core.epochs import predictions
from fracture_core.runs import journal
from fracture_core.runs.run_folders import Run
from fracture_core.verdicts import aggregation
from ui.cache import film_cache, study_cache
from ui.shared import film_links, theme
from ui.shell import tab_data

THUMB_PX, THUMBS = 96, 5
MIN_WIDTH, WORDS_PX = 480, 180  # px: of a study, and of the words beside its films
THRESHOLD = DEFAULTS.threshold  # of every run of the experiments


def show(dataset: Dataset, runs: ExperimentRuns, length: Length) -> None:
    """Draw two patients of the valid films with a study of each label, predicted by five_conv."""
    st.header("Single studies", anchor=False)
    st.markdown(
        "The report tried its five-layer network on a positive and a negative study of two "
        "patients. Here: two patients that no network was trained on."
    )
    film_links.follow_clicks()
    patients = report_2018.both_labels(study_cache.studies())
    if not patients:
        st.caption("No patient of the valid films has a study of each label.")
        return
    run = runs.get(("five", 1))
    kept = predictions.epochs(run.folder) if run else ()
    epoch = max((each for each in kept if each <= length.epochs), default=None)
    scores = _scores(run, epoch) if run and epoch else None
    studies = study_cache.studies()
    grid = st.grid(2, min_column_width=MIN_WIDTH, border=True)
    for patient in patients:
        mine = studies[(studies["split"] == "valid") & (studies["patient"] == patient)]
        for label in (1, 0):
            alike = mine[mine["label"] == label]
            if len(alike):
                with grid.cell():
                    _study(dataset, next(alike.itertuples()), scores)
    if run and epoch:
        st.caption(
            f"Predictions of {theme.plain(run.name)} after epoch {epoch}. Under each film: its "
            f"score → 1 if it is greater than {THRESHOLD:g}, else 0; one 1 is a fracture."
        )


def _scores(run: Run, epoch: int) -> "pd.Series[Any]":
    films = predictions.predicted_films(journal.films(run.folder))
    return pd.Series(predictions.load(run.folder, epoch, len(films)), index=films["path"])


def _study(dataset: Dataset, study: Any, scores: "pd.Series[Any] | None") -> None:
    paths = dataset.manifest["path"].iloc[study.first : study.first + study.views].tolist()
    row = st.container(
        horizontal=True,
        vertical_alignment="center",
        gap="medium",
        key=film_links.key(study.key),
    )
    with row:
        with st.container(width=WORDS_PX, gap="xxsmall"):
            st.markdown(f":small[label {theme.mark(bool(study.label))}]")
            _verdict(study, paths, scores)
            st.page_link(
                "pages/studies.py",
                label=f"Open {theme.plain(study.patient)}, {theme.plain(study.study)}",
                width="content",
                query_params=tab_data.address(study.key, dataset.hash),
            )
        for path in paths[:THUMBS]:
            with st.container(width=THUMB_PX + 8, gap=None):
                if content := film_cache.small(dataset.root / path):
                    st.image(content, width=THUMB_PX)
                value = None if scores is None else scores.get(path)
                positive = value is not None and bool(aggregation.is_positive(value, THRESHOLD))
                st.caption("–" if value is None else f"{value:.3f} → {int(positive)}")


def _verdict(study: Any, paths: list[str], scores: "pd.Series[Any] | None") -> None:
    if scores is None:
        st.caption("no prediction yet")
        return
    values = [float(scores[path]) for path in paths if path in scores.index]
    verdict = aggregation.any_rule(values, THRESHOLD).fracture
    if verdict is None:
        st.caption("not among the predicted films")
        return
    right = "right" if verdict == bool(study.label) else "wrong"
    st.markdown(f"{theme.mark(verdict)}, **{right}**")


def first_valid_film(dataset: Dataset) -> str | None:
    """Return the path of an example film: of a positive valid study, if there is one."""
    rows = dataset.manifest
    for chosen in (rows[(rows["split"] == "valid") & (rows["label"] == 1)], rows):
        if len(chosen):
            return str(chosen["path"].iloc[0])
    return None
