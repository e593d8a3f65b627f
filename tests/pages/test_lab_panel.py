"""Aggregation lab on Evaluate: rules, slider, price of OR, meter, points and their keeping."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fracture_core import room
from fracture_core.answers import card_choices
from fracture_core.curation import corrections
from fracture_core.curation.corrections import Corrections
from fracture_core.datasets import catalog
from fracture_core.models import stored_models
from fracture_core.operating_points import calibration, or_cost, study_scores, threshold_choice
from fracture_core.operating_points.study_scores import RULES
from fracture_core.operating_points.threshold_choice import AIMS
from fracture_core.verdicts import aggregation
from tests.core import made_predictions
from ui.lab import lab_panel

APP = str(Path(__file__).parents[2] / "app.py")
DEV = made_predictions.films(60, seed=1, split="train", role="dev")
VALID = made_predictions.films(120, seed=2)


@pytest.fixture(autouse=True)
def nothing_cached(folders: Path) -> None:
    """Another test's folders hold models of the same names."""
    st.cache_resource.clear()
    st.cache_data.clear()


def opened(model: str, films: str = "valid", *receipts: str) -> AppTest:
    """The page with the lab and these receipts open."""
    app = AppTest.from_file(APP, default_timeout=60)
    for name in receipts:
        app.session_state[f"receipt-{name}"] = True
    app.query_params.update({"model": model, "films": films})
    app.session_state["lab"] = True
    app = app.switch_page("pages/evaluate.py").run()
    assert not app.exception
    return app


@pytest.fixture
def run(folders: Path) -> AppTest:
    """The lab of a run with 60 dev and 120 valid studies."""
    made_predictions.run("made", DEV, VALID)
    return opened("made")


@pytest.fixture
def released(folders: Path) -> AppTest:
    """The lab of a released model, on its dev studies."""
    made_predictions.released("made", DEV)
    return opened("made", "dev")


def said(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.success, app.info, app.error, app.warning)
    words = "\n".join(element.value for kind in kinds for element in kind)
    return words.replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")


def frame(app: AppTest, column: str) -> pd.DataFrame:
    frames = [each.value for each in app.dataframe]
    table = next(each for each in frames if column in each)
    return table.map(lambda cell: str(cell).replace("\N{NO-BREAK SPACE}", " "))


def test_a_moved_slider_moves_every_rule_to_its_verdicts(run: AppTest) -> None:
    for threshold in (0.5, 0.2):
        run.slider(key="lab-threshold-made@1").set_value(threshold).run()
        assert not run.exception
        rows = frame(run, "Rule").set_index("Rule")
        assert list(rows.index) == list(RULES.values())
        table = aggregation.verdicts(VALID, VALID["probability"].to_numpy(), threshold)
        negative = table[table["label"] == 0]
        cleared = (~negative["verdict"].astype(bool)).mean()
        cell = rows.loc[RULES["or"], "Specificity"]
        assert cell.startswith(f"{100 * cleared:.1f} % (") and f"n = {len(negative)}" in cell


def test_the_charts_have_all_rules_and_show_one_number_of_views(run: AppTest) -> None:
    assert "**ROC**, all studies (n = 120)" in said(run)
    box = run.selectbox(key="lab-views")
    assert [option.partition(" (")[0] for option in box.options] == [
        "all studies",
        "1 view",
        "2 views",
        "3 views",
        "4 or more views",
    ]
    box.select("2 views").run()
    assert not run.exception
    count = (study_scores.of_films(VALID)["views"] == 2).sum()
    assert f"**ROC**, 2 views (n = {count})" in said(run)
    tables = [each.value for each in run.dataframe]
    [by_views] = [table for table in tables if any("all studies" in name for name in table)]
    assert [name.partition(" (")[0] for name in by_views][1:] == [
        option.partition(" (")[0] for option in box.options
    ]


def test_the_price_of_or_names_what_was_measured_on_patients(run: AppTest) -> None:
    wrists = or_cost.WRISTS
    assert f"{wrists.source}, 524 studies, per film 0.825 and 0.864, per study 0.729" in said(run)
    rows = lab_price(run)
    assert rows["Films"].tolist()[-1].startswith("2 (Thian 2019")
    assert rows["Measured"].tolist()[-1] == "72.9 %"


def lab_price(app: AppTest) -> pd.DataFrame:
    app.toggle(key="lab-price-table").set_value(True).run()
    assert not app.exception
    [table] = [each.value for each in app.table if "If independent" in each.value]
    return table.map(lambda c: str(c).replace("\\", "").replace("\N{NO-BREAK SPACE}", " "))


def test_the_shortcut_meter_has_views_alone_the_model_and_each_number_of_views(
    run: AppTest,
) -> None:
    rows = frame(run, "Patients").set_index("Score")
    assert list(rows.index)[:3] == ["number of views alone", "the model (OR)", "the model, 1 view"]
    assert rows.loc["the model (OR)", "Studies"] == "120"
    assert "Within one number of views it cannot help the model" in said(run)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.4, 0.6, "not measurably"), (0.6, 0.7, "more films"), (0.2, 0.4, "fewer films")],
)
def test_the_meter_says_what_it_reads(low: float, high: float, words: str) -> None:
    assert words in lab_panel.meter_words(low, high)
    assert "Too few" in lab_panel.meter_words(None, None)


