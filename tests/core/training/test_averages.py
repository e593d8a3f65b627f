"""Recomputed averages of batch normalization: exact, the same each time, used by every run."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from fracture_core import checksums
from fracture_core.config.film_settings import PixelRecipe
from fracture_core.config.train_config import TrainConfig
from fracture_core.epochs import epoch_weights, predictions
from fracture_core.jobs import launcher
from fracture_core.learners.learner import make_network
from fracture_core.models import epoch_models
from fracture_core.networks import network_weights
from fracture_core.networks.layers import BatchNormalization
from fracture_core.prediction.inference import Predictor
from fracture_core.runs import journal, run_config, run_folders
from fracture_core.runs.run_status import State
from fracture_core.training import averages, loop, steps
from fracture_core.training_films import preparation
from tests.core.every_network import EVERY
from tests.core.twins import assert_twins


def never() -> bool:
    """Never stop."""
    return False


def network(name: str, seed: int = 1) -> keras.Model:
    """A network whose averages, as those of a young run, are not those of its films."""
    return make_network(TrainConfig(data="x", architecture=name, seed=seed))


def films(count: int, size: int = 32) -> np.ndarray:
    """Blotches of grey, each film of another brightness."""
    random = np.random.default_rng(3)
    coarse = random.integers(0, 256, (count, size // 4, size // 4)) * random.random((count, 1, 1))
    return coarse.repeat(4, axis=1).repeat(4, axis=2).astype(np.uint8)


FIRST_MAPS = 30 * 30 * 32 * 4  # bytes of a film's maps behind the first convolution


def norms(model: keras.Model) -> list[BatchNormalization]:
    """The layers of batch normalization."""
    return [layer for layer in model.layers if isinstance(layer, BatchNormalization)]


def in_float64(model: keras.Model, pixels: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Moments of the inputs of each normalization over all films, in one pass in float64."""
    moments, x = {}, tf.constant(pixels[..., None], tf.float64)
    for layer in model.layers:
        held = [tf.cast(w, tf.float64) for w in layer.get_weights()]
        if isinstance(layer, BatchNormalization):
            mean, variance = tf.nn.moments(x, list(range(len(x.shape) - 1)))
            moments[layer.name] = mean.numpy(), variance.numpy()
            gamma, beta = held[:2]
            x = (x - mean) / tf.sqrt(variance + layer.epsilon) * gamma + beta
        elif isinstance(layer, keras.layers.Conv2D):
            x = tf.nn.conv2d(x, held[0], layer.strides, layer.padding.upper()) + held[1]
            x = layer.activation(x)
        elif isinstance(layer, keras.layers.Dense):
            x = layer.activation(x @ held[0] + held[1])
        elif isinstance(layer, keras.layers.MaxPooling2D):
            size, padding = layer.pool_size, layer.padding.upper()
            x = tf.nn.max_pool2d(x, size, layer.strides, padding)
        elif isinstance(layer, keras.layers.Rescaling):
            x = x * layer.scale
        elif isinstance(layer, keras.layers.Flatten):
            x = tf.reshape(x, (len(x), -1))
        elif isinstance(layer, keras.layers.GlobalAveragePooling2D):
            x = tf.reduce_mean(x, (1, 2))
        elif isinstance(layer, keras.layers.ReLU | keras.layers.Activation):
            x = tf.nn.relu(x)
        else:
            assert isinstance(layer, keras.layers.InputLayer | keras.layers.Dropout), layer
    return moments


@pytest.mark.parametrize(("block", "kept"), [(96, 0), (20, 5), (20, 2)])
@pytest.mark.parametrize("name", ["five_conv", "all_conv"])
def test_averages_are_those_of_one_pass_in_float64(name, block, kept, monkeypatch) -> None:
    monkeypatch.setattr(averages, "BLOCK_PIXELS", block * 32**2)
    monkeypatch.setattr(averages, "KEPT_BYTES", kept * block * FIRST_MAPS)
    model, pixels = network(name), films(96)
    assert averages.make_recompute(model)(pixels, never)
    exact = in_float64(model, pixels)
    assert list(exact) == [norm.name for norm in norms(model)] and len(exact)
    for norm in norms(model):
        mean, variance = exact[norm.name]
        assert np.allclose(norm.moving_mean, mean, rtol=1e-5, atol=1e-5)
        assert np.allclose(norm.moving_variance, variance, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["five_conv", "residual"])
