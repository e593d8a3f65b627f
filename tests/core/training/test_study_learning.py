"""Runs that learn from studies: Keras' own descent, the same bits after a kill, honest curves."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from fracture_core.config.film_settings import Augmentation
from fracture_core.config.network_options import NetworkOptions
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog
from fracture_core.epochs import checkpoints, predictions
from fracture_core.jobs import launcher
from fracture_core.learners.learner import class_weights, make_learner
from fracture_core.losses.pooling import UNITS
from fracture_core.models import stored_models
from fracture_core.prediction.inference import Predictor
from fracture_core.runs import journal
from fracture_core.runs.run_status import State
from fracture_core.training import loop, steps
from fracture_core.training_films import pipeline, preparation
from fracture_core.verdicts import study_loss
from tests.core.every_network import CHAINS
from tests.core.training.test_loop import finish, kill, make, train, train_impatiently, wait_for
from tests.core.training.test_steps import STILL, plain_twin
from tests.core.twins import assert_twins

POOLINGS = ("maximum", "noisy_or", "mean", "attention")
# Every network, and every pooling with one of them: neither knows the other.
PAIRS = list(zip(CHAINS, POOLINGS, strict=True))
STUDIES = np.repeat(np.arange(12), [3, 1, 2, 4, 2, 3, 1, 2, 5, 2, 3, 2])


def films(config: TrainConfig) -> pipeline.Pipeline:
    """Noise in studies with labels."""
    pixels = np.random.default_rng(0).integers(0, 256, (len(STUDIES), 32, 32), np.uint8)
    return pipeline.Pipeline(pixels=pixels, labels=STUDIES % 2, config=config, studies=STUDIES)


@pytest.mark.parametrize("pooling", ["noisy_or", "attention"])
def test_a_step_learns_what_a_plain_computation_learns(pooling) -> None:
    config = TrainConfig(
        data="x",
        architecture="three_conv",
        augmentation=STILL,
        optimizer="sgd",
        learn_from="studies",
        pooling=pooling,
    )
    assert_learns_plainly(config, (0.5, 2.0))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "pooling"), PAIRS)
def test_a_step_of_every_network_learns_what_a_plain_computation_learns(name, pooling) -> None:
    config = TrainConfig(
        data="x",
        architecture=name,
        augmentation=STILL,
        optimizer="sgd",
        learn_from="studies",
        pooling=pooling,
    )
    assert_learns_plainly(config, (1.0, 1.0))


def assert_learns_plainly(config: TrainConfig, weights: tuple[float, float]) -> None:
    """Train a step, and the same by Keras' layers, probabilities and a loop over studies."""
    model, optimizer, loss, _ = make_learner(config)
    twin = plain_twin(model, config)
    attention = [tf.Variable(each.value) for each in loss.variables]
    chunk = films(config).chunk(0, 1)
    step = steps.make_steps(model, optimizer, 1, weights, loss)
    outcome = step(chunk, np.array([0.1], np.float32))
    head, count = twin.layers[-1], int(chunk.studies[-1]) + 1
    both = keras.Model(twin.input, [head.output, head.input])
    with tf.GradientTape() as tape:
        probabilities, features = both(chunk.films.astype(np.float32)[..., None], training=True)
        losses = []
        for study in range(count):
            mine = chunk.studies == study
            whole = plainly_pooled(
                probabilities[:, 0][mine], features[mine], config.pooling, attention
            )
            label = chunk.labels[mine][:1]
            losses.append(keras.losses.binary_crossentropy(label, whole[None]))
        own = [chunk.labels[chunk.studies == study][0] for study in range(count)]
        weighed = [each * weights[int(label)] for each, label in zip(losses, own, strict=True)]
        total = tf.add_n(weighed) / count
    variables = [*(each.value for each in twin.trainable_variables), *attention]
    for variable, slope in zip(variables, tape.gradient(total, variables), strict=True):
        variable.assign_sub(0.1 * slope)
    assert outcome.losses[0] == pytest.approx(float(tf.add_n(losses)), rel=1e-4)
    right = (probabilities.numpy()[:, 0] > 0.5) == (chunk.labels > 0.5)
    assert outcome.right[0] == right.sum()
    ours = [*model.trainable_variables, *loss.variables]
    assert len(loss.variables) == (3 if config.pooling == "attention" else 0)
    for mine, theirs in zip(ours, variables, strict=True):
        assert np.allclose(mine.numpy(), theirs.numpy(), atol=2e-5)


