"""Floors, a second model and difficult studies on Evaluate; the order by errors on Studies."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fracture_core import checksums, room
from fracture_core.config.train_config import TrainConfig
from fracture_core.curation import corrections
from fracture_core.curation.corrections import Corrections
from fracture_core.datasets import catalog
from fracture_core.evaluations import evaluation
from fracture_core.floors import floor_scores, floors_job
from fracture_core.folders import runs_folder
from fracture_core.jobs import launcher
from fracture_core.models import prediction_table, stored_models
from fracture_core.runs import journal, run_lock, run_requests, run_status
from fracture_core.runs.run_status import State, Status
from fracture_core.verdicts import aggregation
from tests.core import made_predictions, made_runs
from tests.core.floors.twins_of_films import small_twins

APP = str(Path(__file__).parents[2] / "app.py")


@pytest.fixture(autouse=True)
def nothing_cached() -> None:
    """Another test's folders hold models of the same names."""
    st.cache_resource.clear()
    st.cache_data.clear()


def opened(page: str = "evaluate", session: dict[str, object] | None = None, **address: str):
    app = AppTest.from_file(APP, default_timeout=60)
    for key, value in (session or {}).items():
        app.session_state[key] = value
    app.run()
    app.query_params.update(address)
    return app.switch_page(f"pages/{page}.py").run()


def said(app: AppTest) -> str:
    kinds = (app.title, app.header, app.markdown, app.caption, app.warning, app.info, app.error)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def frame(app: AppTest, column: str) -> pd.DataFrame:
    """The first table with this column."""
    return next(each.value for each in app.dataframe if column in each.value)


@pytest.fixture
def second_run(run_copy: Path) -> Path:
    """Another run on the same films, which predicts the opposite of the first."""
    folder = Path(shutil.copytree(run_copy, runs_folder() / "opposite"))
    for path in folder.glob("predictions/*.npy"):
        table = 1 - np.load(path)
        np.save(path, table)
        checksums.write(folder, path, path.read_bytes())
    return folder


def test_the_cheap_floors_stand_beside_every_figure_without_asking(run_copy: Path) -> None:
    app = opened()
    assert not app.exception
    table = frame(app, "Predictor").set_index("Predictor")
    assert table.index[0] == "this model" and floor_scores.TITLES["majority"] in table.index
    assert floor_scores.TITLES["views"] in table.index
    result = evaluation.of_run(run_copy, journal.best_epoch(run_copy), "valid")
    studies = result.summaries()["studies"]
    expected = f"{100 * studies.majority.value:.1f} %"
    assert table.loc[floor_scores.TITLES["majority"], "Accuracy"] == expected
    assert table.loc["this model", "Accuracy"] == f"{100 * studies.accuracy.value:.1f} %"
    assert "AUROC" in said(app) and f"the same {studies.n} studies" in said(app)
    assert "The twins were not made yet." in said(app)


def test_twins_are_rows_once_they_are_made(run_copy: Path) -> None:
    model = stored_models.find(run_copy.name)
    floors_job.save(floors_job.folder_of(model), small_twins(journal.films(run_copy)))
    app = opened()
    table = frame(app, "Predictor")
    assert table["Predictor"].tolist()[1:] == list(floor_scores.TITLES.values())
    assert "make-twins" not in [button.key for button in app.button]
    assert "on labels that were exchanged among the training studies" in said(app)


def test_the_twins_button_asks_for_this_model_and_these_data(
    run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Path, dict]] = []
    monkeypatch.setattr(
        launcher, "start_job", lambda folder, request, *rest: asked.append((folder, request))
    )
    app = opened()
    app.button(key="make-twins").click().run()
    assert not app.exception
    model = stored_models.find(run_copy.name)
    assert asked == [(floors_job.folder_of(model), {"model": model.reference, "data": ""})]


def test_twins_under_way_show_their_progress_and_can_be_stopped(run_copy: Path) -> None:
    folder = floors_job.folder_of(stored_models.find(run_copy.name))
    (folder / "requests").mkdir(parents=True)
    (folder / "asked.json").write_text("{}")
    with run_lock.hold(folder):
        message = "Training the twin on shuffled labels, steps: 3 of 9."
        run_status.write(folder, Status(state=State.RUNNING, message=message, progress=1 / 3))
        app = opened()
        assert not app.exception
        app.button(key="stop-twins").click().run()
        assert run_requests.has(folder, "stop")


