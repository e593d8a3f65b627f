"""Accuracy of a model at the threshold, in a line; the rest about it is folded."""

import streamlit as st

from fracture_core.models.model import Model
from fracture_core.runs import run_facts, run_status
from fracture_core.runs.run_facts import SHARED_PATIENTS
from fracture_core.verdicts.closed_intervals import Proportion
from ui.cache import model_cache
from ui.diagnose import verdict_receipt
from ui.shared import figures, receipt, theme
from ui.shell import actions, owner

POLL_SECONDS = 1.0  # while a gate is being fitted


def show(reference: str, model: Model, threshold: float) -> None:
    """Show sensitivity and specificity at this threshold, and more about the model on request."""
    summary = model.at_threshold(threshold)["studies"] if len(model.dev_films) else None
    if summary:
        words = [
            f"{name} **{figures.percent(value.value)}** ({figures.with_interval(value)})"
            for name, value in (
                ("Sensitivity", summary.sensitivity),
                ("specificity", summary.specificity),
            )
        ]
        shared = f" {SHARED_PATIENTS}" if model.card.data.without_patients else ""
        st.markdown(f":small[{', '.join(words)} on its dev studies.{shared}]")
    else:
        st.markdown(f":small[{theme.plain(model.card.no_dev_words)}: accuracy unknown.]")
    with st.expander("About this model", key="about-model"):
        if summary:
            _figures(model, threshold)
            receipt.offer("dev", lambda: verdict_receipt.of_dev(model, threshold))
        st.caption(theme.plain(model.card.label_meaning))
        _gate(reference, model)
    st.caption("Not a medical device.")


def _figures(model: Model, threshold: float) -> None:
    """Both figures of studies and films with their intervals."""
    summaries = model.at_threshold(threshold)
    st.markdown(f"**On {summaries['studies'].n:,} dev studies at this threshold**")
    for level in ("studies", "images"):
        for name in ("sensitivity", "specificity"):
            _figure(level, name, getattr(summaries[level], name))
    facts = model.dev_corrections
    labels = f"Dev: {run_facts.corrections_words(facts)}" if facts else ""
    words = (model.card.dev_words, labels, model.card.data.split_words)
    st.caption(theme.plain(" ".join(each for each in words if each)))


def _figure(level: str, name: str, value: Proportion) -> None:
    """A figure; that of studies is large, that of images small below it."""
    words = f"{figures.percent(value.value)} ({figures.with_interval(value)})"
    if level == "images":
        st.caption(f"Images: {name} {words}.")
        return
    with st.container(gap=None, width="content"):
        st.metric(name.capitalize(), figures.percent(value.value), width="content")
        st.caption(figures.with_interval(value))


def _gate(reference: str, model: Model) -> None:
    """Describe a model's gate; offer to fit a run's gate."""
    if model.gate:
        st.caption(
            "Films that look unlike the training films are set aside and do not count unless you "
            "tick them."
        )
        return
    if not model.is_run:
        st.caption("Without a gate, it cannot detect films unlike its training films.")
        return
    status = model_cache.gate_status(reference)
    if status is not None and status.state.alive:
        _wait(reference)
        return
    st.caption("This run has no gate yet: it cannot detect films unlike its training films.")
    if status is not None and status.state is run_status.State.FAILED:
        st.warning(theme.plain(status.message))
    owner.button(
        "Fit its gate",
        on_click=actions.pressed,
        args=(actions.fit_gate, reference),
        help="Measures its training films once, in the background; takes seconds.",
    )


def _wait(reference: str) -> None:
    """Show that a gate is being fitted; rerun the page once it is."""

    @st.fragment(run_every=POLL_SECONDS)
    def look() -> None:
        status = model_cache.gate_status(reference)
        if status is None or not status.state.alive:
            st.rerun()
        st.caption("Fitting the run's gate on its training films…")

    look()
