"""Texts for people: received values cut and cleaned, durations in words."""

import re
import unicodedata
from collections.abc import Iterable

FORMULA = (*"=+-@＝＋－＠", "\t", "\r", "\n")  # a spreadsheet takes text after these for a formula
LONGEST = 60  # characters of a received value in a sentence
LONGEST_WORD = 300  # characters without a blank: paths are mostly shorter
LONGEST_SENTENCE = 1_000  # characters of an error; received values are in its middle
_NOT_TEXT = ("Cc", "Cs", "Cn")  # control characters, surrogates, no characters at all
_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def short(value: object) -> str:
    """Return a received value as text, cut to a length that fits in a sentence."""
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def whole_number(text: str) -> int | None:
    """Return the whole number in a text of at most nine digits; `None` for any other text.

    No number of this project is longer, and Python refuses texts of some thousand digits.
    """
    return int(text) if text.isdecimal() and len(text) <= 9 else None


def readable(text: str) -> str:
    """Cut over-long words of a sentence, then its middle where it is still too long."""
    text = re.sub(rf"\S{{{LONGEST_WORD},}}", lambda word: short(word[0]), text)
    half = LONGEST_SENTENCE // 2
    return text if len(text) <= LONGEST_SENTENCE else f"{text[:half]} … {text[-half:]}"


def duration(seconds: float) -> str:
    """Format a duration: "41 s", "3 min 20 s", "2 h 5 min"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def plural(count: int, noun: str) -> str:
    """Format a count with its noun: "1 study", "400 studies"."""
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else many}"


def ranges(numbers: Iterable[int]) -> str:
    """Format whole numbers as ranges: "1 to 3, 5" of 1, 2, 3 and 5."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ", ".join(" to ".join(map(str, each)) for each in parts)


def clean(text: str) -> str:
    """Replace characters that a file cannot hold or that change the direction of text.

    These are control characters, lone surrogates and marks of the writing direction, which would
    also reverse numbers behind them.
    """
    return "".join(
        "\ufffd" if unicodedata.category(c) in _NOT_TEXT or c in _DIRECTIONS else c for c in text
    )


def cell(value: object) -> object:
    """Return a value for a CSV file.

    Text is cleaned, and begins with an apostrophe where a spreadsheet would read it as a formula.
    """
    if not isinstance(value, str):
        return value
    text = clean(value)
    return f"'{text}" if text.startswith(FORMULA) else text
