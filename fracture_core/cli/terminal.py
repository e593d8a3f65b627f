"""Output to a terminal: the progress line, the figures of an evaluation, TensorFlow without notes.

Progress is written to standard error, and only if that is a terminal.
"""

import json
import math
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TextIO

from fracture_core.jobs.heavy_imports import without_collector
from fracture_core.jobs.worker import time_left
from fracture_core.words import clean, duration

if TYPE_CHECKING:
    from fracture_core.verdicts.metrics import Proportion, Summary

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


def print_summaries(split: str, levels: Mapping[str, "Summary"]) -> None:
    """Print confusion matrix, rates and their 95 % intervals, level by level.

    Args:
        split: name of the films' split or role.
        levels: "images" and "studies".
    """
    for level, summary in levels.items():
        c = summary.confusion
        print(f"\n{split}, {summary.n:,} {level}: TP {c.tp}  FP {c.fp}  FN {c.fn}  TN {c.tn}")
        for name in ("accuracy", "sensitivity", "specificity", "majority"):
            print(f"  {name:12} {_proportion(getattr(summary, name))}")
        if summary.kappa is not None:
            interval = "(no interval)"
            if summary.kappa_low is not None:
                interval = f"(95 % interval {summary.kappa_low:.2f} to {summary.kappa_high:.2f})"
            print(f"  {'kappa':12} {summary.kappa:6.2f}  {interval}")
        if summary.auroc is not None:
            interval = f"(95 % interval {summary.auroc_low:.3f} to {summary.auroc_high:.3f})"
            print(f"  {'AUROC':12} {summary.auroc:6.3f}  {interval}")


def _proportion(p: "Proportion") -> str:
    if p.value is None:
        return "none to count"
    return f"{p.value:6.1%}  {p.count}/{p.n}  (95 % interval {p.low:.1%} to {p.high:.1%})"
