"""The optimizers of a run do what Keras' own do."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fracture_core.config.train_config import TrainConfig
from fracture_core.networks import optimizers

KINDS = {
    "adam": keras.optimizers.Adam(0.01),
    "adamw": keras.optimizers.AdamW(0.01, weight_decay=0.004),
    "adagrad": keras.optimizers.Adagrad(0.01),
    "sgd": keras.optimizers.SGD(0.01, momentum=0.9),
    "rmsprop": keras.optimizers.RMSprop(0.01),
}


def network() -> keras.Model:
    keras.utils.set_random_seed(3)
    films = keras.Input((6,))
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(5)(films))
    return keras.Model(films, keras.layers.Dense(1)(hidden))


def gradients(model: keras.Model, step: int) -> list[tf.Tensor]:
    random = np.random.default_rng(step)
    shapes = [variable.shape for variable in model.trainable_variables]
    return [tf.constant(random.normal(size=shape).astype(np.float32)) for shape in shapes]


@pytest.mark.parametrize("kind", KINDS)
def test_seven_steps_give_what_keras_gives(kind) -> None:
    config = TrainConfig(data="x", optimizer=kind, learning_rate=0.01)
    ours, theirs = network(), network()
    optimizer, twin = (
        optimizers.make(config),
        type(KINDS[kind]).from_config(KINDS[kind].get_config()),
    )
    if kind == "adamw":
        twin.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    for one, model in ((optimizer, ours), (twin, theirs)):
        one.build(model.trainable_variables)
    update = tf.function(optimizers.make_update(optimizer, ours.trainable_variables))
    for step in range(7):
        rate = 0.01 / (step + 1)
        update(gradients(ours, step), tf.constant(rate))
        twin.learning_rate = rate
        twin.apply(gradients(theirs, step), theirs.trainable_variables)
    for value, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert np.allclose(value, expected, rtol=1e-5, atol=1e-6)
    for value, expected in zip(optimizer.variables, twin.variables, strict=True):
        assert np.allclose(value, expected, rtol=1e-5, atol=1e-6)
    moved = [
        not np.allclose(a, b, atol=1e-4)
        for a, b in zip(ours.trainable_variables, network().trainable_variables, strict=True)
    ]
    assert all(moved)


def test_every_kind_that_a_config_may_name_can_be_made() -> None:
    for kind in KINDS:
        optimizer = optimizers.make(TrainConfig(data="x", optimizer=kind, learning_rate=0.5))
        assert type(optimizer) is type(KINDS[kind])
        assert float(optimizer.learning_rate) == 0.5


def test_weight_decay_shrinks_kernels_and_leaves_biases_and_norms() -> None:
    model = network()
    model.set_weights([np.ones_like(value) for value in model.get_weights()])
    config = TrainConfig(data="x", optimizer="sgd", weight_decay=0.5, learning_rate=0.1)
    optimizer = optimizers.make(config)
    optimizer.build(model.trainable_variables)
    none = [tf.zeros(variable.shape) for variable in model.trainable_variables]
    optimizers.make_update(optimizer, model.trainable_variables)(none, tf.constant(0.1))
    for variable in model.trainable_variables:
        assert np.allclose(variable, 0.95 if variable.name == "kernel" else 1.0)


def test_adamw_may_decay_nothing() -> None:
    optimizer = optimizers.make(TrainConfig(data="x", optimizer="adamw", weight_decay=0.0))
    assert type(optimizer) is keras.optimizers.Adam
