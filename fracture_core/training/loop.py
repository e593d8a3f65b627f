"""Training loop: epochs of compiled steps, and the files that each epoch writes.

`train` continues a run to its last epoch, or until a stop is requested. At an epoch's end it writes
the prediction table, then the checkpoint (which contains the metrics line), then the line: a reader
never sees a figure without the table that it was computed from.
"""

import contextlib
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from fracture_core import checksums
from fracture_core.epochs import (
    backups,
    checkpoints,
    epoch_weights,
    feature_maps,
    predictions,
    resumption,
)
from fracture_core.epochs.checkpoints import Position
from fracture_core.errors import FractureError, TrainingFailed
from fracture_core.files import keep_damaged
from fracture_core.jobs.worker import Clock, Worker
from fracture_core.learners.learner import Learner, class_weights, make_learner, make_optimizer
from fracture_core.networks import network_weights, schedules
from fracture_core.pretrained import frozen_base, imagenet_files, imagenet_weights
from fracture_core.runs import journal, run_config
from fracture_core.runs.run_status import State
from fracture_core.training import averages, event_files
from fracture_core.training.steps import (
    make_features,
    make_predict,
    make_steps,
    predict_blocks,
)
from fracture_core.training_films.pipeline import Pipeline

CALL_SECONDS = 0.1  # of steps in one call: long against its overhead, short before a stop
CALL_STEPS = 64


def set_threads(count: int, branches: int = 1) -> None:
    """Set TensorFlow's threads; to be called before anything is computed.

    Args:
        count: threads of one operation; the last bits of its sums depend on it.
        branches: operations at once, such as the two gradients of a convolution; no bit depends on
            it, since each is computed as it would be alone.
    """
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(branches)


def train(folder: Path, films: pd.DataFrame, pixels: np.ndarray, worker: Worker) -> None:
    """Train a run to its last epoch, or until a stop is requested.

    Args:
        folder: the run folder; training continues from its latest checkpoint.
        films: rows of `films.parquet`, with `role` and `label`.
        pixels: uint8 (len(films), size, size).
        worker: serves the run's requests and writes its status.

    Raises:
        Stopped: a stop was requested before the first step.
        TrainingFailed: the loss, or a probability, is no longer a finite number.
        ModelError: the initial weights cannot be fetched or read, or belong to another network.
        RunError: a required checkpoint cannot be used.
    """
    config = worker.config
    worker.phase("compiling", "Building the network.")
    with worker.may_leave():
        learner = make_learner(config)
    position = _restore(folder, learner)
    if not position.step:
        _start_from(folder, learner.model, worker)
    loop = Loop(folder, films, pixels, learner, worker)
    position = loop.counted(position)
    loop.keep_lost_features()
    worker.begin()
    early = loop.waited_enough(position)
    while position.epoch < worker.epochs and not early and not worker.asked_to_stop():
        position = loop.epoch(position)
        early = loop.waited_enough(position)
        if worker.stop_after_epoch:
            break
    _write_end(worker, position, early)


def _start_from(folder: Path, model: keras.Model, worker: Worker) -> None:
    """Load the weights that the config names; without any, those of its seed stay."""
    config = worker.config
    if config.weights:
        network_weights.load_weights(model, Path(config.weights))
    if config.pretraining == "imagenet":
        imagenet_files.check(config)
        content, sha256 = _imagenet_file(worker)
        imagenet_weights.load(model, content)
        name = imagenet_files.FILES[config.architecture].name
        facts = {"weights": "imagenet", "file": name, "sha256": sha256}
        run_config.complete(folder, pretraining=facts)
        worker.phase("compiling", "Building the network.")


def _imagenet_file(worker: Worker) -> tuple[bytes, str]:
    """Return the network's file of ImageNet weights and its SHA-256; progress is in the status."""

    def progress(done: int, total: int) -> None:
        message = f"Fetching ImageNet weights: {done / 1e6:.1f} of {total / 1e6:.1f} MB."
        worker.tick(message=message, progress=done / total)

    name, should_stop = worker.config.architecture, worker.asked_to_stop
    worker.phase("weights", "Reading ImageNet weights.")
    with worker.may_leave():
        return imagenet_files.read(name, progress, should_stop)


