"""The available models, and the one in use."""

import streamlit as st

from fracture_core import files
from fracture_core.epochs import epoch_weights
from fracture_core.errors import FractureError
from fracture_core.folders import cache_folder
from fracture_core.models import model_files, model_names, stored_models
from fracture_core.models.model import Model
from fracture_core.runs import journal, run_status
from ui.cache import data_cache, run_cache
from ui.shell import state, tab_data


def model_in_use() -> str:
    """Return the reference of this session's model, see `model_choice.settle`; "" for none.

    It may have been deleted since it was picked (`is_model`): no other replaces it automatically.
    """
    return str(st.session_state.get(state.PICKED, ""))


def default_model() -> str:
    """Return a new session's model, see `model_names.default`."""
    return model_names.default(models_here())


def is_model(reference: str) -> bool:
    """Return True if this names an available model; a run's epoch may still not be kept."""
    return reference in models_here() or model_names.is_epoch_of_run(reference)


def models_here() -> list[str]:
    """List the available models, see `model_names.in_order`; runs come newest first."""
    synthetic = data_cache.is_phantom(tab_data.choice().root)
    cards = {name: _age(name) for name in model_names.released()}
    return model_names.in_order(cards, run_cache.runs_now(), synthetic)


def _age(name: str) -> tuple[str, bool]:
    """(creation time of a released model, whether on synthetic films); a broken one is last."""
    try:
        card = read_model(name, stamp(name)).card
    except FractureError:
        return "~", False
    return card.created, card.synthetic


def model(reference: str) -> Model:
    """Return the model of this name in its current state.

    Args:
        reference: one of `models_here`, or `model_names.is_epoch_of_run`; never a path.
    """
    return read_model(reference, stamp(reference))


@st.cache_resource(max_entries=8, show_spinner=False)
def read_model(reference: str, stamp: tuple[int, ...]) -> Model:
    """Read a model; `stamp` is part of the key, so that a changed one is read again."""
    return stored_models.find(reference)


def stamp(reference: str) -> tuple[int, ...]:
    """Return a cache key that changes when a file of the model is written, replaced or damaged.

    Raises:
        ModelError: there is no such model.
    """
    place = model_names.place(reference)
    if not place.run:
        return sum((files.stamp(place.folder / name) for name in model_files.FILES), ())
    table = place.folder / "metrics.jsonl"
    epoch = place.epoch
    if epoch is None:
        epoch = journal.best_in(run_cache.metrics_of(place.folder)) or 0
    weights = place.folder / "checkpoints" / epoch_weights.name(epoch)
    gates = len(list((cache_folder() / "gates").glob(f"*/{model_files.GATE}")))  # a run may get one
    return (gates, *files.stamp(table), *files.stamp(weights))


def gate_status(reference: str) -> run_status.Status | None:
    """Return the status of fitting a run's gate; `None` before its first start."""
    folder = model_files.gate_folder(model(reference).weights)
    return run_status.read(folder) if (folder / "status.json").is_file() else None
