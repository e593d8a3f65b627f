"""Compiled steps learn the same as Keras' own step, on one device or on several."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from fracture_core.config.film_settings import Augmentation
from fracture_core.config.train_config import TrainConfig
from fracture_core.learners.learner import make_network
from fracture_core.networks import layers, network_weights, optimizers
from fracture_core.networks.architectures import ARCHITECTURES
from fracture_core.training import steps
from fracture_core.training_films import pipeline
from tests.core.every_network import LARGE, marked

STILL = Augmentation(shear_degrees=0, zoom_percent=0, rotation_degrees=0, horizontal_flip=False)


# Plain chains are all alike here, and DenseNet's layers are those of the other large networks.
ALIKE = ("one_conv", "all_conv", "densenet121", "densenet169")
ONE_OF_A_KIND = marked(name for name in ARCHITECTURES if name not in ALIKE)


def films(config: TrainConfig, count: int = 30) -> pipeline.Pipeline:
    """Noise with labels."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, 32, 32), np.uint8)
    return pipeline.Pipeline(pixels=pixels, labels=np.arange(count) % 2, config=config)


@pytest.mark.parametrize("name", ONE_OF_A_KIND)
def test_a_step_learns_what_keras_own_step_learns(name) -> None:
    # Adam would blow up the rounding errors of gradients that are zero but for them.
    config = TrainConfig(data="x", architecture=name, augmentation=STILL, optimizer="sgd")
    model = make_network(config)
    twin = plain_twin(model, config)
    before = np.concatenate([values.ravel() for values in model.get_weights()])
    optimizer = optimizers.make(config)
    optimizer.build(model.trainable_variables)
    chunk = films(config).chunk(0, 1)
    outcome = steps.make_steps(model, optimizer, 1)(chunk, np.array([0.1], np.float32))
    twin.compile(keras.optimizers.SGD(0.1, momentum=0.9), "binary_crossentropy")
    loss = twin.train_on_batch(chunk.films.astype(np.float32)[..., None], chunk.labels[:, None])
    assert outcome.losses[0] / 10 == pytest.approx(float(loss), rel=1e-5)
    if name in LARGE:
        # Films that differ by 1e-7 move the gradients of Keras' own DenseNet-169 by 2e-4 of their
        # length, and a ReLU that a rounding switches moves its step by 1 %.
        ours, theirs = (np.concatenate([w.ravel() for w in m.get_weights()]) for m in (model, twin))
        assert np.linalg.norm(ours - theirs) < 0.02 * np.linalg.norm(theirs - before)
        return
    for ours, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert np.allclose(ours, theirs, atol=2e-5)


def with_keras_own_layers(config: TrainConfig) -> keras.Model:
    """The network with the layers that Keras ships; ours are called as they are."""

    kinds = {
        layers.Conv2D: keras.layers.Conv2D,
        layers.BatchNormalization: keras.layers.BatchNormalization,
    }

    def own(layer: keras.Layer) -> keras.Layer:
        return kinds.get(type(layer), type(layer)).from_config(layer.get_config())

    return keras.models.clone_model(make_network(config), clone_function=own)


def plain_twin(model: keras.Model, config: TrainConfig) -> keras.Model:
    """Return the model's twin of Keras' own layers, with its weights; neither drops any value."""
    twin = with_keras_own_layers(config)
    twin.set_weights(model.get_weights())
    for layer in (*model.layers, *twin.layers):
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    return twin


def test_weights_files_can_be_exchanged_with_keras_own_layers(tmp_path) -> None:
    config = TrainConfig(data="x")
    model, twin = make_network(config), with_keras_own_layers(config)
    random = np.random.default_rng(1)
    model.set_weights([random.random(w.shape).astype(np.float32) for w in model.get_weights()])
    model.save_weights(tmp_path / "ours.weights.h5")
    twin.load_weights(tmp_path / "ours.weights.h5")
    image = films(config).pixels[:3, ..., None]
    assert np.array_equal(model(image, training=False), twin(image, training=False))
    twin.save_weights(tmp_path / "keras.weights.h5")
    network_weights.load_weights(make_network(config), tmp_path / "keras.weights.h5")


def test_a_batch_of_one_film_is_a_batch() -> None:
    # five_conv would learn nothing of a single film: it normalizes its dense layer over the batch.
    config = TrainConfig(data="x", architecture="three_conv", batch_size=1, augmentation=STILL)
    model, optimizer = make_network(config), optimizers.make(config)
    optimizer.build(model.trainable_variables)
    before = model.get_weights()[0].copy()  # the optimizer works in place
    outcome = steps.make_steps(model, optimizer, 1)(films(config, 3).chunk(0, 3), np.ones(3) * 1e-3)
    assert np.isfinite(outcome.losses).all()
    assert all(np.isfinite(values).all() for values in model.get_weights())
    assert not np.array_equal(before, model.get_weights()[0])


