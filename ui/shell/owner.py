"""Who may change something: everybody who reaches the server, unless it is opened to a room.

In a room it is who has given the owner's token in this browser tab. `check` is the one place that
refuses; `ui.actions` asks it before every action, whatever a browser has sent.
"""

import re
from pathlib import Path
from typing import Any

import streamlit as st

from fracture_core import config, room
from fracture_core.datasets import catalog
from fracture_core.errors import NotOwner
from ui.shell import state, tab_data

_PATH = re.compile(r"(?<![\w./:])/(?:[^/\s'\"]+/)+")  # all of an absolute path but its last name
WHY = (
    "Only the owner of this server can do this. As a visitor you can browse, watch, and upload "
    "films to Diagnose."
)


def is_owner() -> bool:
    """Whether this tab may change anything. The token is compared anew each time."""
    return not room.host() or room.is_owners(str(st.session_state.get(state.OWNER, "")))


def check() -> None:
    """Refuse what only the owner may do.

    Raises:
        NotOwner: this tab is a visitor's.
    """
    if not is_owner():
        raise NotOwner(WHY)


def admit() -> None:
    """Take an owner's token out of the address, and into the session if it is the right one."""
    token = st.query_params.pop(state.OWNER_TOKEN, None)
    if token is not None and room.host():
        _give(token)


def _give(token: str) -> None:
    if room.is_owners(token):
        st.session_state[state.OWNER] = token.strip()
    else:
        st.session_state[state.NOTICE] = "This is not the owner's token. You are still a visitor."


def show() -> None:
    """In a room: whose tab this is, and where the owner gives the token."""
    if not room.host():
        return
    if is_owner():
        with st.popover("Owner", icon=":material/key:", type="tertiary"):
            st.markdown("You can start, stop, change and delete. Other tabs are visitors' tabs.")
            st.button("Leave as a visitor", on_click=_leave, key="leave-owner")
        return
    with st.popover("Visitor", icon=":material/visibility:", type="tertiary"):
        st.markdown(
            "You can browse, watch, and upload films to Diagnose. Starting, changing and deleting "
            "is for the owner of this server."
        )
        with st.form("owner", border=False):
            st.text_input("Owner's token", type="password", key=state.OWNER_FIELD)
            st.form_submit_button("I am the owner", on_click=_from_field)


def _from_field() -> None:
    token = str(st.session_state.get(state.OWNER_FIELD, ""))
    st.session_state[state.OWNER_FIELD] = ""
    _give(token)


def _leave() -> None:
    st.session_state.pop(state.OWNER, None)


def button(label: str, disabled: bool = False, help: str | None = None, **how: Any) -> bool:
    """A button for what only the owner may do: a visitor's is greyed and says why."""
    mine = is_owner()
    return st.button(label, disabled=disabled or not mine, help=help if mine else WHY, **how)


def submit(label: str, disabled: bool = False, **how: Any) -> bool:
    """The same for the button of a form."""
    mine = is_owner()
    why = {} if mine else {"help": WHY}
    return st.form_submit_button(label, disabled=disabled or not mine, **how, **why)


def place(path: Path) -> str:
    """A folder or file of this machine: its whole path for the owner, its name for a visitor."""
    return str(path) if is_owner() else path.name


def discreet(text: str) -> str:
    """A sentence without the folders of this machine that it names, for a visitor."""
    if is_owner():
        return text
    roots = (tab_data.choice().root, catalog.chosen().root)
    ours = (config.runs_folder(), config.cache_folder(), config.models_folder(), config.PROJECT)
    for folder in (*(root.parent for root in roots), *ours, Path.home()):
        if folder != folder.parent:  # "/" is no secret
            text = text.replace(f"{folder}/", "")
    return _PATH.sub("", text)
