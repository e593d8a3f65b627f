"""The file of a network of one's own in the form: dropped, read, allowed by a tick, checked."""

from dataclasses import replace

import streamlit as st

from fracture_core.config.limits import LIMITS
from fracture_core.config.network_options import OWN, OwnNetwork, digest
from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import ConfigError
from fracture_core.own_networks import allowed
from fracture_core.own_networks import source as source_file
from ui.shared import theme
from ui.shell import actions, owner, state, turns


def ask() -> None:
    """Show the field for the file; below it its source, and the tick that lets it run."""
    upload = st.file_uploader(
        "Your network's file",
        type=["py"],
        key=state.NETWORK_FILE,
        disabled=not owner.is_owner(),
        help="A Python file with the function features(films). docs/own_network.py is an example "
        "with all that it needs.",
    )
    if upload is None:
        return
    try:
        source = source_file.decoded(upload.name, upload.getvalue())
        sha256 = OwnNetwork.of_text(upload.name, source, LIMITS.size[0]).sha256
    except ConfigError as error:  # before anyone is shown, or allows, what hides its code
        st.error(theme.plain(str(error)), icon=":material/error:")
        return
    with st.expander(f"Source of {theme.plain(upload.name)}, SHA-256 {sha256[:8]}"):
        st.code(source, language="python", height=320)
    st.checkbox(
        "Run this file's code on this machine",
        allowed.is_allowed(sha256),
        key=_tick(sha256),
        disabled=not owner.is_owner(),
        help="It can do whatever you can do here: tick this for code that you have written or "
        "read. The tick holds for this very text.",
    )


def checked(config: TrainConfig) -> TrainConfig:
    """Return the config with the dropped network, where its architecture is one's own.

    Raises:
        ConfigError: no file was dropped, its code is not to be run, or it makes no network.
        ModelError: its check came to no result.
        NotOwner: a visitor cannot run code.
    """
    if config.architecture != OWN:
        return config
    upload = st.session_state.get(state.NETWORK_FILE)
    if state.lost_uploads(state.NETWORK_FILE) or upload is None:
        raise ConfigError("A network of your own is a Python file. Drop it in its field above.")
    source = source_file.decoded(upload.name, upload.getvalue())
    if not st.session_state.get(_tick(digest(source))):
        raise ConfigError(
            f"{upload.name} is not run before you allow it. Tick: Run this file's code on this "
            "machine."
        )
    actions.allow_code(digest(source), upload.name)
    own, error = _check(upload.name, source, config.recipe.size)
    if own is None:
        raise ConfigError(error)
    return replace(config, options=replace(config.options, own=own))


@st.cache_data(
    scope="session",
    max_entries=16,
    show_spinner="Checking the network: building it and training it for one step",
)
def _check(file: str, source: str, size: int) -> tuple[OwnNetwork | None, str]:
    """Return the checked network, else the sentence of its error: each text is checked once."""
    try:
        with turns.pause():
            return actions.check_network(file, source, size), ""
    except ConfigError as error:
        return None, str(error)


def _tick(sha256: str) -> str:
    return f"run-{sha256}"