@pytest.mark.parametrize("shape", [(1, 4), (7, 4), (1, 1, 1, 4), (3, 5, 5, 4)])
def test_normalization_in_one_kernel_is_keras_own(shape) -> None:
    values = np.random.default_rng(2).normal(3, 2, shape).astype(np.float32)
    results = []
    for kind in (layers.BatchNormalization, keras.layers.BatchNormalization):
        layer = kind()
        results.append((layer(values, training=True).numpy(), *layer.get_weights()))
    for ours, theirs in zip(*results, strict=True):
        assert ours.shape == theirs.shape and np.allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize(
    ("channels", "strides", "padding"),
    [(1, 1, "valid"), (1, 2, "valid"), (1, 1, "same"), (3, 1, "valid")],
)
def test_a_convolution_in_halves_is_keras_own(channels, strides, padding) -> None:
    random = np.random.default_rng(3)
    values = tf.constant(random.normal(size=(5, 12, 12, channels)).astype(np.float32))
    results = []
    for kind in (layers.Conv2D, keras.layers.Conv2D):
        layer = kind(4, 3, strides=strides, padding=padding)
        layer.build(values.shape)
        random = np.random.default_rng(4)
        layer.set_weights([random.normal(size=w.shape) for w in layer.get_weights()])
        with tf.GradientTape() as tape:
            maps = layer(values, **({"training": True} if kind is layers.Conv2D else {}))
            total = tf.reduce_sum(maps**2)
        slopes = tape.gradient(total, layer.trainable_variables)
        results.append([maps.numpy(), *(slope.numpy() for slope in slopes)])
    for ours, theirs in zip(*results, strict=True):
        assert ours.shape == theirs.shape and np.allclose(ours, theirs, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_judging_in_halves_is_keras_own(count) -> None:
    config = TrainConfig(data="x", architecture="three_conv")
    model, pixels = make_network(config), films(config).pixels[:count]
    own = model(pixels[..., None].astype(np.float32), training=False).numpy()[:, 0]
    probabilities = steps.make_predict(model)(pixels)
    assert probabilities.shape == (count,) and np.allclose(probabilities, own, atol=1e-6)


def test_class_weights_weigh_the_descent_and_not_what_is_told() -> None:
    config = TrainConfig(data="x", architecture="three_conv", augmentation=STILL, optimizer="sgd")
    losses, moved = [], []
    for weights in ((1.0, 1.0), (0.0, 1.0)):
        model = make_network(config)
        optimizer = optimizers.make(config)
        optimizer.build(model.trainable_variables)
        before = model.get_layer("probability").bias.numpy()
        step = steps.make_steps(model, optimizer, 1, weights)
        losses.append(step(films(config).chunk(0, 1), np.array([0.1], np.float32)).losses[0])
        moved.append(float((model.get_layer("probability").bias.numpy() - before)[0]))
    assert losses[0] == pytest.approx(losses[1])
    assert moved[1] > 0 > moved[0] - moved[1]  # only positive films pull


TWO_DEVICES = """
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from fracture_core.networks import optimizers
from fracture_core.learners.learner import make_network
from fracture_core.training import steps
from fracture_core.training_films import pipeline
from fracture_core.config.train_config import TrainConfig
# In deeper networks a rounding switches a ReLU, and twenty steps make of it what they like.
config = TrainConfig(data="x", architecture="one_conv", optimizer="sgd")
ramp = np.linspace(0, 200, 32)[None, :] + np.zeros((32, 1))
pixels = np.stack([ramp if n % 2 else ramp.T for n in range(45)]).astype(np.uint8)
films = pipeline.Pipeline(pixels=pixels, labels=np.arange(45) % 2, config=config)
losses = []
for strategy in (tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])):
    with strategy.scope():
        model, optimizer = make_network(config), optimizers.make(config)
        optimizer.build(model.trainable_variables)
        step = steps.make_steps(model, optimizer, 1)
    assert tf.distribute.get_strategy().num_replicas_in_sync == 1
    print(strategy.num_replicas_in_sync)
    losses.append(step(films.chunk(0, 20), np.full(20, 1e-3, np.float32)).losses)
print(np.abs(losses[0] - losses[1]).max() / 10)
print(losses[0].std())
"""


@pytest.mark.slow
def test_two_devices_learn_within_rounding_what_one_learns() -> None:
    process = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr[-3000:]
    one, two, difference, spread = process.stdout.split()[-4:]
    assert (one, two) == ("1", "2")
    assert float(difference) < 1e-5
    assert float(spread) > 1e-2  # it learned something


@pytest.mark.slow
def test_a_film_alone_at_the_end_of_a_pass_is_a_step_of_its_own() -> None:
    # 21 films in batches of 10 are 10, 10 and 1, pass after pass: all in one call or one by one.
    config = TrainConfig(data="x", architecture="three_conv", steps_per_epoch=None)
    chunk, results = films(config, 21).chunk(0, 7), []
    assert np.diff(chunk.ends, prepend=0).tolist() == [10, 10, 1, 10, 10, 1, 10]
    for lengths in ((7,), (1,) * 7):
        model, optimizer = make_network(config), optimizers.make(config)
        optimizer.build(model.trainable_variables)
        step, first, losses = steps.make_steps(model, optimizer, 1), 0, []
        for length in lengths:
            part = films(config, 21).chunk(first, length)
            losses.extend(step(part, np.full(length, 1e-3, np.float32)).losses)
            first += length
        results.append((losses, model.get_weights()))
    (losses, weights), (others, twins) = results
    assert losses == others and np.isfinite(losses).all() and losses[2] < losses[1]
    assert all(np.array_equal(a, b) for a, b in zip(weights, twins, strict=True))
