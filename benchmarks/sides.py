"""The sides of `training.py` that run under TensorFlow, each in a process of its own.

    python benchmarks/sides.py {run,report,step} ...

run: a real run, epoch by epoch. report: the 2018 report's own code. step: compiled steps, ours and
of Keras' own parts, the rate of matrix products, and how often a second the averages of batch
normalization can be recomputed. They answer in images a second (see `workers.py`).
"""

import argparse
import itertools
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from workers import serve

if TYPE_CHECKING:
    from fracture_core.config.train_config import TrainConfig

SECONDS = 1.0  # of one measurement of a step: a shared machine holds nearly still for so long
PRODUCT = 1024  # side of the matrices whose product is taken for the machine's arithmetic limit


def main() -> None:
    """Get one side ready, then answer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("side", choices=("run", "report", "step"))
    parser.add_argument("--threads", help="2, or 1x2 for two operations at once (TensorFlow's own)")
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--size", type=int, default=32, help="side of a step's films in px")
    parser.add_argument("--data", type=Path, help="folder of films.make")
    parser.add_argument("--steps", type=int, default=282, help="of an epoch")
    parser.add_argument("--name", help="of the run")
    parser.add_argument("--normalization", default="recomputed", help="or running")
    parser.add_argument("--still", action="store_true", help="no augmentation inside the step")
    options = parser.parse_args()
    if options.threads:
        from fracture_core.training import loop

        threads, _, branches = options.threads.partition("x")
        loop.set_threads(int(threads), int(branches or 1))
        options.threads = int(threads)
    serve({"run": run, "report": report, "step": step}[options.side](options))


def run(options: argparse.Namespace) -> dict[str, Callable[[], float]]:
    """A real run's epochs: pixels, steps, evaluation, prediction table, checkpoint, journal."""
    from fracture_core.config import presets
    from fracture_core.epochs import checkpoints
    from fracture_core.jobs.worker import Worker
    from fracture_core.learners.learner import make_learner
    from fracture_core.runs import run_folders
    from fracture_core.training import loop
    from fracture_core.training_films import preparation

    settings = presets.report_2018(
        str(options.data),
        positive="positive",
        epochs=10_000,
        steps_per_epoch=options.steps,
        batch_size=options.batch,
        normalization=options.normalization,
        threads=options.threads,
    )
    folder = run_folders.create(settings, options.name)
    reporter = Worker(folder)
    films, pixels = preparation.prepare(folder, reporter)
    training_loop = loop.Loop(folder, films, pixels, make_learner(settings), reporter)
    position = training_loop.epoch(checkpoints.Position())  # the first one compiles

    def epoch() -> float:
        nonlocal position
        began = time.perf_counter()
        position = training_loop.epoch(position)
        return options.steps * options.batch / (time.perf_counter() - began)

    return {"go": epoch}


