"""The uploader's state: the round that it is in, and the upload or study that the page shows."""

import streamlit as st

from ui.shell import state


def key() -> str:
    """Return the uploader's key; `diagnose_study` changes it, which empties the uploader."""
    return f"{state.UPLOAD}-{st.session_state.get(state.UPLOAD_ROUND, 0)}"


def diagnose_study(key: str) -> None:
    """Show a study of the data set instead of the upload."""
    _empty()
    state.put(state.STUDY, key)


def diagnose_uploads() -> None:
    """Show the upload instead of a study of the data set."""
    st.query_params.pop(state.STUDY, None)


def take_uploads() -> None:
    """Forget the previous upload when the uploader's files have changed."""
    _forget()
    diagnose_uploads()


def remove_uploads() -> None:
    """Empty the uploader, and forget the upload of before a change of pages."""
    _forget()
    st.session_state.pop(state.LATEST, None)
    _empty()


def _forget() -> None:
    """Forget the files of an upload, and which of its studies was opened."""
    st.session_state.pop(state.UPLOADED_FILES, None)
    st.session_state.pop(state.OPENED, None)


def _empty() -> None:
    """Begin the uploader's next round, in which it is empty."""
    st.session_state[state.UPLOAD_ROUND] = st.session_state.get(state.UPLOAD_ROUND, 0) + 1