def plainly_pooled(probabilities, features, pooling, attention) -> tf.Tensor:
    """A study's probability, as the papers have it."""
    if pooling == "maximum":
        return tf.reduce_max(probabilities)
    if pooling == "noisy_or":
        return 1 - tf.reduce_prod(1 - probabilities)
    if pooling == "mean":
        return tf.reduce_mean(probabilities)
    content, gate, score = attention
    assert content.shape[1] == UNITS
    scores = (tf.tanh(features @ content) * tf.sigmoid(features @ gate)) @ score
    return tf.reduce_sum(tf.nn.softmax(scores[:, 0]) * probabilities)


RICH = {  # all that has a memory; an attention is learned beside the network
    "epochs": 3,
    "learn_from": "studies",
    "pooling": "attention",
    "options": NetworkOptions(dropout=0.5),
    "optimizer": "adamw",
    "class_weights": "balanced",
    "batch_size": 12,
    "augmentation": Augmentation(shift_percent=10, contrast_percent=20),
}


@pytest.fixture
def one_step_a_call(monkeypatch) -> None:
    """So that a test can stop at any step it likes."""
    monkeypatch.setattr(loop, "CALL_SECONDS", 0.0)


@pytest.mark.slow
def test_a_stop_inside_an_epoch_goes_on_to_the_same_bits(
    folders, phantom_root, one_step_a_call
) -> None:
    twin, folder = (make(phantom_root, **RICH) for _ in range(2))
    assert train(twin).state is State.FINISHED
    stopped = train_impatiently(folder, before=5)
    assert (stopped.state, stopped.step) == (State.STOPPED, 5)
    assert train(folder).state is State.FINISHED
    assert [e["step"] for e in journal.events(folder) if e["kind"] == "resumed"] == [5]
    assert_twins(folder, twin)
    with np.load(checkpoints.states(folder / "checkpoints")[0]) as state:
        last = [state[name] for name in sorted(state.files) if name[0] == "v"][-3:]
    assert [each.shape[1] for each in last] == [UNITS, UNITS, 1]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "pooling"), PAIRS)
def test_a_killed_run_of_every_network_ends_like_its_twin(
    folders, phantom_root, name, pooling
) -> None:
    settings = {"architecture": name, "epochs": 2, "learn_from": "studies", "pooling": pooling}
    twin, victim = (
        launcher.create_and_start(
            TrainConfig(data=str(phantom_root), threads=1, **settings), own, queue=False
        )
        for own in ("twin", "victim")
    )
    wait_for(victim, "predictions/epoch_0001.npy")
    kill()
    launcher.resume(victim, wait_for_slot=False)
    assert_twins(finish(victim), finish(twin))


@pytest.mark.parametrize("pooling", ["noisy_or", "attention"])
def test_the_curve_holds_the_loss_per_study_and_accuracy_per_film(
    folders, phantom_root, pooling
) -> None:
    folder = make(phantom_root, learn_from="studies", pooling=pooling)
    assert train(folder).state is State.FINISHED
    rows = journal.films(folder)
    train_rows, evaluated = rows[rows["role"] == "train"], predictions.predicted_films(rows)
    line = journal.lines(folder / "metrics.jsonl")[-1]
    assert line["train"]["n"] == len(train_rows)
    assert line["train"]["studies"] == len({*catalog.study_numbers(train_rows)})
    assert 0 < line["train"]["loss"] < 5 and 0 <= line["train"]["accuracy"] <= 1
    table = predictions.load(folder, 2, len(evaluated))
    for role in ("dev", "valid"):
        mine = (evaluated["role"] == role).to_numpy()
        expected = study_loss.mean_loss(evaluated[mine], table[mine], pooling)
        assert line[role]["loss"] == expected
        assert line[role]["n"] == mine.sum()  # accuracy and AUROC are of films
    point = journal.lines(folder / "steps.jsonl")
    assert all(0 < each["loss"] < 5 for each in point)


