"""Which data set the app uses: what is typed is tried first, and nothing changes if it fails."""

from pathlib import Path

import streamlit as st

from fracture_core.config import phantom_folder
from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Choice, Dataset
from fracture_core.errors import ClassesError, DataError, NotOwner, WriteFailed
from fracture_core.phantom import phantom_set
from fracture_core.words import short
from ui.cache import data_cache
from ui.shared import theme
from ui.shell import actions, owner, state, tab_data


def show(data: Dataset | None, failed: DataError | None) -> None:
    """A path to type, the phantom, what was used before, and the question which class means a
    fracture.

    Args:
        data: what is in use, if it can be read.
        failed: why the data set in use cannot be read, if so.
    """
    if not owner.is_owner():
        st.caption("Which data set is in use, and which folders there are, is the owner's to say.")
        return
    if isinstance(failed, ClassesError) and state.CLASSES not in st.session_state:
        _ask_for_class(tab_data.choice().root, failed)
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
    answer = st.container()  # right below the field, whatever stands after it
    asked = _other_data(data)
    if go:
        asked = typed.strip().strip("'\""), None
    with answer:
        if asked:
            _forget_question()
            _try(*asked)
        if state.CLASSES in st.session_state:
            _class_question()


def _other_data(data: Dataset | None) -> tuple[str, str | None] | None:
    """A button for the phantom and one for each data set used before; the one that was pressed."""
    in_use = Choice(root=data.root, positive=data.positive) if data else tab_data.choice()
    before = [c for c in catalog.recent() if c != in_use and c.root != phantom_folder()]
    pressed = None
    with st.container(horizontal=True):
        if tab_data.choice().root != phantom_folder():
            st.button("Use the phantom", icon=":material/science:", on_click=_use_phantom)
        for choice in before:
            if _recent_button(choice, [in_use, *before]):
                pressed = str(choice.root), choice.positive
    return pressed


def _recent_button(choice: Choice, known: list[Choice]) -> bool:
    """A folder's name; with its parent's where another known folder has the name."""
    root = choice.root
    others = [each.root for each in known if each.root != root]
    shared = root.name in [other.name for other in others]
    name = f"{root.parent.name}/{root.name}" if shared else root.name
    words = f", positive class {choice.positive}" if choice.positive else ""
    return st.button(
        theme.plain(name),
        icon=":material/history:",
        key=f"recent {root} {choice.positive}",
        help=theme.plain(f"{root}{words}"),
    )


def _try(folder: str, positive: str | None) -> None:
    """Use this folder if it can be read; else say why not and leave everything as it is."""
    if not folder:
        st.error("No folder was given. Type the path of a folder on this computer.")
        return
    try:
        with st.spinner("Reads the list of films…"):
            data = actions.read_folder(folder, positive)
        actions.choose_data(data.root, data.positive, data)
    except ClassesError as error:
        _ask_for_class(Path(folder), error)
        return
    except (DataError, NotOwner, WriteFailed) as error:
        st.error(f"{theme.plain(str(error))} The data in use stays as it is.")
        return
    except RuntimeError:  # the home folder of nobody
        st.error(f"{theme.plain(repr(short(folder)))} is not a path. Type the path of a folder.")
        return
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
    with actions.errors_shown():
        actions.choose_data(phantom_folder())
        if not phantom_set.is_complete(phantom_folder()):
            actions.make_phantom(phantom_folder())
        _forget_question()


def rescan_button() -> None:
    """Read everything anew, and say what that changed."""
    if not owner.button("Rescan", icon=":material/refresh:", help="Reads every folder again."):
        return
    before = data_cache.dataset()
    with st.spinner("Reads every folder again…"):
        after = actions.rescan()
    tab_data.begin(tab_data.choice(), after)
    now = theme.plural(len(after.manifest), "film")
    if after.hash == before.hash:
        st.toast(f"{now}, as before.", icon=":material/check:")
        return
    difference = len(after.manifest) - len(before.manifest)
    st.toast(f"{now}, {difference:+,} since the last scan.", icon=":material/difference:")
    st.rerun()
