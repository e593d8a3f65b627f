"""Shortcuts: features of a study other than the bone that predict its label.

For each simple feature of a study (number of views, size, brightness...) the AUROC of the label
from that feature alone. A network no better than the best of them may have learned nothing else.
"""

from dataclasses import dataclass

import pandas as pd

from fracture_core.datasets.catalog import STUDY
from fracture_core.verdicts import metrics

FEATURES = {  # column of `per_study` -> its name in a sentence
    "views": "the number of views",
    "size": "the size of the films",
    "mode": "the colour mode of the files",
    "mean": "the mean brightness",
    "border": "the brightness of the border",
}
MARGIN = 0.05  # an AUROC this near to one half predicts nothing of use
FEWEST = 10  # studies of each label; with fewer, a feature is not tested


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """Power of one feature to predict the label of a study.

    Args:
        feature: a key of `FEATURES`.
        split: "train", "valid" or "test".
        part: a body part, or "all".
        auroc: 0 to 1; 0.5 is chance; below it, positive studies have the smaller values.
        low, high: its 95 % interval.
        studies: number of studies.
        positive: number of positive studies.
    """

    feature: str
    split: str
    part: str
    auroc: float
    low: float
    high: float
    studies: int
    positive: int

    @property
    def tells(self) -> bool:
        """True where the whole interval is further than `MARGIN` from one half."""
        return self.low > 0.5 + MARGIN or self.high < 0.5 - MARGIN

    @property
    def sentence(self) -> str:
        """Sentence with the AUROC, its interval and n."""
        where = "all parts" if self.part == "all" else self.part
        return (
            f"In {where}, {FEATURES[self.feature]} alone predicts the label with AUROC "
            f"{self.auroc:.2f} ({self.split}; 95 % interval {self.low:.2f} to {self.high:.2f}, "
            f"n = {self.studies:,} studies)."
        )


def per_study(manifest: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """Return one row per study: `STUDY`, label, and the mean of each of `FEATURES` over its films.

    Args:
        manifest: one row per film.
        facts: `measures.table` of the same films; those that cannot be read are left out.
    """
    films = manifest.merge(facts[facts["reason"] == ""], on="path")
    common = films["mode"].mode().iloc[0] if len(films) else ""
    films = films.assign(
        size=films["width"] * films["height"], mode=(films["mode"] != common).astype(float)
    )
    grouped = films.groupby(list(STUDY), sort=False, observed=True)
    columns = {name: (name, "mean") for name in FEATURES if name != "views"}
    return grouped.agg(label=("label", "first"), views=("path", "size"), **columns).reset_index()


def find(manifest: pd.DataFrame, facts: pd.DataFrame) -> list[Shortcut]:
    """Test every feature on every part of every split, and on all parts; strongest first."""
    studies = per_study(manifest, facts)
    tested = []
    for (split, part), rows in _groups(studies):
        positive = int(rows["label"].sum())
        negative = len(rows) - positive
        if min(positive, negative) < FEWEST:
            continue
        for feature in FEATURES:
            value = metrics.auroc(rows["label"], rows[feature])
            assert value is not None  # both labels occur
            low, high = _interval(value, positive, negative)
            tested.append(
                Shortcut(
                    feature=feature,
                    split=split,
                    part=part,
                    auroc=value,
                    low=low,
                    high=high,
                    studies=len(rows),
                    positive=positive,
                )
            )
    return sorted(tested, key=lambda each: -abs(each.auroc - 0.5))


def _groups(studies: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    by_part = studies.groupby(["split", "part"])
    parts = [((str(split), str(part)), rows) for (split, part), rows in by_part]
    splits = studies.groupby("split")
    wholes = [((str(key), "all"), rows) for key, rows in splits if rows["part"].nunique() > 1]
    return parts + wholes


def _interval(value: float, positive: int, negative: int) -> tuple[float, float]:
    """Return the interval of an AUROC; the formula suits values of one half and more."""
    if value >= 0.5:
        return metrics.auroc_interval(value, positive, negative)
    low, high = metrics.auroc_interval(1 - value, negative, positive)
    return 1 - high, 1 - low
