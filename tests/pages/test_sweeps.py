"""Sweeps in the app: beside Start, and as a line on Runs that ends in sentences."""

from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st

from fracture_core import room
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog
from fracture_core.folders import runs_folder
from fracture_core.jobs import launcher
from fracture_core.run_groups import members
from fracture_core.runs import run_folders
from fracture_core.runs.run_status import State
from fracture_core.sweeps import axes, sweep
from fracture_core.sweeps.answer import Answer
from fracture_core.sweeps.sweep import Sweep
from tests.core import made_runs
from tests.pages.page_words import page, words
from ui.run_groups import group_cache
from ui.shell import state


@pytest.fixture
def started(folders: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the runs that were started; no process is."""
    st.cache_resource.clear()
    names: list[str] = []
    monkeypatch.setattr(launcher, "start_run", lambda folder, *_, **__: names.append(folder.name))
    return names


@pytest.fixture
def kept(started: list[str], phantom_root: Path) -> Sweep:
    """A finished sweep of two rates and three seeds."""
    config = TrainConfig(data=str(phantom_root), architecture="three_conv", epochs=1)
    planned = sweep.plan(config, [axes.parse("learning-rate=0.001,0.0003")], 3, "rates")
    value = sweep.begin(planned, catalog.read(phantom_root))
    for number, (name, (combination, seed)) in enumerate(value.places.items()):
        run_folders.delete(run_folders.find(name))
        right = {"dev": [20 + 16 * (combination == 2) + seed % 2], "valid": [30]}
        folder = runs_folder() / name
        made_runs.make(folder, value.planned[name], right, studies=40, number=number)
    return value


def test_the_form_tells_runs_and_time_before_and_starts_them(started: list[str]) -> None:
    app = page("train")
    app.session_state[state.SWEEP_OPEN] = True
    app.run()
    assert not app.exception
    assert "6 runs, " in words(app) and "2 combinations, 3 seeds each" in words(app)
    app.text_input(key=f"{state.SWEPT}-learning_rate").set_value("0.001, 0.0003, fast").run()
    assert "Learning rate must be a number; received 'fast'" in words(app)
    assert app.button(key="start-sweep").disabled
    app.text_input(key=f"{state.SWEPT}-learning_rate").set_value("0.001, 0.0003").run()
    app.multiselect(key=state.SWEPT).set_value(["learning_rate", "optimizer"]).run()
    app.number_input(key=state.SWEEP_SEEDS).set_value(2).run()
    assert app.button(key="start-sweep").label == "Start 8 runs"
    app.button(key="start-sweep").click().run()
    assert not app.exception
    (name,) = sweep.names()
    assert started[:4] == [f"{name}-{number}-seed1" for number in (1, 2, 3, 4)]
    assert len(started) == 8


def test_a_sweep_is_one_line_that_opens_to_its_sentences(kept: Sweep) -> None:
    app = page("runs").run()
    assert not app.exception
    (line,) = [own for each in app.expander if "rates" in (own := each.label.replace("\\", ""))]
    assert "2 values of learning rate × 3 seeds" in line and "best: learning rate" in line
    assert not any("rates-1-seed1" in str(table.value) for table in app.dataframe)
    app = page("runs", group="rates").run()
    assert not app.exception
    assert "Learning rate: 0.0003 beats 0.001 by 40.0 points (" in words(app)
    assert "three seeds, 40 dev studies" in words(app)
    (table,) = [each.value for each in app.dataframe if "Accuracy" in each.value]
    assert table["Learning rate"].tolist() == ["0.0003", "0.001"]
    assert table["Seeds"].iloc[0] == "92.5, 90.0, 92.5" and table["n"].iloc[0] == "120"
    app.segmented_control(key=f"{state.SWEEP_ROLE}-rates").set_value("valid").run()
    assert "0.001 against 0.0003: a tie, 0.0 points" in words(app)
    app.button(key="curves-rates").click().run()
    assert not app.exception
    assert any("rates-1-seed1" in str(each.value) for each in app.dataframe)


def test_what_was_known_of_a_run_before_it_ended_is_not_kept_as_the_answer(kept: Sweep) -> None:
    now = members.read(kept)
    running = replace(now[-1], status=replace(now[-1].status, state=State.RUNNING))
    before = group_cache.sweep_answer(kept, [*now[:-1], running], "dev")
    assert isinstance(before, Answer) and before.seeds == 2
    after = group_cache.sweep_answer(kept, now, "dev")
    assert isinstance(after, Answer) and after.seeds == 3


def test_a_damaged_run_costs_the_answer_and_not_the_page(kept: Sweep) -> None:
    (runs_folder() / "rates-1-seed1" / "predictions" / "epoch_0001.npy").write_bytes(b"x")
    app = page("runs", group="rates").run()
    assert not app.exception
    assert "rates-1-seed1" in words(app) and "beats" not in words(app)


def test_a_visitor_looks_at_a_sweep_and_starts_nothing(
    kept: Sweep, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started.clear()
    monkeypatch.setenv(room.VARIABLE, "films.example.org")
    room.new_token()
    app = page("runs", group="rates").run()
    assert not app.exception
    assert app.button(key="delete-rates").disabled
    app = page("train")
    app.session_state[state.SWEEP_OPEN] = True
    app.run()
    assert app.button(key="start-sweep").disabled and not started
