"""Figures of a run after an epoch, each with its n and interval, in a row of fixed places."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from fracture_core.reports import receipts
from fracture_core.runs.run_facts import SHARED_PATIENTS
from fracture_core.runs.run_folders import Run
from fracture_core.verdicts import closed_intervals
from fracture_core.words import plural
from ui.cache import run_cache
from ui.live import projector
from ui.shared import figures, receipt

# Widths in px that no value changes: nothing moves when a number grows.
ACCURACY_PX, RATE_PX, SPEED_PX = 350, 215, 120
ROLES = ("dev", "valid")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A value after an epoch: its label, its text, and the notes beside it."""

    label: str
    value: str
    note: str = ""


def show(run: Run, epoch: int | None, big: bool) -> None:
    """Draw the figures after an epoch in one line, each with its n and interval.

    Each has its place from the start: nothing moves when values arrive.

    Args:
        run: the run shown.
        epoch: the epoch shown; `None` before the first one.
        big: for a lecture hall.
    """
    rate, *accuracies = run_cache.of_metrics(
        run, "figures", (epoch,), lambda epochs: _after(run, epochs, epoch)
    )
    if big:
        projector.line("; ".join(f"{a.label} {a.value} {a.note}" for a in accuracies))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        for each in accuracies:
            _draw(each, ACCURACY_PX)
        _draw(rate, RATE_PX)
        _speed(run)
    if run.data.without_patients:
        st.caption(SHARED_PATIENTS)


def offer_receipt(run: Run, epoch: int | None) -> None:
    """Draw the button that opens the receipts of the figures after an epoch."""
    makes = [
        partial(receipts.of_epoch, run.folder, epoch or 0, role)
        for role in ROLES
        if epoch and role in run_cache.majority(run.folder, "studies")
    ]
    receipt.offer("run", *makes, disabled=not makes)


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
    label, guess = f"{role.capitalize()} studies", f"; baseline {figures.percent(baseline)}"
    guess = guess if baseline else ""
    if last is None:
        return Figure(label=label, value=figures.MISSING, note=guess.removeprefix("; "))
    n = int(last[f"{role}.studies"])
    p = closed_intervals.wilson(round(last[f"{role}.study_accuracy"] * n), n)
    counts = f"of {n:,} ({figures.interval(p)}{guess})"
    return Figure(label=label, value=figures.percent(p.value), note=counts)


def _rate(run: Run, last: "pd.Series[Any] | None") -> Figure:
    """The learning rate of an epoch, with its schedule."""
    schedule = run.config.schedule
    note = f"({schedule.kind})" if schedule.kind != "constant" else ""
    value = figures.MISSING if last is None else f"{last['learning_rate']:.3g}"
    label = "Rate" if last is None else f"Epoch {last['epoch']:.0f}, rate"
    return Figure(label=label, value=value, note=note)


def _speed(run: Run) -> None:
    speed, probe = run.status.images_per_second, run.facts.get("probe")
    value = f"{speed:,.0f}" if speed else figures.MISSING
    cores = plural(probe["threads"] * probe.get("branches", 1), "core") if probe else ""
    reason = f"{cores}: {probe['why']}." if probe else None
    _draw(Figure(label="", value=value, note="films/s"), SPEED_PX, reason)


def _draw(figure: Figure, width: int, help: str | None = None) -> None:
    words = f"{figure.label} **{figure.value}** {figure.note}".strip()
    st.markdown(f":small[{words}]", width=width, help=help)
