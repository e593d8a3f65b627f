"""Fluctuation of a curve from epoch to epoch, and the share that the running averages cause.

The same weights are evaluated twice, with running averages of batch normalization and with
recomputed ones. A change is the absolute difference between two successive epochs; a run's is
the mean of all its changes. Runs of other seeds are independent, so intervals are over seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from fracture_core.verdicts.closed_intervals import Mean, mean, mean_difference


@dataclass(frozen=True, kw_only=True)
class Fluctuation:
    """Mean change from epoch to epoch of runs that were evaluated in two ways.

    Args:
        running: with running averages, over seeds; in the column's unit, like the others. No
            change is below 0, so the interval is cut there.
        recomputed: with recomputed ones, over the same seeds and epochs.
        difference: running minus recomputed, paired by seed.
    """

    running: Mean
    recomputed: Mean
    difference: Mean


def change(values: pd.Series) -> float | None:
    """Return the mean absolute change from one epoch to the next.

    Args:
        values: by epoch; no change is counted across an epoch without a value.

    Returns:
        In the values' unit; `None` without two successive epochs.
    """
    present = values.dropna().sort_index()
    successive = present.index.to_series().diff() == 1
    return float(present.diff().abs()[successive].mean()) if successive.any() else None


def compare(runs: Sequence[tuple[pd.DataFrame, pd.DataFrame]], column: str) -> Fluctuation:
    """Compare the changes of runs of one kind, by epochs that were evaluated in both ways.

    Args:
        runs: per seed, the tables with running and with recomputed averages, from
            `journal.metrics`. A seed without two successive common epochs is left out.
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


def _cut(value: Mean) -> Mean:
    """Return the mean with its interval cut at 0."""
    return value if value.low is None else replace(value, low=max(0.0, value.low))