def test_a_film_has_a_probability_as_ever_wherever_it_is_predicted(folders, phantom_root) -> None:
    folder = make(phantom_root, learn_from="studies", pooling="attention")
    train(folder)
    rows, worker = journal.films(folder), loop.Worker(folder)
    pixels = preparation.prepare(folder, worker)[1][(rows["role"] != "train").to_numpy()]
    predictor = Predictor(stored_models.find(f"{folder.name}@2"))
    table = predictions.load(folder, 2, len(pixels))
    assert predictor.probabilities(pixels) == pytest.approx(table, abs=1e-6)


def test_balanced_weights_count_studies(phantom_root) -> None:
    config = TrainConfig(data="x", learn_from="studies", class_weights="balanced")
    labels = np.where(STUDIES == 0, 1, 0)  # one positive study of twelve
    given = pipeline.Pipeline(
        pixels=np.zeros((len(STUDIES), 32, 32), np.uint8),
        labels=labels,
        config=config,
        studies=STUDIES,
    )
    negative, positive = class_weights(config, given.labels_of_losses)
    assert (negative, positive) == (pytest.approx(12 / 22), pytest.approx(6.0))


def test_a_positive_study_of_which_one_film_shows_it_is_learned_by_the_film(
    folders, phantom_root: Path
) -> None:
    # Squares on one film of each positive study: a loss per film blames the others too.
    random = np.random.default_rng(0)
    count, per = 40, 4
    studies = np.repeat(np.arange(count), per)
    pixels = random.integers(60, 120, (len(studies), 32, 32)).astype(np.uint8)
    shows = (np.arange(len(studies)) % per == 0) & (studies % 2 == 1)
    pixels[shows, 10:22, 10:22] = 230
    config = TrainConfig(
        data="x", architecture="three_conv", augmentation=STILL, learn_from="studies"
    )
    model, optimizer, loss, _ = make_learner(config)
    given = pipeline.Pipeline(pixels=pixels, labels=studies % 2, config=config, studies=studies)
    step = steps.make_steps(model, optimizer, 1, loss=loss)
    step(given.chunk(0, 80), np.full(80, 1e-3, np.float32))
    values = model(pixels[..., None].astype(np.float32), training=True).numpy()[:, 0]
    assert values[shows].min() > 0.5 > values[~shows].max()


TWO_DEVICES = """
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from fracture_core.learners.learner import make_learner
from fracture_core.training import steps
from fracture_core.training_films import pipeline
from fracture_core.config.train_config import TrainConfig
config = TrainConfig(data="x", architecture="one_conv", optimizer="sgd", learn_from="studies",
                     pooling="noisy_or")
ramp = np.linspace(0, 200, 32)[None, :] + np.zeros((32, 1))
studies = np.repeat(np.arange(20), [2, 3] * 10)
pixels = np.stack([ramp if n % 2 else ramp.T for n in studies]).astype(np.uint8)
films = pipeline.Pipeline(pixels=pixels, labels=studies % 2, config=config, studies=studies)
losses = []
for strategy in (tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])):
    with strategy.scope():
        model, optimizer, loss, _ = make_learner(config)
        step = steps.make_steps(model, optimizer, 1, loss=loss)
    losses.append(step(films.chunk(0, 10), np.full(10, 1e-3, np.float32)).losses)
print(np.abs(losses[0] - losses[1]).max() / 4)
print(losses[0].std())
"""


@pytest.mark.slow
def test_two_devices_share_the_studies_of_a_step() -> None:

    process = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr[-3000:]
    difference, spread = process.stdout.split()[-2:]
    assert float(difference) < 1e-5 < 1e-2 < float(spread)
