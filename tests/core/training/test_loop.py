"""Training loop: the same bits, however often a run is stopped, killed and resumed.

A run's twin has the same seed and settings and is never interrupted.
"""

import os
import shutil
import signal
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from fracture_core.config.film_settings import Augmentation
from fracture_core.config.network_options import OWN, NetworkOptions
from fracture_core.config.schedule_settings import Schedule
from fracture_core.config.train_config import TrainConfig
from fracture_core.epochs import backups, checkpoints, epoch_weights, predictions
from fracture_core.errors import ModelError, RunError, TrainingFailed
from fracture_core.jobs import launcher
from fracture_core.jobs import worker as reporting
from fracture_core.jobs.worker import Worker
from fracture_core.learners.learner import class_weights
from fracture_core.networks import architectures, network_weights
from fracture_core.runs import journal, run_folders, run_requests, run_status
from fracture_core.runs.run_status import State
from fracture_core.training import loop
from fracture_core.training_films import pipeline, preparation
from tests.core import made_networks
from tests.core.every_network import CHAINS, SOME
from tests.core.twins import assert_twins, left_behind

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


def wait_for(folder: Path, name: str) -> None:
    """Wait until this file of a living run holds something."""
    while not ((folder / name).exists() and (folder / name).stat().st_size):
        assert run_status.read(folder).state.alive, journal.log_tail(folder)
        time.sleep(0.005)


def kill() -> None:
    """End the child that was started last as the kernel would: at once."""
    os.kill(launcher._children[-1].pid, signal.SIGKILL)
    launcher._children[-1].wait()


def test_a_finished_run_leaves_what_the_design_says(finished_run) -> None:
    names = {path.name for path in finished_run.iterdir()}
    assert names == {
        "SHA256SUMS",
        "checkpoints",
        "config.json",
        "events.jsonl",
        "features",
        "films.parquet",
        "lock",
        "metrics.jsonl",
        "pixel_hashes.npy",
        "predictions",
        "requests",
        "status.json",
        "tensorboard",
        "train.log",
    } | (names & {"steps.jsonl"})  # a point of the live curve takes half a second to come
    saved = {path.name for path in (finished_run / "checkpoints").iterdir()}
    states = {2, 3, journal.best_epoch(finished_run)}
    assert saved == {f"epoch_{epoch:04d}.weights.h5" for epoch in (1, 2, 3)} | {
        f"epoch_{epoch:04d}.npz" for epoch in states
    }
    status = run_status.read(finished_run)
    assert (status.state, status.epoch, status.epochs, status.progress) == ("finished", 3, 3, 1.0)
    assert status.message == "Finished 3 of 3 epochs."
    assert [e["kind"] for e in journal.events(finished_run)] == ["started", "finished"]


def test_a_prediction_table_has_a_row_for_each_dev_and_valid_film_in_order(finished_run) -> None:
    films = journal.films(finished_run)
    evaluated = films[films["role"].isin(["dev", "valid"])]
    assert set(films["role"]) == {"train", "dev", "valid"}
    assert predictions.epochs(finished_run) == (1, 2, 3)
    table = predictions.load(finished_run, 3, len(evaluated))
    joined = predictions.join(films, table)
    assert joined["path"].tolist() == evaluated["path"].tolist()
    assert len(np.unique(table)) > 5  # a network that says the same of every film proves nothing


def test_a_metrics_line_is_what_the_prediction_table_says(finished_run) -> None:
    lines = journal.lines(finished_run / "metrics.jsonl")
    films = predictions.predicted_films(journal.films(finished_run))
    for line in lines:
        table = predictions.load(finished_run, line["epoch"], len(films))
        for role in ("dev", "valid"):
            rows = (films["role"] == role).to_numpy()
            assert line[role] == predictions.epoch_metrics(films[rows], table[rows], 0.5)
    assert [(line["epoch"], line["step"]) for line in lines] == [(1, 5), (2, 10), (3, 15)]
    assert lines[0]["train"]["n"] == (journal.films(finished_run)["role"] == "train").sum()
    assert not any("time" in key for line in lines for key in line)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits(folders, finished_run, phantom_root) -> None:
    again = finish(start(phantom_root, "again", epochs=3))
    assert_twins(again, finished_run)


