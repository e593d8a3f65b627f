"""Calibration: reliability diagram before and after, calibration errors, and keeping a map."""

from dataclasses import replace

import pandas as pd
import streamlit as st

from fracture_core.errors import DataError
from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.models.model import Model
from fracture_core.operating_points import calibration
from fracture_core.operating_points.calibration import LEVELS, METHODS, Calibration
from fracture_core.reports import evaluation_details, receipts
from fracture_core.reports.evaluation_details import BEFORE
from fracture_core.reports.receipts import Receipt
from fracture_core.verdicts import estimates
from fracture_core.verdicts.resampling import Interval
from fracture_core.words import plural
from ui.lab import card_buttons, estimate_cache, lab_cache, lab_charts, point_panel
from ui.shared import figures, plots, receipt, theme
from ui.shell import actions, state

CHART_PX = 300  # least width of a diagram
TITLES = {"temperature": "temperature scaling", "isotonic": "isotonic regression"}


def show(result: Evaluation, reference: str, model: Model) -> None:
    """Draw the panel behind a fold."""
    fold = st.expander(
        "Calibration: can a score be taken at its word?", key=state.CALIBRATION, on_change="rerun"
    )
    if not fold.open:
        return
    with fold:
        try:
            maps = fitted(model)
        except DataError as error:
            st.info(theme.plain(str(error)))
            maps = {}
        level = st.segmented_control(
            "Scores of",
            LEVELS,
            default="studies",
            required=True,
            key=state.LEVEL_CALIBRATED,
        )
        _compare(result, level, maps, point_panel.labels_words(model.dev_corrections))
        receipt.offer("calibration", lambda: _receipt(result, model))
        _keep(reference, model, maps)


def fitted(model: Model) -> dict[str, Calibration]:
    """Return the calibrations of a model's dev films, by method.

    Raises:
        DataError: dev is too small, or has one label only.
    """
    key, corrected = estimate_cache.key_of_films(model.reference, model.dev_films), ""
    if facts := model.dev_corrections:
        corrected = facts["hash"]
    maps = {method: lab_cache.fit(key, method, model.dev_films) for method in METHODS}
    return {method: replace(each, corrections=corrected) for method, each in maps.items()}


def _compare(result: Evaluation, level: str, maps: dict[str, Calibration], labels: str) -> None:
    """Scores before and after: diagrams and errors; `labels` says which ones dev has."""
    before = calibration.scores_of(result.films, level)
    tables = {BEFORE: before} | {
        TITLES[method]: before.assign(score=each.of_level(level).apply(before["score"]))
        for method, each in maps.items()
    }
    diagrams = {
        name: calibration.reliability(rows["label"], rows["score"]) for name, rows in tables.items()
    }
    key = (*estimate_cache.key_of(result), level)
    errors = {
        name: lab_cache.calibration_error((*key, name, _digest(maps, name, level)), rows)
        for name, rows in tables.items()
    }
    look = lab_charts.Look(theme.ink(), theme.run_colours())
    grid = st.grid(3, min_column_width=CHART_PX, gap="small")
    for place, (name, rows) in enumerate(diagrams.items()):
        with grid.cell():
            st.markdown(f"**{name.capitalize()}**: ECE {_error(errors[name])}")
            plots.show(
                lab_charts.reliability(rows, name, place, look),
                f"reliability-{place}",
                f"Reliability {name}",
                words=_spoken(name, rows),
                table=_rows(rows),
                config={"displayModeBar": False},
            )
    table = figures.estimates_table(errors, "Scores", "ece", "ECE", "n")
    numbers = figures.right_aligned(table.columns[1:])
    st.dataframe(table, hide_index=True, height="content", key="ece", column_config=numbers)
    st.caption(
        f"{_origin(result.split, maps)}{labels if maps else ''} On the diagonal a score means what "
        f"it says: of the {level} with 0.30, 30 % are positive. Numbers at the points are counts; "
        f"bars are {figures.LEVEL} Wilson intervals. ECE: calibration error in {estimates.BINS} "
        "bins, bootstrap over patients; with few cases even a calibrated model has one above 0."
    )


def _receipt(result: Evaluation, model: Model) -> Receipt:
    """The receipt of the calibration errors of both levels."""
    record = evaluation_details.calibration_errors(result, model)
    bins = f"Calibration error in {estimates.BINS} bins of equal width, scaling fitted on dev."
    return receipts.of_record(
        "Calibration errors",
        record,
        ("calibration",),
        result,
        model,
        method=f"{bins} {receipts.bootstrap(result, model)}",
        options=("--calibration",),
        chosen_on=model.dev_films,
    )


def _error(value: Interval) -> str:
    return figures.MISSING if value.value is None else f"{value.value:.3f} (n = {value.n:,})"


def _digest(maps: dict[str, Calibration], name: str, level: str) -> str:
    method = next((method for method, title in TITLES.items() if title == name), "")
    return maps[method].of_level(level).to_json() if method in maps else ""


def _origin(split: str, maps: dict[str, Calibration]) -> str:
    if not maps:
        return ""
    studies = plural(next(iter(maps.values())).studies.n, "dev study")
    if split == "dev":
        return f"Fitted on these very {studies}, so the figures after are optimistic."
    return f"Fitted on {studies}; the {split} films chose nothing."


def _rows(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Mean score": f"{row['score']:.3f}",
            "Positive": f"{row['positive']:,} of {row['n']:,}",
            "Share": figures.percent(row["frequency"]),
            "95 % interval": f"{100 * row['low']:.1f} to {100 * row['high']:.1f} %",
        }
        for row in rows.to_dict("records")
    )


def _spoken(name: str, rows: pd.DataFrame) -> str:
    points = (
        f"at {row['score']:.2f} {figures.percent(row['frequency'])} of {row['n']:,} positive"
        for row in rows.to_dict("records")
    )
    return f"Reliability diagram {name}: {', '.join(points)}."


def _keep(reference: str, model: Model, maps: dict[str, Calibration]) -> None:
    """Say which calibration the card keeps; let the owner keep another, or remove it."""
    own = model.card.choices.calibration
    if own:
        labels = f", labels corrected by list {own.corrections}" if own.corrections else ""
        st.success(
            f"In the card: {TITLES[own.studies.method]}, fitted on "
            f"{plural(own.studies.n, 'dev study')}{theme.plain(labels)}. Diagnose and predict give "
            "the calibrated probability of a study beside its score."
        )
    if model.is_run:
        card_buttons.release_first(model, "a calibration")
        return
    offered = {f"keep-{method}": (f"Keep {TITLES[method]}", each) for method, each in maps.items()}
    card_buttons.show(actions.save_calibration, reference, offered, own, "drop-calibration")
