"""Output to a terminal: the progress line, the figures of an evaluation, TensorFlow without notes.

Progress is written to standard error, and only if that is a terminal.
"""

import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TextIO

from fracture_core.jobs.heavy_imports import without_collector
from fracture_core.jobs.worker import time_left
from fracture_core.words import clean, duration, plural

if TYPE_CHECKING:
    import pandas as pd

    from fracture_core.verdicts.metrics import Confusion, Summary
    from fracture_core.verdicts.resampling import Interval

LEVELS = ("studies", "images")
NOUNS = ("study", "image")
COLUMN = 42  # characters of a level's column of figures
WIDTH = 110  # characters of a progress line; a longer one would wrap and stay


def print_line(line: str, file: TextIO | None = None) -> None:
    """Print one line that holds foreign text, such as a file's name.

    A control character in it, or the end of a line, becomes a mark: no name may speak to the
    terminal, or write a line of its own.

    Args:
        line: its text.
        file: the stream; standard output by default.
    """
    print(clean(line), file=file or sys.stdout)


def print_json(value: Any) -> None:
    """Print a value as JSON; a number that is none, as of a figure without cases, is `null`."""
    print(json.dumps(_without_nan(value), indent=2, allow_nan=False))


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def show_line(text: str) -> None:
    """Replace the current line of the terminal; "" clears it."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{clean(text[:WIDTH])}")
        sys.stderr.flush()


def progress_line(noun: str) -> Callable[[int, int], None]:
    """Return a function that shows (done, total) as a line: "3 of 10 films, 12 s left".

    Args:
        noun: plural of the things counted.
    """
    seconds_left = time_left()

    def show(done: int, total: int) -> None:
        seconds = seconds_left(done, total)
        left = "" if seconds is None else f", {duration(seconds)} left"
        show_line("" if done >= total else f"{done:,} of {total:,} {noun}{left}")

    return show


def load_tensorflow() -> None:
    """Import TensorFlow, silencing its notes on processor and missing GPU; no setting does."""
    stderr, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        with without_collector():
            import tensorflow as tf

            tf.constant(0)  # the first tensor looks for devices
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)


def print_figures(
    split: str,
    films: "pd.DataFrame",
    threshold: float,
    prevalence: float | None = None,
    cost_ratio: float = 1.0,
) -> None:
    """Print confusion and figures of studies and images side by side, with 95 % intervals.

    Args:
        split: name of the films' split or role, or of a slice of it.
        films: manifest columns and `probability`; at least one row.
        threshold: a film is positive when its probability is greater.
        prevalence: see `estimates.estimate`.
        cost_ratio: see `estimates.estimate`.
    """
    from fracture_core.models import cards
    from fracture_core.verdicts import estimates, figure_words

    counted = cards.summaries(films, threshold)
    levels = estimates.of_films(films, threshold, prevalence, cost_ratio)
    patients = levels["studies"]["accuracy"].groups
    counts = [plural(counted[level].n, noun) for level, noun in zip(LEVELS, NOUNS, strict=True)]
    if patients < counted["images"].n:  # else each film counts as a patient of its own
        counts.append(plural(patients, "patient"))
    print(f"\n{split}: {', '.join(counts)}")
    print(f"  {'':18}" + "".join(f"{level:{COLUMN}}" for level in LEVELS).rstrip())
    cells = (f"TP {c.tp}  FP {c.fp}  FN {c.fn}  TN {c.tn}" for c in _confusions(counted))
    _print_row("", cells)
    shares = (counted[level].majority.value or 0.0 for level in LEVELS)
    _print_row("Baseline", (f"{100 * share:.1f} %" for share in shares))
    for name in estimates.NAMES:
        title = figure_words.TITLES[name]
        is_share = name in figure_words.PERCENT
        _print_row(title, (_figure(levels[level][name], is_share) for level in LEVELS))
    if prevalence is not None:
        print(f"  PPV, NPV and cost: at a prevalence of {100 * prevalence:g} %")


def _confusions(counted: Mapping[str, "Summary"]) -> "list[Confusion]":
    return [counted[level].confusion for level in LEVELS]


def _print_row(title: str, cells: Iterable[str]) -> None:
    print(f"  {title:18}{''.join(f'{cell:{COLUMN}}' for cell in cells)}".rstrip())


def _figure(figure: "Interval", is_share: bool) -> str:
    """Return a figure with interval and n: "67.5 % (60.6 to 73.7), n = 194"."""
    if figure.value is None:
        return f"-, n = {figure.n:,}"
    scale, digits, unit = (100, 1, " %") if is_share else (1, 3, "")
    value = f"{scale * figure.value:.{digits}f}{unit}"
    if figure.low is not None and figure.high is not None:
        value += f" ({scale * figure.low:.{digits}f} to {scale * figure.high:.{digits}f})"
    return f"{value}, n = {figure.n:,}"
