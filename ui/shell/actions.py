"""Everything that a page can change, behind one check: the owner's.

No other module of `ui` or `pages` calls functions that change runs, models, the data in use or
files on disk; `tests/test_owner_guard.py` enforces it. A browser can send any event, even that of
a disabled button: visitors are therefore refused here, before anything is read.
"""

import contextlib
import functools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ParamSpec, TypeVar

import streamlit as st

from fracture_core import checksums, files, folders
from fracture_core.analysis import leak, report_2018
from fracture_core.answers import card_choices
from fracture_core.audit import audit_job
from fracture_core.clusters import launcher_choice
from fracture_core.config.network_options import OwnNetwork
from fracture_core.config.train_config import TrainConfig
from fracture_core.cross_validation import fold_release, group_runs
from fracture_core.curation import corrections, selections
from fracture_core.curation.selections import Selection
from fracture_core.datasets import catalog, chosen_data, exclusions
from fracture_core.datasets.catalog import Dataset
from fracture_core.datasets.chosen_data import Choice
from fracture_core.errors import FractureError, RunNameTaken, WriteFailed
from fracture_core.evaluations import evaluation_job
from fracture_core.exports import run_archive
from fracture_core.floors import floors_job
from fracture_core.jobs import fetch_job, launcher, standby
from fracture_core.neighbours import neighbours_job
from fracture_core.own_networks import allowed
from fracture_core.prediction import gate_job
from fracture_core.releases import ensemble
from fracture_core.run_groups import members
from fracture_core.runs import run_folders, run_labels, run_requests
from fracture_core.sweeps import sweep
from fracture_core.sweeps.sweep import Sweep
from fracture_core.training import averages_job, network_check
from ui.cache import data_cache, study_cache
from ui.shared import theme
from ui.shell import owner, state, tab_data

MESSAGE_SECONDS = 3.0  # in which a message is repeated after the whole page was redrawn
P = ParamSpec("P")
R = TypeVar("R")


@contextlib.contextmanager
def errors_shown() -> Iterator[None]:
    """Keep an error that is meant for a person for `show_errors`, and continue.

    Typical reasons: another browser was quicker, a button was pressed twice, a visitor pressed
    the owner's. It is not shown at once, since elements that a callback draws in a fragment replace
    the page's own.
    """
    try:
        yield
    except FractureError as error:
        st.session_state[state.NOTICE] = str(error)


def begin() -> None:
    """Count how often whole pages were drawn in this tab; called at the start of each."""
    st.session_state[state.DRAWINGS] = st.session_state.get(state.DRAWINGS, 0) + 1


def show_errors() -> None:
    """Show the last action's message; called at the end of a page, fragment or dialog.

    Redrawing the whole page removes a message that has just appeared (the run begins, another
    browser deletes it): within `MESSAGE_SECONDS` it is shown again.
    """
    number, now = st.session_state.get(state.DRAWINGS, 0), time.monotonic()
    if notice := st.session_state.pop(state.NOTICE, None):
        st.session_state[state.LAST_MESSAGE] = [notice, now + MESSAGE_SECONDS, number]
    else:
        notice, until, shown = st.session_state.get(state.LAST_MESSAGE, ["", 0.0, number])
        if shown == number or now > until:
            return
        st.session_state[state.LAST_MESSAGE] = [notice, until, number]
    st.toast(theme.plain(notice), icon=":material/info:", duration="long")


def owners(action: Callable[P, R]) -> Callable[P, R]:
    """Decorate an action so that visitors are refused.

    Raises:
        NotOwner: before anything that the action itself may raise.
        WriteFailed: in place of any other error of the disk.
    """

    @functools.wraps(action)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        owner.check()
        try:
            return action(*args, **kwargs)
        except FractureError:
            raise
        except OSError as error:
            raise WriteFailed(files.refusal(error)) from error

    return guarded


