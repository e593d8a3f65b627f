"""The training loop: a compiled step of our own over Keras networks and optimizers.

`train` brings a run from where it stands to its last epoch, or to the step at which it was asked
to stop. At an epoch's end it writes the prediction table, then the checkpoint (which carries the
metrics line), then the line: a reader never sees a number without what it was computed from.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from fracture_core import architectures, checkpoints, journal, predictions, runs
from fracture_core.augmentation import apply
from fracture_core.checkpoints import Position
from fracture_core.config import TrainConfig
from fracture_core.errors import TrainingFailed
from fracture_core.pipeline import Batch, Pipeline
from fracture_core.reporter import Clock, Reporter
from fracture_core.runs import State

EVALUATION_BLOCK = 256  # films judged at once; larger ones do not go faster

Step = Callable[[Batch, int], tuple[float, int]]


def set_threads(count: int) -> None:
    """Use this many threads inside TensorFlow; before anything else is computed."""
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def make_optimizer(config: TrainConfig) -> keras.optimizers.Optimizer:
    """The optimizer of the config with Keras' own other settings."""
    kinds = {"adam": keras.optimizers.Adam, "adagrad": keras.optimizers.Adagrad}
    return kinds[config.optimizer](learning_rate=config.learning_rate)


def make_network(config: TrainConfig) -> keras.Model:
    """The config's network, its initial weights the seed's."""
    keras.utils.set_random_seed(config.seed)
    options = config.options.to_dict()
    return architectures.build(config.architecture, config.recipe.size, **options)