@pytest.mark.slow
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
    assert not (run_copy / backups.FOLDER).exists()  # epoch 3 is there again


def test_a_run_without_a_state_refuses_to_go_on_and_loses_nothing(run_copy) -> None:
    for path in (run_copy / "checkpoints").glob("*.npz"):
        path.unlink()
    before = {p: p.read_bytes() for p in run_copy.rglob("*") if p.is_file() and p.name != "lock"}
    with pytest.raises(RunError, match="Nothing of it was deleted"):
        launcher.resume(run_copy, more_epochs=2, wait_for_slot=False)
    after = {p: p.read_bytes() for p in run_copy.rglob("*") if p.is_file() and p.name != "lock"}
    assert after == before


@pytest.mark.parametrize("phase", ["importing", "compiling"])
def test_a_stop_does_not_wait_for_tensorflow_or_the_compiler(folders, phantom_root, phase) -> None:
    folder = start(phantom_root, "impatient", epochs=2)
    while (status := run_status.read(folder)).phase != phase:
        assert status.state.alive, journal.log_tail(folder)
        time.sleep(0.005)
    run_requests.send(folder, "stop")
    phases = set()
    while (status := run_status.read(folder)).state.alive:
        phases.add(status.phase)
        time.sleep(0.005)
    assert status.state is State.STOPPED
    assert phases <= {phase, ""}
    assert checkpoints.states(folder / "checkpoints") == []
    assert [e["kind"] for e in journal.events(folder)][-1] == "stopped"


@pytest.mark.slow
def test_more_epochs_than_first_asked_give_what_asking_at_once_gives(
    folders, finished_run, phantom_root
) -> None:
    folder = finish(start(phantom_root, "longer", epochs=1))
    assert run_status.read(folder).epochs == 1
    launcher.resume(folder, more_epochs=2, wait_for_slot=False)
    assert_twins(finish(folder), finished_run)
    assert run_status.read(folder).epochs == 3
    assert run_folders.read(folder).config.epochs == 1


LONG = {  # long enough to be met in the middle, dropout included
    "architecture": "five_conv",
    "epochs": 4,
    "steps_per_epoch": 100,
    "options": NetworkOptions(dropout=0.5),
    "schedule": Schedule(kind="cosine", warmup_epochs=0.5),
    "checkpoint_seconds": 0.3,
}


@pytest.fixture(scope="module")
def untouched(phantom_root, tmp_path_factory) -> Path:
    """The twin of the runs below, neither stopped nor killed."""
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
    assert run_status.read(folder).state is State.INTERRUPTED
    launcher.resume(folder, wait_for_slot=False)
    assert_twins(finish(folder), untouched)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["residual"])
def test_every_network_is_killed_and_ends_like_its_twin(folders, phantom_root, name) -> None:
    few = {"architecture": name, "epochs": 2, "steps_per_epoch": 6, "checkpoint_seconds": 0.1}
    twin = finish(start(phantom_root, "twin", **few))
    folder = start(phantom_root, "killed", **few)
    wait_for(folder, "predictions/epoch_0001.npy")
    kill()
    assert run_status.read(folder).state is State.INTERRUPTED
    launcher.resume(folder, wait_for_slot=False)
    assert_twins(finish(folder), twin)


@pytest.mark.slow
def test_a_network_of_ones_own_is_killed_and_ends_like_its_twin(folders, phantom_root) -> None:
    options = NetworkOptions(own=made_networks.example())
    few = {"epochs": 2, "steps_per_epoch": 6, "checkpoint_seconds": 0.1}
    twin = finish(start(phantom_root, "twin", architecture=OWN, options=options, **few))
    folder = start(phantom_root, "killed", architecture=OWN, options=options, **few)
    wait_for(folder, "predictions/epoch_0001.npy")
    kill()
    assert run_status.read(folder).state is State.INTERRUPTED
    launcher.resume(folder, wait_for_slot=False)
    assert_twins(finish(folder), twin)


