"""The training loop: epochs of compiled steps, and what each of them leaves behind.

`train` brings a run from where it stands to its last epoch, or to the step at which it was asked
to stop. At an epoch's end it writes the prediction table, then the checkpoint (which carries the
metrics line), then the line: a reader never sees a number without what it was computed from.
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
from fracture_core.config import TrainConfig
from fracture_core.errors import FractureError, TrainingFailed
from fracture_core.files import keep_damaged
from fracture_core.jobs.worker import Clock, Worker
from fracture_core.networks import architectures, optimizers, schedules
from fracture_core.runs import backups, checkpoints, feature_maps, journal, predictions
from fracture_core.runs.checkpoints import Position
from fracture_core.runs.run_folders import State
from fracture_core.training import averages, event_files
from fracture_core.training.pipeline import Pipeline
from fracture_core.training.steps import make_features, make_predict, make_steps

JUDGED_PIXELS = 2**18  # judged at once: 256 films of 32 px; more do not go faster
CALL_SECONDS = 0.1  # of steps in one call: little beside it is lost, and a stop is soon heard
CALL_STEPS = 64


def set_threads(count: int, branches: int = 1) -> None:
    """Use so many cores inside TensorFlow; before anything else is computed.

    Args:
        count: threads of one operation; the last bits of its sums depend on it.
        branches: operations at once, such as the two gradients of a convolution; each is computed
            as it would be alone, so that no bit depends on it.
    """
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(branches)


def make_network(config: TrainConfig) -> keras.Model:
    """The config's network, its initial weights the seed's."""
    keras.utils.set_random_seed(config.seed)
    options = config.options.to_dict()
    return architectures.build(config.architecture, config.recipe.size, **options)


def class_weights(config: TrainConfig, labels: np.ndarray) -> tuple[float, float]:
    """What the loss of a negative and of a positive film weighs.

    "balanced" is n / (2 n_label), as scikit-learn's: both labels weigh the same in sum, and a film
    weighs 1 on average.
    """
    if config.class_weights == "equal":
        return 1.0, 1.0
    counts = np.bincount(labels, minlength=2)
    return tuple(float(len(labels) / (2 * count)) for count in counts[:2])


def train(folder: Path, films: pd.DataFrame, pixels: np.ndarray, reporter: Worker) -> None:
    """Bring a run to its last epoch, or to the step at which it was asked to stop.

    Args:
        folder: the run folder; its checkpoints say where to begin.
        films: rows of `films.parquet`, with `role` and `label`.
        pixels: uint8 (len(films), size, size).
        reporter: what was asked of the run, and where it says what it does.

    Raises:
        Stopped: the run was asked to stop before its first step here.
        TrainingFailed: the loss, or a probability, is no longer a finite number.
        ModelError: the weights to begin with cannot be read, or are another network's.
        RunError: a checkpoint that is needed cannot be used.
    """
    config = reporter.config
    reporter.phase("compiling", "Builds the network.")
    with reporter.may_leave():
        model, optimizer = make_network(config), optimizers.make(config)
        optimizer.build(model.trainable_variables)
    position = _stand(folder, model, optimizer)
    if config.weights and not position.step:
        architectures.load_weights(model, Path(config.weights))
    loop = Loop(folder, films, pixels, model, optimizer, reporter)
    position = loop.counted(position)
    loop.keep_lost_features()
    reporter.begin()
    early = loop.waited_enough(position)
    while position.epoch < reporter.epochs and not early and not reporter.asked_to_stop():
        position = loop.epoch(position)
        early = loop.waited_enough(position)
        if reporter.stop_after_epoch:
            break
    _last_word(reporter, position, early)


def _stand(folder: Path, model: keras.Model, optimizer: keras.optimizers.Optimizer) -> Position:
    """Restore the latest whole state, and set aside what was written after it."""
    position, passed_over = checkpoints.restore(folder / "checkpoints", model, optimizer)
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
    kept = journal.up_to(folder / "steps.jsonl", "step", position.step)
    journal.replace_lines(folder / "steps.jsonl", kept)
    journal.log_event(folder, "resumed" if position.step else "started", step=position.step)
    return position


def _last_word(reporter: Worker, position: Position, early: bool) -> None:
    done = position.epoch >= reporter.epochs
    state = State.FINISHED if done or early else State.STOPPED
    epochs = f"{position.epoch} of {reporter.epochs} epoch{'s' if reporter.epochs != 1 else ''}"
    if done:
        message = f"Finished {epochs}."
    elif early:
        patience = reporter.config.early_stopping
        message = f"Finished early, after {epochs}: no lower dev loss for {patience} epochs."
    else:
        message = f"Stopped after {epochs}; all work is kept."
    journal.log_event(reporter.folder, str(state), step=position.step, epoch=position.epoch)
    reporter.say(
        state=state,
        message=message,
        phase="",
        step=position.step,
        epoch=position.epoch,
        progress=1.0 if state is State.FINISHED else reporter.status.progress,
        seconds_left=0.0 if state is State.FINISHED else None,
    )


class Loop:
    """One run's training, epoch by epoch. Arguments as in `train`."""

    def __init__(
        self,
        folder: Path,
        films: pd.DataFrame,
        pixels: np.ndarray,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        reporter: Worker,
    ) -> None:
        roles, config = films["role"].to_numpy(), reporter.config
        self.folder, self.reporter, self.config = folder, reporter, config
        self.model, self.optimizer = model, optimizer
        self.judged = predictions.predicted_films(films)
        self.judged_pixels, learned = pixels[roles != "train"], pixels[roles == "train"]
        labels = films["label"].to_numpy()[roles == "train"]
        self.pipeline = Pipeline(pixels=learned, labels=labels, config=config)
        self.steps = make_steps(model, optimizer, config.seed, class_weights(config, labels))
        self.judge, self.recompute = make_predict(model), averages.make_recompute(model)
        self.features = make_features(model)
        self.looked_at = feature_maps.chosen_film(self.judged)
        self.clock = Clock()
        self.call_steps = 1
        self.kept_at = time.monotonic()

    def counted(self, position: Position) -> Position:
        """The position in steps of this run: a fork's batches may be larger than its parent's."""
        begun = position.sums[2]
        step = position.step if begun else position.epoch * self.pipeline.steps_an_epoch
        return replace(position, step=step)

    def epoch(self, position: Position) -> Position:
        """Train to the end of the epoch under way, judge, and keep it all; or stop inside it."""
        position = self._train(position)
        at_end = position.step == self._end(position) and self._set_averages(position.epoch + 1)
        table = self._judge_all() if at_end else None
        if table is None:
            self._keep(position)
            return position
        return self._close(position, table)

    def waited_enough(self, position: Position) -> bool:
        """Whether early stopping ends the run here; epochs that were added start the wait anew."""
        patience = self.config.early_stopping
        if patience is None or position.best_epoch is None:
            return False
        since = max(position.best_epoch, journal.epochs_added_at(self.folder))
        return position.epoch - since >= patience

    @property
    def _checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    def _end(self, position: Position) -> int:
        return (position.epoch + 1) * self.pipeline.steps_an_epoch

    def _train(self, position: Position) -> Position:
        """Steps up to the end of the epoch, or to the request to stop."""
        end = self._end(position)
        while position.step < end:
            if self.reporter.asked_to_stop(position.step):
                break
            position = self._call(position, min(self.call_steps, end - position.step))
            self._show(position, end)
            if time.monotonic() - self.kept_at >= self.config.checkpoint_seconds:
                self._keep(position)
        return position

    def _call(self, position: Position, count: int) -> Position:
        """Some steps in one call. The first compiles, which a stop need not wait for."""
        began, first = time.monotonic(), self.clock.began is None
        chunk = self.pipeline.chunk(position.step, count)
        rates = self._rates(position, count)
        if first:
            with self.reporter.may_leave():
                outcome = self.steps(chunk, rates)
        else:
            outcome = self.steps(chunk, rates)
            # Time decides how many steps a call takes, and that decides no bit of the result.
            seconds = (time.monotonic() - began) / count
            self.call_steps = int(np.clip(CALL_SECONDS / max(seconds, 1e-6), 1, CALL_STEPS))
        if not np.isfinite(outcome.losses).all():
            bad = int(np.flatnonzero(~np.isfinite(outcome.losses))[0])
            raise self._not_finite("The loss", position.step + bad + 1)
        loss_sum, right_sum, shown = position.sums
        for loss in outcome.losses:  # one after the other: sums must not depend on `count`
            loss_sum += float(loss)
        right = int(outcome.right.sum())
        self.clock.add(float(outcome.losses.sum()), right, len(chunk.labels), count)
        sums = (loss_sum, right_sum + right, shown + len(chunk.labels))
        return replace(position, step=position.step + count, sums=sums)

    def _rates(self, position: Position, count: int) -> np.ndarray:
        return schedules.rates(
            self.config,
            self.reporter.rate_changes,
            position.step,
            count,
            self.pipeline.steps_an_epoch,
            position.plateau,
        )

    def _not_finite(self, what: str, step: int) -> TrainingFailed:
        rate = float(self.optimizer.learning_rate)
        return TrainingFailed(
            f"{what} must stay a finite number; at step {step} it is none any more. "
            f"Try a learning rate below {rate:.3g}, or other first weights."
        )

    def _keep(self, position: Position) -> None:
        """Keep the state inside an epoch."""
        checkpoints.save(self._checkpoints, self.model, self.optimizer, position, inside=True)
        feature_maps.drop(self.folder, checkpoints.prune(self._checkpoints, position))
        self.kept_at = time.monotonic()

    def _show(self, position: Position, end: int) -> None:
        """A point of the live curve, if one is due, and the status, at most twice a second."""
        epoch, length = position.epoch, self.pipeline.steps_an_epoch
        progress = 1 - (end - position.step) / length
        if point := self.clock.point():
            journal.append_line(
                self.folder / "steps.jsonl",
                {"step": position.step, "epoch": epoch + progress, **point},
            )
        steps = self.reporter.epochs * length
        self.reporter.tick(
            state=State.STOPPING if self.reporter.stopping else State.RUNNING,
            phase="training",
            message=f"Epoch {epoch + 1} of {self.reporter.epochs}.",
            step=position.step,
            steps=steps,
            epoch=epoch,
            progress=progress,
            images_per_second=self.clock.rate,
            seconds_left=self.clock.seconds_a_step() * (steps - position.step) or None,
        )

    def _close(self, position: Position, table: np.ndarray) -> Position:
        """Table, checkpoint, line, in this order."""
        epoch = position.epoch + 1
        # ReLU turns what is not a number into 0, so that the loss alone need not show it.
        if not all(np.isfinite(values).all() for values in (table, *self.model.get_weights())):
            raise self._not_finite("Every weight and probability", position.step)
        predictions.save(self.folder, epoch, table)
        line = self._line(epoch, position, table)
        after = self._after(position, line)
        checkpoints.save(self._checkpoints, self.model, self.optimizer, after)
        self.kept_at = time.monotonic()
        journal.append_line(self.folder / "metrics.jsonl", line)
        event_files.add(self.folder, line)
        backups.clear(self.folder, epoch)
        if dropped := checkpoints.prune(self._checkpoints, after):
            journal.log_event(self.folder, "weights_thinned", epochs=dropped)
            feature_maps.drop(self.folder, dropped)
        self._keep_features(epoch)
        self.reporter.tick(epoch=epoch, step=after.step)
        return after

    def _keep_features(self, epoch: int) -> None:
        """What the network makes of one film, to look at; a disk that refuses costs nothing."""
        if self.looked_at is None:
            return
        pixels = self.judged_pixels[self.looked_at]
        kernels = next(w for w in self.model.trainable_variables if len(w.shape) == 4).numpy()
        with contextlib.suppress(OSError):
            feature_maps.save(
                self.folder, epoch, self.looked_at, pixels, kernels, self.features(pixels)
            )

    def keep_lost_features(self) -> None:
        """Make anew what a kill between weights and feature maps has cost, from the weights."""
        kept = checkpoints.epochs(self._checkpoints)
        lost = [epoch for epoch in kept if feature_maps.load(self.folder, epoch) is None]
        if self.looked_at is None or not lost:
            return
        now = [variable.numpy() for variable in self.model.variables]
        for epoch in lost:
            with contextlib.suppress(FractureError, OSError):  # damaged: it goes without
                weights = checkpoints.weights_of(self._checkpoints, epoch)
                architectures.load_weights(self.model, weights)
                self._keep_features(epoch)
        for variable, value in zip(self.model.variables, now, strict=True):
            variable.assign(value)

    def _after(self, position: Position, line: dict[str, Any]) -> Position:
        """Where the run stands once the epoch of this line is closed."""
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
        """Bring batch normalization's averages up to the weights; false if asked to stop."""
        if self.config.normalization == "running":
            return True
        config, count = self.config, len(self.pipeline.labels)
        rows = averages.sample(count, config.seed, epoch, config.recipe.size)
        return self.recompute(self.pipeline.pixels[rows], self.reporter.asked_to_stop)

    def _judge_all(self) -> np.ndarray | None:
        """Probabilities of the dev and valid films, float32 (n,); `None` if asked to stop."""
        block = max(1, JUDGED_PIXELS // self.config.recipe.size**2)
        blocks = [np.empty(0, np.float32)]
        for first in range(0, len(self.judged), block):
            if self.reporter.asked_to_stop():
                return None
            blocks.append(self.judge(self.judged_pixels[first : first + block]))
            done = min(1.0, (first + block) / len(self.judged))
            self.reporter.tick(phase="evaluating", progress=done)
        return np.concatenate(blocks)

    def _line(self, epoch: int, position: Position, table: np.ndarray) -> dict[str, Any]:
        """What seed and settings determine of this epoch; no clock times."""
        loss_sum, right_sum, shown = position.sums
        line: dict[str, Any] = {
            "epoch": epoch,
            "step": position.step,
            "learning_rate": float(self.optimizer.learning_rate),
            "train": {"loss": loss_sum / shown, "accuracy": right_sum / shown, "n": shown},
        }
        for role in ("dev", "valid"):
            rows = (self.judged["role"] == role).to_numpy()
            if rows.any():
                line[role] = predictions.epoch_metrics(
                    self.judged[rows], table[rows], self.config.threshold
                )
        return line
