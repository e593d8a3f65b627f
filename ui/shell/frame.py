"""The frame of every page: the navigation, and one line on data, model and runs in use."""

import sys
from pathlib import Path

import streamlit as st

from fracture_core import room
from fracture_core.errors import RunError, WriteFailed
from fracture_core.phantom import phantom_set
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State
from fracture_core.words import duration
from ui.cache import data_cache, run_cache, shared_cache
from ui.shared import model_choice, theme
from ui.shell import memory, owner, poll_rate, state, tab_data, turns

ICON = str(Path(__file__).parent / "icon.png")  # of our own: a named icon would be fetched
PAGES = ("home", "studies", "train", "runs", "report_2018", "evaluate", "diagnose", "data")
_shown: list[bool] = []  # not empty once `app.py` has run in this process
_ACTIVITY = (State.RUNNING, State.STOPPING, State.STARTING, State.QUEUED)
REST_SECONDS = 5.0  # between two polls while no run is active: another browser may start one
NAMED = 5  # active runs, in the tooltip of the link to the first of them
CHIP_PX, NAME = 360, 24  # width of the link to the active run; letters of its name
# Streamlit darkens the accent for an open button without a border: 1.9:1 on the dark ground.
_OPEN_BUTTONS = "<style>button[aria-expanded='true'] { color: inherit !important }</style>"


def pages() -> list[st.Page]:
    """List the pages in the order of the work: browse, train, evaluate, diagnose.

    Without icons: a page's icon becomes the browser tab's, and would be fetched from elsewhere.
    """
    titles = {"report_2018": "The 2018 report"}
    return [
        st.Page(
            f"pages/{name}.py", title=titles.get(name, name.capitalize()), default=name == "home"
        )
        for name in PAGES
    ]


def needs_data(page: st.Page) -> bool:
    """Return True if a page uses films of the data set: all but Runs and a run's own page."""
    return page.url_path != "runs" and not (
        page.url_path == "train" and state.RUN in st.query_params
    )


def only_through_app(looks: bool = False) -> None:
    """Restart through `app.py` if Streamlit ran a page without it; the first line of each page.

    Until some session has called `st.navigation`, a link straight to a page makes Streamlit run
    the file in `pages/` alone, as in its older multipage apps.

    Args:
        looks: see `model_choice.settle`.
    """
    if not _shown:
        st.navigation(pages())
        st.rerun()
    model_choice.settle(looks)


def to_top() -> None:
    """Scroll to the top once: Streamlit keeps the scroll position when content is replaced."""
    script = "document.querySelector('[data-testid=stMain]').scrollTo(0, 0)"
    st.html(f"<script>{script}</script>", unsafe_allow_javascript=True, width="content")


def show(page: str) -> None:
    """Draw the line with the data and the model in use, and the active run.

    Args:
        page: its name in the address.
    """
    _shown.append(True)
    del _shown[1:]
    st.html(_OPEN_BUTTONS)
    if page == "train":
        state.begin_run_page()
    try:
        data_cache.ensure_phantom()
    except WriteFailed as error:  # other data can be chosen, and all else works
        st.error(theme.plain(owner.discreet(str(error))), icon=":material/error:")
    model_choice.settle(looks=page == "evaluate")
    alive = shared_cache.refreshed("alive", _alive)
    busy = is_busy()
    seconds = poll_rate.SLOW[poll_rate.level()] if busy else REST_SECONDS
    if state.is_projected():
        return  # a lecture hall sees the run alone
    line = st.fragment(_line, run_every=seconds, key="frame-line")
    watched = st.query_params.get(state.RUN, "")
    if not room.host():
        line(busy, [alive], watched)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        line(busy, [alive], watched)
        owner.show()


def while_busy() -> float | None:
    """Return the polling interval of fragments that show runs, in s; `None` without active runs.

    They need no polling then: the line on top redraws the page when a run begins.
    """
    return poll_rate.SLOW[poll_rate.level()] if is_busy() else None


