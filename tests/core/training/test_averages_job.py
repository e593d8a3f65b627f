"""Job of evaluating epochs again: its results, its stop, and damaged files."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fracture_core import checksums
from fracture_core.epochs import epoch_weights, predictions
from fracture_core.errors import DamagedFile, DataError, Stopped
from fracture_core.folders import runs_folder
from fracture_core.jobs import launcher
from fracture_core.learners.learner import make_network
from fracture_core.networks import network_weights
from fracture_core.runs import journal, run_folders
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State
from fracture_core.training import averages, averages_job, loop, steps
from fracture_core.training_films import preparation


def no_count() -> None:
    """Called after every epoch."""


def renamed(folder: Path, name: str) -> Run:
    """A copy of a run under another name, as one evaluated with running averages."""
    copy = Path(shutil.copytree(folder, runs_folder() / name))
    path = copy / "config.json"
    content = json.loads(path.read_text())
    content["config"]["normalization"] = "running"
    checksums.write(copy, path, json.dumps(content).encode())
    return run_folders.read(copy)


@pytest.fixture
def run(folders: Path, finished_run: Path) -> Run:
    return renamed(finished_run, "one")


def lines(run: Run) -> list[int]:
    """The epochs of all lines that were written, in their order."""
    path = averages_job.place_of(run) / "metrics.jsonl"
    return [line["epoch"] for line in journal.lines(path)]


def damage(run: Run, epoch: int) -> None:
    path = run.folder / "checkpoints" / epoch_weights.name(epoch)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


def test_the_curve_is_what_judging_by_hand_gives(run: Run) -> None:
    averages_job.complete(run, no_count)
    curve = averages_job.curve(run)
    assert curve["epoch"].tolist() == [1, 2, 3] and averages_job.missing(run) == []
    films, pixels = preparation.prepare(run.folder, loop.Worker(run.folder))
    roles = films["role"].to_numpy()
    training, evaluated = pixels[roles == "train"], films[roles != "train"]
    for epoch in (1, 3):
        model = make_network(run.config)
        weights = epoch_weights.find(run.folder / "checkpoints", epoch)
        network_weights.load_weights(model, weights)
        for layer in model.layers:  # whatever averages the file holds must not matter
            if hasattr(layer, "moving_mean"):
                layer.moving_mean.assign(layer.moving_mean + 3.0)
        rows = averages.sample(run.config, len(training), epoch)
        averages.make_recompute(model)(training[rows], lambda: False)
        table = steps.make_predict(model)(pixels[roles != "train"])
        row = curve[curve["epoch"] == epoch].iloc[0]
        for role in predictions.ROLES:
            mine = (evaluated["role"] == role).to_numpy()
            by_hand = predictions.epoch_metrics(evaluated[mine], table[mine], run.config.threshold)
            for name, value in by_hand.items():
                own = row[f"{role}.{name}"]
                same = pd.isna(own) if value is None else own == pytest.approx(value, rel=1e-6)
                assert same, (role, name, own, value)


def test_a_run_with_recomputed_averages_has_its_own_curve(run_copy: Path) -> None:
    run = run_folders.read(run_copy)
    averages_job.complete(run, no_count)
    own, recomputed = journal.metrics(run_copy), averages_job.curve(run)
    for column in ("valid.accuracy", "dev.loss"):
        assert np.allclose(own[column], recomputed[column], rtol=1e-3)


def test_a_stopped_job_goes_on_where_it_was(run: Run) -> None:
    done = []
    with pytest.raises(Stopped):
        averages_job.complete(run, lambda: done.append(1), lambda: len(done) == 2)
    assert averages_job.missing(run) == [3] and lines(run) == [1, 2]
    averages_job.complete(run, no_count)
    averages_job.complete(run, no_count)
    assert lines(run) == [1, 2, 3]


def test_weights_that_have_changed_are_judged_anew(run: Run) -> None:
    averages_job.complete(run, no_count)
    place = run.folder / "checkpoints"
    before = averages_job.curve(run)
    content = (place / epoch_weights.name(3)).read_bytes()
    checksums.write(run.folder, place / epoch_weights.name(2), content)
    assert averages_job.curve(run)["epoch"].tolist() == [1, 3]
    assert averages_job.missing(run) == [2]
    averages_job.complete(run, no_count)
    assert lines(run) == [1, 2, 3, 2]
    after = averages_job.curve(run)
    assert after["epoch"].tolist() == [1, 2, 3]
    assert after["valid.loss"][1] != before["valid.loss"][1]


def test_a_damaged_epoch_costs_itself_and_is_named(run: Run) -> None:
    damage(run, 2)
    with pytest.raises(DamagedFile, match="epoch 2 are cut short or damaged"):
        averages_job.complete(run, no_count)
    assert averages_job.curve(run)["epoch"].tolist() == [1, 3]
    assert averages_job.missing(run) == [2]


def test_films_that_are_gone_are_named(run: Run, phantom_root: Path, tmp_path: Path) -> None:
    lost = without_films(run, phantom_root, tmp_path)
    with pytest.raises(DataError, match=r"some in .* are gone or hold another picture"):
        averages_job.complete(lost, no_count)


def without_films(run: Run, phantom_root: Path, tmp_path: Path) -> Run:
    """The run, one of whose films is gone."""
    root = Path(shutil.copytree(phantom_root, tmp_path / "moved"))
    (root / journal.films(run.folder)["path"].iloc[0]).unlink()
    path = run.folder / "config.json"
    content = json.loads(path.read_text())
    content["data"]["root"] = str(root)
    checksums.write(run.folder, path, json.dumps(content).encode())
    return run_folders.read(run.folder)


@pytest.mark.slow
def test_the_child_judges_every_run_that_can_be(
    run: Run, finished_run: Path, phantom_root: Path, tmp_path: Path
) -> None:
    lost = without_films(run, phantom_root, tmp_path)
    two, broken = renamed(finished_run, "two"), renamed(finished_run, "broken")
    (broken.folder / "config.json").write_text("{")
    damage(two, 1)
    place = averages_job.start([lost.name, "no-such-run", broken.name, two.name])
    status = launcher.wait(place)
    assert status.state is State.FAILED
    assert "one can be evaluated on its own films only" in status.message
    assert "broken" in status.message
    assert "The weights of two after epoch 1" in status.message
    assert averages_job.curve(two)["epoch"].tolist() == [2, 3]
    assert averages_job.requested_runs() == ["one", "no-such-run", "broken", "two"]
    whole = renamed(finished_run, "whole")
    assert launcher.wait(averages_job.start([whole.name])).state is State.FINISHED
    first, second = averages_job.curve(whole), averages_job.curve(two)
    assert first["valid.loss"][1:].tolist() == second["valid.loss"].tolist()


def test_many_refusals_are_counted() -> None:
    message = averages_job._joined([f"{n} is gone." for n in range(5)])
    assert message == "0 is gone. 1 is gone. 2 is gone. 2 more could not be evaluated."
