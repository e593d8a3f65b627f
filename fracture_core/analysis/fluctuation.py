"""How far a curve goes up and down from one epoch to the next, and how much of it is the averages.

The same weights are judged twice, with running averages of batch normalization and with recomputed
ones. A change is the absolute difference between two epochs in a row; a run's is the mean of all
its changes. Runs of other seeds are independent of each other, so intervals are over seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from fracture_core.verdicts.metrics import Mean, mean, mean_difference


@dataclass(frozen=True, kw_only=True)
class Fluctuation:
    """The mean change from one epoch to the next of runs that were judged in two ways.

    Args:
        running: with running averages, over seeds; in the column's unit, as the others are. No
            change is below 0, so the interval is cut there.
        recomputed: with recomputed ones, over the same seeds and epochs.
        difference: running minus recomputed, paired by seed.
    """

    running: Mean
    recomputed: Mean
    difference: Mean


def change(values: pd.Series) -> float | None:
    """The mean absolute change from one epoch to the next.

    Args:
        values: by epoch; an epoch that lacks its value parts those before from those after it.

    Returns:
        In the values' unit; `None` where no two epochs are in a row.
    """
    known = values.dropna().sort_index()
    in_a_row = known.index.to_series().diff() == 1
    return float(known.diff().abs()[in_a_row].mean()) if in_a_row.any() else None


def compare(runs: Sequence[tuple[pd.DataFrame, pd.DataFrame]], column: str) -> Fluctuation:
    """The changes of runs of one kind, an epoch counting where it was judged in both ways.

    Args:
        runs: of each seed, the tables with running and with recomputed averages, as
            `journal.metrics` gives them. One without two common epochs in a row is left out.
        column: such as `valid.accuracy`.
    """
    running, recomputed = [], []
    for tables in runs:
        if all(column in table for table in tables):
            one, two = (table.set_index("epoch")[column].dropna() for table in tables)
            common = one.index.intersection(two.index)
            before, after = change(one[common]), change(two[common])
            if before is not None and after is not None:
                running.append(before)
                recomputed.append(after)
    return Fluctuation(
        running=_cut(mean(running)),
        recomputed=_cut(mean(recomputed)),
        difference=mean_difference(running, recomputed),
    )


def _cut(found: Mean) -> Mean:
    """The same with an interval that ends at 0."""
    return found if found.low is None else replace(found, low=max(0.0, found.low))
