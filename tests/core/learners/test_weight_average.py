"""Averaged weights: a closed form, training that they leave alone, the same bits after a kill."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from fracture_core.config.film_settings import Augmentation
from fracture_core.config.network_options import NetworkOptions
from fracture_core.config.train_config import TrainConfig
from fracture_core.epochs import checkpoints, epoch_weights, forks, predictions, resumption
from fracture_core.errors import ConfigError, RunError
from fracture_core.jobs import launcher
from fracture_core.learners.learner import Learner, make_learner, make_network
from fracture_core.learners.weight_average import WeightAverage
from fracture_core.models import stored_models
from fracture_core.networks import network_weights
from fracture_core.prediction.inference import Predictor
from fracture_core.runs import journal, run_requests
from fracture_core.runs.run_status import State
from fracture_core.training import loop, steps
from fracture_core.training_films import preparation
from tests.core.training.test_loop import (
    finish,
    kill,
    make,
    start,
    train,
    train_impatiently,
    wait_for,
)
from tests.core.training.test_steps import films
from tests.core.twins import assert_twins

CONFIG = TrainConfig(data="x", architecture="one_conv", weight_average=0.8)
RICH = {  # all that regularizes, and all that has a memory
    "epochs": 3,
    "weight_average": 0.9,
    "mixup": 0.4,
    "label_smoothing": 0.1,
    "options": NetworkOptions(dropout=0.5),
    "optimizer": "adamw",
    "class_weights": "balanced",
    "augmentation": Augmentation(shift_percent=10, contrast_percent=20),
}


def test_weights_that_stay_as_they_are_keep_a_mean_of_the_same_bits() -> None:
    model = make_network(CONFIG)
    before = copies(model.trainable_variables)
    average = WeightAverage(model, 0.999)
    for number in range(300):
        average.update(tf.constant(number, tf.int64))
    assert same(copies(average.variables), before)


def trained(
    config: TrainConfig, calls: tuple[int, ...]
) -> tuple[Learner, list[tuple[list[np.ndarray], list[np.ndarray]]]]:
    """A learner after calls of so many steps; its weights and their mean after each call."""
    learner, after, first = make_learner(config), [], 0
    model, optimizer, loss, average = learner
    step = steps.make_steps(model, optimizer, config.seed, loss=loss, average=average)
    for count in calls:
        step(films(config).chunk(first, count), np.full(count, 1e-3, np.float32))
        after.append((copies(model.trainable_variables), copies(learner.averaged)))
        first += count
    return learner, after


def copies(variables) -> list[np.ndarray]:
    """The values of variables, which may change later."""
    return [np.array(each) for each in variables]


def same(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    """Compare arrays to the last bit."""
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


def test_the_average_is_the_mean_of_the_weights_by_powers_of_the_decay() -> None:
    learner, after = trained(CONFIG, (1,) * 5)
    powers = 0.8 ** np.arange(4, -1, -1, dtype=np.float64)
    weights, means = after[-1]
    for number, mean in enumerate(means):
        each = np.stack([weights[number].astype(np.float64) for weights, _ in after])
        expected = np.tensordot(powers / powers.sum(), each, axes=1)
        assert np.allclose(mean, expected, rtol=1e-6, atol=1e-8)
    assert same(*after[0])  # no part of the initial weights
    with learner.evaluated_weights():
        assert same(copies(learner.model.trainable_variables), means)
    assert same(copies(learner.model.trainable_variables), weights)
    assert same(copies(learner.averaged), means)


def test_training_is_the_same_with_an_average_and_however_many_steps_a_call_takes() -> None:
    _, (_, (weights, means)) = trained(CONFIG, (1, 4))
    _, ((whole, of_whole),) = trained(CONFIG, (5,))
    _, ((plain, none),) = trained(replace(CONFIG, weight_average=0.0), (5,))
    assert same(weights, whole) and same(weights, plain)
    assert same(means, of_whole) and not none


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """A state after three steps, inside an epoch, and its learner after two more."""
    folder = tmp_path_factory.mktemp("run") / "checkpoints"
    folder.mkdir()
    learner, _ = trained(CONFIG, (3,))
    model, optimizer, *_ = learner
    position = checkpoints.Position(step=3, sums=(1.0, 2, 30))
    with learner.evaluated_weights():
        checkpoints.save(folder, model, optimizer, position, True, (), learner.averaged)
    go_on(learner)
    return folder, learner


def go_on(learner: Learner) -> None:
    """Train two more steps."""
    model, optimizer, loss, average = learner
    step = steps.make_steps(model, optimizer, CONFIG.seed, loss=loss, average=average)
    step(films(CONFIG).chunk(3, 2), np.full(2, 1e-3, np.float32))


def bits(learner: Learner) -> list[bytes]:
    """Every variable's bytes."""
    model, optimizer, *_ = learner
    variables = (*model.variables, *optimizer.variables, *learner.averaged)
    return [np.array(each).tobytes() for each in variables]


def test_a_restored_state_goes_on_to_the_same_bits(state) -> None:
    folder, expected = state
    learner = make_learner(CONFIG)
    model, optimizer, _, average = learner
    resumption.restore(folder, model, optimizer, (), learner.averaged)
    average.exchange()
    go_on(learner)
    assert bits(learner) == bits(expected)


def test_a_state_with_an_average_does_not_fit_a_run_without_one(state) -> None:
    plain = make_learner(replace(CONFIG, weight_average=0.0))
    with pytest.raises(RunError, match="must hold 0 arrays of weights that are averaged"):
        resumption.restore(state[0], plain.model, plain.optimizer)


