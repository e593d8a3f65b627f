"""Runs that start from ImageNet weights: frozen at first, exact over the end of that."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from fracture_core.config.network_options import NetworkOptions
from fracture_core.config.schedule_settings import Schedule
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import download
from fracture_core.epochs import checkpoints, epoch_weights, forks
from fracture_core.errors import ModelError
from fracture_core.floors import twins
from fracture_core.folders import PROJECT
from fracture_core.learners.learner import make_learner, make_network
from fracture_core.models import stored_models
from fracture_core.networks import network_weights, optimizers, schedules
from fracture_core.pretrained import frozen_base, imagenet_files, imagenet_weights
from fracture_core.runs import journal, run_folders, training_command
from fracture_core.training import averages, steps
from tests.core.pretrained.made_imagenet import colours, content, publish
from tests.core.training.test_loop import Impatient, make, train
from tests.core.training.test_study_learning import films
from tests.core.twins import assert_twins

QUICK = "all_conv"  # in the place of a large network
NAMES = [QUICK, pytest.param("mobilenet_v3", marks=pytest.mark.slow)]
SMALL = {
    "architecture": QUICK,
    "pretraining": "imagenet",
    "epochs": 3,
    "frozen_epochs": 1,
    "steps_per_epoch": 2,
    "batch_size": 4,
    "threads": 1,
    "normalization_films": 16,
    "options": NetworkOptions(dense=(8,), dropout=0.2, dense_normalization=True),
    "schedule": Schedule(kind="cosine"),
}


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """A network's name."""
    return request.param


