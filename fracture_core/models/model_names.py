"""Names of models: the place of each, the models that there are, and the first of them.

A name is that of a released model, of a run (its best epoch), or RUN@EPOCH; the command line takes
the path of a folder with a card as well. No model is read here.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fracture_core.config.reference import Reference
from fracture_core.epochs import predictions
from fracture_core.errors import ModelError, RunNotFound
from fracture_core.folders import models_folder
from fracture_core.models.model_files import CARD
from fracture_core.runs import run_folders
from fracture_core.runs.run_folders import Run
from fracture_core.words import short


@dataclass(frozen=True, kw_only=True)
class Place:
    """The folder of a model's files.

    Args:
        folder: of the released model, or of the run.
        run: the run's name; empty for a released model.
        epoch: of the run, if the name says which.
    """

    folder: Path
    run: str = ""
    epoch: int | None = None


def place(name: str) -> Place:
    """Return where the model of a name lies; its files are not read.

    Args:
        name: of a released model, of a run, RUN@EPOCH, or the path of a folder with a card.

    Raises:
        ModelError: there is none.
    """
    if name in released():
        return Place(folder=models_folder() / name)
    if os.path.isfile(f"{name}/{CARD}"):  # noqa: PTH113 - Path's raises on a name too long
        return Place(folder=Path(name))
    at_epoch = Reference.parse(name)
    run, _, epoch = name.partition("@")
    if at_epoch:
        run = at_epoch.run
    try:
        folder = run_folders.find(run)
    except RunNotFound as error:
        models = ", ".join(released()) or "none"
        raise ModelError(
            f"No model is called {short(name)!r}. Released models: {models}. "
            f"A run's name, RUN@EPOCH or a folder with a {CARD} will do as well."
        ) from error
    if epoch and at_epoch is None:
        raise ModelError(
            f"An epoch is a whole number, as in {short(run)}@17; received {short(epoch)!r}."
        )
    return Place(folder=folder, run=run, epoch=at_epoch.epoch if at_epoch else None)


def released() -> list[str]:
    """Return the names of the released models, in order."""
    return sorted(path.parent.name for path in models_folder().glob(f"[!.]*/{CARD}"))


def is_epoch_of_run(name: str) -> bool:
    """Return True for RUN@EPOCH of an existing run; the epoch itself may not be kept."""
    at_epoch = Reference.parse(name)
    return at_epoch is not None and run_folders.exists(at_epoch.run)


def at_best_epoch(name: str) -> str:
    """Return a run's name with its current best epoch, as RUN@EPOCH; other names unchanged."""
    if name in released() or not run_folders.exists(name):
        return name
    epoch = predictions.best_epoch(run_folders.find(name))
    return str(Reference(run=name, epoch=epoch)) if epoch else name


def in_order(
    cards: Mapping[str, tuple[str, bool]], runs: Iterable[Run], synthetic: bool
) -> list[str]:
    """List the models: released ones, then runs with a completed epoch.

    Models trained on films like the data in use come before all others. Of the released models the
    oldest comes first, so that a new model never becomes the default by itself.

    Args:
        cards: name of a released model -> its creation time, ISO 8601, and whether it was trained
            on synthetic films.
        runs: all of them, in the order of the list.
        synthetic: whether the data in use is synthetic.
    """
    models = {name: cards[name][1] for name in sorted(cards, key=cards.__getitem__)}
    for run in runs:
        if run.status.epoch:
            models.setdefault(run.name, bool(run.data.synthetic))
    return sorted(models, key=lambda name: models[name] != synthetic)


def default(models: Sequence[str]) -> str:
    """Return the first released model of a list, "" without one. A run is used only once picked."""
    return next((name for name in models if name in released()), "")