def test_averaged_weights_need_recomputed_averages_and_say_so() -> None:
    with pytest.raises(ConfigError, match="or recompute the averages"):
        TrainConfig(data="x", weight_average=0.9, normalization="running")


def test_the_average_is_what_a_run_evaluates_keeps_and_predicts_with(folders, phantom_root) -> None:
    folder = make(phantom_root, weight_average=0.9)
    assert train(folder).state is State.FINISHED
    rows, worker = journal.films(folder), loop.Worker(folder)
    pixels = preparation.prepare(folder, worker)[1][(rows["role"] != "train").to_numpy()]
    model = stored_models.find(f"{folder.name}@2")
    assert model.card.training["weight_average"] == 0.9
    assert "--weight-average 0.9" in model.card.command
    table = predictions.load(folder, 2, len(pixels))
    assert Predictor(model).probabilities(pixels) == pytest.approx(table, abs=1e-6)
    state = checkpoints.read_state(checkpoints.states(folder / "checkpoints")[0])
    network = make_network(worker.config)
    network_weights.load_weights(network, epoch_weights.find(folder / "checkpoints", 2))
    for kept, own in zip(network.trainable_variables, state.training, strict=True):
        assert kept.shape == own.shape and not np.array_equal(np.array(kept), own)


@pytest.mark.slow
def test_a_run_trains_the_same_with_an_average(folders, phantom_root) -> None:
    plain, averaged = (make(phantom_root, weight_average=decay) for decay in (0.0, 0.9))
    for folder in (plain, averaged):
        assert train(folder).state is State.FINISHED
    one, other = (journal.lines(folder / "metrics.jsonl") for folder in (plain, averaged))
    assert [line["train"] for line in one] == [line["train"] for line in other]
    assert [line["dev"] for line in one] != [line["dev"] for line in other]
    state = checkpoints.read_state(checkpoints.states(averaged / "checkpoints")[0])
    network = make_network(loop.Worker(plain).config)
    network_weights.load_weights(network, epoch_weights.find(plain / "checkpoints", 2))
    for weight, own in zip(network.trainable_variables, state.training, strict=True):
        assert np.array_equal(np.array(weight), own)


@pytest.mark.slow
def test_a_fork_with_another_optimizer_keeps_average_and_weights(folders, phantom_root) -> None:
    folder = make(phantom_root, weight_average=0.9)
    train(folder)
    fork = forks.create(folder, 2, epochs=3, optimizer="sgd", learning_rate=1e-7)
    before, after = (checkpoints.states(each / "checkpoints")[0] for each in (folder, fork))
    one, other = checkpoints.read_state(before), checkpoints.read_state(after)
    assert other.optimizer is None and one.weights == other.weights
    assert all(np.array_equal(a, b) for a, b in zip(one.training, other.training, strict=True))
    assert train(fork).state is State.FINISHED


@pytest.mark.slow
@pytest.mark.parametrize(
    ("when", "step"), [({"before": 5}, 5), ({"before": 6}, 6), ({"evaluating": 5}, 6)], ids=str
)
def test_a_stop_inside_an_epoch_or_at_its_end_goes_on_to_the_same_bits(
    folders, phantom_root, monkeypatch, when, step
) -> None:
    monkeypatch.setattr(loop, "CALL_SECONDS", 0.0)
    twin, folder = (make(phantom_root, **RICH) for _ in range(2))
    assert train(twin).state is State.FINISHED
    stopped = train_impatiently(folder, **when)
    assert (stopped.state, stopped.step) == (State.STOPPED, step)
    assert train(folder).state is State.FINISHED
    assert_twins(folder, twin)


@pytest.mark.slow
def test_a_run_stopped_then_killed_ends_like_its_twin(folders, phantom_root) -> None:
    long = {**RICH, "steps_per_epoch": 50, "checkpoint_seconds": 0.1}
    twin = finish(start(phantom_root, "twin", **long))
    folder = start(phantom_root, "killed", **long)
    wait_for(folder, "steps.jsonl")
    run_requests.send(folder, "stop")
    launcher.wait(folder)
    launcher.resume(folder, wait_for_slot=False)
    wait_for(folder, "predictions/epoch_0002.npy")
    kill()
    launcher.resume(folder, wait_for_slot=False)
    assert_twins(finish(folder), twin)


TWO_DEVICES = """
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from fracture_core.learners.learner import make_learner
from fracture_core.training import steps
from fracture_core.training_films import pipeline
from fracture_core.config.train_config import TrainConfig
config = TrainConfig(data="x", architecture="one_conv", optimizer="sgd", weight_average=0.8,
                     mixup=0.4, label_smoothing=0.1)
ramp = np.linspace(0, 200, 32)[None, :] + np.zeros((32, 1))
pixels = np.stack([ramp if n % 2 else ramp.T for n in range(45)]).astype(np.uint8)
films = pipeline.Pipeline(pixels=pixels, labels=np.arange(45) % 2, config=config)
averages = []
for strategy in (tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])):
    with strategy.scope():
        model, optimizer, loss, average = make_learner(config)
        step = steps.make_steps(model, optimizer, 1, loss=loss, average=average)
    before = np.concatenate([np.array(v).ravel() for v in average.variables])
    step(films.chunk(0, 4), np.full(4, 1e-3, np.float32))
    averages.append(np.concatenate([np.array(v).ravel() for v in average.variables]))
print(np.abs(averages[0] - averages[1]).max(), np.abs(averages[0] - before).max())
"""


@pytest.mark.slow
def test_two_devices_have_the_average_of_one_within_rounding() -> None:
    process = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr[-3000:]
    difference, moved = process.stdout.split()[-2:]
    assert float(difference) < 1e-5 < 1e-4 < float(moved)