def _restore(folder: Path, learner: Learner) -> Position:
    """Restore the latest whole state, and set aside later files."""
    model, optimizer, loss, average = learner
    position, passed_over = resumption.restore(
        folder / "checkpoints", model, optimizer, loss.variables, learner.averaged
    )
    if average and position.step:
        average.exchange()  # a state's network holds the average
    for sentence in passed_over:
        journal.log_event(folder, "checkpoint_passed_over", message=sentence)
    if epochs := backups.move(folder, position):
        journal.log_event(folder, "set_aside", epochs=epochs)
    feature_maps.drop_after(folder, position.epoch)
    checksums.drop_missing(folder)
    if predictions.lost_lines(folder):
        keep_damaged(folder / "metrics.jsonl")
    lines = checkpoints.lines_up_to(folder, position)
    journal.replace_lines(folder / "metrics.jsonl", lines)
    event_files.begin(folder, lines)
    points = journal.up_to(folder / "steps.jsonl", "step", position.step)
    journal.replace_lines(folder / "steps.jsonl", points)
    journal.log_event(folder, "resumed" if position.step else "started", step=position.step)
    return position


def _write_end(worker: Worker, position: Position, early: bool) -> None:
    """Write the run's final event and status."""
    done = position.epoch >= worker.epochs
    state = State.FINISHED if done or early else State.STOPPED
    epochs = f"{position.epoch} of {worker.epochs} epoch{'s' if worker.epochs != 1 else ''}"
    if done:
        message = f"Finished {epochs}."
    elif early:
        patience = worker.config.early_stopping
        message = f"Finished early, after {epochs}: no lower dev loss for {patience} epochs."
    else:
        message = f"Stopped after {epochs}; all work is kept."
    journal.log_event(worker.folder, str(state), step=position.step, epoch=position.epoch)
    worker.say(
        state=state,
        message=message,
        phase="",
        step=position.step,
        epoch=position.epoch,
        progress=1.0 if state is State.FINISHED else worker.status.progress,
        seconds_left=0.0 if state is State.FINISHED else None,
    )


