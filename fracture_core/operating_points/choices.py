"""Choices kept in a model's card: an operating point, a calibration, a promise."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from fracture_core.config.limits import LIMITS
from fracture_core.config.record import Record, check_range
from fracture_core.errors import ConfigError
from fracture_core.operating_points import study_scores, threshold_choice
from fracture_core.operating_points.calibration import MOST, Calibration
from fracture_core.operating_points.promise import Promise
from fracture_core.operating_points.study_scores import RULES
from fracture_core.operating_points.threshold_choice import AIMS
from fracture_core.words import plural

COST = (0.0, 10_000.0)  # of a missed fracture, in false alarms


def cost_words(ratio: float) -> str:
    """Format a cost ratio: "a missed fracture costs 10 false alarms"."""
    return f"a missed fracture costs {ratio:g} false alarm{'' if ratio == 1 else 's'}"


@dataclass(frozen=True, kw_only=True)
class OperatingPoint(Record):
    """A rule and a threshold, and where they were chosen.

    Args:
        rule: one of `study_scores.RULES`.
        threshold: a study is positive when its score by the rule is greater.
        aim: one of `threshold_choice.AIMS`.
        cost_ratio: cost of a missed fracture in false alarms, of the aim "cost".
        chosen_on: films that it was chosen on: "dev".
        studies: number of their studies.
        positive: number of positive ones among them.
        corrections: hash of the list by which their labels were corrected; "" for the labels that
            the model was trained with.
        card_threshold: of the card without this point.
        card_threshold_origin: its origin.
    """

    rule: str
    threshold: float
    aim: str
    cost_ratio: float = 1.0
    chosen_on: Literal["dev"] = "dev"
    studies: int
    positive: int
    corrections: str = ""
    card_threshold: float = 0.5
    card_threshold_origin: str = ""

    def __post_init__(self) -> None:
        study_scores.check_rule(self.rule)
        if self.aim not in AIMS:
            raise ConfigError(f"An aim is one of {', '.join(AIMS)}; received {self.aim[:60]!r}.")
        check_range("threshold of an operating point", self.threshold, (0.0, 1.0))
        check_range("threshold of a card", self.card_threshold, (0.0, 1.0))
        check_range("cost ratio", self.cost_ratio, COST)
        check_range("number of studies of an operating point", self.studies, (0, MOST))
        check_range("number of positive studies", self.positive, (0, self.studies))
        for text in (self.card_threshold_origin, self.corrections):
            check_range("Number of characters in a card's text", len(text), (0, LIMITS.card_text))

    @property
    def origin(self) -> str:
        """Origin of the threshold, a clause: "chosen on 49 dev studies for the best kappa"."""
        aim = AIMS[self.aim]
        if self.aim == "cost":
            aim += f" ({cost_words(self.cost_ratio)})"
        article = "" if self.aim in ("youden", "sensitivity", "specificity") else "the "
        positive = f"{self.positive:,} positive"
        labels = f", labels corrected by list {self.corrections}" if self.corrections else ""
        return (
            f"chosen on {plural(self.studies, f'{self.chosen_on} study')} ({positive}{labels}) for "
            f"{article}{aim}"
        )

    @property
    def words(self) -> str:
        """The rule with its threshold: "mean of the films above 0.37"."""
        return f"{RULES[self.rule]} above {self.threshold:.4g}"


@dataclass(frozen=True, kw_only=True)
class Choices(Record):
    """Choices of a model's owner; each is `None` until it is made."""

    operating_point: OperatingPoint | None = None
    calibration: Calibration | None = None
    promise: Promise | None = None

    def __post_init__(self) -> None:
        point = self.operating_point
        if point and point.rule == "calibrated_max" and self.calibration is None:
            raise ConfigError(
                f"The rule '{RULES[point.rule]}' needs a calibration in the card. Keep one first."
            )


def points(
    dev: pd.DataFrame, rule: str, cost_ratio: float, corrections: str = ""
) -> dict[str, OperatingPoint]:
    """Return the operating points of a rule that dev studies have, by aim.

    Args:
        dev: see `study_scores.of_films`.
        rule: one of `RULES`.
        cost_ratio: of a missed fracture, in false alarms.
        corrections: see `OperatingPoint`.
    """
    labels, scores = dev["label"].to_numpy(), dev[rule].to_numpy()
    thresholds = {aim: threshold_choice.choose(labels, scores, aim, cost_ratio) for aim in AIMS}
    return {
        aim: OperatingPoint(
            rule=rule,
            threshold=threshold,
            aim=aim,
            cost_ratio=cost_ratio,
            studies=len(dev),
            positive=int(labels.sum()),
            corrections=corrections,
        )
        for aim, threshold in thresholds.items()
        if threshold is not None
    }
