"""Figures of an evaluation as plain data: with intervals for JSON, a line per study for CSV."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.verdicts import estimates
from fracture_core.words import cell

_MORE = (  # figures that a `Summary` lacks
    "balanced_accuracy",
    "ppv",
    "npv",
    "f1",
    "average_precision",
    "brier",
    "ece",
    "expected_cost",
)


def with_estimates(
    record: dict[str, Any],
    value: Evaluation,
    prevalence: float | None = None,
    cost_ratio: float = 1.0,
) -> dict[str, Any]:
    """Return the record of `to_dict` with figures that have intervals over patients.

    Args:
        record: of the evaluation.
        value: the evaluation.
        prevalence: see `estimates.estimate`.
        cost_ratio: see `estimates.estimate`.

    Returns:
        More figures in "images" and "studies"; "prevalence", "cost_ratio"; "slices", the figures of
        each part and number of views by name.
    """
    more = (value.threshold, prevalence, cost_ratio)
    whole = estimates.of_films(value.films, *more)
    parts = estimates.slices(value.films).items()
    named = {name: estimates.of_films(films, *more) for name, films in parts}
    levels = {
        level: record[level]
        | {name: asdict(whole[level][name]) for name in _MORE}
        | {"by_patient": {name: asdict(figure) for name, figure in whole[level].items()}}
        for level in whole
    }
    slices = {
        name: {level: {k: asdict(v) for k, v in own[level].items()} for level in own}
        for name, own in named.items()
    }
    own = {"prevalence": prevalence, "cost_ratio": cost_ratio, "slices": slices}
    return record | levels | own


def lines_csv(lines: Sequence[dict[str, Any]]) -> str:
    """Return the lines of `to_dict`, a study each, as CSV; probabilities separated by blanks."""
    rows = [
        line | {"probabilities": " ".join(f"{p:.6f}" for p in line["probabilities"])}
        for line in lines
    ]
    return str(pd.DataFrame(rows).map(cell).to_csv(index=False))
