"""A model whose network is code of someone's own: shown, and run only if the owner allows it."""

import streamlit as st

from fracture_core.config.network_options import OwnNetwork
from fracture_core.errors import ModelError
from fracture_core.models.model import Model
from fracture_core.own_networks import allowed
from ui.shared import theme
from ui.shell import actions, owner


def usable(model: Model) -> bool:
    """Tell whether a model can predict here; otherwise show why, its source, and how to allow it.

    Args:
        model: in use, or the second one.
    """
    own = {each.own.sha256: each.own for _, each in model.card.networks if each.own}  # of members
    refused = [each for each in own.values() if not allowed.is_allowed(each.sha256)]
    for each in refused:
        _show(each)
    return not refused


def stop_unless_usable(model: Model) -> None:
    """End the page here, as `usable` shows it, for a model that cannot predict here."""
    if not usable(model):
        st.stop()


def _show(own: OwnNetwork) -> None:
    try:
        allowed.check(own)
    except ModelError as error:
        st.warning(theme.plain(str(error)), icon=":material/code:")
    with st.expander(f"Source of {theme.plain(own.file)}, SHA-256 {own.sha256[:8]}"):
        st.code(own.source, language="python", height=320)
    owner.button(
        "Allow",
        icon=":material/check:",
        key=f"allow-{own.sha256}",
        help="Run this very code on this machine from now on. It can do whatever you can do here.",
        on_click=actions.pressed,
        args=(actions.allow_code, own.sha256, own.file),
    )
