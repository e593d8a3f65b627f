"""Further figures of an evaluation as plain data: aggregation lab, calibration, three answers.

Panels of Evaluate show them, and `evaluate --json` prints them on request, so that the command of a
receipt prints them again.
"""

from dataclasses import asdict
from typing import Any

from fracture_core.answers import study_answers
from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.models.model import Model
from fracture_core.operating_points import (
    calibration,
    choices,
    or_cost,
    promise,
    shortcut_meter,
    study_scores,
    threshold_choice,
    threshold_curves,
)
from fracture_core.operating_points.calibration import FEWEST, LEVELS, METHODS, Calibration
from fracture_core.operating_points.promise import Promise
from fracture_core.operating_points.threshold_curves import Curve
from fracture_core.verdicts import estimates

BEFORE = "as scored"
Record = dict[str, Any]


def film_scaling(model: Model) -> Calibration | None:
    """Return the card's calibration, else one by temperature on dev; `None` with too few dev."""
    if own := model.card.choices.calibration:
        return own
    return calibration.fit(model.dev_films, "temperature") if can_calibrate(model) else None


def can_calibrate(model: Model) -> bool:
    """Return whether the dev studies are enough for a calibration, and of both labels."""
    studies = model.dev_films.drop_duplicates(["part", "patient", "study"])
    return len(studies) >= FEWEST and studies["label"].nunique() == 2


def lab(value: Evaluation, threshold: float, scaling: Calibration | None) -> Record:
    """Return the figures of every rule at a threshold, the price of OR, and the shortcut meter.

    Args:
        value: the evaluated films.
        threshold: of every rule.
        scaling: see `film_scaling`.

    Returns:
        "rules", by number of views and rule; "or_cost", specificity of a "film" and of "studies" by
        number of films; "shortcuts", see `shortcut_meter.measure`.
    """
    studies = study_scores.of_films(value.films, scaling.films if scaling else None)
    price = or_cost.prices(value.films).at(threshold)
    return {
        "rules": {
            words: {
                rule: _at(curve, threshold)
                for rule, curve in threshold_curves.of_studies(table).items()
            }
            for words, table in study_scores.with_views(studies).items()
        },
        "or_cost": {
            "film": asdict(price.film),
            "studies": {str(views): asdict(share) for views, share in price.studies.items()},
        },
        "shortcuts": {name: asdict(area) for name, area in shortcut_meter.measure(studies).items()},
    }


def _at(curve: Curve, threshold: float) -> Record:
    area = {"value": curve.auroc, "low": None, "high": None, "n": curve.n}
    return {"auroc": area, **asdict(curve.at(threshold))}


def points(
    value: Evaluation, model: Model, rule: str, cost_ratio: float, scaling: Calibration | None
) -> Record:
    """Return the operating points of a rule by aim, chosen on dev, with their figures.

    Args:
        value: the evaluated films.
        model: the model, whose dev films choose.
        rule: one of `study_scores.RULES`.
        cost_ratio: of a missed fracture, in false alarms.
        scaling: see `film_scaling`.
    """
    of_films = scaling.films if scaling else None
    tables = {"dev": study_scores.of_films(model.dev_films, of_films)}
    chosen = choices.points(tables["dev"], rule, cost_ratio)
    if value.split != "dev":
        tables[value.split] = study_scores.of_films(value.films, of_films)
    return {
        aim: {"threshold": point.threshold}
        | {
            name: threshold_choice.figures(table["label"], table[rule], point.threshold).to_dict()
            for name, table in tables.items()
        }
        for aim, point in chosen.items()
    }


def calibration_errors(value: Evaluation, model: Model) -> Record:
    """Return the calibration error before and after scaling fitted on dev, by level and method.

    Args:
        value: the evaluated films.
        model: the model; with too few dev studies there is no scaling.
    """
    methods = METHODS if can_calibrate(model) else ()
    fitted = {method: calibration.fit(model.dev_films, method) for method in methods}
    record: Record = {}
    for level in LEVELS:
        table = calibration.scores_of(value.films, level)
        scores = {BEFORE: table["score"]} | {
            method: each.of_level(level).apply(table["score"]) for method, each in fitted.items()
        }
        record[level] = {
            name: asdict(estimates.calibration_error(table["label"], own, table["patient"]))
            for name, own in scores.items()
        }
    return record


def answers(value: Evaluation, model: Model, asked: Promise) -> Record:
    """Return the three answers by a promise: their limits, and the share of studies of each.

    Args:
        value: the evaluated films.
        model: the model.
        asked: the promise.
    """
    source, films = study_answers.unseen_films(model)
    studies = study_answers.studies_of(films)
    limits = promise.limits(studies, asked)
    tables = {source: studies, value.split: study_answers.studies_of(value.films)}
    return study_answers.promise_record(limits, source, model.corrections_among(films)) | {
        "films": {
            name: {
                answer: {key: share and asdict(share) for key, share in own.items()}
                for answer, own in promise.shares(table, limits, value.threshold).items()
            }
            for name, table in tables.items()
        }
    }
