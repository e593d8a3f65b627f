"""Floors beside the model's figures: what each would be without learning; and the twins' button."""

from typing import Any

import pandas as pd
import streamlit as st

from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.floors.evaluation_floors import OTHER_DATA, FloorSources
from fracture_core.floors.floor_figures import LEVELS, Floors
from fracture_core.floors.floor_scores import TITLES
from fracture_core.model_comparison import paired_figures
from fracture_core.models.model import Model
from fracture_core.reports import receipts
from fracture_core.reports.receipts import Receipt
from fracture_core.runs import run_status
from fracture_core.runs.run_status import State
from fracture_core.verdicts import estimates, figure_words
from ui.cache import data_cache
from ui.evaluate import floor_cache
from ui.shared import figures, job_progress, receipt, theme
from ui.shell import actions, owner, state

NAME_PX, NUMBER_PX = 215, 81
HELP = (
    "What the figures would be without learning. Number of views and mean brightness: the share "
    "of positive training cases with a number alike. The untrained twin has the network's random "
    "convolutions and a logistic regression; the other twin was trained on shuffled labels."
)
SHORT = {  # titles that are too wide for a column
    "balanced_accuracy": "Bal. acc.",
    "average_precision": "Avg. prec.",
    "kappa": "Kappa",
    "ece": "Cal. error",
    "expected_cost": "Cost",
}


def show(result: Evaluation, reference: str, model: Model) -> None:
    """Draw how much was learned, a row per floor, and the way to those that are missing."""
    kept = floor_cache.sources(reference).on(result.data.get("hash"))
    is_single = len(result.films) == len(result.studies())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Floors", anchor=False, help=HELP, width="content")
        level = "studies"
        if not is_single:
            level = st.segmented_control(
                "Floors of",
                list(LEVELS),
                default="studies",
                required=True,
                key=state.FLOOR_LEVEL,
                label_visibility="collapsed",
            )
    floors = floor_cache.of_result(reference, level, result)
    st.markdown(f"**{floors.sentence}**")
    st.dataframe(
        table(floors),
        hide_index=True,
        height="content",
        key="floors",
        column_config=_columns(),
    )
    own = floors.model["accuracy"]
    made = f" {kept.twins.sentence}" if kept.twins else ""
    st.caption(
        theme.plain(
            f"n = {paired_figures.cases(own.n, LEVELS[level], own.groups)}. The gap is paired: "
            f"bootstrap over patients.{made}"
        )
    )
    receipt.offer("floors", lambda: _receipt(result, model, level, floors))
    _twins(reference, model, kept)


def _receipt(result: Evaluation, model: Model, level: str, floors: Floors) -> Receipt:
    """The receipt of all floors of a level; a released model needs the data for its floors."""
    record = floors.to_dict()
    dataset = data_cache.dataset()
    return receipts.of_record(
        f"Floors {receipts.LEVELS[level]}",
        {key: record[key] for key in ("floors", "learned")},
        ("floors", level),
        result,
        model,
        method=f"{receipts.bootstrap(result, model)} The gap is paired: same resamples for both.",
        dataset=dataset if dataset.hash == result.data.get("hash") and not model.is_run else None,
    )


def table(floors: Floors) -> pd.DataFrame:
    """Return one row per predictor, the model first, with a column for each figure."""
    rows = {"this model": floors.model}
    rows |= {TITLES[name]: values for name, values in floors.floors.items()}
    return pd.DataFrame(
        [
            {
                "Predictor": title,
                **{
                    _title(name): figure_words.value(name, values[name]) or figures.MISSING
                    for name in estimates.NAMES
                },
            }
            for title, values in rows.items()
        ]
    )


def _title(name: str) -> str:
    return SHORT.get(name, figure_words.TITLES[name])


def _columns() -> dict[str, Any]:
    text = st.column_config.TextColumn
    numbers = {
        _title(name): text(width=NUMBER_PX, alignment="right", help=figure_words.NOTES[name])
        for name in estimates.NAMES
    }
    return {"Predictor": text(width=NAME_PX, pinned=True), **numbers}


def _twins(reference: str, model: Model, kept: FloorSources) -> None:
    """The reasons why floors are missing, the job's progress, or the button that starts it."""
    if not kept.missing:
        return
    folder = floor_cache.folder_of(reference)
    started = (folder / "asked.json").is_file()
    status = run_status.read(folder) if started else None
    if status and status.state.alive:
        films = "Films that were read are kept; the twins start over."
        job_progress.watch(folder, "twins", films)
        return
    if status and status.state is State.FAILED:
        st.error(theme.plain(status.message), icon=":material/error:")
    if kept.training is None or OTHER_DATA in kept.missing:
        need = "" if model.card.members else "More floors need the training films as data in use. "
        st.caption(theme.plain(need + " ".join(map(owner.discreet, kept.missing))))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        owner.button(
            "Make the twins",
            icon=":material/content_copy:",
            on_click=actions.pressed,
            args=(actions.make_twins, reference, data_cache.dataset()),
            key="make-twins",
        )
        st.caption(theme.plain(" ".join(kept.missing)))
