"""Permission to change something: everybody has it, unless the server is opened to a room.

In a room only browser tabs with the owner's token have it. `check` is the one place that refuses;
`ui.shell.actions` calls it before every action, whatever a browser has sent.
"""

import re
from pathlib import Path
from typing import Any

import streamlit as st

from fracture_core import folders, room
from fracture_core.datasets import chosen_data
from fracture_core.errors import NotOwner
from ui.shell import state, tab_data

_PATH = re.compile(r"(?<![\w./:])/(?:[^/\s'\"]+/)+")  # an absolute path without its last name
WHY = (
    "Only the owner of this server can do this. As a visitor you can browse, watch, and upload "
    "films to Diagnose."
)


def is_owner() -> bool:
    """Return True if this tab may change anything; the token is compared at every call."""
    return not room.host() or room.is_owners(str(st.session_state.get(state.OWNER, "")))


def check() -> None:
    """Raise if this tab is a visitor's.

    Raises:
        NotOwner: with a sentence for the visitor.
    """
    if not is_owner():
        raise NotOwner(WHY)


def admit() -> None:
    """Move an owner's token from the address into the session, if it is the right one."""
    token = st.query_params.pop(state.OWNER_TOKEN, None)
    if token is not None and room.host():
        _give(token)


def _give(token: str) -> None:
    if room.is_owners(token):
        st.session_state[state.OWNER] = token.strip()
    else:
        st.session_state[state.NOTICE] = "This is not the owner's token. You are still a visitor."


def show() -> None:
    """Show, in a room, whether this is the owner's tab, with the field for the token."""
    if not room.host():
        return
    if is_owner():
        with st.popover("Owner", icon=":material/key:", type="tertiary"):
            st.markdown("You can start, stop, change and delete. Other tabs are visitors' tabs.")
            st.button("Continue as a visitor", on_click=_leave, key="leave-owner")
        return
    with st.popover("Visitor", icon=":material/visibility:", type="tertiary"):
        st.markdown(
            "You can browse, watch, and upload films to Diagnose. Only the owner of this server "
            "can start, change and delete."
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


def button(label: str, disabled: bool = False, help: str | None = None, **options: Any) -> bool:
    """Draw a button for the owner; a visitor's is disabled and says why.

    Args:
        label: on the button.
        disabled: for the owner too.
        help: for the owner.
        options: of `st.button`.
    """
    mine = is_owner()
    return st.button(label, disabled=disabled or not mine, help=help if mine else WHY, **options)


def submit(label: str, disabled: bool = False, **options: Any) -> bool:
    """Draw a form's button for the owner, as `button`."""
    mine = is_owner()
    why: dict[str, Any] = {} if mine else {"help": WHY}
    return st.form_submit_button(label, disabled=disabled or not mine, **options, **why)


def place(path: Path) -> str:
    """Return a path of this machine: whole for the owner, its name for a visitor."""
    return str(path) if is_owner() else path.name


def discreet(text: str) -> str:
    """Remove this machine's folders from a sentence, for a visitor."""
    if is_owner():
        return text
    roots = (tab_data.choice().root, chosen_data.chosen().root)
    ours = (folders.runs_folder(), folders.cache_folder(), folders.models_folder(), folders.PROJECT)
    for folder in (*(root.parent for root in roots), *ours, Path.home()):
        if folder != folder.parent:  # "/" is no secret
            text = text.replace(f"{folder}/", "")
    return _PATH.sub("", text)
