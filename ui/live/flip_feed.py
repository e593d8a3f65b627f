"""The flip feed: studies whose prediction has just changed, and those repeatedly forgotten."""

import itertools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import streamlit as st

from fracture_core.analysis import trajectories
from fracture_core.analysis.trajectories import Flips, Trajectories
from fracture_core.prediction.training_patients import TrainingOverlap
from fracture_core.runs.run_folders import Run
from fracture_core.words import plural
from ui.cache import run_cache
from ui.live import pinned_studies, projector
from ui.shared import theme
from ui.shell import tab_data

EPOCHS = 5  # with changes that are shown
NAMED = 6  # studies of a change, each way
HEIGHT = 300  # px whatever changed: nothing below moves, not even at a run's end
FORGOTTEN = 6  # studies that were forgotten most often
TWICE = 2  # times: "repeatedly" begins here


@dataclass(frozen=True, kw_only=True)
class Feed:
    """The changes of a run up to an epoch.

    Args:
        role: "dev", else "valid".
        changes: the last ones, the newest first.
        forgotten: (row of `Trajectories.studies`, count) of the studies forgotten most often.
        often: number of studies forgotten more than once.
        n: studies of that role.
    """

    role: str
    changes: tuple[Flips, ...]
    forgotten: tuple[tuple[int, int], ...]
    often: int
    n: int


def show(run: Run, epoch: int) -> None:
    """Draw the changed and the repeatedly forgotten studies of dev, else of valid.

    Args:
        run: the run shown.
        epoch: the epoch shown; one with a table.
    """
    threshold = run.config.threshold
    feed = run_cache.of_tables(
        run.folder,
        ("flips", epoch, threshold),
        lambda whole: feed_of(trajectories.up_to(whole, epoch), threshold),
    )
    studies = run_cache.trajectories(run.folder).studies
    height: int | Literal["content"] = "content" if projector.panels() else HEIGHT
    left, right = st.columns(2, gap="large")
    with left:
        st.header("Recently changed", anchor=False)
        with st.container(height=height, border=False):
            if not feed.changes:
                st.caption(f"No {feed.role} study has changed yet.")
            for each in feed.changes:
                with st.container(gap="xsmall"):
                    st.markdown(_counted(each, feed.role))
                    _links("became right", each.became_right, run, studies)
                    _links("became wrong", each.became_wrong, run, studies)
    with right:
        st.header("Repeatedly forgotten", anchor=False)
        with st.container(height=height, border=False):
            _forgotten(run, feed, studies)


def feed_of(tables: Trajectories, threshold: float) -> Feed:
    """Return the feed of a run's tables up to an epoch."""
    roles = tables.studies["role"].to_numpy()
    role = "dev" if (roles == "dev").any() else "valid"
    changed = (
        each
        for each in trajectories.flips(tables, threshold, role)
        if each.became_right or each.became_wrong
    )
    counts = np.where(roles == role, trajectories.forgettings(tables, threshold), 0)
    order = np.argsort(-counts, kind="stable")[:FORGOTTEN]
    return Feed(
        role=role,
        changes=tuple(itertools.islice(changed, EPOCHS)),
        forgotten=tuple((int(row), int(counts[row])) for row in order if counts[row] >= TWICE),
        often=int((counts >= TWICE).sum()),
        n=int((roles == role).sum()),
    )


def _counted(each: Flips, role: str) -> str:
    right, wrong = len(each.became_right), len(each.became_wrong)
    return (
        f"Epoch {each.epoch}: **{right} became right, {wrong} wrong** of "
        f"{plural(each.n, f'{role} study')}"
    )


def _links(words: str, rows: tuple[int, ...], run: Run, studies: pd.DataFrame) -> None:
    if not rows:
        return
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        st.caption(words, width="content")
        for row in rows[:NAMED]:
            _link(run, studies, row)
        if len(rows) > NAMED:
            st.caption(f"and {len(rows) - NAMED} more", width="content")


def _link(run: Run, studies: pd.DataFrame, row: int, more: str = "") -> None:
    study = studies.iloc[row]
    shape = theme.FRACTURE if study["label"] else theme.NO_FRACTURE
    more += f", {TrainingOverlap.TRAINED.mark}" if study["trained_on"] else ""
    st.page_link(
        "pages/studies.py",
        label=f"{shape} {theme.plain(pinned_studies.named(study['key']))}{more}",
        query_params=tab_data.of_run(run, study["key"]),
        width="content",
    )


def _forgotten(run: Run, feed: Feed, studies: pd.DataFrame) -> None:
    """Studies that were right and then wrong more than once."""
    if not feed.often:
        st.caption(f"No {feed.role} study has been right and then wrong more than once.")
        return
    st.caption(
        f"{plural(feed.often, f'{feed.role} study')} of {feed.n} predicted correctly, then "
        "wrongly again, more than once."
    )
    with st.container(horizontal=True, gap="xsmall"):
        for row, count in feed.forgotten:
            _link(run, studies, row, f", {count} times")
