"""Rules for the lines of a run's files: a line that breaks one is damaged and left out.

The rules cover the keys that this program writes. Other keys are ignored.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

MOST = 2**53  # largest count; beyond it a float cannot represent every whole number
ROLES = ("train", "dev", "valid")


def is_sound(file: str, line: dict[str, Any]) -> bool:
    """Check that the values of all keys with a rule have the right type and range.

    Args:
        file: name of the file that the line is from; there are no rules for other files.
        line: the parsed line.
    """
    rules = RULES.get(file, {})
    return all(rule(line[key]) for key, rule in rules.items() if key in line)


def is_count(value: Any) -> bool:
    """Check for a whole number from 0 on that a float can represent exactly."""
    return type(value) is int and 0 <= value <= MOST


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and abs(value) <= MOST


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _or_none(rule: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or rule(value)


def _is_role(value: Any) -> bool:
    return isinstance(value, dict) and all(
        rule(value[key]) for key, rule in _QUANTITIES.items() if key in value
    )


_QUANTITIES: Mapping[str, Callable[[Any], bool]] = {
    "loss": _is_positive,
    "accuracy": _is_share,
    "auroc": _or_none(_is_share),
    "n": is_count,
    "study_accuracy": _is_share,
    "studies": is_count,
}
RULES: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "metrics.jsonl": {
        "epoch": is_count,
        "step": is_count,
        "learning_rate": _is_positive,
        **dict.fromkeys(ROLES, _is_role),
    },
    "steps.jsonl": {
        "step": is_count,
        "epoch": _is_positive,
        "loss": _is_positive,
        "accuracy": _is_share,
        "rate": _is_positive,
        "time": _is_positive,
    },
    "events.jsonl": {
        "kind": _is_text,
        "time": _is_positive,
        "step": is_count,
        "epoch": is_count,
        "rate": _is_positive,
        **dict.fromkeys(("id", "path", "role", "reason", "message", "parent"), _is_text),
    },
}
