"""The bar at the foot of a page: how many studies are selected, and what can be done with them."""

import streamlit as st

from fracture_core.curation import selections
from fracture_core.curation.selections import TICKED, Selection
from fracture_core.datasets import exclusions
from fracture_core.datasets.catalog import Dataset
from fracture_core.words import plural, short
from ui.cache import curation_cache, data_cache
from ui.shared import theme
from ui.shell import actions, owner, state, tab_data
from ui.studies import selection

NOT_WHILE_GROWING = "Selections can be saved once all films are generated."


def show(data: Dataset) -> None:
    """Draw the bar, where studies are selected; it stays in sight while the page scrolls."""
    keys = selection.current()
    if not keys:
        return
    row = st.bottom.container(horizontal=True, vertical_alignment="center", gap="small")
    with row:
        st.markdown(f"**{selection.count()}**", width="content")
        if st.button("Show them", icon=":material/grid_view:", key=f"{state.SELECT}-show"):
            of_data = {state.DATA: tab_data.identity(data.hash)} if data.complete else {}
            st.switch_page("pages/studies.py", query_params={state.SAVED: TICKED, **of_data})
        with st.popover("Save or export", icon=":material/bookmark_add:"):
            _save(data, keys)
        st.button(
            "Clear",
            icon=":material/close:",
            key=f"{state.SELECT}-clear",
            on_click=selection.clear,
        )


def _save(data: Dataset, keys: tuple[str, ...]) -> None:
    """Draw the fields of a new selection, and the export."""
    names = [each.name for each in curation_cache.saved(data.hash)]
    st.text_input("Name", key=state.SELECTION_NAME, max_chars=selections.LONGEST_NAME)
    st.text_input("Tags", key=state.SELECTION_TAGS, help="Separated by commas.")
    st.text_area("Note", key=state.SELECTION_NOTE, height=80, max_chars=selections.LONGEST_NOTE)
    ask_person("save")
    taken = st.session_state[state.SELECTION_NAME].strip() in names
    owner.button(
        f"Replace the selection with {plural(len(keys), 'study')}"
        if taken
        else f"Save {plural(len(keys), 'study')}",
        type="primary",
        disabled=not data.complete,
        help=None if data.complete else NOT_WHILE_GROWING,
        key=f"{state.SELECT}-save",
        on_click=actions.pressed,
        args=(_saved, data.hash, keys),
    )
    whole = Selection(name="selected studies", keys=keys, data=data.hash)
    _export(data, whole, "selection.csv", f"{state.SELECT}-csv")


def ask_person(place: str) -> None:
    """Draw the field with the person's name; the session remembers it for the other places."""
    key = f"{state.PERSON_NAME}-{place}"
    state.fill(key, st.session_state.get(state.PERSON_NAME, ""))
    st.text_input(
        "Your name or initials",
        key=key,
        max_chars=selections.LONGEST_NAME,
        on_change=_remember,
        args=(place,),
    )


def _remember(place: str) -> None:
    person(place)


def person(place: str) -> str:
    """Return what the field of this place says, and remember it."""
    name = st.session_state[f"{state.PERSON_NAME}-{place}"].strip()
    st.session_state[state.PERSON_NAME] = name
    return str(name)


def _saved(data_hash: str, keys: tuple[str, ...]) -> None:
    """Save what the fields say, and empty them."""
    tags = st.session_state[state.SELECTION_TAGS].split(",")
    value = Selection(
        name=st.session_state[state.SELECTION_NAME].strip(),
        keys=keys,
        data=data_hash,
        note=st.session_state[state.SELECTION_NOTE].strip(),
        tags=tuple(dict.fromkeys(tag.strip() for tag in tags if tag.strip())),
        by=person("save"),
    )
    actions.save_selection(value)
    for field in (state.SELECTION_NAME, state.SELECTION_TAGS, state.SELECTION_NOTE):
        st.session_state[field] = ""
    st.session_state[state.NOTICE] = f"Saved: {value.name} ({plural(len(keys), 'study')})."


def _export(data: Dataset, value: Selection, file: str, key: str) -> None:
    st.download_button(
        "Export CSV",
        lambda: selections.as_csv(data.manifest, value),
        file,
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=key,
    )


def saved(data: Dataset) -> None:
    """Draw the saved selections of the data set, where there are any, in a popover."""
    every = curation_cache.saved(data.hash)
    damaged = selections.damaged(selections.folder_of(data.hash))
    if not (every or damaged):
        return
    popover = st.popover(
        "Saved selections",
        icon=":material/bookmarks:",
        type="tertiary",
        key=state.SAVED_OPEN,
        on_change="rerun",
    )
    if not popover.open:
        return  # each selection is compared with all films
    with popover:
        for each in every:
            with st.container(border=True, gap="xsmall"):
                _one(data, each)
        if damaged:
            st.caption(
                f"{plural(len(damaged), 'saved selection')} cannot be read (files of runs/"
                ".selections that are damaged)."
            )


def _one(data: Dataset, value: Selection) -> None:
    """One saved selection: what it is, and what can be done with it."""
    st.markdown(f"**{theme.plain(value.name)}** · {plural(len(value.keys), 'study')}")
    by = f" by {value.by}" if value.by else ""
    tags = f" · {', '.join(value.tags)}" if value.tags else ""
    st.caption(theme.plain(f"{value.created[:10]}{by}{tags} · {value.hash}"))
    if value.note:
        st.caption(theme.plain(value.note))
    films = data.manifest.loc[selections.films_of(data.manifest, value.keys), "path"].tolist()
    ticked = data_cache.exclusions(data.hash)
    is_out = ticked.has(value.reason, films)
    with st.container(horizontal=True, gap="small"):
        key = f"{state.SELECT}-{value.hash}-{value.name}"
        st.button(
            "Select these",
            key=f"{key}-take",
            type="tertiary",
            on_click=selection.replace,
            args=(value.keys,),
        )
        _export(data, value, f"{short(value.name)}.csv", f"{key}-csv")
        owner.button(
            "Include in training" if is_out else "Exclude from training",
            key=f"{key}-exclude",
            type="tertiary",
            help="Its films of training and dev; valid and test films always count.",
            on_click=actions.pressed,
            args=(
                actions.leave_out,
                data.hash,
                ticked.unticked(value.reason) if is_out else _excluded(ticked, value, films),
            ),
        )
        owner.button(
            "Remove",
            key=f"{key}-remove",
            type="tertiary",
            on_click=actions.pressed,
            args=(actions.remove_selection, value),
        )


def _excluded(
    ticked: exclusions.Exclusions, value: Selection, films: list[str]
) -> exclusions.Exclusions:
    """Return the list with these films for this selection, and no others for it."""
    return ticked.unticked(value.reason).ticked(value.reason, films)
