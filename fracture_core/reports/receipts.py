"""Receipts: what a figure of an evaluation rests on, and the command that prints it again."""

import shlex
from dataclasses import dataclass
from typing import Any

from fracture_core.model_comparison import stored_predictions
from fracture_core.models import evaluation
from fracture_core.models.cards import Model
from fracture_core.models.evaluation import Evaluation
from fracture_core.runs import run_facts
from fracture_core.verdicts import figure_words, resampling
from fracture_core.verdicts.resampling import Interval
from fracture_core.words import plural

LEVELS = {"studies": "by study", "images": "by image"}
RULES = {
    "studies": "A study is positive if any of its films is (OR); its score is the greatest one.",
    "images": "Each film by itself, with the label of its study.",
}


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Films and assumptions of a table of figures.

    Args:
        films: name of the slice, as `estimates.slices` has it; "" for all films.
        prevalence: 0 to 1, for PPV, NPV and cost; `None` for that of the films.
        cost_ratio: cost of a missed fracture, in false alarms.
    """

    films: str = ""
    prevalence: float | None = None
    cost_ratio: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """Origin of one figure.

    Args:
        title: the figure and its level, "Cohen's kappa by study".
        rows: (name, text) of everything that it rests on, in order.
        command: prints the evaluation again as JSON.
        key: keys of the figure in that JSON, outermost first.
    """

    title: str
    rows: tuple[tuple[str, str], ...]
    command: str
    key: tuple[str, ...]


def of_figure(
    value: Evaluation, model: Model, level: str, name: str, figure: Interval, scope: Scope
) -> Receipt:
    """Return the receipt of a figure.

    Args:
        value: the evaluation.
        model: the model evaluated.
        level: "studies" or "images".
        name: of the figure, see `estimates.NAMES`.
        figure: its value and interval, of `estimates.of_films`.
        scope: of the figure.
    """
    key: tuple[str, ...] = (level, "by_patient", name)
    if scope.films:
        key = ("slices", scope.films, level, name)
    return Receipt(
        title=f"{figure_words.TITLES[name]} {LEVELS[level]}",
        rows=tuple(_rows(value, model, level, name, figure, scope)),
        command=command(value, model, scope),
        key=key,
    )


def command(value: Evaluation, model: Model, scope: Scope) -> str:
    """Return the command that prints an evaluation again, as JSON."""
    words = ["python", "-m", "fracture_core", "evaluate", model.reference]
    if value.split not in stored_predictions.roles(model):
        words.append(str(value.data.get("root")))
        words += [word for part in value.parts for word in ("--part", part)]
    if value.split != evaluation.SELECTION:
        words += ["--split", value.split]
    if chosen := value.data.get("selection"):
        words += ["--selection", str(chosen["name"])]
    words += ["--corrections"] if value.data.get("corrections") else []
    if scope.prevalence is not None:
        words += ["--prevalence", repr(scope.prevalence)]
    if scope.cost_ratio != 1:
        words += ["--cost-ratio", f"{scope.cost_ratio:g}"]
    return shlex.join([*words, "--json"])


def _rows(
    value: Evaluation, model: Model, level: str, name: str, figure: Interval, scope: Scope
) -> list[tuple[str, str]]:
    card, data = model.card, value.data
    unit = "film" if card.data.without_patients else "patient"
    shown = figure_words.value(name, figure) or "no meaning: there is no such case"
    within = figure_words.interval(name, figure) or "none: too few patients, or all agree"
    folds = " within folds" if "fold" in value.films else ""
    noun = "study" if level == "studies" else "image"
    rows = [
        ("Value", shown),
        ("95 % interval", within),
        ("n", f"{plural(figure.n, noun)} of {plural(figure.groups, unit)}"),
        (
            "Method",
            f"Bootstrap over {unit}s{folds}, {resampling.RESAMPLES:,} resamples, percentiles.",
        ),
        ("Model", f"{model.reference}: {card.network}"),
        ("Films", f"{value.films_words}{f', {scope.films}' if scope.films else ''}"),
        ("Data", f"{data.get('root')}, hash {data.get('hash')}"),
        ("Training split", card.data.split_words or "unknown"),
        ("Left out of training", _excluded(card.data.excluded)),
        ("Rule", RULES[level]),
        ("Threshold", f"{value.threshold:g}, {card.threshold_origin or 'of unknown origin'}"),
    ]
    if corrected := data.get("corrections"):
        rows.append(("Labels", run_facts.corrections_words(corrected)))
    if name in ("ppv", "npv", "expected_cost"):
        own = "that of the films" if scope.prevalence is None else f"{scope.prevalence:.1%}"
        rows.append(("Prevalence", own))
    if name == "expected_cost":
        rows.append(("Cost of a miss", f"{scope.cost_ratio:g} false alarms"))
    return rows


def _excluded(facts: dict[str, Any] | None) -> str:
    if not facts:
        return "no film by hand"
    return f"{plural(facts['films'], 'film')} by hand (list {facts.get('hash', 'without hash')})"