def report(options: argparse.Namespace) -> dict[str, Callable[[], float]]:
    """The report's training: its generator, its layers, `fit`; not its validation or its logs."""
    import warnings

    import tensorflow as tf
    from keras import layers, models

    warnings.simplefilter("ignore")
    films = tf.keras.preprocessing.image.ImageDataGenerator(
        rescale=1 / 255, shear_range=0.2, zoom_range=0.2, horizontal_flip=True
    ).flow_from_directory(
        str(options.data / "training_set"),
        target_size=(32, 32),
        color_mode="grayscale",
        batch_size=options.batch,
        seed=1,
        class_mode="binary",
    )
    model = models.Sequential([layers.Input((32, 32, 1))])
    for filters, pools in ((32, False), (32, True), (64, False), (64, True)):
        model.add(layers.Conv2D(filters, 3))
        model.add(layers.BatchNormalization())
        model.add(layers.Activation("relu"))
        if pools:
            model.add(layers.MaxPooling2D(2))
    for layer in (
        layers.Conv2D(32, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(strides=2),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.25),
        layers.Dense(64, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ):
        model.add(layer)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(films, epochs=1, verbose=0)
    # Keras ends an epoch with its generator, so that the report's epoch is some whole passes. Each
    # goes by itself at one of two speeds: in some its reading never overlaps with its steps.
    passes = math.ceil(options.steps * options.batch / films.n)

    def epoch() -> float:
        began = time.perf_counter()
        model.fit(films, epochs=passes, verbose=0)
        return passes * films.n / (time.perf_counter() - began)

    return {"go": epoch}


def step(options: argparse.Namespace) -> dict[str, Callable[[], float]]:
    """Steps on noise: fed from the pipeline, from one constant chunk, one a call, and Keras'."""
    from fracture_core.config.film_settings import PixelRecipe
    from fracture_core.config.train_config import TrainConfig
    from fracture_core.learners.learner import make_network
    from fracture_core.networks import optimizers
    from fracture_core.training import averages, loop, steps
    from fracture_core.training_films import pipeline

    if options.still:
        steps.apply = lambda films, changes: films  # type: ignore[attr-defined]
    recipe = PixelRecipe(size=options.size)
    config = TrainConfig(data="noise", batch_size=options.batch, recipe=recipe)
    model, optimizer = make_network(config), optimizers.make(config)
    optimizer.build(model.trainable_variables)
    shape = 100 * options.batch, options.size, options.size
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    films = pipeline.Pipeline(pixels=pixels, labels=np.arange(len(pixels)) % 2, config=config)
    compiled = steps.make_steps(model, optimizer, config.seed)
    one, rate = films.chunk(0, 1), np.full(64, config.learning_rate, np.float32)
    for _ in range(3):
        compiled(one, rate[:1])
    began = time.perf_counter()
    compiled(films.chunk(0, 5), rate[:5])
    # As many steps a call as a run takes.
    seconds = (time.perf_counter() - began) / 5
    count = int(np.clip(loop.CALL_SECONDS / seconds, 1, loop.CALL_STEPS))
    chunk, numbers = films.chunk(0, count), itertools.count(0, count)
    theirs, recompute = keras_own(config), averages.make_recompute(model)
    sampled = pixels[averages.sample(config, len(pixels), epoch=1)]
    shown = count * options.batch
    return {
        "pipeline": lambda: timed(
            shown, lambda: compiled(films.chunk(next(numbers), count), rate[:count])
        ),
        "constant": lambda: timed(shown, lambda: compiled(chunk, rate[:count])),
        "one a call": lambda: timed(options.batch, lambda: compiled(one, rate[:1])),
        "keras": lambda: timed(options.batch, lambda: theirs(one)),
        "product": product(),
        "averages": lambda: timed(1, lambda: recompute(sampled, lambda: False)),
    }


def timed(shown: int, call: Callable[[], object]) -> float:
    """Images a second of a call that shows so many of them."""
    began, calls = time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < SECONDS:
        call()
        calls += 1
    return calls * shown / passed


def keras_own(config: "TrainConfig") -> Callable[[Any], object]:
    """A step of the same network with the layers and the Adam that Keras ships, one a call."""
    import keras
    import tensorflow as tf

    from fracture_core.learners.learner import make_network
    from fracture_core.training import steps

    def own(layer: keras.Layer) -> keras.Layer:
        kind = getattr(keras.layers, type(layer).__name__)  # ours are called as Keras' own
        return kind.from_config(layer.get_config())

    model = keras.models.clone_model(make_network(config), clone_function=own)
    optimizer = keras.optimizers.Adam(config.learning_rate)
    optimizer.build(model.trainable_variables)

    @tf.function
    def compiled(films: tf.Tensor, labels: tf.Tensor, changes: tf.Tensor) -> tf.Tensor:
        grey = tf.cast(films, tf.float32)[..., None]
        changed = steps.apply(grey, changes)  # type: ignore[attr-defined]
        with tf.GradientTape() as tape:
            probability = model(changed, training=True)
            losses = keras.losses.binary_crossentropy(labels[:, None], probability)
            loss = tf.reduce_mean(losses)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    return lambda chunk: compiled(chunk.films, chunk.labels, chunk.changes).numpy()


def product() -> Callable[[], float]:
    """FLOP a second of products of square float32 matrices."""
    import tensorflow as tf

    matrix = tf.random.normal((PRODUCT, PRODUCT))
    multiplied = tf.function(lambda x: tf.reduce_sum(x @ x))
    return lambda: timed(2 * PRODUCT**3, lambda: multiplied(matrix).numpy())


if __name__ == "__main__":
    main()
