"""The demo: one click starts a short run on the data in use."""

import contextlib
from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from fracture_core.config.presets import preset
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import exclusions
from fracture_core.errors import DataError, RunNameTaken
from fracture_core.words import duration, plural
from ui.cache import curation_cache, data_cache, run_cache
from ui.data.audit_panel import FILMS_A_SECOND
from ui.shared import theme
from ui.shell import actions, owner, state, tab_data
from ui.train import cost, run_name, training_film_cache

SHOWN = 700  # films per epoch at most: about as many as the phantom's training films


def button(above: Callable[[], None] | None = None) -> None:
    """Draw the button, and beside it what it starts; `above` draws what stands above that."""
    with st.container(horizontal=True, vertical_alignment="center"):
        owner.button(
            "Start a demo run",
            type="primary",
            icon=":material/play_arrow:",
            key="demo",
            disabled=not _can_start(),
            on_click=_start,
            args=(run_name.token(),),
        )
        with st.container(gap=None):
            if above:
                above()
            words, details = _words()
            st.caption(words, help=details or None)
    if name := st.session_state.pop(state.OPEN_RUN, None):
        st.switch_page("pages/train.py", query_params={state.RUN: name})


def _can_start() -> bool:
    """Return whether there are films to train on, or some are being generated."""
    try:
        data_cache.dataset()
    except DataError:
        return data_cache.phantom_is_growing()
    return True


def config() -> TrainConfig:
    """Return the demo's settings on the data in use.

    It excludes the ticked films, uses corrected labels, and limits an epoch to a number of films
    that a room can wait for.
    """
    choice = tab_data.choice()
    base = preset("demo", str(choice.root), positive=choice.positive, table=choice.table)
    try:
        digest = data_cache.dataset().hash
    except DataError:  # missing or still being generated: the run reports it
        return base
    if data_cache.exclusions(digest).reasons:
        base = replace(base, exclude=str(exclusions.file_of(digest)))
    if curation_cache.corrected(digest).items:
        base = replace(base, corrections=True)
    if len(training_film_cache.films_learned_from(base)) > SHOWN:
        base = replace(base, steps_per_epoch=SHOWN // base.batch_size)
    return base


def _start(token: str) -> None:
    name = f"demo-{token}"
    with actions.errors_shown():
        with contextlib.suppress(RunNameTaken):  # the second click of a double click
            actions.start_run(config(), name)
        run_name.new_token()
        st.session_state[state.OPEN_RUN] = name


def _words() -> tuple[str, str]:
    """The demo in a few words, and the details: what the estimate rests on, what comes first."""
    chosen = config()
    words = f"Three convolutions, {chosen.epochs} epochs"
    try:
        dataset = data_cache.dataset()
    except DataError:
        return f"{words}.", ""
    films = len(training_film_cache.films_learned_from(chosen))
    shown = (chosen.steps_per_epoch or 0) * chosen.batch_size
    many = plural(films, "training film")
    words += f" of {shown:,} films, drawn from {many}" if shown else f" of {many}"
    details = [cost.sources(chosen, films)]
    if ticked := len(data_cache.exclusions(dataset.hash).reasons):
        details.append(f"Excludes the {plural(ticked, 'film')} ticked on the Data page.")
    if chosen.corrections:
        count = len(curation_cache.corrected(dataset.hash).items)
        details.append(f"Uses {plural(count, 'corrected label')}.")
    if not _were_read(dataset.hash, chosen):
        count = len(dataset.manifest)
        seconds = duration(max(1, count / FILMS_A_SECOND))
        details.append(f"Reading {plural(count, 'film')} first: {seconds}, once.")
    time = cost.time_of(chosen, films)
    return theme.plain(f"{words}. {time}."), theme.plain(" ".join(details))


def _were_read(digest: str, chosen: TrainConfig) -> bool:
    """Return whether these films' pixels are cached: a run has read them at this size before."""
    return any(
        run.data.hash == digest and run.config.recipe == chosen.recipe
        for run in run_cache.runs_now()
    )
