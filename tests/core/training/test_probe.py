"""Probe: the choice of threads, stored with the run."""

import json
import os
from pathlib import Path

import pytest

from fracture_core.cli import child
from fracture_core.config.film_settings import PixelRecipe
from fracture_core.config.train_config import TrainConfig
from fracture_core.jobs.worker import Worker
from fracture_core.runs import run_folders, run_lock
from fracture_core.training import probe

LONG = {"epochs": 5_000, "recipe": PixelRecipe(size=32)}


def new(**changes: object) -> Path:
    return run_folders.create(TrainConfig(data="x", **changes))


@pytest.fixture
def two_cores(folders, monkeypatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def speeds(monkeypatch, **by_threads: float) -> list[int | str]:
    """Give these speeds by threads ("t2") and by branches ("b2"); the list fills with what was
    measured."""
    measured: list[int | str] = []

    def speed_of(folder: Path, threads: int, branches: int = 1) -> float:
        measured.append(threads if branches == 1 else f"1x{branches}")
        return by_threads[f"t{threads}"] if branches == 1 else by_threads.get(f"b{branches}", 0.0)

    monkeypatch.setattr(probe, "_in_a_child", speed_of)
    return measured


def test_what_is_asked_for_is_taken(two_cores) -> None:
    assert probe.choose(new(threads=7), 100)["threads"] == 7


def test_a_short_run_is_not_worth_measuring(two_cores) -> None:
    choice = probe.choose(new(epochs=3), 100)
    assert choice["threads"] == 1
    assert "not worth measuring" in choice["why"]


@pytest.mark.parametrize(("two", "threads"), [(90.0, 1), (104.0, 1), (150.0, 2)])
def test_the_quickest_is_chosen_and_measured_once(two_cores, monkeypatch, two, threads) -> None:
    measured = speeds(monkeypatch, t1=100.0, t2=two)
    assert probe.choose(new(**LONG), 1000)["threads"] == threads
    again = probe.choose(new(**LONG), 1000)
    assert (again["threads"], again["why"]) == (threads, "measured on this machine before")
    assert measured == ["1x2", 1, 2]
    probe.choose(new(**LONG, batch_size=64), 1000)
    assert measured == 2 * ["1x2", 1, 2]


def test_two_operations_at_once_are_chosen_where_they_are_quickest(two_cores, monkeypatch) -> None:
    speeds(monkeypatch, t1=100.0, t2=120.0, b2=140.0)
    choice = probe.choose(new(**LONG), 1000)
    assert (choice["threads"], choice["branches"]) == (1, 2)
    assert choice["images_per_second"] == {"1": 100.0, "2": 120.0, "1x2": 140.0}


def test_a_short_run_takes_a_second_core_only_where_nobody_else_does(two_cores) -> None:
    assert probe.choose(new(epochs=3), 100)["branches"] == 2
    with run_lock.hold(new(epochs=1)):
        assert probe.choose(new(epochs=3), 100)["branches"] == 1


def test_beside_other_runs_nothing_is_measured(two_cores, monkeypatch) -> None:
    measured = speeds(monkeypatch)
    with run_lock.hold(new(epochs=1)):
        choice = probe.choose(new(**LONG), 1000)
    assert (choice["threads"], measured) == (1, [])
    assert "other runs" in choice["why"]


def test_a_measurement_that_failed_is_no_choice(two_cores, monkeypatch) -> None:
    speeds(monkeypatch, t1=0.0, t2=0.0)
    assert probe.choose(new(**LONG), 1000)["threads"] == 1


def test_a_damaged_list_of_measurements_is_made_anew(two_cores, monkeypatch) -> None:
    (probe.cache_folder() / "probes.json").write_text("{half")
    speeds(monkeypatch, t1=100.0, t2=200.0)
    assert probe.choose(new(**LONG), 1000)["threads"] == 2


def test_the_choice_is_kept_with_the_run(two_cores, monkeypatch) -> None:
    folder = new(**LONG)
    speeds(monkeypatch, t1=100.0, t2=200.0)
    assert child._threads(folder, 1000, Worker(folder)) == (2, 1)
    facts = json.loads((folder / "config.json").read_text())["probe"]
    assert facts["images_per_second"] == {"1": 100.0, "2": 200.0, "1x2": 0.0}
    monkeypatch.setattr(probe, "choose", None)  # would fail if it were called again
    assert child._threads(folder, 1000, Worker(folder)) == (2, 1)


@pytest.mark.slow
def test_a_real_measurement_in_a_real_child(folders, monkeypatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert probe._in_a_child(new(architecture="one_conv"), 1) > 0


def test_a_speed_is_known_once_it_was_measured(two_cores, monkeypatch) -> None:
    folder = new(**LONG)
    config = run_folders.read(folder).config
    assert probe.kept_speed(config) is None
    speeds(monkeypatch, t1=100.0, t2=200.0)
    probe.choose(folder, 1000)
    assert probe.kept_speed(config) == 200.0
