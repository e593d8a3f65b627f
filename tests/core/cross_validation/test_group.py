"""A group of runs: made once, resumed where it was stopped or killed, deleted as one."""

import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fracture_core import checksums
from fracture_core.config.train_config import TrainConfig
from fracture_core.cross_validation import group, group_runs, out_of_fold
from fracture_core.cross_validation.group import Group
from fracture_core.datasets import catalog, exclusions, family_list
from fracture_core.datasets.exclusions import Exclusions
from fracture_core.datasets.family_list import FamilyList
from fracture_core.epochs import predictions
from fracture_core.errors import ConfigError, RunBusy, RunError, RunNameTaken, RunNotFound
from fracture_core.jobs import launcher
from fracture_core.run_groups import members
from fracture_core.run_groups.group_progress import progress
from fracture_core.runs import run_folders, run_labels, run_lock, run_requests, run_status
from fracture_core.runs.run_status import State, Status


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the runs that were started; no process is."""
    names: list[str] = []
    monkeypatch.setattr(launcher, "start_run", lambda folder, *_, **__: names.append(folder.name))
    return names


def config(root: Path, **changes: object) -> TrainConfig:
    return TrainConfig(data=str(root), architecture="three_conv", epochs=2, **changes)


@pytest.mark.slow
def test_a_group_comes_back_as_it_was_made_and_its_runs_are_ordinary_runs(pair: Group) -> None:
    assert group.names() == ["pair"] and group.find("pair") == pair
    assert group.list_groups() == ([pair], [])
    runs = group.members(pair)
    assert [run.name for run in runs.values()] == ["pair-fold1", "pair-fold2"]
    for fold, run in runs.items():
        assert (run.status.state, group.of_run(run)) == (State.FINISHED, "pair")
        assert run.data.folds == {"fold": fold, "folds": 2, "hash": pair.hash}
        assert run_labels.read(run.folder).tags == (group_runs.TAG,)
    assert progress(pair, runs.values()).words == "finished"


def test_the_same_start_again_starts_what_is_missing(
    folders: Path, phantom_root: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, settings = catalog.read(phantom_root), config(phantom_root)
    real = run_folders.create

    def cut_short(*args: object, **kwargs: object) -> Path:
        if len(started) == 1:
            raise KeyboardInterrupt  # a kill between the first and the second fold
        return real(*args, **kwargs)

    monkeypatch.setattr(run_folders, "create", cut_short)
    with pytest.raises(KeyboardInterrupt):
        group_runs.begin(settings, 3, "a", dataset)
    assert started == ["a-fold1"]
    monkeypatch.setattr(run_folders, "create", real)
    value = group_runs.begin(settings, 3, "a", dataset)
    assert sorted(started) == ["a-fold1", "a-fold1", "a-fold2", "a-fold3"]
    assert group.find("a") == value
    with pytest.raises(RunNameTaken, match="exists, with other settings"):
        group_runs.begin(replace(settings, seed=9), 3, "a", dataset)
    with pytest.raises(RunNameTaken, match="exists, with other settings"):
        group_runs.begin(settings, 2, "a", dataset)


@pytest.mark.slow
def test_finished_folds_stay_and_stopped_ones_are_resumed(pair: Group, started: list[str]) -> None:
    members.start(pair)
    assert not started
    folder = run_folders.find("pair-fold2")
    before = run_status.read(folder).__dict__
    run_status.write(folder, Status(**{**before, "state": State.STOPPED, "epoch": 1}))
    state = progress(pair, group.members(pair).values())
    assert state.words == "1 of 2 folds done, stopped" and state.share == 0.75
    with pytest.raises(RunError, match=r"fold 2 is not finished. Resume pair"):
        out_of_fold.read("pair")
    members.start(pair)
    assert started == ["pair-fold2"]


def test_the_time_left_is_that_of_all_folds(pair: Group) -> None:
    value = replace(pair, folds=4, config=replace(pair.config, epochs=10))
    runs = group.members(pair)
    training = Status(state=State.RUNNING, epoch=6, epochs=10, seconds_left=20.0)
    runs = {fold: replace(run, status=training) for fold, run in runs.items()}
    # 4 + 4 epochs in the folds that train, 20 in those that wait; two at a time, 5 s each.
    assert progress(value, runs.values()).seconds_left == 28 * 5 / 2


def test_a_group_keeps_its_own_copies_of_the_lists(
    folders: Path, phantom_root: Path, started: list[str]
) -> None:
    dataset = catalog.read(phantom_root)
    first, second = dataset.manifest.loc[dataset.manifest["split"] == "train", "path"].iloc[[0, -1]]
    lists = {name: folders / f"{name}.csv" for name in ("families", "exclude")}
    family_list.write(lists["families"], FamilyList(families={first: "a", second: "a"}))
    exclusions.write(lists["exclude"], Exclusions(reasons={first: "bad"}))
    named = {name: str(path) for name, path in lists.items()}
    value = group_runs.begin(config(phantom_root, **named), 2, "a", dataset)
    for path in lists.values():
        path.unlink()  # the audit runs again
    run = run_folders.read(run_folders.find("a-fold1")).config
    assert exclusions.read(Path(run.exclude)).reasons == {first: "bad"}
    assert family_list.read(Path(run.families)).families == {first: "a", second: "a"}
    assert Path(run.exclude).parent == value.folder


def test_a_group_goes_with_its_runs_but_not_while_a_fold_is_active(pair: Group) -> None:
    folder = run_folders.find("pair-fold1")
    with run_lock.hold(folder):
        run_status.write(folder, Status(state=State.RUNNING))
        with pytest.raises(RunBusy, match="pair-fold1 of pair is active"):
            members.delete(pair)
        members.stop(pair)
        assert run_requests.has(folder, "stop")
    members.delete(pair)
    assert not run_folders.names() and not group.names()
    with pytest.raises(RunNotFound, match="No cross-validation is called 'pair'"):
        group.find("pair")


def test_taken_names_and_a_named_fold_are_refused(
    pair: Group, phantom_root: Path, started: list[str]
) -> None:
    dataset = catalog.read(phantom_root)
    for name in ("pair", "pair-fold1"):
        with pytest.raises(RunNameTaken, match="exists"):
            group_runs.create(config(phantom_root), 2, name, dataset)
    for name in ("../x", "a" * 71):
        with pytest.raises((RunError, ConfigError), match="name"):
            group_runs.create(config(phantom_root), 2, name, dataset)
    own = config(phantom_root, fold=1, fold_list="x.csv")
    with pytest.raises(ConfigError, match="makes its own folds"):
        group_runs.create(own, 2, "other", dataset)
    assert group.names() == ["pair"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"folds": 2, "content_sha256": "x"}', "{" * 100])
def test_a_damaged_group_costs_itself_only(pair: Group, text: str) -> None:
    shutil.copytree(pair.folder, pair.folder.with_name("other"))
    (pair.folder.with_name("other") / group.NOTE).write_text(text)
    groups, sentences = group.list_groups()
    assert [each.name for each in groups] == ["pair"]
    assert len(sentences) == 1 and "other" in sentences[0]


@pytest.mark.parametrize("change", [{"folds": 1}, {"folds": 2.0}, {"folds": True}, {"config": {}}])
def test_a_note_with_values_out_of_range_is_refused(pair: Group, change: dict) -> None:
    fields, _ = checksums.split_own(out_of_fold.file_reader.read_json(pair.folder / group.NOTE))
    (pair.folder / group.NOTE).write_bytes(checksums.json_with_own(fields | change))
    with pytest.raises(RunError, match="cannot be read"):
        group.find("pair")


@pytest.mark.slow
def test_a_killed_group_goes_on_to_the_same_last_bit(
    folders: Path, phantom_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRACTURE_SLOTS", "1")
    dataset = catalog.read(phantom_root)
    settings = config(phantom_root, threads=1, checkpoint_seconds=0.1)
    settings = replace(settings, epochs=6)
    straight = group_runs.begin(settings, 2, "straight", dataset)
    cut = group_runs.begin(settings, 2, "cut", dataset)
    first, second = (run_folders.find(f"cut-fold{fold}") for fold in (1, 2))
    deadline = time.monotonic() + 300
    while not predictions.epochs(first) and time.monotonic() < deadline:
        time.sleep(0.05)
    for child in launcher._children[-2:]:  # the one that trains and the one that waits
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    shutil.rmtree(second)  # as if the start had been cut short
    assert run_status.read(first).state is State.INTERRUPTED
    members.start(cut)
    for value in (straight, cut):
        for run in group.members(value).values():
            assert launcher.wait(run.folder).state is State.FINISHED
    one, other = (out_of_fold.read(each.name) for each in (straight, cut))
    assert one["path"].tolist() == other["path"].tolist()
    np.testing.assert_array_equal(one["probability"], other["probability"])
