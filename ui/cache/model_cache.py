"""The models that are here, and the one in use."""

import streamlit as st

from fracture_core import files
from fracture_core.config import (
    cache_folder,
    models_folder,
    runs_folder,
    whole_number,
)
from fracture_core.errors import FractureError
from fracture_core.models import cards
from fracture_core.runs import checkpoints, journal, predictions, run_folders
from ui.cache import data_cache, run_cache
from ui.shell import state, tab_data


def model_in_use() -> str:
    """The model that judges in this session, see `model_choice.settle`; "" where none is in use.

    It may be gone since it was picked (`is_model`): no other takes its place by itself.
    """
    return st.session_state.get(state.PICKED, "")


def default_model() -> str:
    """What a session begins with: the first released model; a run is used where it is picked."""
    return next((name for name in models_here() if name in cards.released()), "")


def is_model(reference: str) -> bool:
    """Whether this names a model that is here; a run's epoch may not be kept."""
    return reference in models_here() or is_epoch_of_run(reference)


def fixed(reference: str) -> str:
    """A run's name with its best epoch by now, as RUN@EPOCH: when the run goes on and another
    epoch becomes the best, whoever uses this one keeps it. Any other reference as it is."""
    if reference in cards.released() or not run_folders.exists(reference):
        return reference
    epoch = predictions.best_epoch(run_folders.find(reference))
    return f"{reference}@{epoch}" if epoch else reference


def models_here() -> list[str]:
    """What can judge: released models, then runs that have completed an epoch, newest first.

    Before all of them those that learned from films like the data in use, real or synthetic; of
    the released the oldest first, so that a model of one's own is picked and never slipped in.
    """
    synthetic = data_cache.is_phantom(tab_data.choice().root)
    found: dict[str, bool] = {}  # name -> whether it learned from synthetic films
    for name in sorted(cards.released(), key=_age):
        found[name] = _age(name)[1]
    for run in run_cache.runs_now():
        if run.status.epoch:
            found.setdefault(run.name, bool(run.facts.get("data", {}).get("synthetic")))
    return sorted(found, key=lambda name: found[name] != synthetic)


def _age(name: str) -> tuple[str, bool]:
    """When a released model was made, and whether from synthetic films; a broken one is last."""
    try:
        card = read_model(name, stamp(name)).card
    except FractureError:
        return "~", False
    return card.created, card.synthetic


def is_epoch_of_run(reference: str) -> bool:
    """Whether this is `RUN@EPOCH` of a run that is here; the epoch itself may not be kept."""
    name, _, epoch = reference.partition("@")
    return whole_number(epoch) is not None and run_folders.exists(name)


def model(reference: str) -> cards.Model:
    """The model of this name, as it stands now.

    Args:
        reference: one of `models_here`, or `is_epoch_of_run`; never a path.
    """
    return read_model(reference, stamp(reference))


@st.cache_resource(max_entries=8, show_spinner=False)
def read_model(reference: str, stamp: tuple[int, ...]) -> cards.Model:
    return cards.find(reference)


def stamp(reference: str) -> tuple[int, ...]:
    """Other numbers whenever what a model is read from was written, replaced or damaged."""
    if reference in cards.released():
        folder = models_folder() / reference
        return sum((files.stamp(folder / name) for name in cards.FILES), ())
    name, _, epoch = reference.partition("@")
    folder = runs_folder() / name
    table = folder / "metrics.jsonl"
    judges = whole_number(epoch)
    if judges is None:
        judges = journal.best_in(run_cache.metrics_of(folder)) or 0
    weights = folder / "checkpoints" / checkpoints.weights_name(judges)
    gates = len(list((cache_folder() / "gates").glob(f"*/{cards.GATE}")))  # a run may get one
    return (gates, *files.stamp(table), *files.stamp(weights))


def gate_status(reference: str) -> run_folders.Status | None:
    """How far the fitting of a run's gate is; `None` if nobody has asked for it."""
    folder = cards.gate_folder(model(reference).weights)
    return run_folders.status(folder) if (folder / "status.json").is_file() else None
