"""Learning curve in sentences."""

from fracture_core.learning_curve.curve import Curve, Level
from fracture_core.sweeps import sweep_words
from fracture_core.sweeps.contrasts import Contrast

NOUNS = {"studies": "study", "films": "film"}
TIMES = {2: "twice", 4: "four times"}
CHECKED = (
    "The band has been checked on simulated tables only, not on networks trained with more films."
)


def sentence(curve: Curve, name: str) -> str:
    """Return the forecast in a sentence, or the reason why there is none.

    Args:
        curve: the learning curve.
        name: "studies" or "films", whose accuracy is forecast.
    """
    level = curve.levels[name]
    basis = f"Basis: {sweep_words.basis(curve.answer)}."
    if level.refusal:
        return f"{level.refusal} {basis}"
    films = level.points[-1].films
    (factor, gain), *others = level.gains.items()
    words = (
        f"{TIMES[factor].capitalize()} the films (about {factor * films:,.0f} in place of "
        f"{films:,.0f}) would probably bring {sweep_words.points(gain.value)} points of "
        f"{NOUNS[name]} accuracy ({_bounds(gain)})"
    )
    for factor, gain in others:
        words += f"; {TIMES[factor]}, {sweep_words.points(gain.value)} ({_bounds(gain)})"
    return f"{words}. {basis}"


def _bounds(gain: Contrast) -> str:
    return f"{sweep_words.points(gain.low or 0.0)} to {sweep_words.points(gain.high or 0.0)}"


def brief(curve: Curve) -> str:
    """Return the result in a few words, for a line: "twice the films: +1.2 points (0.4 to 2.1)"."""
    level = curve.levels["studies"]
    if level.refusal:
        return "no forecast"
    factor, gain = next(iter(level.gains.items()))
    return f"{TIMES[factor]} the films: +{sweep_words.difference(gain)}"


def law(level: Level) -> str:
    """Return the law that fits best: "error = 0.0 % + 410.2 % × films^-0.50"; "" without one."""
    if level.laws is None or level.refusal:
        return ""
    floor, factor, exponent = level.laws.best
    return f"error = {100 * floor:.1f} % + {100 * factor:,.1f} % × films^-{exponent:.2f}"


def method(curve: Curve) -> str:
    """Return the method behind points and band."""
    caution = " The best epochs were chosen on these studies." if curve.answer.role == "dev" else ""
    return (
        "Each run trains on a share of the training patients, drawn by seed; a smaller share lies "
        "within a larger one, and the studies that are evaluated stay the same. Forecast: inverse "
        "power laws error = a + b × films^-c, all that fit, weighted by how well; the band holds "
        f"95 % of their weight. {CHECKED} It holds for more films of the same kind.{caution}"
    )