@pytest.mark.slow
def test_a_run_stopped_inside_an_epoch_then_killed_ends_like_its_twin(
    folders, untouched, phantom_root
) -> None:
    folder = start(phantom_root, "stopped", **LONG)
    wait_for(folder, "steps.jsonl")
    run_requests.send(folder, "stop")
    assert launcher.wait(folder).state is State.STOPPED
    status = run_status.read(folder)
    assert "all work is kept" in status.message
    launcher.resume(folder, wait_for_slot=False)
    wait_for(folder, "predictions/epoch_0003.npy")
    kill()
    launcher.resume(folder, wait_for_slot=False)
    assert_twins(finish(folder), untouched)
    resumed = [e["step"] for e in journal.events(folder) if e["kind"] == "resumed"]
    assert resumed[0] == status.step
    assert resumed[1] >= 200
    steps = journal.lines(folder / "steps.jsonl")
    assert [line["step"] for line in steps] == sorted({line["step"] for line in steps})


@pytest.mark.slow
def test_a_stop_after_the_epoch_ends_it_there_and_the_rest_follows(
    folders, untouched, phantom_root
) -> None:
    folder = start(phantom_root, "after-epoch", **LONG)
    wait_for(folder, "steps.jsonl")
    run_requests.send(folder, "stop_after_epoch")
    status = launcher.wait(folder)
    assert status.state is State.STOPPED
    assert status.step == status.epoch * 100 > 0
    assert status.epoch < 4
    latest = checkpoints.states(folder / "checkpoints")[0]
    assert latest.stem == f"epoch_{status.epoch:04d}"  # and not a step inside the next one
    launcher.resume(folder, wait_for_slot=False)
    assert_twins(finish(folder), untouched)


# --- in this process ----------------------------------------------------------------------------


class Impatient(Worker):
    """Requests a stop before a step, or while the epoch that ends with a step is evaluated."""

    before = evaluating = 10**9
    at = -1

    def asked_to_stop(self, step: int | None = None) -> bool:
        self.at = self.at if step is None else step
        late = self.at >= self.evaluating if step is None else step >= self.before
        self.stopping = self.stopping or late
        return super().asked_to_stop(step)


def make(data: Path, **changes: object) -> Path:
    """The folder of a small run that is trained in this process."""
    plain = {"data": str(data), "architecture": "three_conv", "epochs": 2, "batch_size": 20}
    return run_folders.create(TrainConfig(**plain | changes))


def train(folder: Path, worker: Worker | None = None) -> run_status.Status:
    """Train in this process, as the child does; gives its last word."""
    worker = worker or Worker(folder)
    films, pixels = preparation.prepare(folder, worker)
    loop.train(folder, films, pixels, worker)
    return run_status.read(folder)


def test_first_weights_from_a_file_are_used(folders, run_copy, phantom_root) -> None:
    source = run_copy / "checkpoints" / "epoch_0003.weights.h5"
    folder = make(phantom_root, weights=str(source), epochs=1, learning_rate=1e-7)
    train(folder)
    last = epoch_weights.find(folder / "checkpoints", 1)
    kernels = []
    for path in (last, source):
        network = architectures.build("three_conv")
        network_weights.load_weights(network, path)
        kernels.append(network.get_layer("dense_1").kernel.numpy())
    keras.utils.set_random_seed(1)
    fresh = architectures.build("three_conv").get_layer("dense_1").kernel.numpy()
    assert np.allclose(*kernels, atol=1e-5)
    assert not np.allclose(fresh, kernels[0], atol=1e-3)


@pytest.mark.slow
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
        # ReLU hides it on some processors: then the weights tell at the end of the epoch.
        ("dense_1", 0, "must stay a finite number; at step 1|Every weight .* must .* at step 3"),
    ],
)
def test_what_is_no_number_ends_the_run_at_its_step(
    folders, phantom_root, layer, variable, sentence
) -> None:
    path = poisoned(folders / "nan.weights.h5", layer, variable)
    folder = make(phantom_root, weights=path, options=WITH_NORM, normalization="running")
    with pytest.raises(TrainingFailed, match=sentence):
        train(folder)
    assert journal.lines(folder / "metrics.jsonl") == []
    assert predictions.epochs(folder) == ()
    assert checkpoints.states(folder / "checkpoints") == []


def train_impatiently(folder: Path, **when: int) -> run_status.Status:
    """Train in this process until it has enough; see `Impatient`."""
    worker = Impatient(folder)
    for name, step in when.items():
        setattr(worker, name, step)
    return train(folder, worker)


