"""The form that starts a training run: a preset, and the settings behind it."""

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from fracture_core.clusters import launcher_choice, slurm
from fracture_core.config.network_options import OWN
from fracture_core.config.presets import PRESETS, preset
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import exclusions, family_list
from fracture_core.errors import (
    ConfigError,
    DataError,
    ModelError,
    NotOwner,
    RunError,
    RunNameTaken,
    WriteFailed,
)
from fracture_core.networks import architectures, network_size
from fracture_core.networks.architectures import ARCHITECTURES
from fracture_core.pretrained import imagenet_files
from fracture_core.runs import training_command
from fracture_core.runs.run_facts import SHARED_PATIENTS
from fracture_core.words import plural, short
from ui.cache import curation_cache, data_cache
from ui.shared import next_run, theme
from ui.shell import actions, data_change, owner, state, tab_data
from ui.train import (
    cost,
    cross_validate,
    learning_curve_form,
    own_network,
    run_name,
    setting_field,
    settings,
    sweep_form,
    training_film_cache,
)
from ui.train.run_name import RunLabels
from ui.train.setting_field import Draft

PRESET_TITLES = {"demo": "Demo", "recommended": "Recommended", "report2018": "2018 report"}
PRESET_SENTENCES = {
    "demo": "Three convolutions, 30 epochs: the network that trains fastest.",
    "recommended": "Five convolutions, area-averaged pixels, every film once per epoch, a dev "
    "share to choose the epoch by.",
    "report2018": "As in the report: nearest-neighbour pixels, 282 steps per epoch, shear of "
    "0.2 degrees, no dev share.",
}


def show() -> None:
    """Show the form, the button, and the command line for the same run."""
    if name := st.session_state.pop(state.NEW_GROUP, None):
        st.switch_page("pages/runs.py", query_params={state.GROUP: name})
    choice = tab_data.choice()
    try:
        data_cache.dataset()
    except DataError as error:
        data_change.show(error)  # without films there is nothing to set
        return
    name = _ask_preset()
    base = preset(name, str(choice.root), positive=choice.positive, table=choice.table)
    architecture = _ask_network(name, base.architecture)
    left, right = st.columns(2)
    with left:
        draft = Draft(base=base, preset=name)
        epochs = setting_field.ask(draft, "epochs")
    parts = right.multiselect(
        "Body parts",
        _parts(),
        placeholder="all parts",
        key=state.PARTS,
        help="Leave empty for all that are present.",
    )
    own = _ask_labels(architecture)  # its error stands at its fields, and hides no other field
    try:
        base = replace(base, architecture=architecture, parts=tuple(parts))
        config = _ask_more(base, name, draft, epochs)
        films = training_film_cache.films_learned_from(config)
        _check_labels(films)
    except (ConfigError, DataError, ModelError, NotOwner, RunError, WriteFailed) as error:
        data_change.show(error)
        _start_button(disabled=True)
        return
    _offer(config, len(films), own)


def _ask_more(base: TrainConfig, preset_name: str, draft: Draft, epochs: Any) -> TrainConfig:
    """Ask for the other settings; return all of them.

    Raises:
        ConfigError: a value cannot be used.
        ModelError: the network cannot be built of these.
    """
    with st.expander("More settings"):
        chosen = replace(
            base,
            exclude=_exclude(),
            families=_families(),
            selection=_selection(),
            corrections=_corrections(),
        )
        config = settings.ask(chosen, preset_name)
    if draft.wrong:
        raise ConfigError(" ".join(draft.wrong))
    config = own_network.checked(replace(config, epochs=epochs))
    network_size.check(config.architecture, config.recipe.size, config.options)
    return config


def _offer(config: TrainConfig, films: int, own: RunLabels | None) -> None:
    """Show the cost of a run with this many training films, the button, and the command line."""
    st.caption(
        theme.plain(cost.sentence(config, films)),
        help=theme.plain(cost.sources(config, films)),
    )
    if advice := imagenet_files.advice(config, films):
        st.caption(advice)
    if not data_cache.dataset().patients:
        st.caption(SHARED_PATIENTS)
    if warning := cost.warning(config):
        st.warning(theme.plain(warning), icon=":material/memory:")
    _ask_launcher()
    with st.container(horizontal=True, vertical_alignment="center"):
        if own:
            _start_button(on_click=_start, args=(config, own, run_name.token()))
        else:
            _start_button(disabled=True)
        cross_validate.offer(config, films, own)
        sweep_form.offer(config, films, own)
        learning_curve_form.offer(config, films, own)
        next_run.show()
    if not owner.is_owner():
        st.caption(owner.WHY)
    else:  # it names folders of this machine
        named = f" --name {own.name}" if own and own.name else ""
        if (where := st.session_state.get(state.LAUNCHER, "local")) != "local":
            named += f" --launcher {where}"
        with st.expander("The same run from a terminal"):
            st.code(
                f"{training_command.of_config(config)}{named}", language="bash", wrap_lines=True
            )


