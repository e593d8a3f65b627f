"""What stands on every page: the pages themselves, and one line on data, model and run in use."""

import sys
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from fracture_core import datasets, phantom
from fracture_core.reporter import duration
from fracture_core.runs import Run, State
from ui import cached, looks, state, theme, turns

ICON = str(Path(__file__).parent / "icon.png")  # of our own: a named icon would be fetched
_shown: list[bool] = []  # holds something once `app.py` has run in this process
_ACTIVITY = (State.RUNNING, State.STOPPING, State.STARTING, State.QUEUED)
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


def only_through_app() -> None:
    """A page's first line: go through `app.py`, if Streamlit ran the page without it.

    Until some session has called `st.navigation`, a link that leads straight to a page makes
    Streamlit run the file in `pages/` alone, as its older multipage apps want it.
    """
    if not _shown:
        st.navigation(pages())
        st.rerun()


def to_top() -> None:
    """Scroll to the top, once: another page has come in the place of one that was read to its end.

    Streamlit keeps the scroll position when a page changes what it shows.
    """
    script = "document.querySelector('[data-testid=stMain]').scrollTo(0, 0)"
    st.html(f"<script>{script}</script>", unsafe_allow_javascript=True, width="content")


def show() -> None:
    """The line with the data and the model in use, and the run that is on."""
    _shown.append(True)
    del _shown[1:]
    cached.ensure_phantom()
    now = cached.anew("frame", _now)
    seconds = looks.SLOW[looks.level()] if now.busy else None
    st.fragment(_line, run_every=seconds, key="frame-line")(now.busy, [now])


@dataclass(frozen=True, kw_only=True)
class Now:
    """What the line tells of this server.

    Args:
        busy: whether it changes by itself: films are being made, or a run is on.
        data: the data in use, as Markdown.
        run: the run to tell of.
    """

    busy: bool
    data: str
    run: Run | None


def _now() -> Now:
    found = cached.runs_now()
    busy = cached.phantom_is_growing() or any(run.status.state.alive for run in found)
    return Now(busy=busy, data=_data_in_use(), run=_most_active(found))


@turns.in_turn
def _line(was_busy: bool, fresh: list[Now]) -> None:
    """Draw it.

    Args:
        was_busy: when the whole page was drawn.
        fresh: what was found then, until it is drawn.
    """
    now = fresh.pop() if fresh else cached.lately("frame", _now)
    if now.busy != was_busy:
        st.rerun()  # the whole page, once: it begins or ends the polling
    cached.give_back_memory()
    cached.spare_collector(len(sys.modules))
    with st.container(horizontal=True, vertical_alignment="center", key="frame", gap="medium"):
        # Small and not a caption: a caption's grey would take the badge's contrast.
        st.markdown(f":small[{now.data}]", width="content")
        st.markdown(f":small[Model: **{theme.plain(cached.model_in_use())}**]", width="content")
        if run := now.run:
            # Its place is as wide whatever it says, or a longer word would move the page below.
            label = f":material/radio_button_checked: {_short(run.name)}: {_doing(run)}"
            address = {state.RUN: run.name}
            st.page_link(
                "pages/train.py", label=label, query_params=address, width=CHIP_PX,
                help=f"{theme.plain(run.name)}: {describe(run)}",
            )  # fmt: skip


def _most_active(found: list[Run]) -> Run | None:
    """Of the runs that are on, the one to tell of: one that trains before one that waits."""
    alive = [run for run in found if run.status.state.alive]
    return min(alive, key=lambda run: _ACTIVITY.index(run.status.state), default=None)


def _data_in_use() -> str:
    root = datasets.chosen().root
    name = f"Data: **{theme.plain(root.name)}**"
    if cached.phantom_is_growing():
        going_on = phantom.is_being_made(root) or phantom.progress(root) is None
        doing = "being made" if going_on else "unfinished"  # how far: where films are shown
        return f"{name}, {doing} {theme.synthetic_badge()}"
    return f"{name} {theme.synthetic_badge()}" if cached.is_phantom(root) else name


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