def test_points_come_from_dev_and_are_shown_on_valid(run: AppTest) -> None:
    run.selectbox(key="point-rule").select("mean").run()
    run.number_input(key="point-cost").set_value(10.0).run()
    assert not run.exception
    rows = frame(run, "Aim").set_index("Aim")
    assert list(rows.index) == list(AIMS.values())
    dev, valid = study_scores.of_films(DEV), study_scores.of_films(VALID)
    for aim, title in AIMS.items():
        threshold = threshold_choice.choose(dev["label"], dev["mean"], aim, 10.0)
        assert float(rows.loc[title, "Threshold"]) == pytest.approx(threshold, abs=1e-4)
        own = threshold_choice.figures(valid["label"], valid["mean"], threshold).sensitivity
        assert rows.loc[title, "valid: sensitivity"].startswith(f"{100 * own.value:.1f} % (")
    assert "Thresholds from 60 dev studies alone. The valid films chose nothing." in said(run)
    assert "a missed fracture costs 10 false alarms" in said(run)
    run.number_input(key="point-cost").set_value(-1.0).run()
    assert "must be from 0 to 10000; received -1" in said(run)


def test_a_run_is_told_to_be_released_first(run: AppTest) -> None:
    assert "`python -m fracture_core release made@1 NAME`" in said(run)
    assert "keep-point" not in [each.key for each in run.button]


def test_a_kept_point_is_the_models_threshold_everywhere_and_can_be_taken_back(
    released: AppTest,
) -> None:
    released.selectbox(key="point-aim").select("sensitivity").run()
    released.button(key="keep-point").click().run()
    assert not released.exception
    card = stored_models.find("made").card
    point = card.choices.operating_point
    assert (point.rule, point.aim, card.threshold) == ("or", "sensitivity", point.threshold)
    assert f"In the card: any film (OR) above {card.threshold:.4g}, chosen on 60" in said(released)
    assert f"Threshold {card.threshold:.2f}." in said(released)  # of the page's own figures
    released.button(key="drop-point").click().run()
    assert stored_models.find("made").card.threshold == 0.5
    assert "Threshold 0.50." in said(released)


def test_a_rule_on_calibrated_scores_is_refused_without_a_kept_calibration(
    released: AppTest,
) -> None:
    released.selectbox(key="point-rule").select("calibrated_max").run()
    released.button(key="keep-point").click().run()
    assert "Keep one first" in released.session_state["notice"]  # app.py shows it
    assert stored_models.find("made").card.choices.operating_point is None


def test_a_visitor_moves_the_slider_and_keeps_nothing(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made_predictions.released("made", DEV)
    monkeypatch.setenv(room.VARIABLE, "films.example.org")
    room.new_token()
    app = opened("made", "dev")
    before = (folder / "card.json").read_bytes()
    app.slider(key="lab-threshold-made").set_value(0.3).run()
    assert not app.exception
    assert app.button(key="keep-point").disabled
    assert (folder / "card.json").read_bytes() == before


def test_one_label_and_a_model_without_dev_are_told_in_a_sentence(folders: Path) -> None:
    made_predictions.run("negative", DEV, made_predictions.films(30, prevalence=0.0))
    assert "these have one label only" in said(opened("negative"))
    one = made_predictions.films(30, prevalence=0.0, split="train", role="dev")
    made_predictions.run("nodev", one, VALID)
    assert "a threshold is chosen on dev alone" in said(opened("nodev"))


def test_the_saved_calibration_scales_the_calibrated_rule(folders: Path) -> None:
    made_predictions.released("made", DEV)
    fitted = calibration.fit(stored_models.find("made").dev_films, "isotonic")
    card_choices.save_calibration("made", fitted)
    assert lab_panel.film_scaling(stored_models.find("made")) == fitted


def test_points_are_chosen_by_dev_s_corrected_labels_and_the_card_says_so(folders: Path) -> None:
    made_predictions.released("made", DEV)
    before = frame(opened("made", "dev"), "Aim")
    studies = catalog.studies(DEV)
    labels = {row["key"]: 1 - row["label"] for row in studies[:12].to_dict("records")}
    value = corrections.corrected(Corrections(), studies, labels, "AB", "a cast")
    corrections.write("made", value)
    app = opened("made", "dev")
    assert app.toggle(key="by-corrected").label == "Use corrected labels: 12 of dev"
    assert f"12 labels corrected (list {value.hash})." in said(app)
    assert not frame(app, "Aim").equals(before)
    app.button(key="keep-point").click().run()
    assert not app.exception
    assert stored_models.find("made").card.choices.operating_point.corrections == value.hash
    assert f"labels corrected by list {value.hash}" in said(app)


@pytest.mark.parametrize("of_card", ["", "0123456789abcdef"])
def test_a_receipt_names_the_labels_of_the_card_s_scaling_not_those_of_today(
    folders: Path, of_card: str
) -> None:
    made_predictions.released("made", DEV)
    fitted = calibration.fit(stored_models.find("made").dev_films, "temperature")
    card_choices.save_calibration("made", replace(fitted, corrections=of_card))
    study = catalog.studies(DEV).iloc[0]
    labels = {study["key"]: 1 - study["label"]}
    value = corrections.corrected(Corrections(), catalog.studies(DEV), labels, "AB", "a cast")
    corrections.write("made", value)
    app = opened("made", "dev", "lab", "points")
    chosen = f"- **Labels of the films that chose**: 1 label corrected (list {value.hash})."
    fitted_by = f"corrected by list {of_card}" if of_card else "the data's own"
    scaling = f"- **Labels behind the scaling**: {fitted_by}"
    assert (said(app).count(chosen), said(app).count(scaling)) == (1, 1)  # points, lab
    app.selectbox(key="point-rule").select("calibrated_max").run()
    assert (said(app).count(chosen), said(app).count(scaling)) == (1, 2)
