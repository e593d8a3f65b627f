"""Pieces of a report's sentences: names and marks as escaped markup, counts and intervals."""

from markupsafe import Markup

from fracture_core.verdicts.closed_intervals import Proportion
from fracture_core.words import clean


def cleaned(value: object) -> str:
    """Return what a template shows of a value: markup as it is, text without odd characters."""
    return value if isinstance(value, Markup) else clean(str(value))


def name(text: str) -> Markup:
    """Return a name as markup that keeps its letters in order in any writing direction."""
    return Markup("<bdi>{}</bdi>").format(clean(text))


def shape(positive: bool) -> Markup:
    """Return the coloured shape of a label or verdict."""
    return _coloured(positive, "▲" if positive else "●")


def mark(positive: bool) -> Markup:
    """Return the coloured shape and word of a label or verdict."""
    return _coloured(positive, "▲ fracture" if positive else "● no fracture")


def _coloured(positive: bool, words: str) -> Markup:
    return Markup('<span class="{}">{}</span>').format("fracture" if positive else "none", words)


def films(count: int) -> str:
    """Return "1 film", "400 films"."""
    return f"{count:,} film{'' if count == 1 else 's'}"


def percent(share: float | None) -> str:
    """Return "67.5 %", a dash for `None`."""
    return "–" if share is None else f"{100 * share:.1f} %"


def interval(p: Proportion) -> str:
    """Return "60.6 to 73.7 %", a dash where n is 0."""
    if p.low is None or p.high is None:
        return "–"
    return f"{100 * p.low:.1f} to {100 * p.high:.1f} %"
