"""What must be said of a model before its verdict: one plain sentence each, the gravest first.

The figures are those of its dev studies at the threshold that the verdict uses. Nothing here loads
TensorFlow.
"""

from fracture_core.models.cards import NEVER_SEEN, Model
from fracture_core.verdicts.metrics import Proportion, Summary

FEWEST = 20  # dev studies of a label, below which sensitivity or specificity says little
UNKNOWN = (
    "Its card does not say whether it has ever seen a real film, so nobody knows what its answer "
    "means."
)
CHANCE = 0.5  # the AUROC of scores that know nothing
_LEVEL = "95 % interval"


def warnings(model: Model, threshold: float, real: bool = True) -> tuple[str, ...]:
    """What a reader of this model's verdicts must know; empty where nothing speaks against it.

    Args:
        model: the one that gives the verdict.
        threshold: of the verdict, 0 to 1.
        real: whether real films are judged; a model of synthetic films is no judge of them.
    """
    said = [NEVER_SEEN] if model.card.synthetic and real else []
    if model.card.training.get("synthetic") is None:
        said.append(UNKNOWN)
    if len(model.judged):
        said += of_figures(model.at_threshold(threshold)["studies"], threshold)
    else:
        said.append(f"{model.card.no_dev_words}, so nobody knows how far to trust it.")
    return (*said, *_without_gate(model), *_unguarded(model))


def of_figures(studies: Summary, threshold: float) -> list[str]:
    """What speaks against a model by its dev studies at this threshold."""
    found = [
        _none_found(studies.sensitivity, threshold),
        _none_cleared(studies.specificity, threshold),
        _below_chance(studies),
        _no_better_than_guessing(studies, threshold),
        _few(studies),
    ]
    return [sentence for sentence in found if sentence]


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
    right, guess = studies.accuracy, studies.majority.value
    if right.low is None or guess is None or right.low > guess:
        return ""
    words = "Worse" if right.high < guess else "No better"
    return (
        f"{words} than always guessing, as far as its dev studies can tell: {right.count:,} of "
        f"{right.n:,} right at the threshold of {threshold:.2f} ({100 * right.value:.1f} %, "
        f"{_LEVEL} {_interval(right)}); always guessing the majority: {100 * guess:.1f} %."
    )


def _few(studies: Summary) -> str:
    positive, negative = studies.sensitivity.n, studies.specificity.n
    if min(positive, negative) >= FEWEST:
        return ""
    return (
        f"Few dev studies to judge it by: {positive:,} positive and {negative:,} negative; with "
        f"fewer than {FEWEST} of either label its figures say little."
    )


def _without_gate(model: Model) -> tuple[str, ...]:
    if model.gate:
        return ()
    if model.card.members:
        subject = "An ensemble has no gate"
    else:
        subject = "This run has no gate yet" if model.is_run else "This model has no gate"
    return (f"{subject}: it cannot tell films unlike those that it learned from.",)


def _unguarded(model: Model) -> tuple[str, ...]:
    if model.guarded:
        return ()
    return (
        "No checksum guards its files, which an older version of this program wrote: damage to "
        "them goes unnoticed.",
    )


def _interval(p: Proportion) -> str:
    return f"{100 * p.low:.1f} to {100 * p.high:.1f} %"
