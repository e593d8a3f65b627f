"""Output of a learning curve: its forecast and points, as lines or as JSON."""

from dataclasses import asdict
from typing import Any

from fracture_core.cli import terminal
from fracture_core.learning_curve import curve_words
from fracture_core.learning_curve.curve import LEVELS, Curve, Level
from fracture_core.sweeps.sweep import Sweep


def show(value: Sweep, own: Curve, as_json: bool) -> None:
    """Print a learning curve, see `curve.of_runs`."""
    if as_json:
        terminal.print_json(record(value, own))
        return
    for name in LEVELS:
        level, law = own.levels[name], curve_words.law(own.levels[name])
        terminal.print_line(f"{name.capitalize()}: {curve_words.sentence(own, name)}")
        for point in level.points:
            accuracy = point.accuracy
            bounds = ""
            if accuracy.low is not None and accuracy.high is not None:
                bounds = f" ({100 * accuracy.low:.1f} to {100 * accuracy.high:.1f})"
            of_seeds = ", ".join(f"{x:.1%}" for x in point.by_seed)
            terminal.print_line(
                f"  {point.share:4.0%}  {point.films:8,.0f} films  {accuracy.value:6.1%}{bounds}, "
                f"n = {accuracy.n:,}  ({of_seeds})"
            )
        if law:
            terminal.print_line(f"  best law: {law}")
        print()
    terminal.print_line(curve_words.method(own))


def record(value: Sweep, own: Curve) -> dict[str, Any]:
    """Return a learning curve as plain data."""
    return {
        "learning_curve": value.name,
        "split": own.answer.role,
        "seeds": own.answer.seeds,
        "studies": own.answer.studies,
        "patients": own.answer.patients,
        **{name: _level(own, name, level) for name, level in own.levels.items()},
        "band_checked": "on simulated tables only",
        "method": curve_words.method(own),
    }


def _level(own: Curve, name: str, level: Level) -> dict[str, Any]:
    laws = level.laws
    return {
        "sentence": curve_words.sentence(own, name),
        "forecasts": not level.refusal,
        "points": [asdict(point) for point in level.points],
        "law": dict(zip("abc", laws.best, strict=True)) if laws and not level.refusal else None,
        "gains": [{"times": factor, **asdict(gain)} for factor, gain in level.gains.items()],
    }
