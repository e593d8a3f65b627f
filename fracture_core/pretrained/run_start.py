"""Transfer: a network that starts with the weights of an epoch of another run, layer by layer.

The other run may have another size or another network. Each layer whose name and shapes are those
of a layer there takes its weights; the others begin as they are drawn from the seed. Both are
listed in the run's facts, and so in its models' cards.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fracture_core import checksums
from fracture_core.config.reference import Reference
from fracture_core.config.train_config import TrainConfig
from fracture_core.epochs import epoch_weights, predictions
from fracture_core.errors import ModelError
from fracture_core.networks import architectures, network_weights
from fracture_core.runs import journal, run_folders
from fracture_core.runs.run_folders import Run
from fracture_core.words import short

if TYPE_CHECKING:
    import keras


def check(config: TrainConfig) -> None:
    """Refuse a start whose epoch is not kept, or whose layers cannot be told apart by name.

    Raises:
        RunError: there is no such run, or it does not keep the epoch's weights.
        ModelError: one of both is a network of the user's own, and not the same one.
    """
    if config.start_from:
        _source(config)


def load(model: "keras.Model", own: Run, films: pd.DataFrame) -> dict[str, Any]:
    """Give a network the weights of the epoch that its run's settings start from.

    Args:
        model: of `architectures.build`, with new weights.
        own: its run, whose settings name a start.
        films: of that run, with `role` and `patient`.

    Returns:
        Facts: run, epoch, SHA-256 of its weights, the layers that were loaded and those that begin
        new; and "seen", the number of dev and valid patients that the other run was trained on, if
        both have the same data.

    Raises:
        RunError, ModelError: see `check`; or no layer that learns fits.
    """
    start = own.config.start_from
    run, epoch = _source(own.config)
    path = epoch_weights.find(run.folder / "checkpoints", epoch)
    options = run.config.options.to_dict()
    source = architectures.build(run.config.architecture, run.config.recipe.size, **options)
    network_weights.load_weights(source, path)
    loaded, fresh = [], []
    for layer, other in _pairs(model, source):
        if other is not None and _shapes(other) == _shapes(layer):
            layer.set_weights(_finite(other.get_weights(), start))
            loaded.append(layer.name)
        else:
            fresh.append(layer.name)
    learning = {layer.name for layer in model.layers if layer.trainable_weights}
    if not learning & set(loaded):
        raise ModelError(
            f"No layer of {model.name} that learns has the name and the shapes of one of "
            f"{start} ({run.config.network}). Start from another run, or from new "
            "weights."
        )
    facts = {"run": run.name, "epoch": epoch, "loaded": loaded, "fresh": fresh}
    facts["sha256"] = checksums.digest(checksums.read(run.folder, path))
    if run.data.hash == own.data.hash:
        facts["seen"] = _seen(run, films)
    return facts


def _source(config: TrainConfig) -> tuple[Run, int]:
    """Return the run and the epoch that a config starts from."""
    reference = Reference.parse(config.start_from or "")
    if reference is None:  # the config has been checked
        raise ModelError(f"No epoch of a run: {short(config.start_from)}.")
    run = run_folders.read(run_folders.find(reference.run))
    epoch_weights.find(run.folder / "checkpoints", reference.epoch)
    own, other = config.options.own, run.config.options.own
    if (own or other) and not (own and other and own.sha256 == other.sha256):
        raise ModelError(
            f"The layers of a network of one's own have no fixed names, so it starts from runs of "
            f"the same file only; {config.start_from} is {run.config.network}. Choose another run."
        )
    return run, reference.epoch


def _pairs(
    model: "keras.Model", source: "keras.Model"
) -> list[tuple["keras.Layer", "keras.Layer | None"]]:
    """Return each layer with weights, and its counterpart in the other network.

    A network of the user's own has numbered names, which count on in a process: there the place
    decides.
    """
    if model.name == source.name == "own":
        others = dict(zip((each.name for each in model.layers), source.layers, strict=False))
    else:
        others = {each.name: each for each in source.layers}
    return [(each, others.get(each.name)) for each in model.layers if each.weights]


def _shapes(layer: "keras.Layer") -> list[tuple[int, ...]]:
    return [tuple(each.shape) for each in layer.weights]


def _finite(values: list[np.ndarray], reference: str | None) -> list[np.ndarray]:
    if not all(np.isfinite(each).all() for each in values):
        raise ModelError(
            f"The weights of {reference} must be finite numbers; some are not. Start from another "
            "epoch."
        )
    return values


def _seen(run: Run, films: pd.DataFrame) -> dict[str, int]:
    """Return how many patients of each predicted role the other run was trained on."""
    others = journal.films(run.folder)
    known = set(others.loc[others["role"] == "train", "patient"])
    return {
        role: len(known & set(films.loc[films["role"] == role, "patient"]))
        for role in predictions.ROLES
    }
