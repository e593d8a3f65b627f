"""Stochastic weight averaging: the mean of a run's weights over kept epochs, as a model of its own.

Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima and Better Generalization": where the
weights still move about late in training, their mean can lie better than any of them. Batch
normalization has no averages for such weights, so they are recomputed over training films, as a run
does after each of its epochs. Nothing is trained, and the run is only read.
"""

import hashlib
import shlex
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fracture_core import checksums
from fracture_core.epochs import epoch_weights, predictions
from fracture_core.errors import DamagedFile, DataError, ModelError, Stopped
from fracture_core.models import epoch_models, model_files, prediction_table
from fracture_core.models.model import Model
from fracture_core.models.model_card import Card
from fracture_core.prediction import gate_job, training_patients
from fracture_core.releases import averaged_epochs, release
from fracture_core.runs import journal
from fracture_core.runs.run_folders import Run
from fracture_core.training import averages_job
from fracture_core.verdicts.metrics import Summary

if TYPE_CHECKING:
    import keras

WHEN = (
    "The mean can help where the weights still move about in late epochs, as with a learning rate "
    "that stays high. After a rate that has gone down to almost nothing these epochs are nearly "
    "alike, and so is their mean."
)
STEPS = 4  # of `make` beside the reading of each epoch
Step = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Films:
    """Films of a run with their pixels.

    Args:
        rows: of `films.parquet`, with `role`.
        pixels: uint8 (len(rows), size, size).
    """

    rows: pd.DataFrame
    pixels: np.ndarray

    def where(self, chosen: np.ndarray) -> "Films":
        """Return some of them, given as a mask or as row numbers."""
        rows = self.rows.iloc[np.arange(len(self.rows))[chosen]].reset_index(drop=True)
        return Films(rows=rows, pixels=self.pixels[chosen])

    @property
    def facts(self) -> dict[str, Any]:
        """Their number and the SHA-256 of their paths, a line each, for a card."""
        paths = "".join(f"{path}\n" for path in self.rows["path"])
        return {
            "films": len(self.rows),
            "films_sha256": hashlib.sha256(paths.encode("utf-8", "surrogateescape")).hexdigest(),
        }


def check(run: Run, name: str, epochs: Sequence[int] = ()) -> tuple[int, ...]:
    """Return the epochs of a mean that can be made under this name; arguments as in `make`.

    Raises:
        ModelError: see `averaged_epochs.chosen`; or the name is invalid or taken.
    """
    release.check_name(name)
    release.check_hides_no_run(name)
    return averaged_epochs.chosen(run, epochs)