@pytest.fixture(scope="module")
def published(name: str, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Its file as Keras publishes it."""
    return content(colours(name), tmp_path_factory.mktemp("made") / "w.h5")


@pytest.fixture
def path(name: str, published: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of that file in Keras' folder."""
    monkeypatch.setenv("FRACTURE_PRETRAINED", str(tmp_path / "keras"))
    publish(name, published, monkeypatch)
    folder = tmp_path / "keras"
    folder.mkdir(parents=True)
    place = folder / imagenet_files.FILES[name].name
    place.write_bytes(published)
    return place


def small(data: Path, name: str) -> Path:
    """The folder of a run with an epoch of two steps before all layers learn, and two after."""
    return make(data, **SMALL | {"architecture": name})


@pytest.fixture(scope="module")
def untouched(name, published, phantom_root, tmp_path_factory) -> Path:
    """The twin of the runs below, neither stopped nor killed."""
    home = tmp_path_factory.mktemp("untouched")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRACTURE_PRETRAINED", str(home / "keras"))
        patch.setenv("FRACTURE_RUNS", str(home / "runs"))
        patch.setenv("FRACTURE_CACHE", str(home / "cache"))
        publish(name, published, patch)
        (home / "keras").mkdir()
        (home / "keras" / imagenet_files.FILES[name].name).write_bytes(published)
        folder = small(phantom_root, name)
        train(folder)
    return folder


def network_after(folder: Path, epoch: int) -> keras.Model:
    config = run_folders.read(folder).config
    network = make_network(config)
    network_weights.load_weights(network, epoch_weights.find(folder / "checkpoints", epoch))
    return network


def base_of(network: keras.Model) -> list[np.ndarray]:
    return [w for layer in frozen_base.layers(network) for w in layer.get_weights()]


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(map(np.array_equal, one, other))


def test_a_run_starts_from_the_file_keeps_it_while_frozen_and_records_its_hash(
    folders, untouched, path, published
) -> None:
    folder = shutil.copytree(untouched, folders / "runs" / untouched.name)
    start = make_network(run_folders.read(folder).config)
    head = [w for layer in frozen_base.after(start) for w in layer.get_weights()]
    imagenet_weights.load(start, published)
    first, second = network_after(folder, 1), network_after(folder, 2)
    assert same(base_of(first), base_of(start))
    assert not same([w for layer in frozen_base.after(first) for w in layer.get_weights()], head)
    assert not any(map(np.array_equal, base_of(second)[:3], base_of(first)[:3]))
    facts = {
        "weights": "imagenet",
        "file": path.name,
        "sha256": hashlib.sha256(published).hexdigest(),
    }
    run = run_folders.read(folder)
    assert run.facts["pretraining"] == facts
    card = stored_models.find(f"{folder.name}@2").card
    assert card.training["pretraining"] == facts
    command = training_command.of_config(run.config)
    assert "--pretraining imagenet" in command and "--frozen-epochs 1" in command
    rates = [line["learning_rate"] for line in journal.lines(folder / "metrics.jsonl")]
    assert rates[1] < 0.1 * rates[0]
    copy = forks.create(folder, 2, "fork")
    assert run_folders.read(copy).facts["pretraining"] == facts


@pytest.mark.parametrize(
    ("name", "before"),  # a large network is killed there, see below
    [(QUICK, 2), *(pytest.param(QUICK, step, marks=pytest.mark.slow) for step in (1, 3))],
    indirect=["name"],
)
def test_a_run_stopped_around_the_end_of_its_frozen_epochs_ends_like_its_twin(
    folders, phantom_root, untouched, name, path, before
) -> None:
    folder = small(phantom_root, name)
    worker = Impatient(folder)
    worker.before = before
    assert train(folder, worker).step == before
    path.unlink()  # a resume needs it no more
    train(folder)
    assert_twins(folder, untouched)


@pytest.mark.slow
def test_a_run_killed_at_the_end_of_its_frozen_epochs_ends_like_its_twin(
    folders, phantom_root, untouched, name, path
) -> None:
    folder = small(phantom_root, name)
    file = imagenet_files.FILES[name]
    script = textwrap.dedent(
        f"""
        import os, pathlib, signal
        from fracture_core.datasets.download import WebFile
        from fracture_core.pretrained import imagenet_files
        imagenet_files.FILES[{name!r}] = {file!r}
        from fracture_core.training import loop
        compile = loop.Loop._compile
        def kill(self, frozen):
            if getattr(self, "frozen", False) and not frozen:
                os.kill(os.getpid(), signal.SIGKILL)
            compile(self, frozen)
        loop.Loop._compile = kill
        from tests.core.training.test_loop import train
        train(pathlib.Path({str(folder)!r}))
        """
    )
    killed = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, env=os.environ, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert checkpoints.states(folder / "checkpoints")[0].stem == "epoch_0001"
    train(folder)
    assert_twins(folder, untouched)


def test_frozen_layers_keep_weights_and_averages_in_a_step_and_when_these_are_recomputed(
    name,
) -> None:
    config = TrainConfig(data="x", **SMALL | {"architecture": name})
    model, optimizer, *_ = make_learner(config)
    before = base_of(model)
    frozen_base.freeze(model, True)
    step = steps.make_steps(model, optimizer, 1)
    data = films(config)
    chunk = data.chunk(0, 2)
    step(chunk, np.array([0.1, 0.1], np.float32))
    probabilities = steps.make_predict(model)(data.pixels)
    assert same(base_of(model), before)
    mean = model.get_layer("norm_dense").moving_mean.numpy()
    assert averages.make_recompute(model, frozen=True)(data.pixels, lambda: False)
    assert same(base_of(model), before)
    assert not np.array_equal(model.get_layer("norm_dense").moving_mean.numpy(), mean)
    assert probabilities.std() > 0


def test_adam_of_some_variables_does_what_keras_does() -> None:
    random = np.random.default_rng(0)
    values = [random.normal(size=3).astype(np.float32) for _ in range(3)]
    slopes = [random.normal(size=3).astype(np.float32) for _ in range(2)]
    after = []
    for ours in (True, False):
        variables = [keras.Variable(value, name=f"v{n}") for n, value in enumerate(values)]
        optimizer = optimizers.make(TrainConfig(data="x"))
        optimizer.build(variables)
        if ours:
            optimizers.make_update(optimizer, variables[1:])(
                [*map(keras.ops.convert_to_tensor, slopes)], keras.ops.convert_to_tensor(0.01)
            )
        else:
            optimizer.learning_rate.assign(0.01)
            optimizer.apply(slopes, variables[1:])
        after.append([np.array(each) for each in (*variables, *optimizer.variables)])
    assert all(np.allclose(*pair, atol=1e-6) for pair in zip(*after, strict=True))
    assert np.array_equal(after[0][0], values[0])


def test_the_rate_falls_by_its_factor_when_all_layers_learn() -> None:
    config = TrainConfig(data="x", **SMALL | {"fine_tuning_factor": 0.2, "learning_rate": 0.5})
    plain = replace(config, pretraining="none", frozen_epochs=0)
    both = [schedules.rates(each, (), 0, 6, 2, 1.0) for each in (config, plain)]
    assert np.allclose(both[0], both[1] * [1, 1, 0.2, 0.2, 0.2, 0.2])


def test_without_a_network_a_run_fails_with_a_sentence_before_its_first_step(
    folders, phantom_root, name, path, monkeypatch
) -> None:
    monkeypatch.setattr(download, "WAIT_SECONDS", 0.0)
    path.unlink()
    folder = small(phantom_root, name)
    with pytest.raises(ModelError, match=r"cannot be reached .* put it into "):
        train(folder)
    assert checkpoints.states(folder / "checkpoints") == []


def test_a_twin_starts_from_new_weights_and_freezes_nothing(monkeypatch) -> None:
    config = TrainConfig(data="x", **SMALL)
    seen = []

    def rates(given: TrainConfig, *_: object) -> np.ndarray:
        seen.append(given)
        raise StopIteration

    monkeypatch.setattr(twins.schedules, "rates", rates)
    data = films(config)
    table = pd.DataFrame({"patient": map(str, range(len(data.labels))), "label": data.labels})
    table = table.assign(split="train", part="wrist", study="study1")
    with pytest.raises(StopIteration):
        twins.trained_on_shuffled(config, data.pixels, table, data.pixels, 2)
    assert (seen[0].pretraining, seen[0].frozen_epochs) == ("none", 0)
