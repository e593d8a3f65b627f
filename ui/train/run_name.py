"""Name, tags and note of the run to be started; all of them may stay empty."""

import secrets
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from fracture_core.errors import RunNameTaken
from fracture_core.runs import run_folders
from fracture_core.runs.run_labels import Labels
from ui.cache import run_cache
from ui.shell import state


@dataclass(frozen=True, kw_only=True)
class RunLabels:
    """A run's name, tags and note in the form, beside its settings.

    Args:
        name: its name; "" for one made of network and time.
        labels: tags and note.
    """

    name: str
    labels: Labels


def ask(default_name: str) -> RunLabels:
    """Draw the fields; return their values.

    Args:
        default_name: of a run without a name of its own.

    Raises:
        ConfigError: a tag or the note cannot be used.
        RunError: the name cannot be used, or is taken.
    """
    name, tags, note = st.columns([1, 1, 1.4])
    used = {tag for each in run_cache.labels(run_cache.runs_now()).values() for tag in each.tags}
    typed = name.text_input(
        "Name", placeholder=default_name, key=state.RUN_NAME, help="Empty: network and time."
    ).strip()
    chosen = tags.multiselect(
        "Tags",
        sorted(used),
        accept_new_options=True,
        placeholder="type a tag",
        max_selections=20,
        key=state.RUN_TAGS,
        help="Runs can be filtered by them.",
    )
    text = note.text_input("Note", max_chars=4_000, key=state.RUN_NOTE, placeholder="why this run")
    if typed:
        run_folders.check_name(typed)
        if run_folders.exists(typed):
            raise RunNameTaken(f"A run called {typed!r} exists. Choose another name.")
    return RunLabels(name=typed, labels=Labels(tags=tuple(chosen), note=text.strip()))


def clear() -> None:
    """Empty the fields, once their run was started."""
    for key in (state.RUN_NAME, state.RUN_TAGS, state.RUN_NOTE):
        st.session_state.pop(key, None)


def token() -> str:
    """Return the end of the next run's name.

    It stays the same until `new_token`, so that a double click starts one run.
    """
    fresh = f"{datetime.now():%m%d-%H%M%S}-{secrets.token_hex(1)}"
    return str(st.session_state.setdefault(state.RUN_TOKEN, fresh))


def new_token() -> None:
    """Let the next `token` be a new one, once a run was started."""
    st.session_state.pop(state.RUN_TOKEN, None)