def _ask_launcher() -> None:
    """Ask where the run is started, on a machine of a cluster."""
    if slurm.is_installed():
        st.segmented_control(
            "Runs on",
            list(launcher_choice.LAUNCHERS),
            default=launcher_choice.usual(),
            required=True,
            format_func=launcher_choice.LAUNCHERS.__getitem__,
            key=state.LAUNCHER,
            help="Slurm starts it on a machine of the cluster that sees these folders.",
        )


def _ask_labels(architecture: str) -> RunLabels | None:
    """The fields for name, tags and note; `None` below their error."""
    try:
        return run_name.ask(f"{architecture}-{run_name.token()}")
    except (ConfigError, RunError) as error:
        st.error(theme.plain(str(error)), icon=":material/error:")
        return None


def _ask_preset() -> str:
    name = st.segmented_control(
        "Settings to begin with",
        list(PRESETS),
        default="demo",
        required=True,
        format_func=PRESET_TITLES.__getitem__,
        key=state.PRESET,
    )
    st.caption(PRESET_SENTENCES[name])
    return name


def _ask_network(preset_name: str, default: str) -> str:
    architecture = st.segmented_control(
        "Network",
        [*ARCHITECTURES, OWN],
        default=default,
        required=True,
        format_func=_title,
        key=f"{preset_name}-architecture",
    )
    entry = architectures.find(architecture)
    if architecture == OWN:
        st.caption(entry.sentence)
        own_network.ask()
    else:
        st.caption(
            f"{entry.sentence} {entry.parameters:,} parameters at 32 px.",
            help=f"Source: {entry.source}.",
        )
    return architecture


def _start_button(**more: Any) -> None:
    """Draw the button; `more` says what a click does, or that there is nothing to click."""
    owner.button(
        "Start training",
        type="primary",
        icon=":material/play_arrow:",
        key="start-training",
        **more,
    )


def _check_labels(films: pd.DataFrame) -> None:
    """Refuse training films of one label alone.

    Raises:
        ConfigError: there is one label, or none.
    """
    if films["label"].nunique() < 2:
        positive = int(films["label"].sum())
        raise ConfigError(
            f"Training needs films of both labels; these hold {positive:,} positive and "
            f"{len(films) - positive:,} negative. Choose other parts or data."
        )


def _exclude() -> str | None:
    """Show whether to leave out the films ticked on the Data page; return their list."""
    digest = data_cache.dataset().hash
    ticked = data_cache.exclusions(digest)
    if not ticked.reasons:
        return None
    count = plural(len(ticked.reasons), "film")
    use = st.toggle(
        f"Exclude {count} ticked on the Data page",
        True,
        key=state.EXCLUDE,
        help=f"Only films of training and dev; list {ticked.hash} is saved with the run.",
    )
    return str(exclusions.file_of(digest)) if use else None


def _families() -> str | None:
    """Show whether copies of one original stay on one side of the split; return their list."""
    digest = data_cache.dataset().hash
    value = data_cache.families(digest)
    if not value.families:
        return None
    use = st.toggle(
        f"Keep {plural(value.count, 'family')} of copies on one side of the split",
        True,
        key=state.FAMILIES,
        help="Copies of one original, as the audit found them, are all in training or all in dev; "
        "training films with a copy among valid or test films are left out.",
    )
    return str(family_list.file_of(digest)) if use else None


def _selection() -> str | None:
    """Show the choice of a saved selection to train on; return its name."""
    saved = {each.name: each for each in curation_cache.saved(data_cache.dataset().hash)}
    if not saved:
        return None
    return st.selectbox(
        "Train on",
        list(saved),
        index=None,
        format_func=lambda name: (
            f"{theme.plain(short(name))} · {plural(len(saved[name].keys), 'study')}"
        ),
        placeholder="all training studies",
        key=state.TRAIN_ON,
        help="A saved selection: training and dev films are its studies of the train split; valid "
        "and test films stay the same.",
    )


def _corrections() -> bool:
    """Show whether corrected labels are used, where there are any."""
    value = curation_cache.corrected(data_cache.dataset().hash)
    if not value.items:
        return False
    return st.toggle(
        f"Use {plural(len(value.items), 'corrected label')}",
        True,
        key=state.CORRECTED,
        help=f"List {value.hash}, which is saved with the run; a resume needs the same labels.",
    )


def _title(architecture: str) -> str:
    return architectures.find(architecture).title


def _parts() -> list[str]:
    return sorted(data_cache.dataset().manifest["part"].unique())


def _start(config: TrainConfig, own: RunLabels, token: str) -> None:
    """Start the run once, even after a double click, and open it."""
    name = own.name or f"{config.architecture}-{token}"
    with actions.errors_shown():
        try:
            actions.start_run(config, name, own.labels)
        except RunNameTaken:
            if own.name and st.session_state.get(state.STARTED) != name:
                raise  # another run has it by now; else it is a double click's second one
        st.session_state[state.STARTED] = name
        run_name.new_token()
        run_name.clear()
        state.open_run(name)
        st.session_state[state.ARRIVED] = True
