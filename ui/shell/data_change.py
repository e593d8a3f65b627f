"""Questions to a reader before other data replace those that the tab reads."""

import streamlit as st

from fracture_core.datasets import chosen_data
from fracture_core.datasets.catalog import Dataset
from fracture_core.datasets.chosen_data import Choice
from fracture_core.errors import ClassesError, DataError, FilmError, FractureError
from fracture_core.folders import phantom_folder
from fracture_core.phantom import phantom_set
from fracture_core.words import plural, short
from ui.cache import data_cache
from ui.shared import phantom_progress, theme
from ui.shell import owner, state, tab_data


def settle(needs_data: bool) -> bool:
    """Return True if the page can be drawn; otherwise show the question in its place.

    Args:
        needs_data: whether the page shows or uses films of the data set.
    """
    if needs_data and not _is_settled():
        return False
    if state.READING not in st.session_state:
        tab_data.begin(tab_data.choice())
    _announce_change()
    return True


def show(error: FractureError) -> None:
    """Show an error in place of a page: one of the data set with a link to the Data page.

    While the phantom's first films are being generated, show how far that is instead.
    """
    is_of_data = isinstance(error, DataError) and not isinstance(error, FilmError)
    if is_of_data and data_cache.phantom_is_growing():
        phantom_progress.show(tab_data.choice().root, wants_more=True)
        return
    st.error(theme.plain(str(error)), icon=":material/error:")
    if is_of_data:
        asks = isinstance(error, ClassesError) and owner.is_owner()
        label = "Say which class means a fracture" if asks else "Choose the data"
        st.page_link("pages/data.py", label=label, icon=":material/folder_open:")


def _is_settled() -> bool:
    try:
        data = data_cache.dataset()
    except DataError:
        data = None  # the page reports it
    now = tab_data.identity(data.hash) if data and data.complete else ""
    in_address, before = st.query_params.get(state.DATA, ""), tab_data.current_identity()
    if in_address and in_address != (before or now):
        _ask_where(in_address)
        return False
    if data and before and now and before != now:
        _ask_to_continue(data)
        return False
    if not before:
        tab_data.begin(tab_data.choice(), data)
    return True


# --- an address of other data -------------------------------------------------------------------


def _ask_where(identity: str) -> None:
    """Ask where to open an address that names something in other data than this tab reads."""
    here, match = tab_data.choice(), _with_identity(identity)
    mine = _name(here, match[0] if match else None)
    if match:
        other = _name(match[0], here)
        st.warning(
            f"This address belongs to the data set **{other}**; this tab reads **{mine}**. A study "
            "of the same name may hold different films there, so nothing was opened.",
            icon=":material/alt_route:",
        )
    else:
        st.warning(
            f"This address belongs to a data set that is unknown here "
            f"({state.DATA}={theme.plain(short(identity))}); this tab reads **{mine}**. Ask the "
            "sender which data set it is.",
            icon=":material/alt_route:",
        )
    with st.container(horizontal=True):
        if match:
            st.button(f"Open it in {other}", type="primary", on_click=_read, args=match)
        else:
            st.button(f"Look for it in {mine}", on_click=state.put, args=(state.DATA, ""))
        st.button(f"Stay with {mine}", on_click=state.leave_data)


def _with_identity(identity: str) -> tuple[Choice, Dataset] | None:
    """The data set of this identity among the known ones; for a visitor only the one in use."""
    choices = [chosen_data.chosen()]
    if owner.is_owner():
        choices += chosen_data.recent()
        if phantom_set.is_complete(phantom_folder()):
            choices.append(Choice(root=phantom_folder()))
    for choice in dict.fromkeys(choices):
        try:
            data = data_cache.dataset(choice)
        except FractureError:
            continue  # it cannot be read, so it cannot be opened
        if data.complete and tab_data.identity(data.hash) == identity:
            return choice, data
    return None


def _read(choice: Choice, data: Dataset) -> None:
    """Read this in the tab, whatever is in use, without asking again."""
    tab_data.begin(choice, data)
    _stay()


# --- the same data, read again ------------------------------------------------------------------


def _ask_to_continue(data: Dataset) -> None:
    name = theme.plain(data.root.name)
    st.warning(
        f"**{name}** has changed since you opened it: its list of films was read again and now "
        f"holds {plural(len(data.manifest), 'film')}. Films that you had open may differ.",
        icon=":material/difference:",
    )
    st.button(
        f"Continue with {name} as it is now", type="primary", on_click=_continue, args=(data,)
    )


def _continue(data: Dataset) -> None:
    tab_data.begin(tab_data.choice(), data)
    if state.DATA in st.query_params:
        st.query_params[state.DATA] = tab_data.current_identity()


# --- other data in use --------------------------------------------------------------------------


def _announce_change() -> None:
    """Announce that other data are in use now, and offer to switch."""
    here, in_use = tab_data.choice(), chosen_data.chosen()
    if here == in_use:
        return
    if (identity := tab_data.current_identity()) and state.DATA not in st.query_params:
        st.query_params[state.DATA] = identity  # survives a reload
    mine, other = _name(here, in_use), _name(in_use, here)
    if st.session_state.get(state.DECLINED_DATA) == [
        str(in_use.root),
        in_use.positive,
        in_use.table,
    ]:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"This tab reads **{mine}**. In use here: **{other}**.", width="content")
            st.button(f"Switch to {other}", type="tertiary", on_click=_switch, key="switch-data")
        return
    with st.container(border=True):
        st.markdown(
            f":material/swap_horiz: The data set in use has changed to **{other}**. This tab still "
            f"reads **{mine}**, and nothing that you have open was replaced."
        )
        with st.container(horizontal=True):
            st.button(f"Stay with {mine}", type="primary", on_click=_stay, key="stay-with-data")
            st.button(f"Switch to {other}", on_click=_switch, key="switch-data")


def _stay() -> None:
    in_use = chosen_data.chosen()
    st.session_state[state.DECLINED_DATA] = [str(in_use.root), in_use.positive, in_use.table]


def _switch() -> None:
    """Read the data set in use; drop studies and filters of the old one from the address."""
    st.session_state.pop(state.READING, None)
    st.session_state.pop(state.DECLINED_DATA, None)
    state.leave_data()


def _name(choice: Choice, other: Choice | None) -> str:
    """Name of a data set, distinct from another one's, as Markdown."""
    root = choice.root
    name = root.name
    if other and other.root != root and other.root.name == root.name:
        name = f"{root.parent.name}/{name}"
    if choice.positive:
        name = f"{name} (positive: {choice.positive})"
    return theme.plain(name)
