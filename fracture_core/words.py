"""Texts for people: received values cut to a readable length, durations in words."""

import re

LONGEST = 60  # characters of a received value in a sentence
LONGEST_WORD = 300  # characters without a blank: paths are mostly shorter
LONGEST_SENTENCE = 1_000  # characters of an error; received values are in its middle


def short(value: object) -> str:
    """Return a received value as text, cut to a length that fits in a sentence."""
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


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