def test_maps_that_are_kept_change_no_bit(name, monkeypatch) -> None:
    monkeypatch.setattr(averages, "BLOCK_PIXELS", 20 * 32**2)
    weights = []
    for blocks in (0, 2, 5):  # 0: every layer from the films, as runs of before did
        monkeypatch.setattr(averages, "KEPT_BYTES", blocks * 20 * FIRST_MAPS)
        model = network(name)
        assert averages.make_recompute(model)(films(96), never)
        weights.append(model.get_weights())
    for others in weights[1:]:
        assert all(map(np.array_equal, weights[0], others))


def test_a_network_whose_layers_are_not_in_a_row_gets_its_averages_too(monkeypatch) -> None:
    keras.utils.set_random_seed(1)
    film = keras.Input((32, 32, 1))
    before = BatchNormalization(name="norm_1")(keras.layers.Conv2D(4, 3)(film))
    x = keras.layers.ReLU()(before)
    for number in (2, 3):
        x = BatchNormalization(name=f"norm_{number}")(keras.layers.Conv2D(4, 3)(x))
    x = keras.layers.Add()([x, keras.layers.Cropping2D(2)(before)])  # past layers 2 and 3
    model = keras.Model(film, BatchNormalization(name="norm_4")(x))
    weights = model.get_weights()
    assert averages.make_recompute(model)(films(96), never)  # in one pass
    whole = model.get_weights()
    model.set_weights(weights)
    monkeypatch.setattr(averages, "BLOCK_PIXELS", 20 * 32**2)
    assert averages.make_recompute(model)(films(96), never)
    for one, other in zip(whole, model.get_weights(), strict=True):
        assert np.allclose(one, other, rtol=1e-4, atol=1e-4)


