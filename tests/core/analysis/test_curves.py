"""The tidy table of a run's epochs, its clock, and smoothing, on constructed curves."""

from pathlib import Path

import numpy as np
import pytest

from fracture_core.analysis import curves
from fracture_core.config.train_config import TrainConfig
from fracture_core.runs import journal, run_folders
from fracture_core.verdicts import closed_intervals
from tests.core import made_runs


@pytest.fixture
def make(folders: Path):
    """Return a function that writes a run in the test's own folder and reads it."""

    def make(name: str, right: dict[str, list[int]], **more):
        config = TrainConfig(data="/films", architecture="three_conv")
        return run_folders.read(made_runs.make(folders / "runs" / name, config, right, **more))

    return make


def test_before_an_epoch_is_completed_the_table_is_empty(make) -> None:
    assert curves.of_run(make("a", {"dev": [], "valid": []}, state="starting")).empty


def test_lines_without_figures_make_an_empty_table(make) -> None:
    run = make("a", {"dev": [12]})
    journal.replace_lines(run.folder / "metrics.jsonl", [{"epoch": 1, "step": 5}])
    assert curves.of_run(run).empty


def test_curves_are_one_tidy_table_with_n_and_intervals(make) -> None:
    table = curves.of_run(make("a", {"dev": [12, 18], "valid": [10, 11]}))
    assert not table.duplicated(["run", "epoch", "role", "quantity"]).any()
    row = table[(table["epoch"] == 2) & (table["role"] == "dev")].set_index("quantity")
    expected = closed_intervals.wilson(18, 20)
    assert row.loc["study_accuracy", ["value", "low", "high", "n"]].tolist() == pytest.approx(
        [expected.value, expected.low, expected.high, 20]
    )
    assert row.loc["loss", ["low", "high"]].isna().all()
    assert table[table["role"] == "train"]["low"].isna().all()
    images = table.drop_duplicates("epoch")["images"].tolist()
    assert images == [made_runs.LENGTH, 2 * made_runs.LENGTH]


def test_wall_time_counts_work_and_leaves_pauses_out(make) -> None:
    run = make("a", {"dev": [12, 18, 19]})
    at = [(0, 100.0), (10, 104.0), (20, 1010.0), (30, 1016.0)]
    made_runs.write_lines(
        run.folder / "steps.jsonl", [{"step": s, "time": t} for s, t in at[1:]] + [{"step": 25}]
    )
    events = [("started", 0, 100.0), ("stopped", 12, 105.0), ("resumed", 12, 1000.0)]
    events += [("finished", 30, 1017.0)]
    made_runs.write_lines(
        run.folder / "events.jsonl", [{"kind": k, "step": s, "time": t} for k, s, t in events]
    )
    seconds = curves.of_run(run).drop_duplicates("epoch")["seconds"].tolist()
    assert seconds == [4.0, 15.0, 22.0]


def test_a_clock_that_was_set_back_makes_no_time_negative_or_count_twice(make) -> None:
    run = make("a", {"dev": [12, 18, 19]})
    at = [(10, 104.0), (12, 105.0), (20, 40.0), (25, 45.0), (30, 43.0)]  # and once while it trains
    steps = [{"step": step, "time": time} for step, time in at]
    made_runs.write_lines(run.folder / "steps.jsonl", steps)
    events = [("started", 0, 100.0), ("stopped", 12, 106.0), ("resumed", 12, 30.0)]
    events += [("finished", 30, 44.0)]
    made_runs.write_lines(
        run.folder / "events.jsonl", [{"kind": k, "step": s, "time": t} for k, s, t in events]
    )
    seconds = curves.of_run(run).drop_duplicates("epoch")["seconds"].tolist()
    assert seconds == [4.0, 16.0, 22.0]


def test_a_fork_leaves_its_parent_s_pauses_out_too(make) -> None:
    at = [(10, 104.0), (20, 1010.0), (30, 5006.0)]
    steps = [{"step": s, "time": t} for s, t in at]
    right = {"dev": [12, 18, 19]}
    parent = make("a", right)
    fork = make("b", right, parent={"name": "a", "epoch": 2})
    for run, events_of in (
        (parent, [("started", 0, 100.0), ("resumed", 12, 1000.0), ("stopped", 30, 9000.0)]),
        (fork, [("resumed", 20, 5000.0)]),
    ):
        made_runs.write_lines(run.folder / "steps.jsonl", steps)
        events = [{"kind": kind, "step": step, "time": time} for kind, step, time in events_of]
        made_runs.write_lines(run.folder / "events.jsonl", events)
    seconds = curves.of_run(fork).drop_duplicates("epoch")["seconds"].tolist()
    assert seconds == [4.0, 14.0, 20.0]
    run_folders.delete(parent.folder)
    assert curves.of_run(fork)["seconds"].notna().all()


def test_a_run_without_a_clock_has_no_wall_time(make) -> None:
    table = curves.of_run(make("a", {"dev": [12]}))
    assert table["seconds"].isna().all()


def test_a_real_run_s_clock_moves_on(run_copy: Path) -> None:
    seconds = curves.of_run(run_folders.read(run_copy)).drop_duplicates("epoch")["seconds"]
    assert seconds.is_monotonic_increasing and seconds.iloc[-1] > 0


def test_smoothing_has_no_bias_to_the_first_value() -> None:
    assert curves.smoothed([1.0, 2.0, 3.0], 0.0).tolist() == [1.0, 2.0, 3.0]
    assert np.allclose(curves.smoothed([4.0] * 5, 0.9), 4.0)
    values = np.random.default_rng(0).normal(size=200)
    last, total, expected = 0.0, 0.0, []
    for value in values:  # by definition: divided by the sum of the weights
        last, total = 0.6 * last + 0.4 * value, 0.6 * total + 0.4
        expected.append(last / total)
    assert curves.smoothed(values, 0.6) == pytest.approx(expected, rel=1e-12)
    assert curves.smoothed([], 0.5).shape == (0,)
