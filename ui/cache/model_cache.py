"""The available models, and the one in use."""

import streamlit as st

from fracture_core import files
from fracture_core.config import Reference, cache_folder, models_folder, runs_folder
from fracture_core.errors import FractureError
from fracture_core.models import cards
from fracture_core.runs import checkpoints, journal, predictions, run_folders
from ui.cache import data_cache, run_cache
from ui.shell import state, tab_data


def model_in_use() -> str:
    """Return the reference of this session's model, see `model_choice.settle`; "" for none.

    It may have been deleted since it was picked (`is_model`): no other replaces it automatically.
    """
    return str(st.session_state.get(state.PICKED, ""))


def default_model() -> str:
    """Return a new session's model: the first released one. A run is used only once picked."""
    return next((name for name in models_here() if name in cards.released()), "")


def is_model(reference: str) -> bool:
    """Return True if this names an available model; a run's epoch may still not be kept."""
    return reference in models_here() or is_epoch_of_run(reference)


def fixed(reference: str) -> str:
    """Return a run's name with its current best epoch, as RUN@EPOCH; other references unchanged.

    If the run continues and another epoch becomes the best, sessions that use this one keep it.
    """
    if reference in cards.released() or not run_folders.exists(reference):
        return reference
    epoch = predictions.best_epoch(run_folders.find(reference))
    return str(Reference(run=reference, epoch=epoch)) if epoch else reference


def models_here() -> list[str]:
    """List the models: released ones, then runs with a completed epoch, newest first.

    Models trained on films like the data in use, real or synthetic, come before all others. Of the
    released models the oldest comes first, so that a new model never becomes the default by itself.
    """
    synthetic = data_cache.is_phantom(tab_data.choice().root)
    models: dict[str, bool] = {}  # name -> whether it was trained on synthetic films
    for name in sorted(cards.released(), key=_age):
        models[name] = _age(name)[1]
    for run in run_cache.runs_now():
        if run.status.epoch:
            models.setdefault(run.name, bool(run.facts.get("data", {}).get("synthetic")))
    return sorted(models, key=lambda name: models[name] != synthetic)


def _age(name: str) -> tuple[str, bool]:
    """(creation time of a released model, whether on synthetic films); a broken one is last."""
    try:
        card = read_model(name, stamp(name)).card
    except FractureError:
        return "~", False
    return card.created, card.synthetic


def is_epoch_of_run(reference: str) -> bool:
    """Return True for `RUN@EPOCH` of an existing run; the epoch itself may not be kept."""
    at_epoch = Reference.parse(reference)
    return at_epoch is not None and run_folders.exists(at_epoch.run)


def model(reference: str) -> cards.Model:
    """Return the model of this name in its current state.

    Args:
        reference: one of `models_here`, or `is_epoch_of_run`; never a path.
    """
    return read_model(reference, stamp(reference))


@st.cache_resource(max_entries=8, show_spinner=False)
def read_model(reference: str, stamp: tuple[int, ...]) -> cards.Model:
    """Read a model; `stamp` is part of the key, so that a changed one is read again."""
    return cards.find(reference)


def stamp(reference: str) -> tuple[int, ...]:
    """Return a cache key that changes when a file of the model is written, replaced or damaged."""
    if reference in cards.released():
        folder = models_folder() / reference
        return sum((files.stamp(folder / name) for name in cards.FILES), ())
    at_epoch = Reference.parse(reference)
    folder = runs_folder() / (at_epoch.run if at_epoch else reference)
    table = folder / "metrics.jsonl"
    epoch = at_epoch.epoch if at_epoch else journal.best_in(run_cache.metrics_of(folder)) or 0
    weights = folder / "checkpoints" / checkpoints.weights_name(epoch)
    gates = len(list((cache_folder() / "gates").glob(f"*/{cards.GATE}")))  # a run may get one
    return (gates, *files.stamp(table), *files.stamp(weights))


def gate_status(reference: str) -> run_folders.Status | None:
    """Return the status of fitting a run's gate; `None` before its first start."""
    folder = cards.gate_folder(model(reference).weights)
    return run_folders.status(folder) if (folder / "status.json").is_file() else None
