"""What tells a study's label without a look at the bone: shortcuts that a network may take.

For each simple number of a study (how many views, how large, how bright...) the AUROC of the label
from that number alone. A network that is no better than the best of them has learned nothing.
"""

from dataclasses import dataclass

import pandas as pd

from fracture_core.datasets.catalog import STUDY
from fracture_core.verdicts import metrics

FEATURES = {  # column of `per_study` -> how a sentence calls it
    "views": "the number of views",
    "size": "the size of the films",
    "mode": "the colour mode of the files",
    "mean": "the mean brightness",
    "border": "the brightness of the border",
}
MARGIN = 0.05  # an AUROC this near to one half is no use to anybody
FEWEST = 10  # studies of each label, below which nothing is said


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """How well one number tells the label of a study.

    Args:
        feature: a key of `FEATURES`.
        split: "train", "valid" or "test".
        part: a body part, or "all".
        auroc: 0.5 tells nothing; below it, positive studies have the smaller numbers.
        low, high: its 95 % interval.
        studies: how many.
        positive: how many of them are positive.
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
        """Whether the interval lies beyond what is of no use to anybody."""
        return self.low > 0.5 + MARGIN or self.high < 0.5 - MARGIN

    @property
    def sentence(self) -> str:
        """In words, with interval and n."""
        where = "all parts" if self.part == "all" else self.part
        return (
            f"In {where}, {FEATURES[self.feature]} alone tells the label with AUROC "
            f"{self.auroc:.2f} ({self.split}; 95 % interval {self.low:.2f} to {self.high:.2f}, "
            f"n = {self.studies:,} studies)."
        )


def per_study(manifest: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """One row a study: `STUDY`, label, and a column for each of `FEATURES`, means over its films.

    Args:
        manifest: one row a film.
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
    """Every feature on every part of every split, and on all parts together; strongest first."""
    studies = per_study(manifest, facts)
    found = []
    for (split, part), rows in _groups(studies):
        positive = int(rows["label"].sum())
        negative = len(rows) - positive
        if min(positive, negative) < FEWEST:
            continue
        for feature in FEATURES:
            value = metrics.auroc(rows["label"], rows[feature])
            low, high = _interval(value, positive, negative)
            found.append(
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
    return sorted(found, key=lambda each: -abs(each.auroc - 0.5))


def _groups(studies: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    parts = [(tuple(map(str, key)), rows) for key, rows in studies.groupby(["split", "part"])]
    splits = studies.groupby("split")
    wholes = [((str(key), "all"), rows) for key, rows in splits if rows["part"].nunique() > 1]
    return parts + wholes


def _interval(value: float, positive: int, negative: int) -> tuple[float, float]:
    """The interval of an AUROC on either side of one half; its formula is made for the upper."""
    if value >= 0.5:
        return metrics.auroc_interval(value, positive, negative)
    low, high = metrics.auroc_interval(1 - value, negative, positive)
    return 1 - high, 1 - low
