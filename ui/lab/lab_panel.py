"""Aggregation lab: every rule at one threshold, the price of OR, the shortcut meter."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.models.model import Model
from fracture_core.operating_points import or_cost, shortcut_meter
from fracture_core.operating_points.calibration import Calibration
from fracture_core.operating_points.study_scores import NOTES, RULES
from fracture_core.operating_points.threshold_curves import Point
from fracture_core.reports import evaluation_details, receipts
from fracture_core.reports.receipts import Receipt
from fracture_core.words import plural
from ui.lab import estimate_cache, lab_cache, lab_charts, point_panel
from ui.lab.lab_cache import Lab
from ui.shared import figures, plots, receipt, theme
from ui.shell import state

CHART_PX = 330  # least width of a chart
STEP = 0.005  # of the threshold


def show(result: Evaluation, reference: str, model: Model) -> None:
    """Draw the lab behind a fold."""
    fold = st.expander(
        "Aggregation lab: rules, thresholds, operating points", key=state.LAB, on_change="rerun"
    )
    if not fold.open:
        return
    with fold:
        scaling = film_scaling(model)
        lab = of_result(result, scaling)
        if lab.studies["label"].nunique() < 2:
            st.info("The lab compares rules on studies of both labels; these have one label only.")
            return
        own = (model.reference, result.threshold)
        st.fragment(moving)(lab, *own, lambda threshold: _receipt(result, model, threshold))
        _meter(result, lab)
        point_panel.show(result, reference, model, scaling)


def film_scaling(model: Model) -> Calibration | None:
    """Return the card's calibration, else one by temperature on dev; `None` with too few dev."""
    if own := model.card.choices.calibration:
        return own
    if not evaluation_details.can_calibrate(model):
        return None
    films = model.dev_films
    return lab_cache.fit(estimate_cache.key_of_films(model.reference, films), "temperature", films)


def of_result(result: Evaluation, scaling: Calibration | None) -> Lab:
    """Return the lab of an evaluation's films."""
    words = scaling.to_json() if scaling else ""
    return lab_cache.lab(estimate_cache.key_of(result), words, result.films, scaling)