def test_a_visitor_looks_at_floors_and_makes_none(
    run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(room.VARIABLE, "films.example.org")
    room.new_token()
    app = opened()
    assert app.button(key="make-twins").disabled
    assert floor_scores.TITLES["majority"] in frame(app, "Predictor")["Predictor"].tolist()


def test_a_second_model_is_compared_on_the_same_studies(second_run: Path) -> None:
    app = opened(model="finished", second="opposite")
    assert not app.exception
    table = frame(app, "gap")
    n = evaluation.of_run(second_run, 1, "valid").summaries()["studies"].n
    assert f"{n} valid studies" in said(app) and "McNemar's test p = " in said(app)
    assert table["Figure"].tolist()[0] == "Accuracy"
    app.selectbox(key="second").set_value(None).run()
    assert not [each for each in app.dataframe if "gap" in each.value]


@pytest.mark.slow
def test_difficult_studies_are_walls_one_click_from_each_study(second_run: Path) -> None:
    session = {"difficult": True}
    app = opened(session=session, model="finished")
    assert not app.exception
    result = evaluation.of_run(
        runs_folder() / "finished", stored_models.find("finished").card.epoch, "valid"
    )
    for kind in ("missed", "alarms", "disputed", "forgotten", "labels"):
        app.segmented_control(key="difficult-kind").set_value(kind).run()
        assert not app.exception, kind
    studies = result.studies()
    errors = studies[~studies["right"].astype(bool)]
    kind = "missed" if (errors["label"] == 1).any() else "alarms"
    app.segmented_control(key="difficult-kind").set_value(kind).run()
    links = [each.proto.page for each in app.get("page_link")]
    assert "studies" in " ".join(links)
    shown = frame(app, "Studies")
    assert shown["Studies"].tolist()[0] == "all" and shown["n"].tolist()[0] == str(len(studies))


def test_without_another_run_there_is_no_difficulty(run_copy: Path) -> None:
    app = opened(session={"difficult": True})
    assert not app.exception
    assert "No other run has a score of these studies: train another seed." in said(app)


def test_the_wall_of_studies_begins_with_the_most_certain_errors(run_copy: Path) -> None:
    model = stored_models.find("finished")
    app = opened("studies", model=model.reference, order="wrong")
    assert not app.exception
    films = prediction_table.of_model(model)
    table = aggregation.verdicts(films, films["probability"].to_numpy(), model.card.threshold)
    wrong = table[~table["right"].astype(bool)]
    far = (wrong["score"] - model.card.threshold).abs()
    expected = wrong.loc[far.sort_values(ascending=False, kind="stable").index, "key"].tolist()
    opens = [b.key.removeprefix("open-") for b in app.button if str(b.key).startswith("open-")]
    assert opens[: len(expected)] == expected
    quiz = opened("studies", model=model.reference, order="wrong", quiz="true")
    assert "wrong" not in quiz.selectbox(key="order").options
    assert not quiz.exception


def doubts(films: str) -> AppTest:
    """The run's page with the labels in doubt."""
    app = opened(session={"difficult": True}, model="made", films=films)
    app.segmented_control(key="difficult-kind").set_value("labels").run()
    assert not app.exception
    return app


@pytest.mark.slow
def test_a_corrected_label_is_no_longer_in_doubt_in_dev_or_valid(folders: Path) -> None:
    tables = {
        "dev": made_predictions.films(60, seed=2, split="train", role="dev"),
        "valid": made_predictions.films(60, seed=2),
    }
    made_predictions.run("made", tables["dev"], tables["valid"])
    for films, table in tables.items():
        app = doubts(films)
        doubted = frame(app, "Reason")["Study"].tolist()
        assert doubted
        studies = catalog.studies(table).set_index("key", drop=False)
        label = 1 - int(studies.loc[doubted[0], "label"])
        value = corrections.read("made")
        value = corrections.corrected(value, studies, {doubted[0]: label}, "AB", "a cast")
        corrections.write("made", value)
        app = doubts(films)
        assert doubted[0] not in frame(app, "Reason")["Study"].tolist()
        assert f"By the corrected labels (list {value.hash})." in said(app)
        app.toggle(key="by-corrected").set_value(False).run()
        assert frame(app, "Reason")["Study"].tolist() == doubted


def test_forgotten_studies_and_difficulty_go_by_the_labels_on_the_page(folders: Path) -> None:
    for number, (name, right) in enumerate({"other": [20, 20], "made": [12, 6]}.items()):
        config = TrainConfig(data="made", architecture="three_conv", epochs=2)
        roles = {"dev": [20, 20], "valid": right}  # of 20 studies, the first so many are right
        run = made_runs.make(folders / "runs" / name, config, roles, number=number)
        for epoch in (1, 2):
            h5py.File(run / "checkpoints" / f"epoch_{epoch:04d}.weights.h5", "w").close()
    films = journal.films(run)
    studies = catalog.studies(films[films["role"] == "valid"])
    forgotten = studies["key"].tolist()[7]
    label = 1 - int(studies["label"].tolist()[7])
    value = corrections.corrected(Corrections(), studies, {forgotten: label}, "AB", "a cast")
    corrections.write("made", value)
    app = opened(session={"difficult": True}, model="made", films="valid")
    app.segmented_control(key="difficult-kind").set_value("forgotten").run()
    assert not app.exception
    assert len(frame(app, "Reason")) == 5 and forgotten not in set(frame(app, "Reason")["Study"])
    levels = frame(app, "Studies").set_index("Studies")["n"]
    assert levels.to_dict() == {"all": "20", "easy": "19", "hard": "1"}
    by = f"By the corrected labels (list {value.hash})."
    assert said(app).count(by) == 2  # of the list and of the figures by difficulty
    app.toggle(key="by-corrected").set_value(False).run()
    assert len(frame(app, "Reason")) == 6 and forgotten in set(frame(app, "Reason")["Study"])
    assert frame(app, "Studies")["Studies"].tolist() == ["all", "easy"]
    assert by not in said(app)


def test_labels_are_not_called_undoubted_by_runs_that_have_no_score_of_them(folders: Path) -> None:
    config = TrainConfig(data="made", architecture="three_conv", epochs=1)
    made_runs.make(folders / "runs" / "other", config, {"valid": [10]})
    dev = made_predictions.films(30, split="train", role="dev")  # of other studies
    made_predictions.released("published", dev)
    app = opened(session={"difficult": True}, model="published", films="dev")
    app.segmented_control(key="difficult-kind").set_value("labels").run()
    assert not app.exception
    assert "no run here has any of these. Pick a run, and its dev or valid films" in said(app)
    assert "labels in doubt." not in said(app) and "By 1 run" not in said(app)
