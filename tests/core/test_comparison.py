"""Runs side by side, on made curves: what differs, how good, which is better, over what."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fracture_core import comparison, journal, metrics, predictions, runs
from fracture_core.config import NetworkOptions, TrainConfig
from fracture_core.errors import RunError
from tests.core import made_runs

CONFIG = TrainConfig(data="/films", architecture="three_conv")


@pytest.fixture
def made(folders: Path):
    """Makes runs in the test's own folder, and gives them read."""

    def make(name: str, right: dict[str, list[int]], config: TrainConfig = CONFIG, **more):
        return runs.read(made_runs.make(folders / "runs" / name, config, right, **more))

    return make


# --- settings -----------------------------------------------------------------------------------


def test_what_differs_are_settings_and_not_what_only_decides_speed() -> None:
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
    found = comparison.settings(config)
    assert (found["data"], found["weights"]) == ("MURA", "first.weights.h5")
    assert found["augmentation.zoom_percent"] == 20.0


# --- results ------------------------------------------------------------------------------------


def test_the_outcome_is_that_of_the_lowest_dev_loss_and_of_the_last_epoch(made) -> None:
    run = made("a", {"dev": [12, 18, 15], "valid": [10, 11, 14]})
    found = comparison.outcome(run.folder)
    assert (found.epochs, found.best_epoch) == (3, 2)
    assert found.best == {"dev": metrics.wilson(18, 20), "valid": metrics.wilson(11, 20)}
    assert found.last == {"dev": metrics.wilson(15, 20), "valid": metrics.wilson(14, 20)}
    assert found.curve == (0.6, 0.9, 0.75)


def test_the_best_epoch_is_the_one_that_the_rest_of_the_product_takes(run_copy: Path) -> None:
    assert comparison.outcome(run_copy).best_epoch == journal.best_epoch(run_copy)


def test_without_dev_studies_the_last_epoch_is_taken_and_valid_drawn(made) -> None:
    found = comparison.outcome(made("a", {"valid": [18, 11]}).folder)
    assert found.best_epoch == 2 and set(found.best) == {"valid"}
    assert found.curve == (0.9, 0.55)


def test_before_an_epoch_is_completed_there_is_no_outcome(made) -> None:
    run = made("a", {"dev": [], "valid": []}, state="starting")
    assert comparison.outcome(run.folder) == comparison.Outcome()
    assert comparison.curves(run).empty


def test_damage_in_a_line_costs_only_that_line(made) -> None:
    run = made("a", {"dev": [12, 18]})
    path = run.folder / "metrics.jsonl"
    good = path.read_text()
    path.write_text('{"epoch": "x"}\n{"epoch": 7, "dev": {"loss": NaN}}\n[1]\n' + good)
    assert comparison.outcome(run.folder).best["dev"] == metrics.wilson(18, 20)


def test_a_long_curve_is_thinned(made) -> None:
    run = made("a", {"dev": [10] * 101})
    assert 2 <= len(comparison.outcome(run.folder).curve) <= comparison.POINTS


# --- which is better ----------------------------------------------------------------------------


def compare(first: runs.Run, second: runs.Run, role: str = "dev") -> metrics.Difference:
    tables = [comparison.verdicts(run, 1) for run in (first, second)]
    return comparison.compare(*tables, role)


def test_a_clear_lead_on_the_same_studies_is_better_and_a_small_one_a_tie(made) -> None:
    good, close, bad = (made(n, {"dev": [c]}) for n, c in (("a", 19), ("b", 18), ("c", 9)))
    assert compare(good, bad).verdict == "better" and compare(bad, good).verdict == "worse"
    tie = compare(good, close)
    assert (tie.verdict, tie.only_first, tie.only_second, tie.n) == ("a tie", 1, 0, 20)
    assert tie.value == pytest.approx(0.05)


def test_only_studies_that_both_were_judged_on_count(made) -> None:
    small, large = made("a", {"dev": [8]}, studies=8), made("b", {"dev": [4]}, studies=20)
    found = compare(small, large)
    assert (found.n, found.only_first, found.only_second) == (8, 4, 0)
    assert compare(small, large, "valid").n == 0


def test_a_study_that_lost_a_film_is_another_study(made) -> None:
    first, second = made("a", {"dev": [8]}), made("b", {"dev": [8]})
    table = comparison.verdicts(second, 1)
    table.loc[0, "images"] = 2
    assert comparison.compare(comparison.verdicts(first, 1), table, "dev").n == 19


