"""Facts set once for a run, behind one button: network, parent, tags, folder, command."""

import streamlit as st

from fracture_core.clusters import run_place
from fracture_core.config import setting_table
from fracture_core.runs import run_folders, run_labels, training_command
from fracture_core.runs.run_folders import Run
from fracture_core.words import plural
from ui.cache import run_cache
from ui.live import curve_panel
from ui.shared import theme
from ui.shell import owner, state

WIDTH = 440  # px of the content


def show(run: Run) -> None:
    """Draw the button; what is behind it is drawn only while it is open."""
    popover = st.popover(
        "About", icon=":material/info:", key=f"{state.ABOUT}-{run.name}", on_change="rerun"
    )
    if popover.open:
        with popover, st.container(width=WIDTH):
            _content(run)


def _content(run: Run) -> None:
    badge = theme.synthetic_badge() if run_cache.is_synthetic(run) else ""
    st.markdown(f"Run **{theme.plain(run.name)}** {badge}")
    labels = run_labels.read(run.folder)
    tags = " ".join(f":gray-badge[{theme.plain(tag)}]" for tag in labels.tags)
    if words := " ".join(filter(None, [tags, theme.plain(labels.note)])):
        st.markdown(words)
    _parent(run)
    running = ", running averages" if run.config.normalization == "running" else ""
    size = run.config.recipe.size
    st.markdown(f"Network: {theme.plain(run.config.network)}, {size} px{running}")
    if facts := run.facts.get("pretraining"):
        frozen = (
            f"; {plural(run.config.frozen_epochs, 'epoch')} frozen"
            if run.config.frozen_epochs
            else ""
        )
        st.markdown(
            f"From ImageNet weights{frozen}: {theme.plain(facts['file'])}, SHA-256 "
            f"{theme.plain(facts['sha256'][:12])}"
        )
    if pooling := run.config.study_pooling:
        words = curve_panel.POOLINGS[pooling]
        st.markdown(f"Learns from studies; their films are pooled: {words}")
    for setting, value in setting_table.changed(run.config, "regularization"):
        st.markdown(f"{setting.label}: {setting.words(value)}")
    if place := run_place.words(run.folder):
        st.markdown(f"Runs on: {theme.plain(place)}")
    if run.data.split_words:
        st.markdown(theme.plain(run.data.split_words))
    if not owner.is_owner():
        return  # what follows names folders of this machine
    st.caption("The same run from a terminal:")
    st.code(training_command.of_config(run.config), language="bash", wrap_lines=True)
    st.caption("Its folder:")
    st.code(str(run.folder), language=None, wrap_lines=True)


def _parent(run: Run) -> None:
    """The run and epoch that was forked; a link, unless that run was deleted."""
    parent = run.parent
    if not parent:
        return
    label = theme.plain(f"forked from {parent.run} at epoch {parent.epoch}")
    if run_folders.exists(parent.run):
        address = {state.RUN: parent.run}
        st.page_link(
            "pages/train.py", label=label, icon=":material/call_split:", query_params=address
        )
    else:
        st.caption(f"{label} (deleted)")