def make_step(model: keras.Model, optimizer: keras.optimizers.Optimizer, seed: int) -> Step:
    """Compile one training step.

    Returns:
        A function of (batch, step number) that changes the weights and gives the sum of the
        films' losses and how many of them were judged right at 0.5, both before the change.
    """
    strategy = tf.distribute.get_strategy()
    variables = model.trainable_variables
    drops = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]

    def replica(
        films: tf.Tensor, labels: tf.Tensor, transforms: tf.Tensor, number: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        for place, layer in enumerate(drops):  # a function of (seed, step), not of calls
            state = layer.seed_generator.state
            state.assign(
                tf.stack([tf.cast(seed + place, state.dtype), tf.cast(number, state.dtype)])
            )
        changed = apply(tf.cast(films, tf.float32)[..., None], transforms)
        with tf.GradientTape() as tape:
            probability = model(changed, training=True)[:, 0]
            losses = keras.losses.binary_crossentropy(labels[:, None], probability[:, None])
            loss = tf.reduce_mean(losses)
        optimizer.apply(tape.gradient(loss, variables), variables)
        right = tf.equal(probability > 0.5, labels > 0.5)
        return tf.reduce_sum(losses), tf.reduce_sum(tf.cast(right, tf.int32))

    size = model.input_shape[1]
    signature = [
        tf.TensorSpec((None, size, size), tf.uint8),
        tf.TensorSpec((None,), tf.float32),
        tf.TensorSpec((None, 8), tf.float32),
        tf.TensorSpec((), tf.int64),
    ]

    @tf.function(input_signature=signature)
    def compiled(*arguments: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return strategy.run(replica, args=arguments)

    def step(batch: Batch, number: int) -> tuple[float, int]:
        loss, right = compiled(batch.films, batch.labels, batch.transforms, number)
        return float(loss), int(right)

    return step


def make_judge(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Compile judging: uint8 (n, size, size) to float32 (n,) probabilities."""
    size = model.input_shape[1]

    @tf.function(input_signature=[tf.TensorSpec((None, size, size), tf.uint8)])
    def compiled(films: tf.Tensor) -> tf.Tensor:
        return model(tf.cast(films, tf.float32)[..., None], training=False)[:, 0]

    return lambda films: compiled(films).numpy()


def train(folder: Path, films: pd.DataFrame, pixels: np.ndarray, reporter: Reporter) -> None:
    """Bring a run to its last epoch, or to the step at which it was asked to stop.

    Args:
        folder: the run folder; its checkpoints say where to begin.
        films: rows of `films.parquet`, with `role` and `label`.
        pixels: uint8 (len(films), size, size).
        reporter: what was asked of the run, and where it says what it does.

    Raises:
        TrainingFailed: the loss, or a probability, is no longer a finite number.
        ModelError: the weights to begin with cannot be read, or are another network's.
        RunError: a checkpoint that is needed cannot be used.
    """
    config = runs.read(folder).config
    reporter.phase("compiling", "Builds the network.")
    model, optimizer = make_network(config), make_optimizer(config)
    optimizer.build(model.trainable_variables)
    position = _stand(folder, model, optimizer)
    if config.weights and not position.step:
        architectures.load_weights(model, Path(config.weights))
    loop = Loop(folder, films, pixels, model, optimizer, reporter, config)
    while position.epoch < reporter.epochs and not reporter.asked_to_stop():
        position = loop.epoch(position)
        if reporter.stop_after_epoch:
            break
    _last_word(folder, reporter, position)


def _stand(folder: Path, model: keras.Model, optimizer: keras.optimizers.Optimizer) -> Position:
    """Restore the latest whole state, and drop what was written after it."""
    position, passed_over = checkpoints.restore(folder / "checkpoints", model, optimizer)
    for sentence in passed_over:
        journal.log_event(folder, "checkpoint_passed_over", message=sentence)
    checkpoints.drop_later(folder / "checkpoints", position)
    predictions.drop_after(folder, position.epoch)
    lines = [
        line for line in journal.lines(folder / "metrics.jsonl") if line["epoch"] < position.epoch
    ]
    if position.line:
        lines.append(position.line)
    journal.replace_lines(folder / "metrics.jsonl", lines)
    kept = [line for line in journal.lines(folder / "steps.jsonl") if line["step"] <= position.step]
    journal.replace_lines(folder / "steps.jsonl", kept)
    journal.log_event(folder, "resumed" if position.step else "started", step=position.step)
    return position


def _last_word(folder: Path, reporter: Reporter, position: Position) -> None:
    finished = position.epoch >= reporter.epochs
    state = State.FINISHED if finished else State.STOPPED
    epochs = f"{position.epoch} of {reporter.epochs} epochs"
    message = f"Finished {epochs}." if finished else f"Stopped after {epochs}; all work is kept."
    journal.log_event(folder, str(state), step=position.step, epoch=position.epoch)
    reporter.say(
        state=state,
        message=message,
        phase="",
        step=position.step,
        epoch=position.epoch,
        progress=1.0 if finished else reporter.status.progress,
        seconds_left=0.0 if finished else None,
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
        reporter: Reporter,
        config: TrainConfig,
    ) -> None:
        roles = films["role"].to_numpy()
        self.folder, self.reporter, self.config = folder, reporter, config
        self.model, self.optimizer = model, optimizer
        self.judged = predictions.judged(films)
        self.judged_pixels = pixels[roles != "train"]
        labels = films["label"].to_numpy()[roles == "train"]
        self.pipeline = Pipeline(pixels=pixels[roles == "train"], labels=labels, config=config)
        self.step = make_step(model, optimizer, config.seed)
        self.judge = make_judge(model)
        self.clock = Clock()

    def epoch(self, position: Position) -> Position:
        """Train to the end of the epoch under way, judge, and keep it all; or stop inside it."""
        position = self._train(position)
        if self.reporter.asked_to_stop() and position.step < self._end(position):
            checkpoints.save(self._checkpoints, self.model, self.optimizer, position, inside=True)
            return position
        return self._close(position)

    @property
    def _checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    def _end(self, position: Position) -> int:
        return (position.epoch + 1) * self.pipeline.steps_an_epoch

    def _train(self, position: Position) -> Position:
        """Steps up to the end of the epoch, or to the request to stop."""
        loss_sum, right_sum, shown = position.sums
        step, end = position.step, self._end(position)
        while step < end and not self.reporter.asked_to_stop():
            batch = self.pipeline.batch(step)
            loss, right = self.step(batch, step)
            step += 1
            if not math.isfinite(loss):
                raise self._not_finite("The loss", step)
            loss_sum, right_sum, shown = (
                loss_sum + loss,
                right_sum + right,
                shown + len(batch.labels),
            )
            self.clock.add(loss, right, len(batch.labels))
            self._show(step, end, position.epoch)
        return replace(position, step=step, sums=(loss_sum, right_sum, shown))

    def _not_finite(self, what: str, step: int) -> TrainingFailed:
        return TrainingFailed(
            f"{what} must stay a finite number; at step {step} it is none any more. "
            f"Try a learning rate below {self.config.learning_rate:g}, or other first weights."
        )

    def _show(self, step: int, end: int, epoch: int) -> None:
        """A point of the live curve and the status, at most twice a second."""
        if not (point := self.clock.point()):
            return
        length = self.pipeline.steps_an_epoch
        progress = 1 - (end - step) / length
        journal.append_line(
            self.folder / "steps.jsonl", {"step": step, "epoch": epoch + progress, **point}
        )
        steps = self.reporter.epochs * length
        self.reporter.say(
            state=State.STOPPING if self.reporter.stopping else State.RUNNING,
            phase="training",
            message=f"Epoch {epoch + 1} of {self.reporter.epochs}.",
            step=step,
            steps=steps,
            epoch=epoch,
            progress=progress,
            images_per_second=point["rate"],
            seconds_left=self.clock.seconds_a_step() * (steps - step),
        )

    def _close(self, position: Position) -> Position:
        """Judge dev and valid films, then table, checkpoint, line, in this order."""
        epoch = position.epoch + 1
        table = self._judge_all()
        # ReLU turns what is not a number into 0, so that the loss alone need not show it.
        if not all(np.isfinite(values).all() for values in (table, *self.model.get_weights())):
            raise self._not_finite("Every weight and probability", position.step)
        predictions.save(self.folder, epoch, table)
        line = self._line(epoch, position, table)
        best = (position.best_epoch, position.best_loss)
        dev_loss = line.get("dev", {}).get("loss")
        if dev_loss is not None and (best[1] is None or dev_loss < best[1]):
            best = (epoch, dev_loss)
        after = Position(
            step=position.step, epoch=epoch, best_epoch=best[0], best_loss=best[1], line=line
        )
        checkpoints.save(self._checkpoints, self.model, self.optimizer, after)
        journal.append_line(self.folder / "metrics.jsonl", line)
        checkpoints.prune(self._checkpoints, after)
        self.reporter.tick(epoch=epoch, step=after.step)
        return after

    def _judge_all(self) -> np.ndarray:
        """Probabilities of the dev and valid films, float32 (n,)."""
        blocks = [
            self.judge(self.judged_pixels[i : i + EVALUATION_BLOCK])
            for i in range(0, len(self.judged), EVALUATION_BLOCK)
        ]
        return np.concatenate(blocks) if blocks else np.empty(0, np.float32)

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
