"""Learning curve beside Start: how many seeds, what it takes, and its button."""

import streamlit as st

from fracture_core.config.train_config import TrainConfig
from fracture_core.learning_curve import curve
from fracture_core.runs.run_labels import Labels
from fracture_core.sweeps import sweep
from fracture_core.sweeps.sweep import Sweep
from ui.shared import theme
from ui.shell import owner, state
from ui.train import beside_start, cost, run_name, sweep_form
from ui.train.run_name import RunLabels

WIDTH = 380  # px of the content


def offer(config: TrainConfig, films: int, own: RunLabels | None) -> None:
    """Draw the popover beside Start.

    Args:
        config: settings that all runs share.
        films: training films of a run.
        own: name, tags and note; `None` where they cannot be used.
    """
    beside_start.offer(
        "Learning curve",
        ":material/trending_up:",
        state.CURVE_OPEN,
        WIDTH,
        lambda: _content(config, films, own),
    )


def _content(config: TrainConfig, films: int, own: RunLabels | None) -> None:
    *some, last = (f"{share:.0%}" for share in curve.SHARES)
    st.markdown(
        f"How many more films? The same run on {', '.join(some)} and {last} of the "
        "training patients. It ends in a sentence: what twice the films would probably bring, or "
        "why that cannot be said.",
        help="A smaller share lies within a larger one. Dev and valid films stay the same, so that "
        "only training differs.",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seeds = int(
            st.number_input(
                "Seeds",
                *sweep.SEEDS,
                curve.SEEDS,
                key=state.CURVE_SEEDS,
                width=140,
                help="Trainings at each share. One gives points and no forecast.",
            )
        )
        value = curve.plan(config, seeds)
        owner.button(
            f"Start {len(value.planned)} runs",
            type="primary",
            icon=":material/play_arrow:",
            key="start-learning-curve",
            disabled=own is None,
            on_click=_start,
            args=(value, own, run_name.token()),
            help="They wait in the queue, the first seed of every share first, continue without "
            "this page, and are one line on Runs.",
        )
    st.caption(theme.plain(cost.of_sweep(value, films)))


def _start(value: Sweep, own: RunLabels | None, token: str) -> None:
    """Start the learning curve once, even after a double click, and open it on Runs."""
    own = own or RunLabels(name="", labels=Labels())
    sweep_form.start(value, own.name or f"learning-curve-{token}", own.labels)
