"""What can be asked of a run: one row, stop or go on, and what is behind "More"."""

import streamlit as st

from fracture_core.config import LIMITS
from fracture_core.runs import journal, predictions, run_folders
from fracture_core.runs.run_folders import Run, State
from fracture_core.verdicts import metrics
from ui.cache import run_cache
from ui.runs import run_menu
from ui.runs.run_menu import MORE_EPOCHS
from ui.shared import figures, model_choice, theme
from ui.shell import actions, owner, state


def show(run: Run) -> None:
    """The row, by what the run is doing now.

    What ends a run and what goes on with it never lie on the same spot: the second click of a
    double click, or one that waited for the page, must not undo the first.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        if run.status.state.alive:
            _stop(run)
            _more(run)
        else:
            _more(run)
            if len(run_cache.metrics_of(run.folder)):
                st.page_link(
                    "pages/evaluate.py", label="How good is it?", icon=":material/grid_view:",
                    query_params={state.MODEL: run.name},
                )  # fmt: skip
            _go_on(run)
    # A line in every state: as a run ends, what is below it stays where it is.
    if run.status.state.alive:
        words = "Stopping keeps all work. Closing this page changes nothing: the run goes on."
    elif not run.status.step:
        words = "Nothing was trained, and nothing is lost."
    elif run.status.state is State.INTERRUPTED:
        words = "All work is kept up to its last checkpoint, where Resume goes on."
    else:
        words = "All work is kept, up to its last step, and training can go on from there."
    st.caption(f"{words} Deleting is another thing, and asks first.")
    _offer(run)


def _offer(run: Run) -> None:
    """The run's best epoch with its dev figures, and the button that puts it to use: a run never
    becomes the model in use by itself. The line is there from the start."""
    with st.container(horizontal=True, vertical_alignment="center"):
        epochs = run_cache.metrics_of(run.folder)
        best = journal.best_in(epochs)
        lost = predictions.lost_lines(run.folder, epochs["epoch"] if len(epochs) else ())
        if best is None or lost:
            st.button("Use this run's best epoch", key="use-best", disabled=True)
            words = "It can judge after its first epoch, where you put it to use."
            if lost:
                words = "Which epoch was its best is not known any more. Diagnose takes any epoch."
            st.caption(words)
            return
        model_choice.offer(run.name, "Use this run's best epoch", "use-best")
        row = epochs[epochs["epoch"] == best].iloc[0]
        if "dev.study_accuracy" not in epochs:
            st.caption(f"Epoch {best}, its last. It set no dev films aside: nobody knows how good.")
            return
        n = int(row["dev.studies"])
        right = metrics.wilson(round(row["dev.study_accuracy"] * n), n)
        guess = run_cache.majority(run.folder, "studies").get("dev")
        lazily = f"; always guessing: {figures.percent(guess)}" if guess else ""
        st.caption(
            f"Epoch {best}, the lowest dev loss: {figures.percent(right.value)} of dev studies "
            f"right ({figures.with_interval(right)}{lazily})."
        )


def _more(run: Run) -> None:
    """Its content is made only while it is open: a live page is drawn every two seconds."""
    more = st.popover(
        "More", icon=":material/more_horiz:", key=f"{state.MORE}-{run.name}", on_change="rerun"
    )
    if more.open:
        with more:
            run_menu.show(run)


def _stop(run: Run) -> None:
    queued, stopping = run.status.state is State.QUEUED, run.status.state is State.STOPPING
    owner.button(
        "Leave the queue" if queued else "Stop now", icon=":material/stop:",
        on_click=_ask, args=(run.name, "stop"), disabled=stopping, key="stop",
        help="Keeps everything up to the last step.",
    )  # fmt: skip
    if not queued:
        asked = run_folders.has_request(run.folder, "stop_after_epoch")
        owner.button(
            "Stop after this epoch", on_click=_ask, args=(run.name, "stop_after_epoch"),
            disabled=stopping or asked, key="stop-later",
        )  # fmt: skip


def _ask(name: str, kind: str) -> None:
    with actions.errors_shown():
        actions.ask(run_folders.find(name), kind)


def _go_on(run: Run) -> None:
    if run.status.state is State.FAILED and not run.status.step:
        st.caption("Nothing was trained. Start a new run with other settings.", width="content")
        return
    # Callbacks, which are served whatever the run has done meanwhile in another browser.
    if run.status.state is not State.FINISHED:
        owner.button(
            "Resume", type="primary", icon=":material/play_arrow:", key="resume",
            on_click=_resume, args=(run.name,), help="Goes on where its last checkpoint stands.",
        )  # fmt: skip
    key = f"more-epochs-{run.name}"
    more = st.number_input(
        "More epochs", *LIMITS.epochs, MORE_EPOCHS, key=key, width=140,
        label_visibility="collapsed",
    )  # fmt: skip
    owner.button(
        f"Train {theme.plural(int(more), 'more epoch')}", icon=":material/add:", key="train-more",
        on_click=_resume, args=(run.name, key), help="Beyond the epochs first asked for.",
    )  # fmt: skip


def _resume(name: str, key: str | None = None) -> None:
    """Go on, for as many more epochs as the field of this key holds; the page begins to poll."""
    with actions.errors_shown():
        actions.resume(run_folders.find(name), int(st.session_state[key]) if key else 0)
