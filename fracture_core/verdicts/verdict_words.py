"""Words of a verdict, the same on pages, in the terminal and in a report.

They report what a model finds, never a fact about a patient. Names of studies, patients and films,
and the mark of a verdict, come as text or markup of the place that shows the words.
"""

from collections.abc import Sequence

import numpy as np

from fracture_core.verdicts import aggregation
from fracture_core.verdicts.closed_intervals import Proportion

NAMED = 3  # films that a sentence names before it counts the others
FEW = 10  # comparable studies; with fewer, no track record is shown


def sentence(
    verdict: bool | None,
    study: str,
    patient: str | None = None,
    deciding: Sequence[str] = (),
    films: int = 0,
    refused: int = 0,
    doubted: int = 0,
    positive: int | None = None,
) -> str:
    """Report in words what the model finds, never a fact about a patient.

    Args:
        verdict: fracture, no fracture, or `None` when no image was counted.
        study: the study's name, as on its folder.
        patient: the patient's name; left out where there is none.
        deciding: names of the positive images, or of some and a count of the others.
        films: number of counted images.
        refused: number of images that could not be read.
        doubted: number of images set aside because they look unlike the training films.
        positive: number of positive counted images; by default, that of `deciding`.
    """
    where = f"{study} of {patient}" if patient else study
    rest = _uncounted(refused, doubted)
    if verdict is None and doubted:
        reason = rest if refused else f"its {_films(doubted)} doubted and not counted"
        return f"There is no verdict on {where}: {reason}."
    if verdict is None:
        return f"There is no verdict on {where}: none of its images could be scored."
    finds = headline(verdict, len(deciding) if positive is None else positive, films)
    ends = f"; {rest}." if rest else "."
    return f"{finds} in {where}{f': {listed(deciding)}' if verdict else ''}{ends}"


def headline(verdict: bool, positive: int, films: int) -> str:
    """Report what the model finds in a few words: "The model finds a fracture (2 of 3 films)".

    Args:
        verdict: fracture or no fracture.
        positive: number of positive counted films.
        films: number of counted films.
    """
    return f"The model finds {'a' if verdict else 'no'} fracture ({_share(positive, films)})"


def or_rule(positive: Sequence[str], threshold: float) -> str:
    """Explain the verdict by the OR rule, in a sentence.

    Args:
        positive: names of the positive films, or of some and a count of the others.
        threshold: a film is positive when its score is greater.
    """
    if positive:
        return f"Positive: {listed(positive)}. One film above {threshold:.2f} is enough (OR rule)."
    return f"No film is above {threshold:.2f}; one would be enough (OR rule)."


def brief(verdict: bool | None, positive: int, films: int) -> str:
    """Report a verdict without names: "The model finds a fracture: 2 of 3 films."

    Args:
        verdict: fracture, no fracture, or `None` when no film was counted.
        positive: number of positive counted films.
        films: number of counted films.
    """
    if verdict is None:
        return "There is no verdict: none of its films counts."
    return f"The model finds {'a' if verdict else 'no'} fracture: {_share(positive, films)}."


def _share(positive: int, films: int) -> str:
    return f"{positive:,} of {films:,} film{'' if films == 1 else 's'}"


def _uncounted(refused: int, doubted: int) -> str:
    """Describe the films that do not count; empty if all do."""
    words = [f"{refused} could not be read"] if refused else []
    if doubted:
        words.append(f"{doubted} {'is' if doubted == 1 else 'are'} doubted and not counted")
    return ", ".join(words)


def _films(count: int) -> str:
    return "only film is" if count == 1 else f"{count} films are all"


def listed(names: Sequence[str]) -> str:
    """Join names, at least one, as in a sentence: "a, b and c"."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def first(names: Sequence[str]) -> list[str]:
    """Return names for a sentence: of many the first few, and the number of the others."""
    if len(names) <= NAMED + 1:
        return list(names)
    return [*names[:NAMED], f"{len(names) - NAMED:,} other films"]


def highest(
    names: Sequence[str], probabilities: Sequence[float], threshold: float, doubted: bool
) -> str:
    """Report the number of positive films, and the film with the highest score.

    Args:
        names: of the counted films, at least one.
        probabilities: theirs, 0 to 1.
        threshold: a film is positive when its probability is greater.
        doubted: whether other films are doubted and do not count.
    """
    top = int(np.argmax(probabilities))
    positive = int(np.sum(aggregation.is_positive(np.asarray(probabilities), threshold)))
    those = f"{len(names):,} film{'' if len(names) == 1 else 's'}"
    if doubted:
        those += " that counts" if len(names) == 1 else " that count"
    return (
        f"{positive:,} of {those} above the threshold of {threshold:.2f}; the highest is "
        f"{names[top]} with {probabilities[top]:.3f}."
    )


def beside_label(mark: str, right: bool, altered: bool) -> str:
    """Compare a verdict with the study's label in the data.

    Args:
        mark: of the label.
        right: whether label and verdict are the same.
        altered: whether a film was altered by hand: the label is that of the unaltered films.
    """
    agrees = f"the verdict is {'right' if right else 'wrong'}"
    if altered:
        agrees = "a verdict on altered films is neither right nor wrong"
    return f"Label in the data: {mark}; {agrees}."


def track_record(right: Proportion, views: int, interval: str) -> str:
    """Report how often such verdicts are right.

    Args:
        right: see `breakdown.track_record`.
        views: number of counted films.
        interval: of `right`, in words.
    """
    question = "How often is that right?"
    if not right.n:
        return f"{question} There are no comparable dev studies."
    studies = "study" if right.n == 1 else "studies"
    films = f"{views:,} film{'' if views == 1 else 's'}"
    alike = f"{right.n:,} dev {studies} with {films} and this verdict"
    if right.n < FEW:
        return f"{question} Unknown: only {alike}."
    return f"{question} Of {alike}, {right.count:,} were right (95 % interval {interval})."
