"""Sweep beside Start: what varies, how many seeds, what it takes, and its button."""

import streamlit as st

from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import ConfigError, ModelError
from fracture_core.networks import network_size
from fracture_core.pretrained import imagenet_files
from fracture_core.runs.run_labels import Labels
from fracture_core.sweeps import axes, sweep
from fracture_core.sweeps.axes import Axis
from fracture_core.sweeps.sweep import Sweep
from ui.run_groups import group_cache
from ui.shared import theme
from ui.shell import actions, owner, state
from ui.train import beside_start, cost, run_name
from ui.train.run_name import RunLabels

WIDTH = 420  # px of the content
EXAMPLES = {"learning_rate": "0.001, 0.0003", "recipe.size": "32, 64", "batch_size": "10, 32"}


def offer(config: TrainConfig, films: int, own: RunLabels | None) -> None:
    """Draw the popover beside Start.

    Args:
        config: settings that all runs share.
        films: training films of a run.
        own: name, tags and note; `None` where they cannot be used.
    """
    beside_start.offer(
        "Sweep", ":material/tune:", state.SWEEP_OPEN, WIDTH, lambda: _content(config, films, own)
    )


def _content(config: TrainConfig, films: int, own: RunLabels | None) -> None:
    st.markdown(
        "Several values of up to three settings, each with several seeds. It ends in a sentence: "
        "which value is better, by how much, or a tie."
    )
    chosen = st.multiselect(
        "Settings to vary",
        list(axes.offered()),
        ["learning_rate"],
        format_func=lambda path: axes.offered()[path].label,
        max_selections=axes.MOST,
        key=state.SWEPT,
    )
    texts = {path: _values(config, path) for path in chosen}
    seeds = int(
        st.number_input(
            "Seeds",
            *sweep.SEEDS,
            3,
            key=state.SWEEP_SEEDS,
            width=140,
            help="Trainings of each combination. One cannot tell settings apart; three show large "
            "differences, five smaller ones.",
        )
    )
    value, refusal = _planned(config, texts, seeds)
    runs = len(value.planned) if value else 0
    owner.button(
        f"Start {runs} runs" if runs else "Start",
        type="primary",
        icon=":material/play_arrow:",
        key="start-sweep",
        disabled=value is None or own is None,
        on_click=_start,
        args=(value, own, run_name.token()),
        help="They wait in the queue, the first seed of every combination first, continue without "
        "this page, and are one line on Runs.",
    )
    st.caption(theme.plain(cost.of_sweep(value, films) if value else refusal))


def _values(config: TrainConfig, path: str) -> str:
    """The field for a setting's values."""
    setting = axes.offered()[path]
    label = f"Values of {setting.title.lower()}"  # the form above has a field of the other name
    choices = setting.choices or (("on", "off") if setting.kind is bool else ())
    if choices:
        picked = st.multiselect(label, choices, choices[:2], key=f"{state.SWEPT}-{path}")
        return ",".join(picked)
    separator = "semicolons" if setting.kind is tuple else "commas"
    return st.text_input(
        label,
        EXAMPLES.get(path, ""),
        key=f"{state.SWEPT}-{path}",
        placeholder=f"values, separated by {separator}",
        help=f"{setting.sentence} Values are separated by {separator}.",
    )


def _planned(config: TrainConfig, texts: dict[str, str], seeds: int) -> tuple[Sweep | None, str]:
    """The sweep, or the reason why there is none."""
    try:
        varied: list[Axis] = [axes.parse(f"{path}={text}") for path, text in texts.items()]
        value = sweep.plan(config, varied, seeds)
        for each in value.planned.values():
            network_size.check(each.architecture, each.recipe.size, each.options)
            imagenet_files.check(each)
    except (ConfigError, ModelError) as error:
        return None, str(error)
    return value, ""


def _start(value: Sweep, own: RunLabels | None, token: str) -> None:
    """Start the sweep once, even after a double click, and open it on Runs."""
    own = own or RunLabels(name="", labels=Labels())
    start(value, own.name or f"sweep-{token}", own.labels)


def start(value: Sweep, name: str, labels: Labels) -> None:
    """Start a sweep under a name, and open it on Runs."""
    with actions.errors_shown():
        actions.start_sweep(value, name, labels)
        group_cache.refresh()
        run_name.new_token()
        run_name.clear()
        st.session_state[state.NEW_GROUP] = name
