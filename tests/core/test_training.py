"""The training loop, and what the design promises of it: the same bits, however often a run ends.

A run's twin is one with the same seed and settings that nobody touched.
"""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from fracture_core import (
    architectures,
    checkpoints,
    journal,
    launcher,
    pipeline,
    predictions,
    runs,
    training,
)
from fracture_core.config import NetworkOptions, TrainConfig
from fracture_core.errors import ModelError, TrainingFailed
from fracture_core.reporter import Reporter
from fracture_core.runs import State


def weights(path: Path) -> dict[str, bytes]:
    """Every array of a weights file."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, node: (
                found.update({name: node[()].tobytes()}) if isinstance(node, h5py.Dataset) else None
            )
        )
    return found


def left_behind(folder: Path) -> dict[str, object]:
    """All that seed and settings determine of a finished run."""
    last = checkpoints.states(folder / "checkpoints")[0]
    with np.load(last) as state:
        arrays = {name: state[name].tobytes() for name in state.files if name[0] == "v"}
        position = json.loads(str(state["position"]))
    tables = {path.name: path.read_bytes() for path in (folder / "predictions").iterdir()}
    kept = sorted((folder / "checkpoints").glob("epoch_????.weights.h5"))
    return {
        "metrics": (folder / "metrics.jsonl").read_bytes(),
        "tables": tables,
        "weights": {path.name: weights(path) for path in kept},
        "optimizer": arrays,
        "position": (last.name, position),
    }


def assert_twins(one: Path, other: Path) -> None:
    """Both runs left the same behind, to the last bit; names what differs."""
    first, second = left_behind(one), left_behind(other)
    assert [key for key in first if first[key] != second[key]] == []


# --- in a real child ----------------------------------------------------------------------------


def start(data: Path, name: str, **changes: object) -> Path:
    """A run in a child of its own, started at once."""
    config = TrainConfig(**{"data": str(data), "architecture": "three_conv"} | changes)
    return launcher.create_and_start(config, name, queue=False)


def finish(folder: Path) -> Path:
    """The folder, once its run has finished."""
    status = launcher.wait(folder)
    assert status.state is State.FINISHED, f"{status.message}\n{journal.log_tail(folder)}"
    return folder


def wait_for(folder: Path, what: str) -> None:
    """Wait until this file of a living run holds something."""
    while not ((folder / what).exists() and (folder / what).stat().st_size):
        assert runs.status(folder).state.alive, journal.log_tail(folder)
        time.sleep(0.005)


def kill() -> None:
    """End the child that was started last as the kernel would: at once, without a word."""
    os.kill(launcher._children[-1].pid, signal.SIGKILL)
    launcher._children[-1].wait()


def test_a_finished_run_leaves_what_the_design_says(finished_run) -> None:
    names = {path.name for path in finished_run.iterdir()}
    assert names == {
        "checkpoints",
        "config.json",
        "events.jsonl",
        "films.parquet",
        "lock",
        "metrics.jsonl",
        "predictions",
        "requests",
        "status.json",
        "train.log",
    } | (names & {"steps.jsonl"})  # a point of the live curve takes half a second to come
    kept = sorted(path.name for path in (finished_run / "checkpoints").iterdir())
    assert kept == [
        "epoch_0001.weights.h5",
        "epoch_0002.npz",
        "epoch_0002.weights.h5",
        "epoch_0003.npz",
        "epoch_0003.weights.h5",
    ]
    status = runs.status(finished_run)
    assert (status.state, status.epoch, status.epochs, status.progress) == ("finished", 3, 3, 1.0)
    assert status.message == "Finished 3 of 3 epochs."
    assert [e["kind"] for e in journal.events(finished_run)] == ["started", "finished"]


def test_a_prediction_table_has_a_row_for_each_dev_and_valid_film_in_order(finished_run) -> None:
    films = journal.films(finished_run)
    judged = films[films["role"].isin(["dev", "valid"])]
    assert set(films["role"]) == {"train", "dev", "valid"}
    assert predictions.epochs(finished_run) == (1, 2, 3)
    table = predictions.load(finished_run, 3, len(judged))
    joined = predictions.join(films, table)
    assert joined["path"].tolist() == judged["path"].tolist()
    assert len(np.unique(table)) > 5  # a network that says the same of every film proves nothing


def test_a_metrics_line_is_what_the_prediction_table_says(finished_run) -> None:
    lines = journal.lines(finished_run / "metrics.jsonl")
    films = predictions.judged(journal.films(finished_run))
    for line in lines:
        table = predictions.load(finished_run, line["epoch"], len(films))
        for role in ("dev", "valid"):
            rows = (films["role"] == role).to_numpy()
            assert line[role] == predictions.epoch_metrics(films[rows], table[rows], 0.5)
    assert [(line["epoch"], line["step"]) for line in lines] == [(1, 5), (2, 10), (3, 15)]
    assert lines[0]["train"]["n"] == (journal.films(finished_run)["role"] == "train").sum()
    assert not any("time" in key for line in lines for key in line)


def test_the_same_seed_gives_the_same_bits(folders, finished_run, phantom_root) -> None:
    again = finish(start(phantom_root, "again", epochs=3))
    assert_twins(again, finished_run)


def test_a_run_that_lost_its_last_checkpoint_and_half_a_line_falls_back_and_ends_the_same(
    run_copy, finished_run
) -> None:
    last = run_copy / "checkpoints" / "epoch_0003.npz"
    last.write_bytes(last.read_bytes()[:-5_000])
    lines = (run_copy / "metrics.jsonl").read_text()
    (run_copy / "metrics.jsonl").write_text(lines[:-40])
    assert len(journal.metrics(run_copy)) == 2
    launcher.resume(run_copy, wait_for_slot=False)
    assert_twins(finish(run_copy), finished_run)
    events = {event["kind"]: event for event in journal.events(run_copy)}
    assert "epoch_0003.npz cannot be read" in events["checkpoint_passed_over"]["message"]
    assert events["resumed"]["step"] == 10


@pytest.mark.slow
def test_more_epochs_than_first_asked_give_what_asking_at_once_gives(
    folders, finished_run, phantom_root
) -> None:
    folder = finish(start(phantom_root, "longer", epochs=1))
    assert runs.status(folder).epochs == 1
    launcher.resume(folder, more_epochs=2, wait_for_slot=False)
    assert_twins(finish(folder), finished_run)
    assert runs.status(folder).epochs == 3
    assert runs.read(folder).config.epochs == 1


LONG = {  # long enough to be met in the middle, dropout included
    "architecture": "five_conv",
    "epochs": 4,
    "steps_per_epoch": 60,
    "options": NetworkOptions(dropout=0.5),
}


@pytest.fixture(scope="module")
def untouched(phantom_root, tmp_path_factory) -> Path:
    """The twin of the runs below, which nobody stopped or killed."""
    home = tmp_path_factory.mktemp("untouched")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRACTURE_RUNS", str(home / "runs"))
        patch.setenv("FRACTURE_CACHE", str(home / "cache"))
        return finish(start(phantom_root, "untouched", **LONG))


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["predictions/epoch_0002.npy", "checkpoints/epoch_0003.npz"])
def test_a_run_killed_at_any_moment_and_resumed_ends_like_its_twin(
    folders, untouched, phantom_root, moment
) -> None:
    folder = start(phantom_root, "killed", **LONG)
    wait_for(folder, moment)
    kill()
    assert runs.status(folder).state is State.INTERRUPTED
    launcher.resume(folder, wait_for_slot=False)
    assert_twins(finish(folder), untouched)


@pytest.mark.slow
def test_a_run_stopped_inside_an_epoch_then_killed_ends_like_its_twin(
    folders, untouched, phantom_root
) -> None:
    folder = start(phantom_root, "stopped", **LONG)
    wait_for(folder, "steps.jsonl")
    asked = time.monotonic()
    runs.ask(folder, "stop")
    assert launcher.wait(folder).state is State.STOPPED
    assert time.monotonic() - asked < 3
    status = runs.status(folder)
    assert "all work is kept" in status.message
    assert checkpoints.states(folder / "checkpoints")[0].stem.endswith(f"_step_{status.step:08d}")
    assert status.step % 60
    launcher.resume(folder, wait_for_slot=False)
    wait_for(folder, "predictions/epoch_0003.npy")
    kill()
    launcher.resume(folder, wait_for_slot=False)
    assert_twins(finish(folder), untouched)
    resumed = [e["step"] for e in journal.events(folder) if e["kind"] == "resumed"]
    assert resumed[0] == status.step
    assert resumed[1] >= 120
    steps = journal.lines(folder / "steps.jsonl")
    assert [line["step"] for line in steps] == sorted({line["step"] for line in steps})


@pytest.mark.slow
def test_a_stop_after_the_epoch_ends_it_there_and_the_rest_follows(
    folders, untouched, phantom_root
) -> None:
    folder = start(phantom_root, "after-epoch", **LONG)
    wait_for(folder, "steps.jsonl")
    runs.ask(folder, "stop_after_epoch")
    status = launcher.wait(folder)
    assert status.state is State.STOPPED
    assert status.step == status.epoch * 60 > 0
    assert status.epoch < 4
    assert not list((folder / "checkpoints").glob("*_step_*"))
    launcher.resume(folder, wait_for_slot=False)
    assert_twins(finish(folder), untouched)


# --- in this process ----------------------------------------------------------------------------


class Impatient(Reporter):
    """Says stop once it was asked more than `patience` times."""

    patience = 10**9

    def asked_to_stop(self) -> bool:
        self.patience -= 1
        return super().asked_to_stop() or self.patience < 0


def make(data: Path, **changes: object) -> Path:
    """The folder of a small run that is trained in this process."""
    plain = {"data": str(data), "architecture": "three_conv", "epochs": 2, "batch_size": 20}
    return runs.create(TrainConfig(**plain | changes))


def train(folder: Path, reporter: Reporter | None = None) -> runs.Status:
    """Train in this process, as the child does; gives its last word."""
    reporter = reporter or Reporter(folder)
    films, pixels = pipeline.prepare(folder, reporter)
    training.train(folder, films, pixels, reporter)
    return runs.status(folder)


def test_first_weights_from_a_file_are_used(folders, run_copy, phantom_root) -> None:
    source = run_copy / "checkpoints" / "epoch_0003.weights.h5"
    folder = make(phantom_root, weights=str(source), epochs=1, learning_rate=1e-7)
    train(folder)
    last = checkpoints.weights_of(folder / "checkpoints", 1)
    kernels = []
    for path in (last, source):
        network = architectures.build("three_conv")
        architectures.load_weights(network, path)
        kernels.append(network.get_layer("dense_1").kernel.numpy())
    keras.utils.set_random_seed(1)
    fresh = architectures.build("three_conv").get_layer("dense_1").kernel.numpy()
    assert np.allclose(*kernels, atol=1e-5)
    assert not np.allclose(fresh, kernels[0], atol=1e-3)


def test_a_resumed_run_needs_its_first_weights_no_more(folders, run_copy, phantom_root) -> None:
    source = shutil.copy(
        run_copy / "checkpoints" / "epoch_0003.weights.h5", folders / "w.weights.h5"
    )
    folder = make(phantom_root, weights=str(source), epochs=1)
    train(folder)
    source.unlink()
    journal.log_event(folder, "more_epochs", epochs=1, id="a")
    assert train(folder).epoch == 2


@pytest.mark.parametrize("kind", ["another network's", "missing", "no weights"])
def test_first_weights_that_do_not_fit_are_refused(folders, run_copy, phantom_root, kind) -> None:
    path = folders / "first.weights.h5"
    if kind == "another network's":
        shutil.copy(run_copy / "checkpoints" / "epoch_0003.weights.h5", path)
    elif kind == "no weights":
        path.write_text("weights")
    folder = make(phantom_root, architecture="one_conv", weights=str(path))
    with pytest.raises(ModelError, match=r"first.weights.h5 must hold the weights of one_conv"):
        train(folder)


WITH_NORM = NetworkOptions(dense_normalization=True)


def poisoned(path: Path, layer: str, variable: int) -> str:
    """Weights of three_conv in which one variable is not a number."""
    network = architectures.build("three_conv", **WITH_NORM.to_dict())
    values = network.get_layer(layer).get_weights()
    values[variable] = np.full_like(values[variable], np.nan)
    network.get_layer(layer).set_weights(values)
    network.save_weights(path)
    return str(path)


@pytest.mark.parametrize(
    ("layer", "variable", "sentence"),
    [
        ("probability", 0, "The loss must stay a finite number; at step 1 .* rate below 0.001"),
        ("norm_dense", 2, "Every weight and probability must .* at step 3"),  # the running mean
        ("dense_1", 0, "Every weight and probability must .* at step 3"),  # hidden by ReLU
    ],
)
def test_what_is_no_number_ends_the_run_at_its_step(
    folders, phantom_root, layer, variable, sentence
) -> None:
    path = poisoned(folders / "nan.weights.h5", layer, variable)
    folder = make(phantom_root, weights=path, options=WITH_NORM)
    with pytest.raises(TrainingFailed, match=sentence):
        train(folder)
    assert journal.lines(folder / "metrics.jsonl") == []
    assert predictions.epochs(folder) == ()
    assert checkpoints.states(folder / "checkpoints") == []


@pytest.mark.parametrize(("patience", "step"), [(4, 2), (8, 4)])  # in epoch 1, in epoch 2
def test_a_stop_inside_an_epoch_keeps_the_step_and_goes_on_from_it(
    folders, phantom_root, patience, step
) -> None:
    twin, folder = (make(phantom_root, options=NetworkOptions(dropout=0.5)) for _ in range(2))
    train(twin)
    films, pixels = pipeline.prepare(folder, Reporter(folder))
    impatient = Impatient(folder)
    impatient.patience = patience
    training.train(folder, films, pixels, impatient)
    stopped = runs.status(folder)
    assert (stopped.state, stopped.step) == (State.STOPPED, step)
    assert train(folder).state is State.FINISHED
    assert [e["step"] for e in journal.events(folder) if e["kind"] == "resumed"] == [step]
    assert_twins(folder, twin)


def test_another_seed_gives_other_bits(folders, phantom_root) -> None:
    one, other = (make(phantom_root, epochs=1, seed=seed) for seed in (1, 2))
    for folder in (one, other):
        train(folder)
    ours, theirs = (left_behind(folder)["weights"] for folder in (one, other))
    assert ours.keys() == theirs.keys()
    assert ours != theirs


def test_a_run_without_dev_and_valid_films_still_trains(folders, phantom_root, tmp_path) -> None:
    root = tmp_path / "train-only"
    shutil.copytree(phantom_root / "train", root / "train")
    folder = make(root, dev_share=0.0, epochs=1)
    assert train(folder).state is State.FINISHED
    [line] = journal.lines(folder / "metrics.jsonl")
    assert set(line) == {"epoch", "step", "learning_rate", "train"}
    assert predictions.load(folder, 1, 0).shape == (0,)
    assert journal.best_epoch(folder) == 1


def test_adagrad_is_keras_adagrad_with_the_rate_asked_for() -> None:
    config = TrainConfig(data="x", optimizer="adagrad", learning_rate=0.5)
    optimizer = training.make_optimizer(config)
    assert type(optimizer) is keras.optimizers.Adagrad
    assert float(optimizer.learning_rate) == 0.5


def test_a_step_learns_what_keras_own_step_learns() -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (30, 32, 32), np.uint8)
    config = TrainConfig(data="x", architecture="three_conv")
    model, twin = training.make_network(config), training.make_network(config)
    # Adam would blow up the rounding errors of gradients that are zero but for them.
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(model.trainable_variables)
    films = pipeline.Pipeline(pixels=pixels, labels=np.arange(30) % 2, config=config)
    batch = films.batch(0)
    identity = np.tile(np.array([1, 0, 0, 0, 1, 0, 0, 0], np.float32), (10, 1))
    batch = pipeline.Batch(films=batch.films, labels=batch.labels, transforms=identity)
    loss, _ = training.make_step(model, optimizer, 1)(batch, 0)
    twin.compile(keras.optimizers.SGD(0.1), "binary_crossentropy")
    expected = twin.train_on_batch(batch.films.astype(np.float32)[..., None], batch.labels[:, None])
    assert loss / 10 == pytest.approx(float(expected), rel=1e-5)
    for ours, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert np.allclose(ours, theirs, atol=1e-5)