@pytest.fixture
def one_step_a_call(monkeypatch) -> None:
    """So that a test can stop at any step it likes."""
    monkeypatch.setattr(loop, "CALL_SECONDS", 0.0)


RICH = {  # all that has a memory
    "epochs": 4,
    "options": NetworkOptions(dropout=0.5),
    "optimizer": "adamw",
    "learning_rate": 0.05,  # so large that the dev loss does not fall for long
    "schedule": Schedule(kind="plateau", patience=1, warmup_epochs=0.5),
    "class_weights": "balanced",
    "augmentation": Augmentation(shift_percent=10, contrast_percent=20, brightness_percent=10),
}


@pytest.fixture(scope="module")
def rich_twin(phantom_root, tmp_path_factory) -> Path:
    """The twin of the runs below, never stopped."""
    home = tmp_path_factory.mktemp("rich")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRACTURE_RUNS", str(home / "runs"))
        patch.setenv("FRACTURE_CACHE", str(home / "cache"))
        folder = make(phantom_root, **RICH)
        assert train(folder).state is State.FINISHED
    return folder


@pytest.mark.parametrize(
    ("when", "step"),
    [({"before": 4}, 4), ({"evaluating": 2}, 3)],
    ids=["in epoch 2", "evaluating epoch 1"],
)
def test_a_stop_anywhere_keeps_the_step_and_goes_on_from_it(
    folders, phantom_root, rich_twin, one_step_a_call, when, step
) -> None:
    folder = make(phantom_root, **RICH)
    stopped = train_impatiently(folder, **when)
    assert (stopped.state, stopped.step) == (State.STOPPED, step)
    assert checkpoints.states(folder / "checkpoints")[0].stem.endswith(f"_step_{step:08d}")
    assert train(folder).state is State.FINISHED
    assert [e["step"] for e in journal.events(folder) if e["kind"] == "resumed"] == [step]
    assert_twins(folder, rich_twin)
    falls = {line["learning_rate"] for line in journal.lines(rich_twin / "metrics.jsonl")}
    assert len(falls) > 2  # the plateau fell, so that its memory was put to the test


FEW = {"epochs": 2, "steps_per_epoch": 3, "batch_size": 6, "options": NetworkOptions(dropout=0.5)}


@pytest.mark.slow
@pytest.mark.parametrize("name", [each for each in SOME if each not in CHAINS])
def test_every_network_goes_on_from_a_stop_to_the_same_bits(
    folders, phantom_root, one_step_a_call, name
) -> None:
    folder, twin = (make(phantom_root, architecture=name, **FEW) for _ in range(2))
    assert train(twin).state is State.FINISHED
    stopped = train_impatiently(folder, before=5)
    assert (stopped.state, stopped.step) == (State.STOPPED, 5)
    assert train(folder).state is State.FINISHED
    assert_twins(folder, twin)


NOISY = """
from keras import layers

def features(films):
    maps = layers.BatchNormalization()(layers.Conv2D(8, 3)(layers.GaussianNoise(0.1)(films)))
    return layers.GlobalMaxPooling2D()(layers.SpatialDropout2D(0.2)(layers.ReLU()(maps)))
"""


def test_a_network_of_ones_own_goes_on_from_a_stop_to_the_same_bits(
    folders, phantom_root, one_step_a_call
) -> None:
    own = made_networks.of(NOISY, parameters=112, width=8)
    settings = {**FEW, "architecture": OWN, "options": NetworkOptions(own=own)}
    folder, twin = (make(phantom_root, **settings) for _ in range(2))
    assert train(twin).state is State.FINISHED
    stopped = train_impatiently(folder, before=5)
    assert (stopped.state, stopped.step) == (State.STOPPED, 5)
    assert train(folder).state is State.FINISHED
    assert_twins(folder, twin)


@pytest.mark.slow
def test_steps_a_call_change_no_bit(folders, phantom_root, rich_twin, monkeypatch) -> None:
    one, many = (make(phantom_root, **RICH) for _ in range(2))
    sizes = []
    inner = pipeline.Pipeline.chunk
    monkeypatch.setattr(
        pipeline.Pipeline, "chunk", lambda s, a, n: sizes.append(n) or inner(s, a, n)
    )
    monkeypatch.setattr(loop, "CALL_SECONDS", 0.0)
    train(one)
    assert set(sizes) == {1}
    monkeypatch.setattr(loop, "CALL_SECONDS", 1e9)
    train(many)
    assert max(sizes) > 1
    assert_twins(one, rich_twin)
    assert_twins(many, rich_twin)


