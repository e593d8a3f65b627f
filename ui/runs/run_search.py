"""The search for runs: words and tags, both in the address."""

import streamlit as st

from fracture_core.analysis import comparison
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_labels import Labels
from fracture_core.words import short
from ui.cache import run_cache
from ui.runs import table_columns
from ui.shared import theme
from ui.shell import state


def show(runs: list[Run]) -> None:
    """Draw the field for words, and the tags of these runs."""
    tags = sorted({tag for labels in run_cache.labels(runs).values() for tag in labels.tags})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        state.fill(state.SEARCH, st.query_params.get(state.SEARCH, ""))
        st.text_input(
            "Search",
            type="search",
            key=state.SEARCH,
            on_change=_write,
            args=(state.SEARCH,),
            placeholder="name, setting, state, tag or note",
            width=340,
        )
        if tags or st.query_params.get_all(state.TAG):
            in_address = [tag for tag in st.query_params.get_all(state.TAG) if tag in tags]
            state.fill(state.TAG, in_address)
            st.pills(
                "Tags",
                tags,
                selection_mode="multi",
                key=state.TAG,
                on_change=_write,
                args=(state.TAG,),
                format_func=theme.plain,
            )


def _write(name: str) -> None:
    state.put(name, st.session_state[name])


def matching(runs: list[Run]) -> list[Run]:
    """List the runs with every word of the search and every tag."""
    words = st.query_params.get(state.SEARCH, "").casefold().split()
    tags = set(st.query_params.get_all(state.TAG))
    labels = run_cache.labels(runs)
    return [
        run
        for run in runs
        if tags <= set(labels[run.name].tags)
        and (not words or _contains(_text(run, labels[run.name]), words))
    ]


def _contains(text: str, words: list[str]) -> bool:
    return all(word in text for word in words)


def _text(run: Run, labels: Labels) -> str:
    """The searchable text of a run."""
    values = [str(value) for value in comparison.settings(run.config).values()]
    parent = run.parent.run if run.parent else ""
    mine = [run.name, table_columns.state_words(run), labels.note, *labels.tags, parent]
    return "\n".join([*mine, *values, "baseline" if labels.baseline else ""]).casefold()


def drop_buttons() -> None:
    """Draw a button for each filter that drops it."""
    for name, words in ((state.SEARCH, "search for"), (state.TAG, "tags")):
        if values := st.query_params.get_all(name):
            st.button(
                f"Drop the {words} {theme.plain(short(', '.join(values)))}",
                key=f"drop-{name}",
                icon=":material/filter_alt_off:",
                on_click=state.put,
                args=(name, ""),
            )
