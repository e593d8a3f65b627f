"""Paired comparison of two models on the same studies: differences, intervals, tests.

Accuracy and every other figure are compared on each study that both have predicted. The interval of
a difference is by bootstrap over patients; McNemar's exact test stands beside it.
"""

from dataclasses import asdict, dataclass
from typing import Any

from fracture_core.errors import DataError
from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.model_comparison import paired_figures
from fracture_core.verdicts.closed_intervals import Difference
from fracture_core.verdicts.resampling import Interval

METHOD = (
    "Differences: first minus second, 95 % interval by bootstrap over patients, both models on the "
    "same resamples. McNemar's exact test takes the studies as independent."
)


@dataclass(frozen=True, kw_only=True)
class ModelPair:
    """Two models on the same studies.

    Args:
        models: their names.
        split: of the films: "train", "dev", "valid" or "test".
        thresholds: each model's own.
        synthetic: whether the films are.
        figures: by name of `estimates.NAMES`: of the first model, of the second, their difference.
        discordant: number of studies that only the first, and that only the second, got right.
        p: of McNemar's exact test, two-sided.
        accuracies: difference of the accuracies with Newcombe's interval, for which studies are
            independent; as on Runs.
    """

    models: tuple[str, str]
    split: str
    thresholds: tuple[float, float]
    synthetic: bool
    figures: dict[str, tuple[Interval, Interval, Interval]]
    discordant: tuple[int, int]
    p: float
    accuracies: Difference

    @property
    def studies(self) -> int:
        """Number of studies that both have predicted."""
        return self.figures["accuracy"][2].n

    @property
    def patients(self) -> int:
        """Number of their patients."""
        return self.figures["accuracy"][2].groups

    @property
    def sentence(self) -> str:
        """The result in words, with intervals and n."""
        on = f"on {paired_figures.cases(self.studies, f'{self.split} study', self.patients)}"
        on += " (synthetic films)" if self.synthetic else ""
        signs = {name: _sign(self.figures[name][2]) for name in ("accuracy", "auroc")}
        better, worse = self.models if sum(signs.values()) >= 0 else self.models[::-1]
        first, second = self.models
        if signs["accuracy"] == -signs["auroc"] and any(signs.values()):
            right, ranks = self.models if signs["accuracy"] > 0 else self.models[::-1]
            result = f"{right} is right more often, but {ranks} ranks studies better {on}."
        elif signs["accuracy"]:
            result = f"{better} is right more often than {worse} {on}."
        elif signs["auroc"]:
            result = (
                f"{better} ranks studies better than {worse} {on}; their verdicts cannot be told "
                "apart."
            )
        else:
            result = f"{first} and {second} cannot be told apart {on}."
        return f"{result} {self._accuracies} {self._areas}".rstrip()

    @property
    def _accuracies(self) -> str:
        one, two, gap = self.figures["accuracy"]
        shares = f"Accuracy {100 * (one.value or 0):.1f} % and {100 * (two.value or 0):.1f} %"
        if gap.low is None or gap.high is None:
            return f"{shares}; McNemar's test p = {self.p:.2g}."
        return (
            f"{shares}, a difference of {100 * (gap.value or 0):+.1f} points (95 % interval "
            f"{100 * gap.low:+.1f} to {100 * gap.high:+.1f}; McNemar's test p = {self.p:.2g})."
        )

    @property
    def _areas(self) -> str:
        one, two, gap = self.figures["auroc"]
        if one.value is None or two.value is None or gap.value is None:
            return ""
        areas = f"AUROC {one.value:.3f} and {two.value:.3f}"
        if gap.low is None or gap.high is None:
            return f"{areas}."
        return f"{areas}: {gap.value:+.3f} (95 % interval {gap.low:+.3f} to {gap.high:+.3f})."

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `compare --json`."""
        return {
            "models": list(self.models),
            "split": self.split,
            "thresholds": list(self.thresholds),
            "synthetic": self.synthetic,
            "studies": self.studies,
            "patients": self.patients,
            "sentence": self.sentence,
            "mcnemar": {
                "only_first": self.discordant[0],
                "only_second": self.discordant[1],
                "p": self.p,
            },
            "accuracies": asdict(self.accuracies),
            "figures": {
                name: {
                    side: asdict(value)
                    for side, value in zip(("first", "second", "difference"), three, strict=True)
                }
                for name, three in self.figures.items()
            },
            "method": METHOD,
        }


def _sign(gap: Interval) -> int:
    """Return 1 or -1 where the whole interval lies above or below 0, else 0."""
    if gap.low is None or gap.high is None:
        return 0
    return int(gap.low > 0) - int(gap.high < 0)


def compare(first: Evaluation, second: Evaluation) -> ModelPair:
    """Compare two models on the studies that both have predicted, each at its own threshold.

    Raises:
        DataError: they were evaluated on other data, or have no study in common.
    """
    if first.data.get("hash") is None or first.data.get("hash") != second.data.get("hash"):
        raise DataError(
            f"{first.model} and {second.model} were evaluated on different data. Evaluate both on "
            "the same data set."
        )
    both = paired_figures.pair(first.studies(), second.studies())
    if both.empty:
        raise DataError(
            f"{first.model} and {second.model} have no {first.split} study in common. Choose other "
            "films, or evaluate both on a split that neither was trained on."
        )
    one, two = paired_figures.sides(both)
    gaps = paired_figures.differences(one, two)
    counts = paired_figures.discordant(both)
    return ModelPair(
        models=(first.model, second.model),
        split=first.split,
        thresholds=(first.threshold, second.threshold),
        synthetic=bool(first.data.get("synthetic")),
        figures={name: (one.figures[name], two.figures[name], gap) for name, gap in gaps.items()},
        discordant=counts,
        p=paired_figures.mcnemar(*counts),
        accuracies=paired_figures.accuracies(both),
    )
