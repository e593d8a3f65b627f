"""Choice of the data set in use: a folder is read first, and nothing changes if that fails."""

from dataclasses import replace
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fracture_core.datasets import chosen_data
from fracture_core.datasets.catalog import Dataset
from fracture_core.datasets.chosen_data import Choice
from fracture_core.errors import ClassesError, DataError, NotOwner, WriteFailed
from fracture_core.folders import phantom_folder
from fracture_core.phantom import phantom_set
from fracture_core.readers import own_table
from fracture_core.words import plural, short
from ui.cache import data_cache, study_cache
from ui.shared import theme
from ui.shell import actions, owner, state, tab_data


def ask_first(failed: DataError) -> bool:
    """Ask for the class that means a fracture in the data set in use, where only that is missing.

    Returns:
        True if the question is drawn; it stands for the error then.
    """
    if not isinstance(failed, ClassesError) or not owner.is_owner():
        return False
    if state.CLASSES not in st.session_state:
        choice = tab_data.choice()
        _ask_for_class(choice.root, failed, choice.table)
    if not _asks_about_data_in_use():
        return False
    st.info("One answer is missing before these films can be used.", icon=":material/help:")
    _class_question()
    return True


def _asks_about_data_in_use() -> bool:
    return bool(st.session_state[state.CLASSES]["folder"] == str(tab_data.choice().root))


def show(data: Dataset | None, failed: DataError | None) -> None:
    """Draw a field for a path, the phantom, recent data sets, and the question about classes.

    Args:
        data: the data set in use, if it can be read.
        failed: the error of the data set in use, if it cannot be read.
    """
    if not owner.is_owner():
        st.caption("Only the owner can choose a data set and see this machine's folders.")
        return
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
    answer = st.container()  # right below the field
    _say_change(answer, data)
    request = _other_data(data)
    with answer:
        if go:
            _forget_question()
            use(typed.strip().strip("'\""))
        elif request:
            _forget_question()
            use(str(request.root), request.positive, request.table)
        if state.CLASSES in st.session_state and not (failed and _asks_about_data_in_use()):
            _class_question()


def _say_change(place: DeltaGenerator, data: Dataset | None) -> None:
    """Say what is in use now, once after a change."""
    growing = data_cache.phantom_is_growing()  # the page is drawn again as films appear
    changed = st.session_state.get(state.CHANGED)
    if not growing:
        st.session_state.pop(state.CHANGED, None)
    if not changed:
        return
    name = theme.plain(tab_data.choice().root.name)
    words = f"Now in use: **{name}**"
    if growing or data is None:
        words += ", whose films are being generated."
    else:
        studies = plural(len(study_cache.studies()), "study")
        words += f", {studies} with {plural(len(data.manifest), 'film')}."
    place.success(words, icon=":material/check:")


def _other_data(data: Dataset | None) -> Choice | None:
    """Buttons for the phantom and recent data sets; returns a pressed one."""
    in_use = tab_data.choice()
    if data:
        in_use = Choice(root=data.root, positive=data.positive, table=data.table)
    unanswered = replace(in_use, positive=None)  # chosen before its class was known
    before = [
        choice
        for choice in chosen_data.recent()
        if choice not in (in_use, unanswered) and choice.root != phantom_folder()
    ]
    pressed = None
    with st.container(horizontal=True):
        if tab_data.choice().root != phantom_folder():
            st.button("Use the phantom", icon=":material/science:", on_click=_use_phantom)
        for choice in before:
            if _recent_button(choice, [in_use, *before]):
                pressed = choice
    return pressed


def _recent_button(choice: Choice, choices: list[Choice]) -> bool:
    """A button with a folder's name; with its parent's too if another folder has the same name."""
    root = choice.root
    others = [each.root for each in choices if each.root != root]
    shared = root.name in [other.name for other in others]
    name = f"{root.parent.name}/{root.name}" if shared else root.name
    words = f", positive class {choice.positive}" if choice.positive else ""
    if choice.table:
        table = own_table.Table.parse(choice.table)
        name, words = f"{name}: {table.file.name}", f"{words}. {table.words}"
    return st.button(
        theme.plain(name),
        icon=":material/history:",
        key=f"recent {root} {choice.positive} {choice.table}",
        help=theme.plain(f"{root}{words}"),
    )


def use(folder: str, positive: str | None = None, table: str | None = None) -> None:
    """Use this folder if it can be read; otherwise show the error and change nothing."""
    if not folder:
        st.error("The path is empty. Type the path of a folder on this computer.")
        return
    try:
        with st.spinner("Reading the list of films…"):
            data = actions.read_folder(folder, positive, table)
        actions.choose_data(data.root, data.positive, data, table)
    except ClassesError as error:
        _ask_for_class(Path(folder), error, table)
        st.rerun()  # the question may stand above
    except (DataError, NotOwner, WriteFailed) as error:
        st.error(f"{theme.plain(str(error))} The data set in use has not changed.")
        return
    except RuntimeError:  # "~NAME" without a home folder
        st.error(f"{theme.plain(repr(short(folder)))} is not a path. Type the path of a folder.")
        return
    _forget_question()
    st.session_state[state.CHANGED] = True
    st.rerun()


def _ask_for_class(folder: Path, error: ClassesError, table: str | None = None) -> None:
    names = list(error.classes)
    st.session_state[state.CLASSES] = {"folder": str(folder), "names": names, "table": table}


def _class_question() -> None:
    """The question which class is positive; it is never guessed."""
    classes = st.session_state[state.CLASSES]
    with st.container(border=True):
        positive = st.radio(
            f"Which class of {theme.plain(classes['folder'])} means a fracture?",
            classes["names"],
            index=None,
            format_func=theme.plain,
            key=state.POSITIVE,
        )
        st.caption("All other classes count as no fracture.")
        if st.button("Use this class", type="primary", disabled=positive is None):
            use(classes["folder"], positive, classes["table"])


def _forget_question() -> None:
    for key in (state.CLASSES, state.POSITIVE):
        st.session_state.pop(key, None)


def _use_phantom() -> None:
    with actions.errors_shown():
        actions.choose_data(phantom_folder())
        if not phantom_set.is_complete(phantom_folder()):
            actions.make_phantom(phantom_folder())
        _forget_question()
        st.session_state[state.CHANGED] = True


def rescan_button() -> None:
    """Draw a button that reads every folder again, and report the change."""
    if not owner.button("Rescan", icon=":material/refresh:", help="Reads every folder again."):
        return
    before = data_cache.dataset()
    with st.spinner("Reading every folder again…"):
        after = actions.rescan()
    tab_data.begin(tab_data.choice(), after)
    now = plural(len(after.manifest), "film")
    if after.hash == before.hash:
        st.toast(f"{now}, as before.", icon=":material/check:")
        return
    difference = len(after.manifest) - len(before.manifest)
    st.toast(f"{now}, {difference:+,} since the last scan.", icon=":material/difference:")
    st.rerun()
