"""What a reader is asked before other data take the place of what the tab was reading."""

import streamlit as st

from fracture_core.config import phantom_folder
from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Choice, Dataset
from fracture_core.errors import DataError, FractureError
from fracture_core.phantom import phantom_set
from fracture_core.words import short
from ui.cache import data_cache
from ui.shared import theme
from ui.shell import owner, state, tab_data


def settle(needs_data: bool) -> bool:
    """Whether the page can be drawn; else the question stands in its place.

    Args:
        needs_data: whether the page shows or uses films of the data set.
    """
    if needs_data and not _is_settled():
        return False
    if state.READING not in st.session_state:
        tab_data.begin(tab_data.choice())
    _tell_of_exchange()
    return True


def _is_settled() -> bool:
    try:
        data = data_cache.dataset()
    except DataError:
        data = None  # the page says so
    now = tab_data.identity(data.hash) if data and data.complete else ""
    wanted, known = st.query_params.get(state.DATA, ""), tab_data.current_identity()
    if wanted and wanted != (known or now):
        _ask_where(wanted)
        return False
    if known and now and known != now:
        _ask_whether_to_go_on(data)
        return False
    if not known:
        tab_data.begin(tab_data.choice(), data)
    return True


# --- an address of other data -------------------------------------------------------------------


def _ask_where(wanted: str) -> None:
    """The address names something in other data than this tab reads."""
    here, found = tab_data.choice(), _known(wanted)
    mine = _name(here, found[0] if found else None)
    if found:
        other = _name(found[0], here)
        st.warning(
            f"This address belongs to the data set **{other}**; this tab reads **{mine}**. A study "
            "of the same name may hold other films there, so nothing was opened.",
            icon=":material/alt_route:",
        )
    else:
        st.warning(
            f"This address belongs to a data set that is not known here "
            f"({state.DATA}={theme.plain(short(wanted))}); this tab reads **{mine}**. Ask "
            "whoever sent it which data set it is.",
            icon=":material/alt_route:",
        )
    with st.container(horizontal=True):
        if found:
            st.button(f"Open it in {other}", type="primary", on_click=_read, args=found)
        else:
            st.button(f"Look for it in {mine}", on_click=state.put, args=(state.DATA, ""))
        st.button(f"Stay with {mine}", on_click=state.leave_data)


def _known(wanted: str) -> tuple[Choice, Dataset] | None:
    """The data set of this identity among those known here; to a visitor, the one in use alone."""
    known = [catalog.chosen()]
    if owner.is_owner():
        known += catalog.recent()
        if phantom_set.is_complete(phantom_folder()):
            known.append(Choice(root=phantom_folder()))
    for choice in dict.fromkeys(known):
        try:
            data = data_cache.dataset(choice)
        except FractureError:
            continue  # it cannot be read: nobody can open it
        if data.complete and tab_data.identity(data.hash) == wanted:
            return choice, data
    return None


def _read(choice: Choice, data: Dataset) -> None:
    """Read this in the tab, whatever is in use; who has asked for it is not asked again."""
    tab_data.begin(choice, data)
    _stay()


# --- the same data, read anew -------------------------------------------------------------------


def _ask_whether_to_go_on(data: Dataset) -> None:
    name = theme.plain(data.root.name)
    st.warning(
        f"**{name}** has changed since you opened it: its list of films was read anew and holds "
        f"{theme.plural(len(data.manifest), 'film')} now. What you had open may be other films.",
        icon=":material/difference:",
    )
    st.button(f"Go on with {name} as it is now", type="primary", on_click=_go_on, args=(data,))


def _go_on(data: Dataset) -> None:
    tab_data.begin(tab_data.choice(), data)
    if state.DATA in st.query_params:
        st.query_params[state.DATA] = tab_data.current_identity()


# --- other data in use --------------------------------------------------------------------------


def _tell_of_exchange() -> None:
    """Other data came into use while this tab was reading: say so, and ask."""
    here, in_use = tab_data.choice(), catalog.chosen()
    if here == in_use:
        return
    if (known := tab_data.current_identity()) and state.DATA not in st.query_params:
        st.query_params[state.DATA] = known  # so that a reload knows it, too
    mine, other = _name(here, in_use), _name(in_use, here)
    if st.session_state.get(state.STAYED) == [str(in_use.root), in_use.positive]:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"This tab reads **{mine}**. In use here: **{other}**.", width="content")
            st.button(f"Switch to {other}", type="tertiary", on_click=_switch, key="switch-data")
        return
    with st.container(border=True):
        st.markdown(
            f":material/swap_horiz: The data set in use here is now **{other}**: somebody has "
            f"changed it. This tab still reads **{mine}**, and nothing that you have open was "
            "exchanged."
        )
        with st.container(horizontal=True):
            st.button(f"Stay with {mine}", type="primary", on_click=_stay, key="stay-with-data")
            st.button(f"Switch to {other}", on_click=_switch, key="switch-data")


def _stay() -> None:
    in_use = catalog.chosen()
    st.session_state[state.STAYED] = [str(in_use.root), in_use.positive]


def _switch() -> None:
    """Read what is in use; studies and filters of the address belong to what was read before."""
    st.session_state.pop(state.READING, None)
    st.session_state.pop(state.STAYED, None)
    state.leave_data()


def _name(choice: Choice, other: Choice | None) -> str:
    """How a data set is called beside another one, as Markdown."""
    root = choice.root
    name = root.name
    if other and other.root != root and other.root.name == root.name:
        name = f"{root.parent.name}/{name}"
    if choice.positive:
        name = f"{name} (positive: {choice.positive})"
    return theme.plain(name)