def is_busy() -> bool:
    """Return True while films are being made or a run is active, so that the line changes."""
    return data_cache.phantom_is_growing() or bool(shared_cache.recent("alive", _alive))


def _alive() -> list[Run]:
    """The active runs, the same for all sessions."""
    return [run for run in run_cache.runs_now() if run.status.state.alive]


@turns.in_turn
def _line(was_busy: bool, fresh: list[list[Run]], name: str) -> None:
    """Draw the line.

    Args:
        was_busy: `is_busy` when the whole page was drawn.
        fresh: the runs active at that time; emptied by the first drawing.
        name: of the run that the page is about; "" for none. A poll may bring an older address.
    """
    runs = fresh.pop() if fresh else shared_cache.recent("alive", _alive)
    if is_busy() != was_busy:
        # The whole page, once: polling begins or ends.
        if name:
            state.redraw_run(name)
        state.put(state.RUN, "")  # a run that was just left stays so
        st.rerun()
    memory.give_back_memory()
    memory.spare_collector(len(sys.modules))
    with st.container(horizontal=True, vertical_alignment="center", key="frame", gap="medium"):
        # Small and not a caption: a caption's grey would lower the badge's contrast.
        st.markdown(f":small[{_data_in_use()}]", width="content")
        st.markdown(f":small[{model_choice.line()}]", width="content")
        watched = _watched(name)
        if watched:
            st.markdown(f":small[Run: {watched}]", width="content")
        # The run of this page is named already, and its state stands below in large type.
        alive = [run for run in runs if not watched or run.name != name]
        if alive := most_active_first(alive):
            run, *others = alive
            # A fixed width, or a longer word would move the page below.
            more = f" (+{len(others)})" if others else ""
            label = f":material/radio_button_checked: {_short(run.name)}: {_activity(run)}{more}"
            descriptions = [f"{theme.plain(each.name)}: {describe(each)}" for each in alive[:NAMED]]
            if len(alive) > NAMED:
                descriptions.append(f"and {len(alive) - NAMED:,} more")
            st.page_link(
                "pages/train.py",
                label=label,
                query_params={state.RUN: run.name},
                width=CHIP_PX,
                help="  \n".join(descriptions),
            )


def most_active_first(runs: list[Run]) -> list[Run]:
    """Active runs: those that train before those that wait."""
    alive = [run for run in runs if run.status.state.alive]
    return sorted(alive, key=lambda run: _ACTIVITY.index(run.status.state))


def _watched(name: str) -> str:
    """The run that the page is about, with its badge, as Markdown; "" without one."""
    try:
        run = run_cache.run_now(name)  # not all runs: every session polls this line
    except RunError:  # none of this name, or unreadable: the page reports it
        return ""
    badge = f" {theme.synthetic_badge()}" if run_cache.is_synthetic(run) else ""
    return f"**{theme.plain(_short(name))}**{badge}"


def _data_in_use() -> str:
    root = tab_data.choice().root
    name = f"Data: **{theme.plain(root.name)}**"
    if data_cache.phantom_is_growing():
        active = phantom_set.is_being_made(root) or phantom_set.progress(root) is None
        activity = "being generated" if active else "incomplete"
        return f"{name}, {activity} {theme.synthetic_badge()}"
    return f"{name} {theme.synthetic_badge()}" if data_cache.is_phantom(root) else name


def describe(run: Run) -> str:
    """Describe a run's activity in words: "epoch 14 of 75, 41 s left"."""
    status = run.status
    if status.state is State.RUNNING and status.seconds_left:
        return f"{_activity(run)}, {duration(status.seconds_left)} left"
    return _activity(run)


def _activity(run: Run) -> str:
    """`describe` without the time left."""
    status = run.status
    if status.state is State.RUNNING:
        return f"epoch {min(status.epoch + 1, status.epochs)} of {status.epochs}"
    return str(status.state)


def _short(name: str) -> str:
    """A run's name, a long one without its middle: names differ at their ends."""
    half = NAME // 2
    return name if len(name) <= NAME else f"{name[:half]}…{name[-half:]}"
