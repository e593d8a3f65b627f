"""A verdict taken apart: the film that decides, its margin, and what would change the verdict.

All of it follows from the counted films' probabilities and the threshold; no network is run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fracture_core.verdicts import aggregation, closed_intervals
from fracture_core.verdicts.aggregation import Verdict
from fracture_core.verdicts.closed_intervals import Proportion


@dataclass(frozen=True, kw_only=True)
class Breakdown:
    """A study's OR verdict, taken apart.

    Args:
        fracture: the verdict.
        highest: index of the counted film with the greatest probability, which decides a negative
            verdict as well.
        margin: that film's probability minus the threshold, -1 to 1; not above 0 for a negative
            verdict.
        turning: the threshold at which the verdict turns: below it fracture, from it on none. It is
            the greatest probability.
        without: for each film, the verdict on the others; `None` where there is no other.
    """

    fracture: bool
    highest: int
    margin: float
    turning: float
    without: tuple[bool | None, ...]

    @property
    def pivotal(self) -> tuple[int, ...]:
        """Indices of the films whose removal alone changes the verdict."""
        others = enumerate(self.without)
        return tuple(i for i, verdict in others if verdict not in (None, self.fracture))


def break_down(probabilities: Sequence[float], threshold: float) -> Breakdown | None:
    """Take an OR verdict apart.

    Args:
        probabilities: of the counted films, 0 to 1.
        threshold: a film is positive when its probability is greater.

    Returns:
        `None` when no film is counted.
    """
    values = [float(value) for value in probabilities]
    if not values:
        return None
    highest = int(np.argmax(values))
    return Breakdown(
        fracture=bool(aggregation.any_rule(values, threshold).fracture),
        highest=highest,
        margin=values[highest] - threshold,
        turning=values[highest],
        without=tuple(
            aggregation.any_rule([*values[:i], *values[i + 1 :]], threshold).fracture
            for i in range(len(values))
        ),
    )


def sentences(parts: Breakdown, names: Sequence[str], say: Callable[[bool], str]) -> list[str]:
    """Explain in words what a verdict depends on: films, margin and threshold.

    Args:
        parts: the verdict, taken apart.
        names: of the counted films, as markup or text of the place that shows them.
        say: formats a verdict as markup or text of that place.
    """
    top, other = names[parts.highest], say(not parts.fracture)
    if parts.fracture:
        lines = [f"{top} is furthest above the threshold, by {parts.margin:.3f}."]
    else:
        lines = [f"{top} is closest to the threshold, {-parts.margin:.3f} below it."]
    if len(names) == 1:
        lines.append("No other film counts, so there is no verdict without it.")
    elif parts.pivotal:
        pivotal = names[parts.pivotal[0]]
        lines.append(f"Without {pivotal} alone, the verdict would be {other}.")
    elif parts.fracture:
        lines.append("The verdict does not depend on a single film.")
    else:
        lines.append('Leaving out a film cannot change a "no fracture" verdict.')
    if parts.fracture:
        lines.append(f"From a threshold of {parts.turning:.3f} on it would be {other}.")
    else:
        lines.append(f"At any threshold below {parts.turning:.3f} it would be {other}.")
    return lines


def other_rules(probabilities: Sequence[float], threshold: float) -> dict[str, Verdict]:
    """Return the verdicts of other rules on the same films, by name; OR comes first.

    "at least 2" and "more than half" are left out where the number of films makes them OR.
    """
    n, half = len(probabilities), len(probabilities) // 2 + 1
    by_rule = {
        "any film (OR)": aggregation.any_rule(probabilities, threshold),
        "mean of the films": aggregation.mean_rule(probabilities, threshold),
    }
    if n >= 2:
        by_rule["at least 2 films"] = aggregation.at_least_rule(probabilities, threshold, 2)
    if half > 2:
        name = f"more than half ({half} of {n})"
        by_rule[name] = aggregation.at_least_rule(probabilities, threshold, half)
    by_rule["noisy-OR"] = aggregation.noisy_or_rule(probabilities, threshold)
    return by_rule


def track_record(films: pd.DataFrame, threshold: float, views: int, fracture: bool) -> Proportion:
    """Return the share of right verdicts among the model's studies like this one.

    Those are its own dev or valid studies with as many views and the same verdict.

    Args:
        films: manifest columns and `probability`, as `model.Model.dev_films`.
        threshold: a film is positive when its probability is greater.
        views: number of counted films.
        fracture: the verdict.
    """
    if not len(films):
        return closed_intervals.wilson(0, 0)
    table = aggregation.verdicts(films, films["probability"].to_numpy(), threshold)
    alike = table[(table["images"] == views) & (table["verdict"] == fracture).fillna(False)]
    return closed_intervals.wilson(int(alike["right"].sum()), len(alike))
