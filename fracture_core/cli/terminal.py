"""Output to a terminal: the progress line, the figures of an evaluation, TensorFlow without notes.

Progress is written to standard error, and only if that is a terminal.
"""

import json
import math
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TextIO

from fracture_core.jobs.heavy_imports import lean
from fracture_core.jobs.worker import time_left
from fracture_core.words import clean, duration, plural, short

if TYPE_CHECKING:
    import pandas as pd

    from fracture_core.floors.floor_figures import Floors
    from fracture_core.model_comparison.model_pair import ModelPair
    from fracture_core.verdicts.resampling import Interval

NOUNS = ("study", "image")  # of the levels of `estimates.of_films`, in their order
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
        with lean():
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
    from fracture_core.verdicts import aggregation, estimates, figure_words

    counted = aggregation.summaries(films, threshold)
    levels = estimates.of_films(films, threshold, prevalence, cost_ratio)
    patients = levels["studies"]["accuracy"].groups
    counts = [plural(counted[level].n, noun) for level, noun in zip(levels, NOUNS, strict=True)]
    if patients < counted["images"].n:  # else each film counts as a patient of its own
        counts.append(plural(patients, "patient"))
    print(f"\n{split}: {', '.join(counts)}")
    _print_row("", levels)
    cells = (counted[level].confusion for level in levels)
    _print_row("", (f"TP {c.tp}  FP {c.fp}  FN {c.fn}  TN {c.tn}" for c in cells))
    shares = (counted[level].majority.value or 0.0 for level in levels)
    _print_row("Baseline", (f"{100 * share:.1f} %" for share in shares))
    for name in estimates.NAMES:
        title = figure_words.TITLES[name]
        _print_row(title, (_figure(name, levels[level][name]) for level in levels))
    if prevalence is not None:
        print(f"  PPV, NPV and cost: at a prevalence of {100 * prevalence:g} %")


def _print_row(title: str, cells: Iterable[str]) -> None:
    print(f"  {title:18}{''.join(f'{cell:{COLUMN}}' for cell in cells)}".rstrip())


def _figure(name: str, figure: "Interval") -> str:
    """Return a figure with interval and n: "67.5 % (60.6 to 73.7), n = 194"."""
    from fracture_core.verdicts import figure_words

    bounds = figure_words.interval(name, figure)
    value = figure_words.value(name, figure) or "-"
    return f"{value}{f' ({bounds})' if bounds else ''}, n = {figure.n:,}"


def print_floors(floors: "Floors") -> None:
    """Print figures of a model's floors beside its own, and how much of them was learned."""
    from fracture_core.floors.floor_scores import TITLES
    from fracture_core.verdicts import figure_words

    names = ("accuracy", "balanced_accuracy", "auroc", "brier")
    rows = {"this model": floors.model}
    rows |= {TITLES[name]: figures for name, figures in floors.floors.items()}
    print(f"\n  {'Floors':34}" + "".join(f"{figure_words.TITLES[name]:20}" for name in names))
    for title, figures in rows.items():
        cells = (figure_words.value(name, figures[name]) or "-" for name in names)
        print(f"  {title:34}{''.join(f'{cell:20}' for cell in cells)}".rstrip())
    print(f"  {floors.sentence}")


def print_pair(pair: "ModelPair") -> None:
    """Print every figure of two models, and the difference with its interval."""
    from fracture_core.model_comparison import paired_figures
    from fracture_core.verdicts import figure_words

    _print_row("", (*map(short, map(clean, pair.models)), "difference (95 % interval)"))
    for name, three in pair.figures.items():
        cells = [figure_words.value(name, each) or "-" for each in three[:2]]
        cells.append(figure_words.difference(name, three[2]) or "-")
        _print_row(figure_words.TITLES[name], cells)
    print(f"  n = {paired_figures.cases(pair.studies, 'study', pair.patients)}")
