"""What stands on every page: the pages themselves, and one line on data, model and run in use."""

import sys
from pathlib import Path

import streamlit as st

from fracture_core import room
from fracture_core.errors import WriteFailed
from fracture_core.phantom import phantom_set
from fracture_core.runs.run_folders import Run, State
from fracture_core.words import duration
from ui.cache import data_cache, run_cache, shared_cache
from ui.shared import model_choice, theme
from ui.shell import memory, owner, poll_rate, state, tab_data, turns

ICON = str(Path(__file__).parent / "icon.png")  # of our own: a named icon would be fetched
_shown: list[bool] = []  # holds something once `app.py` has run in this process
_ACTIVITY = (State.RUNNING, State.STOPPING, State.STARTING, State.QUEUED)
REST_SECONDS = 5.0  # between two looks while nothing is on: another browser may start a run
NAMED = 5  # runs that are on, beside the link to the first of them
CHIP_PX, NAME = 360, 24  # width of the link to the run that is on; letters of its name


def pages() -> list[st.Page]:
    """The pages in the order of the work: look, train, measure, judge.

    Without icons: a page's icon becomes the browser tab's, and would be fetched from elsewhere.
    """
    names = ("home", "studies", "train", "runs", "report_2018", "evaluate", "diagnose", "data")
    titles = {"report_2018": "The 2018 report"}
    return [
        st.Page(
            f"pages/{name}.py", title=titles.get(name, name.capitalize()), default=name == "home"
        )
        for name in names
    ]


def needs_data(page: st.Page) -> bool:
    """Whether a page shows or uses films of the data set: all but Runs, and a run's own page."""
    return page.url_path != "runs" and not (
        page.url_path == "train" and state.RUN in st.query_params
    )


def only_through_app(looks: bool = False) -> None:
    """A page's first line: go through `app.py`, if Streamlit ran the page without it.

    Until some session has called `st.navigation`, a link that leads straight to a page makes
    Streamlit run the file in `pages/` alone, as its older multipage apps want it.

    Args:
        looks: see `model_choice.settle`.
    """
    if not _shown:
        st.navigation(pages())
        st.rerun()
    model_choice.settle(looks)


def to_top() -> None:
    """Scroll to the top, once: another page has come in the place of one that was read to its end.

    Streamlit keeps the scroll position when a page changes what it shows.
    """
    script = "document.querySelector('[data-testid=stMain]').scrollTo(0, 0)"
    st.html(f"<script>{script}</script>", unsafe_allow_javascript=True, width="content")


def show(page: str) -> None:
    """The line with the data and the model in use, and the run that is on.

    Args:
        page: its name in the address.
    """
    _shown.append(True)
    del _shown[1:]
    try:
        data_cache.ensure_phantom()
    except WriteFailed as error:  # other data can be chosen, and all else works
        st.error(theme.plain(owner.discreet(str(error))), icon=":material/error:")
    model_choice.settle(looks=page == "evaluate")
    alive = shared_cache.refreshed("alive", _alive)
    busy = is_busy()
    seconds = poll_rate.SLOW[poll_rate.level()] if busy else REST_SECONDS
    line = st.fragment(_line, run_every=seconds, key="frame-line")
    if not room.host():
        line(busy, [alive])
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        line(busy, [alive])
        owner.show()


def while_busy() -> float | None:
    """Seconds between two looks of a fragment that says how runs are; `None` while none is on.

    It needs no look of its own then: the line on top draws the page anew when one begins.
    """
    return poll_rate.SLOW[poll_rate.level()] if is_busy() else None


def is_busy() -> bool:
    """Whether the line changes by itself: films are being made, or a run is on."""
    return data_cache.phantom_is_growing() or bool(shared_cache.recent("alive", _alive))


def _alive() -> list[Run]:
    """The runs that are on, the same for all sessions."""
    return [run for run in run_cache.runs_now() if run.status.state.alive]


@turns.in_turn
def _line(was_busy: bool, fresh: list[list[Run]]) -> None:
    """Draw it.

    Args:
        was_busy: when the whole page was drawn.
        fresh: the runs that were on then, until they are drawn.
    """
    runs = fresh.pop() if fresh else shared_cache.recent("alive", _alive)
    if is_busy() != was_busy:
        st.rerun()  # the whole page, once: it begins or ends the polling
    memory.give_back_memory()
    memory.spare_collector(len(sys.modules))
    with st.container(horizontal=True, vertical_alignment="center", key="frame", gap="medium"):
        # Small and not a caption: a caption's grey would take the badge's contrast.
        st.markdown(f":small[{_data_in_use()}]", width="content")
        st.markdown(f":small[{model_choice.line()}]", width="content")
        if alive := _most_active_first(runs):
            run, *others = alive
            # Its place is as wide whatever it says, or a longer word would move the page below.
            more = f" (+{len(others)})" if others else ""
            label = f":material/radio_button_checked: {_short(run.name)}: {_doing(run)}{more}"
            named = [f"{theme.plain(each.name)}: {describe(each)}" for each in alive[:NAMED]]
            if len(alive) > NAMED:
                named.append(f"and {len(alive) - NAMED:,} more")
            st.page_link(
                "pages/train.py", label=label, query_params={state.RUN: run.name}, width=CHIP_PX,
                help="  \n".join(named),
            )  # fmt: skip


def _most_active_first(found: list[Run]) -> list[Run]:
    """The runs that are on: the one whose page this is before all others, then one that trains
    before one that waits."""
    watched = st.query_params.get(state.RUN)
    alive = [run for run in found if run.status.state.alive]
    return sorted(alive, key=lambda run: (run.name != watched, _ACTIVITY.index(run.status.state)))


def _data_in_use() -> str:
    root = tab_data.choice().root
    name = f"Data: **{theme.plain(root.name)}**"
    if data_cache.phantom_is_growing():
        going_on = phantom_set.is_being_made(root) or phantom_set.progress(root) is None
        doing = "being made" if going_on else "unfinished"  # how far: where films are shown
        return f"{name}, {doing} {theme.synthetic_badge()}"
    return f"{name} {theme.synthetic_badge()}" if data_cache.is_phantom(root) else name


def describe(run: Run) -> str:
    """What a run is doing, in words: "epoch 14 of 75, 41 s left"."""
    status = run.status
    going = status.state is State.RUNNING and status.seconds_left
    return f"{_doing(run)}, {duration(status.seconds_left)} left" if going else _doing(run)


def _doing(run: Run) -> str:
    """As `describe`, without the time that is left."""
    status = run.status
    if status.state is State.RUNNING:
        return f"epoch {min(status.epoch + 1, status.epochs)} of {status.epochs}"
    return str(status.state)


def _short(name: str) -> str:
    """A run's name, its middle left out where it is long: names differ at their ends."""
    half = NAME // 2
    return name if len(name) <= NAME else f"{name[:half]}…{name[-half:]}"