def moving(lab: Lab, reference: str, own: float, receipt_at: Callable[[float], Receipt]) -> None:
    """Draw all that follows the slider; a fragment, so that nothing else is drawn again.

    Args:
        lab: scores and curves.
        reference: of the model; another one has a slider of its own.
        own: threshold that the slider begins at.
        receipt_at: returns the receipt at a threshold.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = {words: f"{words} (n = {curves['or'].n:,})" for words, curves in lab.curves.items()}
        group = st.selectbox(
            "Studies", list(names), format_func=names.__getitem__, key=state.LAB_VIEWS, width=240
        )
        threshold = st.slider(
            "Threshold of every rule",
            0.0,
            1.0,
            own,
            STEP,
            key=f"{state.LAB_THRESHOLD}-{reference}",
            format="%.3f",
        )
    curves = lab.curves[group]
    points = {rule: curve.at(threshold) for rule, curve in curves.items()}
    look = lab_charts.Look(theme.ink(), theme.run_colours())
    table = rules_table(lab, group, threshold)
    grid = st.grid(2, min_column_width=CHART_PX, gap="medium")
    charts = (
        ("ROC", lab_charts.roc(curves, points, look)),
        ("Precision and recall", lab_charts.recall(curves, points, look)),
        ("Over the threshold", lab_charts.over_threshold(curves, points, threshold, look)),
    )
    for title, figure in charts:
        with grid.cell():
            more = ": sensitivity falls, specificity rises" if "threshold" in title else ""
            st.markdown(f"**{title}**{more}, {names[group]}")
            words = f"{title} of every rule; at the threshold {threshold:.3f}: {_spoken(points)}."
            plots.show(figure, f"lab-{title}", title, words=words, table=table)
    with grid.cell():
        _price(lab, threshold, look)
    numbers = figures.right_aligned(table.columns[1:])
    st.dataframe(table, hide_index=True, height="content", key="lab-rules", column_config=numbers)
    st.caption(" ".join(f"**{RULES[rule]}**: {note}" for rule, note in NOTES.items()))
    st.markdown(
        "**By number of views**: sensitivity / specificity at this threshold "
        "(n = positive + negative studies)"
    )
    views = views_table(lab, threshold)
    numbers = figures.right_aligned(views.columns[1:])
    st.dataframe(
        views, hide_index=True, height="content", key="lab-by-views", column_config=numbers
    )
    receipt.offer("lab", lambda: receipt_at(threshold))


def _receipt(result: Evaluation, model: Model, threshold: float) -> Receipt:
    """The receipt of all that follows the slider, and of the shortcut meter."""
    record = evaluation_details.lab(result, threshold, film_scaling(model))
    method = (
        f"{receipts.WILSON} An AUROC of a rule has none here; those of the shortcut meter: "
        f"{receipts.bootstrap(result, model)}"
    )
    return receipts.of_record(
        "Aggregation lab",
        record,
        (),
        result,
        model,
        method=method,
        options=("--lab", f"{threshold:g}"),
        is_scaled=True,
    )


def _price(lab: Lab, threshold: float, look: lab_charts.Look) -> None:
    """The price of OR at the threshold, beside what independent errors would cost."""
    value = lab.prices.at(threshold)
    st.markdown("**What OR costs**, negative studies by number of films")
    table = lab_charts.price_table(value)
    words = "; ".join(" ".join(map(str, row)) for row in table.to_numpy()[:, :3].tolist())
    title = "What OR costs"
    figure = lab_charts.price(value, threshold, look)
    plots.show(figure, "lab-price", title, words=f"{title}: {words}.", table=table)
    wrists = or_cost.WRISTS
    films = " and ".join(f"{share:.3f}" for share in wrists.films)
    film = value.film
    st.caption(
        f"Specificity of a film here: {figures.percent(film.value)} ({figures.with_interval(film)})"
        f". Elsewhere: {wrists.source}, {wrists.studies:,} studies, per film {films}, per study "
        f"{wrists.study:.3f}; other films, not to be ranked."
    )


def _spoken(points: dict[str, Point]) -> str:
    return "; ".join(
        f"{RULES[rule]} sensitivity {figures.percent(point.sensitivity.value)}, "
        f"specificity {figures.percent(point.specificity.value)}"
        for rule, point in points.items()
    )


def rules_table(lab: Lab, group: str, threshold: float) -> pd.DataFrame:
    """Return one row per rule: its figures at the threshold with intervals and n."""
    rows = []
    for rule, curve in lab.curves[group].items():
        point = curve.at(threshold)
        rows.append(
            {
                "Rule": RULES[rule],
                "AUROC": figures.MISSING if curve.auroc is None else f"{curve.auroc:.3f}",
                "Sensitivity": figures.cell(point.sensitivity),
                "Specificity": figures.cell(point.specificity),
                "PPV": figures.cell(point.ppv),
            }
        )
    return pd.DataFrame(rows)


def views_table(lab: Lab, threshold: float) -> pd.DataFrame:
    """Return sensitivity and specificity of every rule by number of views."""
    rows = []
    for rule, title in RULES.items():
        row = {"Rule": title}
        for group, curves in lab.curves.items():
            point = curves[rule].at(threshold)
            both = point.sensitivity, point.specificity
            shares = " / ".join(figures.percent(each.value) for each in both)
            row[f"{group} (n = {both[0].n:,} + {both[1].n:,})"] = shares
        rows.append(row)
    return pd.DataFrame(rows)


def _meter(result: Evaluation, lab: Lab) -> None:
    """The shortcut meter: AUROC of the number of views alone, beside the model's."""
    st.markdown("**Shortcut meter**: does the number of films tell the label?")
    measured = lab_cache.shortcuts(estimate_cache.key_of(result), lab.studies)
    table = figures.estimates_table(measured, "Score", "auroc", "AUROC", "Studies")
    numbers = figures.right_aligned(table.columns[1:])
    st.dataframe(
        table, hide_index=True, height="content", key="lab-shortcuts", column_config=numbers
    )
    alone = measured[shortcut_meter.VIEWS]
    st.caption(
        f"{meter_words(alone.low, alone.high)} Within one number of views it cannot help the "
        f"model. {plural(len(lab.studies), 'study')}; bootstrap over patients."
    )


def meter_words(low: float | None, high: float | None) -> str:
    """Say in a sentence how far the number of views alone tells the label."""
    if low is None or high is None:
        return "Too few patients to say whether the number of views tells the label."
    if low <= 0.5 <= high:
        return "The number of views does not measurably tell the label (0.5 is chance)."
    more = "more" if low > 0.5 else "fewer"
    return f"The number of views tells something: positive studies have {more} films."
