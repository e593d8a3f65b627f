"""Learning curves in the app: beside Start, and as a line on Runs that ends in a forecast."""

import shutil
from pathlib import Path

import pytest
import streamlit as st

from fracture_core import room
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog
from fracture_core.folders import runs_folder
from fracture_core.jobs import launcher
from fracture_core.learning_curve import curve
from fracture_core.sweeps import sweep
from tests.core import made_runs
from tests.pages.page_words import page, words
from ui.shell import state

FALLING = (72, 84, 94, 100, 103)  # right dev studies of 120


@pytest.fixture
def started(folders: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the runs that were started; no process is."""
    st.cache_resource.clear()
    names: list[str] = []
    monkeypatch.setattr(launcher, "start_run", lambda folder, *_, **__: names.append(folder.name))
    return names


def make(root: Path, seeds: int, finished: int) -> None:
    """Keep a learning curve of this name, with so many seeds finished."""
    config = TrainConfig(data=str(root), architecture="three_conv", epochs=1)
    value = sweep.begin(curve.plan(config, seeds, "more"), catalog.read(root))
    for number, (name, (size, seed)) in enumerate(value.places.items()):
        if seed > finished:
            continue
        folder, own = runs_folder() / name, value.planned[name]
        shutil.rmtree(folder)
        right = {"dev": [FALLING[size - 1] + (size * seed * 5) % 7 - 3], "valid": [60]}
        made_runs.make(folder, own, right, studies=120, number=number)
        made_runs.add_training_films(folder, round(400 * own.training_share))


def test_the_form_tells_runs_and_time_before_and_starts_them(started: list[str]) -> None:
    app = page("train")
    app.session_state[state.CURVE_OPEN] = True
    app.run()
    assert not app.exception
    assert "15 runs, " in words(app) and "5 shares, 3 seeds each" in words(app)
    app.number_input(key=state.CURVE_SEEDS).set_value(2).run()
    assert app.button(key="start-learning-curve").label == "Start 10 runs"
    app.button(key="start-learning-curve").click().run()
    assert not app.exception
    (name,) = sweep.names()
    assert name.startswith("learning-curve-") and curve.is_one(sweep.find(name))
    assert started[:5] == [f"{name}-{number}-seed1" for number in (1, 2, 3, 4, 5)]
    assert len(started) == 10


def test_a_learning_curve_is_one_line_that_opens_to_its_forecast(
    started: list[str], phantom_root: Path
) -> None:
    make(phantom_root, seeds=2, finished=2)
    app = page("runs", group="more").run()
    assert not app.exception
    (line,) = [own for each in app.expander if "more" in (own := each.label.replace("\\", ""))]
    assert "learning curve, 5 shares of the patients × 2 seeds" in line
    assert "twice the films: +" in line
    assert "Twice the films (about 800 in place of 400) would probably bring " in words(app)
    assert "Basis: two seeds, 120 dev studies" in words(app)
    assert "simulated tables only" in words(app) and "Best law for studies: error = " in words(app)
    (table,) = [each.value for each in app.dataframe if "Training films" in each.value]
    assert table["Training films"].tolist() == ["40", "80", "160", "280", "400"]
    assert table["n"].iloc[0] == "240"
    app.segmented_control(key=f"{state.SWEEP_ROLE}-more").set_value("valid").run()
    assert not app.exception
    assert "No forecast: accuracy does not clearly rise" in words(app)


def test_a_cut_curve_shows_its_points_and_what_a_forecast_needs(
    started: list[str], phantom_root: Path
) -> None:
    make(phantom_root, seeds=2, finished=1)
    app = page("runs", group="more").run()
    assert not app.exception
    assert "A forecast needs two seeds with all shares finished" in words(app)
    assert app.button(key="resume-more").label == "Resume 5 runs"


def test_a_visitor_starts_no_learning_curve(
    started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(room.VARIABLE, "films.example.org")
    room.new_token()
    app = page("train")
    app.session_state[state.CURVE_OPEN] = True
    app.run()
    assert app.button(key="start-learning-curve").disabled and not started
