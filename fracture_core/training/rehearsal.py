"""Rehearsal: what a process does only once, done before its run is there.

The first network of a process takes twice as long to build and to compile as the next one. A
rehearsal trains and predicts with a network of its own, and forgets it; no bit of a run depends
on it. TensorFlow takes its threads then, so that only a run with the same number can follow.
"""

import keras
import numpy as np
import tensorflow as tf

from fracture_core.config.presets import preset
from fracture_core.learners.learner import make_learner
from fracture_core.training import averages, loop, probe, steps


def take_threads() -> None:
    """Take the threads of a short run; they keep the priority of the thread that calls this."""
    loop.set_threads(*probe.of_short_runs())
    tf.function(tf.shape)(tf.zeros(1))  # starts them, and the one that compiles


def rehearse() -> None:
    """Train and predict once with the demo's network."""
    config = preset("demo", "")
    model, optimizer, loss, _ = make_learner(config)
    films = probe.random_films(config)
    step = steps.make_steps(model, optimizer, config.seed, loss=loss)
    for count in (1, 4):
        step(films.chunk(0, count), np.full(count, config.learning_rate, np.float32))
    averages.make_recompute(model)(films.pixels, lambda: False)
    steps.predict_blocks(steps.make_predict(model), films.pixels, lambda: False)
    steps.make_features(model)(films.pixels[0])
    keras.utils.clear_session()  # layers are numbered from the first again