def test_equal_names_on_other_data_are_other_films(made) -> None:
    first, same = made("a", {"dev": [8]}), made("b", {"dev": [8]})
    other = made("c", {"dev": [8]}, data={"hash": "another"})
    unknown = made("d", {"dev": [8]}, data={})
    assert comparison.same_data(first, same)
    assert not comparison.same_data(first, other)
    assert not comparison.same_data(unknown, unknown)


def test_a_lost_table_is_told_in_a_sentence(made) -> None:
    run = made("a", {"dev": [8]})
    predictions.path(run.folder, 1).unlink()
    with pytest.raises(RunError, match="no predictions of epoch 1"):
        comparison.verdicts(run, 1)


# --- curves -------------------------------------------------------------------------------------


def test_curves_are_one_tidy_table_with_n_and_intervals(made) -> None:
    table = comparison.curves(made("a", {"dev": [12, 18], "valid": [10, 11]}))
    assert not table.duplicated(["run", "epoch", "role", "quantity"]).any()
    row = table[(table["epoch"] == 2) & (table["role"] == "dev")].set_index("quantity")
    wanted = metrics.wilson(18, 20)
    assert row.loc["study_accuracy", ["value", "low", "high", "n"]].tolist() == pytest.approx(
        [wanted.value, wanted.low, wanted.high, 20]
    )
    assert row.loc["loss", ["low", "high"]].isna().all()
    assert table[table["role"] == "train"]["low"].isna().all()
    images = table.drop_duplicates("epoch")["images"].tolist()
    assert images == [made_runs.LENGTH, 2 * made_runs.LENGTH]


def test_wall_time_counts_work_and_leaves_pauses_out(made) -> None:
    run = made("a", {"dev": [12, 18, 19]})
    at = [(0, 100.0), (10, 104.0), (20, 1010.0), (30, 1016.0)]
    made_runs.write_lines(
        run.folder / "steps.jsonl", [{"step": s, "time": t} for s, t in at[1:]] + [{"step": 25}]
    )
    events = [("started", 0, 100.0), ("stopped", 12, 105.0), ("resumed", 12, 1000.0)]
    events += [("finished", 30, 1017.0)]
    made_runs.write_lines(
        run.folder / "events.jsonl", [{"kind": k, "step": s, "time": t} for k, s, t in events]
    )
    seconds = comparison.curves(run).drop_duplicates("epoch")["seconds"].tolist()
    assert seconds == [4.0, 15.0, 22.0]


def test_a_fork_leaves_its_parent_s_pauses_out_too(made) -> None:
    at = [(10, 104.0), (20, 1010.0), (30, 5006.0)]
    steps = [{"step": s, "time": t} for s, t in at]
    right = {"dev": [12, 18, 19]}
    parent = made("a", right)
    fork = made("b", right, parent={"name": "a", "epoch": 2})
    for run, told in (
        (parent, [("started", 0, 100.0), ("resumed", 12, 1000.0), ("stopped", 30, 9000.0)]),
        (fork, [("resumed", 20, 5000.0)]),
    ):
        made_runs.write_lines(run.folder / "steps.jsonl", steps)
        events = [{"kind": kind, "step": step, "time": time} for kind, step, time in told]
        made_runs.write_lines(run.folder / "events.jsonl", events)
    seconds = comparison.curves(fork).drop_duplicates("epoch")["seconds"].tolist()
    assert seconds == [4.0, 14.0, 20.0]
    runs.delete(parent.folder)
    assert comparison.curves(fork)["seconds"].notna().all()


def test_a_run_without_a_clock_has_no_wall_time(made) -> None:
    table = comparison.curves(made("a", {"dev": [12]}))
    assert table["seconds"].isna().all()


def test_a_real_run_s_clock_moves_on(run_copy: Path) -> None:
    seconds = comparison.curves(runs.read(run_copy)).drop_duplicates("epoch")["seconds"]
    assert seconds.is_monotonic_increasing and seconds.iloc[-1] > 0


def test_smoothing_does_not_lean_on_the_first_value() -> None:
    assert comparison.smoothed([1.0, 2.0, 3.0], 0.0).tolist() == [1.0, 2.0, 3.0]
    assert np.allclose(comparison.smoothed([4.0] * 5, 0.9), 4.0)
    ours = comparison.smoothed([1.0, 5.0, 2.0, 8.0], 0.6)
    theirs = pd.Series([1.0, 5.0, 2.0, 8.0]).ewm(alpha=0.4, adjust=True).mean()
    assert np.allclose(ours, theirs)
    assert comparison.smoothed([], 0.5).shape == (0,)
