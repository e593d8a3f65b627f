"""What a verdict hangs on: which film decides, by how much, and what would change it.

All of it follows from the counted films' probabilities and the threshold; no network is asked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fracture_core.verdicts import aggregation, metrics
from fracture_core.verdicts.aggregation import Verdict
from fracture_core.verdicts.metrics import Proportion

FEW = 10  # studies; of fewer alike nothing is told but that


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
        without: for each film, the verdict on the others; `None` where none is left.
    """

    fracture: bool
    highest: int
    margin: float
    turning: float
    without: tuple[bool | None, ...]

    @property
    def pivotal(self) -> tuple[int, ...]:
        """Indices of the films each of which alone turns the verdict when it is left out."""
        others = enumerate(self.without)
        return tuple(i for i, verdict in others if verdict not in (None, self.fracture))


def break_down(probabilities: Sequence[float], threshold: float) -> Breakdown | None:
    """Take a verdict apart.

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


def sentences(found: Breakdown, names: Sequence[str], say: Callable[[bool], str]) -> list[str]:
    """Who decides and by how much; what each film's absence and another threshold would do.

    Args:
        found: the verdict, taken apart.
        names: of the counted films, ready for where they are shown.
        say: a verdict's word, ready likewise.
    """
    top, other = names[found.highest], say(not found.fracture)
    if found.fracture:
        lines = [f"{top} lies furthest above the threshold: by {found.margin:.3f}."]
    else:
        lines = [f"{top} comes nearest to the threshold: {-found.margin:.3f} are missing."]
    if len(names) == 1:
        lines.append("No other film counts, so there is no verdict without it.")
    elif found.pivotal:
        pivotal = names[found.pivotal[0]]
        lines.append(f"Without {pivotal} alone, the verdict would be {other}.")
    elif found.fracture:
        lines.append("No single film carries it: without any one, the verdict stays the same.")
    else:
        lines.append("Leaving a film out cannot turn a verdict of no fracture.")
    if found.fracture:
        lines.append(f"From a threshold of {found.turning:.3f} on it would be {other}.")
    else:
        lines.append(f"At any threshold below {found.turning:.3f} it would be {other}.")
    return lines


def other_rules(probabilities: Sequence[float], threshold: float) -> dict[str, Verdict]:
    """What other rules say of the same films, by their name; OR comes first.

    "at least 2" and "more than half" are left out where the number of films makes them OR.
    """
    n, half = len(probabilities), len(probabilities) // 2 + 1
    found = {
        "any film (OR)": aggregation.any_rule(probabilities, threshold),
        "mean of the films": aggregation.mean_rule(probabilities, threshold),
    }
    if n >= 2:
        found["at least 2 films"] = aggregation.at_least_rule(probabilities, threshold, 2)
    if half > 2:
        words = f"more than half ({half} of {n})"
        found[words] = aggregation.at_least_rule(probabilities, threshold, half)
    found["noisy-OR"] = aggregation.noisy_or_rule(probabilities, threshold)
    return found


def track_record(films: pd.DataFrame, threshold: float, views: int, fracture: bool) -> Proportion:
    """Of a model's own judged studies with as many views and the same verdict, how many were right.

    Args:
        films: manifest columns and `probability`, as `cards.Model.judged`.
        threshold: a film is positive when its probability is greater.
        views: number of counted films.
        fracture: the verdict.
    """
    if not len(films):
        return metrics.wilson(0, 0)
    table = aggregation.verdicts(films, films["probability"], threshold)
    alike = table[(table["images"] == views) & (table["verdict"] == fracture).fillna(False)]
    return metrics.wilson(int(alike["right"].sum()), len(alike))
