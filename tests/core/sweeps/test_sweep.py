"""A sweep as it is kept, its runs, and its answer in words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog
from fracture_core.errors import ConfigError, DataError, RunError, RunNameTaken, RunNotFound
from fracture_core.folders import runs_folder
from fracture_core.jobs import launcher
from fracture_core.run_groups import group_progress, members
from fracture_core.runs import run_folders, run_labels, run_status
from fracture_core.runs.run_status import State, Status
from fracture_core.sweeps import answer, axes, sweep, sweep_words
from fracture_core.sweeps.sweep import Sweep
from tests.core import made_runs

RATES = axes.parse("learning-rate=0.001,0.0003")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the runs that were started; no process is."""
    names: list[str] = []
    monkeypatch.setattr(launcher, "start_run", lambda folder, *_, **__: names.append(folder.name))
    return names


def config(root: Path) -> TrainConfig:
    return TrainConfig(data=str(root), architecture="three_conv", epochs=2, seed=7)


def test_a_sweep_queues_its_runs_by_seed_and_comes_back_as_it_was_made(
    folders: Path, phantom_root: Path, started: list[str]
) -> None:
    planned = sweep.plan(config(phantom_root), [RATES], 2, "rates")
    value = sweep.begin(planned, catalog.read(phantom_root))
    assert started == ["rates-1-seed1", "rates-2-seed1", "rates-1-seed2", "rates-2-seed2"]
    assert sweep.find("rates") == value and sweep.list_sweeps() == ([value], [])
    runs = members.read(value)
    assert [(run.config.learning_rate, run.config.seed) for run in runs] == [
        (0.001, 7),
        (0.0003, 7),
        (0.001, 8),
        (0.0003, 8),
    ]
    assert all(run_labels.read(run.folder).tags == (sweep.TAG,) for run in runs)
    assert value.words(2) == "learning rate 0.0003"
    started.clear()
    run_folders.delete(runs[3].folder)
    for run in runs[:2]:
        run_status.write(run.folder, Status(state=State.FINISHED, epoch=2, epochs=2))
    sweep.begin(planned, catalog.read(phantom_root))  # the same again starts what is missing
    assert started == ["rates-1-seed2", "rates-2-seed2"]
    progress = group_progress.progress(value, members.read(value))
    assert progress.words == "2 of 4 runs done, stopped" and progress.share == 0.5
    other = sweep.plan(config(phantom_root), [RATES], 3, "rates")
    with pytest.raises(RunNameTaken, match="exists, with other settings"):
        sweep.begin(other, catalog.read(phantom_root))
    members.delete(value)
    assert not run_folders.names() and not sweep.names()
    with pytest.raises(RunNotFound, match="No sweep is called 'rates'"):
        sweep.find("rates")


def test_a_run_that_took_a_name_is_not_counted(
    folders: Path, phantom_root: Path, started: list[str]
) -> None:
    value = sweep.begin(
        sweep.plan(config(phantom_root), [RATES], 1, "a"), catalog.read(phantom_root)
    )
    run_folders.delete(run_folders.find("a-2-seed1"))
    run_folders.create(replace(config(phantom_root), epochs=9), "a-2-seed1")
    assert [run.name for run in members.read(value)] == ["a-1-seed1"]
    with pytest.raises(RunError, match="'a-2-seed1' exists"):
        members.start(value)


def test_what_cannot_be_made_leaves_nothing(folders: Path, phantom_root: Path) -> None:
    with pytest.raises(ConfigError, match="at most 400 runs; these values and seeds make 600"):
        sweep.plan(
            config(phantom_root),
            [axes.parse("epochs=1,2,3,4,5,6"), axes.parse("batch-size=1,2,3,4,5")],
            20,
        )
    with pytest.raises(ConfigError, match="seeds must be from 1 to 20; received 0"):
        sweep.plan(config(phantom_root), [RATES], 0)
    run_folders.create(config(phantom_root), "a-1-seed1")
    with pytest.raises(RunNameTaken):
        planned = sweep.plan(config(phantom_root), [RATES], 1, "a")
        sweep.begin(planned, catalog.read(phantom_root))
    assert not sweep.names()


