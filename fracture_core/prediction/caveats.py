"""Caveats to show before a model's verdict: one sentence each, the most serious first.

The figures are those of its dev studies at the threshold of the verdict. Nothing here loads
TensorFlow.
"""

from fracture_core.checksums import SUMS
from fracture_core.models.model import Model
from fracture_core.verdicts.closed_intervals import Proportion
from fracture_core.verdicts.metrics import Summary

FEWEST = 20  # dev studies of a label, below which sensitivity or specificity is very uncertain
NEVER_SEEN = "This model has never seen a real film; its answer means nothing here."
UNKNOWN = (
    "Its card does not say whether it was trained on real films, so the meaning of its predictions "
    "is unknown."
)
CHANCE = 0.5  # the AUROC of random scores
_LEVEL = "95 % interval"


def warnings(model: Model, threshold: float, real: bool = True) -> tuple[str, ...]:
    """Return the caveats of a model's verdicts; empty if there are none.

    Args:
        model: the model of the verdict.
        threshold: of the verdict, 0 to 1.
        real: whether the films are real, which a model of synthetic films cannot assess.
    """
    sentences = [NEVER_SEEN] if model.card.synthetic and real else []
    if model.card.data.synthetic is None:
        sentences.append(UNKNOWN)
    if len(model.dev_films):
        sentences += of_figures(model.at_threshold(threshold)["studies"], threshold)
    else:
        sentences.append(f"{model.card.no_dev_words}, so its reliability is unknown.")
    return (*sentences, *_without_gate(model), *_unguarded(model))


def of_figures(studies: Summary, threshold: float) -> list[str]:
    """Return the caveats that follow from a model's dev studies at this threshold."""
    sentences = [
        _none_found(studies.sensitivity, threshold),
        _none_cleared(studies.specificity, threshold),
        _below_chance(studies),
        _no_better_than_guessing(studies, threshold),
        _few(studies),
    ]
    return [sentence for sentence in sentences if sentence]


def _none_found(sensitivity: Proportion, threshold: float) -> str:
    if not sensitivity.n or sensitivity.count:
        return ""
    return (
        f"Sensitivity 0: at the threshold of {threshold:.2f} it found none of its "
        f"{sensitivity.n:,} positive dev studies ({_LEVEL} {_interval(sensitivity)})."
    )


def _none_cleared(specificity: Proportion, threshold: float) -> str:
    if not specificity.n or specificity.count:
        return ""
    return (
        f"Specificity 0: at the threshold of {threshold:.2f} it called all of its "
        f"{specificity.n:,} negative dev studies positive ({_LEVEL} {_interval(specificity)})."
    )


def _below_chance(studies: Summary) -> str:
    if studies.auroc_high is None or studies.auroc_high >= CHANCE:
        return ""
    return (
        f"Worse than chance: its scores rank positive dev studies below negative ones, AUROC "
        f"{studies.auroc:.2f} ({_LEVEL} {studies.auroc_low:.2f} to {studies.auroc_high:.2f}, "
        f"{studies.n:,} studies)."
    )


def _no_better_than_guessing(studies: Summary, threshold: float) -> str:
    correct, baseline = studies.accuracy, studies.majority.value
    if correct.value is None or correct.low is None or correct.high is None:
        return ""
    if baseline is None or correct.low > baseline:
        return ""
    words = "Worse" if correct.high < baseline else "No better"
    return (
        f"{words} than the baseline, as far as its dev studies can tell: {correct.count:,} of "
        f"{correct.n:,} correct at the threshold of {threshold:.2f} ({100 * correct.value:.1f} %, "
        f"{_LEVEL} {_interval(correct)}); baseline (always the majority class): "
        f"{100 * baseline:.1f} %."
    )


def _few(studies: Summary) -> str:
    positive, negative = studies.sensitivity.n, studies.specificity.n
    if min(positive, negative) >= FEWEST:
        return ""
    return (
        f"Few dev studies: {positive:,} positive and {negative:,} negative; with fewer than "
        f"{FEWEST} of either label its figures are very uncertain."
    )


def _without_gate(model: Model) -> tuple[str, ...]:
    if model.gate:
        return ()
    if model.card.members:
        subject = "An ensemble has no gate"
    else:
        subject = "This run has no gate yet" if model.is_run else "This model has no gate"
    return (f"{subject}: it cannot recognize films unlike its training films.",)


def _unguarded(model: Model) -> tuple[str, ...]:
    if model.guarded:
        return ()
    if model.lost:
        return (
            f"The checksum of {model.lost} is missing from {SUMS} of {model.run}, so damage goes "
            "unnoticed. Put that list back.",
        )
    return (
        "No checksum guards its files, which an older version of this program wrote: damage to "
        "them goes unnoticed.",
    )


def _interval(p: Proportion) -> str:
    if p.low is None or p.high is None:
        return "unknown"
    return f"{100 * p.low:.1f} to {100 * p.high:.1f} %"
