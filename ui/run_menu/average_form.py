"""The form for a model with the mean of a run's weights over kept epochs, and its job."""

import streamlit as st

from fracture_core.errors import FractureError
from fracture_core.models import model_names
from fracture_core.releases import averaged_epochs, epoch_average, epoch_average_job
from fracture_core.runs import run_status
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State
from fracture_core.words import ranges
from ui.shared import job_progress, theme
from ui.shell import actions, owner, state


def show(run: Run) -> None:
    """Draw the fields and the button, or the progress of the job; nothing before two epochs."""
    usual = averaged_epochs.usual(run)
    if run.status.state.alive or len(usual) < averaged_epochs.FEWEST:
        return
    st.markdown("**Average of epochs**")
    folder = epoch_average_job.folder_of(run.name)
    started = (folder / "asked.json").is_file()
    job = run_status.read(folder) if started else None
    if job and job.state.alive:
        job_progress.watch(folder, f"average-{run.name}", "No model is made.")
        return
    st.caption(
        f"A model with the mean of this run's weights after some epochs. {epoch_average.WHEN} "
        "The run stays unchanged; compare both on Evaluate."
    )
    left, right = st.columns(2)
    left.text_input(
        "Name of the model",
        key=f"{state.AVERAGE_NAME}-{run.name}",
        max_chars=40,
        placeholder=_usual_name(run.name),
    )
    right.text_input(
        "Epochs",
        key=f"{state.AVERAGE_EPOCHS}-{run.name}",
        max_chars=400,
        placeholder=ranges(usual).replace(" to ", "-"),
        help="As in 3-5,8. By default the last half of the epochs whose weights are kept.",
    )
    owner.button(
        "Average the weights",
        icon=":material/functions:",
        key="average-weights",
        on_click=_start,
        args=(run.name,),
    )
    if refused := st.session_state.get(f"{state.REFUSED_AVERAGE}-{run.name}"):
        st.error(theme.plain(refused), icon=":material/error:")
    elif job and job.state in (State.FAILED, State.INTERRUPTED):
        st.error(theme.plain(job.message), icon=":material/error:")
    _made(run)


def _usual_name(run: str) -> str:
    return f"{run[:35]}-mean"


def _start(run: str) -> None:
    """Start the job that the fields describe, or keep the error to show beside the button."""
    name = st.session_state[f"{state.AVERAGE_NAME}-{run}"].strip() or _usual_name(run)
    epochs = st.session_state[f"{state.AVERAGE_EPOCHS}-{run}"]
    st.session_state.pop(f"{state.REFUSED_AVERAGE}-{run}", None)
    try:
        actions.average_weights(run, name, averaged_epochs.parse(epochs))
    except FractureError as error:
        st.session_state[f"{state.REFUSED_AVERAGE}-{run}"] = str(error)


def _made(run: Run) -> None:
    """Link to the model that the job has made, while there is one."""
    try:
        name = epoch_average_job.model_of(run.name)
    except FractureError:  # its request is damaged: the next start replaces it
        return
    if name in model_names.released():
        dev = {state.FILMS: "dev"} if run.data.images.get("dev") else {}
        st.page_link(
            "pages/evaluate.py",
            label=f"Evaluate {theme.plain(name)}",
            icon=":material/fact_check:",
            query_params={state.MODEL: name, **dev},
        )
