"""Shortcut meter: how far the number of views alone tells the label, beside the model.

A study of a fracture often has more films; OR over more films profits from that without a look at
the bone. Within studies of one number of views this help is gone.
"""

import numpy as np
import pandas as pd

from fracture_core.operating_points import study_scores
from fracture_core.verdicts import estimates
from fracture_core.verdicts.resampling import Interval

VIEWS, MODEL = "number of views alone", "the model (OR)"


def measure(table: pd.DataFrame) -> dict[str, Interval]:
    """Return AUROCs with intervals by bootstrap over patients, by a name.

    The first is that of the number of views, the second the model's on all studies, then the
    model's within each number of views.

    Args:
        table: of `study_scores.of_films`.
    """
    known = table[table["views"] > 0].reset_index(drop=True)
    share = known["views"] / max(1, known["views"].max())
    rows = {VIEWS: _auroc(known, share.to_numpy()), MODEL: _auroc(known, known["or"].to_numpy())}
    for words, mask in study_scores.by_views(known).items():
        within = known[mask]
        rows[f"the model, {words}"] = _auroc(within, within["or"].to_numpy())
    return rows


def _auroc(table: pd.DataFrame, scores: np.ndarray) -> Interval:
    return estimates.auroc(table["label"], scores, table["patient"])
