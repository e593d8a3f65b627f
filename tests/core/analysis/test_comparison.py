"""Comparison of runs, on constructed curves: settings, results, paired tests."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from fracture_core.analysis import comparison
from fracture_core.config.network_options import NetworkOptions
from fracture_core.config.train_config import TrainConfig
from fracture_core.epochs import predictions
from fracture_core.errors import RunError
from fracture_core.runs import journal, run_folders, run_status
from fracture_core.verdicts import closed_intervals
from tests.core import made_runs

CONFIG = TrainConfig(data="/films", architecture="three_conv")


@pytest.fixture
def make(folders: Path):
    """Return a function that writes a run in the test's own folder and reads it."""

    def make(name: str, right: dict[str, list[int]], config: TrainConfig = CONFIG, **more):
        return run_folders.read(made_runs.make(folders / "runs" / name, config, right, **more))

    return make


# --- settings -----------------------------------------------------------------------------------


def test_settings_of_speed_alone_do_not_differ() -> None:
    configs = [
        CONFIG,
        dataclasses.replace(CONFIG, learning_rate=0.01, threads=2, checkpoint_seconds=9.0),
        dataclasses.replace(CONFIG, options=NetworkOptions(dense=(64, 32))),
    ]
    tables = [comparison.settings(config) for config in configs]
    assert comparison.differing(tables) == ["options.dense", "learning_rate"]
    assert comparison.differing(tables[:1]) == comparison.differing([]) == []


def test_settings_name_folders_and_files_without_their_path() -> None:
    config = dataclasses.replace(CONFIG, data="/a/b/MURA", weights="/c/first.weights.h5")
    settings = comparison.settings(config)
    assert (settings["data"], settings["weights"]) == ("MURA", "first.weights.h5")
    assert settings["augmentation.zoom_percent"] == 20.0


def test_later_changes_are_among_the_settings(make) -> None:
    run = make("a", {"dev": [12, 18]}, dataclasses.replace(CONFIG, epochs=2))
    assert comparison.current_settings(run, np.float32(0.001).item()) == comparison.settings(
        run.config
    )
    run_status.write(run.folder, run_status.Status(state=run_status.State.STOPPED, epochs=7))
    run = run_folders.read(run.folder)
    assert comparison.current_settings(run, None)["epochs"] == 7
    assert comparison.current_settings(run, 0.0005)["learning_rate"] == "0.001 → 0.0005"
    moving = dataclasses.replace(CONFIG.schedule, kind="cosine")
    moved = dataclasses.replace(run, config=dataclasses.replace(run.config, schedule=moving))
    assert comparison.current_settings(moved, 0.0005)["learning_rate"] == 0.001


# --- results ------------------------------------------------------------------------------------


def test_the_outcome_is_that_of_the_lowest_dev_loss_and_of_the_last_epoch(make) -> None:
    run = make("a", {"dev": [12, 18, 15], "valid": [10, 11, 14]})
    outcome = comparison.outcome(run.folder)
    assert (outcome.epochs, outcome.best_epoch) == (3, 2)
    assert outcome.best == {
        "dev": closed_intervals.wilson(18, 20),
        "valid": closed_intervals.wilson(11, 20),
    }
    assert outcome.last == {
        "dev": closed_intervals.wilson(15, 20),
        "valid": closed_intervals.wilson(14, 20),
    }
    assert outcome.curve == (0.6, 0.9, 0.75) and outcome.learning_rate == 0.001


def test_the_best_epoch_is_the_one_that_the_rest_of_the_product_takes(run_copy: Path) -> None:
    assert comparison.outcome(run_copy).best_epoch == journal.best_epoch(run_copy)


def test_without_dev_studies_the_last_epoch_is_taken_and_valid_drawn(make) -> None:
    outcome = comparison.outcome(make("a", {"valid": [18, 11]}).folder)
    assert outcome.best_epoch == 2 and set(outcome.best) == {"valid"}
    assert outcome.curve == (0.9, 0.55)


def test_before_an_epoch_is_completed_there_is_no_outcome(make) -> None:
    run = make("a", {"dev": [], "valid": []}, state="starting")
    assert comparison.outcome(run.folder) == comparison.Outcome()


def test_damage_in_a_line_costs_only_that_line(make) -> None:
    run = make("a", {"dev": [12, 18]})
    path = run.folder / "metrics.jsonl"
    good = path.read_text()
    path.write_text('{"epoch": "x"}\n{"epoch": 7, "dev": {"loss": NaN}}\n[1]\n' + good)
    assert comparison.outcome(run.folder).best["dev"] == closed_intervals.wilson(18, 20)


def test_a_long_curve_is_thinned(make) -> None:
    run = make("a", {"dev": [10] * 101})
    assert 2 <= len(comparison.outcome(run.folder).curve) <= comparison.POINTS


# --- which is better ----------------------------------------------------------------------------


def compare(
    first: run_folders.Run, second: run_folders.Run, role: str = "dev"
) -> closed_intervals.Difference:
    one, other = (comparison.verdicts(run, 1) for run in (first, second))
    return comparison.compare(one, other, role)


def test_a_clear_lead_on_the_same_studies_is_better_and_a_small_one_a_tie(make) -> None:
    good, close, bad = (make(n, {"dev": [c]}) for n, c in (("a", 19), ("b", 18), ("c", 9)))
    assert compare(good, bad).verdict == "better" and compare(bad, good).verdict == "worse"
    tie = compare(good, close)
    assert (tie.verdict, tie.only_first, tie.only_second, tie.n) == ("a tie", 1, 0, 20)
    assert tie.value == pytest.approx(0.05)


def test_only_studies_that_both_evaluated_count(make) -> None:
    small, large = make("a", {"dev": [8]}, studies=8), make("b", {"dev": [4]}, studies=20)
    gap = compare(small, large)
    assert (gap.n, gap.only_first, gap.only_second) == (8, 4, 0)
    assert compare(small, large, "valid").n == 0


def test_a_study_that_lost_a_film_is_another_study(make) -> None:
    first, second = make("a", {"dev": [8]}), make("b", {"dev": [8]})
    table = comparison.verdicts(second, 1)
    table.loc[0, "images"] = 2
    assert comparison.compare(comparison.verdicts(first, 1), table, "dev").n == 19


def test_equal_names_on_other_data_are_other_films(make) -> None:
    first, same = make("a", {"dev": [8]}), make("b", {"dev": [8]})
    other = make("c", {"dev": [8]}, data={"hash": "another"})
    unknown = make("d", {"dev": [8]}, data={})
    assert comparison.same_data(first, same)
    assert not comparison.same_data(first, other)
    assert not comparison.same_data(unknown, unknown)


def test_a_lost_table_is_named_in_a_sentence(make) -> None:
    run = make("a", {"dev": [8]})
    predictions.path(run.folder, 1).unlink()
    with pytest.raises(RunError, match="no predictions of epoch 1"):
        comparison.verdicts(run, 1)
