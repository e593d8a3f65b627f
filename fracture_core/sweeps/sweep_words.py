"""Answer of a sweep in sentences."""

from collections.abc import Sequence

import numpy as np

from fracture_core.sweeps.answer import Answer, Pair
from fracture_core.sweeps.axes import Axis
from fracture_core.sweeps.contrasts import Contrast
from fracture_core.sweeps.sweep import Sweep
from fracture_core.words import plural

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
ONE_SEED = (
    "One seed cannot tell settings apart: another training of the same settings may differ as much."
)


def sentences(value: Sweep, answer: Answer) -> tuple[str, ...]:
    """Return what each setting does, then how far the best combination stands out."""
    if answer.seeds == 1:
        return (ONE_SEED, _best(value, answer))
    return (*(_of_axis(axis, answer.pairs) for axis in value.axes), _best(value, answer))


def brief(value: Sweep, answer: Answer) -> str:
    """Return the result in a few words, for a line: "best: learning rate 0.0003"."""
    if answer.seeds == 1:
        return "one seed, no answer"
    clear = any(pair.difference.is_clear for pair in answer.pairs)
    return f"best: {value.words(answer.best)}" if clear else "a tie"


def method(answer: Answer) -> str:
    """Return the method behind the intervals."""
    return (
        "Accuracy on whole studies at each run's best epoch, averaged over seeds and, for a "
        "setting, over the other settings. Intervals are of differences on the same studies: a t "
        "whose variance is clustered by patients and by seeds (Cameron, Gelbach and Miller 2011). "
        f"Together they hold in 95 % (Bonferroni, {plural(len(answer.pairs), 'comparison')})."
    )


def basis(answer: Answer) -> str:
    """Return what an answer rests on: "five seeds, 194 dev studies of 160 patients"."""
    seeds = NUMBERS[answer.seeds] if answer.seeds < len(NUMBERS) else str(answer.seeds)
    studies = plural(answer.studies, "study").replace(" ", f" {answer.role} ", 1)
    patients = plural(answer.patients, "patient")
    of_patients = f" of {patients}" if answer.patients < answer.studies else ""
    return f"{seeds} {'seed' if answer.seeds == 1 else 'seeds'}, {studies}{of_patients}"


def points(share: float) -> str:
    """Return a difference of shares in points: "2.1", "−0.4"."""
    text = f"{100 * share:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", "−")


def difference(gap: Contrast) -> str:
    """Return a difference with its interval: "2.1 points (0.4 to 3.9)"."""
    words = f"{points(gap.value)} points"
    if gap.low is None or gap.high is None:
        return words
    return f"{words} ({points(gap.low)} to {points(gap.high)})"


def _of_axis(axis: Axis, pairs: Sequence[Pair]) -> str:
    """Return what a setting does: "Learning rate: 0.0003 beats 0.001 by 2.1 points (...)."."""
    own = [pair for pair in pairs if pair.path == axis.path]
    clear = [pair for pair in own if pair.difference.is_clear]
    ties = [pair for pair in own if not pair.difference.is_clear]
    clauses = [
        f"{axis.words(pair.better)} beats {axis.words(pair.worse)} by {difference(pair.difference)}"
        for pair in clear
    ]
    if len(ties) == 1:
        both = f"{axis.words(ties[0].better)} against {axis.words(ties[0].worse)}"
        clauses.append(f"{both}: a tie, {difference(ties[0].difference)}")
    elif ties:
        clauses.append(f"{len(ties)} other pairs are ties" if clear else "all values are tied")
    return f"{axis.setting.label}: {'; '.join(clauses)}."


def _best(value: Sweep, answer: Answer) -> str:
    accuracies = [figure.value or 0.0 for figure in answer.accuracies.values()]
    ahead = accuracies[answer.best - 1] - float(np.mean(accuracies))
    sentence = (
        f"The best of {len(accuracies)} ({value.words(answer.best)}) stands {points(ahead)} points "
        "above their mean"
    )
    if answer.by_chance is not None:
        chance = points(answer.by_chance)
        sentence += f"; by chance, the best of {len(accuracies)} equal ones would by {chance}"
    return f"{sentence} ({basis(answer)})."