class Loop:
    """Training of one run, epoch by epoch. Arguments as in `train`."""

    def __init__(
        self,
        folder: Path,
        films: pd.DataFrame,
        pixels: np.ndarray,
        learner: Learner,
        worker: Worker,
    ) -> None:
        roles, config = films["role"].to_numpy(), worker.config
        self.folder, self.worker, self.config = folder, worker, config
        self.learner, self.model, self.optimizer = learner, learner.model, learner.optimizer
        self.evaluated = predictions.predicted_films(films)
        self.evaluated_pixels, training = pixels[roles != "train"], pixels[roles == "train"]
        self.pipeline = Pipeline.of_films(films[roles == "train"], training, config)
        self.predict, self.features = make_predict(learner.model), make_features(learner.model)
        self.shown_film = feature_maps.chosen_film(self.evaluated)
        self._compile(frozen=False)
        self.saved_at = time.monotonic()

    def _compile(self, frozen: bool) -> None:
        """Freeze the pretrained layers or none, and make the steps of it, compiled by their first.

        Args:
            frozen: whether the network has pretrained layers that are frozen.
        """
        config, (model, optimizer, loss, average) = self.config, self.learner
        if config.frozen_epochs:
            frozen_base.freeze(model, frozen)
        weights = class_weights(config, self.pipeline.labels_of_losses)
        self.frozen = frozen
        self.steps = make_steps(model, optimizer, config.seed, weights, loss, average)
        self.recompute = averages.make_recompute(model, frozen)
        self.clock, self.call_steps = Clock(), 1

    def _enter(self, position: Position) -> None:
        """Freeze or unlock the pretrained layers as the epoch has it.

        The optimizer starts over where they are unlocked: it has no memory of their gradients, and
        Adam's first steps would be three times as long as later ones.
        """
        frozen = position.epoch < self.config.frozen_epochs
        if frozen != self.frozen:
            if position.step:
                message = "Unlocking the pretrained layers."
                at = {"step": position.step, "epoch": position.epoch}
                self.worker.say(phase="compiling", message=message, **at)
            self._compile(frozen)
        if 0 < self.config.frozen_epochs == position.epoch and not position.sums[2]:
            model, optimizer, loss, _ = self.learner
            fresh = make_optimizer(self.config, model, loss)
            for variable, value in zip(optimizer.variables, fresh.variables, strict=True):
                variable.assign(value)

    def counted(self, position: Position) -> Position:
        """Convert a position to steps of this run: a fork's batches may have another size."""
        shown = position.sums[2]
        step = position.step if shown else position.epoch * self.pipeline.steps_an_epoch
        return replace(position, step=step)

    def epoch(self, position: Position) -> Position:
        """Train to the end of the current epoch, evaluate and save it; or stop inside it."""
        self._enter(position)
        position = self._train(position)
        with self.learner.evaluated_weights():
            at_end = position.step == self._end(position) and self._set_averages(position.epoch + 1)
            table = self._evaluate() if at_end else None
            if table is not None:
                return self._close(position, table)
        self._save_inside(position)
        return position

    def waited_enough(self, position: Position) -> bool:
        """Tell whether early stopping ends the run here; added epochs restart the wait."""
        patience = self.config.early_stopping
        if patience is None or position.best_epoch is None:
            return False
        began = min(self.config.frozen_epochs, position.epoch)  # all layers learn
        since = max(position.best_epoch, journal.epochs_added_at(self.folder), began)
        return position.epoch - since >= patience

    @property
    def _checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    def _end(self, position: Position) -> int:
        return (position.epoch + 1) * self.pipeline.steps_an_epoch

    def _train(self, position: Position) -> Position:
        """Train up to the end of the epoch, or until a stop is requested."""
        end = self._end(position)
        while position.step < end:
            if self.worker.asked_to_stop(position.step):
                break
            position = self._call(position, min(self.call_steps, end - position.step))
            self._show(position, end)
            if time.monotonic() - self.saved_at >= self.config.checkpoint_seconds:
                self._save_inside(position)
        return position

    def _call(self, position: Position, count: int) -> Position:
        """Train some steps in one call. The first compiles, which a stop may abandon."""
        began, first = time.monotonic(), self.clock.began is None
        chunk = self.pipeline.chunk(position.step, count)
        rates = self._rates(position, count)
        if first:
            with self.worker.may_leave():
                outcome = self.steps(chunk, rates)
        else:
            outcome = self.steps(chunk, rates)
            # Time decides the number of steps per call, which changes no bit of the result.
            seconds = (time.monotonic() - began) / count
            self.call_steps = int(np.clip(CALL_SECONDS / max(seconds, 1e-6), 1, CALL_STEPS))
        if not np.isfinite(outcome.losses).all():
            bad = int(np.flatnonzero(~np.isfinite(outcome.losses))[0])
            raise self._not_finite("The loss", position.step + bad + 1)
        loss_sum, right_sum, shown = position.sums
        for loss in outcome.losses:  # one by one: sums must not depend on `count`
            loss_sum += float(loss)
        right = int(outcome.right.sum())
        films, studies = len(chunk.labels), chunk.studies_shown
        self.clock.add(float(outcome.losses.sum()), right, films, count, studies)
        return replace(
            position,
            step=position.step + count,
            sums=(loss_sum, right_sum + right, shown + films),
            studies=position.studies + (studies if self.config.study_pooling else 0),
        )

    def _rates(self, position: Position, count: int) -> np.ndarray:
        return schedules.rates(
            self.config,
            self.worker.rate_changes,
            position.step,
            count,
            self.pipeline.steps_an_epoch,
            position.plateau,
        )

    def _not_finite(self, quantity: str, step: int) -> TrainingFailed:
        rate = float(self.optimizer.learning_rate)
        return TrainingFailed(
            f"{quantity} must stay a finite number; at step {step} it no longer is. "
            f"Try a learning rate below {rate:.3g}, or other initial weights."
        )

    def _save(self, position: Position, inside: bool = False) -> None:
        """Save the state; the network must hold the weights that are evaluated."""
        model, optimizer, loss, _ = self.learner
        checkpoints.save(
            self._checkpoints,
            model,
            optimizer,
            position,
            inside,
            loss.variables,
            self.learner.averaged,
        )

    def _save_inside(self, position: Position) -> None:
        """Save the state inside an epoch."""
        with self.learner.evaluated_weights():
            self._save(position, inside=True)
        feature_maps.drop(self.folder, checkpoints.prune(self._checkpoints, position))
        self.saved_at = time.monotonic()

    def _show(self, position: Position, end: int) -> None:
        """Write a point of the live curve if one is due, and the status at most twice a second."""
        epoch, length = position.epoch, self.pipeline.steps_an_epoch
        progress = 1 - (end - position.step) / length
        if point := self.clock.point():
            journal.append_line(
                self.folder / "steps.jsonl",
                {"step": position.step, "epoch": epoch + progress, **point},
            )
        steps, suffix = self.worker.epochs * length, ", pretrained layers frozen" * self.frozen
        seconds = self.clock.seconds_a_step() * (steps - position.step)
        self.worker.tick(
            state=State.STOPPING if self.worker.stopping else State.RUNNING,
            phase="training",
            message=f"Epoch {epoch + 1} of {self.worker.epochs}{suffix}.",
            step=position.step,
            steps=steps,
            epoch=epoch,
            progress=progress,
            images_per_second=self.clock.rate,
            seconds_left=None if self.frozen else seconds or None,  # all layers take longer
        )

    def _close(self, position: Position, table: np.ndarray) -> Position:
        """Save an epoch: table, checkpoint, line, in this order."""
        epoch = position.epoch + 1
        # ReLU turns NaN into 0, so the loss alone may not show it.
        if not all(np.isfinite(values).all() for values in (table, *self.model.get_weights())):
            raise self._not_finite("Every weight and probability", position.step)
        predictions.save(self.folder, epoch, table)
        line = self._line(epoch, position, table)
        after = self._after(position, line)
        self._save(after)
        self.saved_at = time.monotonic()
        journal.append_line(self.folder / "metrics.jsonl", line)
        event_files.add(self.folder, line)
        backups.clear(self.folder, epoch)
        if dropped := checkpoints.prune(self._checkpoints, after):
            journal.log_event(self.folder, "weights_thinned", epochs=dropped)
            feature_maps.drop(self.folder, dropped)
        self._save_features(epoch)
        self.worker.tick(epoch=epoch, step=after.step)
        return after

    def _save_features(self, epoch: int) -> None:
        """Save the feature maps of one film for display; a failed write is ignored."""
        if self.shown_film is None:
            return
        pixels = self.evaluated_pixels[self.shown_film]
        kernels = next(w for w in self.model.weights if len(w.shape) == 4).numpy()
        with contextlib.suppress(OSError):
            feature_maps.save(
                self.folder, epoch, self.shown_film, pixels, kernels, self.features(pixels)
            )

    def keep_lost_features(self) -> None:
        """Save the feature maps lost in a kill again, from their epochs' weights."""
        epochs = epoch_weights.kept(self._checkpoints)
        lost = [epoch for epoch in epochs if feature_maps.load(self.folder, epoch) is None]
        if self.shown_film is None or not lost:
            return
        now = [variable.numpy() for variable in self.model.variables]
        for epoch in lost:
            with contextlib.suppress(FractureError, OSError):  # damaged: no feature maps
                weights = epoch_weights.find(self._checkpoints, epoch)
                network_weights.load_weights(self.model, weights)
                self._save_features(epoch)
        for variable, value in zip(self.model.variables, now, strict=True):
            variable.assign(value)

    def _after(self, position: Position, line: dict[str, Any]) -> Position:
        """Return the position at the end of the epoch of this line."""
        best, waited = (position.best_epoch, position.best_loss), position.waited + 1
        dev_loss = line.get("dev", {}).get("loss")
        if dev_loss is not None and (best[1] is None or dev_loss < best[1]):
            best, waited = (line["epoch"], dev_loss), 0
        plateau, waited = schedules.fall(self.config.schedule, position.plateau, waited)
        return Position(
            step=position.step,
            epoch=line["epoch"],
            best_epoch=best[0],
            best_loss=best[1],
            plateau=plateau,
            waited=waited,
            line=line,
        )

    def _set_averages(self, epoch: int) -> bool:
        """Recompute the averages of batch normalization; `False` at a stop."""
        if self.config.normalization == "running":
            return True
        rows = averages.sample(self.config, len(self.pipeline.labels), epoch)
        return self.recompute(self.pipeline.pixels[rows], self.worker.asked_to_stop)

    def _evaluate(self) -> np.ndarray | None:
        """Predict the dev and valid films: float32 (n,) probabilities; `None` at a stop."""

        def progress(share: float) -> None:
            self.worker.tick(phase="evaluating", progress=share)

        films, should_stop = self.evaluated_pixels, self.worker.asked_to_stop
        return predict_blocks(self.predict, films, should_stop, progress)

    def _line(self, epoch: int, position: Position, table: np.ndarray) -> dict[str, Any]:
        """Return the metrics line of an epoch; without clock times, so it can be reproduced."""
        loss_sum, right_sum, shown = position.sums
        line: dict[str, Any] = {
            "epoch": epoch,
            "step": position.step,
            "learning_rate": float(self.optimizer.learning_rate),
            "train": {"loss": loss_sum / shown, "accuracy": right_sum / shown, "n": shown},
        }
        if studies := position.studies:
            line["train"] |= {"loss": loss_sum / studies, "studies": studies}
        config = self.config
        return line | predictions.metrics_by_role(
            self.evaluated, table, config.threshold, config.study_pooling
        )
