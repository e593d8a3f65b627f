"""Everything that a page can change, behind one check: the owner's.

No other module of `ui` or `pages` calls what changes runs, models, the data in use or files on
disk; `tests/test_owner_guard.py` finds who does. A browser can send any event, a greyed button's
too: so it is here that a visitor is refused, before anything is looked at.
"""

import contextlib
import functools
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ParamSpec, TypeVar

import streamlit as st

from fracture_core import config, files
from fracture_core.analysis import report_2018
from fracture_core.audit import audit_job
from fracture_core.datasets import catalog, exclusions
from fracture_core.datasets.catalog import Choice, Dataset
from fracture_core.errors import DataError, FractureError, WriteFailed
from fracture_core.jobs import launcher
from fracture_core.models import cards, ensemble, evaluation, gate_job
from fracture_core.runs import run_folders
from fracture_core.training import averages_job
from ui.cache import data_cache, study_cache
from ui.shared import theme
from ui.shell import owner, state, tab_data

TOLD_SECONDS = 3.0  # in which a message that a new drawing has taken away is shown again
P, R = ParamSpec("P"), TypeVar("R")


@contextlib.contextmanager
def errors_shown() -> Iterator[None]:
    """Keep an error that is meant for a person for `tell`, and go on: another browser was quicker,
    the same button was pressed twice, or a visitor pressed the owner's.

    Not shown at once: what a callback shows in a fragment takes the place of the page's elements.
    """
    try:
        yield
    except FractureError as error:
        st.session_state[state.NOTICE] = str(error)


def begin() -> None:
    """Count the drawings of whole pages in this tab; at the start of each."""
    st.session_state[state.DRAWINGS] = st.session_state.get(state.DRAWINGS, 0) + 1


def show_errors() -> None:
    """Show what the last action ended in; at the end of a page, fragment or dialog.

    A page that is drawn anew takes a message away that has just come (the run begins, another
    browser deletes it): within `TOLD_SECONDS` it is shown again.
    """
    number, now = st.session_state.get(state.DRAWINGS, 0), time.monotonic()
    if notice := st.session_state.pop(state.NOTICE, None):
        st.session_state[state.TOLD] = [notice, now + TOLD_SECONDS, number]
    else:
        notice, until, shown = st.session_state.get(state.TOLD, ["", 0.0, number])
        if shown == number or now > until:
            return
        st.session_state[state.TOLD] = [notice, until, number]
    st.toast(theme.plain(notice), icon=":material/info:", duration="long")


def owners(action: Callable[P, R]) -> Callable[P, R]:
    """An action that a visitor is refused.

    Raises:
        NotOwner: whatever else the action may raise, this comes before.
        WriteFailed: in the place of any other error of the disk.
    """

    @functools.wraps(action)
    def guarded(*given: P.args, **named: P.kwargs) -> R:
        owner.check()
        try:
            return action(*given, **named)
        except FractureError:
            raise
        except OSError as error:
            raise WriteFailed(files.refusal(error)) from error

    return guarded


def pressed(action: Callable[P, object], *given: P.args, **named: P.kwargs) -> None:
    """A button's callback: do this, or keep the sentence that says why not."""
    with errors_shown():
        action(*given, **named)


# --- runs ---------------------------------------------------------------------------------------

ask = owners(run_folders.send_request)
delete = owners(run_folders.delete)
fork = owners(launcher.fork)
recompute_averages = owners(averages_job.start)
make_ensemble = owners(ensemble.make)
resume = owners(launcher.resume)
set_labels = owners(run_folders.set_labels)
start_report = owners(report_2018.start)
stop_report = owners(report_2018.stop)


@owners
def start_run(settings: config.TrainConfig, name: str) -> None:
    """Start a run on the data that this tab reads.

    Raises:
        DataError: it is no longer what the tab has shown.
    """
    if (known := tab_data.current_identity()) and tab_data.identity(
        data_cache.dataset().hash
    ) != known:
        raise DataError(
            f"The films of {tab_data.choice().root.name} have changed since this page was drawn, "
            "so no run was started. Look at the page again, then start it."
        )
    launcher.create_and_start(settings, name)


@owners
def keep_weights(name: str, data: bytes) -> Path:
    """Keep uploaded weights where the run's child can read them; gives the path."""
    folder = config.cache_folder() / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    # The name stays, since a refusal must name the file as its owner knows it.
    name = re.sub(r"[^\w.\-]", "_", name).lstrip(".")
    path = folder / cards.sha256(data)[:16] / name
    path.parent.mkdir(exist_ok=True)
    if not path.is_file():
        files.replace_file(path, data)
    return path


# --- data ---------------------------------------------------------------------------------------

audit = owners(audit_job.start)
rescan = owners(study_cache.rescan)


@owners
def make_phantom(root: Path) -> None:
    """Start making, or finishing, the phantom in a folder."""
    launcher.start_phantom(root)


@owners
def choose_data(root: Path, positive: str | None = None, data: Dataset | None = None) -> None:
    """Use this data set on the server, and read it in this tab; other tabs are asked."""
    choice: Choice = catalog.choose(root, positive)
    tab_data.begin(choice, data)
    state.leave_data()


@owners
def read_folder(folder: str, positive: str | None) -> Dataset:
    """The data set in a folder that somebody has named.

    Raises:
        DataError: see `catalog.read`.
    """
    return catalog.read(Path(folder), positive)


@owners
def leave_out(data_hash: str, value: exclusions.Exclusions) -> None:
    """Replace the list of films that training leaves out, of the data set with this hash."""
    exclusions.write(exclusions.file_of(data_hash), value)


# --- models -------------------------------------------------------------------------------------

evaluate = owners(evaluation.start)
fit_gate = owners(gate_job.start)