def pressed(action: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Run an action as a button's callback; keep the sentence of its error."""
    with errors_shown():
        action(*args, **kwargs)


# --- runs ---------------------------------------------------------------------------------------

send_request = owners(run_requests.send)
delete = owners(run_folders.delete)
fork = owners(launcher.fork)
recompute_averages = owners(averages_job.start)
make_ensemble = owners(ensemble.make)
prepare_run = owners(standby.prepare)
resume = owners(launcher.resume)
import_run = owners(run_archive.read)
set_labels = owners(run_labels.write)
start_report = owners(report_2018.start)
stop_report = owners(report_2018.stop)


stop_group = owners(members.stop)
resume_group = owners(members.start)
delete_group = owners(members.delete)
release_group = owners(fold_release.make)


@owners
def start_run(settings: TrainConfig, name: str, labels: run_labels.Labels | None = None) -> None:
    """Start a run on the data that this tab reads, with its tags and note.

    Raises:
        DataError: the films have changed since the page was drawn.
    """
    data_cache.check_unchanged()
    with launcher_choice.through(st.session_state.get(state.LAUNCHER)):
        launcher.create_and_start(settings, name, labels=labels)


@owners
def cross_validate(settings: TrainConfig, folds: int, name: str, labels: run_labels.Labels) -> None:
    """Start a cross-validation on the data that this tab reads, once even after a double click.

    Raises:
        DataError: the films have changed since the page was drawn.
    """
    data_cache.check_unchanged()
    with launcher_choice.through(st.session_state.get(state.LAUNCHER)):
        group_runs.begin(settings, folds, name, data_cache.dataset(), labels)


@owners
def start_sweep(value: Sweep, name: str, labels: run_labels.Labels) -> None:
    """Start a sweep on the data that this tab reads, once even after a double click.

    Raises:
        DataError: the films have changed since the page was drawn.
    """
    data_cache.check_unchanged()
    with launcher_choice.through(st.session_state.get(state.LAUNCHER)):
        sweep.begin(replace(value, name=name), data_cache.dataset(), labels)


@owners
def keep_weights(name: str, data: bytes) -> Path:
    """Keep uploaded weights where the run's process can read them; return the path."""
    return checksums.keep(folders.cache_folder() / "weights", name, data)


@owners
def keep_table(name: str, data: bytes) -> Path:
    """Keep an uploaded table of films where every process can read it; return the path."""
    return checksums.keep(folders.cache_folder() / "tables", name, data)


@owners
def check_network(file: str, source: str, size: int) -> OwnNetwork:
    """Check a network of the owner's own, whose code is allowed, in a child process.

    Raises:
        ConfigError: it makes no network that can be trained.
        ModelError: the check came to no result.
    """
    return network_check.checked(file, source, size)


# --- data ---------------------------------------------------------------------------------------

audit = owners(audit_job.start)
stop_leak = owners(run_folders.stop_active)
fetch = owners(fetch_job.start)
rescan = owners(study_cache.rescan)


@owners
def measure_leak(data: Dataset, token: str) -> None:
    """Start the two runs of the leak thermometer, once even after a double click."""
    with contextlib.suppress(RunNameTaken):
        leak.start(data, leak.audited_families(data), token)


@owners
def make_phantom(root: Path) -> None:
    """Start making, or completing, the phantom in a folder."""
    launcher.start_phantom(root)


@owners
def choose_data(
    root: Path,
    positive: str | None = None,
    data: Dataset | None = None,
    table: str | None = None,
) -> None:
    """Use this data set on the server, and read it in this tab; other tabs ask before switching."""
    choice: Choice = chosen_data.choose(root, positive, table)
    tab_data.begin(choice, data)
    state.leave_data()


@owners
def read_folder(folder: str, positive: str | None, table: str | None = None) -> Dataset:
    """Read the data set in a folder that the owner has typed.

    Raises:
        DataError: see `catalog.read`.
    """
    return catalog.read(Path(folder), positive, table=table)


@owners
def leave_out(data_hash: str, value: exclusions.Exclusions) -> None:
    """Replace the list of films that training excludes, of the data set with this hash."""
    exclusions.write(exclusions.file_of(data_hash), value)


@owners
def save_selection(value: Selection) -> None:
    """Save a selection under its name, in place of one of the same name."""
    selections.save(selections.folder_of(value.data), value)


@owners
def remove_selection(value: Selection) -> None:
    """Remove a saved selection, and include its films in training again."""
    path = exclusions.file_of(value.data)
    if path.is_file():
        exclusions.write(path, exclusions.read(path).unticked(value.reason))
    selections.remove(selections.folder_of(value.data), value.name)


@owners
def correct_labels(data: Dataset, labels: Mapping[str, int], by: str, why: str) -> None:
    """Correct labels of studies; a label of the data's own undoes a correction.

    Args:
        data: the data set as it is, which is not written.
        labels: key of a study -> its label.
        by: the person who corrects.
        why: the reason.
    """
    studies, before = catalog.studies(data.manifest), corrections.read(data.hash)
    corrections.write(data.hash, corrections.corrected(before, studies, labels, by, why))


@owners
def undo_corrections(data_hash: str, keys: Iterable[str]) -> None:
    """Return the labels of studies to those of the data."""
    corrections.write(data_hash, corrections.undone(corrections.read(data_hash), keys))


# --- models -------------------------------------------------------------------------------------

evaluate = owners(evaluation_job.start)
save_point = owners(card_choices.save_point)
save_calibration = owners(card_choices.save_calibration)
save_promise = owners(card_choices.save_promise)
fit_gate = owners(gate_job.start)
make_twins = owners(floors_job.start)
make_neighbours = owners(neighbours_job.start)
allow_code = owners(allowed.allow)
