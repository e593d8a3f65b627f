"""Which data set the app uses: what is typed is tried first, and nothing changes if it fails."""

from pathlib import Path

import streamlit as st

from fracture_core import datasets, launcher, phantom
from fracture_core.config import phantom_folder
from fracture_core.errors import ClassesError, DataError
from ui import cached, state, theme


def show(failed: DataError | None) -> None:
    """A path to type, the phantom, and the question which class means a fracture.

    Args:
        failed: why the data set in use cannot be read, if so.
    """
    if isinstance(failed, ClassesError) and state.CLASSES not in st.session_state:
        _ask_for_class(datasets.chosen().root, failed)
    row = st.form("choose-data", border=False).container(
        horizontal=True, vertical_alignment="bottom"
    )
    typed = row.text_input(
        "Folder of the data set",
        placeholder="/path/to/MURA-v1.1",
        key=state.FOLDER,
        help="The folder of MURA or FracAtlas or its parent, or one with a folder for each class.",
    )
    go = row.form_submit_button("Use this folder", type="primary")
    if go:
        _forget_question()
        _try(typed, None)
    if state.CLASSES in st.session_state:
        _class_question()
    if datasets.chosen().root != phantom_folder():
        st.button("Use the phantom", icon=":material/science:", on_click=_use_phantom)


def _try(typed: str, positive: str | None) -> None:
    """Use this folder if it can be read; else say why not and leave everything as it is."""
    folder = typed.strip().strip("'\"")
    if not folder:
        st.error("No folder was given. Type the path of a folder on this computer.")
        return
    try:
        with st.spinner("Reads the list of films…"):
            data = datasets.read(Path(folder), positive)
    except ClassesError as error:
        _ask_for_class(Path(folder), error)
        return
    except DataError as error:
        st.error(f"{theme.plain(str(error))} The data in use stays as it is.")
        return
    except RuntimeError:  # the home folder of nobody
        st.error(f"{theme.plain(repr(folder))} is not a path. Type the path of a folder.")
        return
    datasets.choose(data.root, data.positive)
    _forget_question()
    st.rerun()


def _ask_for_class(folder: Path, error: ClassesError) -> None:
    st.session_state[state.CLASSES] = {"folder": str(folder), "names": list(error.classes)}


def _class_question() -> None:
    """Which class is positive is asked, never guessed."""
    asked = st.session_state[state.CLASSES]
    with st.container(border=True):
        positive = st.radio(
            f"Which class of {theme.plain(asked['folder'])} means a fracture?",
            asked["names"],
            index=None,
            format_func=theme.plain,
            key=state.POSITIVE,
        )
        st.caption("All other classes count as no fracture.")
        if st.button("Use this class", type="primary", disabled=positive is None):
            _try(asked["folder"], positive)


def _forget_question() -> None:
    for key in (state.CLASSES, state.POSITIVE):
        st.session_state.pop(key, None)


def _use_phantom() -> None:
    datasets.choose(phantom_folder())
    if not phantom.is_complete(phantom_folder()):
        launcher.start_phantom(phantom_folder())
    _forget_question()


def rescan_button() -> None:
    """Read everything anew, and say what that changed."""
    if not st.button("Rescan", icon=":material/refresh:", help="Reads every folder again."):
        return
    before = cached.dataset()
    with st.spinner("Reads every folder again…"):
        after = cached.rescan()
    now = theme.plural(len(after.manifest), "film")
    if after.hash == before.hash:
        st.toast(f"{now}, as before.", icon=":material/check:")
        return
    difference = len(after.manifest) - len(before.manifest)
    st.toast(f"{now}, {difference:+,} since the last scan.", icon=":material/difference:")
    st.rerun()
