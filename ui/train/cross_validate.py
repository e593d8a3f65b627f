"""Cross-validation beside Start: the number of folds, what it takes, and its button."""

import streamlit as st

from fracture_core.config.limits import LIMITS
from fracture_core.config.train_config import TrainConfig
from fracture_core.cross_validation import folds
from fracture_core.curation import curated_data
from fracture_core.errors import ConfigError, DataError
from fracture_core.runs.run_labels import Labels
from ui.cache import data_cache
from ui.run_groups import group_cache
from ui.shared import theme
from ui.shell import actions, owner, state
from ui.train import beside_start, cost, run_name
from ui.train.run_name import RunLabels

WIDTH = 380  # px of the content


def offer(config: TrainConfig, films: int, own: RunLabels | None) -> None:
    """Draw the popover beside Start.

    Args:
        config: settings of every fold's run.
        films: training films of one run of the whole.
        own: name, tags and note; `None` where they cannot be used.
    """
    beside_start.offer(
        "Cross-validate",
        ":material/splitscreen:",
        state.FOLDS_OPEN,
        WIDTH,
        lambda: _content(config, films, own),
    )


def _content(config: TrainConfig, films: int, own: RunLabels | None) -> None:
    unit = "patients" if data_cache.dataset().patients else "films"
    together = " and families of copies" if config.families else ""
    st.markdown(
        f"A run per fold, each trained without its {unit}. Every film is predicted by the run "
        "that has not seen it.",
        help=f"For small data: figures on all training films. The training {unit}{together} are "
        "split into folds of equal size, with both labels in each.",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        count = int(st.number_input("Folds", *LIMITS.folds, 5, key=state.FOLDS, width=140))
        refusal = _refusal(config, count)
        owner.button(
            f"Start {count} runs",
            type="primary",
            icon=":material/play_arrow:",
            key="start-folds",
            disabled=bool(refusal) or own is None,
            on_click=_start,
            args=(config, count, own, run_name.token()),
            help="They wait in the queue, continue without this page, and are one line on Runs.",
        )
    st.caption(theme.plain(refusal or cost.of_folds(config, films, count)))


def _refusal(config: TrainConfig, count: int) -> str:
    """Reason why these films cannot be split into so many folds; "" if they can."""
    data = data_cache.dataset()
    families = data_cache.families(data.hash) if config.families else None
    try:
        curated = curated_data.of_config(data, config).dataset
        folds.draw(curated.manifest, count, config.seed, config.parts, families)
    except (ConfigError, DataError) as error:
        return str(error)
    return ""


def _start(config: TrainConfig, count: int, own: RunLabels | None, token: str) -> None:
    """Start the group once, even after a double click, and open it on Runs."""
    own = own or RunLabels(name="", labels=Labels())
    name = own.name or f"{config.architecture}-cv-{token}"
    with actions.errors_shown():
        actions.cross_validate(config, count, name, own.labels)
        group_cache.refresh()
        run_name.new_token()
        run_name.clear()
        st.session_state[state.NEW_GROUP] = name
