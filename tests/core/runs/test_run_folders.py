"""Run folders: names, lists, deleting, reading only what has changed."""

import os
import time
from pathlib import Path

import pytest

from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import (
    RunBusy,
    RunError,
    RunNameTaken,
    RunNotFound,
)
from fracture_core.runs import (
    journal,
    run_config,
    run_folders,
    run_labels,
    run_status,
)
from fracture_core.runs.run_status import State, Status


def test_a_new_run_holds_its_config_and_the_folders_of_the_design(folder) -> None:
    run = run_folders.read(folder)
    assert run.name == "first"
    assert run.config == TrainConfig(data=os.environ["FRACTURE_DATA"])
    assert run.facts["created"] <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
    assert {"checkpoints", "predictions", "requests"} <= {p.name for p in folder.iterdir()}


@pytest.mark.parametrize(
    "name", ["../x", "", "a/b", ".hidden", "-x", "a b", "é", "a\x00b", "a\n", "x" * 81]
)
def test_a_hostile_name_is_refused_and_leaves_nothing(folders, name) -> None:
    before = sorted(folders.rglob("*"))
    with pytest.raises(RunError, match="begins with a letter or digit; received"):
        run_folders.create(TrainConfig(data="x"), name)
    with pytest.raises(RunNotFound):
        run_folders.find(name)
    assert sorted(folders.rglob("*")) == before


def test_a_taken_name_is_refused_and_the_run_stays(folder) -> None:
    content = (folder / "config.json").read_bytes()
    with pytest.raises(RunNameTaken, match="'first' exists"):
        run_folders.create(TrainConfig(data="y"), "first")
    assert (folder / "config.json").read_bytes() == content


def test_runs_without_a_name_get_one_each(folders) -> None:
    names = {run_folders.create(TrainConfig(data="x")).name for _ in range(4)}
    assert len(names) == 4
    assert all(name.startswith("five_conv-") for name in names)


def test_an_unknown_run_is_refused_with_those_that_exist(folder) -> None:
    with pytest.raises(RunNotFound, match=r"'second'\. Runs here: first\."):
        run_folders.find("second")


def test_runs_are_listed_newest_first_and_an_unreadable_one_costs_only_itself(folder) -> None:
    run_folders.create(TrainConfig(data="x"), "second")
    for name, text in (
        ("torn", '{"config"'),
        ("strange", '{"config": {"data": "x", "wings": 2}}'),
        ("empty", '{"config": {}}'),
        ("list", "[]"),
    ):
        run_folders.create(TrainConfig(data="x"), name)
        (folder.parent / name / "config.json").write_text(text)
        with pytest.raises(RunError, match=f"{name} has no readable config.json"):
            run_folders.read(folder.parent / name)
    assert [run.name for run in run_folders.list_runs()] == ["second", "first"]


def test_a_run_can_be_deleted_when_it_is_not_alive(folder, holder) -> None:
    with pytest.raises(RunBusy):
        run_folders.delete(folder)
    assert (folder / "config.json").is_file()
    holder.kill()
    holder.wait()
    run_folders.delete(folder)
    assert not folder.exists()


def test_a_run_that_is_killed_while_it_is_deleted_is_gone(folder, monkeypatch) -> None:
    class Killed(BaseException):
        pass

    def unlink_one(path: Path, *_: object, **__: object) -> None:
        next(file for file in Path(path).rglob("*") if file.is_file()).unlink()
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(run_folders.shutil, "rmtree", unlink_one)
        run_folders.delete(folder)
    assert run_folders.names() == []
    run_folders.create(TrainConfig(data="x"), "first")  # its name is free


def test_what_a_killed_process_left_of_a_run_is_swept_an_hour_later(folder) -> None:
    old, young = (folder.parent / f".{name}.0123abcd.tmp" for name in ("old", "young"))
    for draft in (old, young):
        (draft / "checkpoints").mkdir(parents=True)
    os.utime(old, (0, 0))
    run_folders.create(TrainConfig(data="x"), "second")
    assert (old.exists(), young.exists()) == (False, True)


def test_films_are_asked_for_before_they_are_read(folder) -> None:
    with pytest.raises(RunError, match="first has not read its films yet"):
        journal.films(folder)


def test_what_was_kept_gives_way_to_what_was_written_since(folder: Path) -> None:
    cache: dict = {}
    run_status.write(folder, Status(state=State.STOPPED, epoch=1))
    (before,) = run_folders.list_runs(cache)
    run_status.write(folder, Status(state=State.STOPPED, epoch=2))
    run_config.complete(folder, data={"hash": "x"})
    (after,) = run_folders.list_runs(cache)
    assert (before.status.epoch, after.status.epoch) == (1, 2)
    assert after.facts["data"] == {"hash": "x"} and after == run_folders.list_runs()[0]


def test_what_has_not_changed_is_not_read_again(folder: Path) -> None:
    cache: dict = {}
    (first,), (second,) = run_folders.list_runs(cache), run_folders.list_runs(cache)
    assert second.config is first.config


def test_a_deleted_run_is_forgotten_and_another_may_take_its_name(folder: Path) -> None:
    cache: dict = {}
    run_folders.list_runs(cache)
    run_labels.read(folder, cache)
    run_folders.delete(folder)
    assert run_folders.list_runs(cache) == [] and not cache
    run_folders.create(TrainConfig(data="/films", epochs=9), "first")
    assert run_folders.list_runs(cache)[0].config.epochs == 9