def input_moments(model: keras.Model, pixels: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Mean and variance of what each normalization receives in a prediction of these films."""
    inputs = keras.Model(model.input, [norm.input for norm in norms(model)])
    values = tf.nest.flatten(inputs(pixels[..., None].astype(np.float32), training=False))
    axes = [tuple(range(len(each.shape) - 1)) for each in values]
    doubles = [each.numpy().astype(np.float64) for each in values]
    return [(each.mean(axis), each.var(axis)) for each, axis in zip(doubles, axes, strict=True)]


def assert_averages(model: keras.Model, moments: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """Assert that the averages are these moments, but for rounding."""
    for norm, (mean, variance) in zip(norms(model), moments, strict=True):
        scale = np.sqrt(variance).max()
        assert np.allclose(norm.moving_mean, mean, rtol=1e-3, atol=1e-3 * scale), norm.name
        assert np.allclose(norm.moving_variance, variance, rtol=1e-3, atol=1e-3 * scale**2)


@pytest.mark.parametrize("name", EVERY)
def test_every_layer_of_every_network_is_normalized_by_what_it_receives(name) -> None:
    model, pixels = network(name), films(24)
    assert averages.make_recompute(model)(pixels, never)
    if moments := input_moments(model, pixels):
        assert_averages(model, moments)


@pytest.mark.parametrize("name", ["residual", pytest.param("mobilenet_v3", marks=pytest.mark.slow)])
def test_a_network_of_many_layers_averages_over_blocks_in_a_single_pass(name, monkeypatch) -> None:
    model, pixels = network(name), films(24)
    recompute = averages.make_recompute(model)
    blocks, alone = np.array_split(pixels, 3), []
    for block in blocks:  # each in one pass, and so by its own moments
        recompute(block, never)
        alone.append(input_moments(model, block))
    means, variances = (
        [np.stack([block[n][kind] for block in alone]) for n in range(len(norms(model)))]
        for kind in (0, 1)
    )
    combined = [
        (mean.mean(0), variance.mean(0) + mean.var(0))
        for mean, variance in zip(means, variances, strict=True)
    ]
    monkeypatch.setattr(averages, "BLOCK_PIXELS", 8 * 32**2)
    monkeypatch.setattr(averages, "MOST_PASSES", 8)
    asked = []
    assert averages.make_recompute(model)(pixels, lambda: bool(asked.append(1)))
    assert len(asked) == 3  # one look for each block
    assert_averages(model, combined)


def test_nothing_but_the_averages_changes_and_twice_is_once() -> None:
    model, pixels = network("five_conv"), films(40)
    before = [w.numpy() for w in model.trainable_variables]
    recompute = averages.make_recompute(model)
    recompute(pixels, never)
    once = model.get_weights()
    for norm in norms(model):  # earlier averages must not matter
        norm.moving_mean.assign(norm.moving_mean + 3.0)
    recompute(pixels, never)
    assert all(map(np.array_equal, once, model.get_weights()))
    assert all(map(np.array_equal, before, [w.numpy() for w in model.trainable_variables]))


def test_a_stop_is_heard_between_two_blocks(monkeypatch) -> None:
    monkeypatch.setattr(averages, "BLOCK_PIXELS", 10 * 32**2)
    calls = []
    recompute = averages.make_recompute(network("three_conv"))
    assert not recompute(films(40), lambda: bool(calls.append(1) or len(calls) == 6))
    assert len(calls) == 6


def test_a_sample_is_a_function_of_seed_and_epoch() -> None:
    config = TrainConfig(data="x", seed=1)
    one = averages.sample(config, 2_000, epoch=4)
    assert len(one) == len(set(one)) == 768 and (np.diff(one) > 0).all()
    assert np.array_equal(one, averages.sample(config, 2_000, epoch=4))
    for seed, epoch in ((1, 5), (2, 4)):
        other = averages.sample(replace(config, seed=seed), 2_000, epoch)
        assert not np.array_equal(one, other)
    assert averages.sample(config, 7, epoch=1).tolist() == list(range(7))


@pytest.mark.parametrize(
    ("size", "films", "expected"),
    [(36, 768, 768), (64, 768, 512), (96, 256, 256), (160, 768, 327), (512, 768, 256)],
)
def test_a_sample_of_large_films_is_smaller(size: int, films: int, expected: int) -> None:
    config = TrainConfig(data="x", normalization_films=films, recipe=PixelRecipe(size=size))
    assert len(averages.sample(config, 2_000, epoch=1)) == expected


# --- in a run -----------------------------------------------------------------------------------


def pixels_of(folder) -> tuple:
    """A run's films, and their pixels."""
    return preparation.prepare(folder, loop.Worker(folder))


def test_a_runs_weights_hold_the_averages_of_their_epochs_sample(run_copy) -> None:
    films_of_run, pixels = pixels_of(run_copy)
    learned = pixels[(films_of_run["role"] == "train").to_numpy()]
    config = run_folders.read(run_copy).config
    for epoch in (1, 3):
        model = make_network(config)
        network_weights.load_weights(model, epoch_weights.find(run_copy / "checkpoints", epoch))
        rows = averages.sample(config, len(learned), epoch)
        exact = in_float64(model, learned[rows])
        assert exact
        for norm in norms(model):
            assert np.allclose(norm.moving_mean, exact[norm.name][0], rtol=1e-4, atol=1e-4)
            assert np.allclose(norm.moving_variance, exact[norm.name][1], rtol=1e-4, atol=1e-4)


def test_every_epochs_weights_predict_its_table_in_keras_own_layers_too(run_copy) -> None:
    films_of_run, pixels = pixels_of(run_copy)
    evaluated = pixels[(films_of_run["role"] != "train").to_numpy()]
    config = run_folders.read(run_copy).config

    def own(layer: keras.Layer) -> keras.Layer:
        return getattr(keras.layers, type(layer).__name__).from_config(layer.get_config())

    plain = keras.models.clone_model(make_network(config), clone_function=own)
    for epoch in (1, 2, 3):
        table = predictions.load(run_copy, epoch, len(evaluated))
        model = epoch_models.of_run(run_copy, epoch)
        assert np.allclose(Predictor(model).probabilities(evaluated), table, atol=1e-6)
        plain.load_weights(model.weights)
        assert np.allclose(plain.predict(evaluated[..., None], verbose=0)[:, 0], table, atol=1e-5)


@pytest.mark.slow
def test_the_way_of_averaging_changes_no_trained_weight(folders, finished_run) -> None:
    config = run_folders.read(finished_run).config
    assert config.normalization == "recomputed"
    running = TrainConfig.from_dict(config.to_dict() | {"normalization": "running"})
    folder = launcher.create_and_start(running, "running", queue=False)
    assert launcher.wait(folder).state is State.FINISHED, journal.log_tail(folder)
    for epoch in (1, 3):
        one, other = make_network(config), make_network(config)
        for model, place in ((one, finished_run), (other, folder)):
            weights = epoch_weights.find(place / "checkpoints", epoch)
            network_weights.load_weights(model, weights)
        for ours, theirs in zip(one.trainable_variables, other.trainable_variables, strict=True):
            assert np.array_equal(ours, theirs)
        assert not np.allclose(norms(one)[0].moving_variance, norms(other)[0].moving_variance)
    lines = [journal.metrics(place)["train.loss"].tolist() for place in (finished_run, folder)]
    assert lines[0] == lines[1]


def test_running_averages_are_keras_own() -> None:
    config = TrainConfig(data="x", architecture="three_conv", normalization="running")
    model = make_network(config)
    first, inputs = norms(model)[0], films(10)
    before = first.moving_variance.numpy()
    features = keras.Model(model.input, model.layers[model.layers.index(first) - 1].output)
    variance = np.var(features(inputs[..., None].astype(np.float32)).numpy(), axis=(0, 1, 2))
    model(inputs[..., None].astype(np.float32), training=True)
    assert np.allclose(first.moving_variance, 0.99 * before + 0.01 * variance, rtol=1e-4)


def test_a_run_of_before_there_was_a_choice_has_running_averages(run_copy) -> None:
    path = run_copy / "config.json"
    content = json.loads(path.read_text())
    del content["config"]["normalization"]
    checksums.write(run_copy, path, json.dumps(content).encode())
    run = run_folders.read(run_copy)
    assert run.config.normalization == "running"
    assert "--normalization running" in epoch_models.of_run(run_copy, 3).card.command
    training = epoch_models.of_run(run_copy, 3).card.training
    assert training["normalization"] == "running"
    assert training["normalization_films"] == run.config.normalization_films


@pytest.mark.slow
@pytest.mark.parametrize("before", [False, True])
def test_a_run_that_lost_its_last_state_takes_the_same_films_again(
    folders, runs_here, phantom_root, monkeypatch, before
) -> None:
    monkeypatch.setattr(averages, "BLOCK_PIXELS", 8 * 40**2)  # several blocks
    monkeypatch.setattr(run_config, "FILMS_BEFORE", 24)
    small = {"architecture": "three_conv", "epochs": 2, "recipe": PixelRecipe(size=40)}
    config = TrainConfig(data=str(phantom_root), normalization_films=24, **small)
    twin = launcher.create_and_start(config, "twin", queue=False)
    copy = Path(shutil.copytree(twin, twin.parent / "copy"))
    (copy / "checkpoints" / "epoch_0002.npz").unlink()
    if before:  # there was no such setting
        content = json.loads((copy / "config.json").read_text())
        del content["config"]["normalization_films"]
        checksums.write(copy, copy / "config.json", json.dumps(content).encode())
    assert run_folders.read(copy).config == config
    launcher.resume(copy, wait_for_slot=False)
    assert [event["kind"] for event in journal.events(copy)].count("resumed") == 1
    assert_twins(copy, twin)


def test_only_the_reports_preset_keeps_running_averages() -> None:
    from fracture_core.config.presets import PRESETS, preset

    ways = {name: preset(name, "x").normalization for name in PRESETS}
    assert ways == {"demo": "recomputed", "recommended": "recomputed", "report2018": "running"}


def test_a_network_that_gives_one_answer_by_its_old_averages_tells_films_apart_by_new_ones() -> (
    None
):
    model = network("three_conv")
    for norm in norms(model):
        norm.moving_variance.assign(norm.moving_variance + 400.0)  # far too large, as after a start
    pixels = films(64)
    predict = steps.make_predict(model)
    before = np.ptp(predict(pixels))
    averages.make_recompute(model)(pixels, never)
    assert np.ptp(predict(pixels)) > 5 * before
