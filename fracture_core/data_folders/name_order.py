"""The order of names: as a person counts, and one drawn by a seed."""

import hashlib
import re
from collections.abc import Iterable

_DIGITS = re.compile(r"([0-9]+)")


def natural(name: str) -> tuple[list[str | tuple[int, str]], str]:
    """Return a sort key that puts image2 before image10.

    Numbers are compared as text, the shorter first: Python refuses to convert 5,000 digits.
    """
    parts = _DIGITS.split(name)
    return [_as_number(part) if i % 2 else part for i, part in enumerate(parts)], name


def _as_number(digits: str) -> tuple[int, str]:
    digits = digits.lstrip("0")
    return len(digits), digits


def ranked(items: Iterable[str], seed: int) -> list[str]:
    """Return the distinct items in an order that depends on the seed and each item's text."""

    def rank(item: str) -> bytes:
        return hashlib.blake2b(f"{seed}:{item}".encode(), digest_size=16).digest()

    return sorted(set(items), key=rank)
