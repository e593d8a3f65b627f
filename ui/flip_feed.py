"""The flip feed: which studies a run has just learned or lost, and which it forgets."""

import itertools

import numpy as np
import streamlit as st

from fracture_core import trajectories
from fracture_core.runs import Run
from fracture_core.training_patients import Acquaintance
from fracture_core.trajectories import Flips, Trajectories
from ui import pinned_studies, projector, reading, theme

EPOCHS = 5  # of changes that are told
NAMED = 6  # studies of a change, each way
HEIGHT = 300  # px whatever changed: what is below keeps its place, at a run's end too
FORGOTTEN = 6  # studies that were forgotten most often
TWICE = 2  # times: "again and again" begins here


def show(run: Run, found: Trajectories) -> None:
    """What changed, of dev, else of valid, and what is forgotten again and again.

    Args:
        run: whose.
        found: its tables up to the epoch that is looked at.
    """
    roles = found.studies["role"]
    role = "dev" if (roles == "dev").any() else "valid"
    changed = (
        each
        for each in trajectories.flips(found, run.config.threshold, role)
        if each.became_right or each.became_wrong
    )
    changes = list(itertools.islice(changed, EPOCHS))
    height = "content" if projector.panels() else HEIGHT
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Just changed sides", anchor=False)
        with st.container(height=height, border=False):
            if not changes:
                st.caption(f"No {role} study has changed sides yet.")
            for each in changes:
                with st.container(gap="xsmall"):
                    st.markdown(_counted(each, role))
                    _links("became right", each.became_right, run, found)
                    _links("became wrong", each.became_wrong, run, found)
    with right:
        st.subheader("Forgotten again and again", anchor=False)
        with st.container(height=height, border=False):
            _forgotten(run, found, role)


def _counted(each: Flips, role: str) -> str:
    right, wrong = len(each.became_right), len(each.became_wrong)
    return (
        f"Epoch {each.epoch}: **{right} became right, {wrong} wrong** of "
        f"{theme.plural(each.n, f'{role} study')}"
    )


def _links(words: str, rows: tuple[int, ...], run: Run, found: Trajectories) -> None:
    if not rows:
        return
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        st.caption(words, width="content")
        for row in rows[:NAMED]:
            _link(run, found, row)
        if len(rows) > NAMED:
            st.caption(f"and {len(rows) - NAMED} more", width="content")


def _link(run: Run, found: Trajectories, row: int, more: str = "") -> None:
    study = found.studies.iloc[row]
    shape = theme.FRACTURE if study["label"] else theme.NO_FRACTURE
    more += f", {Acquaintance.TRAINED.mark}" if study["trained_on"] else ""
    st.page_link(
        "pages/studies.py",
        label=f"{shape} {theme.plain(pinned_studies.named(study['key']))}{more}",
        query_params=reading.of_run(run, study["key"]),
        width="content",
    )


def _forgotten(run: Run, found: Trajectories, role: str) -> None:
    """Studies that were right and then wrong more than once."""
    counts = trajectories.forgettings(found, run.config.threshold)
    counts = np.where(found.studies["role"] == role, counts, 0)
    often = [row for row in np.argsort(-counts, kind="stable") if counts[row] >= TWICE]
    if not often:
        st.caption(f"No {role} study has been right and then wrong more than once.")
        return
    st.caption(
        f"{theme.plural(len(often), f'{role} study')} of {(found.studies['role'] == role).sum()} "
        "judged right, and wrong again, more than once."
    )
    with st.container(horizontal=True, gap="xsmall"):
        for row in often[:FORGOTTEN]:
            _link(run, found, row, f", {counts[row]} times")
