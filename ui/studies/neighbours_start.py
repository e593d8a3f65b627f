"""Start and progress of the job that compares all films, wherever its result is missing."""

import streamlit as st

from fracture_core.datasets.catalog import Dataset
from fracture_core.neighbours.neighbours_job import Neighbours
from fracture_core.runs import run_status
from fracture_core.runs.run_status import State
from fracture_core.words import plural
from ui.cache import model_cache
from ui.shared import job_progress, theme
from ui.shell import actions, owner
from ui.studies import neighbour_cache


def ready(data: Dataset) -> Neighbours | None:
    """Return what films are compared by; else draw why it is missing, and the next step."""
    if not data.complete:
        st.caption("Films can be compared once all of them are generated.")
        return None
    folder = neighbour_cache.folder(data)
    if folder is None:
        st.caption("Films are compared by a model, and none is in use. Pick one beside the wall.")
        return None
    # Status first: once it says that the process has ended, its files are final.
    status = run_status.read(folder) if (folder / "asked.json").is_file() else None
    if status and status.state.alive:
        job_progress.watch(folder, "neighbours", "What is finished is kept.")
        return None
    made = neighbour_cache.neighbours(data)
    if made is None:
        stopped = status and status.state is not State.FINISHED
        _ask(data, status.message if status and stopped else "")
    return made


def _ask(data: Dataset, message: str) -> None:
    """Draw the button that starts or continues the work, and how the last try ended."""
    if message:
        st.warning(theme.plain(message))
    name, films = model_cache.model_in_use(), plural(len(data.manifest), "film")
    with st.container(horizontal=True, vertical_alignment="center"):
        owner.button(
            "Continue comparing" if message else "Compare all films",
            icon=":material/scatter_plot:",
            on_click=actions.pressed,
            args=(actions.make_neighbours, name, data),
            key="make-neighbours",
        )
        st.caption(
            theme.plain(
                f"Opens {films} once and compares them by the last layer of {name}. It is done "
                "once for each model and data set, and can be stopped."
            )
        )
