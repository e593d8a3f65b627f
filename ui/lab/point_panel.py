"""Operating points: thresholds chosen on dev by an aim, shown on the evaluated films, kept."""

from typing import Any

import pandas as pd
import streamlit as st

from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.models.model import Model
from fracture_core.operating_points import choices, study_scores, threshold_choice
from fracture_core.operating_points.calibration import Calibration
from fracture_core.operating_points.choices import COST, OperatingPoint, cost_words
from fracture_core.operating_points.study_scores import RULES
from fracture_core.operating_points.threshold_choice import AIMS
from fracture_core.reports import evaluation_details, receipts
from fracture_core.reports.receipts import Receipt, Scope
from fracture_core.runs import run_facts
from fracture_core.verdicts.metrics import Summary
from fracture_core.words import plural
from ui.lab import card_buttons
from ui.shared import figures, receipt, theme
from ui.shared.number_field import number
from ui.shell import actions, owner, state


def show(result: Evaluation, reference: str, model: Model, scaling: Calibration | None) -> None:
    """Draw the points of one rule, and the button that keeps one in the card.

    Args:
        result: the evaluated films.
        reference: of the model, as picked.
        model: the model, whose dev films choose.
        scaling: of films, for the rule on calibrated probabilities.
    """
    st.markdown("**Operating points**, chosen on dev")
    dev = study_scores.of_films(model.dev_films, scaling.films if scaling else None)
    if dev["label"].nunique() < 2:
        st.info(
            f"{theme.plain(model.card.no_dev_words)} of both labels, and a threshold is chosen on "
            "dev alone."
        )
        return
    wrong: list[str] = []
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rule = st.selectbox(
            "Rule", list(RULES), format_func=RULES.__getitem__, key=state.POINT_RULE, width=240
        )
        cost = number(
            "Cost of a miss (false alarms)", state.POINT_COST, 1.0, COST, wrong, width=230
        )
    if wrong:
        st.error(theme.plain(wrong[0]))
        return
    corrected = model.dev_corrections
    points = choices.points(dev, rule, float(cost), corrected["hash"] if corrected else "")
    others = None
    if result.split != "dev":
        others = study_scores.of_films(result.films, scaling.films if scaling else None)
    rows = table(points, dev, others, result.split, rule)
    numbers = figures.right_aligned(rows.columns[1:])
    st.dataframe(rows, hide_index=True, height="content", key="points", column_config=numbers)
    films = "" if others is None else f" The {result.split} films chose nothing."
    st.caption(
        f"Thresholds from {plural(len(dev), 'dev study')} alone.{labels_words(corrected)}{films} "
        f"{theme.plain(model.card.dev_words)} Cost: {cost_words(float(cost))}, "
        f"at the prevalence of dev ({figures.percent(float(dev['label'].mean()))})."
    )
    receipt.offer("points", lambda: _receipt(result, model, rule, float(cost), scaling))
    _keep(reference, model, points)


def _receipt(
    result: Evaluation, model: Model, rule: str, cost: float, scaling: Calibration | None
) -> Receipt:
    """The receipt of the points of one rule."""
    record = evaluation_details.points(result, model, rule, cost, scaling)
    method = (
        f"Thresholds chosen on dev studies alone. {receipts.WILSON} Kappa: by its standard error; "
        "AUROC: by Hanley and McNeil."
    )
    return receipts.of_record(
        f"Operating points: {RULES[rule]}",
        record,
        ("operating_points",),
        result,
        model,
        method=method,
        options=("--lab", f"{result.threshold:g}", "--rule", rule),
        scope=Scope(cost_ratio=cost),
        chosen_on=model.dev_films,
        is_scaled=rule == "calibrated_max",
    )


def table(
    points: dict[str, OperatingPoint],
    dev: pd.DataFrame,
    others: pd.DataFrame | None,
    split: str,
    rule: str,
) -> pd.DataFrame:
    """Return one row per aim: its threshold, and its figures on dev and on the other films."""
    rows = []
    for aim, title in AIMS.items():
        point = points.get(aim)
        row = {"Aim": title, "Threshold": f"{point.threshold:.4g}" if point else "not reached"}
        for name, studies in (("dev", dev), (split, others)):
            if studies is not None:
                row |= _figures(name, studies, rule, point)
        rows.append(row)
    return pd.DataFrame(rows)


def _figures(
    name: str, studies: pd.DataFrame, rule: str, point: OperatingPoint | None
) -> dict[str, str]:
    titles = [f"{name}: {each}" for each in ("sensitivity", "specificity", "kappa")]
    if point is None:
        return dict.fromkeys(titles, figures.MISSING)
    values = threshold_choice.figures(studies["label"], studies[rule], point.threshold)
    cells = figures.cell(values.sensitivity), figures.cell(values.specificity), _kappa(values)
    return dict(zip(titles, cells, strict=True))


def _kappa(values: Summary) -> str:
    if values.kappa is None:
        return figures.MISSING
    if values.kappa_low is None or values.kappa_high is None:
        return f"{values.kappa:.2f} (n = {values.n:,})"
    return f"{values.kappa:.2f} ({values.kappa_low:.2f} to {values.kappa_high:.2f})"


def _keep(reference: str, model: Model, points: dict[str, OperatingPoint]) -> None:
    """Say which point the card keeps; let the owner keep another, or remove it."""
    own = model.card.choices.operating_point
    if own:
        st.success(theme.plain(f"In the card: {own.words}, {own.origin}. {used(own)}"))
    if model.is_run:
        card_buttons.release_first(model, "a point")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        aim = st.selectbox(
            "Point to keep",
            list(points),
            format_func=AIMS.__getitem__,
            key=state.POINT_AIM,
            width=240,
        )
        owner.button(
            "Keep in the card",
            key="keep-point",
            icon=":material/bookmark_add:",
            on_click=_save,
            args=(reference, points.get(aim)),
            disabled=aim not in points,
        )
        if own:
            owner.button(
                "Back to the card's own threshold",
                key="drop-point",
                on_click=_save,
                args=(reference, None),
            )


def used(point: OperatingPoint) -> str:
    """Say in a sentence what Diagnose and `predict` make of a point in the card."""
    if point.rule == "or":
        return "Diagnose and predict use this threshold."
    return "Diagnose and predict report this rule's finding; the OR verdict stands beside it."


def _save(reference: str, point: OperatingPoint | None) -> None:
    actions.pressed(actions.save_point, reference, point)
    state.forget_threshold()  # Diagnose begins with the card's


def labels_words(corrected: dict[str, Any] | None) -> str:
    """Return the facts of dev's corrected labels in Markdown, after a blank; "" without."""
    if not corrected:
        return ""
    return f" Dev: {theme.plain(run_facts.corrections_words(corrected))}"
