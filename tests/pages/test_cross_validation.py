"""Cross-validation in the app: beside Start, as a line on Runs, and its films on Evaluate."""

import shutil
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fracture_core import room
from fracture_core.config.train_config import TrainConfig
from fracture_core.cross_validation import fold_figures, group, group_runs, out_of_fold
from fracture_core.cross_validation.group import Group
from fracture_core.datasets import catalog, fold_list
from fracture_core.folders import PROJECT
from fracture_core.jobs import launcher
from fracture_core.runs import run_config, run_folders, run_lock, run_requests, run_status
from fracture_core.runs.run_status import State, Status
from tests.pages.page_words import page, words
from ui.run_groups import groups_panel
from ui.shell import state


@pytest.fixture
def started(folders: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the runs that were started; no process is."""
    st.cache_resource.clear()
    names: list[str] = []
    monkeypatch.setattr(launcher, "start_run", lambda folder, *_, **__: names.append(folder.name))
    return names


@pytest.fixture
def waiting(started: list[str], phantom_root: Path) -> Group:
    """A group of two folds: one is queued, the other not begun."""
    config = TrainConfig(data=str(phantom_root), architecture="three_conv", epochs=4)
    value = group_runs.begin(config, 2, "small", catalog.read(phantom_root))
    for fold, epoch in ((1, 3), (2, 0)):
        status = Status(state=State.STOPPED, epoch=epoch, epochs=4, message="Stopped.")
        run_status.write(run_folders.find(f"small-fold{fold}"), status)
    started.clear()
    return value


def lines(app: AppTest) -> list[str]:
    return [each.label.replace("\\", "") for each in app.expander]


def test_the_form_tells_runs_and_time_before_and_starts_them(started: list[str]) -> None:
    app = page("train")
    app.session_state[state.FOLDS_OPEN] = True
    app.run()
    assert not app.exception
    app.number_input(key=state.FOLDS).set_value(3).run()
    assert "3 runs of about" in words(app) and "at a time: " in words(app)
    app.button(key="start-folds").click().run()
    assert not app.exception
    (name,) = group.names()
    assert started == [f"{name}-fold{fold}" for fold in (1, 2, 3)]
    value = group.find(name)
    assert (value.folds, value.config.architecture) == (3, "three_conv")


def test_folds_that_the_films_do_not_allow_are_refused_in_place(started: list[str]) -> None:
    app = page("train")
    app.session_state[state.FOLDS_OPEN] = True
    app.run()
    app.number_input(key=state.FOLDS).set_value(10).run()
    assert "10 folds need 10 patients with and 10 without" in words(app)
    assert app.button(key="start-folds").disabled


def test_a_group_is_one_line_on_runs_that_opens_to_its_folds(waiting: Group) -> None:
    app = page("runs").run()
    assert not app.exception
    (line,) = [each for each in lines(app) if each.startswith("**small**")]
    assert "2 folds of films" in line and "0 of 2 folds done, stopped" in line
    assert not any("small-fold" in str(table.value) for table in app.dataframe)
    app = page("runs", group="small").run()
    assert not app.exception
    (table,) = [each.value for each in app.dataframe if "Fold" in each.value]
    assert table["State"].tolist() == ["stopped, 3 of 4 epochs", "stopped, 0 of 4 epochs"]
    app.button(key="curves-small").click().run()
    assert not app.exception
    assert any("small-fold1" in str(each.value) for each in app.dataframe)


def test_a_group_is_resumed_stopped_and_deleted_as_one(waiting: Group, started: list[str]) -> None:
    app = page("runs", group="small").run()
    assert app.button(key="resume-small").label == "Resume 2 folds"
    app.button(key="resume-small").click().run()
    assert started == ["small-fold1", "small-fold2"]
    folder = run_folders.find("small-fold1")
    with run_lock.hold(folder):
        run_status.write(folder, Status(state=State.RUNNING, epoch=3, epochs=4))
        app = page("runs", group="small").run()
        assert "training" in "".join(lines(app)) and app.button(key="delete-small").disabled
        app.button(key="stop-small").click().run()
        assert run_requests.has(folder, "stop")
    app = page("runs", group="small").run()
    app.button(key="delete-small").click().run()
    assert "small-fold1, small-fold2" in words(app)
    app.button(key="delete-group-for-good").click().run()
    assert not app.exception and not group.names() and not run_folders.names()


def test_a_finished_group_shows_pooled_figures_and_their_spread(
    waiting: Group, monkeypatch: pytest.MonkeyPatch, phantom_root: Path
) -> None:
    rows = catalog.read(phantom_root).manifest
    rows = rows[rows["split"] == "train"].reset_index(drop=True)
    value = fold_list.read(waiting.folder / group.LIST)
    films = rows.assign(
        fold=rows["path"].map(dict(value.folds)),
        unit=rows["patient"],
        role="dev",
        probability=0.25 + rows["label"] / 2,
    )
    record = fold_figures.record(films, 0.5)
    monkeypatch.setattr(out_of_fold, "kept_figures", lambda *_: record)
    for fold in (1, 2):
        status = Status(state=State.FINISHED, epoch=4, epochs=4, message="Finished.")
        run_status.write(run_folders.find(f"small-fold{fold}"), status)
        facts = {"kind": "mura", "corrections": {"labels": 3, "hash": "cd34"}}
        run_config.complete(run_folders.find(f"small-fold{fold}"), data=facts)
    app = page("runs", group="small").run()
    assert not app.exception
    assert "3 labels corrected (list cd34)." in words(app)
    n = record["studies"]["accuracy"]["n"]
    assert any("out-of-fold accuracy 100.0 %" in each and f"n = {n}" in each for each in lines(app))
    (pooled,) = [each.value for each in app.dataframe if "Folds" in each.value]
    assert pooled["Studies"].iloc[0] == "100.0 %" and "(100.0 to 100.0)" in pooled["Folds"].iloc[0]
    assert "drawn within their folds" in words(app)
    assert app.button(key="release-small")


def test_the_table_gives_n_and_interval_of_both_levels() -> None:
    figure = {"value": 0.8, "low": 0.7, "high": 0.9, "n": 50, "groups": 40}
    figure |= {"mean": 0.81, "least": 0.75, "greatest": 0.9}
    level = dict.fromkeys(fold_figures.estimates.NAMES, figure)
    rows = groups_panel.table({"studies": level, "images": level})
    assert rows.loc[0].tolist()[1:5] == ["80.0 %", "70.0 to 90.0", "50", "81.0 % (75.0 to 90.0)"]
    assert len(rows.columns) == 9


def test_a_damaged_group_is_named_and_the_page_works(waiting: Group) -> None:
    (waiting.folder / group.NOTE).write_text("{")
    st.cache_resource.clear()
    app = page("runs").run()
    assert not app.exception
    assert "group.json of small cannot be read" in words(app)
    assert any("small-fold1" in str(each.value) for each in app.dataframe)  # ordinary runs


def test_a_visitor_looks_at_a_group_and_starts_nothing(
    waiting: Group, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(room.VARIABLE, "films.example.org")
    room.new_token()
    app = page("runs", group="small").run()
    assert not app.exception
    assert app.button(key="resume-small").disabled and app.button(key="delete-small").disabled
    app = page("train")
    app.session_state[state.FOLDS_OPEN] = True
    app.run()
    assert app.button(key="start-folds").disabled
    assert not started


def test_evaluate_offers_the_out_of_fold_films_of_a_model(folders: Path) -> None:
    st.cache_resource.clear()
    starter = PROJECT / "models" / "starter-five-conv"
    shutil.copytree(starter, folders / "models" / starter.name)
    app = page("evaluate", model=starter.name, films=out_of_fold.SPLIT).run()
    assert not app.exception
    assert "237 of 320 studies" in "".join(each.value for each in app.title)
    assert "Evaluated on the **out-of-fold** films" in words(app)
    assert "not trained on its patient, not by this model" in words(app)
    assert "trained on films of this patient" not in words(app)