@pytest.mark.slow
def test_inside_a_long_epoch_the_state_is_kept_and_only_the_last_ones_stay(
    folders, phantom_root, one_step_a_call
) -> None:
    folder = make(phantom_root, epochs=1, steps_per_epoch=8, checkpoint_seconds=0.1)
    stems = []

    class Slow(Worker):
        def asked_to_stop(self, step: int | None = None) -> bool:
            if step is not None:
                time.sleep(0.11)  # longer than between two checkpoints
                stems.append([p.stem for p in checkpoints.states(folder / "checkpoints")])
            return False

    train(folder, Slow(folder))
    inside = [f"epoch_0000_step_{step:08d}" for step in range(8)]
    assert stems[3] == [inside[3], inside[2]]
    assert stems[-1] == [inside[7], inside[6]]
    assert checkpoints.forkable(folder / "checkpoints") == [1]


@pytest.mark.slow
def test_a_learning_rate_asked_for_while_it_runs_is_taken_at_its_step_and_again_on_resume(
    folders, phantom_root, one_step_a_call, monkeypatch
) -> None:
    monkeypatch.setattr(reporting, "POLL_SECONDS", 0.0)
    folder, twin = (make(phantom_root, epochs=3) for _ in range(2))
    journal.log_event(twin, "learning_rate", rate=0.01, step=4, id="a")
    train(twin)

    class Asking(Worker):
        def asked_to_stop(self, step: int | None = None) -> bool:
            if step == 4 and not self.rate_changes:
                run_requests.send(folder, "learning_rate", rate=0.01)
            if step == 5:
                raise KeyboardInterrupt  # as good as killed: nothing is kept
            return super().asked_to_stop(step)

    with pytest.raises(KeyboardInterrupt):
        train(folder, Asking(folder))
    assert journal.rate_changes(folder) == [(4, 0.01)]
    assert train(folder).state is State.FINISHED
    assert_twins(folder, twin)
    rates = [line["learning_rate"] for line in journal.lines(folder / "metrics.jsonl")]
    assert rates == [np.float32(0.001), np.float32(0.01), np.float32(0.01)]


@pytest.mark.slow
def test_a_cosine_keeps_its_length_and_added_epochs_go_on_at_its_last_rate(
    folders, phantom_root
) -> None:
    folder = make(phantom_root, schedule=Schedule(kind="cosine", floor_percent=10.0))
    train(folder)
    journal.log_event(folder, "more_epochs", epochs=2, id="a")
    train(folder)
    rates = [line["learning_rate"] for line in journal.lines(folder / "metrics.jsonl")]
    assert rates[0] > 2e-4
    assert rates[1:] == pytest.approx([1e-4] * 3)


@pytest.mark.slow
def test_early_stopping_ends_the_run_and_more_epochs_start_the_wait_anew(
    folders, phantom_root
) -> None:
    settings = {"epochs": 50, "early_stopping": 2, "learning_rate": 1.0, "optimizer": "sgd"}
    folder = make(phantom_root, **settings)
    status = train(folder)
    table = journal.metrics(folder)
    best = int(table["epoch"].iloc[table["dev.loss"].argmin()])
    assert status.state is State.FINISHED
    assert status.epoch == len(table) == best + 2 < 50
    assert status.message.startswith(f"Finished early, after {best + 2} of 50 epochs")
    assert train(folder).epoch == best + 2  # more epochs need another request
    worker = Worker(folder)
    run_requests.send(folder, "more_epochs", epochs=1)
    assert train(folder, worker).epoch >= best + 4


def test_balanced_weights_make_both_labels_weigh_the_same() -> None:
    config = TrainConfig(data="x", class_weights="balanced")
    negative, positive = class_weights(config, np.array([0, 0, 0, 1]))
    assert (negative * 3, positive) == (pytest.approx(2.0), pytest.approx(2.0))
    assert class_weights(TrainConfig(data="x"), np.array([0, 1])) == (1.0, 1.0)


@pytest.mark.slow
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
