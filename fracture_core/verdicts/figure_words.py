"""Names of figures, and a line on what each says and when it misleads.

In the spirit of Metrics Reloaded (Maier-Hein et al. 2024, Nature Methods 21:195-212): how well the
scores separate the labels, how the verdicts do at a justified threshold, whether a probability can
be taken at its word, and what mistakes cost.
"""

from fracture_core.verdicts.estimates import BINS
from fracture_core.verdicts.resampling import Interval

TITLES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "f1": "F1",
    "kappa": "Cohen's kappa",
    "auroc": "AUROC",
    "average_precision": "Average precision",
    "brier": "Brier score",
    "ece": "Calibration error",
    "expected_cost": "Expected cost",
}
PERCENT = ("accuracy", "balanced_accuracy", "sensitivity", "specificity", "ppv", "npv")  # as shares
NOTES = {
    "accuracy": "Share predicted correctly. Misleads where one label is rare: see the baseline.",
    "balanced_accuracy": "Mean of sensitivity and specificity; guessing has 50 %.",
    "sensitivity": "Share of the positive that is found. Says nothing about false alarms.",
    "specificity": "Share of the negative that is cleared. Says nothing about missed fractures.",
    "ppv": "Share of the alarms that are right. Changes with the prevalence.",
    "npv": "Share of the cleared that are negative. Changes with the prevalence.",
    "f1": "Harmonic mean of sensitivity and PPV. Ignores the true negatives.",
    "kappa": "Agreement beyond chance; MURA's own figure. Changes with the prevalence.",
    "auroc": "How well scores rank positive above negative, at every threshold; chance has 0.5.",
    "average_precision": "Mean PPV over all sensitivities; chance has the prevalence.",
    "brier": "Mean squared error of the probabilities; lower is better.",
    "ece": f"Mean gap between probability and frequency in {BINS} bins; grows with few cases.",
    "expected_cost": "Mean cost of a case, in false alarms; lower is better.",
}


def value(name: str, figure: Interval) -> str:
    """Format a figure: "67.5 %" or "0.672"; "" where it has no meaning."""
    if figure.value is None:
        return ""
    return f"{100 * figure.value:.1f} %" if name in PERCENT else f"{figure.value:.3f}"


def difference(name: str, gap: Interval) -> str:
    """Format a difference: "+8.3 points (-11.5 to +28.6)" or "-0.014 (-0.203 to +0.176)".

    Shares differ by points; "" where it has no meaning, no brackets without an interval.
    """
    if gap.value is None:
        return ""
    scale, digits, unit = (100, 1, " points") if name in PERCENT else (1, 3, "")
    words = f"{scale * gap.value:+.{digits}f}{unit}"
    if gap.low is None or gap.high is None:
        return words
    return f"{words} ({scale * gap.low:+.{digits}f} to {scale * gap.high:+.{digits}f})"


def interval(name: str, figure: Interval) -> str:
    """Format its interval: "60.6 to 73.7" or "0.612 to 0.731"; "" without one."""
    if figure.low is None or figure.high is None:
        return ""
    if name in PERCENT:
        return f"{100 * figure.low:.1f} to {100 * figure.high:.1f}"
    return f"{figure.low:.3f} to {figure.high:.3f}"
