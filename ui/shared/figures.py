"""Figures in words and in one table: every number with its n, and its interval if an estimate."""

import math
from collections.abc import Iterable

from fracture_core.verdicts.metrics import Proportion, Summary

MISSING = "–"
_PERCENT = "\N{NO-BREAK SPACE}%"  # it stands where its number does
LEVEL = f"95{_PERCENT}"  # of every interval
LETTER, WIDEST = 7.2, 320  # px: of a letter in a table at the most, and of a column of words
HARD_TO = "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}"  # between the ends of an interval in a cell
_ROWS = ("Accuracy", "Always guessing the majority", "Sensitivity", "Specificity")


def percent(share: float | None) -> str:
    """ "67.5 %", a dash for `None`."""
    return MISSING if share is None else f"{100 * share:.1f}{_PERCENT}"


def interval(p: Proportion) -> str:
    """ "60.6 to 73.7 %", a dash where n is 0."""
    return MISSING if p.low is None else f"{100 * p.low:.1f} to {100 * p.high:.1f}{_PERCENT}"


def with_interval(p: Proportion) -> str:
    """ "2 of 3, 95 % interval 20.8 to 93.9 %"."""
    if p.value is None:
        return "no such study or film, so nothing can be said"
    return f"{p.count:,} of {p.n:,}, {LEVEL} interval {interval(p)}"


def headline(summary: Summary) -> str:
    """The sentence on studies that Evaluate begins with."""
    a = summary.accuracy
    return (
        f"Of {a.n:,} studies, {a.count:,} were judged right ({percent(a.value)}, "
        f"{LEVEL} interval {100 * a.low:.1f} to {100 * a.high:.1f}; always guessing the "
        f"majority: {percent(summary.majority.value)})."
    )


def against_guessing(summary: Summary) -> str:
    """Whether the accuracy's interval leaves room for a mere guess, in a sentence."""
    a, guess = summary.accuracy, summary.majority.value
    if a.low > guess:
        return "Better than always guessing: the whole interval lies above that share."
    if a.high < guess:
        return "Worse than always guessing: the whole interval lies below that share."
    return "No better than always guessing, as far as these studies can tell: that share lies " + (
        "inside the interval."
    )


def table(studies: Summary, images: Summary) -> str:
    """Both levels side by side as a Markdown table, numbers to the right."""
    levels = "| | Studies | 95 % interval | n | Images | 95 % interval | n |"
    head = f"{levels}\n|:--|--:|--:|--:|--:|--:|--:|"
    left, right = _column(studies), _column(images)
    rows = [f"| {name} | {left[name]} | {right[name]} |" for name in left]
    return "\n".join([head, *rows])


def side_by_side(found: Iterable[tuple[str, Summary]]) -> str:
    """Several models on the same studies as a Markdown table: accuracy, interval, AUROC, n."""
    rows = [
        f"| {name} | {percent(s.accuracy.value)} | {interval(s.accuracy)} | {_number(s.auroc)} | "
        f"{_range(s.auroc_low, s.auroc_high)} | {s.n:,} |"
        for name, s in found
    ]
    head = "| | Accuracy | 95 % interval | AUROC | 95 % interval | Studies |"
    return "\n".join([head, "|:--|--:|--:|--:|--:|--:|", *rows])


def _column(s: Summary) -> dict[str, str]:
    """One level's cells by row: value, interval and n, parted by bars."""
    proportions = (s.accuracy, s.majority, s.sensitivity, s.specificity)
    cells = {
        name: f"{percent(p.value)} | {interval(p)} | {p.n:,}"
        for name, p in zip(_ROWS, proportions, strict=True)
    }
    # Not an estimate but what guessing would have scored on these very films: no interval.
    cells[_ROWS[1]] = f"{percent(s.majority.value)} | | {s.majority.n:,}"
    cells["Cohen's kappa"] = f"{_number(s.kappa)} | {_range(s.kappa_low, s.kappa_high)} | {s.n:,}"
    bounds = (s.auroc_low, s.auroc_high)
    cells["AUROC"] = f"{_number(s.auroc)} | {_range(*bounds)} | {s.n:,}"
    return cells


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{value:.2f}"


def _range(low: float | None, high: float | None) -> str:
    return MISSING if low is None or high is None else f"{low:.2f} to {high:.2f}"


def column_width(name: str, values: Iterable[object]) -> int:
    """Width in px of a table's column that shows its name and its values to their end.

    In steps, so that a letter more (epoch 10 after 9) moves nothing.
    """
    longest = max(map(len, [name, *map(str, values)]))
    return min(WIDEST, 40 * math.ceil((LETTER * longest + 20) / 40))
