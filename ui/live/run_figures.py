"""Figures of a run after an epoch, each with its n and interval, in a row of fixed places."""

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
import streamlit as st

from fracture_core.runs.run_folders import Run
from fracture_core.verdicts import metrics
from ui.cache import run_cache
from ui.shared import figures, theme

# Widths in px that no value changes: "Learning rate, epoch 9,999" in one line, and
# "171 of 194, 95 % interval 82.9 to 92.0 %".
RATE_PX, ACCURACY_PX = 170, 250
ROLES = ("dev", "valid")
NOTES = 2  # lines below a figure, even if empty: the row keeps its height


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A value after an epoch: its label, its text, and the notes below it."""

    label: str
    value: str
    notes: tuple[str, ...]


def show(run: Run, epoch: int | None, big: bool) -> None:
    """Draw the figures after an epoch, each with its n and interval.

    Each has its place from the start: nothing moves when values arrive.

    Args:
        run: the run shown.
        epoch: the epoch shown; `None` before the first one.
        big: for a lecture hall.
    """
    rate, *accuracies = run_cache.of_metrics(
        run, "figures", (epoch,), lambda epochs: _after(run, epochs, epoch)
    )
    with st.container(horizontal=True, gap="large"):
        if not big:
            _completed(run)
            _speed(run)
            _metric(rate.label, rate.value, rate.notes, width=RATE_PX)
        for each in accuracies:
            _metric(each.label, each.value, each.notes, big=big, width=ACCURACY_PX)


def _after(run: Run, epochs: pd.DataFrame, epoch: int | None) -> list[Figure]:
    """Learning rate, and the accuracy on each role's studies."""
    if epoch is not None:
        epochs = epochs[epochs["epoch"] <= epoch]
    last = epochs.iloc[-1] if len(epochs) else None
    majority = run_cache.majority(run.folder, "studies")
    roles = _evaluated_roles(run, epochs, majority)
    return [_rate(run, last), *(_accuracy(role, last, majority.get(role)) for role in roles)]


def _evaluated_roles(run: Run, epochs: pd.DataFrame, majority: dict[str, float]) -> list[str]:
    """The roles evaluated after each epoch, by what the run has written so far."""
    if len(epochs):
        return [role for role in ROLES if f"{role}.study_accuracy" in epochs]
    if majority:  # by the films that it has read
        return [role for role in ROLES if role in majority]
    return [role for role in ROLES if role != "dev" or run.config.dev_share]


def _accuracy(role: str, last: "pd.Series[Any] | None", baseline: float | None) -> Figure:
    """The share of a role's studies that are correct, beside the baseline."""
    label, value, counts = f"{role.capitalize()} accuracy (studies)", figures.MISSING, ""
    if last is not None:
        n = int(last[f"{role}.studies"])
        p = metrics.wilson(round(last[f"{role}.study_accuracy"] * n), n)
        label, value = f"{label}, epoch {last['epoch']:.0f}", figures.percent(p.value)
        counts = figures.with_interval(p)
    guess = f"baseline (always the majority class): {figures.percent(baseline)}" if baseline else ""
    return Figure(label=label, value=value, notes=(counts, guess))


def _completed(run: Run) -> None:
    """Completed epochs; the metrics have one that just ended before the status does."""
    done = max([run.status.epoch, *run_cache.completed_epochs(run)[-1:]])
    _metric("Epochs completed", f"{done:,} of {max(done, run.status.epochs):,}")


def _speed(run: Run) -> None:
    speed, probe = run.status.images_per_second, run.facts.get("probe")
    value = f"{speed:,.0f} films/s" if speed else figures.MISSING
    cores = theme.plural(probe["threads"] * probe.get("branches", 1), "core") if probe else ""
    reason = f"{cores}: {probe['why']}." if probe else None
    _metric("Training speed", value, (cores,), reason, width=RATE_PX)


def _rate(run: Run, last: "pd.Series[Any] | None") -> Figure:
    """The learning rate of an epoch, with its schedule."""
    schedule = run.config.schedule
    note = f"{schedule.kind} schedule" if schedule.kind != "constant" else ""
    if last is None:
        return Figure(label="Learning rate", value=figures.MISSING, notes=(note,))
    label = f"Learning rate, epoch {last['epoch']:.0f}"
    return Figure(label=label, value=f"{last['learning_rate']:.3g}", notes=(note,))


def _metric(
    label: str,
    value: str,
    notes: tuple[str, ...] = (),
    help: str | None = None,
    big: bool = False,
    width: int | Literal["content"] = "content",
) -> None:
    with st.container(width="content" if big else width, gap=None):
        if big:
            st.markdown(f"### {label}")
            st.markdown(f"# {value}")
            st.markdown("  \n".join(notes))
            return
        st.caption(label, help=help)
        st.markdown(f"#### {value}")
        lines = [*notes, *NOTES * [""]][:NOTES]
        st.caption("  \n".join(line or "&nbsp;" for line in lines))