@pytest.mark.parametrize(
    "changes", [{"selection": "none"}, {"parts": ("tail",)}, {"corrections": True}]
)
def test_films_that_are_not_there_are_refused_before_any_run_is_made(
    folders: Path, phantom_root: Path, changes: dict[str, Any]
) -> None:
    base = replace(config(phantom_root), **changes)
    with pytest.raises((ConfigError, DataError)):
        sweep.begin(sweep.plan(base, [RATES], 1, "a"), catalog.read(phantom_root))
    assert not sweep.names() and not run_folders.names()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"seeds": 2, "content_sha256": "x"}'])
def test_a_damaged_note_costs_its_sweep_only(
    folders: Path, phantom_root: Path, started: list[str], text: str
) -> None:
    for name in ("a", "b"):
        planned = sweep.plan(config(phantom_root), [RATES], 1, name)
        sweep.begin(planned, catalog.read(phantom_root))
    (sweep.find("a").folder / sweep.NOTE).write_text(text)
    found, sentences = sweep.list_sweeps()
    assert [each.name for each in found] == ["b"] and len(sentences) == 1
    with pytest.raises(RunError, match=r"sweep\.json of a"):
        sweep.find("a")


# --- the answer ---------------------------------------------------------------------------------


def made(right: dict[tuple[int, int], int], value: Sweep, studies: int = 40) -> None:
    """Write finished runs of one epoch with these numbers of right dev and valid studies."""
    names = {place: name for name, place in value.places.items()}
    for place, count in right.items():
        own = value.planned[names[place]]
        counts = {"dev": [count], "valid": [count]}
        made_runs.make(runs_folder() / names[place], own, counts, studies=studies)


def two_rates(seeds: int) -> Sweep:
    base = TrainConfig(data="/made", architecture="three_conv", epochs=1)
    return sweep.plan(base, [RATES], seeds, "rates")


def words(value: Sweep, role: str = "valid") -> tuple[str, ...]:
    own = answer.of_tables(value, answer.tables(value, members.read(value)), role)
    assert not isinstance(own, str), own
    return sweep_words.sentences(value, own)


def test_a_clear_difference_is_named_with_its_interval(folders: Path) -> None:
    value = two_rates(3)
    made({(1, 1): 20, (1, 2): 21, (1, 3): 20, (2, 1): 37, (2, 2): 38, (2, 3): 38}, value)
    first, last = words(value)
    assert first.startswith("Learning rate: 0.0003 beats 0.001 by 43.3 points (")
    assert last.startswith("The best of 2 (learning rate 0.0003) stands 21.7 points above")
    assert "by chance, the best of 2 equal ones would by " in last
    assert last.endswith("(three seeds, 40 valid studies).")


def test_a_small_difference_is_a_tie(folders: Path) -> None:
    value = two_rates(3)
    made({(1, 1): 30, (1, 2): 33, (1, 3): 28, (2, 1): 31, (2, 2): 30, (2, 3): 31}, value)
    assert words(value)[0].startswith("Learning rate: 0.0003 against 0.001: a tie, 0.8 points (−")


def test_one_seed_gives_no_statement_and_a_cut_sweep_counts_whole_seeds(folders: Path) -> None:
    value = two_rates(3)
    none = answer.of_tables(value, {}, "dev")
    assert none == "An answer follows when every combination has finished with one seed."
    made({(1, 1): 20, (2, 1): 38, (1, 2): 20}, value)
    first, last = words(value)
    assert first == sweep_words.ONE_SEED
    assert "by chance" not in last and last.endswith("(one seed, 40 valid studies).")


def test_settings_are_compared_over_the_values_of_the_others(folders: Path) -> None:
    base = TrainConfig(data="/made", architecture="three_conv", epochs=1)
    sizes = axes.parse("size=32,64,96")
    value = sweep.plan(base, [RATES, sizes], 3, "both")
    right = {
        (number, seed): 24 + 10 * (number > 3) + (number * seed) % 3
        for number in range(1, 7)
        for seed in (1, 2, 3)
    }
    made(right, value)
    own = answer.of_tables(value, answer.tables(value, members.read(value)), "dev")
    assert not isinstance(own, str)
    rate, size, _ = sweep_words.sentences(value, own)
    assert rate.startswith("Learning rate: 0.0003 beats 0.001 by 2")
    assert size == "Input side: all values are tied."
    assert len(own.pairs) == 4 and "4 comparisons" in sweep_words.method(own)
    assert own.accuracies[own.best].n == 3 * 40