def make(
    run: Run,
    name: str,
    epochs: Sequence[int] = (),
    say: Step = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Path:
    """Publish the mean of a run's weights as a model and return its folder. Loads TensorFlow.

    Args:
        run: any, whose films are where they were; a network without batch normalization needs
            none, and has no dev films then.
        name: of the model; letters, digits, dot, dash, underscore.
        epochs: see `averaged_epochs.chosen`.
        say: told what is done next, a sentence; `len(epochs) + STEPS` times.
        should_stop: checked between two steps.

    Raises:
        ModelError: see `check`; or the weights are too large for a released model, are no finite
            numbers, or do not fit the run's network.
        RunError: an epoch's weights are damaged, or the run's files cannot be read.
        DataError: the run's films can no longer be read, or hold other pictures.
        Stopped: `should_stop` returned `True`; no model was made.
    """
    from fracture_core.learners import learner

    def step(text: str) -> None:
        _refuse_stop(should_stop())
        say(text)

    epochs = check(run, name, epochs)
    files = [epoch_weights.find(run.folder / "checkpoints", epoch) for epoch in epochs]
    release.check_size(
        checksums.read(run.folder, files[0]),
        "Train with a weight average, which the run keeps in place of its weights.",
    )
    network = learner.make_network(run.config)
    set_mean(network, files, step)
    step("Reading the run's films.")
    films = _films(run, network)
    averaged: dict[str, Any] = {"epochs": list(epochs), **_none_of(run).facts}
    step("Recomputing the averages of batch normalization.")
    if films:
        averaged |= _set_averages(network, run, epochs, films, should_stop).facts
    step("Predicting the dev and valid films.")
    predicted = _predicted(network, films, should_stop) if films else _none_of(run).rows
    card, weights = _card(run, name, averaged, predicted), epoch_weights.content(network)
    dev = predicted[predicted["role"] == "dev"].reset_index(drop=True)
    step("Fitting the gate on the training films.")
    gate = _gate(run, card, weights, films) if films else None
    return release.publish(name, card, weights, dev, gate)


def beside(run: Run, model: Model) -> list[tuple[str, Summary]]:
    """Return the figures of a mean's dev studies beside those of epochs of its run.

    Returns:
        (name, figures) of the run's best epoch, of the last averaged one, and of the mean, at its
        threshold; empty for a mean without dev films.
    """
    if model.dev_films.empty:
        return []
    best, last = predictions.best_epoch(run.folder), model.card.averaged[-1]
    names = {f"{run.name}@{epoch}": epoch for epoch in (best, last) if epoch is not None}
    epochs = [(name, epoch_models.of_run(run.folder, epoch)) for name, epoch in names.items()]
    return [
        (name, each.at_threshold(model.card.threshold)["studies"])
        for name, each in [*epochs, (model.reference, model)]
    ]


def _refuse_stop(stopped: bool) -> None:
    if stopped:
        raise Stopped("Stopped; no model was made.")


def set_mean(network: "keras.Model", files: Sequence[Path], step: Step = lambda _: None) -> None:
    """Give a network the mean of the weights in some files.

    The sums are of float64; whole numbers, which some layers count with, are those of the last.

    Args:
        network: of `architectures.build`.
        files: each with weights of this network.
        step: called before each file, with a sentence.

    Raises:
        ModelError: a file cannot be read, belongs to another network, or holds numbers that are
            not finite.
    """
    from fracture_core.networks import network_weights

    sums: list[np.ndarray] = []
    for number, file in enumerate(files, 1):
        step(f"Reading the weights of epoch {number} of {len(files)}.")
        network_weights.load_weights(network, file)
        values = [np.asarray(each) for each in network.get_weights()]
        if not all(np.isfinite(each).all() for each in values):
            raise ModelError(
                f"Weights are averaged where they are finite numbers; some of {file.name} are not. "
                "Name other epochs."
            )
        added = [each.astype(np.float64) for each in values]
        sums = [total + each for total, each in zip(sums, added, strict=True)] if sums else added
    network.set_weights(
        [
            (total / len(files)).astype(each.dtype) if each.dtype.kind == "f" else each
            for total, each in zip(sums, values, strict=True)
        ]
    )


def _films(run: Run, network: "keras.Model") -> Films | None:
    """Return a run's films; `None` where they are gone and the network needs none.

    Raises:
        DataError: they are gone, and the averages of batch normalization need them.
    """
    from fracture_core.networks.layers import BatchNormalization

    try:
        rows, pixels = averages_job.films_of(run)
    except DataError:
        if any(isinstance(layer, BatchNormalization) for layer in network.layers):
            raise
        return None
    return Films(rows=rows, pixels=pixels)


def _none_of(run: Run) -> Films:
    """Return none of a run's films, with the columns of predicted ones."""
    rows, size = journal.films(run.folder).iloc[:0], run.config.recipe.size
    return Films(
        rows=rows.assign(probability=np.empty(0, np.float32)),
        pixels=np.empty((0, size, size), np.uint8),
    )


def _set_averages(
    network: "keras.Model",
    run: Run,
    epochs: Sequence[int],
    films: Films,
    should_stop: Callable[[], bool],
) -> Films:
    """Recompute the averages of batch normalization, and return the films that they are of.

    These are those of the last epoch; a network without such layers has no averages, and none.
    """
    from fracture_core.networks.layers import BatchNormalization
    from fracture_core.training import averages

    if not any(isinstance(layer, BatchNormalization) for layer in network.layers):
        return _none_of(run)
    training = films.where(films.rows["role"].to_numpy() == "train")
    used = training.where(averages.sample(run.config, len(training.rows), epochs[-1]))
    recompute = averages.make_recompute(network, frozen=epochs[-1] <= run.config.frozen_epochs)
    _refuse_stop(not recompute(used.pixels, should_stop))
    return used


def _predicted(
    network: "keras.Model", films: Films, should_stop: Callable[[], bool]
) -> pd.DataFrame:
    """Return the dev and valid films with their `probability`, as a run's table has them."""
    from fracture_core.training import steps

    others = films.pixels[films.rows["role"].to_numpy() != "train"]
    table = steps.predict_blocks(steps.make_predict(network), others, should_stop)
    if table is None:
        raise Stopped("Stopped; no model was made.")
    return predictions.join(films.rows, table)


def _card(run: Run, name: str, averaged: dict[str, Any], predicted: pd.DataFrame) -> Card:
    """Return the card of the mean: that of its last epoch, with its own figures and origin."""
    epochs = averaged["epochs"]
    last = epoch_models.of_run(run.folder, epochs[-1])
    patients = training_patients.record(last)
    by_role = {role: predicted[predicted["role"] == role] for role in predictions.ROLES}
    return replace(
        last.card,
        name=name,
        training={
            **last.card.training,
            "normalization": "recomputed",
            "run": run.name,
            "averaged": averaged,
            **({training_patients.RECORD: patients} if patients else {}),
        },
        metrics=prediction_table.figures(by_role, last.card.threshold),
        command=_command(last.card.command, run.name, name, epochs),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _command(train: str, run: str, name: str, epochs: Sequence[int]) -> str:
    """Return the commands that train the run and average its weights."""
    words = ["python", "-m", "fracture_core", "average-weights", run, name]
    words += ["--epochs", ",".join(map(str, epochs))]
    return f"{train} {shlex.join(['--name', run])} && {shlex.join(words)}"


def _gate(run: Run, card: Card, weights: bytes, films: Films) -> bytes | None:
    """Return the content of a gate for these weights; `None` where the films are too few."""
    none = _none_of(run).rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / model_files.WEIGHTS
        path.write_bytes(weights)
        model = Model(reference=card.name, card=card, weights=path, dev_films=none)
        try:
            return gate_job.fit(model, run.data_root, films.rows, run.folder)
        except (DataError, DamagedFile):
            return None
